package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/acrkit/azcontainerregistry/artifact"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/session"
	"github.com/acrkit/azcontainerregistry/diagnose"
	"github.com/acrkit/azcontainerregistry/emulator"
)

// TestEveryCodeThatIsPrintedIsInTheCatalogue holds that acrkit explain knows
// each code that an error can carry: those of the commands themselves, and
// those by which errors of other packages name their row.
func TestEveryCodeThatIsPrintedIsInTheCatalogue(t *testing.T) {
	var sources []string
	for _, pattern := range []string{"*.go", "internal/*/*.go"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range found {
			if !strings.HasSuffix(path, "_test.go") {
				sources = append(sources, path)
			}
		}
	}
	var codes []string
	literal := regexp.MustCompile(`[cC]ode(?::|\s=)\s*"([A-Z_]+)"`)
	for _, path := range sources {
		source, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range literal.FindAllStringSubmatch(string(source), -1) {
			codes = append(codes, m[1])
		}
	}
	if len(codes) < 8 {
		t.Fatalf("found the codes %v only", codes)
	}
	for _, err := range []interface {
		error
		DiagnosisCode() string
	}{
		&artifact.NotFoundError{Store: "oci:img", Thing: "tag v2"},
		&artifact.InvalidError{Store: "oci:img", Thing: "index.json", Rule: "must be JSON"},
		&artifact.ExistsError{Reference: "v1"},
		&artifact.InUseError{Thing: "transfer 1"},
		&artifact.ChangedError{Reference: "v1"},
		&emulator.FolderInUseError{Dir: "data"},
	} {
		codes = append(codes, err.DiagnosisCode())
		if d, known := diagnose.Explain(fmt.Errorf("push: %w", err)); !known || string(d.Code) != err.DiagnosisCode() {
			t.Errorf("%T is explained as %s", err, d.Code)
		}
		if f := failure.Of(err); f.Object.Code != err.DiagnosisCode() || len(f.Object.Fix) == 0 || !slices.Contains(f.Seen, err.Error()) {
			t.Errorf("%T is reported as %s, seen %q, fix %q", err, f.Object.Code, f.Seen, f.Object.Fix)
		}
	}
	for _, code := range codes {
		if _, ok := diagnose.Lookup(diagnose.Code(code)); !ok {
			t.Errorf("acrkit explain does not know %s", code)
		}
	}
}

// TestAServerThatNeverAnswersEndsACommand holds that the transport gives up on
// an answer that does not begin.
func TestAServerThatNeverAnswersEndsACommand(t *testing.T) {
	a := &session.Session{}
	transport, ok := a.Network().Transport.(*http.Transport)
	if !ok || transport.ResponseHeaderTimeout != 5*time.Minute {
		t.Errorf("%T waits %v for an answer to begin", a.Network().Transport, transport.ResponseHeaderTimeout)
	}
}
