// Package filelock locks files and folders between processes, as far as the
// system can: a lock ends when its file is closed or its process ends.
package filelock

import (
	"context"
	"os"
	"time"
)

// Poll is how often a lock that another process holds is asked for again;
// it is held for one small write.
const Poll = 20 * time.Millisecond

// Lock waits until this process alone holds the lock of f, which ends when
// f is closed or the process ends.
func Lock(ctx context.Context, f *os.File) error {
	for {
		locked, err := Try(f)
		if locked || err != nil {
			return err
		}
		timer := time.NewTimer(Poll)
		select {
		case <-ctx.Done():
			timer.Stop()
			return context.Cause(ctx)
		case <-timer.C:
		}
	}
}
