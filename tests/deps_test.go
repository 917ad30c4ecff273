package tests

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// The arrows of DESIGN.md: for each folder of the module, what of ours and
// whose modules it may import itself, and which modules may be linked through
// those. A folder inherits the rule of the nearest one above it that has one.
var arrows = map[string]arrow{
	".": {
		ours:    []string{"internal/names", "internal/network", "internal/pattern", "internal/redact", "internal/strict", "internal/transfer", "internal/wire"},
		modules: []string{azcoreModule},
	},
	"internal/names":        {ours: []string{"internal/pattern"}},
	"tests":                 {},
	"internal/strict":       {},
	"internal/diagnosetest": {modules: []string{azcoreModule}},
	"internal/artifacttest": {
		ours:    []string{".", "artifact"},
		modules: []string{azcoreModule, "github.com/opencontainers/image-spec", "github.com/opencontainers/go-digest", "github.com/klauspost/compress", "github.com/ulikunitz/xz"},
	},
	"internal/network":  {},
	"internal/filelock": {},
	"internal/order":    {},
	"internal/pattern":  {},
	"internal/redact":   {ours: []string{"internal/pattern"}},
	"internal/wire":     {},
	"internal/words":    {},
	"internal/transfer": {never: []string{"net", "net/http"}},
	"artifact": {
		ours: []string{".", "artifact", "internal/filelock", "internal/order", "internal/pattern", "internal/strict", "internal/transfer", "internal/redact"},
		modules: []string{
			azcoreModule, "github.com/opencontainers/image-spec", "github.com/opencontainers/go-digest",
			"github.com/klauspost/compress", "github.com/ulikunitz/xz",
		},
	},
	"diagnose": {
		ours:    []string{".", "diagnose", "internal/names", "internal/order", "internal/pattern", "internal/redact", "internal/wire", "internal/words"},
		modules: []string{azcoreModule},
	},
	"emulator": {
		ours:    []string{"emulator"},
		modules: []string{"go.etcd.io/bbolt", "github.com/golang-jwt/jwt/v5"},
	},
	"emulator/emulatortest": {
		ours:    []string{"emulator"},
		modules: []string{azcoreModule, "go.etcd.io/bbolt", "github.com/golang-jwt/jwt/v5"},
	},
	"cmd/acrkit": {
		ours: []string{".", "artifact", "diagnose", "emulator", "internal/filelock", "internal/names", "internal/network", "internal/order", "internal/pattern", "internal/redact", "internal/strict", "internal/transfer", "internal/wire", "internal/words", "cmd/acrkit"},
		modules: []string{
			azcoreModule, "github.com/Azure/azure-sdk-for-go/sdk/azidentity",
			"github.com/opencontainers/image-spec", "github.com/opencontainers/go-digest",
			"github.com/klauspost/compress", "github.com/ulikunitz/xz",
			"go.etcd.io/bbolt", "github.com/golang-jwt/jwt/v5",
			"github.com/spf13/cobra", "github.com/spf13/pflag", "github.com/vbauerster/mpb/v8",
			"golang.org/x/term", "github.com/itchyny/gojq", "oras.land/oras-go/v2",
		},
	},
}

const modulePath = "github.com/acrkit/azcontainerregistry"

const azcoreModule = "github.com/Azure/azure-sdk-for-go/sdk/azcore"

// behind are the modules that a chosen one brings along.
var behind = map[string][]string{
	azcoreModule: {"github.com/Azure/azure-sdk-for-go/sdk/internal", "golang.org/x/net", "golang.org/x/text"},
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity": {
		"github.com/AzureAD/microsoft-authentication-library-for-go", "github.com/golang-jwt/jwt/v5", "github.com/google/uuid",
		"github.com/kylelemons/godebug", "github.com/pkg/browser", "golang.org/x/crypto",
	},
	"go.etcd.io/bbolt":                     {"golang.org/x/sys"},
	"github.com/spf13/cobra":               {"github.com/spf13/pflag", "github.com/inconshreveable/mousetrap"},
	"github.com/vbauerster/mpb/v8":         {"github.com/VividCortex/ewma", "github.com/acarl005/stripansi", "github.com/clipperhouse/uax29/v2", "github.com/mattn/go-runewidth", "github.com/rivo/uniseg", "github.com/vbauerster/cupwriter", "golang.org/x/sys"},
	"golang.org/x/term":                    {"golang.org/x/sys"},
	"github.com/itchyny/gojq":              {"github.com/itchyny/timefmt-go"},
	"oras.land/oras-go/v2":                 {"golang.org/x/sync"},
	"github.com/opencontainers/image-spec": {"github.com/opencontainers/go-digest"},
}

type arrow struct {
	ours    []string // folders; a folder stands for those below it, "." for itself
	modules []string // imported directly or linked
	never   []string // packages of the standard library
}

type listedPackage struct {
	ImportPath string
	Imports    []string
	Standard   bool
	Module     *struct{ Path string }
}

// TestImportsFollowTheArrows reads the imports of every package of the workspace.
func TestImportsFollowTheArrows(t *testing.T) {
	cmd := exec.Command("go", "list", "-deps", "-json=ImportPath,Imports,Standard,Module", "work")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	packages := map[string]listedPackage{}
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listedPackage
		if err := dec.Decode(&p); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		packages[p.ImportPath] = p
	}
	if _, ok := packages[modulePath]; !ok {
		t.Fatal("the module's own package is not listed")
	}
	for _, v := range violations(packages) {
		t.Error(v)
	}
}

// TestArrowsCanBeViolated breaks each kind of rule.
func TestArrowsCanBeViolated(t *testing.T) {
	module := func(path string) *struct{ Path string } { return &struct{ Path string }{path} }
	own := func(folder string, imports ...string) listedPackage {
		return listedPackage{ImportPath: strings.TrimSuffix(modulePath+"/"+folder, "/."), Imports: imports, Module: module(modulePath)}
	}
	cobra := listedPackage{ImportPath: "github.com/spf13/cobra", Module: module("github.com/spf13/cobra")}
	http := listedPackage{ImportPath: "net/http", Standard: true}
	for symptom, packages := range map[string][]listedPackage{
		"imports github.com/spf13/cobra": {own(".", "github.com/spf13/cobra"), cobra},
		"imports artifact":               {own("diagnose", modulePath+"/artifact"), own("artifact")},
		"imports .":                      {own("emulator/internal/store", modulePath), own(".")},
		"links github.com/spf13/cobra":   {own("artifact", "oras.land/x"), {ImportPath: "oras.land/x", Imports: []string{"github.com/spf13/cobra"}, Module: module(azcoreModule)}, cobra},
		"links net/http":                 {own("internal/transfer", "net/http"), http},
		"has no rule":                    {own("util")},
	} {
		listed := map[string]listedPackage{}
		for _, p := range packages {
			listed[p.ImportPath] = p
		}
		if got := strings.Join(violations(listed), "\n"); !strings.Contains(got, symptom) {
			t.Errorf("%q is not noticed in %v; noticed: %q", symptom, packages, got)
		}
	}
}

func violations(packages map[string]listedPackage) []string {
	var found []string
	for path, p := range packages {
		folder, ok := folderOf(path)
		if !ok {
			continue
		}
		rule, ok := ruleOf(folder)
		if !ok {
			found = append(found, fmt.Sprintf("%s has no rule", folder))
			continue
		}
		for _, imported := range p.Imports {
			target, ok := packages[imported]
			if !ok || target.Standard {
				continue
			}
			if to, ok := folderOf(imported); ok {
				if !mayImport(rule, to) {
					found = append(found, fmt.Sprintf("%s imports %s", folder, to))
				}
			} else if target.Module != nil && !slices.Contains(rule.modules, target.Module.Path) {
				found = append(found, fmt.Sprintf("%s imports %s", folder, target.Module.Path))
			}
		}
		for linked := range closure(packages, path) {
			target := packages[linked]
			if slices.Contains(rule.never, linked) {
				found = append(found, fmt.Sprintf("%s links %s", folder, linked))
			}
			if _, own := folderOf(linked); own || target.Standard || target.Module == nil {
				continue
			}
			if !mayLink(rule, target.Module.Path) {
				found = append(found, fmt.Sprintf("%s links %s", folder, target.Module.Path))
			}
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// folderOf returns a package's folder in the module.
func folderOf(path string) (string, bool) {
	if path == modulePath {
		return ".", true
	}
	return strings.CutPrefix(path, modulePath+"/")
}

func ruleOf(folder string) (arrow, bool) {
	for f := folder; ; {
		if rule, ok := arrows[f]; ok {
			return rule, true
		}
		at := strings.LastIndexByte(f, '/')
		if at < 0 {
			return arrow{}, false
		}
		f = f[:at]
	}
}

func mayImport(rule arrow, to string) bool {
	return slices.ContainsFunc(rule.ours, func(allowed string) bool {
		return to == allowed || allowed != "." && strings.HasPrefix(to, allowed+"/")
	})
}

func mayLink(rule arrow, module string) bool {
	for _, m := range rule.modules {
		if m == module || slices.Contains(behind[m], module) {
			return true
		}
	}
	return false
}

func closure(packages map[string]listedPackage, root string) map[string]bool {
	seen := map[string]bool{}
	for todo := []string{root}; len(todo) > 0; {
		p := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for _, i := range packages[p].Imports {
			if !seen[i] {
				seen[i] = true
				todo = append(todo, i)
			}
		}
	}
	return seen
}
