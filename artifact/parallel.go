package artifact

import (
	"context"
	"errors"
	"sync"
)

// errStopped is why work ends whose neighbour has failed. It stands for the
// failure itself, which is the first caller's to look at.
var errStopped = errors.New("stopped because something else failed")

// parallel calls do for 0 to n-1, at most limit at a time. After the first
// failure it starts no more, cancels those that run, waits for them, and
// returns that failure.
func parallel(ctx context.Context, limit, n int, do func(ctx context.Context, i int) error) error {
	if n == 0 {
		return context.Cause(ctx)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var (
		wg    sync.WaitGroup
		mu    sync.Mutex
		next  int
		first error
	)
	take := func() (int, bool) {
		mu.Lock()
		defer mu.Unlock()
		if first == nil {
			first = context.Cause(ctx)
		}
		if next == n || first != nil {
			return 0, false
		}
		next++
		return next - 1, true
	}
	for range min(limit, n) {
		wg.Go(func() {
			for {
				i, ok := take()
				if !ok {
					return
				}
				if err := do(ctx, i); err != nil {
					mu.Lock()
					if first == nil {
						first = err
					}
					mu.Unlock()
					cancel(errStopped)
					return
				}
			}
		})
	}
	wg.Wait()
	return first
}
