package transfer

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
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
		"default":           {192 << 20, 0, 8, 8, 192 << 20 * mbps50 / 5},
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
				result, err := Download(context.Background(), f, Destination{Writer: io.Discard}, DownloadOptions{Digest: digest, Concurrency: test.concurrency})
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
			Digest: digestOf(content), Budget: budget,
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
			Digest: digestOf(content), Budget: budget, OnEvent: func(e Event) { last = e.Ranges },
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
			result, err := Download(context.Background(), f, Destination{WriterAt: &mem, ReaderAt: &mem}, DownloadOptions{Digest: digestOf(content), Concurrency: concurrency})
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
			DownloadOptions{},
			func(err error) bool { _, ok := errors.AsType[*DigestMismatchError](err); return ok },
		},
		"another size": {
			&fakeBlob{data: content},
			DownloadOptions{Size: 1 << 20},
			func(err error) bool { _, ok := errors.AsType[*SizeMismatchError](err); return ok },
		},
		"longer, of unknown length": {
			&fakeBlob{data: content, noSize: true},
			DownloadOptions{Size: 1 << 20},
			func(err error) bool { _, ok := errors.AsType[*SizeMismatchError](err); return ok },
		},
		"other ranges for ever": {
			&fakeBlob{data: content, plan: &plan{kinds: []string{"ends early", "other range"}}},
			DownloadOptions{},
			func(err error) bool {
				_, exhausted := errors.AsType[*RetriesExhaustedError](err)
				_, wrong := errors.AsType[*RangeError](err)
				return exhausted && wrong
			},
		},
		"dead for ever": {
			&fakeBlob{data: content, plan: &plan{kinds: []string{"ends early", "reset before"}}},
			DownloadOptions{},
			func(err error) bool { return errors.As(err, new(*RetriesExhaustedError)) && errors.Is(err, errReset) },
		},
		"a checkpoint of another size": {
			&fakeBlob{data: content, plan: &plan{kinds: []string{"reset", "less"}}},
			DownloadOptions{Size: 3 << 20, MaxRetries: 1, Resume: &DownloadState{Size: 1 << 20, HashState: newDigester().state(), Offset: 1}},
			func(err error) bool { return errors.As(err, new(*SizeMismatchError)) },
		},
		"denied": {
			&fakeBlob{data: content, plan: &plan{rand: rand.New(rand.NewPCG(1, 1)), odds: 1, left: 1, kinds: []string{"denied"}}},
			DownloadOptions{},
			func(err error) bool { return err.Error() == "403 denied" },
		},
		"no retries": {
			&fakeBlob{data: content, plan: &plan{rand: rand.New(rand.NewPCG(1, 1)), odds: 1, left: 1, kinds: []string{"5xx"}}},
			DownloadOptions{MaxRetries: -1},
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
				if _, wrong := errors.AsType[*DigestMismatchError](err); wrong && checkpoints > 0 {
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
			_, err := Download(context.Background(), f, dst, DownloadOptions{Digest: digestOf(content)})
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
			Digest: digest, Concurrency: 4, OnCheckpoint: func(s DownloadState) { last = s },
		})
		if !errors.Is(err, context.DeadlineExceeded) || last.Offset < 8<<20 {
			t.Fatalf("got %v at %d", err, last.Offset)
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("returned %s after its context", took)
		}
		mem.data = mem.data[:last.Offset]
		f := &fakeBlob{data: content}
		result, err := Download(context.Background(), f, dst, DownloadOptions{Digest: digest, Resume: &last})
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
