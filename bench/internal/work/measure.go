package work

import (
	"bufio"
	"bytes"
	"context"
	"os"
	"runtime"
	"strconv"
	"syscall"
	"time"
)

// Measurement is what one process used for its job. Starting the process is
// not part of it.
type Measurement struct {
	Wall time.Duration
	// CPU is user and system time, children included.
	CPU time.Duration
	// Memory is the most resident memory, in bytes.
	Memory int64
	// Allocated counts all bytes ever allocated on the heap, Allocations the
	// objects.
	Allocated, Allocations int64
	// Error is why the work failed; the other fields then mean little.
	Error string `json:",omitempty"`
}

// Measure runs the job.
func Measure(ctx context.Context, do Func, job Job) Measurement {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	cpu := usedCPU()
	start := time.Now()
	err := do(ctx, job)
	m := Measurement{Wall: time.Since(start), CPU: usedCPU() - cpu, Memory: peakMemory()}
	runtime.ReadMemStats(&after)
	m.Allocated = int64(after.TotalAlloc - before.TotalAlloc)
	m.Allocations = int64(after.Mallocs - before.Mallocs)
	if err != nil {
		m.Error = err.Error()
	}
	return m
}

func usedCPU() time.Duration {
	var total time.Duration
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var usage syscall.Rusage
		if syscall.Getrusage(who, &usage) == nil {
			total += time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
		}
	}
	return total
}

// peakMemory reads VmHWM where there is a /proc, since ru_maxrss begins with
// the memory of the process that forked; a child that did the work counts
// instead when it was larger.
func peakMemory() int64 {
	peak := highWater()
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		if who == syscall.RUSAGE_SELF && peak > 0 {
			continue
		}
		var usage syscall.Rusage
		if syscall.Getrusage(who, &usage) == nil {
			peak = max(peak, int64(usage.Maxrss)*maxrssUnit)
		}
	}
	return peak
}

func highWater() int64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	lines := bufio.NewScanner(bytes.NewReader(status))
	for lines.Scan() {
		fields := bytes.Fields(lines.Bytes())
		if len(fields) >= 2 && string(fields[0]) == "VmHWM:" {
			kib, err := strconv.ParseInt(string(fields[1]), 10, 64)
			if err != nil {
				return 0
			}
			return kib << 10
		}
	}
	return 0
}
