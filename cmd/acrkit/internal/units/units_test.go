package units

import (
	"testing"
)

func TestRates(t *testing.T) {
	for text, want := range map[string]int64{"": 0, "1": 1, "500K": 500 << 10, "10m": 10 << 20, "1.5G/s": 3 << 29, "2MiB": 2 << 20, "3MB/s": 3 << 20} {
		if got, err := ParseRate(text); err != nil || got != want {
			t.Errorf("%q: %d, %v; want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"fast", "-1", "0", "K", "NaN", "Inf", "1e300", "10X", " 1"} {
		if got, err := ParseRate(text); err == nil {
			t.Errorf("%q: %d; want an error", text, got)
		}
	}
}
