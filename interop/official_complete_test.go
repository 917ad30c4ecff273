package interop

import (
	"bufio"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestEveryMethodOfTheOfficialLibraryIsCalled compares the methods of the
// v0.2.3 list with the selectors in the tests and programs, so that "its whole
// API" stays true.
func TestEveryMethodOfTheOfficialLibraryIsCalled(t *testing.T) {
	called := map[string]bool{"UnmarshalJSON": true, "MarshalJSON": true} // encoding/json calls them
	files, err := filepath.Glob("official_test.go")
	if err != nil {
		t.Fatal(err)
	}
	programs, err := filepath.Glob(filepath.Join("programs", "*", "main.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range append(files, programs...) {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(node ast.Node) bool {
			if selector, ok := node.(*ast.SelectorExpr); ok {
				called[selector.Sel.Name] = true
			}
			return true
		})
	}
	// io.ReadAll calls it.
	called["Read"] = called["NewDigestValidationReader"]

	list, err := os.Open(filepath.Join("..", "testdata", "api-v0.2.3.txt"))
	if err != nil {
		t.Fatal(err)
	}
	defer list.Close()
	callable := regexp.MustCompile(`^(?:method \(\*?\w+\)|func) (\w+)\(`)
	found := 0
	lines := bufio.NewScanner(list)
	for lines.Scan() {
		match := callable.FindStringSubmatch(lines.Text())
		if match == nil {
			continue
		}
		found++
		if !called[match[1]] {
			t.Errorf("nobody calls %s", strings.TrimSpace(lines.Text()))
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	if found < 59 {
		t.Errorf("the list has %d functions and methods, want 59", found)
	}
}
