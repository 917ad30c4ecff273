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

// commandLines finds this program's command lines: in a block of a document, or
// after a colon or at the beginning of a fix.
var commandLines = regexp.MustCompile(`(?m)^(?:.*: )?(acrkit [a-z][^\n]*)$`)

// TestEveryCommandLineThatIsRecommendedExists checks the guide's commands and
// those that diagnoses recommend: a person pastes them.
func TestEveryCommandLineThatIsRecommendedExists(t *testing.T) {
	guide, err := os.ReadFile("../../TROUBLESHOOTING.md")
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(guide), -1) {
		lines = append(lines, strings.Split(strings.TrimSpace(block[1]), "\n")...)
	}
	for _, code := range diagnose.Codes() {
		row, _ := diagnose.Lookup(code)
		texts := row.Fix
		for _, cause := range row.Causes {
			texts = append(texts, cause.Tell)
		}
		for _, text := range texts {
			if m := commandLines.FindStringSubmatch(text); m != nil {
				lines = append(lines, m[1])
			}
		}
	}
	if len(lines) < 20 {
		t.Fatalf("%d command lines only", len(lines))
	}
	for _, line := range lines {
		// What follows these words is prose, or belongs to a shell.
		for _, end := range []string{" with ", " prints ", " shows ", " tells ", " names ", " compares ", " measures ", " reads ", "; ", " and ", ", ", " lists "} {
			line, _, _ = strings.Cut(line, end)
		}
		words := strings.Fields(strings.ReplaceAll(line, "'", ""))
		if len(words) == 0 || words[0] != "acrkit" {
			t.Errorf("%q is no command of acrkit", line)
			continue
		}
		root := newRootCommand(&app{Session: &session.Session{Stdout: os.Stdout, Stderr: os.Stderr, Getenv: func(string) string { return "" }, Now: time.Now}})
		command, rest, err := root.Find(words[1:])
		if err != nil || command == root {
			t.Errorf("%q: there is no such command (%v)", line, err)
			continue
		}
		if err := command.ParseFlags(rest); err != nil {
			t.Errorf("%q: %v", line, err)
		}
	}
}

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
		sources = append(sources, found...)
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
