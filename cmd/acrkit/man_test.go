package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/manpage"
)

// TestEveryCommandHasAManualPage writes the pages, and holds each beside its
// command: the name, every flag, and nothing that roff takes for a request of its
// own.
func TestEveryCommandHasAManualPage(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "man1")
	stderr := &watcher{}
	a, stdout := testApp(map[string]string{"SOURCE_DATE_EPOCH": "1795910400"}, stderr)
	if code := a.run(t.Context(), []string{"man", dir}); code != failure.ExitDone || stdout.Len() > 0 {
		t.Fatalf("exit code %d\n%s", code, &stderr.all)
	}
	requests := map[string]bool{".TH": true, ".SH": true, ".B": true, ".BR": true, ".PP": true, ".TP": true, ".nf": true, ".fi": true}
	pages := 0
	var visit func(command *cobra.Command)
	visit = func(command *cobra.Command) {
		if command.Hidden {
			return
		}
		pages++
		name := manpage.Name(command) + ".1"
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Errorf("%s has no page: %v", command.CommandPath(), err)
			return
		}
		page := string(data)
		if !strings.HasPrefix(page, ".TH \""+strings.ToUpper(manpage.Name(command))+"\" 1 \"2026-11-29\"") || !strings.Contains(page, ".SH SYNOPSIS\n") {
			t.Errorf("%s begins with %.80q", name, page)
		}
		command.Flags().VisitAll(func(flag *pflag.Flag) {
			if !flag.Hidden && !strings.Contains(page, `\fB\-\-`+strings.ReplaceAll(flag.Name, "-", `\-`)+`\fR`) {
				t.Errorf("%s lacks --%s", name, flag.Name)
			}
		})
		for line := range strings.Lines(page) {
			if word, _, _ := strings.Cut(strings.TrimSpace(line), " "); strings.HasPrefix(line, ".") && !requests[word] || strings.HasPrefix(line, "'") {
				t.Errorf("%s: a request that isn't ours: %q", name, line)
			}
		}
		for _, child := range command.Commands() {
			visit(child)
		}
	}
	root := newRootCommand(a)
	root.InitDefaultHelpCmd() // as it is when a command line runs
	visit(root)
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != pages {
		t.Errorf("%d pages of %d commands, %v", len(entries), pages, err)
	}
	for _, args := range [][]string{{"man"}, {"man", filepath.Join(dir, "acrkit.1")}} {
		a, _ := testApp(nil, &watcher{})
		if code := a.run(t.Context(), args); code != failure.ExitUsage {
			t.Errorf("%v: exit code %d", args, code)
		}
	}
}
