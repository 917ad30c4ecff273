package tests

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"
)

// privateWords are words and figures of speech that stood in this repository in
// the place of the field's own, and what to write instead. A reader who knows
// azcore and the OCI specifications has to know every word that we use.
var privateWords = []struct{ pattern, write string }{
	{`answer(s|ed|ing)?|unanswered`, "response, respond, return or serve; a person's reply"},
	{`patience|redeems?`, "retry budget, bytes per retry"},
	{`standing`, "upload status"},
	{`befalls?`, "applies to"},
	{`judges?|judged|omnipotent`, "authorize, check; full access"},
	{`obeys?|obeyed`, "serve, execute"},
	{`hears?|speaks?|spoke|spoken`, "get, report; use (a protocol), send"},
	{`vanish(es|ed)?`, "no longer exists, no longer responds"},
	{`forgiv(e|es|en)`, "retry, accept"},
	{`strangers?`, "untrusted, foreign"},
	{`houses?|rooms?`, "package, vendor; space"},
	{`lies|lie`, "is, are; is wrong"},
	{`lives`, "is valid for, exists, is in"},
	{`buys?|trades?|traded`, "exchange (a token), get"},
	{`leads|led`, "point to, refer to, redirect to, resolve to"},
	{`promis(e|es|ed)`, "state, say"},
	{`owes?|pays?`, "need; make faster"},
	{`wants`, "require, need, ask for"},
	{`bears`, "accept"},
	{`(go|goes|going|went|gone) on`, "continue, resume"},
	{`on the way`, "in between, on the network, while …"},
	{`(has|have) got|for want of|in vain|good for|behind its back`, "has; for lack of; without success; valid for; afterwards"},
	{`(came|comes|come) (about|along)`, "was opened, was created; is copied"},
	{`hand(s|ed)? out|leads? back|eyes`, "give; point back; readable by … alone"},
	{`has ended`, "has expired, is complete, is done"},
	{`holes?`, "missing"},
}

// wordsElsewhere are files whose words are not ours: what other tools print.
var wordsElsewhere = regexp.MustCompile(`^(diagnose/internal/printed/|cmd/acrkit/internal/(kql|arm)/)`)

// shippedFolder reports whether a file of the repository is in a module that
// ships, as opposed to one that tests or measures.
func shippedFolder(path string) bool {
	return !strings.HasPrefix(path, "tests/") && !strings.HasPrefix(path, "interop/") && !strings.HasPrefix(path, "bench/") && !strings.HasPrefix(path, "tools/")
}

// findPrivateWords calls found for each private word in a text.
func findPrivateWords(text string, found func(word, write string)) {
	if !anyWord.MatchString(text) {
		return
	}
	for _, w := range compiledWords {
		for _, word := range w.pattern.FindAllString(text, -1) {
			found(word, w.write)
		}
	}
}

// anyWord is all patterns in one, since most texts have none.
var anyWord = func() *regexp.Regexp {
	var all []string
	for _, w := range privateWords {
		all = append(all, w.pattern)
	}
	return regexp.MustCompile(`(?i)\b(` + strings.Join(all, "|") + `)\b`)
}()

type compiledWord struct {
	pattern *regexp.Regexp
	write   string
}

var compiledWords = func() []compiledWord {
	var list []compiledWord
	for _, w := range privateWords {
		list = append(list, compiledWord{regexp.MustCompile(`(?i)\b(` + w.pattern + `)\b`), w.write})
	}
	return list
}()

// words takes a name in mixed case apart: "ErrUploadEnded" is "Err Upload Ended".
func words(name string) string {
	var b strings.Builder
	for i, r := range name {
		if i > 0 && unicode.IsUpper(r) {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// TestWordsAreTheFieldsOwn looks for private words in the exported names, the
// comments and the texts (errors, help, findings) of all that ships, and in the
// documents for users.
func TestWordsAreTheFieldsOwn(t *testing.T) {
	names, texts := 0, 0
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if slices.Contains([]string{".git", "node_modules", "bin", "testdata"}, entry.Name()) {
				return filepath.SkipDir
			}
			return nil
		}
		name := filepath.ToSlash(strings.TrimPrefix(path, ".."+string(filepath.Separator)))
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") || !shippedFolder(name) {
			return nil
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, path, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		report := func(at token.Pos, what, text string) {
			texts++
			findPrivateWords(text, func(word, write string) {
				t.Errorf("%s:%d: %q in %s; write: %s", name, set.Position(at).Line, word, what, write)
			})
		}
		for _, comment := range file.Comments {
			report(comment.Pos(), "a comment", comment.Text())
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.ImportSpec:
				return false
			case *ast.Ident:
				if n.Obj != nil && n.IsExported() && n.Obj.Pos() == n.Pos() {
					names++
					report(n.Pos(), "a name", words(n.Name))
				}
			case *ast.BasicLit:
				if text, err := strconv.Unquote(n.Value); err == nil && n.Kind == token.STRING && strings.Contains(text, " ") && !wordsElsewhere.MatchString(name) {
					report(n.Pos(), "a text", text)
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	documents, err := filepath.Glob("../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range append(documents, "../README.md", "../EMULATOR.md", "../TROUBLESHOOTING.md") {
		if filepath.Base(path) == "acr-protocol.md" {
			continue // notes about the service, in the words of their sources
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range strings.Split(string(data), "\n") {
			findPrivateWords(line, func(word, write string) {
				t.Errorf("%s:%d: %q; write: %s", filepath.Base(path), i+1, word, write)
			})
		}
	}
	if names < 500 || texts < 5000 {
		t.Errorf("%d names and %d texts were read: the test has lost them", names, texts)
	}
}

// TestPrivateWordsAreFound holds the patterns to what they are for.
func TestPrivateWordsAreFound(t *testing.T) {
	for text, want := range map[string]string{
		"the registry answers 401":                        "answers",
		"a transfer can be gone on with":                  "gone on",
		words("AnswerError"):                              "Answer",
		"the response leads elsewhere":                    "leads",
		"a live check of a short-lived token, read ahead": "",
		"the registry returns 401":                        "",
	} {
		got := ""
		findPrivateWords(text, func(word, _ string) { got = word })
		if got != want {
			t.Errorf("%q: found %q, want %q", text, got, want)
		}
	}
}
