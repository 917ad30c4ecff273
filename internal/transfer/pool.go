package transfer

import (
	"sync"
	"sync/atomic"
)

// slot is a piece of content on its way from one goroutine to another.
type slot struct {
	buf  []byte
	off  int64
	data []byte
	refs atomic.Int32
}

// pool holds the slots of one transfer. It gives out the one that came back
// last, which is still in the cache: twenty transfers that each went round a
// ring of their own would pull every line from memory. A transfer that keeps up
// uses two slots, and only those are ever made.
type pool struct {
	size  int // of a slot
	count int
	turns chan struct{} // one for each slot that may be taken

	mu   sync.Mutex
	free []*slot
}

// newPool returns a pool of count slots of size bytes each.
func newPool(size, count int) *pool {
	p := &pool{size: size, count: count, turns: make(chan struct{}, count)}
	for range count {
		p.turns <- struct{}{}
	}
	return p
}

// take returns a slot. It is for who has received from turns.
func (p *pool) take() *slot {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.free)
	if n == 0 {
		return &slot{buf: make([]byte, p.size)}
	}
	s := p.free[n-1]
	p.free = p.free[:n-1]
	return s
}

// give takes a slot back. It never blocks.
func (p *pool) give(s *slot) {
	p.mu.Lock()
	p.free = append(p.free, s)
	p.mu.Unlock()
	p.turns <- struct{}{}
}
