package tests

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	// mention is a word in prose that may name something of the repository: a
	// file, a folder of packages, or a test.
	mention = regexp.MustCompile(`[A-Za-z0-9_./*-]*[A-Za-z0-9_*]`)

	mentionedTest = regexp.MustCompile(`^(Test|Fuzz|Benchmark|Example)[A-Z][A-Za-z0-9]+$`)
	mentionedFile = regexp.MustCompile(`^[A-Za-z0-9_./-]+\.(go|md|txtar|svg|mod|work)$`)
	declaredTest  = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Benchmark|Example)[A-Za-z0-9_]*)\(`)
	blockOfCode   = regexp.MustCompile("(?s)```.*?```")
)

// notOurs are names that stand for no file of the repository: documents of the
// OCI specifications and of eStargz, and what the recipes of CONTRIBUTING.md have
// a reader make. A word in capitals (SUBJECT, NAME, vX) stands for any.
var (
	notOurs = []string{
		"manifest.md", "image-layout.md", "layer.md", "estargz.md",
		"MANIFEST_QUOTA.txtar", "cmd_tag_stamp.go", "cmd_x.go", "stamp.txtar",
	}
	standsForAny = regexp.MustCompile(`SUBJECT|NAME|/vX$`)
)

// inventory is what a text may name: the repository's files, folders and tests.
type inventory struct {
	paths map[string]bool // every file and folder, by its path
	names map[string]bool // their last parts
	tests map[string]bool
}

// TestCommentsNameWhatExists collects the files, the folders of packages and the
// tests that comments and documents name, and fails when one doesn't exist: a
// reader who looks a name up has to find it.
func TestCommentsNameWhatExists(t *testing.T) {
	have := inventory{map[string]bool{}, map[string]bool{}, map[string]bool{}}
	texts := map[string]string{} // the text to check, by file
	err := filepath.WalkDir("..", func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := filepath.ToSlash(strings.TrimPrefix(file, ".."+string(filepath.Separator)))
		if entry.IsDir() && slices.Contains([]string{".git", "node_modules", "bin"}, entry.Name()) {
			return filepath.SkipDir
		}
		have.paths[name], have.names[path.Base(name)] = true, true
		if entry.IsDir() || strings.Contains(name, "testdata/") {
			return nil
		}
		switch path.Ext(name) {
		case ".go":
			data, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			for _, match := range declaredTest.FindAllSubmatch(data, -1) {
				have.tests[string(match[1])] = true
			}
			parsed, err := parser.ParseFile(token.NewFileSet(), file, data, parser.ParseComments|parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			for _, group := range parsed.Comments {
				texts[name] += group.Text() + "\n"
			}
		case ".md":
			data, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			if name != "docs/acr-protocol.md" && name != "CHANGELOG.md" {
				texts[name] = blockOfCode.ReplaceAllString(string(data), "")
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for name, text := range texts {
		for _, word := range mention.FindAllString(text, -1) {
			word = strings.TrimPrefix(word, "./")
			switch {
			case strings.Contains(word, "*"), strings.Contains(word, "//"), slices.Contains(notOurs, path.Base(word)), standsForAny.MatchString(word):
			case mentionedTest.MatchString(word):
				found++
				if !have.testNamed(word) {
					t.Errorf("%s names %s, and there is no such test", name, word)
				}
			case mentionedFile.MatchString(word):
				found++
				if !have.file(path.Dir(name), word) {
					t.Errorf("%s names %s, and there is no such file", name, word)
				}
			case have.looksLikeFolder(word):
				found++
				if !have.file(path.Dir(name), word) {
					t.Errorf("%s names %s, and there is no such folder", name, word)
				}
			}
		}
	}
	if found < 300 || len(have.tests) < 500 {
		t.Errorf("%d names were found, and %d tests: the patterns have lost them", found, len(have.tests))
	}
}

// testNamed reports whether there is a test of a name, or one that begins with
// it, since -run takes the beginning of a name.
func (h inventory) testNamed(name string) bool {
	if h.tests[name] {
		return true
	}
	for test := range h.tests {
		if strings.HasPrefix(test, name) {
			return true
		}
	}
	return false
}

// file reports whether a path exists: from the repository's root, from the
// folder of the text or one above it, or for a bare name anywhere.
func (h inventory) file(folder, name string) bool {
	if !strings.Contains(name, "/") {
		return h.names[name]
	}
	for ; ; folder = path.Dir(folder) {
		if h.paths[path.Join(folder, name)] {
			return true
		}
		if folder == "." || folder == "/" {
			break
		}
	}
	for have := range h.paths {
		if strings.HasSuffix(have, "/"+name) {
			return true
		}
	}
	return false
}

// looksLikeFolder reports whether a word is a path below one of the
// repository's own folders of packages.
func (h inventory) looksLikeFolder(word string) bool {
	first, rest, ok := strings.Cut(word, "/")
	return ok && rest != "" && !strings.Contains(word, ".") &&
		slices.Contains([]string{"internal", "cmd", "emulator", "artifact", "diagnose", "interop", "bench", "tests"}, first) && first == strings.ToLower(first)
}

// TestDanglingNamesAreFound holds the patterns to what they are for.
func TestDanglingNamesAreFound(t *testing.T) {
	have := inventory{
		paths: map[string]bool{"internal/wire": true, "internal/wire/link.go": true, "docs/migrating.md": true},
		names: map[string]bool{"link.go": true, "migrating.md": true, "wire": true},
		tests: map[string]bool{"TestLink": true},
	}
	for word, want := range map[string]bool{
		"link.go": true, "replica.go": false, "docs/migrating.md": true, "docs/migration.md": false,
		"internal/wire": true, "internal/wires": false, "wire/link.go": true,
	} {
		if got := have.file("internal/wire", word); got != want {
			t.Errorf("%s: %v, want %v", word, got, want)
		}
	}
	if !have.testNamed("TestLin") || have.testNamed("TestGone") {
		t.Error("tests are not found by the beginning of their names")
	}
	if !have.looksLikeFolder("internal/wires") || have.looksLikeFolder("application/json") {
		t.Error("folders are not told from other words with a slash")
	}
}
