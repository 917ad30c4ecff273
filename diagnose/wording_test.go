package diagnose_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/acrkit/azcontainerregistry/diagnose"
	"github.com/acrkit/azcontainerregistry/internal/diagnosetest"
)

// TestNoGuessIsWordedAsAFact checks, for every row, that what is inferred is
// typed and worded so, and that nothing else is.
func TestNoGuessIsWordedAsAFact(t *testing.T) {
	for _, code := range diagnose.Codes() {
		r, _ := diagnose.Lookup(code)
		if guessing.MatchString(r.Title) {
			t.Errorf("%s: the title guesses: %q", code, r.Title)
		}
		inferred := false
		for _, c := range r.Causes {
			switch c.Certainty {
			case diagnose.Certain:
				if guessing.MatchString(c.Text) {
					t.Errorf("%s: typed as certain, worded as a guess: %q", code, c.Text)
				}
				if inferred {
					t.Errorf("%s: a certain cause comes after an inferred one: %q", code, c.Text)
				}
			case diagnose.Inferred:
				inferred = true
				if !hedge.MatchString(c.Text) {
					t.Errorf("%s: typed as inferred, worded as a fact: %q", code, c.Text)
				}
			default:
				t.Errorf("%s: no certainty: %q", code, c.Text)
			}
			if c.Tell == "" {
				t.Errorf("%s: nothing proves it or tells it apart: %q", code, c.Text)
			}
		}
	}
	// What was seen is taken from the exchange and never hedged by us.
	for _, r := range diagnosetest.Recordings(t, "testdata/explain") {
		d, _ := diagnose.Explain(failureOf(t, r))
		for _, seen := range d.Seen {
			if hedge.MatchString(seen.Text) {
				t.Errorf("%s: an observation guesses: %q", r.Path, seen.Text)
			}
			if seen.Origin == "" {
				t.Errorf("%s: an observation has no origin: %q", r.Path, seen.Text)
			}
		}
		if len(d.Seen) == 0 {
			t.Errorf("%s: nothing was seen", r.Path)
		}
	}
}

// TestRowsAreComplete checks what every row must have.
func TestRowsAreComplete(t *testing.T) {
	known := map[diagnose.Code]bool{}
	for _, code := range diagnose.Codes() {
		r, _ := diagnose.Lookup(code)
		if known[code] {
			t.Errorf("%s is there twice", code)
		}
		known[code] = true
		switch {
		case !codeStyle.MatchString(string(code)):
			t.Errorf("%q is no code", code)
		case r.Kind == "" || r.Severity == 0 || r.Retry == "":
			t.Errorf("%s: kind %q, severity %v, retry %q", code, r.Kind, r.Severity, r.Retry)
		case r.Title == "" || strings.HasSuffix(r.Title, "."):
			t.Errorf("%s: title %q", code, r.Title)
		case !strings.HasSuffix(r.Meaning, "."):
			t.Errorf("%s: the meaning is no sentence: %q", code, r.Meaning)
		case len(r.Causes) == 0 && code != "UNKNOWN_FAILURE":
			t.Errorf("%s has no cause", code)
		case len(r.Fix) == 0:
			t.Errorf("%s has no fix", code)
		}
		texts := append([]string{r.Title}, r.Fix...)
		for _, c := range r.Causes {
			texts = append(texts, c.Text, c.Tell)
		}
		for _, text := range texts {
			for _, m := range word.FindAllStringSubmatch(text, -1) {
				if !slices.Contains(diagnose.FactNames(), m[1]) {
					t.Errorf("%s: there is no fact {%s}: %q", code, m[1], text)
				}
			}
		}
	}
}
