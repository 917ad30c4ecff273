package emulator

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestExportedAPIIsListed compares what users can import with the list of it,
// so that it grows on purpose only.
func TestExportedAPIIsListed(t *testing.T) {
	var listed strings.Builder
	for _, dir := range []string{".", "emulatortest"} {
		for _, line := range exportedAPI(t, dir) {
			fmt.Fprintf(&listed, "%s: %s\n", strings.TrimSuffix("emulator/"+dir, "/."), line)
		}
	}
	golden := filepath.Join("testdata", "api.txt")
	if *update {
		if err := os.WriteFile(golden, []byte(listed.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), listed.String()); diff != "" {
		t.Errorf("the exported API is not that of %s; when it is meant to change, run go test ./emulator -run API -update\n%s", golden, diff)
	}
}

// TestEveryRouteCanBeImported compares the routes that there are with those that
// this package passes on.
func TestEveryRouteCanBeImported(t *testing.T) {
	passedOn := exportedAPI(t, ".")
	for _, line := range exportedAPI(t, "internal/protocol") {
		if name, ok := strings.CutPrefix(line, "const Route"); ok && !slices.Contains(passedOn, line) {
			t.Errorf("Route%s is in internal/protocol alone: add it to route.go", name)
		}
	}
}

// exportedAPI describes the exported declarations of a folder's package, with
// the members of its types. A type that is an alias for one of another package
// has that one's members.
func exportedAPI(t *testing.T, dir string) []string {
	t.Helper()
	var lines []string
	for _, file := range parseFolder(t, dir) {
		for _, decl := range file.Decls {
			switch d := decl.(type) {
			case *ast.FuncDecl:
				lines = append(lines, exportedFunc(d, "")...)
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					switch s := spec.(type) {
					case *ast.ValueSpec:
						for _, name := range s.Names {
							if name.IsExported() {
								lines = append(lines, fmt.Sprintf("%s %s", d.Tok, name.Name))
							}
						}
					case *ast.TypeSpec:
						if s.Name.IsExported() {
							lines = append(lines, exportedType(t, file, s)...)
						}
					}
				}
			}
		}
	}
	slices.Sort(lines)
	return lines
}

func parseFolder(t *testing.T, dir string) []*ast.File {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var files []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	return files
}

// exportedFunc describes a function, or a method of an exported type under the
// name that the type has here.
func exportedFunc(d *ast.FuncDecl, receiver string) []string {
	if !d.Name.IsExported() {
		return nil
	}
	head := "func "
	if d.Recv != nil {
		name := strings.TrimLeft(source(d.Recv.List[0].Type), "*")
		if !ast.IsExported(name) {
			return nil
		}
		if receiver == "" {
			receiver = name
		}
		head += "(" + receiver + ") "
	}
	return []string{head + d.Name.Name + strings.TrimPrefix(source(d.Type), "func")}
}

func exportedType(t *testing.T, file *ast.File, s *ast.TypeSpec) []string {
	t.Helper()
	lines := []string{"type " + s.Name.Name}
	definition := s.Type
	if target, ok := s.Type.(*ast.SelectorExpr); ok && s.Assign.IsValid() {
		for _, other := range parseFolder(t, folderOfImport(t, file, source(target.X))) {
			for _, decl := range other.Decls {
				switch d := decl.(type) {
				case *ast.FuncDecl:
					if d.Recv != nil && strings.TrimLeft(source(d.Recv.List[0].Type), "*") == target.Sel.Name {
						lines = append(lines, exportedFunc(d, s.Name.Name)...)
					}
				case *ast.GenDecl:
					for _, spec := range d.Specs {
						if found, ok := spec.(*ast.TypeSpec); ok && found.Name.Name == target.Sel.Name {
							definition = found.Type
						}
					}
				}
			}
		}
	}
	structure, ok := definition.(*ast.StructType)
	if !ok {
		return append(lines, fmt.Sprintf("type %s %s", s.Name.Name, source(definition)))
	}
	for _, field := range structure.Fields.List {
		for _, name := range field.Names {
			if name.IsExported() {
				lines = append(lines, fmt.Sprintf("field %s.%s %s", s.Name.Name, name.Name, source(field.Type)))
			}
		}
	}
	return lines
}

// folderOfImport is the folder of the package that a file imports under a
// name.
func folderOfImport(t *testing.T, file *ast.File, name string) string {
	t.Helper()
	for _, spec := range file.Imports {
		path, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		if room, ok := strings.CutPrefix(path, internalPath); ok && room == name {
			return filepath.Join("internal", room)
		}
	}
	t.Fatalf("no room is imported as %s", name)
	return ""
}

// source is an expression as the code has it, on one line.
func source(node ast.Node) string {
	var b bytes.Buffer
	if err := printer.Fprint(&b, token.NewFileSet(), node); err != nil {
		return err.Error()
	}
	return strings.Join(strings.Fields(b.String()), " ")
}
