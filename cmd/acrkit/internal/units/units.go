// Package units reads the quantities of flags: rates and ages.
package units

import (
	"strconv"
	"strings"
	"time"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
)

// ParseRate reads a number of bytes a second with a binary unit: "500K",
// "10MiB", "1.5G/s".
func ParseRate(text string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	number := strings.TrimSuffix(strings.ToUpper(text), "/S")
	number = strings.TrimSuffix(strings.TrimSuffix(number, "B"), "I")
	unit := 1.0
	if n := len(number); n > 0 {
		if power := strings.IndexByte("KMGT", number[n-1]); power >= 0 {
			number = number[:n-1]
			for range power + 1 {
				unit *= 1024
			}
		}
	}
	rate, err := strconv.ParseFloat(number, 64)
	if err != nil || !(rate*unit >= 1) || rate*unit > 1<<60 {
		return 0, failure.Usagef("--limit-rate %q: must be bytes a second, such as 500K, 10M or 1.5G", text)
	}
	return int64(rate * unit), nil
}

// ParseAge reads a duration that may be in days.
func ParseAge(text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	invalid := failure.Usagef("--older %q: must be a duration such as 7d, 12h or 30m", text)
	if days, found := strings.CutSuffix(text, "d"); found {
		n, err := strconv.Atoi(days)
		// A hundred years: beyond it the nanoseconds overflow.
		if err != nil || n < 0 || n > 36500 {
			return 0, invalid
		}
		return time.Duration(n) * 24 * time.Hour, nil
	}
	age, err := time.ParseDuration(text)
	if err != nil || age < 0 {
		return 0, invalid
	}
	return age, nil
}
