package clock

import (
	"testing"
	"time"
)

func TestClockReachesTheEndsOfTheYears(t *testing.T) {
	now := time.Date(2026, 1, 13, 17, 34, 21, 0, time.UTC)
	c := New(func() time.Time { return now })
	for _, at := range []time.Time{
		time.Date(9999, 12, 31, 23, 59, 58, 0, time.UTC), time.Date(1, 1, 2, 0, 0, 0, 0, time.UTC), now,
	} {
		c.Set(at)
		if got := c.Now(); !got.Equal(at) {
			t.Errorf("set to %v, it is %v", at, got)
		}
		now = now.Add(time.Second)
		c.Advance(-100 * time.Hour)
		if got, want := c.Now(), at.Add(time.Second-100*time.Hour); !got.Equal(want) {
			t.Errorf("moved back from %v, it is %v, want %v", at, got, want)
		}
	}
	c.Freeze(now)
	c.Advance(time.Hour)
	if got := c.Now(); !got.Equal(now.Add(time.Hour)) {
		t.Errorf("frozen and advanced, it is %v", got)
	}
	c.Reset()
	if got := c.Now(); !got.Equal(now) {
		t.Errorf("reset, it is %v, want %v", got, now)
	}
}
