package diagnose_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// families are the files of this package by the beginning of their names, in the
// order in which they may use one another: evidence knows nothing of the rows
// that are made of it.
var families = [][]string{{"evidence"}, {"match", "observe"}, {"rows"}, {"explain", "check", "doctor"}}

// TestNoFamilyUsesALaterOne looks where each name that a file uses is declared.
func TestNoFamilyUsesALaterOne(t *testing.T) {
	paths, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	family := func(path string) int {
		return slices.IndexFunc(families, func(names []string) bool {
			return slices.ContainsFunc(names, func(n string) bool { return path == n+".go" || strings.HasPrefix(path, n+"_") })
		})
	}
	files, declared := map[string]*ast.File{}, map[string]string{}
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		files[path] = file
		for name := range file.Scope.Objects { //nolint:staticcheck // package scope is all that is asked for
			declared[name] = path
		}
	}
	used := 0
	for path, file := range files {
		from := family(path)
		if from < 0 {
			continue
		}
		for _, name := range file.Unresolved {
			to, ok := declared[name.Name]
			if !ok || family(to) < 0 {
				continue
			}
			if used++; family(to) > from {
				t.Errorf("%s uses %s of %s, which is of a later family", path, name.Name, to)
			}
		}
	}
	if used < 500 {
		t.Errorf("only %d uses were seen", used)
	}
}
