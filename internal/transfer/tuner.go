package transfer

import (
	"context"
	"runtime"
	"time"
)

const (
	// defaultConcurrency is the most connections that carry one download at a
	// time. Where its segments wait in memory they take 50 MiB then.
	defaultConcurrency = 16

	// parallelFrom is the size from which on a blob is worth several
	// connections, parallelRest what must be left of it by then.
	parallelFrom = 32 << 20
	parallelRest = 8 << 20

	// tuneEvery is how often the rate is looked at.
	tuneEvery = 20 * time.Millisecond

	// firstBytes is how much must have come before its rate means something.
	firstBytes = 1 << 20

	// slowLink is the most that writing and hashing may take of the time, for
	// the connection to be what holds a download back: with more, the
	// processors or the destination are, and more connections only cost them
	// more.
	slowLink = 0.5

	// busyMachine is how much of the processors' time this process may use for
	// the same: decrypting a connection shows up nowhere else.
	busyMachine = 0.6

	// fastLink is the rate, in bytes a second, from which on the other processes
	// of the machine count as well: a connection as fast as that is rather held
	// back by processors that have no time for it than by the network.
	fastLink = 100e6

	// growBy is how much the connections are multiplied by while that makes it faster,
	// and growth by how much the rate must have grown for it to have paid.
	growBy = 4
	growth = 1.25

	// tryRanges is how often a server is asked for a range before it is left
	// to send the blob in one piece.
	tryRanges = 4

	// growAgain is how long a number of connections that wasn't faster isn't
	// tried again: links change.
	growAgain = 10 * time.Second
)

// tuner finds the number of connections for one download.
type tuner struct {
	d       *download
	s       *stream
	r       *rangeScheduler
	most    int
	latency time.Duration
	tries   int
}

func newTuner(d *download, s *stream, r *rangeScheduler) *tuner {
	t := &tuner{d: d, s: s, r: r, most: d.o.Concurrency}
	if t.most <= 0 {
		t.most = defaultConcurrency
	}
	return t
}

// run ends when there is nothing to be tuned any more, or with ctx.
func (t *tuner) run(ctx context.Context) {
	if t.most == 1 {
		return
	}
	rate, ok := t.alone(ctx)
	for ok && t.tries < tryRanges {
		if t.split(ctx, rate) {
			t.grow(ctx, rate)
			return
		}
		if sleep(ctx, time.Duration(t.tries)*5*tuneEvery) != nil {
			return
		}
		rate, ok = t.alone(ctx)
	}
}

// alone measures the single connection, until it turns out to be slow. It
// reports false when the blob is too small, or nearly there.
func (t *tuner) alone(ctx context.Context) (float64, bool) {
	var began time.Time
	var from, busy int64
	var cpu time.Duration
	var machineBusy, machineAll int64
	begin := func() {
		began, from, busy, cpu = time.Now(), t.d.received.Load(), t.s.busy.Load(), t.d.cpuTime()
		machineBusy, machineAll = t.d.machineTime()
	}
	begin()
	wait, moving := tuneEvery, false
	for {
		if sleep(ctx, wait) != nil {
			return 0, false
		}
		select {
		case <-t.s.done:
			return 0, false
		default:
		}
		size, got := t.d.known(), t.d.received.Load()-from
		switch {
		case !moving, got == 0:
			// The response is on its way, or came in this span, or nothing moves
			// at all.
			moving = got > 0
			begin()
			continue
		case size >= 0 && (size < parallelFrom || size-t.s.position() < parallelRest):
			return 0, false
		case size < 0, got < firstBytes:
			continue
		}
		took := time.Since(began)
		working := float64(t.d.cpuTime()-cpu) / float64(runtime.GOMAXPROCS(0))
		rate := float64(got) / took.Seconds()
		nowBusy, nowAll := t.d.machineTime()
		if !overworked(rate, nowBusy-machineBusy, nowAll-machineAll) && float64(t.s.busy.Load()-busy) <= slowLink*float64(took) && working <= busyMachine*float64(took) {
			return rate, true
		}
		wait = min(wait*2, time.Second)
		begin()
	}
}

// overworked reports whether a connection of that rate is held back by the
// machine's processors, which were busy for so many of all their ticks.
func overworked(rate float64, busy, all int64) bool {
	return rate >= fastLink && float64(busy) > busyMachine*float64(all)
}

// split opens a range some way ahead of the single connection, and only when
// the server really gives it makes the one end where the other begins. A
// server without ranges loses nothing.
func (t *tuner) split(ctx context.Context, rate float64) bool {
	t.tries++
	if !t.d.budget.TryAcquire() {
		return false
	}
	ahead := int64(rate * (2*t.latency + 50*time.Millisecond).Seconds())
	size := t.d.known()
	off := t.s.position() + max(ahead, lastSegment)
	if size-off < parallelRest/2 {
		t.d.budget.Release()
		return false
	}
	c := t.d.cursor(off, min(off+leastSegment, size))
	c.ranged = true
	err := c.open(ctx)
	t.latency = max(t.latency, c.latency)
	if err != nil || !t.s.stopAt(off) {
		c.close()
		t.d.budget.Release()
		if f, ok := asType[*Fault](err); ok && f.Class == WrongRange {
			t.tries = tryRanges
		} else if ok && f.Class == Throttled {
			t.d.noteThrottled()
			t.tries = tryRanges
		}
		return false
	}
	t.r.mu.Lock()
	t.r.extra++
	t.r.target, t.r.latency, t.r.rate = 2, c.latency, rate
	t.r.mu.Unlock()
	t.r.begin(ctx, off, size, c)
	return true
}

// grow adds connections while that brings something, and takes the last step
// back when it doesn't.
func (t *tuner) grow(ctx context.Context, alone float64) {
	before, was := alone, 1
	target := min(growBy, t.most)
	for {
		t.aim(ctx, target)
		rate, ok := t.measure(ctx)
		if !ok {
			return
		}
		now := t.target()
		switch {
		case now < target:
			// A 429 came in between: that many is what the registry accepts.
			target, was = now, now
			if sleep(ctx, growAgain) != nil {
				return
			}
			before, ok = t.measure(ctx)
		case rate >= before*growth:
			before, was = rate, target
		default:
			t.aim(ctx, was)
			if sleep(ctx, growAgain) != nil {
				return
			}
			before, ok = t.measure(ctx)
		}
		if !ok {
			return
		}
		if was >= t.most {
			t.hold(ctx)
			return
		}
		target = min(was*growBy, t.most)
	}
}

// hold keeps the number of connections, replacing those that ended.
func (t *tuner) hold(ctx context.Context) {
	for sleep(ctx, growAgain/10) == nil {
		t.r.fill(ctx)
	}
}

func (t *tuner) target() int {
	t.r.mu.Lock()
	defer t.r.mu.Unlock()
	return t.r.target
}

func (t *tuner) aim(ctx context.Context, target int) {
	t.r.mu.Lock()
	t.r.target = target
	t.r.mu.Unlock()
	t.r.fill(ctx)
}

// measure returns the rate of all connections together, once new ones have had
// time to begin.
func (t *tuner) measure(ctx context.Context) (float64, bool) {
	settle := tuneEvery + t.latency + t.latency/4
	if sleep(ctx, settle) != nil {
		return 0, false
	}
	began, from := time.Now(), t.d.received.Load()
	for {
		if sleep(ctx, 2*tuneEvery) != nil {
			return 0, false
		}
		took := time.Since(began)
		if got := t.d.received.Load() - from; got >= firstBytes || took > time.Second {
			return float64(got) / took.Seconds(), true
		}
	}
}
