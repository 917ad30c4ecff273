// Package clock is the time of an emulator, which can be moved.
package clock

import (
	"encoding/json"
	"fmt"
	"sync"
	"time"
)

// Clock is the time of an emulator. Tokens, signed URLs, timestamps,
// retention and throttling windows all follow it, so that a test can let them
// expire at will. It is safe for concurrent use.
//
// The emulator's clock does not move the clock of its clients: a client that
// looks at its own clock still uses a token that the emulator
// already refuses, which is what a machine with a wrong clock sees.
type Clock struct {
	base func() time.Time

	mu sync.RWMutex
	// set is the time that it was made at the moment since of base; both are
	// zero while the clock follows base. A difference between the two would
	// not reach from one end of the years to the other.
	set, since time.Time
	frozen     *time.Time
}

// New returns a clock that follows base until it is moved.
func New(base func() time.Time) *Clock { return &Clock{base: base} }

// Now returns the emulator's time.
func (c *Clock) Now() time.Time {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if c.frozen != nil {
		return *c.frozen
	}
	return c.running()
}

// running is the time of a clock that isn't frozen.
func (c *Clock) running() time.Time {
	now := c.base()
	if c.since.IsZero() {
		return now
	}
	return c.set.Add(now.Sub(c.since))
}

// Advance moves the clock forward by d, or backward when d is negative. A
// frozen clock stays frozen at its new time.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.frozen != nil {
		moved := c.frozen.Add(d)
		c.frozen = &moved
		return
	}
	c.set, c.since = c.running().Add(d), c.base()
}

// Set makes it t now; time continues from there.
func (c *Clock) Set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.frozen = nil
	c.set, c.since = t, c.base()
}

// Freeze stops the clock at t until Set or Reset is called.
func (c *Clock) Freeze(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.frozen = &t
}

// Reset goes back to the time that the options gave.
func (c *Clock) Reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.frozen, c.set, c.since = nil, time.Time{}, time.Time{}
}

// Duration is a [time.Duration] that is written in JSON as text, such as
// "90s" or "1h30m".
type Duration time.Duration

// MarshalJSON writes d as text.
func (d Duration) MarshalJSON() ([]byte, error) {
	return json.Marshal(time.Duration(d).String())
}

// UnmarshalJSON reads text in the form of [time.ParseDuration].
func (d *Duration) UnmarshalJSON(data []byte) error {
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return fmt.Errorf("duration %s: want text such as \"90s\"", data)
	}
	parsed, err := time.ParseDuration(text)
	if err != nil {
		return fmt.Errorf("duration %q: want text such as \"90s\"", text)
	}
	*d = Duration(parsed)
	return nil
}
