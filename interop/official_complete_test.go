package interop

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
)

// TestEveryFunctionOfTheOfficialLibraryIsCalled asks the compiler's view of
// the library for its exported functions and methods, and that of the tests
// and programs here for what they call, so that "its whole API" stays true.
func TestEveryFunctionOfTheOfficialLibraryIsCalled(t *testing.T) {
	listed := listPackages(t)
	load := importer.ForCompiler(token.NewFileSet(), "gc", func(path string) (io.ReadCloser, error) {
		return os.Open(listed[path].Export)
	})
	called := map[string]bool{}
	for path, p := range listed {
		if filepath.Base(filepath.Dir(path)) == "programs" {
			usesIn(t, load, path, p.Dir, p.GoFiles, called)
		}
	}
	self := listed["github.com/acrkit/azcontainerregistry/interop"]
	usesIn(t, load, self.ImportPath, self.Dir, slices.Concat(self.GoFiles, self.TestGoFiles), called)

	library, err := load.Import(officialImport)
	if err != nil {
		t.Fatal(err)
	}
	exported := exportedFunctions(library)
	for _, function := range exported {
		switch function.Name() {
		case "MarshalJSON", "UnmarshalJSON":
			continue // encoding/json calls them, for every answer and every update
		case "Read":
			continue // io.ReadAll calls it, on what NewDigestValidationReader returned
		}
		if !called[function.FullName()] {
			t.Errorf("nobody calls %s", function.FullName())
		}
	}
	if want := countOfList(t); len(exported) != want {
		t.Errorf("the library has %d functions and methods, the list %d", len(exported), want)
	}
}

type listedSources struct {
	ImportPath, Export, Dir string
	GoFiles, TestGoFiles    []string
}

// listPackages are the packages of this module and all that their tests
// import.
func listPackages(t *testing.T) map[string]listedSources {
	t.Helper()
	output, err := exec.CommandContext(t.Context(), "go", "list", "-export", "-deps", "-test", "-json=ImportPath,Export,Dir,GoFiles,TestGoFiles", "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	listed := map[string]listedSources{}
	for decoder := json.NewDecoder(bytes.NewReader(output)); ; {
		var p listedSources
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return listed
		} else if err != nil {
			t.Fatal(err)
		}
		listed[p.ImportPath] = p
	}
}

// usesIn adds the functions of the official library that the files name.
func usesIn(t *testing.T, load types.Importer, path, dir string, names []string, called map[string]bool) {
	t.Helper()
	set := token.NewFileSet()
	var files []*ast.File
	for _, name := range names {
		file, err := parser.ParseFile(set, filepath.Join(dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	info := types.Info{Uses: map[*ast.Ident]types.Object{}}
	config := types.Config{Importer: load}
	if _, err := config.Check(path, set, files, &info); err != nil {
		t.Fatal(err)
	}
	for _, used := range info.Uses {
		if function, ok := used.(*types.Func); ok && function.Pkg() != nil && function.Pkg().Path() == officialImport {
			called[function.FullName()] = true
		}
	}
}

func exportedFunctions(library *types.Package) []*types.Func {
	var found []*types.Func
	for _, name := range library.Scope().Names() {
		switch object := library.Scope().Lookup(name).(type) {
		case *types.Func:
			found = append(found, object)
		case *types.TypeName:
			if named, ok := object.Type().(*types.Named); ok && object.Exported() {
				found = slices.AppendSeq(found, named.Methods())
			}
		}
	}
	return slices.DeleteFunc(found, func(f *types.Func) bool { return !f.Exported() })
}

// countOfList counts the functions and methods of the v0.2.3 list.
func countOfList(t *testing.T) int {
	t.Helper()
	list, err := os.ReadFile(filepath.Join("..", "testdata", "api-v0.2.3.txt"))
	if err != nil {
		t.Fatal(err)
	}
	return len(regexp.MustCompile(`(?m)^(method \(|func \w)`).FindAll(list, -1))
}
