package transfer

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func starts(requests []string) int {
	n := 0
	for _, r := range requests {
		if r == "start" {
			n++
		}
	}
	return n
}

// TestUploadGoesOnAfterACutAtAStaleLocation has both forms of the service: that
// of 2024, which answers the status at a stale location, and one that answers
// only a chunk with its offset.
func TestUploadGoesOnAfterACutAtAStaleLocation(t *testing.T) {
	content := noise(20, 40<<20)
	for _, form := range []string{formStatus, formRange, formGone} {
		for _, digest := range []string{"", digestOf(content)} {
			for _, kind := range []string{"reset", "answer lost", "stall midway"} {
				synctest.Test(t, func(t *testing.T) {
					f := &fakeRegistry{keeps: true, form: form, plan: &plan{
						rand: rand.New(rand.NewPCG(1, 1)), odds: 1, left: 1, skip: 4, kinds: []string{kind},
					}}
					o := UploadOptions{Digest: digest, ChunkSize: 4 << 20}
					result, err := Upload(context.Background(), f, bytes.NewReader(content), o)
					if err != nil || !bytes.Equal(f.blobs[digestOf(content)], content) {
						t.Fatalf("%s, %s: %v (%v)", form, kind, err, f.requests)
					}
					again := result.BytesSent - int64(len(content))
					switch n := starts(f.requests); {
					case form == formGone && n != 2:
						t.Errorf("%s, %s: %d uploads begun, want 2: %v", form, kind, n, f.requests)
					case form != formGone && (n != 1 || again > 4<<20+probeChunk):
						t.Errorf("%s, %s: %d uploads begun, %d bytes sent again: %v", form, kind, n, again, f.requests)
					}
				})
			}
		}
	}
}

// TestUploadGoesOnFromAStaleCheckpoint has a process that ended before it could
// note the location of the chunk that it was sending.
func TestUploadGoesOnFromAStaleCheckpoint(t *testing.T) {
	content := noise(21, 20<<20)
	for _, form := range []string{formStatus, formRange} {
		for _, digest := range []string{"", digestOf(content)} {
			synctest.Test(t, func(t *testing.T) {
				f := &fakeRegistry{keeps: true, form: form, perByte: time.Microsecond}
				ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
				defer cancel()
				var last UploadState
				o := UploadOptions{Digest: digest, OnCheckpoint: func(s UploadState) { last = s }}
				if _, err := Upload(ctx, f, bytes.NewReader(content), o); err == nil || last.Offset == 0 {
					t.Fatalf("upload to be interrupted: %v, checkpoint %d", err, last.Offset)
				}
				last.Session, f.perByte, f.requests = f.last, 0, nil
				f.last.stale = true
				result, err := Upload(context.Background(), f, bytes.NewReader(content), UploadOptions{Digest: digest, Resume: &last})
				if err != nil || starts(f.requests) > 0 || result.BytesSent > int64(len(content))-last.Offset+probeChunk {
					t.Errorf("%s: %v, %d bytes sent from %d on: %v", form, err, result.BytesSent, last.Offset, f.requests)
				}
			})
		}
	}
}

func TestRefusalThatLastsIsNotSentForEver(t *testing.T) {
	content := noise(22, 8<<20)
	for _, lasting := range []string{"416", "404", "404 invalid", "digest"} {
		for _, digest := range []string{"", digestOf(content)} {
			for _, form := range []string{"", formStatus, formRange, formGone} {
				synctest.Test(t, func(t *testing.T) {
					f := &fakeRegistry{lasting: lasting, form: form}
					result, err := Upload(context.Background(), f, bytes.NewReader(content), UploadOptions{Digest: digest, MaxRetries: 2})
					var e *RetriesExhaustedError
					if !errors.As(err, &e) || e.Attempts < 3 || e.Attempts > 4 { // what arrives with a refusal is progress, once
						t.Errorf("%s: got %v", lasting, err)
					}
					if most := 3 * int64(len(content)); result.BytesSent > most {
						t.Errorf("%s, form %q: %d bytes sent, at most %d with 2 retries: %v", lasting, form, result.BytesSent, most, f.requests)
					}
				})
			}
		}
	}
}

func TestSendingTheSameBytesAgainIsNoProgress(t *testing.T) {
	content := noise(23, 20<<20)
	synctest.Test(t, func(t *testing.T) {
		// Each upload breaks off after some megabytes, and is dropped then.
		f := &fakeRegistry{plan: &plan{skip: 1, kinds: []string{"reset"}}}
		result, err := Upload(context.Background(), f, bytes.NewReader(content), UploadOptions{ChunkSize: 16 << 20})
		if !errors.As(err, new(*RetriesExhaustedError)) || result.Retries != defaultRetries+1 {
			t.Errorf("%v after %d retries, %d MiB sent: %v", err, result.Retries, result.BytesSent>>20, f.requests)
		}
	})
}

func TestAddressThatNeverAnsweredIsTriedOnce(t *testing.T) {
	content := noise(24, 1000)
	f := &fakeRegistry{down: true}
	result, err := Upload(t.Context(), f, bytes.NewReader(content), UploadOptions{})
	if err == nil || !strings.Contains(err.Error(), "refused") || result.Retries != 0 || len(f.requests) != 1 {
		t.Errorf("upload: %v, %+v, %v", err, result, f.requests)
	}
	f = &fakeRegistry{down: true}
	last := UploadState{Session: &fakeSession{f: f}, Offset: 10}
	result, err = Upload(t.Context(), f, bytes.NewReader(content), UploadOptions{Digest: digestOf(content), Resume: &last, OnCheckpoint: func(UploadState) {}})
	if err == nil || result.Retries != 0 {
		t.Errorf("resumed upload: %v, %+v", err, result)
	}
	blob := &fakeBlob{data: content, plan: &plan{kinds: []string{"refused"}}}
	got, err := Download(t.Context(), blob, Destination{Writer: io.Discard}, DownloadOptions{Digest: digestOf(content)})
	if err == nil || got.Retries != 0 || blob.opened.Load() != 1 {
		t.Errorf("download: %v, %+v", err, got)
	}
}

func TestAddressThatAnsweredOnceIsTriedAgain(t *testing.T) {
	content := noise(25, 3<<20)
	synctest.Test(t, func(t *testing.T) {
		f := &fakeRegistry{keeps: true, plan: &plan{kinds: []string{"", "refused", "refused", ""}}}
		if _, err := Upload(context.Background(), f, bytes.NewReader(content), UploadOptions{}); err != nil {
			t.Errorf("upload: %v, %v", err, f.requests)
		}
		blob := &fakeBlob{data: content, plan: &plan{kinds: []string{"reset", "refused", "refused", ""}}}
		if _, err := Download(context.Background(), blob, Destination{Writer: io.Discard}, DownloadOptions{Digest: digestOf(content)}); err != nil {
			t.Errorf("download: %v", err)
		}
	})
}

// TestStoppedUploadFinishesItsPart stops an upload at many moments: what was
// sent by then is acknowledged, and another process sends only the rest, at a
// registry that loses an upload whose part is cut off, too.
func TestStoppedUploadFinishesItsPart(t *testing.T) {
	content := noise(26, 12<<20)
	for _, stream := range []bool{false, true} {
		for _, digest := range []string{"", digestOf(content)} {
			for after := 100 * time.Millisecond; after < 14*time.Second; after += 700 * time.Millisecond {
				synctest.Test(t, func(t *testing.T) {
					f := &fakeRegistry{perByte: time.Microsecond}
					ctx, cancel := context.WithTimeout(context.Background(), after)
					defer cancel()
					body := func() io.Reader {
						if stream {
							return onlyReader{bytes.NewReader(content)}
						}
						return bytes.NewReader(content)
					}
					var last UploadState
					var shown Event
					began := time.Now()
					first, err := Upload(ctx, f, body(), UploadOptions{
						Digest: digest, StopGrace: 3 * time.Second,
						OnCheckpoint: func(s UploadState) { last = s }, OnEvent: func(e Event) { shown = e },
					})
					if late := time.Since(began) - after; late > 2*time.Second {
						t.Errorf("stopped %s after it was told to", late)
					}
					if err == nil {
						return
					}
					if first.BytesSent != last.Offset || shown.Bytes != last.Offset || f.cancelled > 0 {
						t.Errorf("after %s: %d bytes sent, %d acknowledged, %d shown: %v", after, first.BytesSent, last.Offset, shown.Bytes, f.requests)
					}
					last.Session, f.perByte = f.last, 0
					second, err := Upload(context.Background(), f, body(), UploadOptions{Digest: digest, Resume: &last})
					if err != nil || first.BytesSent+second.BytesSent != int64(len(content)) {
						t.Errorf("after %s: %v, %d and %d bytes sent", after, err, first.BytesSent, second.BytesSent)
					}
				})
			}
		}
	}
}

func TestStopIsNotWaitedForLongerThanItsGrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeRegistry{perByte: time.Millisecond}
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		began := time.Now()
		_, err := Upload(ctx, f, bytes.NewReader(noise(27, 1<<20)), UploadOptions{StopGrace: 3 * time.Second, OnCheckpoint: func(UploadState) {}})
		if took := time.Since(began); !errors.Is(err, context.DeadlineExceeded) || took > 5*time.Second {
			t.Errorf("%v after %s", err, took)
		}
	})
}

// timed notes how long each chunk took.
type timed struct {
	Session
	took *[]time.Duration
}

func (s timed) Write(ctx context.Context, c Chunk) (UploadStatus, error) {
	began := time.Now()
	defer func() { *s.took = append(*s.took, time.Since(began)) }()
	return s.Session.Write(ctx, c)
}

type timedUploads struct {
	*fakeRegistry
	took []time.Duration
}

func (u *timedUploads) Start(ctx context.Context) (Session, error) {
	s, err := u.fakeRegistry.Start(ctx)
	return timed{s, &u.took}, err
}

func TestPartsTakeNoMoreThanTwoSeconds(t *testing.T) {
	content := noise(28, 30<<20)
	for _, rate := range []int{100_000, 1_000_000, 10_000_000} {
		synctest.Test(t, func(t *testing.T) {
			u := &timedUploads{fakeRegistry: &fakeRegistry{perByte: time.Second / time.Duration(rate)}}
			if _, err := Upload(context.Background(), u, bytes.NewReader(content), UploadOptions{OnCheckpoint: func(UploadState) {}}); err != nil {
				t.Fatal(err)
			}
			// The first is sized before there is a rate.
			if longest := slices.Max(u.took[1:]); longest > 2*time.Second {
				t.Errorf("at %d bytes a second a part took %s", rate, longest)
			}
		})
	}
	// The next upload of the same budget knows the rate.
	synctest.Test(t, func(t *testing.T) {
		b := NewBudget(0, 0)
		for i := range 2 {
			u := &timedUploads{fakeRegistry: &fakeRegistry{perByte: 10 * time.Microsecond}}
			if _, err := Upload(context.Background(), u, bytes.NewReader(content[:2<<20]), UploadOptions{Budget: b, OnCheckpoint: func(UploadState) {}}); err != nil {
				t.Fatal(err)
			}
			if i == 1 && slices.Max(u.took) > 2*time.Second {
				t.Errorf("a part of the second upload took %s", slices.Max(u.took))
			}
		}
	})
}
