package main

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/acrkit/azcontainerregistry/diagnose"
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
		root := newRootCommand(&app{stdout: os.Stdout, stderr: os.Stderr, getenv: func(string) string { return "" }, now: time.Now})
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
