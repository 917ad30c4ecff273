package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// blob is what is known of a blob that is being read, shared by the
// connections that read it.
type blob struct {
	src        Ranges
	noProgress time.Duration
	budget     *Budget
	report     *reporter
	received   atomic.Int64
	failures   atomic.Int64
	throttles  atomic.Int64 // bursts of 429
	reached    atomic.Bool  // a response has arrived

	mu        sync.Mutex
	size      int64 // -1 until it is known
	throttled time.Time
}

func (b *blob) known() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.size
}

// learn compares what a server says of the blob's size with what is known.
func (b *blob) learn(size int64) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if size < 0 || size == b.size {
		return nil
	}
	if b.size >= 0 {
		return &SizeMismatchError{Expected: b.size, Actual: size, Origin: OriginRegistry}
	}
	b.size = size
	b.report.size(size)
	return nil
}

// noteThrottled notes a 429. Those of one burst count once.
func (b *blob) noteThrottled() {
	b.budget.Throttled()
	b.mu.Lock()
	defer b.mu.Unlock()
	if now := time.Now(); now.Sub(b.throttled) >= throttleOnce {
		b.throttled = now
		b.throttles.Add(1)
	}
}

// cursor reads a part of a blob over one connection, and resumes where it stopped
// when that breaks. It is for one goroutine at a time.
type cursor struct {
	*blob
	retries *retryBudget // of this connection: an outage strikes all at once
	off     int64
	end     int64 // first byte not to be read; -1 for the blob's end
	ranged  bool  // a server that responds with the whole blob is wrong

	ctx      context.Context // of the open body
	watchdog *watchdog
	body     *Body
	bodyEnd  int64 // -1 when the server didn't say
	pending  error
	latency  time.Duration // of the last response
}

// read reads on, through faults, until there is at least one byte.
func (c *cursor) read(ctx context.Context, p []byte) (int, error) {
	for {
		n, err := c.once(ctx, p)
		if n > 0 {
			c.pending = err
			return n, nil
		}
		if err == nil {
			continue
		}
		c.close()
		if errors.Is(err, io.EOF) {
			return 0, io.EOF
		}
		if err := c.recover(ctx, err); err != nil {
			return 0, err
		}
	}
}

// readFull reads until p is full or the part ends.
func (c *cursor) readFull(ctx context.Context, p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		var m int
		m, err = c.read(ctx, p[n:])
		n += m
	}
	return n, err
}

func (c *cursor) recover(ctx context.Context, failure error) error {
	f := classify(ctx, failure)
	if f.Class == Throttled {
		c.noteThrottled()
	}
	if !rules[f.Class].download || f.Class == Unreachable && !c.reached.Load() {
		return f.Err
	}
	attempt := int(c.failures.Add(1))
	pause, _, err := c.retries.failed(f)
	if err != nil {
		return err
	}
	c.report.emit(Event{Kind: Retrying, Attempt: attempt, Wait: pause, Err: f.Err})
	return sleep(ctx, pause)
}

// last returns where the part ends, -1 while that isn't known.
func (c *cursor) last() int64 {
	if c.end >= 0 {
		return c.end
	}
	return c.known()
}

func (c *cursor) once(ctx context.Context, p []byte) (int, error) {
	if err := c.pending; err != nil {
		c.pending = nil
		return 0, err
	}
	last := c.last()
	if last >= 0 && c.off >= last {
		return 0, c.expectEnd()
	}
	if c.body == nil {
		if err := c.open(ctx); err != nil {
			return 0, err
		}
		last = c.last()
		if last >= 0 && c.off >= last {
			return 0, io.EOF
		}
	}
	if last >= 0 {
		p = p[:min(int64(len(p)), last-c.off)]
	}
	n, err := c.body.Read(p)
	if n > 0 {
		c.watchdog.progress(n)
		c.off += int64(n)
		c.received.Add(int64(n))
		c.retries.progress(int64(n))
		c.watchdog.pause()
		waitErr := c.budget.Wait(ctx, n)
		c.watchdog.resume()
		if waitErr != nil {
			return n, waitErr
		}
	}
	switch {
	case err == nil:
		return n, nil
	case !errors.Is(err, io.EOF):
		return n, stalled(c.ctx, broken(err))
	case last >= 0 && c.off >= last:
		return n, nil
	case c.bodyEnd >= 0 && c.off < c.bodyEnd:
		return n, broken(io.ErrUnexpectedEOF)
	case last < 0 && c.bodyEnd < 0:
		return n, c.learned(c.off)
	case c.bodyEnd < 0:
		return n, broken(io.ErrUnexpectedEOF)
	}
	// The server gave less than the range, as it may; the rest is asked for.
	c.close()
	return n, nil
}

// learned ends a blob of unknown size where its body ended.
func (c *cursor) learned(size int64) error {
	if err := c.learn(size); err != nil {
		return err
	}
	return io.EOF
}

// broken classes what a body's Read reports. A fault of the adapter's own keeps
// its class.
func broken(err error) error {
	if _, ok := asType[*Fault](err); ok {
		return err
	}
	return &Fault{Class: Connection, Err: err}
}

// expectEnd makes sure that a body whose length the server didn't say ends
// where it should.
func (c *cursor) expectEnd() error {
	if c.body == nil || c.bodyEnd >= 0 {
		return io.EOF
	}
	var one [1]byte
	if n, _ := c.body.Read(one[:]); n == 0 {
		return io.EOF
	}
	if c.end >= 0 {
		return &RangeError{Offset: c.off, Length: c.end - c.off, Got: "more bytes"}
	}
	return &SizeMismatchError{Expected: c.off, Actual: c.off + 1, Origin: OriginRegistry}
}

// open asks for what is left of the part.
func (c *cursor) open(ctx context.Context) error {
	length := int64(-1)
	if c.end >= 0 {
		length = c.end - c.off
	}
	watched, w := watch(ctx, c.noProgress)
	asked := time.Now()
	body, err := c.src.Open(watched, c.off, length)
	if responded(err) {
		c.reached.Store(true)
	}
	if err != nil {
		err = stalled(watched, err)
		w.stop()
		return err
	}
	w.progress(1)
	c.latency = time.Since(asked)
	c.ctx, c.watchdog, c.body = watched, w, body
	c.bodyEnd = -1
	if body.Length >= 0 {
		c.bodyEnd = body.Offset + body.Length
	}
	if err := c.accept(length); err != nil {
		c.close()
		return err
	}
	return nil
}

// accept compares what the server responds with what it was asked.
func (c *cursor) accept(length int64) error {
	b := c.body
	if err := c.learn(b.Size); err != nil {
		return err
	}
	switch {
	case b.Offset == c.off && length >= 0 && b.Length > length:
		return &Fault{Class: WrongRange, Err: &RangeError{Offset: c.off, Length: length, Got: fmt.Sprintf("%d bytes", b.Length)}}
	case b.Offset == c.off && b.Length == 0 && c.last() != c.off:
		return &Fault{Class: WrongRange, Err: &RangeError{Offset: c.off, Length: length, Got: "no bytes"}}
	case b.Offset == c.off:
		return nil
	case b.Offset != 0 || c.ranged:
		return &Fault{Class: WrongRange, Err: &RangeError{Offset: c.off, Length: length, Got: fmt.Sprintf("the bytes from %d on", b.Offset)}}
	}
	return c.skip()
}

// skip reads over what there is already, from a server that has no ranges.
func (c *cursor) skip() error {
	buf := make([]byte, slotSize)
	for left := c.off; left > 0; {
		n, err := c.body.Read(buf[:min(int64(len(buf)), left)])
		left -= int64(n)
		c.watchdog.progress(n)
		c.received.Add(int64(n))
		if err != nil && left > 0 {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return stalled(c.ctx, broken(err))
		}
	}
	return nil
}

// idle says that nobody reads bytes until the function that it returns is
// called: what doesn't move meanwhile isn't the network's fault.
func (c *cursor) idle() (over func()) {
	w := c.watchdog
	if c.body == nil {
		return func() {}
	}
	w.pause()
	return w.resume
}

// close gives the connection up.
func (c *cursor) close() {
	if c.body == nil {
		return
	}
	// The context first: closing a body that is still coming must not wait for
	// it.
	c.watchdog.stop()
	_ = c.body.Close()
	c.body = nil
}
