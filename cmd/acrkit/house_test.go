package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestACommandIsOneFileWithOneConstructor holds where a command is found: that
// of acrkit tag list is newTagListCommand in cmd_tag_list.go, and something adds
// it to the command above it.
func TestACommandIsOneFileWithOneConstructor(t *testing.T) {
	paths, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	constructor := regexp.MustCompile(`^new([A-Z]\w*)Command$`)
	upper := regexp.MustCompile(`([a-z])([A-Z])`)
	used := map[string]bool{}
	constructors := map[string]string{} // by file
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				if name, ok := n.Fun.(*ast.Ident); ok {
					used[name.Name] = true
				}
			case *ast.FuncDecl:
				m := constructor.FindStringSubmatch(n.Name.Name)
				if m == nil || m[1] == "Root" {
					return true
				}
				want := "cmd_" + strings.ToLower(upper.ReplaceAllString(m[1], "${1}_${2}")) + ".go"
				if path != want {
					t.Errorf("%s is in %s: move it to %s", n.Name.Name, path, want)
				}
				constructors[path] = n.Name.Name
			}
			return true
		})
	}
	for path, name := range constructors {
		if !used[name] {
			t.Errorf("%s: nothing calls %s: add it to commands() in root.go, or to the command above it", path, name)
		}
	}
	for _, path := range paths {
		if strings.HasPrefix(path, "cmd_") && constructors[path] == "" {
			t.Errorf("%s has no constructor newXCommand: a file cmd_*.go is one command", path)
		}
	}
}
