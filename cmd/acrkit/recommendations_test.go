package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/session"
	"github.com/acrkit/azcontainerregistry/diagnose"
)

// recommended is a command line that a person is told to type, and where.
type recommended struct{ where, line string }

const repositoryRoot = "../.."

var (
	fenced     = regexp.MustCompile("(?s)```(?:sh|bash|console|shell)\n(.*?)```")
	inlineCode = regexp.MustCompile("`([^`\n]+)`")
	// afterColon is the form of a fix: words and a colon, or the command alone.
	afterColon = regexp.MustCompile(`^(?:[^:]*: )?(acrkit [a-z].*)$`)
	within     = regexp.MustCompile(`\b(acrkit [a-z][^,;]*)`)
	// prose begins where a sentence goes on after a command.
	prose = regexp.MustCompile(` (?:with|prints|shows|tells|names|compares|measures|reads|tries|and|lists|asks|to|after|on|in|gives|finds|or|where|for|is|has) .*$`)
	fact  = regexp.MustCompile(`\{(\w+)\}|<([^<>]+)>`)
	// shell ends a command line, or what follows in it is the shell's.
	shell = regexp.MustCompile(`\s(?:\||>|2>|<|&&|\|\||&|#|;).*$|;.*$`)
)

// inRecipe is the command that a recipe of CONTRIBUTING.md adds.
const inRecipe = "acrkit tag stamp"

// documents are the files that a reader meets.
func documents(t *testing.T) []string {
	t.Helper()
	var files []string
	for _, pattern := range []string{"*.md", "docs/*.md", "emulator/*.md", "cmd/acrkit/*.md", "interop/*.md", "bench/*.md"} {
		found, err := filepath.Glob(filepath.Join(repositoryRoot, pattern))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	if len(files) < 5 {
		t.Fatalf("%d documents only", len(files))
	}
	return files
}

// linesOf returns the code of a document, one line each: blocks of a shell and
// code within sentences.
func linesOf(t *testing.T, file string) []recommended {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var lines []recommended
	text := strings.ReplaceAll(string(data), "\\\n", " ")
	for _, block := range fenced.FindAllStringSubmatch(text, -1) {
		for line := range strings.Lines(block[1]) {
			line = strings.TrimPrefix(strings.TrimSpace(line), "$ ")
			lines = append(lines, recommended{filepath.Base(file), line})
		}
	}
	for _, code := range inlineCode.FindAllStringSubmatch(fenced.ReplaceAllString(text, ""), -1) {
		lines = append(lines, recommended{filepath.Base(file), code[1]})
	}
	return lines
}

// recommendations collects this program's command lines: those of the
// documents, of the help texts, and of every diagnosis.
func recommendations(t *testing.T) []recommended {
	t.Helper()
	var all []recommended
	for _, file := range documents(t) {
		for _, r := range linesOf(t, file) {
			if strings.HasPrefix(r.line, "acrkit ") && !strings.HasPrefix(r.line, inRecipe) {
				all = append(all, r)
			}
		}
	}
	var walk func(*cobra.Command)
	walk = func(c *cobra.Command) {
		// In the examples, and on lines of their own in the text.
		for line := range strings.Lines(strings.ReplaceAll(c.Example+"\n"+indented(c.Long), "\\\n", " ")) {
			if line = strings.TrimSpace(line); strings.HasPrefix(line, "acrkit ") {
				all = append(all, recommended{c.CommandPath() + " --help", line})
			}
		}
		for _, child := range c.Commands() {
			walk(child)
		}
	}
	walk(testRoot())
	for _, code := range diagnose.Codes() {
		row, _ := diagnose.Lookup(code)
		for _, fix := range row.Fix {
			if m := afterColon.FindStringSubmatch(fix); m != nil {
				all = append(all, recommended{string(code) + " fix", m[1]})
			} else if m := within.FindStringSubmatch(fix); m != nil {
				all = append(all, recommended{string(code) + " fix", prose.ReplaceAllString(m[1], "")})
			}
		}
		for _, cause := range row.Causes {
			for _, text := range []string{cause.Text, cause.Tell} {
				for _, m := range within.FindAllStringSubmatch(text, -1) {
					all = append(all, recommended{string(code) + " cause", prose.ReplaceAllString(m[1], "")})
				}
			}
		}
	}
	return all
}

// indented returns the lines that a help text sets apart.
func indented(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, " ") {
			b.WriteString(line)
		}
	}
	return b.String()
}

func testRoot() *cobra.Command {
	return newRootCommand(&app{Session: &session.Session{
		Stdout: os.Stdout, Stderr: os.Stderr, Getenv: func(string) string { return "" }, Now: time.Now,
	}})
}

// samples stand for what a diagnosis or a person fills in.
var samples = map[string]string{
	"host": "myreg.azurecr.io", "registry": "myreg.azurecr.io", "repository": "team/app", "image": "team/app:v1", "reference": "v1",
	"scope": "repository:team/app:pull", "digest": "sha256:" + strings.Repeat("0", 64), "file": "file.txt", "dir": "dir", "user": "me",
	"repo|tag|manifest": "repo",
}

func filledIn(line string) string {
	return fact.ReplaceAllStringFunc(line, func(found string) string {
		if sample, ok := samples[strings.Trim(found, "{}<>")]; ok {
			return sample
		}
		return "value"
	})
}

// parsed reports what the real command has against a line, without running it.
func parsed(line string) error {
	line = strings.NewReplacer("…", "", "'", "", `"`, "").Replace(shell.ReplaceAllString(filledIn(line), ""))
	words := strings.Fields(line)[1:]
	root := testRoot()
	root.InitDefaultHelpCmd()
	command, rest, err := root.Find(words)
	if err != nil || command == root && len(words) > 0 && !strings.HasPrefix(words[0], "-") {
		return fmt.Errorf("there is no such command (%v)", err)
	}
	if err := command.ParseFlags(rest); err != nil {
		return err
	}
	arguments := command.Flags().Args()
	if len(arguments) > 0 && command.HasSubCommands() {
		return fmt.Errorf("%s has no command %q", command.CommandPath(), arguments[0])
	}
	if len(arguments) == 0 && command.HasParent() {
		return nil // a command that is spoken of, not typed
	}
	return command.ValidateArgs(arguments)
}

// TestEveryCommandLineThatIsRecommendedExists parses every command line of this
// program that a document, a help text or a diagnosis tells a person to type, by
// the command itself: the command is there, its flags are, and so many
// arguments are what it takes.
func TestEveryCommandLineThatIsRecommendedExists(t *testing.T) {
	all := recommendations(t)
	if len(all) < 200 {
		t.Fatalf("%d command lines only", len(all))
	}
	for _, r := range all {
		if err := parsed(r.line); err != nil {
			t.Errorf("%s: %q: %v", r.where, r.line, err)
		}
	}
}

// TestALineThatIsMistypedIsFound holds that the test above can fail.
func TestALineThatIsMistypedIsFound(t *testing.T) {
	for _, line := range []string{
		"acrkit psuh oci:img myreg.azurecr.io/app:1", "acrkit tag delte {host}/{image}", "acrkit push --jobs 2 oci:img {host}/{image}",
		"acrkit pull a b c d", "acrkit ls --limit ten {host}",
	} {
		if parsed(line) == nil {
			t.Errorf("%q passes", line)
		}
	}
}

// TestEveryMakeAndGoLineThatIsRecommendedExists looks up the targets of make and
// the packages of go that documents name.
func TestEveryMakeAndGoLineThatIsRecommendedExists(t *testing.T) {
	makefile, err := os.ReadFile(filepath.Join(repositoryRoot, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	var targets []string
	for _, m := range regexp.MustCompile(`(?m)^([\w.-]+(?: [\w.-]+)*)\s*:(?:[^=]|$)`).FindAllStringSubmatch(string(makefile), -1) {
		targets = append(targets, strings.Fields(m[1])...)
	}
	lines := 0
	for _, file := range documents(t) {
		for _, r := range linesOf(t, file) {
			words := strings.Fields(shell.ReplaceAllString(r.line, ""))
			switch {
			case len(words) < 2:
			case words[0] == "make":
				lines++
				for _, target := range words[1:] {
					if !strings.Contains(target, "=") && !strings.HasPrefix(target, "-") && !slices.Contains(targets, target) {
						t.Errorf("%s: %q: the Makefile has no target %s", r.where, r.line, target)
					}
				}
			case words[0] == "go":
				lines++
				if err := exec.Command("go", "help", words[1]).Run(); err != nil {
					t.Errorf("%s: %q: go has no command %s", r.where, r.line, words[1])
				}
				for _, word := range words[2:] {
					if folder := strings.TrimSuffix(strings.TrimSuffix(word, "..."), "/"); strings.HasPrefix(word, "./") {
						if _, err := os.Stat(filepath.Join(repositoryRoot, folder)); err != nil {
							t.Errorf("%s: %q: there is no %s", r.where, r.line, word)
						}
					}
				}
			}
		}
	}
	if lines < 10 {
		t.Fatalf("%d lines only", lines)
	}
}
