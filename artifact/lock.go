package artifact

import (
	"context"
	"os"
	"sync"
	"time"
)

// lockPoll is how often a lock that another process holds is asked for again;
// it is held for one small write.
const lockPoll = 20 * time.Millisecond

// lockFile waits until this process alone holds the lock of f, which ends when
// f is closed or the process ends.
func lockFile(ctx context.Context, f *os.File) error {
	for {
		locked, err := tryLock(f)
		if locked || err != nil {
			return err
		}
		timer := time.NewTimer(lockPoll)
		select {
		case <-ctx.Done():
			timer.Stop()
			return context.Cause(ctx)
		case <-timer.C:
		}
	}
}

// keyedMutex is one lock a key. The zero value is ready.
type keyedMutex struct {
	mu   sync.Mutex
	held map[string]chan struct{}
}

// lock waits for the key or the end of ctx.
func (k *keyedMutex) lock(ctx context.Context, key string) (unlock func(), err error) {
	for {
		k.mu.Lock()
		busy, ok := k.held[key]
		if !ok {
			done := make(chan struct{})
			if k.held == nil {
				k.held = map[string]chan struct{}{}
			}
			k.held[key] = done
			k.mu.Unlock()
			return func() {
				k.mu.Lock()
				delete(k.held, key)
				k.mu.Unlock()
				close(done)
			}, nil
		}
		k.mu.Unlock()
		select {
		case <-busy:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}
