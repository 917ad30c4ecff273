package artifact

import (
	"context"
	"sync"
	"time"
)

const (
	// maxBlobs is the most blobs that move at a time: beyond it, memory grows
	// and one machine's speed doesn't.
	maxBlobs = 45
	// firstBlobs is where the search for the best number starts: nearly every
	// image has fewer layers, and none of them then waits for a round trip of
	// another.
	firstBlobs = 20
	// limiterPeriod is how often the number is looked at: a few round trips,
	// and longer than the time between two reports of a transfer's progress, or
	// the bytes of a period would say little.
	limiterPeriod = 150 * time.Millisecond
	// growthPays is by how much the speed must have grown for a larger number of
	// blobs to be kept.
	growthPays = 1.15
	// throttleOnce is how long further 429s belong to the same burst.
	throttleOnce = time.Second
	// holdThrottled and holdFull are how many periods, some 2 and 10 seconds,
	// a number isn't raised again that the registry refused or that brought
	// nothing: both can change.
	holdThrottled = int(2 * time.Second / limiterPeriod)
	holdFull      = int(10 * time.Second / limiterPeriod)
)

// limiter says how many blobs may move at a time. While more are waiting it
// tries half as many again, keeps them if the speed follows, and goes back if
// it doesn't. It halves the number when the registry throttles.
type limiter struct {
	fixed bool

	mu      sync.Mutex
	limit   int
	active  int
	waiting []chan struct{}
	bytes   int64     // moved in this period
	whole   bool      // bytes moved from the beginning of this period on, at this limit
	before  int       // the limit that is gone back to if the present one isn't faster, 0 when none is being tried
	best    float64   // the bytes a period at the limit before
	hold    int       // periods during which the limit must not grow
	eased   time.Time // when the registry last throttled
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

// throttled halves the number, once a second at most: the responses that follow
// were asked for before.
func (l *limiter) throttled() {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if now.Sub(l.eased) < throttleOnce {
		return
	}
	l.eased = now
	l.limit = max(1, l.limit/2)
	l.before = 0
	l.hold = holdThrottled
}

// adjust is one look at the speed.
func (l *limiter) adjust() {
	l.mu.Lock()
	defer l.mu.Unlock()
	rate, whole := float64(l.bytes), l.whole
	l.bytes, l.whole = 0, l.bytes > 0
	switch {
	case l.hold > 0:
		l.hold--
	case l.fixed, !whole, rate == 0, len(l.waiting) == 0 && l.before == 0:
		// Nothing to find out, or nothing to find it out from.
	case l.before == 0 || rate > l.best*growthPays:
		l.before, l.best, l.whole = l.limit, rate, false
		if l.limit = min(maxBlobs, l.limit+(l.limit+1)/2); l.limit == l.before {
			l.before, l.hold = 0, holdFull
		}
		l.admit()
	default:
		l.limit, l.before, l.hold = l.before, 0, holdFull
	}
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
