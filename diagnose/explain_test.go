package diagnose_test

import (
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/acrkit/azcontainerregistry/diagnose"
)

var update = flag.Bool("update", false, "rewrite the golden diagnoses in testdata")

// recording is one file of testdata/explain: a failure and its diagnosis. The
// code is the file's name up to the first dot.
type recording struct {
	path, code string
	archive    *txtar.Archive
}

func recordings(t testing.TB) []recording {
	t.Helper()
	paths, err := filepath.Glob("testdata/explain/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no recordings: %v", err)
	}
	var all []recording
	for _, path := range paths {
		archive, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		code, _, _ := strings.Cut(filepath.Base(path), ".")
		all = append(all, recording{path, code, archive})
	}
	return all
}

func (r recording) section(name string) string {
	for _, f := range r.archive.Files {
		if f.Name == name {
			return string(f.Data)
		}
	}
	return ""
}

// failure returns the recorded error: an exchange, a credential's text, or a
// failure that is made anew on loopback.
func (r recording) failure(t *testing.T) error {
	t.Helper()
	if maker := strings.TrimSpace(r.section("failure")); maker != "" {
		make, ok := failures[maker]
		if !ok {
			t.Fatalf("%s: nothing makes the failure %q", r.path, maker)
		}
		return make(t)
	}
	if text := r.section("error"); text != "" {
		return errors.New(strings.TrimSuffix(text, "\n"))
	}
	return exchangeError(t, r.section("request"), r.section("response"), r.section("claims"))
}

// TestEveryRecordingHasItsDiagnosis compares the whole diagnosis of each
// recorded failure with the one beside it.
func TestEveryRecordingHasItsDiagnosis(t *testing.T) {
	for _, r := range recordings(t) {
		t.Run(strings.TrimSuffix(filepath.Base(r.path), ".txtar"), func(t *testing.T) {
			err := r.failure(t)
			d, known := diagnose.Explain(err)
			if string(d.Code) != r.code {
				t.Fatalf("got %s, want %s\nerror: %v\nseen: %v", d.Code, r.code, err, d.Seen)
			}
			if known != (r.code != "UNKNOWN_FAILURE") {
				t.Errorf("known is %v", known)
			}
			got := golden(t, d)
			if *update {
				r.write(t, "diagnosis", got)
				return
			}
			if diff := cmp.Diff(r.section("diagnosis"), got); diff != "" {
				t.Errorf("diagnosis differs (-want +got); if it should, run with -update:\n%s", diff)
			}
		})
	}
}

func (r recording) write(t *testing.T, name, data string) {
	t.Helper()
	for i := range r.archive.Files {
		if r.archive.Files[i].Name == name {
			r.archive.Files[i].Data = []byte(data)
			data = ""
		}
	}
	if data != "" {
		r.archive.Files = append(r.archive.Files, txtar.File{Name: name, Data: []byte(data)})
	}
	if err := os.WriteFile(r.path, txtar.Format(r.archive), 0o644); err != nil {
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

func golden(t *testing.T, d diagnose.Diagnosis) string {
	t.Helper()
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(d); err != nil {
		t.Fatal(err)
	}
	text := ports.ReplaceAllString(b.String(), "$1:PORT")
	text = times.ReplaceAllString(text, "valid from BEGIN to END")
	text = reads.ReplaceAllString(text, "$1 $2 LOOPBACK")
	return clock.ReplaceAllString(text, "current time NOW is $1 THEN")
}

// TestEveryExplainableRowHasARecording holds the catalogue and the recordings
// together: a row without one could go unnoticed when it stops matching.
func TestEveryExplainableRowHasARecording(t *testing.T) {
	recorded := map[string]bool{}
	for _, r := range recordings(t) {
		recorded[r.code] = true
		if _, ok := diagnose.Lookup(diagnose.Code(r.code)); !ok {
			t.Errorf("%s: no such row", r.path)
		}
	}
	for _, code := range diagnose.ExplainableCodes() {
		if !recorded[code] {
			t.Errorf("row %s has no recording in testdata/explain", code)
		}
	}
	if n := len(diagnose.ExplainableCodes()); n < 60 {
		t.Errorf("%d rows, want at least 60", n)
	}
}

// TestNoRecordingFitsTwoRows checks that rows of one rank exclude each other.
func TestNoRecordingFitsTwoRows(t *testing.T) {
	for _, r := range recordings(t) {
		if codes := diagnose.Matching(r.failure(t)); len(codes) != 1 {
			t.Errorf("%s fits the rows %v", r.path, codes)
		}
	}
}

// TestNoRecordingShowsASecret checks the recordings that carry marked secrets.
func TestNoRecordingShowsASecret(t *testing.T) {
	for _, r := range recordings(t) {
		d, _ := diagnose.Explain(r.failure(t))
		data, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{"secret-", "hunter2", "eyJ"} {
			if strings.Contains(string(data), secret) {
				t.Errorf("%s: the diagnosis shows %q:\n%s", r.path, secret, data)
			}
		}
	}
}

func TestDiagnosisSurvivesJSON(t *testing.T) {
	want, _ := diagnose.Explain(deniedExchange(t))
	data, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got diagnose.Diagnosis
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestLookupKnowsEveryCodeInAnyCase(t *testing.T) {
	for _, code := range diagnose.Codes() {
		if r, ok := diagnose.Lookup(diagnose.Code(strings.ToLower(string(code)))); !ok || r.Code != code {
			t.Errorf("Lookup(%q) = %v, %v", strings.ToLower(string(code)), r.Code, ok)
		}
	}
	if _, ok := diagnose.Lookup("NO_SUCH_CODE"); ok {
		t.Error("Lookup knows NO_SUCH_CODE")
	}
}
