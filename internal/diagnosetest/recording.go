// Package diagnosetest is what the tests of diagnose share, in its own folder
// and in tests/diagnose: recordings, tokens, certificates.
package diagnosetest

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Recording is one file of diagnose/testdata/explain: a failure and its
// diagnosis, in sections that begin with "-- name --". The code is the file's
// name up to the first dot.
type Recording struct {
	Path, Code string
	head       string
	sections   []section
}

type section struct{ name, text string }

// heading begins a section.
var heading = regexp.MustCompile(`(?m)^-- (\S+) --\n`)

// Parse reads a recording.
func Parse(path, text string) Recording {
	code, _, _ := strings.Cut(filepath.Base(path), ".")
	r := Recording{Path: path, Code: code}
	marks := heading.FindAllStringSubmatchIndex(text, -1)
	r.head = text
	for i, mark := range marks {
		if i == 0 {
			r.head = text[:mark[0]]
		}
		end := len(text)
		if i+1 < len(marks) {
			end = marks[i+1][0]
		}
		r.sections = append(r.sections, section{text[mark[2]:mark[3]], text[mark[1]:end]})
	}
	return r
}

// Recordings reads every recording of a folder.
func Recordings(t testing.TB, dir string) []Recording {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.txtar"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no recordings: %v", err)
	}
	var all []Recording
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, Parse(path, string(data)))
	}
	return all
}

// Section is the text of a section, "" when there is none.
func (r Recording) Section(name string) string {
	for _, s := range r.sections {
		if s.name == name {
			return s.text
		}
	}
	return ""
}

// Write puts data into a section, and the recording into its file.
func (r Recording) Write(t testing.TB, name, data string) {
	t.Helper()
	if data != "" && !strings.HasSuffix(data, "\n") {
		data += "\n"
	}
	sections, found := append([]section(nil), r.sections...), false
	for i := range sections {
		if sections[i].name == name {
			sections[i].text, found = data, true
		}
	}
	if !found {
		sections = append(sections, section{name, data})
	}
	var b strings.Builder
	b.WriteString(r.head)
	for _, s := range sections {
		b.WriteString("-- " + s.name + " --\n" + s.text)
	}
	if err := os.WriteFile(r.Path, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// What changes with each run of a failure that is made anew.
var (
	ports = regexp.MustCompile(`(127\.0\.0\.1|localhost|\[::1\]):\d+`)
	times = regexp.MustCompile(`valid from \S+ to [^\s"]+`)
	reads = regexp.MustCompile(`(read|write) (tcp|udp) 127\.0\.0\.1:PORT->127\.0\.0\.1:PORT`)
	clock = regexp.MustCompile(`current time \S+ is (after|before) [^\s"]+`)
)

// Golden is a diagnosis as JSON, without what changes with each run.
func Golden(t testing.TB, diagnosis any) string {
	t.Helper()
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(diagnosis); err != nil {
		t.Fatal(err)
	}
	text := ports.ReplaceAllString(b.String(), "$1:PORT")
	text = times.ReplaceAllString(text, "valid from BEGIN to END")
	text = reads.ReplaceAllString(text, "$1 $2 LOOPBACK")
	return clock.ReplaceAllString(text, "current time NOW is $1 THEN")
}
