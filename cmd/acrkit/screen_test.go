package main

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/term"
	"github.com/acrkit/azcontainerregistry/diagnose"
	"github.com/acrkit/azcontainerregistry/internal/diagnosetest"
)

// aScreen is the terminal that every message fits.
var aScreen = term.Screen{Terminal: true, Width: 80}

// fits holds that a message is read at one glance: no line is wider than the
// screen, except for a word that can't be broken, such as an address; all lines
// are on it; and no more causes are told than a person weighs.
func fits(t *testing.T, what, message string) {
	t.Helper()
	const rows = 24
	lines := strings.Split(strings.TrimRight(message, "\n"), "\n")
	if len(lines) >= rows {
		t.Errorf("%s: %d lines, want fewer than %d:\n%s", what, len(lines), rows, message)
	}
	if strings.HasPrefix(message, "{") {
		return // for a program
	}
	for _, line := range lines {
		if len([]rune(line)) <= aScreen.Width {
			continue
		}
		// What is left without its label, its continuation and quotes is one word.
		rest := quotedWords.ReplaceAllString(strings.TrimSuffix(strings.TrimSpace(label.ReplaceAllString(line, "")), ` \`), "x")
		if len(strings.Fields(rest)) > 1 {
			t.Errorf("%s: %d columns: %q", what, len([]rune(line)), line)
		}
	}
}

var (
	label       = regexp.MustCompile(`^(error:|  (seen|cause|fix|more|see)\b)`)
	quotedWords = regexp.MustCompile(`"[^"]*"`)
)

// causesOf counts the causes in a message that isn't wrapped.
func causesOf(message string) int {
	count, inside := 0, false
	for line := range strings.Lines(message) {
		label := strings.TrimSpace(line[:min(len(line), 8)])
		if label != "" {
			inside = label == "cause"
		}
		if inside {
			count++
		}
	}
	return count
}

// TestEveryMessageFitsAScreen renders every recorded diagnosis, and every row of
// the catalogue with its placeholders, as a terminal of 80 columns shows it.
func TestEveryMessageFitsAScreen(t *testing.T) {
	seen := map[diagnose.Code]bool{}
	for _, r := range diagnosetest.Recordings(t, "../../diagnose/testdata/explain") {
		var d diagnose.Diagnosis
		if err := json.Unmarshal([]byte(r.Section("diagnosis")), &d); err != nil {
			t.Fatalf("%s: %v", r.Path, err)
		}
		seen[d.Code] = true
		report := failure.OfDiagnosis(d)
		fits(t, r.Path, report.Text(aScreen))
		if n := causesOf(report.Text(term.Screen{})); n > 2 {
			t.Errorf("%s: %d causes", r.Path, n)
		}
	}
	for _, code := range diagnose.Codes() {
		row, _ := diagnose.Lookup(code)
		d := diagnose.Diagnosis{Code: code, Kind: row.Kind, Title: row.Title, Causes: row.Causes, Fix: row.Fix}
		fits(t, string(code), failure.OfDiagnosis(d).Text(aScreen))
	}
	if len(seen) < 100 {
		t.Errorf("only %d codes are recorded", len(seen))
	}
}

// TestEveryUsageErrorFitsAScreen makes the mistakes that every command line can
// have.
func TestEveryUsageErrorFitsAScreen(t *testing.T) {
	var paths [][]string
	var visit func(command *cobra.Command, path []string)
	visit = func(command *cobra.Command, path []string) {
		paths = append(paths, path)
		for _, child := range command.Commands() {
			visit(child, append(append([]string{}, path...), child.Name()))
		}
	}
	root := testRoot()
	visit(root, nil)
	count := 0
	for _, path := range paths {
		for _, mistake := range [][]string{
			{},
			{"--no-such-flag"},
			{"--timeout", "ten"},
			{"--retries", "x"},
			{"nonsense///", "b", "c", "d", "e"},
			{"oci:"},
			{"UPPER/case:tag", "x"},
			{"-o", "xml"},
			{"--jq", "(", "a"},
			{"--limit", "ten", "a"},
			{"--platform", "linux", "oci:none", "local/a:1"},
		} {
			if isTool(path) {
				continue
			}
			stderr := &watcher{}
			a, _ := testApp(map[string]string{"ACRKIT_DATA": t.TempDir(), "HOME": t.TempDir()}, stderr)
			a.screen = aScreen
			if code := a.run(t.Context(), append(append([]string{}, path...), mistake...)); code != failure.ExitUsage {
				continue
			}
			count++
			fits(t, fmt.Sprint(path, mistake), stderr.all.String())
		}
	}
	if count < 200 {
		t.Errorf("only %d command lines were refused", count)
	}
}

// isTool reports a command that does something real without arguments.
func isTool(path []string) bool {
	switch strings.Join(path, " ") {
	case "demo", "emulator", "doctor", "emulator health", "calibrate":
		return true
	}
	return false
}

// TestACommandIsBrokenWhereAShellGoesOn joins what was broken as a shell does.
func TestACommandIsBrokenWhereAShellGoesOn(t *testing.T) {
	for _, line := range []string{
		"az role assignment create --assignee <subject> --role \"Container Registry Repository Catalog Lister\" --scope $(az acr show -n myreg --query id -o tsv)",
		"acrkit manifest unlock myreg.azurecr.io/team/app@sha256:" + strings.Repeat("ab", 32) + " --for read",
		"acrkit ls myreg.azurecr.io",
	} {
		text := failure.OfDiagnosis(diagnose.Diagnosis{Code: "X", Title: "t", Fix: []string{line}}).Text(aScreen)
		_, fix, _ := strings.Cut(text, "fix")
		fix, _, _ = strings.Cut(fix, "\n  more")
		joined := strings.Join(strings.Fields(strings.ReplaceAll(fix, "\\\n", " ")), " ")
		if joined != line {
			t.Errorf("%q is shown as\n%s", line, text)
		}
	}
}
