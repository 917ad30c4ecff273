package printed

import (
	"os"
	"strings"
	"testing"
)

// corpus reads testdata/corpus.txt: texts as tools print them, with their
// labels.
func corpus(t testing.TB) []labelled {
	t.Helper()
	raw, err := os.ReadFile("testdata/corpus.txt")
	if err != nil {
		t.Fatal(err)
	}
	var list []labelled
	for _, block := range strings.Split("\n"+string(raw), "\n== ")[1:] {
		head, text, found := strings.Cut(block, "\n--\n")
		if !found {
			t.Fatalf("no text in %q", block)
		}
		l := labelled{text: text}
		for i, line := range strings.Split(head, "\n") {
			name, value, _ := strings.Cut(line, ": ")
			switch {
			case i == 0:
				l.name = line
			case name == "codes" && value != "-":
				l.codes = strings.Fields(value)
			case name == "never":
				l.never = strings.Fields(value)
			case name == "registry":
				l.registry = value
			case name == "repository":
				l.repository = value
			}
		}
		list = append(list, l)
	}
	return list
}
