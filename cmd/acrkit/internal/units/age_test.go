package units

import (
	"strings"
	"testing"
	"time"
)

func TestAgesNeverOverflow(t *testing.T) {
	now := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"0": now, "0d": now, "30d": now.AddDate(0, 0, -30), "2w": now.AddDate(0, 0, -14), "1w3d12h": now.AddDate(0, 0, -10).Add(-12 * time.Hour),
		"1h15m": now.Add(-75 * time.Minute), "1.5d": now.Add(-36 * time.Hour), "10m": now.Add(-10 * time.Minute), "7d12h30m": now.AddDate(0, 0, -7).Add(-12*time.Hour - 30*time.Minute),
		"106752d": now.AddDate(0, 0, -106752), "999999d": {}, "99999999999999999999d": {}, "99999999999999999999999h": {}, "9999999w9999999w": {}, "1e": {},
	} {
		got, err := ParseLongAge(text)
		if text == "1e" {
			if err == nil || !strings.Contains(err.Error(), "at character 2") {
				t.Errorf("%q: %v; want the position", text, err)
			}
			continue
		}
		if err != nil || !got.Before(now).Equal(want) {
			t.Errorf("%q: %v, %v; want %v", text, got.Before(now), err, want)
		}
	}
	for _, text := range []string{"", "d", "-1d", "30", "3 d", "1d-2h", "1..5d", "30days", "∞d", "NaNd"} {
		if got, err := ParseLongAge(text); err == nil {
			t.Errorf("%q: %v; want an error", text, got)
		}
	}
}

func FuzzAge(f *testing.F) {
	f.Add("30d")
	f.Add("1w2d3h")
	f.Add("99999999999999999999h0.999999999d")
	now := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, text string) {
		if age, err := ParseLongAge(text); err == nil && age.Before(now).After(now) {
			t.Errorf("%q is in the future: %v", text, age.Before(now))
		}
	})
}
