package transfer

import (
	"context"
	"time"
)

// lingering returns a context that ends grace after ctx does, so that what was
// begun before can be finished. The caller releases it.
func lingering(ctx context.Context, grace time.Duration) (context.Context, context.CancelFunc) {
	if grace <= 0 {
		return context.WithCancel(ctx)
	}
	child, cancel := context.WithCancel(context.WithoutCancel(ctx))
	go func() {
		select {
		case <-ctx.Done():
		case <-child.Done():
			return
		}
		timer := time.NewTimer(grace)
		defer timer.Stop()
		select {
		case <-timer.C:
			cancel()
		case <-child.Done():
		}
	}()
	return child, cancel
}
