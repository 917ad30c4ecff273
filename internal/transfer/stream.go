package transfer

import (
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// slotSize and slots make a ring of 512 KiB. It has to stay in the cache
	// that the two cores share: with 16 MiB the hasher fetches each line from
	// memory and takes a third longer.
	slotSize = 64 << 10
	slots    = 8
)

// stream receives a blob over one connection into a small ring, while one
// goroutine writes what is there, and another hashes what is written.
type stream struct {
	c      *cursor
	filled chan *slot
	free   *pool
	done   chan struct{}
	err    error        // valid after filled is closed
	busy   atomic.Int64 // nanoseconds that writing and hashing took

	mu    sync.Mutex
	front int64 // where the piece being received ends
	limit int64 // where to stop, -1 for the end
}

func newStream(c *cursor) *stream {
	return &stream{
		c: c, filled: make(chan *slot, slots), free: newPool(slotSize, slots), done: make(chan struct{}),
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
		next.off = s.c.off
		m, err := s.c.readFull(ctx, next.buf[:n])
		next.data = next.buf[:m]
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

// drain writes what is received, and hashes it on another goroutine, until the
// stream ends. What was written has been hashed when it returns.
func (s *stream) drain(write, hash func(off int64, p []byte) error) error {
	written, hashed := make(chan *slot, slots), make(chan error, 1)
	go func() {
		var err error
		for next := range written {
			if err == nil {
				err = s.timed(hash, next)
			}
			s.free.give(next)
		}
		hashed <- err
	}()
	err := s.handOn(write, written)
	close(written)
	if hashErr := <-hashed; err == nil {
		err = hashErr
	}
	return err
}

func (s *stream) handOn(write func(off int64, p []byte) error, written chan<- *slot) error {
	for next := range s.filled {
		if err := s.timed(write, next); err != nil {
			return err
		}
		written <- next
	}
	return s.err
}

func (s *stream) timed(work func(off int64, p []byte) error, on *slot) error {
	began := time.Now()
	err := work(on.off, on.data)
	s.busy.Add(int64(time.Since(began)))
	return err
}
