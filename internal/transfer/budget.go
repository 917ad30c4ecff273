package transfer

import (
	"context"
	"math"
	"slices"
	"sync"
	"time"
)

const (
	// growEvery is how long a registry must have borne the present number of
	// connections before one more is tried after a 429. ACR counts in windows
	// of a minute (ACR protocol §5.1): six steps in one.
	growEvery = 10 * time.Second

	// throttleOnce is how long further 429s belong to the same burst: the
	// connections in flight are all told at once, and should halve the limit
	// once, not once each.
	throttleOnce = time.Second

	// rateCredit is how much time that nobody used the rate makes up for: what
	// a sleep takes longer than it should is not lost, and no burst is longer.
	rateCredit = 100 * time.Millisecond

	// shortestSleep is what is left to the next wait: timers and the scheduler
	// can't do less with any precision.
	shortestSleep = 2 * time.Millisecond
)

// Budget limits the connections and the bytes a second that transfers use
// together. The nil Budget limits nothing. It is safe for concurrent use.
type Budget struct {
	max  int
	rate int64

	mu      sync.Mutex
	limit   int
	used    int
	changed time.Time // when limit last moved
	waiters []chan struct{}
	next    time.Time // when the next byte may go, by rate
	sending float64   // bytes a second of the last chunk that was sent
}

// NewBudget returns a budget; 0 or less means no limit of that kind.
func NewBudget(connections int, bytesPerSecond int64) *Budget {
	if connections <= 0 {
		connections = math.MaxInt
	}
	return &Budget{max: connections, limit: connections, rate: max(bytesPerSecond, 0)}
}

// Limit returns how many connections are allowed at the moment, 0 for any
// number.
func (b *Budget) Limit() int {
	if b == nil {
		return 0
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.grow()
	if b.limit == math.MaxInt {
		return 0
	}
	return b.limit
}

// Acquire waits for a connection; who waits longest gets the next.
func (b *Budget) Acquire(ctx context.Context) error {
	if b == nil {
		return ctx.Err()
	}
	b.mu.Lock()
	b.grow()
	if b.used < b.limit && len(b.waiters) == 0 {
		b.used++
		b.mu.Unlock()
		return nil
	}
	turn := make(chan struct{})
	b.waiters = append(b.waiters, turn)
	b.mu.Unlock()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if i := slices.Index(b.waiters, turn); i >= 0 {
		b.waiters = slices.Delete(b.waiters, i, i+1)
	} else {
		// The turn came just now: pass it on.
		b.used--
		b.wake()
	}
	return ctx.Err()
}

// TryAcquire takes a connection if one is free and nobody waits for one.
func (b *Budget) TryAcquire() bool {
	if b == nil {
		return true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.grow()
	if b.used >= b.limit || len(b.waiters) > 0 {
		return false
	}
	b.used++
	return true
}

// Release gives a connection back.
func (b *Budget) Release() {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.used--
	b.grow()
	b.wake()
}

// Crowded reports whether more connections are in use than are allowed by now,
// or somebody waits for one: a transfer that holds several should give one up.
func (b *Budget) Crowded() bool {
	if b == nil {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.grow()
	return b.used > b.limit || len(b.waiters) > 0
}

// shared reports whether other transfers hold connections, too.
func (b *Budget) shared() bool {
	if b == nil {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.used > 1
}

// Throttled halves the connections, once a burst.
func (b *Budget) Throttled() {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	if b.limit < b.max && now.Sub(b.changed) < throttleOnce {
		return
	}
	b.limit = max(min(b.used, b.limit)/2, 1)
	b.changed = now
}

// Wait takes n bytes of the rate, waiting until they are due.
func (b *Budget) Wait(ctx context.Context, n int) error {
	if b == nil || b.rate == 0 {
		return nil
	}
	b.mu.Lock()
	now := time.Now()
	if earliest := now.Add(-rateCredit); b.next.Before(earliest) {
		b.next = earliest
	}
	wait := b.next.Sub(now)
	b.next = b.next.Add(time.Duration(float64(n) / float64(b.rate) * float64(time.Second)))
	b.mu.Unlock()
	if wait < shortestSleep {
		wait = 0
	}
	return sleep(ctx, wait)
}

// grow raises the limit by one for each quiet growEvery since it last moved.
// Time is looked at only when somebody asks, so no timer is ever left behind.
func (b *Budget) grow() {
	if b.limit >= b.max {
		return
	}
	steps := int(time.Since(b.changed) / growEvery)
	if steps <= 0 {
		return
	}
	b.limit = min(b.limit+steps, b.max)
	b.changed = b.changed.Add(time.Duration(steps) * growEvery)
	b.wake()
}

func (b *Budget) wake() {
	for b.used < b.limit && len(b.waiters) > 0 {
		b.used++
		close(b.waiters[0])
		b.waiters = b.waiters[1:]
	}
}

// sleep waits for d, or until ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// noteUploadRate remembers at what rate one connection sent, for the uploads
// that begin later.
func (b *Budget) noteUploadRate(bytesPerSecond float64) {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sending = bytesPerSecond
}

// uploadRate is the rate that was last noted, 0 for none.
func (b *Budget) uploadRate() float64 {
	if b == nil {
		return 0
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.sending
}
