package transfer

import "testing"

func TestMachineTime(t *testing.T) {
	for text, want := range map[string][2]int64{
		"cpu  100 1 20 300 7 2 3 4 50 0\ncpu0 1 1 1 1\n": {130, 437},
		"cpu 1 2 3 4\n": {6, 10},
		"cpu0 1 2 3 4":  {},
		"cpu 1 x 3 4":   {},
		"cpu":           {},
		"":              {},
	} {
		if busy, all := parseMachineTime([]byte(text)); busy != want[0] || all != want[1] {
			t.Errorf("%q: %d of %d, want %v", text, busy, all, want)
		}
	}
}

func TestAFastConnectionOfABusyMachineStaysAlone(t *testing.T) {
	for name, c := range map[string]struct {
		rate      float64
		busy, all int64
		want      bool
	}{
		"idle machine":                  {500e6, 10, 100, false},
		"busy machine":                  {500e6, 90, 100, true},
		"busy machine, slow connection": {50e6, 90, 100, false},
		"nothing known":                 {500e6, 0, 0, false},
	} {
		if got := overworked(c.rate, c.busy, c.all); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
