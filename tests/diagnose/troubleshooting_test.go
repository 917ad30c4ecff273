package diagnose_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/acrkit/azcontainerregistry/diagnose"
)

// guide is the file that the tests here hold to the program.
const guide = "../../TROUBLESHOOTING.md"

// block is a fenced block of the guide, with the comment before it that says
// where it comes from: <!-- error: firewall -->.
var block = regexp.MustCompile("(?m)(?:^<!-- (\\w+): ([\\w-]+) -->\n)?^```(\\w*)\n((?s:.*?))^```$")

// TestGuideSaysWhatTheProgramDoes compares every snippet with the code that the
// tests run, and every error with what the emulator's fault brings about. With
// -update it rewrites them.
func TestGuideSaysWhatTheProgramDoes(t *testing.T) {
	data, err := os.ReadFile(guide)
	if err != nil {
		t.Fatal(err)
	}
	snippets := readSnippets(t)
	shown := map[string]bool{}
	text := block.ReplaceAllStringFunc(string(data), func(found string) string {
		m := block.FindStringSubmatch(found)
		kind, name, language, body := m[1], m[2], m[3], m[4]
		var want string
		switch {
		case language == "sh":
			return found // checked by the command's own tests
		case language == "go" && kind == "snippet":
			want = snippets[name]
			if want == "" {
				t.Errorf("there is no snippet %q", name)
			}
		case language == "text" && (kind == "error" || kind == "diagnosis"):
			s, ok := scenarios[name]
			if !ok {
				t.Errorf("there is no scenario %q", name)
				return found
			}
			s.run(t, func(_ *testing.T, err error) {
				if want = shownError(err); kind == "diagnosis" {
					want = shownDiagnosis(err)
				}
			})
		default:
			t.Errorf("a block of %q comes from nowhere (%s: %s):\n%s", language, kind, name, body)
			return found
		}
		shown[kind+" "+name] = true
		if *update {
			return strings.TrimSuffix(found, body+"```") + want + "```"
		}
		if diff := cmp.Diff(want, body); diff != "" {
			t.Errorf("%s %s differs (-program +guide); if it should, run with -update:\n%s", kind, name, diff)
		}
		return found
	})
	for name := range snippets {
		if !shown["snippet "+name] {
			t.Errorf("the snippet %q is not in the guide", name)
		}
	}
	if *update {
		if err := os.WriteFile(guide, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// readSnippets reads the code between "// snippet NAME" and "// end".
func readSnippets(t *testing.T) map[string]string {
	t.Helper()
	data, err := os.ReadFile("snippets_test.go")
	if err != nil {
		t.Fatal(err)
	}
	snippets := map[string]string{}
	for i, part := range strings.Split(string(data), "\t// snippet ") {
		if i == 0 {
			continue
		}
		name, rest, _ := strings.Cut(part, "\n")
		code, _, found := strings.Cut(rest, "\t// end\n")
		if !found {
			t.Fatalf("the snippet %s has no end", name)
		}
		var b strings.Builder
		for line := range strings.Lines(code) {
			b.WriteString(strings.TrimPrefix(line, "\t"))
		}
		snippets[name] = b.String()
	}
	return snippets
}

// steady takes out of a text what differs between two runs.
func steady(text string) string {
	text = ids.ReplaceAllStringFunc(text, func(id string) string {
		if id == somebody || id == stranger {
			return id
		}
		return "00000000-0000-4000-8000-000000000000"
	})
	return moment.ReplaceAllString(text, "2026-01-02T03:04:05Z")
}

func shownError(err error) string { return steady(err.Error()) + "\n" }

// shownDiagnosis is a diagnosis in the form that the command line has.
func shownDiagnosis(err error) string {
	d, _ := diagnose.Explain(err)
	var b strings.Builder
	fmt.Fprintf(&b, "error: %s    %s\n", d.Title, d.Code)
	section := func(label string, lines []string) {
		for i, line := range lines {
			if i > 0 {
				label = ""
			}
			fmt.Fprintf(&b, "  %-6s %s\n", label, line)
		}
	}
	var seen, causes []string
	for _, s := range d.Seen {
		seen = append(seen, s.Text)
	}
	for _, c := range d.Causes {
		causes = append(causes, c.Text+" ("+c.Tell+")")
	}
	section("seen", seen)
	section("cause", causes)
	section("fix", d.Fix)
	return steady(b.String())
}

// TestGuideNamesOnlyCodesThatAre checks the words in capitals.
func TestGuideNamesOnlyCodesThatAre(t *testing.T) {
	data, err := os.ReadFile(guide)
	if err != nil {
		t.Fatal(err)
	}
	named := 0
	for _, m := range regexp.MustCompile("`([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)`").FindAllStringSubmatch(string(data), -1) {
		if environment[m[1]] {
			continue
		}
		named++
		if _, ok := diagnose.Lookup(diagnose.Code(m[1])); !ok {
			t.Errorf("the guide names %s, which the catalogue does not have", m[1])
		}
	}
	if named < 40 {
		t.Errorf("the guide names %d codes only", named)
	}
}

// environment are the words in capitals that are no codes.
var environment = map[string]bool{
	"AZURE_SDK_GO_LOGGING": true, "HTTPS_PROXY": true, "NO_PROXY": true, "SSL_CERT_FILE": true, "DOCKER_CONFIG": true,
	"AZURE_CLIENT_ID": true, "AZURE_TENANT_ID": true, "AZURE_CLIENT_SECRET": true,
	"BLOB_UPLOAD_INVALID": true, "BLOB_UPLOAD_UNKNOWN": true, "REGISTRY_DISALLOWED_OPERATION": true, "MANIFEST_UNKNOWN": true,
}
