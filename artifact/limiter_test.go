package artifact

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// load keeps blobs moving at a rate that each place adds, up to a ceiling.
func load(ctx context.Context, l *limiter, each, ceiling int64) {
	for ctx.Err() == nil {
		time.Sleep(10 * time.Millisecond)
		l.mu.Lock()
		active := int64(l.active)
		l.mu.Unlock()
		l.moved(min(active*each, ceiling) / 100)
	}
}

// occupy takes every place there is, and waits for more.
func occupy(ctx context.Context, l *limiter, n int) {
	for range n {
		go func() { _ = l.acquire(ctx) }()
	}
}

func TestConcurrencyFindsItself(t *testing.T) {
	const mb = 1 << 20
	for name, c := range map[string]struct {
		ceiling  int64
		fixed    int
		throttle bool
		least    int
		most     int
	}{
		"grows while that pays":             {ceiling: 10_000 * mb, least: maxBlobs, most: maxBlobs},
		"stops where the link is full":      {ceiling: 300 * mb, least: firstBlobs, most: firstBlobs},
		"stays where it was told to":        {ceiling: 10_000 * mb, fixed: 3, least: 3, most: 3},
		"takes back when it is throttled":   {ceiling: 300 * mb, throttle: true, least: 1, most: firstBlobs},
		"takes back from a number it chose": {ceiling: 10_000 * mb, fixed: 8, throttle: true, least: 4, most: 4},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				l := newLimiter(c.fixed)
				stop := l.watch(ctx)
				occupy(ctx, l, 64)
				go load(ctx, l, 50*mb, c.ceiling)
				time.Sleep(time.Second)
				if c.throttle {
					for range 5 { // answers that were asked for before count once
						l.throttled()
					}
				}
				l.mu.Lock()
				limit := l.limit
				l.mu.Unlock()
				if limit < c.least || limit > c.most {
					t.Errorf("%d places, want %d to %d", limit, c.least, c.most)
				}
				cancel()
				stop()
				time.Sleep(time.Second) // until load has looked at ctx again
			})
		})
	}
}

func TestPlaceOfACancelledWaiterGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(1)
		if err := l.acquire(t.Context()); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		stopped := errors.New("enough")
		given, taken := make(chan error, 1), make(chan error, 1)
		go func() { given <- l.acquire(ctx) }()
		synctest.Wait()
		go func() { taken <- l.acquire(t.Context()) }()
		synctest.Wait()
		cancel(stopped)
		if err := <-given; !errors.Is(err, stopped) {
			t.Errorf("error %v, want the cause", err)
		}
		l.release()
		if err := <-taken; err != nil {
			t.Error(err)
		}
		if l.active != 1 || len(l.waiting) != 0 {
			t.Errorf("%d active, %d waiting; want 1 and 0", l.active, len(l.waiting))
		}
	})
}
