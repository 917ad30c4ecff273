package main

import (
	"bytes"
	"context"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
)

var updateGolden = flag.Bool("update", false, "write the golden files")

// TestHelpIsGolden compares the help with what was read and found good.
func TestHelpIsGolden(t *testing.T) {
	stderr := &watcher{}
	a, stdout := testApp(nil, stderr)
	if code := a.run(t.Context(), []string{"help"}); code != failure.ExitDone {
		t.Fatalf("exit code %d\n%s", code, &stderr.all)
	}
	golden := filepath.Join("testdata", "help.txt")
	if *updateGolden {
		if err := os.WriteFile(golden, stdout.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), stdout.String()); diff != "" {
		t.Errorf("the help changed (-want +got); read it, then go test ./cmd/acrkit -run TestHelpIsGolden -update\n%s", diff)
	}
}

// TestEveryHelpShows asks every command for its help, which fits a terminal of
// 80 columns.
func TestEveryHelpShows(t *testing.T) {
	a, _ := testApp(nil, &watcher{})
	var visit func(command *cobra.Command)
	visit = func(command *cobra.Command) {
		stderr := &watcher{}
		help, stdout := testApp(nil, stderr)
		path := strings.Fields(command.CommandPath())[1:]
		if code := help.run(t.Context(), append(path, "--help")); code != failure.ExitDone || !strings.Contains(stdout.String(), command.CommandPath()) {
			t.Errorf("%v --help: exit code %d\n%s", path, code, &stderr.all)
		}
		for line := range strings.Lines(stdout.String()) {
			if utf8.RuneCountInString(strings.TrimRight(line, "\n")) > helpWidth {
				t.Errorf("%v --help: more than %d columns: %s", path, helpWidth, line)
			}
		}
		for _, child := range command.Commands() {
			visit(child)
		}
	}
	visit(newRootCommand(a))
}

// TestEveryCommandIsUsable holds what every command owes its user.
func TestEveryCommandIsUsable(t *testing.T) {
	a, _ := testApp(nil, &watcher{})
	var visit func(command *cobra.Command)
	visit = func(command *cobra.Command) {
		name := command.CommandPath()
		if command.Short == "" || strings.HasSuffix(command.Short, ".") {
			t.Errorf("%s: its short help is %q", name, command.Short)
		}
		if command.RunE == nil && command.Run == nil {
			t.Errorf("%s: it runs nothing", name)
		}
		if command.Args == nil {
			t.Errorf("%s: it doesn't say which arguments it takes", name)
		}
		if command.Parent() != nil && command.Parent().Parent() == nil && command.GroupID == "" {
			t.Errorf("%s: it is in no group of the help", name)
		}
		for _, child := range command.Commands() {
			visit(child)
		}
	}
	for _, command := range newRootCommand(a).Commands() {
		visit(command)
	}
}

// TestCompletionOfEveryShell makes the scripts that the shells read.
func TestCompletionOfEveryShell(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		stderr := &watcher{}
		a, stdout := testApp(nil, stderr)
		if code := a.run(context.Background(), []string{"completion", shell}); code != failure.ExitDone || !bytes.Contains(stdout.Bytes(), []byte("acrkit")) {
			t.Errorf("%s: exit code %d, %d bytes\n%s", shell, code, stdout.Len(), &stderr.all)
		}
	}
}

// TestEveryExampleIsACommandLine holds that each command shows at least one
// example, and that what it shows can be typed: the commands, their flags and
// the number of their arguments exist.
func TestEveryExampleIsACommandLine(t *testing.T) {
	a, _ := testApp(nil, &watcher{})
	var visit func(command *cobra.Command)
	visit = func(command *cobra.Command) {
		for _, child := range command.Commands() {
			visit(child)
		}
		if command.HasSubCommands() {
			return
		}
		found := false
		for line := range strings.Lines(strings.ReplaceAll(command.Example, "\\\n", " ")) {
			for _, piece := range strings.Split(strings.TrimSpace(line), " | ") {
				_, piece, _ = strings.Cut(" "+assigned.ReplaceAllString(piece, "$1"), " acrkit ")
				piece, _, _ = strings.Cut(piece, " > ")
				if piece == "" {
					continue
				}
				found = true
				if err := understood(piece); err != nil {
					t.Errorf("%s: %q: %v", command.CommandPath(), strings.TrimSpace(line), err)
				}
			}
		}
		if !found {
			t.Errorf("%s: it has no example", command.CommandPath())
		}
	}
	visit(newRootCommand(a))
}

// assigned is a command whose output a variable gets.
var assigned = regexp.MustCompile(`^[A-Z]+=\$\((.*)\)$`)

// quoted is what a shell takes for one word.
var quoted = regexp.MustCompile(`'[^']*'|[^\s']+`)

// understood reports whether a command line, without its first word, names a
// command with flags and arguments that it has.
func understood(line string) error {
	a, _ := testApp(nil, &watcher{})
	root := newRootCommand(a)
	command, rest, err := root.Find(quoted.FindAllString(line, -1))
	if err != nil {
		return err
	}
	if err := command.ParseFlags(rest); err != nil {
		return err
	}
	return command.ValidateArgs(command.Flags().Args())
}

// TestReadmeShowsWhatTheScriptRuns holds that each command line of README.md is
// one that readme.txtar runs.
func TestReadmeShowsWhatTheScriptRuns(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	script, err := os.ReadFile("testdata/script/readme.txtar")
	if err != nil {
		t.Fatal(err)
	}
	shown := regexp.MustCompile(`(?m)^\$ (acrkit [^#\n]*[^# \n])`).FindAllStringSubmatch(string(readme), -1)
	if len(shown) < 8 {
		t.Fatalf("%d command lines only", len(shown))
	}
	for _, line := range shown {
		if !strings.Contains(string(script), "\nexec "+line[1]+"\n") {
			t.Errorf("readme.txtar doesn't run %q", line[1])
		}
	}
}
