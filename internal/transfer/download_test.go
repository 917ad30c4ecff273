package transfer

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"runtime"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"
)

// mbps is how long a byte takes at that many MB/s.
const mbps50 = 20 * time.Nanosecond

func TestRangesAreAddedWhileTheyPay(t *testing.T) {
	content := noise(20, 192<<20)
	digest := digestOf(content)
	for name, test := range map[string]struct {
		size, concurrency int
		least, most       int
		within            time.Duration
	}{
		"small blob":        {16 << 20, 16, 1, 1, time.Second},
		"one connection":    {64 << 20, 1, 1, 1, 2 * time.Second},
		"8 connections":     {192 << 20, 8, 8, 8, 192 << 20 * mbps50 / 5},
		"16 connections":    {192 << 20, 16, 16, 16, 192 << 20 * mbps50 / 8},
		"default":           {192 << 20, 0, 16, 16, 192 << 20 * mbps50 / 8},
		"just large enough": {33 << 20, 16, 4, 16, 33 << 20 * mbps50 / 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				part := content[:test.size]
				if test.size < len(content) {
					digest = digestOf(part)
				} else {
					digest = digestOf(content)
				}
				f := &fakeBlob{data: part, perByte: mbps50}
				began := time.Now()
				result, err := Download(context.Background(), f, Destination{Writer: io.Discard}, DownloadOptions{cpuTime: noCPU, Digest: digest, Concurrency: test.concurrency})
				if err != nil {
					t.Fatal(err)
				}
				if result.Ranges < test.least || result.Ranges > test.most || int(f.most.Load()) > test.most {
					t.Errorf("used %d connections, %d at once", result.Ranges, f.most.Load())
				}
				if took := time.Since(began); took > test.within {
					t.Errorf("took %s of virtual time, want at most %s", took, test.within)
				}
				if more := result.BytesReceived - int64(len(part)); more > int64(len(part))/100 {
					t.Errorf("received %d bytes more than there are", more)
				}
			})
		})
	}
}

func TestRangesThatDontPayAreGivenBack(t *testing.T) {
	content := noise(21, 64<<20)
	synctest.Test(t, func(t *testing.T) {
		// All connections together are as fast as one.
		f := &fakeBlob{data: content, perByte: mbps50}
		budget := NewBudget(0, 50_000_000)
		var events []Event
		_, err := Download(context.Background(), f, Destination{Writer: io.Discard}, DownloadOptions{
			cpuTime: noCPU,
			Digest:  digestOf(content), Budget: budget,
			OnEvent: func(e Event) { events = append(events, e) },
		})
		if err != nil {
			t.Fatal(err)
		}
		if n := events[len(events)-1].Ranges; n > 2 {
			t.Errorf("ended with %d connections", n)
		}
		if e := events[len(events)-1]; e.Kind != Done || e.Bytes != e.Total {
			t.Errorf("last event is %+v", e)
		}
	})
}

func TestThrottledDownloadUsesFewerConnections(t *testing.T) {
	content := noise(22, 160<<20)
	synctest.Test(t, func(t *testing.T) {
		f := &fakeBlob{data: content, perByte: mbps50, plan: &plan{rand: rand.New(rand.NewPCG(1, 1)), odds: 1, left: 1, skip: 20, kinds: []string{"429"}}}
		budget := NewBudget(16, 0)
		last := 0
		_, err := Download(context.Background(), f, Destination{Writer: io.Discard}, DownloadOptions{
			cpuTime: noCPU,
			Digest:  digestOf(content), Budget: budget, OnEvent: func(e Event) { last = e.Ranges },
		})
		if err != nil || len(f.plan.log) != 1 {
			t.Fatalf("%v (%v)", err, f.plan.log)
		}
		if budget.Limit() > 10 || last > 10 {
			t.Errorf("after a 429 the budget allows %d connections, %d were in use", budget.Limit(), last)
		}
	})
}

func TestFaultyLinkCostsLittleMoreThanTheBlobToDownload(t *testing.T) {
	content := noise(23, 100<<20)
	for _, concurrency := range []int{1, 16} {
		synctest.Test(t, func(t *testing.T) {
			// A twentieth of the real thing: a fault every 5 MB.
			f := &fakeBlob{data: content, perByte: mbps50, mean: 5e6, plan: &plan{
				rand: rand.New(rand.NewPCG(2, 2)), odds: 0.1, left: 20, kinds: []string{"5xx", "429", "expired", "reset before"},
			}}
			var mem memory
			result, err := Download(context.Background(), f, Destination{WriterAt: &mem, ReaderAt: &mem}, DownloadOptions{cpuTime: noCPU, Digest: digestOf(content), Concurrency: concurrency})
			if err != nil || !bytes.Equal(mem.data, content) {
				t.Fatalf("%v (%v)", err, f.plan.log)
			}
			if most := int64(len(content)) * 11 / 10; result.BytesReceived > most || result.Retries < 10 {
				t.Errorf("%d bytes received for %d, %d retries", result.BytesReceived, len(content), result.Retries)
			}
		})
	}
}

func TestWrongContentIsNeverDone(t *testing.T) {
	content := noise(24, 3<<20)
	for name, test := range map[string]struct {
		blob    *fakeBlob
		options DownloadOptions
		check   func(error) bool
	}{
		"corrupt": {
			&fakeBlob{data: content, plan: &plan{rand: rand.New(rand.NewPCG(1, 1)), odds: 1, left: 1, kinds: []string{"corrupt"}}},
			DownloadOptions{cpuTime: noCPU},
			func(err error) bool { _, ok := asType[*DigestMismatchError](err); return ok },
		},
		"another size": {
			&fakeBlob{data: content},
			DownloadOptions{cpuTime: noCPU, Size: 1 << 20},
			func(err error) bool { _, ok := asType[*SizeMismatchError](err); return ok },
		},
		"longer, of unknown length": {
			&fakeBlob{data: content, noSize: true},
			DownloadOptions{cpuTime: noCPU, Size: 1 << 20},
			func(err error) bool { _, ok := asType[*SizeMismatchError](err); return ok },
		},
		"other ranges for ever": {
			&fakeBlob{data: content, plan: &plan{kinds: []string{"ends early", "other range"}}},
			DownloadOptions{cpuTime: noCPU},
			func(err error) bool {
				_, exhausted := asType[*RetriesExhaustedError](err)
				_, wrong := asType[*RangeError](err)
				return exhausted && wrong
			},
		},
		"dead for ever": {
			&fakeBlob{data: content, plan: &plan{kinds: []string{"ends early", "reset before"}}},
			DownloadOptions{cpuTime: noCPU},
			func(err error) bool { return errors.As(err, new(*RetriesExhaustedError)) && errors.Is(err, errReset) },
		},
		"a checkpoint of another size": {
			&fakeBlob{data: content, plan: &plan{kinds: []string{"reset", "less"}}},
			DownloadOptions{cpuTime: noCPU, Size: 3 << 20, MaxRetries: 1, Resume: &DownloadState{Size: 1 << 20, HashState: newDigester().state(), Offset: 1}},
			func(err error) bool { return errors.As(err, new(*SizeMismatchError)) },
		},
		"denied": {
			&fakeBlob{data: content, plan: &plan{rand: rand.New(rand.NewPCG(1, 1)), odds: 1, left: 1, kinds: []string{"denied"}}},
			DownloadOptions{cpuTime: noCPU},
			func(err error) bool { return err.Error() == "403 denied" },
		},
		"no retries": {
			&fakeBlob{data: content, plan: &plan{rand: rand.New(rand.NewPCG(1, 1)), odds: 1, left: 1, kinds: []string{"5xx"}}},
			DownloadOptions{cpuTime: noCPU, MaxRetries: -1},
			func(err error) bool { return err.Error() == "503 service unavailable" },
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				test.options.Digest = digestOf(content)
				checkpoints := 0
				test.options.OnCheckpoint = func(DownloadState) { checkpoints++ }
				_, err := Download(context.Background(), test.blob, Destination{Writer: io.Discard}, test.options)
				if err == nil || !test.check(err) {
					t.Errorf("got %v (%v)", err, test.blob.plan)
				}
				if _, wrong := asType[*DigestMismatchError](err); wrong && checkpoints > 0 {
					t.Error("a checkpoint was made of wrong content")
				}
			})
		})
	}
}

func TestBrokenDestinationEndsTheDownload(t *testing.T) {
	content := noise(25, 48<<20)
	for _, dst := range []Destination{
		{Writer: &full{left: 20 << 20}},
		{WriterAt: &full{left: 20 << 20}},
		{WriterAt: &full{left: 20 << 20}, ReaderAt: &memory{}},
		{WriterAt: &memory{}, ReaderAt: iotestReaderAt{}},
	} {
		synctest.Test(t, func(t *testing.T) {
			f := &fakeBlob{data: content, perByte: mbps50}
			_, err := Download(context.Background(), f, dst, DownloadOptions{cpuTime: noCPU, Digest: digestOf(content)})
			if !errors.Is(err, io.ErrShortBuffer) && !errors.Is(err, iotest.ErrTimeout) {
				t.Errorf("got %v", err)
			}
			if n := f.atOnce.Load(); n != 0 {
				t.Errorf("%d bodies left open", n)
			}
		})
	}
}

// full takes so many bytes.
type full struct{ left int }

func (f *full) Write(p []byte) (int, error) { return f.WriteAt(p, 0) }
func (f *full) WriteAt(p []byte, off int64) (int, error) {
	if off >= int64(f.left) {
		return 0, io.ErrShortBuffer
	}
	if off == 0 {
		if f.left -= len(p); f.left < 0 {
			return 0, io.ErrShortBuffer
		}
	}
	return len(p), nil
}

type iotestReaderAt struct{}

func (iotestReaderAt) ReadAt([]byte, int64) (int, error) { return 0, iotest.ErrTimeout }

func TestDownloadGoesOnInAnotherProcess(t *testing.T) {
	content := noise(26, 80<<20)
	digest := digestOf(content)
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(context.Background(), 250*time.Millisecond)
		defer cancel()
		var last DownloadState
		var mem memory
		dst := Destination{WriterAt: &mem, ReaderAt: &mem}
		began := time.Now()
		_, err := Download(ctx, &fakeBlob{data: content, perByte: mbps50}, dst, DownloadOptions{
			cpuTime: noCPU,
			Digest:  digest, Concurrency: 4, OnCheckpoint: func(s DownloadState) { last = s },
		})
		if !errors.Is(err, context.DeadlineExceeded) || last.Offset < 8<<20 {
			t.Fatalf("got %v at %d", err, last.Offset)
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("returned %s after its context", took)
		}
		mem.data = mem.data[:last.Offset]
		f := &fakeBlob{data: content}
		result, err := Download(context.Background(), f, dst, DownloadOptions{cpuTime: noCPU, Digest: digest, Resume: &last})
		if err != nil || !bytes.Equal(mem.data, content) {
			t.Fatalf("resumed download: %v", err)
		}
		if result.BytesReceived != int64(len(content))-last.Offset {
			t.Errorf("%d bytes received, %d were there", result.BytesReceived, last.Offset)
		}
	})
}

func TestReaderReadsInAnyOrder(t *testing.T) {
	content := noise(27, 300_000)
	f := &fakeBlob{data: content, plan: &plan{rand: rand.New(rand.NewPCG(4, 4)), odds: 0.3, left: 20, kinds: []string{"reset", "ends early"}}}
	newReader := func(o ReaderOptions) *Reader {
		o.Digest, o.Size = digestOf(content), int64(len(content))
		r := NewReader(t.Context(), f, o)
		t.Cleanup(func() { r.Close() })
		return r
	}
	if err := iotest.TestReader(newReader(ReaderOptions{}), content); err != nil {
		t.Error(err)
	}
	r := newReader(ReaderOptions{})
	if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, content) || !r.Verified() {
		t.Errorf("read through: %d other bytes, %v, verified %v", len(got), err, r.Verified())
	}
	r = newReader(ReaderOptions{})
	if _, err := r.Seek(100, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, content[100:]) || r.Verified() {
		t.Errorf("read from the middle: %d other bytes, %v, verified %v", len(got), err, r.Verified())
	}
	if _, err := r.Seek(-1, io.SeekStart); err == nil {
		t.Error("sought before the first byte")
	}
	if _, err := r.ReadAt(make([]byte, 1), -1); err == nil {
		t.Error("read before the first byte")
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if _, err := r.ReadAt(make([]byte, 1), 0); err == nil {
		t.Error("read after Close")
	}
	if n := f.atOnce.Load(); n != 0 {
		t.Errorf("%d bodies left open", n)
	}

	wrong := bytes.Clone(content)
	wrong[7] ^= 1
	r = NewReader(t.Context(), &fakeBlob{data: wrong}, ReaderOptions{Digest: digestOf(content), Size: int64(len(content))})
	if _, err := io.ReadAll(r); !errors.As(err, new(*DigestMismatchError)) {
		t.Errorf("wrong content: got %v", err)
	}
	r.Close()
}

// shut takes so many bytes, and then reports that it is full: after the first
// half of the piece that would have been too much.
type shut struct{ bytes.Buffer }

func (s *shut) Write(p []byte) (int, error) {
	if s.Len()+len(p) > 20<<20 {
		n, _ := s.Buffer.Write(p[:len(p)/2])
		return n, io.ErrShortBuffer
	}
	return s.Buffer.Write(p)
}

func TestCheckpointCoversOnlyWhatTheDestinationTook(t *testing.T) {
	content := noise(28, 24<<20)
	var dst shut
	var last DownloadState
	_, err := Download(t.Context(), &fakeBlob{data: content}, Destination{Writer: &dst}, DownloadOptions{
		cpuTime: noCPU,
		Digest:  digestOf(content), Concurrency: 1, OnCheckpoint: func(s DownloadState) { last = s },
	})
	if !errors.Is(err, io.ErrShortBuffer) || last.Offset == 0 || last.Offset > int64(dst.Len()) {
		t.Fatalf("got %v, checkpoint at %d, the destination has %d bytes", err, last.Offset, dst.Len())
	}
	rest := bytes.NewBuffer(dst.Bytes()[:last.Offset])
	if _, err := Download(t.Context(), &fakeBlob{data: content}, Destination{Writer: rest}, DownloadOptions{cpuTime: noCPU, Digest: digestOf(content), Resume: &last}); err != nil || !bytes.Equal(rest.Bytes(), content) {
		t.Errorf("going on: %v, %d bytes", err, rest.Len())
	}
}

// TestDownloadBesideOthersTakesOneGoroutine: what others keep busy anyway
// isn't worth handing each piece to another core.
func TestDownloadBesideOthersTakesOneGoroutine(t *testing.T) {
	content := noise(30, 8<<20)
	for name, others := range map[string]int{"alone": 0, "beside another": 1} {
		t.Run(name, func(t *testing.T) {
			budget := NewBudget(4, 0)
			for range others {
				budget.TryAcquire()
			}
			before := runtime.NumGoroutine()
			most := 0
			dst := writerFunc(func(p []byte) (int, error) {
				most = max(most, runtime.NumGoroutine()-before)
				return len(p), nil
			})
			// A fake without a clock of its own needs no goroutine; the watchdog has one.
			if _, err := Download(t.Context(), &fakeBlob{data: content}, Destination{Writer: dst}, DownloadOptions{
				cpuTime: noCPU,
				Digest:  digestOf(content), Concurrency: 1, Budget: budget, NoProgress: -1,
			}); err != nil {
				t.Fatal(err)
			}
			if wants := others == 0; (most > 0) != wants {
				t.Errorf("%d goroutines beside the caller's", most)
			}
		})
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// slowWriter takes its time before each piece.
type slowWriter struct {
	bytes.Buffer
	each time.Duration
}

func (w *slowWriter) Write(p []byte) (int, error) {
	time.Sleep(w.each)
	return w.Buffer.Write(p)
}

func TestSlowDestinationIsNoStall(t *testing.T) {
	content := noise(29, 2<<20)
	for name, beside := range map[string]bool{"alone": false, "beside another": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &fakeBlob{data: content}
				dst := &slowWriter{each: 3 * time.Minute}
				o := DownloadOptions{cpuTime: noCPU, Digest: digestOf(content)}
				if beside {
					o.Concurrency, o.Budget = 1, NewBudget(2, 0)
					o.Budget.TryAcquire()
				}
				result, err := Download(context.Background(), f, Destination{Writer: dst}, o)
				if err != nil || !bytes.Equal(dst.Bytes(), content) || result.Retries > 0 {
					t.Errorf("%v, %d retries", err, result.Retries)
				}
			})
		})
	}
}

func TestReaderWaitsForItsUser(t *testing.T) {
	content := noise(30, 30<<10)
	for _, rest := range []time.Duration{5 * time.Second, 10 * time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			// The server drops what has been idle for four seconds.
			f := &fakeBlob{data: content, idle: 4 * time.Second}
			r := NewReader(context.Background(), f, ReaderOptions{Digest: digestOf(content), Size: int64(len(content))})
			defer r.Close()
			var got bytes.Buffer
			for {
				n, err := io.CopyN(&got, r, 1<<10)
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					t.Fatalf("after %d bytes, %d at a time, every %s: %v", got.Len(), n, rest, err)
				}
				time.Sleep(rest)
			}
			if !bytes.Equal(got.Bytes(), content) || !r.Verified() {
				t.Errorf("%d other bytes, verified %v", got.Len(), r.Verified())
			}
		})
	}
}

func TestReaderEndsWithCloseAndContext(t *testing.T) {
	content := noise(31, 1<<20)
	synctest.Test(t, func(t *testing.T) {
		stuck := &fakeBlob{data: content, plan: &plan{kinds: []string{"stall midway"}}}
		r := NewReader(context.Background(), stuck, ReaderOptions{Digest: digestOf(content), Size: int64(len(content))})
		ended := make(chan error)
		go func() {
			_, err := io.Copy(io.Discard, r)
			ended <- err
		}()
		time.Sleep(time.Second)
		began := time.Now()
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		if err := <-ended; !errors.Is(err, fs.ErrClosed) || time.Since(began) > time.Second {
			t.Errorf("reading while it is closed: %v after %s", err, time.Since(began))
		}
		if _, err := r.Read(make([]byte, 1)); !errors.Is(err, fs.ErrClosed) {
			t.Errorf("reading after that: %v", err)
		}
		if err := r.Close(); err != nil {
			t.Errorf("closing twice: %v", err)
		}

		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		r = NewReader(ctx, stuck, ReaderOptions{Digest: digestOf(content), Size: int64(len(content))})
		defer r.Close()
		if _, err := io.Copy(io.Discard, r); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("reading after the context's end: %v", err)
		}
		if n := stuck.atOnce.Load(); n > 1 {
			t.Errorf("%d bodies open", n)
		}
	})
}

func TestReaderVouchesForWholeBlobsOnly(t *testing.T) {
	content := noise(32, 100_000)
	r := NewReader(t.Context(), &fakeBlob{data: content}, ReaderOptions{Digest: digestOf(content), Size: int64(len(content))})
	defer r.Close()
	half := make([]byte, 50_000)
	if _, err := io.ReadFull(r, half); err != nil || r.Verified() {
		t.Errorf("half of it: %v, verified %v", err, r.Verified())
	}
	if at, err := r.Seek(-10, io.SeekEnd); err != nil || at != 99_990 {
		t.Errorf("seek from the end: %d, %v", at, err)
	}
	if got, err := io.ReadAll(r); err != nil || len(got) != 10 || r.Verified() {
		t.Errorf("the end of it: %d bytes, %v, verified %v", len(got), err, r.Verified())
	}
	// Back where reading in order stopped: the rest completes it.
	if _, err := r.Seek(50_000, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, content[50_000:]) || !r.Verified() {
		t.Errorf("the second half: %d bytes, %v, verified %v", len(got), err, r.Verified())
	}
	if at, err := r.Seek(5, io.SeekEnd); err != nil || at != 100_005 {
		t.Errorf("seek beyond the end: %d, %v", at, err)
	}
	if n, err := r.Read(half); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("read beyond the end: %d, %v", n, err)
	}
	if _, err := r.Seek(0, 9); err == nil {
		t.Error("a seek from nowhere")
	}
}
