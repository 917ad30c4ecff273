package wire

import (
	"testing"
	"time"
)

var now = time.Date(2023, 5, 1, 12, 0, 0, 0, time.UTC)

func TestRetryAfterHasTwoForms(t *testing.T) {
	for value, want := range map[string]time.Duration{
		"17": 17 * time.Second, " 0 ": 0, "Mon, 01 May 2023 12:00:30 GMT": 30 * time.Second, "Mon, 01 May 2023 11:00:00 GMT": 0,
		"": -1, "-5": -1, "soon": -1, "1.5": -1, "99999999999": -1,
	} {
		if got, ok := RetryAfter(value, now); ok != (want >= 0) || ok && got != want {
			t.Errorf("%q: %s, %v", value, got, ok)
		}
	}
}

func FuzzRetryAfter(f *testing.F) {
	for _, seed := range []string{"17", "-1", "Mon, 01 May 2023 12:00:30 GMT", "", "1e3"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		if got, ok := RetryAfter(value, now); got < 0 || !ok && got != 0 {
			t.Errorf("%q: %s, %v", value, got, ok)
		}
	})
}
