package transfer

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"testing"
	"testing/synctest"
	"time"
)

// pacedBlob has zeros, over connections of one rate.
type pacedBlob struct {
	size int64
	rate float64
	trip time.Duration
}

func (f *pacedBlob) Open(ctx context.Context, offset, length int64) (*Body, error) {
	if err := sleep(ctx, f.trip); err != nil {
		return nil, err
	}
	end := f.size
	if length >= 0 {
		end = min(offset+length, f.size)
	}
	return &Body{ReadCloser: &pacedBody{f: f, ctx: ctx, left: end - offset, next: time.Now()}, Offset: offset, Length: end - offset, Size: f.size}, nil
}

// buffered is for how long a connection goes on while nobody reads from it.
const buffered = 20 * time.Millisecond

type pacedBody struct {
	f    *pacedBlob
	ctx  context.Context
	left int64
	next time.Time
}

func (b *pacedBody) Read(p []byte) (int, error) {
	if b.ctx.Err() != nil {
		return 0, b.ctx.Err()
	}
	if b.left == 0 {
		return 0, io.EOF
	}
	n := min(int64(len(p)), b.left, 64<<10)
	clear(p[:n])
	b.next = b.next.Add(time.Duration(float64(n) / b.f.rate * 1e9))
	if d := time.Until(b.next); d > 0 {
		time.Sleep(d)
	} else if d < -buffered {
		b.next = time.Now().Add(-buffered) // more doesn't fit between the two ends
	}
	b.left -= n
	return int(n), nil
}

func (b *pacedBody) Close() error { return nil }

// nowhere is a destination that can be read back: everything is zero.
type nowhere struct{}

func (nowhere) WriteAt(p []byte, _ int64) (int, error) { return len(p), nil }

func (nowhere) ReadAt(p []byte, _ int64) (int, error) {
	clear(p)
	return len(p), nil
}

// TestDefaultsComeCloseToWhatConnectionsCarry downloads over connections of
// 50 MB/s each: sixteen carry 512 MiB in 0.67 s, which finding that out and the
// round trips may only little exceed.
func TestDefaultsComeCloseToWhatConnectionsCarry(t *testing.T) {
	const size = 512 << 20
	h := sha256.New()
	for range size >> 20 {
		h.Write(make([]byte, 1<<20))
	}
	digest := fmt.Sprintf("sha256:%x", h.Sum(nil))
	for trip, most := range map[time.Duration]time.Duration{0: 900 * time.Millisecond, 50 * time.Millisecond: 1350 * time.Millisecond} {
		for name, dst := range map[string]Destination{"a writer": {Writer: io.Discard}, "a file": {WriterAt: nowhere{}, ReaderAt: nowhere{}}} {
			synctest.Test(t, func(t *testing.T) {
				f := &pacedBlob{size: size, rate: 50e6, trip: trip}
				began := time.Now()
				r, err := Download(context.Background(), f, dst, DownloadOptions{cpuTime: noCPU, Digest: digest, Size: size})
				if took := time.Since(began); err != nil || took > most || r.Ranges != defaultConcurrency {
					t.Errorf("%s away to %s: %v, want at most %v; %d connections, %v", trip, name, took, most, r.Ranges, err)
				}
			})
		}
	}
}
