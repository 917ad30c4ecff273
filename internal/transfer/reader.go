package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"
	"time"
)

// ReaderOptions are the options of [NewReader].
type ReaderOptions struct {
	Digest     string
	Size       int64
	MaxRetries int
	NoProgress time.Duration
	Budget     *Budget // its rate only: a reader that waits for its user must not hold a connection back
}

// Reader reads a blob in order, from any place, or here and there.
type Reader struct {
	src    Ranges
	o      ReaderOptions
	parent context.Context // Read has no parameter for it
	ctx    context.Context // parent, until Close
	cancel context.CancelFunc

	mu       sync.Mutex // of Read and Seek
	c        *cursor
	rested   func()    // ends the cursor's rest between two calls
	since    time.Time // when that began
	off      int64
	sum      *digester
	verified bool
}

// restLimit is how long a connection waits for its user before it is given
// up: servers drop idle ones, some after half a minute, and what a rest has
// broken should not count as a failure.
const restLimit = 20 * time.Second

// NewReader returns a reader of a blob whose size is known. Nothing is sent
// before the first read.
func NewReader(ctx context.Context, src Ranges, o ReaderOptions) *Reader {
	child, cancel := context.WithCancel(ctx)
	return &Reader{src: src, o: o, parent: ctx, ctx: child, cancel: cancel, sum: newDigester()}
}

func (r *Reader) cursor(off, end int64) *cursor {
	return &cursor{
		blob: &blob{
			src: r.src, noProgress: r.o.NoProgress, budget: r.o.Budget,
			report: newReporter(nil, r.o.Size), size: r.o.Size,
		},
		retries: newRetryBudget(r.o.MaxRetries), off: off, end: end,
	}
}

// Size returns the blob's size in bytes.
func (r *Reader) Size() int64 { return r.o.Size }

// Verified reports whether all of the blob was read in order, and is right.
func (r *Reader) Verified() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.verified
}

// Read reads on.
func (r *Reader) Read(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.ctx.Err() != nil:
		return 0, r.ended()
	case r.off >= r.o.Size:
		return 0, r.atEnd()
	case len(p) == 0:
		return 0, nil
	}
	r.wake()
	n, err := r.c.read(r.ctx, p)
	r.rested, r.since = r.c.idle(), time.Now()
	if n > 0 && r.sum.at == r.off {
		_ = r.sum.write(r.off, p[:n])
	}
	r.off += int64(n)
	if err != nil && r.ctx.Err() != nil {
		err = r.ended()
	}
	if errors.Is(err, io.EOF) {
		err = r.atEnd()
	}
	return n, err
}

// wake makes sure that there is a cursor to read on with.
func (r *Reader) wake() {
	if r.rested != nil {
		r.rested()
		r.rested = nil
	}
	rest := time.Since(r.since)
	switch {
	case r.c == nil || r.c.off != r.off || rest > restLimit:
		if r.c != nil {
			r.c.close()
		}
		r.c = r.cursor(r.off, -1)
	case rest > time.Second:
		r.c.retries = newRetryBudget(r.o.MaxRetries)
	}
}

func (r *Reader) atEnd() error {
	if r.c != nil {
		r.c.close()
		r.c = nil
	}
	if r.sum.at != r.o.Size || r.verified {
		return io.EOF
	}
	if actual := r.sum.digest(); actual != r.o.Digest {
		return &DigestMismatchError{Expected: r.o.Digest, Actual: actual, Size: r.sum.at}
	}
	r.verified = true
	return io.EOF
}

// ended says whether the reader was closed, or the caller's context ended.
func (r *Reader) ended() error {
	if err := r.parent.Err(); err != nil {
		return err
	}
	return fs.ErrClosed
}

// Seek sets where the next Read begins.
func (r *Reader) Seek(offset int64, whence int) (int64, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch whence {
	case io.SeekStart:
	case io.SeekCurrent:
		offset += r.off
	case io.SeekEnd:
		offset += r.o.Size
	default:
		return 0, fmt.Errorf("seek: invalid whence %d", whence)
	}
	if offset < 0 {
		return 0, fmt.Errorf("seek to %d: before the first byte", offset)
	}
	r.off = offset
	return offset, nil
}

// ReadAt reads len(p) bytes at off over a connection of its own.
func (r *Reader) ReadAt(p []byte, off int64) (int, error) {
	switch {
	case r.ctx.Err() != nil:
		return 0, r.ended()
	case off < 0:
		return 0, fmt.Errorf("read at %d: before the first byte", off)
	case off >= r.o.Size:
		return 0, io.EOF
	case len(p) == 0:
		return 0, nil
	}
	want := p[:min(int64(len(p)), r.o.Size-off)]
	c := r.cursor(off, off+int64(len(want)))
	defer c.close()
	n := 0
	for n < len(want) {
		m, err := c.read(r.ctx, want[n:])
		n += m
		if err != nil {
			if r.ctx.Err() != nil {
				err = r.ended()
			}
			return n, err
		}
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// Close ends all reading.
func (r *Reader) Close() error {
	r.cancel()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.c != nil {
		r.c.close()
		r.c = nil
	}
	return nil
}
