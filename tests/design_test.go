package tests

import (
	"flag"
	"fmt"
	"maps"
	"os"
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
	const path = "../DESIGN.md"
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(data), "<!-- arrows -->\n")
	_, after, closed := strings.Cut(rest, "<!-- end -->")
	if !found || !closed {
		t.Fatalf("%s has no place for the picture", path)
	}
	want := before + "<!-- arrows -->\n" + picture() + "<!-- end -->" + after
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if want != string(data) {
		t.Errorf("the picture in %s is not that of the arrows in deps_test.go: go test ./tests -run TestDesign -update", path)
	}
}

// TestArrowsLeadToFolders fails for a rule of a folder that isn't there, and for
// an arrow to one.
func TestArrowsLeadToFolders(t *testing.T) {
	for folder, rule := range arrows {
		for _, f := range append([]string{folder}, rule.ours...) {
			if info, err := os.Stat("../" + f); err != nil || !info.IsDir() {
				t.Errorf("the rule of %s names %s, which is no folder", folder, f)
			}
		}
	}
}
