package azcontainerregistry_test

import (
	"bytes"
	"encoding/json"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
)

const officialPath = "github.com/Azure/azure-sdk-for-go/sdk/containers/azcontainerregistry"

// TestProgramsForTheOfficialLibraryCompile changes the import line of each
// program under testdata/dropin and type-checks it against this package.
func TestProgramsForTheOfficialLibraryCompile(t *testing.T) {
	names, err := filepath.Glob("testdata/dropin/*.go")
	if err != nil || len(names) == 0 {
		t.Fatalf("no programs: %v", err)
	}
	out, err := exec.Command("go", "list", "-export", "-deps", "-json=ImportPath,Export", ".", "github.com/Azure/azure-sdk-for-go/sdk/azidentity", "github.com/Azure/azure-sdk-for-go/sdk/azcore/to", "github.com/Azure/azure-sdk-for-go/sdk/azcore/streaming").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	exports := map[string]string{}
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct{ ImportPath, Export string }
		if err := dec.Decode(&p); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		exports[p.ImportPath] = p.Export
	}
	fset := token.NewFileSet()
	var files []*ast.File
	changed := 0
	for _, name := range names {
		file, err := parser.ParseFile(fset, name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range file.Imports {
			if spec.Path.Value == strconv.Quote(officialPath) {
				spec.Path.Value = strconv.Quote(modulePath)
				changed++
			}
		}
		files = append(files, file)
	}
	if changed != len(names) {
		t.Errorf("%d of %d programs import the official library", changed, len(names))
	}
	conf := types.Config{
		Importer: importer.ForCompiler(fset, "gc", func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) }),
		Error:    func(err error) { t.Error(err) },
	}
	if _, err := conf.Check("dropin", fset, files, nil); err != nil {
		t.Fatal(err)
	}
}
