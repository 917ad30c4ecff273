package tests

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

// mayBring are the modules that a program gets with the library beside azcore's
// own: what artifact links, and what the tests of the module need.
var mayBring = []string{
	"github.com/opencontainers/go-digest", "github.com/opencontainers/image-spec",
	"github.com/klauspost/compress", "github.com/ulikunitz/xz",
	"github.com/google/go-cmp", "go.uber.org/goleak",
}

// TestAddingTheLibraryRaisesNothingElse compares the modules of a program that
// uses azcore with those of the same program that uses the library, too.
func TestAddingTheLibraryRaisesNothingElse(t *testing.T) {
	before := modulesOf(t, azcoreModule, "")
	after := modulesOf(t, azcoreModule, modulePath)
	if before[azcoreModule] == "" || after[azcoreModule] == "" {
		t.Fatal("azcore is not in the list")
	}
	for path, version := range after {
		switch was, known := before[path]; {
		case path == modulePath, slices.Contains(mayBring, path):
		case !known:
			t.Errorf("the library brings %s %s along", path, version)
		case was != version:
			t.Errorf("the library raises %s from %s to %s", path, was, version)
		}
	}
}

// modulesOf lists the modules of a program of one file that imports packages.
func modulesOf(t *testing.T, imports ...string) map[string]string {
	t.Helper()
	dir := t.TempDir()
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	program, module := "package main\n\nimport (\n", "module example.com/program\n\ngo 1.25.0\n\nrequire "+azcoreModule+" v1.18.0\n"
	for _, path := range imports {
		if path != "" {
			program += "\t_ \"" + path + "\"\n"
		}
		if path == modulePath {
			module += "\nrequire " + path + " v1.0.0\n\nreplace " + path + " => " + root + "\n"
		}
	}
	for name, text := range map[string]string{"main.go": program + ")\n\nfunc main() {}\n", "go.mod": module} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	list := exec.CommandContext(t.Context(), "go", "list", "-mod=mod", "-m", "-json=Path,Version", "all")
	list.Dir, list.Env = dir, append(os.Environ(), "GOWORK=off", "GOFLAGS=")
	var stderr bytes.Buffer
	list.Stderr = &stderr
	out, err := list.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.Bytes())
	}
	modules := map[string]string{}
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var m struct{ Path, Version string }
		if err := dec.Decode(&m); errors.Is(err, io.EOF) {
			return modules
		} else if err != nil {
			t.Fatal(err)
		}
		modules[m.Path] = m.Version
	}
}
