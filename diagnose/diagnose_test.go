package diagnose_test

import (
	"errors"
	"testing"

	"go.uber.org/goleak"

	"github.com/acrkit/azcontainerregistry/diagnose"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestExplainNothing(t *testing.T) {
	if d, ok := diagnose.Explain(nil); ok || d.Code != "" {
		t.Fatalf("Explain(nil) = %v, %v", d, ok)
	}
}

func TestExplainUnknownSaysSo(t *testing.T) {
	d, ok := diagnose.Explain(errors.New("the moon is full"))
	if ok || d.Code != "UNKNOWN_FAILURE" {
		t.Fatalf("got %s, %v; want UNKNOWN_FAILURE, false", d.Code, ok)
	}
	if len(d.Causes) != 0 {
		t.Errorf("an unknown failure has causes: %v", d.Causes)
	}
	if len(d.Seen) != 1 || d.Seen[0].Text != "the moon is full" {
		t.Errorf("seen %q; want the error's own words", d.Seen)
	}
}
