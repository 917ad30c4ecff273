package tests

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// protocolReference is what "ACR protocol §x" cites.
const protocolReference = "../docs/acr-protocol.md"

var (
	anchor  = regexp.MustCompile(`<a id="section-([0-9.]+)"></a>\n\n#+ ([0-9]+(?:\.[0-9]+)?)`)
	section = regexp.MustCompile(`[0-9]+(?:\.[0-9]+)?`)

	// The forms of a citation: in prose, in the evidence of a quirk or a fault,
	// and as a link.
	citations = []*regexp.Regexp{
		regexp.MustCompile(`ACR protocol,? (?:§|sections? )([0-9]+(?:\.[0-9]+)?(?:(?:, | and |, §| and §)[0-9]+(?:\.[0-9]+)?)*)`),
		regexp.MustCompile(`Evidence:\s+"[^"]*?§([0-9]+(?:\.[0-9]+)?)`),
		regexp.MustCompile(`"[^"\n]*(?:recorded|guess|issue|documented|specification|unknown|deduced)[^"\n]*sections? ([0-9]+(?:\.[0-9]+)?(?:(?:, | and )[0-9]+(?:\.[0-9]+)?)*)[^"\n]*"`),
		regexp.MustCompile(`acr-protocol\.md#section-([0-9]+(?:\.[0-9]+)?)`),
	}
)

// citation is one section that a place cites.
type citation struct{ place, section string }

// citationsIn finds what text cites. Comments are wrapped, so lines are joined.
func citationsIn(name, text string) []citation {
	text = regexp.MustCompile(`\n\s*(?://|\*)?\s?`).ReplaceAllString(text, " ")
	var found []citation
	for _, form := range citations {
		for _, match := range form.FindAllStringSubmatch(text, -1) {
			for _, s := range section.FindAllString(match[1], -1) {
				found = append(found, citation{name, s})
			}
		}
	}
	return found
}

// TestEveryCitationLeadsToASection collects what comments, evidence, error
// texts and documents cite of the protocol reference.
func TestEveryCitationLeadsToASection(t *testing.T) {
	reference, err := os.ReadFile(protocolReference)
	if err != nil {
		t.Fatal(err)
	}
	sections := map[string]bool{}
	for _, match := range anchor.FindAllStringSubmatch(string(reference), -1) {
		if match[1] != match[2] {
			t.Errorf("the anchor of section %s stands at section %s", match[1], match[2])
		}
		sections[match[1]] = true
	}
	cited := 0
	err = filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && slices.Contains([]string{".git", "node_modules", "bin"}, entry.Name()):
			return filepath.SkipDir
		case entry.IsDir() || !slices.Contains([]string{".go", ".md", ".txtar", ".txt"}, filepath.Ext(path)):
			return nil
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, c := range citationsIn(path, string(data)) {
			cited++
			if !sections[c.section] {
				t.Errorf("%s cites section %s of the protocol reference, which has no such section", c.place, c.section)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(sections) < 40 || cited < 200 {
		t.Errorf("%d sections and %d citations were found: the patterns have lost them", len(sections), cited)
	}
}

// TestCitationsAreFoundInEveryForm holds the patterns to the forms in use.
func TestCitationsAreFoundInEveryForm(t *testing.T) {
	for text, want := range map[string]string{
		"// as ACR does (ACR protocol §2.4).":                 "2.4",
		"// as ACR\n// does (ACR protocol\n// §99.1).":        "99.1",
		"(ACR protocol §2.4, §6)":                             "2.4 6",
		"ACR protocol sections 3.1 and 11":                    "3.1 11",
		`Evidence: "§5.3", Fault: x`:                          "5.3",
		`Evidence: "issue, §5.3"`:                             "5.3",
		`x = "guess, sections 3.1 and 11"`:                    "3.1 11",
		"[4.5](docs/acr-protocol.md#section-4.5)":             "4.5",
		"the RFC's way (RFC 9110 §14.4), section 9 of a book": "",
	} {
		var got []string
		for _, c := range citationsIn("x", text) {
			got = append(got, c.section)
		}
		if s := strings.Join(got, " "); s != want {
			t.Errorf("%q: found %q, want %q", text, s, want)
		}
	}
	if got := fmt.Sprint(citationsIn("a.go", "ACR protocol §1")); got != "[{a.go 1}]" {
		t.Error(got)
	}
}
