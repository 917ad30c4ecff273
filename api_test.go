package azcontainerregistry_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"sort"
	"strings"
	"testing"
)

const modulePath = "github.com/acrkit/azcontainerregistry"

// TestAPIContainsEveryLineOfV023 compares the exported API, as go/types sees
// it, with the list of the official library's.
func TestAPIContainsEveryLineOfV023(t *testing.T) {
	have := exportedAPI(typeCheck(t, nil))
	for _, line := range missingFrom(have, readList(t)) {
		t.Errorf("v0.2.3 has, we lack: %s", line)
	}
}

// TestAPIComparisonCanFail takes one thing of each kind away and expects it to
// be missed.
func TestAPIComparisonCanFail(t *testing.T) {
	want := readList(t)
	have := exportedAPI(typeCheck(t, func(file *ast.File) {
		for _, d := range file.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Name.Name == "GetManifest" {
				fn.Name.Name = "GetManifests"
			}
			gen, ok := d.(*ast.GenDecl)
			if !ok {
				continue
			}
			for _, s := range gen.Specs {
				switch s := s.(type) {
				case *ast.TypeSpec:
					if st, ok := s.Type.(*ast.StructType); ok && s.Name.Name == "ClientDeleteTagOptions" {
						s.Name.Name = "clientDeleteTagOptions"
					} else if ok && s.Name.Name == "ClientListTagsOptions" {
						st.Fields.List[0].Type = ast.NewIdent("string")
					}
				case *ast.ValueSpec:
					if s.Names[0].Name == "TokenGrantTypePassword" {
						s.Values[0].(*ast.BasicLit).Value = `"passwords"`
					}
				}
			}
		}
	}))
	missing := strings.Join(missingFrom(have, want), "\n")
	for _, symptom := range []string{
		"method (*Client) GetManifest(ctx context.Context",
		"type ClientDeleteTagOptions struct",
		"field ClientListTagsOptions.Digest *string",
		`const TokenGrantTypePassword TokenGrantType = "password"`,
	} {
		if !strings.Contains(missing, symptom) {
			t.Errorf("the comparison did not miss %q", symptom)
		}
	}
}

func readList(t *testing.T) []string {
	t.Helper()
	f, err := os.Open("testdata/api-v0.2.3.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var lines []string
	for s := bufio.NewScanner(f); s.Scan(); {
		if line := strings.TrimSpace(s.Text()); line != "" {
			lines = append(lines, line)
		}
	}
	if len(lines) < 300 {
		t.Fatalf("the list has only %d lines", len(lines))
	}
	return lines
}

func missingFrom(have map[string]bool, want []string) []string {
	var missing []string
	for _, line := range want {
		if !have[line] {
			missing = append(missing, line)
		}
	}
	return missing
}

// typeCheck checks this package from its sources, changed by mutate if given,
// against the compiler's export data of what it imports. Errors of the check
// don't matter here: a mutation leaves some behind.
func typeCheck(t *testing.T, mutate func(*ast.File)) *types.Package {
	t.Helper()
	out, err := exec.Command("go", "list", "-export", "-deps", "-json=ImportPath,Export,GoFiles,Dir", ".").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	exports := map[string]string{}
	var files []string
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct {
			ImportPath, Export, Dir string
			GoFiles                 []string
		}
		if err := dec.Decode(&p); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		exports[p.ImportPath] = p.Export
		if p.ImportPath == modulePath {
			files = p.GoFiles
		}
	}
	fset := token.NewFileSet()
	var parsed []*ast.File
	for _, name := range files {
		file, err := parser.ParseFile(fset, name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		if mutate != nil {
			mutate(file)
		}
		parsed = append(parsed, file)
	}
	conf := types.Config{
		Importer: importer.ForCompiler(fset, "gc", func(path string) (io.ReadCloser, error) {
			return os.Open(exports[path])
		}),
		Error: func(err error) {
			if mutate == nil {
				t.Error(err)
			}
		},
	}
	pkg, err := conf.Check(modulePath, fset, parsed, nil)
	if err != nil && mutate == nil {
		t.Fatal(err)
	}
	return pkg
}

// exportedAPI renders every exported name in the words of the list.
func exportedAPI(pkg *types.Package) map[string]bool {
	api := map[string]bool{}
	add := func(format string, args ...any) { api[fmt.Sprintf(format, args...)] = true }
	// The list writes an own name bare, a module's by its whole path and one of
	// the standard library by its package's name, as both paths and names are there.
	name := func(p *types.Package) string {
		switch {
		case p == pkg:
			return ""
		case strings.Contains(p.Path(), "."):
			return p.Path()
		default:
			return p.Name()
		}
	}
	// The names of results are an implementation's own affair.
	signature := func(s *types.Signature) string {
		var results []*types.Var
		for v := range s.Results().Variables() {
			results = append(results, types.NewVar(v.Pos(), v.Pkg(), "", v.Type()))
		}
		plain := types.NewSignatureType(nil, nil, nil, s.Params(), types.NewTuple(results...), s.Variadic())
		return strings.TrimPrefix(publicPath(types.TypeString(plain, name)), "func")
	}
	str := func(t types.Type) string { return publicPath(types.TypeString(t, name)) }
	for _, n := range pkg.Scope().Names() {
		obj := pkg.Scope().Lookup(n)
		if !obj.Exported() {
			continue
		}
		switch obj := obj.(type) {
		case *types.Const:
			add("const %s %s = %s", n, str(obj.Type()), obj.Val().ExactString())
		case *types.Var:
			add("var %s %s", n, str(obj.Type()))
		case *types.Func:
			add("func %s%s", n, signature(obj.Type().(*types.Signature)))
		case *types.TypeName:
			named, ok := obj.Type().(*types.Named)
			if !ok {
				continue
			}
			if s, ok := named.Underlying().(*types.Struct); ok {
				add("type %s struct", n)
				for f := range s.Fields() {
					switch {
					case f.Embedded():
						add("field %s.%s %s (embedded)", n, f.Name(), str(f.Type()))
					case f.Exported():
						add("field %s.%s %s", n, f.Name(), str(f.Type()))
					}
				}
			} else {
				add("type %s %s", n, str(named.Underlying()))
			}
			for m := range named.Methods() {
				if m.Exported() {
					sig := m.Type().(*types.Signature)
					add("method (%s) %s%s", str(sig.Recv().Type()), m.Name(), signature(sig))
				}
			}
		}
	}
	return api
}

// publicPath writes azcore's aliases of internal types as a user names them:
// go/types resolves them away.
func publicPath(s string) string {
	const azcore = "github.com/Azure/azure-sdk-for-go/sdk/azcore"
	for internal, public := range map[string]string{
		azcore + "/internal/exported.TokenCredential": azcore + ".TokenCredential",
		azcore + "/policy.ClientOptions":              azcore + ".ClientOptions",
	} {
		s = strings.ReplaceAll(s, internal, public)
	}
	return s
}

// TestAPIListIsSorted keeps the copy of the list comparable with its original.
func TestAPIListIsSorted(t *testing.T) {
	if lines := readList(t); !sort.StringsAreSorted(lines) {
		t.Error("testdata/api-v0.2.3.txt is not sorted")
	}
}
