//go:build !unix

package transfer

import "time"

// cpuTime is the processor time that this process has used, 0 where the system
// doesn't say.
func cpuTime() time.Duration { return 0 }
