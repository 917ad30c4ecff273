package words

import "testing"

func TestEditsAreCounted(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"", "", 0},
		{"digest", "digest", 0},
		{"", "tag", 3},
		{"tag", "", 3},
		{"degist", "digest", 2},
		{"debgu", "debug", 2},
		{"plaform", "platform", 1},
		{"kitten", "sitting", 3},
		{"ROLE", "ROOLE", 1},
	} {
		if got := Edits(c.a, c.b); got != c.want {
			t.Errorf("%q to %q: %d edits, want %d", c.a, c.b, got, c.want)
		}
	}
}
