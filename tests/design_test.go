package tests

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the picture in DESIGN.md")

// picture draws the arrows as a Mermaid graph: a box a folder that has a rule of
// its own, an arrow for what it may import.
func picture() string {
	var b strings.Builder
	b.WriteString("```mermaid\nflowchart TD\n")
	folders := slices.Sorted(maps.Keys(arrows))
	id := func(folder string) string {
		if folder == "." {
			return "library"
		}
		return strings.NewReplacer("/", "_", ".", "_", "-", "_").Replace(folder)
	}
	for _, folder := range folders {
		name := folder
		if folder == "." {
			name = "azcontainerregistry"
		}
		fmt.Fprintf(&b, "    %s[%q]\n", id(folder), name)
	}
	for _, folder := range folders {
		for _, to := range arrows[folder].ours {
			if _, ok := arrows[to]; ok && to != folder && !strings.HasPrefix(folder, to+"/internal") {
				fmt.Fprintf(&b, "    %s --> %s\n", id(folder), id(to))
			}
		}
	}
	b.WriteString("```\n")
	return b.String()
}

// TestDesignShowsTheArrows holds the picture in DESIGN.md to the table that
// TestImportsFollowTheArrows enforces. -update draws it anew.
func TestDesignShowsTheArrows(t *testing.T) {
	const design = "../DESIGN.md"
	data, err := os.ReadFile(design)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(data), "<!-- arrows -->\n")
	_, after, closed := strings.Cut(rest, "<!-- end -->")
	if !found || !closed {
		t.Fatalf("%s has no place for the picture", design)
	}
	want := before + "<!-- arrows -->\n" + picture() + "<!-- end -->" + after
	if *update {
		if err := os.WriteFile(design, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if want != string(data) {
		t.Errorf("the picture in %s is not that of the arrows in deps_test.go: go test ./tests -run TestDesign -update", design)
	}
}

// part returns what stands between two marks of DESIGN.md.
func part(t *testing.T, mark string) string {
	t.Helper()
	data, err := os.ReadFile("../DESIGN.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(data), "<!-- "+mark+" -->\n")
	text, _, closed := strings.Cut(rest, "<!-- end "+mark+" -->")
	if !found || !closed {
		t.Fatalf("DESIGN.md has no %s", mark)
	}
	return text
}

var quoted = regexp.MustCompile("`([^`]+)`")

// TestEveryFileOfTheRootIsOfAFamily holds the names of the root's files to the
// table in DESIGN.md: a directory listing shows what belongs together.
func TestEveryFileOfTheRootIsOfAFamily(t *testing.T) {
	files, err := filepath.Glob("../*.go")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	used := map[string]bool{}
	var families []string
	for line := range strings.Lines(part(t, "families")) {
		cells := strings.Split(line, "|")
		for _, m := range quoted.FindAllStringSubmatch(cells[1], -1) {
			families = append(families, m[1])
		}
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		name, found := filepath.Base(file), false
		for _, family := range families {
			if ok, err := path.Match(family, name); err != nil {
				t.Fatal(err)
			} else if ok {
				used[family], found = true, true
			}
		}
		if !found {
			t.Errorf("%s is of no family in DESIGN.md: give it a name that begins with its family's", name)
		}
	}
	for _, family := range families {
		if !used[family] {
			t.Errorf("DESIGN.md has the family %s, of which there is no file", family)
		}
	}
}

// TestAThingHasOneWordEverywhere looks for the files that DESIGN.md names.
func TestAThingHasOneWordEverywhere(t *testing.T) {
	folders := []string{"", "../", "../emulator/internal/wire/", "../cmd/acrkit/"}
	for line := range strings.Lines(part(t, "things")) {
		for i, cell := range strings.Split(strings.Trim(line, "|\n"), "|") {
			for _, m := range quoted.FindAllStringSubmatch(cell, -1) {
				if _, err := os.Stat(folders[i] + m[1]); err != nil {
					t.Error(err)
				}
			}
		}
	}
}

// TestArrowsDialToFolders fails for a rule of a folder that isn't there, and for
// an arrow to one.
func TestArrowsDialToFolders(t *testing.T) {
	for folder, rule := range arrows {
		for _, f := range append([]string{folder}, rule.ours...) {
			if info, err := os.Stat("../" + f); err != nil || !info.IsDir() {
				t.Errorf("the rule of %s names %s, which is no folder", folder, f)
			}
		}
	}
}
