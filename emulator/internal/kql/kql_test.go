package kql

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	now  = time.Date(2023, 4, 20, 12, 0, 0, 0, time.UTC)
	rows = []Row{
		{"digest": "sha256:a", "repository": "team/app", "size": int64(300), "createdAt": now.Add(-time.Hour), "annotations": Row{"org.example.by": "Wabbit"}},
		{"digest": "sha256:b", "repository": "team/base", "size": int64(20), "createdAt": now.AddDate(0, 0, -40)},
		{"digest": "sha256:c", "repository": "tools", "size": int64(1000), "createdAt": now.AddDate(0, 0, -2), "subject": "sha256:a"},
	}
)

func digests(rows []Row) string {
	var all []string
	for _, r := range rows {
		all = append(all, strings.TrimPrefix(text(r["digest"]), "sha256:"))
	}
	return strings.Join(all, "")
}

func TestQueryLeavesTheWrongRows(t *testing.T) {
	for query, want := range map[string]string{
		"Manifests":                                                     "abc",
		"Manifests | limit 2":                                           "ab",
		"Manifests|take 0":                                              "",
		"Manifests | order by createdAt desc":                           "acb",
		"Manifests | order by createdAt":                                "acb",
		"Manifests | sort by size asc | limit 1":                        "b",
		"Manifests | where repository == 'tools'":                       "c",
		`Manifests | where repository startswith "team" and size < 100`: "b",
		"Manifests | where (repository == 'tools' or size == 20) and digest != 'x'":   "bc",
		"Manifests | where annotations['org.example.by'] == 'Wabbit'":                 "a",
		"Manifests | where annotations['org.example.by'] =~ 'wabbit'":                 "a",
		"Manifests | where annotations['org.example.by'] != ''":                       "a",
		"Manifests | where subject == 'sha256:a' | project digest":                    "c",
		"Manifests | where createdAt > ago(30d)":                                      "ac",
		"Manifests | where createdAt < datetime(2023-04-01)":                          "b",
		"Manifests | where createdAt >= datetime(2023-04-18T12:00:00Z)":               "ac",
		"Manifests | where createdAt >= '2023-04-18T12:00:00Z'":                       "ac",
		"Manifests | where repository in ('tools', 'team/base')":                      "bc",
		"Manifests | where not(repository contains 'TEAM')":                           "c",
		"Manifests | where repository has 'app' or repository endswith 'S'":           "ac",
		"Manifests | where size >= '300' | order by repository asc | project digest":  "ac",
		"Manifests | where missing == '' | order by size desc | take 2":               "ca",
		"Manifests | where repository !~ 'TOOLS' | where size != 20 | project digest": "a",
	} {
		q, err := Parse(query)
		if err != nil {
			t.Errorf("%s: %v", query, err)
			continue
		}
		if got := digests(q.Run(now, rows)); got != want {
			t.Errorf("%s: got %q, want %q", query, got, want)
		}
	}
	if got := digests(rows); got != "abc" {
		t.Errorf("the table became %q", got)
	}
}

func TestProjectNamesItsColumns(t *testing.T) {
	q, err := Parse("Manifests | where size == 20 | project size, by = annotations['org.example.by'], digest")
	if err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(q.Run(now, rows))
	if want := `[{"by":null,"digest":"sha256:b","size":20}]`; err != nil || string(got) != want {
		t.Errorf("got %s %v, want %s", got, err, want)
	}
	if columns := strings.Join(q.Columns(), " "); columns != "size by digest" {
		t.Errorf("columns %s", columns)
	}
	q, err = Parse("Manifests | count")
	if err != nil {
		t.Fatal(err)
	}
	if got := q.Run(now, rows); len(got) != 1 || got[0]["Count"] != int64(3) {
		t.Errorf("got %v", got)
	}
}

func TestMalformedQueriesAreNamed(t *testing.T) {
	for query, want := range map[string]string{
		"":                                   "unknown table",
		"Tags":                               `unknown table "Tags"`,
		"Manifests limit 1":                  `want "|"`,
		"Manifests | limit":                  "limit takes",
		"Manifests | limit -1":               "limit takes",
		"Manifests | join Tags":              `unknown operator "join"`,
		"Manifests | where":                  "a value is missing",
		"Manifests | where size":             "unknown comparison",
		"Manifests | where size 'x' 1":       "unknown comparison",
		"Manifests | where (size == 1":       `want ")"`,
		"Manifests | where a['b == 1":        "a quote is not closed",
		"Manifests | where a[b] == 1":        "want a name in quotes",
		"Manifests | where size == 1 ; drop": `unexpected ";"`,
		"Manifests | where t > ago(x)":       "time span",
		"Manifests | where t > datetime(x)":  "datetime",
		"Manifests | order size":             `want "by"`,
		"Manifests | project":                "a value is missing",
		"Manifests | where " + strings.Repeat("(", 99) + "a == 1": "more than 32 parentheses",
		strings.Repeat("x", MaxLength+1):                          "longer than",
	} {
		if _, err := Parse(query); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s: got %v, want %q", query, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, query := range []string{
		"Manifests | limit 1", "Manifests | where annotations['a'] == \"b\" | order by createdAt desc, size asc | project digest, b = size | count",
		"Manifests | where not(a in (1, 'b')) or c >= ago(3d) and d < datetime(2023-04-01)",
	} {
		f.Add(query)
	}
	f.Fuzz(func(t *testing.T, query string) {
		if q, err := Parse(query); err == nil {
			q.Run(now, rows)
		}
	})
}
