//go:build unix

package transfer

import (
	"syscall"
	"time"
)

// cpuTime is the processor time that this process has used, 0 where the system
// doesn't say.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
