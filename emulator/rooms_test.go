package emulator

import (
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// rooms are the packages of the emulator from the bottom up. Each may import
// those before it, so no arrow runs back up.
var rooms = []string{
	"store", "clock", "quirk", "kql", "strictjson", "privatefile", "memnet",
	"protocol", "trace", "signin", "fault", "webhook", "wire", "listen", "inspector",
}

// TestNoArrowRunsBackUp counts the imports between the emulator's packages
// that lead to one above.
func TestNoArrowRunsBackUp(t *testing.T) {
	entries, err := os.ReadDir("internal")
	if err != nil {
		t.Fatal(err)
	}
	rank := map[string]int{}
	for i, room := range rooms {
		rank[room] = i
	}
	backUp, arrows := 0, 0
	for _, entry := range entries {
		from, ok := rank[entry.Name()]
		if !ok {
			t.Errorf("internal/%s has no place among the rooms", entry.Name())
			continue
		}
		for _, to := range importsOf(t, filepath.Join("internal", entry.Name())) {
			arrows++
			at, ok := rank[to]
			if !ok || at >= from {
				backUp++
				t.Errorf("internal/%s imports internal/%s, which is not below it", entry.Name(), to)
			}
		}
	}
	if arrows == 0 {
		t.Error("no arrows were found at all")
	}
	t.Logf("%d arrows between packages, %d of them back up", arrows, backUp)
}

// TestFaultsKnowNothingOfWhatTheyWrap holds the faults to their place: a
// handler around everything else.
func TestFaultsKnowNothingOfWhatTheyWrap(t *testing.T) {
	for _, to := range importsOf(t, filepath.Join("internal", "fault")) {
		if to == "wire" || to == "signin" || to == "store" {
			t.Errorf("internal/fault imports internal/%s", to)
		}
	}
}

// importsOf lists the rooms that a folder's code imports, its tests left out,
// once each.
func importsOf(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	var found []string
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range parsed.Imports {
			path, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			switch room, ok := strings.CutPrefix(path, internalPath); {
			case ok && !seen[room]:
				seen[room] = true
				found = append(found, room)
			case strings.HasPrefix(path, strings.TrimSuffix(internalPath, "/internal/")) && !ok:
				t.Errorf("%s imports %s, which is above every room", file, path)
			}
		}
	}
	return found
}
