package interop

import (
	"encoding/json"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The one line that a program changes to move over.
const (
	officialImport = "github.com/Azure/azure-sdk-for-go/sdk/containers/azcontainerregistry"
	ourImport      = "github.com/acrkit/azcontainerregistry"
)

// TestProgramsForTheOfficialLibraryMoveByOneImport builds each program below
// programs/ as it is, against the official library, and once more with the
// import changed. Both run against an emulator of their own with the same
// content, and must print the same.
func TestProgramsForTheOfficialLibraryMoveByOneImport(t *testing.T) {
	mains, err := filepath.Glob(filepath.Join("programs", "*", "main.go"))
	if err != nil {
		t.Fatal(err)
	}
	if len(mains) < 15 {
		t.Fatalf("found %d programs, want 15 or more", len(mains))
	}
	for _, main := range mains {
		name := filepath.Base(filepath.Dir(main))
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			before, after := filepath.Join(dir, "before"), filepath.Join(dir, "after")
			build(t, before, name)
			build(t, after, name, "-overlay", overlay(t, dir, main))
			want, got := runProgram(t, before), runProgram(t, after)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("the program prints something else after the move (-official +ours):\n%s", diff)
			}
		})
	}
}

func build(t *testing.T, output, name string, flags ...string) {
	t.Helper()
	args := append([]string{"build", "-o", output}, flags...)
	command(t, "", "go", append(args, "./programs/"+name)...)
}

// overlay writes the program with the import changed and returns the overlay
// file for the go command.
func overlay(t *testing.T, dir, main string) string {
	t.Helper()
	source, err := os.ReadFile(main)
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.ReplaceAll(string(source), strconv.Quote(officialImport), strconv.Quote(ourImport))
	if strings.Count(string(source), strconv.Quote(officialImport)) != 1 {
		t.Fatalf("%s must import the official library once", main)
	}
	file, err := parser.ParseFile(token.NewFileSet(), main, changed, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	for _, spec := range file.Imports {
		if strings.Contains(spec.Path.Value, officialImport) {
			t.Fatalf("%s still imports the official library", main)
		}
	}
	moved := filepath.Join(dir, "main.go")
	if err := os.WriteFile(moved, []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
	path, err := filepath.Abs(main)
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(map[string]map[string]string{"Replace": {path: moved}})
	if err != nil {
		t.Fatal(err)
	}
	file2 := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(file2, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return file2
}

// runProgram gives the program an emulator with four images in it.
func runProgram(t *testing.T, program string) string {
	t.Helper()
	s := startEmulator(t)
	for i, tag := range []string{"v1", "v2", "v3", "v4"} {
		push(t, s, "library/app:"+tag, fixedImage(t, i))
	}
	push(t, s, "team/tools:latest", fixedImage(t, 9))
	c := exec.CommandContext(t.Context(), program)
	c.Env = append(os.Environ(), "ACR_ENDPOINT="+s.endpoint)
	output, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", filepath.Base(program), err, output)
	}
	return string(output)
}
