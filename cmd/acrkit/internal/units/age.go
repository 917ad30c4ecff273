package units

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Age is how long ago something was, in days and a rest. It can be longer than
// a [time.Duration] can hold; what is longer than any date goes to the earliest
// one, and so nothing is older.
type Age struct {
	days int64
	rest time.Duration
	text string
}

// String is the age as it was given.
func (a Age) String() string { return a.text }

// maxDays is more than the years between the first date and now.
const maxDays = 1_000_000_000

// Before is the moment that is the age before now.
func (a Age) Before(now time.Time) time.Time {
	const day = 24 * time.Hour
	earliest := time.Time{}
	days := min(a.days, maxDays)
	if days > int64(now.Sub(earliest)/day)+100_000_000 || int(days) < 0 {
		return earliest
	}
	if at := now.AddDate(0, 0, -int(days)).Add(-a.rest); at.After(earliest) {
		return at
	}
	return earliest
}

// ageUnits are the units of an age, in nanoseconds; days and weeks are counted
// apart.
var ageUnits = map[string]time.Duration{
	"ns": time.Nanosecond, "us": time.Microsecond, "µs": time.Microsecond, "ms": time.Millisecond,
	"s": time.Second, "m": time.Minute, "h": time.Hour,
}

// ParseLongAge reads numbers with units, such as 30d, 2w, 1w3d12h or 90m: weeks,
// days, hours, minutes and seconds. A number that is too large is no error: then
// nothing is that old. An error names the position.
func ParseLongAge(text string) (Age, error) {
	a := Age{text: text}
	if text == "" {
		return a, fmt.Errorf("an age is missing, such as 30d, 2w or 12h")
	}
	if text == "0" {
		return a, nil
	}
	for at := 0; at < len(text); {
		start := at
		for at < len(text) && (text[at] >= '0' && text[at] <= '9' || text[at] == '.') {
			at++
		}
		number := text[start:at]
		if number == "" {
			return a, fmt.Errorf("age %q: at character %d: want a number, such as in 30d, 2w or 1d12h", text, start+1)
		}
		unitStart := at
		for at < len(text) && !(text[at] >= '0' && text[at] <= '9') && text[at] != '.' {
			at++
		}
		if err := a.add(number, text[unitStart:at], text, start, unitStart); err != nil {
			return a, err
		}
	}
	return a, nil
}

func (a *Age) add(number, unit, text string, start, unitStart int) error {
	days := int64(0)
	switch unit {
	case "d":
		days = 1
	case "w":
		days = 7
	default:
		if ageUnits[unit] == 0 {
			return fmt.Errorf("age %q: at character %d: %q is no unit, want w, d, h, m or s", text, unitStart+1, unit)
		}
	}
	value, err := strconv.ParseFloat(number, 64)
	if err != nil && !strings.Contains(err.Error(), "range") {
		return fmt.Errorf("age %q: at character %d: %q is no number", text, start+1, number)
	}
	if days > 0 {
		whole, part := math.Modf(min(value*float64(days), maxDays))
		a.days = min(a.days+int64(whole), maxDays)
		a.addRest(part * float64(24*time.Hour))
		return nil
	}
	a.addRest(value * float64(ageUnits[unit]))
	return nil
}

// addRest adds nanoseconds, whole days of them to the days.
func (a *Age) addRest(ns float64) {
	const day = float64(24 * time.Hour)
	whole := min(math.Floor(ns/day), maxDays)
	a.days = min(a.days+int64(whole), maxDays)
	if whole < maxDays {
		a.rest += time.Duration(ns - whole*day)
	}
	if a.rest >= 24*time.Hour {
		a.days, a.rest = min(a.days+1, maxDays), a.rest-24*time.Hour
	}
}
