package client_test

import (
	"bytes"
	"encoding/json"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/acrkit/azcontainerregistry/emulator/emulatortest"
)

const modulePath = "github.com/acrkit/azcontainerregistry"

const officialPath = "github.com/Azure/azure-sdk-for-go/sdk/containers/azcontainerregistry"

// TestProgramsForTheOfficialLibraryCompile changes the import line of each
// program under testdata/dropin and type-checks it against this package.
func TestProgramsForTheOfficialLibraryCompile(t *testing.T) {
	names, err := filepath.Glob("testdata/dropin/*.go")
	if err != nil || len(names) == 0 {
		t.Fatalf("no programs: %v", err)
	}
	out, err := exec.Command("go", "list", "-export", "-deps", "-json=ImportPath,Export", modulePath, "github.com/Azure/azure-sdk-for-go/sdk/azidentity", "github.com/Azure/azure-sdk-for-go/sdk/azcore/to", "github.com/Azure/azure-sdk-for-go/sdk/azcore/streaming").Output()
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

// TestAProgramForTheOfficialLibraryRuns builds the program under
// testdata/dropin/program with its import line changed, and runs it on an
// emulator of its own.
func TestAProgramForTheOfficialLibraryRuns(t *testing.T) {
	source := readFile(t, "testdata/dropin/program/main.go")
	changed := strings.Replace(source, strconv.Quote(officialPath), strconv.Quote(modulePath), 1)
	if changed == source {
		t.Fatal("the program doesn't import the official library")
	}
	dir := t.TempDir()
	main, binary, overlay := filepath.Join(dir, "main.go"), filepath.Join(dir, "program"), filepath.Join(dir, "overlay.json")
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	// The program is built as a package of this module, so that no other is needed.
	places, err := json.Marshal(map[string]map[string]string{"Replace": {filepath.Join(here, "internal", "dropin", "main.go"): main}})
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{main: []byte(changed), overlay: places} {
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-overlay", overlay, "-o", binary, "./internal/dropin").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	registry := emulatortest.Start(t)
	server := httptest.NewServer(registry.Emulator)
	defer server.Close()
	entra, err := registry.Credential.GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{"https://containerregistry.azure.net/.default"}})
	if err != nil {
		t.Fatal(err)
	}
	program := exec.CommandContext(t.Context(), binary)
	program.Env = append(os.Environ(), "REGISTRY_ENDPOINT="+server.URL, "ENTRA_TOKEN="+entra.Token, "NO_PROXY=*")
	out, err := program.CombinedOutput()
	const want = `repository library/hello-world
tag latest true
tag v1 true
tag v2 true
manifest of 3 tags for linux amd64
locked 405 405 true
pulled true
gone true
logged true
`
	if err != nil || string(out) != want {
		t.Errorf("%v\n%s", err, out)
	}
}
