package transfer

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"
)

const (
	// leastSegment is what one request carries at least, except at the blob's
	// end, where less keeps all connections busy to the last, and memorySegment
	// what one carries whose bytes wait in memory: at 50 MB/s it takes 50 ms,
	// during which the next one is opened.
	leastSegment  = 4 << 20
	memorySegment = 5 << 19
	lastSegment   = 1 << 20

	// mostSegment bounds segments that need no memory.
	mostSegment = 64 << 20

	// tripsPerSegment is how many times longer a segment should take than the
	// round trip before it, during which its connection is idle.
	tripsPerSegment = 20

	// inMemory says how many segments may be in memory, received or waiting for
	// their turn to be hashed, for each connection: with 16 connections they
	// take 50 MiB. window says how many may be taken, with those that are being
	// opened and have no memory yet; segments in the destination need none.
	inMemory       = 1.25
	windowInMemory = 2.5
	windowOnDisk   = 8

	// worthAhead is the shortest round trip that is worth a second connection
	// while the first still carries its segment.
	worthAhead = 5 * time.Millisecond

	// readBackSize stays in the cache between reading back and hashing.
	readBackSize = 256 << 10
)

// rangeScheduler receives the rest of a blob over several connections, in segments,
// which are hashed in order as they become complete.
type rangeScheduler struct {
	d    *download
	fail context.CancelCauseFunc
	wg   sync.WaitGroup

	mu       sync.Mutex
	target   int // how many connections there should be, the stream's included
	working  int // workers
	stream   bool
	extra    int // connections of the budget beyond the download's first
	next     int64
	size     int64
	queue    []*segment // from the one to be hashed next on
	changed  chan struct{}
	latency  time.Duration
	rate     float64 // bytes a second of one connection
	throttle int64
	spare    [][]byte
	buffers  int // segments in memory
}

// segment is a part of the blob, received over one connection.
type segment struct {
	off, end int64
	buf      []byte // nil when it is written to its place at once, or not received yet
	done     chan struct{}
}

// opening is a segment whose request is sent before the connection's present
// segment is complete, so that the round trip costs no time.
type opening struct {
	c      *cursor
	seg    *segment
	opened chan struct{}
	over   func() // ends the rest of the body that nobody reads yet
}

func newRangeScheduler(d *download, fail context.CancelCauseFunc) *rangeScheduler {
	return &rangeScheduler{d: d, fail: fail, target: 1, stream: true, changed: make(chan struct{})}
}

// inPlace reports whether segments go to the destination at once.
func (r *rangeScheduler) inPlace() bool { return r.d.dst.WriterAt != nil && r.d.dst.ReaderAt != nil }

// signal wakes whoever waits for a change. r.mu is held.
func (r *rangeScheduler) signal() {
	close(r.changed)
	r.changed = make(chan struct{})
}

// begin hands the blob from off on to workers, the first of which continues with a
// cursor that is open already.
func (r *rangeScheduler) begin(ctx context.Context, off, size int64, first *cursor) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.next, r.size = off, size
	seg := r.cut(first.end)
	r.launch(ctx, first, seg)
}

// cut takes the next segment, which ends at end. r.mu is held.
func (r *rangeScheduler) cut(end int64) *segment {
	s := &segment{off: r.next, end: end, done: make(chan struct{})}
	r.next = end
	r.queue = append(r.queue, s)
	r.signal()
	return s
}

// launch starts a worker. r.mu is held.
func (r *rangeScheduler) launch(ctx context.Context, c *cursor, seg *segment) {
	r.working++
	r.wg.Add(1)
	r.connected()
	go func() {
		defer r.wg.Done()
		r.work(ctx, c, seg)
	}()
}

func (r *rangeScheduler) connected() {
	n := r.working
	if r.stream {
		n++
	}
	r.d.report.connections(n)
	r.d.result.Ranges = max(r.d.result.Ranges, n)
}

// streamEnded says that the first connection is free for a worker.
func (r *rangeScheduler) streamEnded() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stream = false
}

// allow takes a connection for one more worker, if there may be one. r.mu is held.
func (r *rangeScheduler) allow() bool {
	n := r.working
	if r.stream {
		n++
	}
	if n >= r.target || r.next >= r.size {
		return false
	}
	if n > r.extra {
		if !r.d.budget.TryAcquire() {
			return false
		}
		r.extra++
	}
	return true
}

// fill starts workers until there are as many as there should be.
func (r *rangeScheduler) fill(ctx context.Context) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.allow() {
		r.launch(ctx, nil, nil)
	}
}

// retire ends a worker. r.mu is held.
func (r *rangeScheduler) retire() {
	r.working--
	n := r.working
	if r.stream {
		n++
	}
	for r.extra > max(n-1, 0) {
		r.extra--
		r.d.budget.Release()
	}
	r.connected()
}

// take returns the next segment, or nil when the worker isn't needed any more.
func (r *rangeScheduler) take(ctx context.Context) *segment {
	for {
		r.mu.Lock()
		if t := r.d.throttles.Load(); t > r.throttle {
			r.throttle, r.target = t, max(r.target/2, 1)
		}
		n := r.working
		if r.stream {
			n++
		}
		crowded := n > r.target || n > 1 && r.d.budget.Crowded()
		if ctx.Err() != nil || r.next >= r.size || crowded && r.working > 1 {
			r.retire()
			r.mu.Unlock()
			return nil
		}
		if s := r.nextSegment(); s != nil {
			r.mu.Unlock()
			return s
		}
		changed := r.changed
		r.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
		}
	}
}

// nextSegment cuts the next segment if there is space for it. r.mu is held.
func (r *rangeScheduler) nextSegment() *segment {
	if r.next >= r.size || len(r.queue) >= r.window() {
		return nil
	}
	return r.cut(min(r.next+r.segment(), r.size))
}

// allocate gives a segment its memory, waiting until there is some. The one
// that is hashed next need not wait: the others wait for it.
func (r *rangeScheduler) allocate(ctx context.Context, s *segment) error {
	if r.inPlace() {
		return nil
	}
	for {
		r.mu.Lock()
		if r.buffers < int(inMemory*float64(max(r.target, 2))) || r.queue[0] == s {
			r.buffers++
			n := len(r.spare)
			if n > 0 && int64(len(r.spare[n-1])) >= s.end-s.off {
				s.buf, r.spare = r.spare[n-1][:s.end-s.off], r.spare[:n-1]
			}
			r.mu.Unlock()
			if s.buf == nil {
				s.buf = make([]byte, s.end-s.off, max(s.end-s.off, memorySegment))
			}
			return nil
		}
		changed := r.changed
		r.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// openAhead sends the request for the next segment when the present one will
// be complete by the time its response comes. It returns nil when that isn't so yet,
// or another connection isn't to be had.
func (r *rangeScheduler) openAhead(ctx context.Context, left int64) *opening {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := r.working
	if r.stream {
		n++
	}
	if r.latency < worthAhead || float64(left) > r.rate*r.latency.Seconds() || n > r.target ||
		r.next >= r.size || len(r.queue) >= r.window() || !r.d.budget.TryAcquire() {
		return nil
	}
	o := &opening{c: r.d.cursor(0, 0), seg: r.nextSegment(), opened: make(chan struct{})}
	o.c.off, o.c.end, o.c.ranged = o.seg.off, o.seg.end, true
	go func() {
		defer close(o.opened)
		if err := o.c.open(ctx); err != nil {
			o.c.pending = err
		}
		o.over = o.c.idle()
	}()
	return o
}

func (r *rangeScheduler) window() int {
	if r.inPlace() {
		return windowOnDisk * max(r.target, 2)
	}
	return int(windowInMemory * float64(max(r.target, 2)))
}

// segment returns how long the next segment should be. r.mu is held.
func (r *rangeScheduler) segment() int64 {
	length := int64(memorySegment)
	if r.inPlace() {
		length = min(max(leastSegment, int64(r.rate*r.latency.Seconds()*tripsPerSegment)), mostSegment)
	}
	return max(min(length, (r.size-r.next)/int64(2*r.target)), lastSegment)
}

func (r *rangeScheduler) work(ctx context.Context, c *cursor, seg *segment) {
	if c == nil {
		c = r.d.cursor(0, 0)
		c.ranged = true
	}
	defer func() { c.close() }()
	var ahead *opening
	defer func() {
		if ahead != nil {
			<-ahead.opened
			ahead.c.close()
			r.d.budget.Release()
		}
	}()
	var scratch []byte
	if r.inPlace() {
		scratch = make([]byte, slotSize)
	}
	for {
		var opened time.Duration // how long ago the response came
		switch {
		case seg != nil:
		case ahead != nil:
			<-ahead.opened
			ahead.over()
			c.close()
			r.d.budget.Release()
			c, seg, opened, ahead = ahead.c, ahead.seg, ahead.c.latency, nil
		default:
			if seg = r.take(ctx); seg == nil {
				return
			}
			c.close()
			c.off, c.end = seg.off, seg.end
		}
		err := r.allocate(ctx, seg)
		began := time.Now().Add(-opened)
		if err == nil {
			err = r.receive(ctx, c, seg, scratch, &ahead)
		}
		if err != nil {
			r.fail(err)
			r.mu.Lock()
			r.retire()
			r.mu.Unlock()
			return
		}
		r.learn(seg, c.latency, time.Since(began))
		close(seg.done)
		seg = nil
	}
}

// learn takes what a segment showed of the link, old values fading.
func (r *rangeScheduler) learn(s *segment, latency, took time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.latency == 0 {
		r.latency = latency
	}
	r.latency += (latency - r.latency) / 4
	if receiving := took - latency; receiving > 0 {
		rate := float64(s.end-s.off) / receiving.Seconds()
		if r.rate == 0 {
			r.rate = rate
		}
		r.rate += (rate - r.rate) / 4
	}
}

// receive fills a segment. Pieces are collected before they are written: over
// TLS one comes with each record of 16 KiB.
func (r *rangeScheduler) receive(ctx context.Context, c *cursor, s *segment, scratch []byte, ahead **opening) error {
	for c.off < s.end {
		off := c.off
		var err error
		if s.buf != nil {
			_, err = c.read(ctx, s.buf[off-s.off:])
		} else {
			var n int
			if n, err = c.readFull(ctx, scratch[:min(int64(len(scratch)), s.end-off)]); n > 0 {
				if err := r.d.dst.write(off, scratch[:n]); err != nil {
					return err
				}
			}
		}
		if *ahead == nil && err == nil {
			*ahead = r.openAhead(ctx, s.end-c.off)
		}
		if errors.Is(err, io.EOF) {
			return &SizeMismatchError{Expected: r.size, Actual: c.off, Origin: OriginRegistry}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// drain hashes the segments in order and hands them on.
func (r *rangeScheduler) drain(ctx context.Context) error {
	var scratch []byte
	if r.inPlace() {
		scratch = make([]byte, readBackSize)
	}
	r.streamEnded()
	for size := r.d.known(); r.d.sum.at < size; {
		r.fill(ctx)
		s, err := r.head(ctx)
		if err != nil {
			return err
		}
		select {
		case <-s.done:
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := r.hash(s, scratch); err != nil {
			return err
		}
		r.mu.Lock()
		r.queue = r.queue[1:]
		if s.buf != nil {
			r.spare = append(r.spare, s.buf[:cap(s.buf)])
			r.buffers--
		}
		r.signal()
		r.mu.Unlock()
	}
	return nil
}

// head waits until somebody took the segment that is hashed next.
func (r *rangeScheduler) head(ctx context.Context) (*segment, error) {
	for {
		r.mu.Lock()
		if len(r.queue) > 0 {
			s := r.queue[0]
			r.mu.Unlock()
			return s, nil
		}
		changed := r.changed
		r.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (r *rangeScheduler) hash(s *segment, scratch []byte) error {
	for off := s.off; off < s.end; {
		if s.buf != nil {
			p := s.buf[off-s.off:]
			p = p[:min(len(p), readBackSize)]
			if err := r.d.consume(p); err != nil {
				return err
			}
			off += int64(len(p))
			continue
		}
		p := scratch[:min(int64(len(scratch)), s.end-off)]
		if n, err := r.d.dst.ReaderAt.ReadAt(p, off); n < len(p) {
			return &localError{operation: "read destination back", err: err}
		}
		if err := r.d.hash(off, p); err != nil {
			return err
		}
		off += int64(len(p))
	}
	return nil
}

// wait waits until all workers have ended, and gives their connections back.
func (r *rangeScheduler) wait() {
	r.wg.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	for ; r.extra > 0; r.extra-- {
		r.d.budget.Release()
	}
}
