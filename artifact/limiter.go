package artifact

import (
	"context"
	"sync"
	"time"
)

const (
	// maxBlobs is the most blobs that move at a time: beyond it, memory grows
	// and one machine's speed doesn't.
	maxBlobs = 32
	// firstBlobs is where the search for the best number starts.
	firstBlobs = 8
	// limiterPeriod is how often the number is looked at: a few round trips,
	// and longer than the time between two reports of a transfer's progress, or
	// the bytes of a period would say little.
	limiterPeriod = 150 * time.Millisecond
	// growthPays is by how much the speed must have grown for the number of
	// blobs to grow again.
	growthPays = 1.15
)

// limiter says how many blobs may move at a time. It starts low, doubles the
// number while the speed follows, and halves it when the registry throttles.
type limiter struct {
	fixed bool

	mu      sync.Mutex
	limit   int
	active  int
	waiting []chan struct{}
	bytes   int64   // moved in this period
	best    float64 // the best bytes a period so far, at a lower limit
	hold    int     // periods during which the limit must not grow
}

// newLimiter is a limiter of its own finding, or of a fixed number.
func newLimiter(fixed int) *limiter {
	if fixed > 0 {
		return &limiter{fixed: true, limit: min(fixed, maxBlobs)}
	}
	return &limiter{limit: firstBlobs}
}

// acquire waits for a place.
func (l *limiter) acquire(ctx context.Context) error {
	l.mu.Lock()
	if err := context.Cause(ctx); err != nil {
		l.mu.Unlock()
		return err
	}
	if l.active < l.limit && len(l.waiting) == 0 {
		l.active++
		l.mu.Unlock()
		return nil
	}
	turn := make(chan struct{})
	l.waiting = append(l.waiting, turn)
	l.mu.Unlock()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
		l.mu.Lock()
		defer l.mu.Unlock()
		for i, other := range l.waiting {
			if other == turn {
				l.waiting = append(l.waiting[:i], l.waiting[i+1:]...)
				return context.Cause(ctx)
			}
		}
		// The place came in the same moment: it goes to the next.
		l.active--
		l.admit()
		return context.Cause(ctx)
	}
}

// release gives a place back.
func (l *limiter) release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.active--
	l.admit()
}

func (l *limiter) admit() {
	for l.active < l.limit && len(l.waiting) > 0 {
		l.active++
		close(l.waiting[0])
		l.waiting = l.waiting[1:]
	}
}

// moved counts bytes.
func (l *limiter) moved(n int64) {
	if n <= 0 {
		return
	}
	l.mu.Lock()
	l.bytes += n
	l.mu.Unlock()
}

// throttled halves the number, once a second at most: the answers that follow
// were asked for before.
func (l *limiter) throttled() {
	l.mu.Lock()
	defer l.mu.Unlock()
	const second = int(time.Second / limiterPeriod)
	if l.hold > second {
		return
	}
	l.limit = max(1, l.limit/2)
	l.best = 0
	l.hold = 2 * second
}

// adjust is one look at the speed.
func (l *limiter) adjust() {
	l.mu.Lock()
	defer l.mu.Unlock()
	rate := float64(l.bytes)
	l.bytes = 0
	if l.hold > 0 {
		l.hold--
		return
	}
	if l.fixed || len(l.waiting) == 0 || rate <= l.best*growthPays {
		return
	}
	l.best = rate
	l.limit = min(maxBlobs, l.limit*2)
	l.admit()
}

// watch looks at the speed until the function that it returns is called.
func (l *limiter) watch(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		ticker := time.NewTicker(limiterPeriod)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				l.adjust()
			}
		}
	}()
	return func() {
		cancel()
		<-done
	}
}
