package transfer

import (
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// stream receives a blob over one connection into a small ring, while another
// goroutine takes it out.
type stream struct {
	c      *cursor
	filled chan *slot
	free   *pool
	done   chan struct{}
	err    error        // valid after filled is closed
	idle   atomic.Int64 // nanoseconds that drain waited for bytes

	mu    sync.Mutex
	front int64 // where the piece being received ends
	limit int64 // where to stop, -1 for the end
}

func newStream(c *cursor) *stream {
	return &stream{
		c: c, filled: make(chan *slot, slots), free: newPool(), done: make(chan struct{}),
		front: c.off, limit: -1,
	}
}

func (s *stream) start(ctx context.Context) {
	go func() {
		defer close(s.done)
		defer s.c.close()
		s.err = s.receive(ctx)
		close(s.filled)
	}()
}

func (s *stream) wait() { <-s.done }

// claim says how much may be received next.
func (s *stream) claim() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := int64(slotSize)
	if s.limit >= 0 {
		n = min(n, s.limit-s.c.off)
	}
	s.front = s.c.off + n
	return n
}

// stopAt makes the stream end at off. It reports false when the stream is, or
// will be, beyond.
func (s *stream) stopAt(off int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if off < s.front {
		return false
	}
	s.limit = off
	return true
}

// stopped reports whether the stream was made to end before the blob does.
func (s *stream) stopped() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.limit >= 0
}

// position returns how far the stream is.
func (s *stream) position() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.front
}

func (s *stream) receive(ctx context.Context) error {
	for {
		n := s.claim()
		if n == 0 {
			return nil
		}
		over := s.c.idle()
		var next *slot
		select {
		case <-s.free.turns:
			next = s.free.take()
		case <-ctx.Done():
			return ctx.Err()
		}
		over()
		next.data = next.buf[:0]
		var err error
		for int64(len(next.data)) < n && err == nil {
			var m int
			m, err = s.c.read(ctx, next.buf[len(next.data):n])
			next.data = next.buf[:len(next.data)+m]
		}
		if len(next.data) > 0 {
			s.filled <- next
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// drain hands on what is received, until the stream ends.
func (s *stream) drain(to func([]byte) error) error {
	for {
		next, ok := s.next()
		if !ok {
			return s.err
		}
		if err := to(next.data); err != nil {
			return err
		}
		s.free.give(next)
	}
}

func (s *stream) next() (*slot, bool) {
	select {
	case next, ok := <-s.filled:
		return next, ok
	default:
	}
	began := time.Now()
	next, ok := <-s.filled
	s.idle.Add(int64(time.Since(began)))
	return next, ok
}
