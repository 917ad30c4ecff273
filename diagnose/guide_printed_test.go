package diagnose_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/acrkit/azcontainerregistry/diagnose"
	"github.com/acrkit/azcontainerregistry/diagnose/internal/printed"
)

// guide is the file whose chapter is held to the phrasings.
const guide = "../TROUBLESHOOTING.md"

// The chapter of the guide that is made of the phrasings stands between these.
const (
	chapterBegin = "<!-- phrasings: made by go test ./diagnose -run TestGuideHasEveryPhrasing -update -->\n"
	chapterEnd   = "<!-- end of phrasings -->\n"
)

// TestGuideHasEveryPhrasing holds the guide's chapter to the table: whoever
// searches for what a tool printed finds the code.
func TestGuideHasEveryPhrasing(t *testing.T) {
	data, err := os.ReadFile(guide)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, begun := strings.Cut(string(data), chapterBegin)
	have, after, ended := strings.Cut(rest, chapterEnd)
	if !begun || !ended {
		t.Fatalf("%s has no chapter between %q and %q", guide, chapterBegin, chapterEnd)
	}
	want := phrasingsChapter(t)
	if *update {
		if err := os.WriteFile(guide, []byte(before+chapterBegin+want+chapterEnd+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, have); diff != "" {
		t.Errorf("the chapter differs from the phrasings (-want +guide); if they are right, run with -update:\n%s", diff)
	}
}

// phrasingsChapter is one table a code, in the order of the phrasings.
func phrasingsChapter(t *testing.T) string {
	t.Helper()
	var order []string
	rows := map[string][]string{}
	for _, p := range printed.Phrasings() {
		code := p.Code
		if found := diagnose.Find(code); code != "" && len(found) > 0 {
			code = string(found[0].Code)
		}
		switch {
		case code != "":
		case p.Weight == printed.Consequence:
			continue
		}
		if rows[code] == nil {
			order = append(order, code)
		}
		rows[code] = append(rows[code], fmt.Sprintf("| %s | %s |\n", inCell(p.Quoted()), inCell(p.Tool)))
	}
	var b strings.Builder
	for _, code := range order {
		if code == "" {
			continue
		}
		row, known := diagnose.Lookup(diagnose.Code(code))
		if !known {
			t.Errorf("a phrasing means %s, which no row has", code)
		}
		fmt.Fprintf(&b, "\n### From other tools: %s\n\n%s. `acrkit explain %s`\n\n| printed | by |\n|---|---|\n", code, capital(inCell(row.Title)), code)
		for _, line := range rows[code] {
			b.WriteString(line)
		}
	}
	b.WriteString("\n### From other tools: none of the registry's\n\nThese are other services', however much they sound like the registry.\n\n| printed | by |\n|---|---|\n")
	for _, line := range rows[""] {
		b.WriteString(line)
	}
	return b.String() + "\n"
}

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// inCell writes a text into a cell of a table.
func inCell(s string) string {
	return strings.NewReplacer("|", "\\|", "`", "'", "<", "&lt;", ">", "&gt;", "\n", " ", "*", "\\*", "_", "\\_").Replace(s)
}

// TestEveryPhrasingsCodeHasARow holds the phrasings to the catalogue.
func TestEveryPhrasingsCodeHasARow(t *testing.T) {
	for _, p := range printed.Phrasings() {
		if p.Code != "" && len(diagnose.Find(p.Code)) == 0 {
			t.Errorf("%s means %s, which no row has", p.Text, p.Code)
		}
	}
}

// TestEveryPhrasingIsExplained explains the example of each phrasing: no guess
// is worded as a fact, and what is certain has its proof in the text.
func TestEveryPhrasingIsExplained(t *testing.T) {
	for _, p := range printed.Phrasings() {
		report, err := diagnose.ExplainText(strings.NewReader(p.Example))
		if err != nil {
			t.Fatal(err)
		}
		if p.Code == "" {
			continue
		}
		if len(report.Failures) == 0 {
			t.Errorf("%s: nothing is explained", p.Text)
			continue
		}
		f := report.Failures[0]
		if len(f.Causes) == 0 || len(f.Fix) == 0 || len(f.Seen) == 0 || len(f.Lines) == 0 || f.Title == "" {
			t.Errorf("%s: incomplete: %+v", p.Text, f)
		}
		for _, c := range f.Causes {
			switch {
			case c.Certainty == diagnose.Inferred && !hedge.MatchString(c.Text):
				t.Errorf("%s: typed as inferred, worded as a fact: %q", p.Text, c.Text)
			case c.Certainty == diagnose.Certain && !strings.HasPrefix(c.Tell, "the words in line "):
				t.Errorf("%s: certain without its proof: %q (%s)", p.Text, c.Text, c.Tell)
			}
		}
	}
}

// TestSecretsOfATextDoNotComeOutAgain pastes secrets of every kind beside and
// within failures.
func TestSecretsOfATextDoNotComeOutAgain(t *testing.T) {
	const token = "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJqdGkiOiJhIn0.c2lnbmF0dXJlLXNlY3JldA"
	for name, text := range map[string]string{
		"a bearer token":            "error: 401 Unauthorized from https://shopreg.azurecr.io/v2/: Authorization: Bearer " + token,
		"a signed address":          `failed to copy: Get "https://weu1.blob.core.windows.net/1//docker/registry/v2/blobs/sha256/9c/9c6b/data?se=2026&sig=c2VjcmV0U2lnbmF0dXJl": dial tcp 20.1.2.3:443: i/o timeout`,
		"a signed address, escaped": `{"error":"Get \"https://weu1.blob.core.windows.net/1/docker/registry/v2/blobs/x?se=2026\u0026sig\u003dc2VjcmV0U2lnbmF0dXJl\": EOF"}`,
		"a password as a flag":      "docker login shopreg.azurecr.io -u ci --password hunter2-secret : unauthorized: authentication required",
		"a short password flag":     "docker login -u ci -p hunter2-secret shopreg.azurecr.io: unauthorized: authentication required",
		"docker's config":           `error loading config file: config.json: invalid character in {"auths":{"shopreg.azurecr.io":{"auth":"Y2k6aHVudGVyMi1zZWNyZXQ="}}}`,
		"an upload's state":         "Error: PATCH https://shopreg.azurecr.io/v2/web/blobs/uploads/1?_state=c2VjcmV0U3RhdGU: BLOB_UPLOAD_INVALID: blob upload invalid",
		"a token broken in two":     "error: unauthorized: authentication required, token was " + token[:30] + "\n" + token[30:],
		"an environment variable":   "AZURE_CLIENT_SECRET=hunter2-secret docker push shopreg.azurecr.io/web: unauthorized: authentication required",
		"a user in an address":      `Get "https://ci:hunter2-secret@shopreg.azurecr.io/v2/": EOF`,
	} {
		report, err := diagnose.ExplainText(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		if len(report.Failures) == 0 {
			t.Errorf("%s: nothing is explained", name)
		}
		shown := fmt.Sprintf("%+v", report)
		for _, secret := range []string{"hunter2-secret", "c2VjcmV0U2lnbmF0dXJl", "c2VjcmV0U3RhdGU", "Y2k6aHVudGVyMi1zZWNyZXQ", "eyJhbGci", "c2lnbmF0dXJl", "JXVCJ9"} {
			if strings.Contains(shown, secret) {
				t.Errorf("%s: %q comes out again:\n%s", name, secret, shown)
			}
		}
	}
}
