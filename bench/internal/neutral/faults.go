package neutral

import (
	"math/rand/v2"
	"net"
	"sync"
)

// fault is one way to fail.
type fault int

const (
	none fault = iota
	// reset ends the connection with a TCP reset.
	reset
	// unavailable ends the connection, and the next request gets a 503.
	unavailable
	// stall neither moves a byte nor ends the connection.
	stall
	// stale ends the connection and invalidates the signed URL or the
	// upload's state.
	stale
)

var kinds = []fault{reset, unavailable, stall, stale}

// schedule decides after which byte which fault comes. The distances are
// exponential with the mean that was asked for, and the same for the same
// seed.
type schedule struct {
	mu     sync.Mutex
	config Faults
	random *rand.Rand
	left   int64
	turn   int
	count  int
	// refuse answers the next request for a blob with a 503.
	refuse bool
	// epoch is part of each signed URL; a stale fault raises it.
	epoch int
	// stalled connections stand until the stage ends.
	stalled []net.Conn
}

func newSchedule(c *Faults) *schedule {
	if c == nil {
		return nil
	}
	s := &schedule{config: *c, random: rand.New(rand.NewPCG(c.Seed, 0xacacac))}
	s.left = s.distance()
	return s
}

func (s *schedule) distance() int64 {
	return 1 + int64(s.random.ExpFloat64()*float64(s.config.EveryBytes))
}

// pass reports the fault that the next n bytes run into.
func (s *schedule) pass(n int64) fault {
	if s == nil {
		return none
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.config.Max > 0 && s.count >= s.config.Max {
		return none
	}
	s.left -= n
	if s.left > 0 {
		return none
	}
	s.left = s.distance()
	s.count++
	kind := kinds[s.turn%len(kinds)]
	s.turn++
	switch kind {
	case unavailable:
		s.refuse = true
	case stale:
		s.epoch++
	}
	return kind
}

// refused reports, once, that this request gets the 503 of an earlier fault.
func (s *schedule) refused() bool {
	if s == nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	refuse := s.refuse
	s.refuse = false
	return refuse
}

func (s *schedule) signature() int {
	if s == nil {
		return 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.epoch
}

func (s *schedule) played() int {
	if s == nil {
		return 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count
}

// keep leaves a connection open that nobody serves any more.
func (s *schedule) keep(c net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stalled = append(s.stalled, c)
}

// end closes what stands still.
func (s *schedule) end() {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.stalled {
		_ = c.Close()
	}
	s.stalled = nil
}
