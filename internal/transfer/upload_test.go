package transfer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestRequestsAreAsFewAsTheProtocolAllows(t *testing.T) {
	large := noise(1, 3<<20)
	for name, test := range map[string]struct {
		content []byte
		stream  bool
		known   bool
		want    []string
	}{
		"empty":                         {nil, false, false, []string{"start", "complete 0+0"}},
		"empty stream":                  {nil, true, false, []string{"start", "complete 0+0"}},
		"small":                         {large[:1000], false, false, []string{"start", "complete 0+1000"}},
		"small stream":                  {large[:1000], true, false, []string{"start", "complete 0+1000"}},
		"large":                         {large, false, false, []string{"start", "write 0+3145728", "complete 3145728+0"}},
		"large stream":                  {large, true, false, []string{"start", "write 0+-1", "complete 3145728+0"}},
		"large, digest known":           {large, false, true, []string{"start", "complete 0+3145728"}},
		"one byte, digest known":        {large[:1], false, true, []string{"start", "complete 0+1"}},
		"one byte stream, digest known": {large[:1], true, true, []string{"start", "write 0+-1", "complete 1+0"}},
	} {
		t.Run(name, func(t *testing.T) {
			f := &fakeRegistry{}
			var o UploadOptions
			if test.known {
				o.Digest = digestOf(test.content)
			}
			var body io.Reader = bytes.NewReader(test.content)
			if test.stream {
				body = onlyReader{body}
			}
			result, err := Upload(t.Context(), f, body, o)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, f.requests); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
			if !bytes.Equal(f.blobs[digestOf(test.content)], test.content) || result.Size != int64(len(test.content)) {
				t.Errorf("registry has other content; result %+v", result)
			}
		})
	}
}

func TestKnownBlobsAreNotSent(t *testing.T) {
	content := noise(2, 1000)
	digest := digestOf(content)
	f := &fakeRegistry{blobs: map[string][]byte{digest: content}}
	result, err := Upload(t.Context(), f, bytes.NewReader(content), UploadOptions{Digest: digest, CheckExists: true})
	if err != nil || !result.Existed || result.BytesSent != 0 {
		t.Errorf("blob that is there: got %+v, %v", result, err)
	}
	f = &fakeRegistry{mountable: map[string]string{digest: "b"}}
	result, err = Upload(t.Context(), f, bytes.NewReader(content), UploadOptions{Digest: digest, MountFrom: []string{"a", "b"}})
	if err != nil || result.MountedFrom != "b" || f.cancelled != 1 {
		t.Errorf("blob that can be mounted: got %+v, %v, %d uploads cancelled", result, err, f.cancelled)
	}
	// The upload that a mount ends in is used.
	f = &fakeRegistry{}
	if _, err = Upload(t.Context(), f, bytes.NewReader(content), UploadOptions{Digest: digest, MountFrom: []string{"a"}}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"mount a", "start", "complete 0+1000"}, f.requests); diff != "" {
		t.Errorf("requests of a mount that failed (-want +got):\n%s", diff)
	}
}

func TestChunksFollowA413(t *testing.T) {
	content := noise(3, 50<<20)
	f := &fakeRegistry{most: 12 << 20}
	result, err := Upload(t.Context(), f, bytes.NewReader(content), UploadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(f.blobs[result.Digest], content) {
		t.Error("registry has other content")
	}
	want := []string{"start", "write 0+16777216", "cancel", "start"}
	for off := 0; off < 50<<20; off += 8 << 20 {
		want = append(want, fmt.Sprintf("write %d+%d", off, min(8<<20, 50<<20-off)))
	}
	want = append(want, "complete 52428800+0")
	if diff := cmp.Diff(want, f.requests); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
	_, err = Upload(t.Context(), &fakeRegistry{most: 1000}, bytes.NewReader(content), UploadOptions{})
	if f, ok := asType[*RetriesExhaustedError](err); err == nil || ok {
		t.Errorf("registry that takes nothing: got %v (%v), want its 413", err, f)
	}
}

// changing gives other bytes from the second reading on.
type changing struct {
	*bytes.Reader
	other []byte
	read  int
}

func (c *changing) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.read += n
	return n, err
}

func (c *changing) Seek(off int64, whence int) (int64, error) {
	if c.read > 0 {
		c.Reader.Reset(c.other)
	}
	return c.Reader.Seek(off, whence)
}

// stuck can be rewound only before it was read.
type stuck struct{ changing }

func (s *stuck) Seek(off int64, whence int) (int64, error) {
	if s.read > 0 {
		return 0, errors.New("tape jammed")
	}
	return s.Reader.Seek(off, whence)
}

// once returns a plan that disturbs the requests after the first.
func once(kinds ...string) *plan {
	return &plan{rand: rand.New(rand.NewPCG(1, 1)), odds: 1, left: len(kinds), skip: 1, kinds: kinds}
}

func TestSourcesThatCannotBeTrusted(t *testing.T) {
	content := noise(4, 30<<20)
	other := slices.Clone(content)
	other[5] ^= 1
	for name, test := range map[string]struct {
		body    io.Reader
		options UploadOptions
		check   func(error) bool
	}{
		"shorter than said": {
			onlyReader{bytes.NewReader(content)},
			UploadOptions{Size: 31 << 20},
			func(err error) bool { _, ok := asType[*SizeMismatchError](err); return ok },
		},
		"longer than said": {
			onlyReader{bytes.NewReader(content)},
			UploadOptions{Size: 29 << 20},
			func(err error) bool { _, ok := asType[*SizeMismatchError](err); return ok },
		},
		"longer than said, digest known": {
			onlyReader{bytes.NewReader(content)},
			UploadOptions{Size: 29 << 20, Digest: digestOf(content)},
			func(err error) bool { _, ok := asType[*SizeMismatchError](err); return ok },
		},
		"seeker of another size": {
			bytes.NewReader(content),
			UploadOptions{Size: 29 << 20},
			func(err error) bool { _, ok := asType[*SizeMismatchError](err); return ok },
		},
		"another digest": {
			bytes.NewReader(other),
			UploadOptions{Digest: digestOf(content)},
			func(err error) bool {
				e, ok := asType[*DigestMismatchError](err)
				return ok && e.Actual == digestOf(other)
			},
		},
		"changes": {
			&changing{Reader: bytes.NewReader(content), other: other},
			UploadOptions{},
			func(err error) bool { _, ok := asType[*SourceChangedError](err); return ok },
		},
		"can't be rewound": {
			&stuck{changing{Reader: bytes.NewReader(content)}},
			UploadOptions{},
			func(err error) bool {
				e, ok := asType[*NotResumableError](err)
				return ok && strings.Contains(e.Rewind.Error(), "tape jammed") && errors.Is(err, errReset)
			},
		},
		"stream beyond its memory": {
			onlyReader{bytes.NewReader(content)},
			UploadOptions{},
			func(err error) bool { _, ok := asType[*NotResumableError](err); return ok },
		},
		"reopens to nothing": {
			onlyReader{bytes.NewReader(content)},
			UploadOptions{Reopen: func() (io.ReadCloser, error) { return nil, nil }},
			func(err error) bool { _, ok := asType[*NotResumableError](err); return ok },
		},
		"breaks": {
			io.MultiReader(bytes.NewReader(content), iotest.ErrReader(io.ErrClosedPipe)),
			UploadOptions{},
			func(err error) bool { return errors.Is(err, io.ErrClosedPipe) },
		},
		"never gives anything": {
			idle{},
			UploadOptions{},
			func(err error) bool { return errors.Is(err, io.ErrNoProgress) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &fakeRegistry{plan: once()}
				switch name {
				case "changes", "can't be rewound", "stream beyond its memory", "reopens to nothing":
					// The upload is dropped late, so that everything is read again.
					f = &fakeRegistry{plan: once("answer lost"), silent: true}
				}
				_, err := Upload(context.Background(), f, test.body, test.options)
				if err == nil || !test.check(err) {
					t.Fatalf("got %v (%v, %v)", err, f.plan.log, f.requests)
				}
				if len(f.blobs) != 0 {
					t.Error("a blob was made of it")
				}
				if n := slices.Index(f.requests, "cancel"); n < 0 && f.open > 0 && len(f.plan.log) == 0 {
					t.Error("the upload was left at the registry")
				}
			})
		})
	}
}

type idle struct{}

func (idle) Read([]byte) (int, error) { return 0, nil }

// slow gives a byte now and then.
type slow struct {
	data  []byte
	every time.Duration
}

func (s *slow) Read(p []byte) (int, error) {
	if len(s.data) == 0 {
		return 0, io.EOF
	}
	time.Sleep(s.every)
	n := copy(p, s.data[:min(len(s.data), 100<<10)])
	s.data = s.data[n:]
	return n, nil
}

func TestSlowSourceIsNoStall(t *testing.T) {
	for _, digest := range []string{"", digestOf(noise(5, 1<<20))} {
		synctest.Test(t, func(t *testing.T) {
			f := &fakeRegistry{}
			_, err := Upload(context.Background(), f, &slow{noise(5, 1<<20), 10 * time.Minute}, UploadOptions{Digest: digest})
			if err != nil {
				t.Error(err)
			}
		})
	}
}

func TestStalledRegistryIsAskedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeRegistry{plan: once("stall"), keeps: true}
		began := time.Now()
		result, err := Upload(context.Background(), f, bytes.NewReader(noise(6, 3<<20)), UploadOptions{NoProgress: 20 * time.Second})
		if err != nil || result.Retries != 1 {
			t.Fatalf("got %+v, %v", result, err)
		}
		if took := time.Since(began); took < 20*time.Second || took > 40*time.Second {
			t.Errorf("noticed after %s", took)
		}
	})
}

func TestCancelledUploadIsCancelledAtTheRegistry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeRegistry{perByte: time.Microsecond}
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		began := time.Now()
		_, err := Upload(ctx, f, bytes.NewReader(noise(7, 30<<20)), UploadOptions{})
		if !errors.Is(err, context.DeadlineExceeded) || f.cancelled != 1 {
			t.Errorf("got %v, %d cancelled", err, f.cancelled)
		}
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("returned after %s", took)
		}
	})
}

func TestBlockedSourceDoesNotHoldACancelledUpload(t *testing.T) {
	for _, digest := range []string{"", digestOf(nil)} {
		synctest.Test(t, func(t *testing.T) {
			r, w := io.Pipe()
			defer w.Close() // lets the blocked Read end
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			defer cancel()
			began := time.Now()
			_, err := Upload(ctx, &fakeRegistry{}, r, UploadOptions{Digest: digest})
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v", err)
			}
			if took := time.Since(began); took > 2*time.Second {
				t.Errorf("returned after %s", took)
			}
		})
	}
}

func TestFaultyLinkCostsLittleMoreThanTheBlob(t *testing.T) {
	// Smaller than the real thing, as often: 20 MiB, a fault every 1 MB.
	content := noise(8, 20<<20)
	for _, digest := range []string{"", digestOf(content)} {
		synctest.Test(t, func(t *testing.T) {
			f := &fakeRegistry{keeps: true, mean: 1e6, plan: &plan{
				rand: rand.New(rand.NewPCG(5, 5)), odds: 0.2, left: 10,
				kinds: []string{"5xx", "429"},
			}}
			result, err := Upload(context.Background(), f, bytes.NewReader(content), UploadOptions{Digest: digest})
			if err != nil {
				t.Fatalf("%v (%v)", err, f.plan.log)
			}
			if most := int64(len(content)) * 11 / 10; result.BytesSent > most || result.Retries < 10 {
				t.Errorf("%d bytes sent for %d, %d retries", result.BytesSent, len(content), result.Retries)
			}
		})
	}
}

func TestUploadCompletesAtARegistryThatDropsBrokenOnes(t *testing.T) {
	content := noise(9, 20<<20)
	synctest.Test(t, func(t *testing.T) {
		f := &fakeRegistry{plan: &plan{
			rand: rand.New(rand.NewPCG(6, 6)), odds: 0.4, left: 20,
			kinds: []string{"reset", "5xx", "stall midway", "stale"},
		}}
		result, err := Upload(context.Background(), f, bytes.NewReader(content), UploadOptions{})
		if err != nil || !bytes.Equal(f.blobs[result.Digest], content) {
			t.Errorf("%v (%v)", err, f.plan.log)
		}
	})
}

func TestLyingRegistryIsNotBelieved(t *testing.T) {
	f := &fakeRegistry{plan: &plan{rand: rand.New(rand.NewPCG(1, 1)), odds: 1, left: 9, kinds: []string{"lies"}}}
	_, err := Upload(t.Context(), f, bytes.NewReader(noise(10, 1000)), UploadOptions{})
	if _, ok := asType[*DigestMismatchError](err); !ok {
		t.Errorf("got %v", err)
	}
}

func TestUploadGoesOnInAnotherProcess(t *testing.T) {
	content := noise(11, 24<<20)
	for _, digest := range []string{"", digestOf(content)} {
		synctest.Test(t, func(t *testing.T) {
			f := &fakeRegistry{keeps: true, perByte: time.Microsecond}
			ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
			defer cancel()
			var last UploadState
			o := UploadOptions{
				Digest: digest, ChunkSize: 4 << 20, OnCheckpoint: func(s UploadState) { last = s },
			}
			if _, err := Upload(ctx, f, bytes.NewReader(content), o); err == nil || f.cancelled != 0 {
				t.Fatalf("upload to be interrupted: %v, %d cancelled", err, f.cancelled)
			}
			if last.Offset == 0 {
				t.Fatal("no checkpoint")
			}
			last.Session = f.last
			f.perByte = 0
			result, err := Upload(context.Background(), f, bytes.NewReader(content), UploadOptions{Digest: digest, Resume: &last})
			if err != nil || !bytes.Equal(f.blobs[digestOf(content)], content) {
				t.Fatalf("resumed upload: %v", err)
			}
			if result.BytesSent > int64(len(content))-last.Offset {
				t.Errorf("%d bytes sent, %d were there: %v", result.BytesSent, last.Offset, f.requests)
			}
		})
	}
}

func TestLostFinalAnswerIsNoReasonToSendItAgain(t *testing.T) {
	content := noise(12, 3<<20)
	for _, busy := range []int{0, 3} {
		for _, digest := range []string{"", digestOf(content)} {
			synctest.Test(t, func(t *testing.T) {
				// Each request before the last goes undisturbed.
				skip := 2
				if digest != "" {
					skip = 1
				}
				f := &fakeRegistry{busy: busy, plan: &plan{rand: rand.New(rand.NewPCG(1, 1)), odds: 1, left: 1, skip: skip, kinds: []string{"answer lost"}}}
				result, err := Upload(context.Background(), f, bytes.NewReader(content), UploadOptions{Digest: digest})
				if err != nil || result.BytesSent != int64(len(content)) || len(f.plan.log) != 1 {
					t.Errorf("%v, %d bytes sent for %d (%v)\n%v", err, result.BytesSent, len(content), f.plan.log, f.requests)
				}
				if !bytes.Equal(f.blobs[digestOf(content)], content) {
					t.Error("the registry doesn't have it")
				}
			})
		}
	}
}

func TestCancelledUploadEndsWithinASecond(t *testing.T) {
	for _, digest := range []string{"", digestOf(nil)} {
		synctest.Test(t, func(t *testing.T) {
			// Nothing answers any more: neither the source nor the registry.
			r, w := io.Pipe()
			defer w.Close()
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			_, err := Upload(ctx, &fakeRegistry{deaf: true}, r, UploadOptions{Digest: digest, NoProgress: -1})
			deadline, _ := ctx.Deadline()
			if late := time.Since(deadline); !errors.Is(err, context.DeadlineExceeded) || late > time.Second {
				t.Errorf("%v, %s after the context", err, late)
			}
		})
	}
}

func TestUploadIsKnownBeforeItsFirstByte(t *testing.T) {
	var at []string
	f := &fakeRegistry{}
	o := UploadOptions{OnCheckpoint: func(s UploadState) {
		at = append(at, f.requests[len(f.requests)-1])
		if s.Location == "" {
			t.Error("a checkpoint without a location")
		}
	}}
	if _, err := Upload(t.Context(), f, onlyReader{bytes.NewReader(noise(13, 2<<20))}, o); err != nil {
		t.Fatal(err)
	}
	if len(at) != 3 || at[0] != "start" {
		t.Errorf("checkpoints came after %q", at)
	}
}
