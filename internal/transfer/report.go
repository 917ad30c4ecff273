package transfer

import (
	"sync"
	"time"
)

// reportEvery is how often progress is reported: a person sees ten changes a
// second as motion.
const reportEvery = 100 * time.Millisecond

// reporter hands events on, one at a time.
type reporter struct {
	mu    sync.Mutex
	to    func(Event)
	total int64
	bytes int64
	kept  int64 // confirmed bytes; -1 when all of bytes are
	count int   // connections
	last  time.Time
}

func newReporter(to func(Event), total int64) *reporter {
	return &reporter{to: to, total: total, count: 1, kept: -1}
}

// emit reports an event, filling in where the transfer is.
func (r *reporter) emit(e Event) {
	if r.to == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.send(e)
}

func (r *reporter) send(e Event) {
	e.Bytes, e.Confirmed, e.Total, e.Ranges = r.bytes, r.bytes, r.total, r.count
	if r.kept >= 0 {
		e.Confirmed = min(r.kept, r.bytes)
	}
	r.to(e)
}

// position says how far the transfer is, and reports it now and then.
func (r *reporter) position(bytes int64) {
	if r.to == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.bytes = bytes
	if now := time.Now(); now.Sub(r.last) >= reportEvery {
		r.last = now
		r.send(Event{Kind: Progress})
	}
}

// confirm says how many bytes won't have to be sent again.
func (r *reporter) confirm(bytes int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.kept = bytes
}

func (r *reporter) size(total int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.total = total
}

func (r *reporter) connections(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if n == r.count {
		return
	}
	r.count = n
	if r.to != nil {
		r.send(Event{Kind: RangeCount})
	}
}
