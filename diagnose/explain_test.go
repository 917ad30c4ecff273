package diagnose_test

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/acrkit/azcontainerregistry/diagnose"
	"github.com/acrkit/azcontainerregistry/internal/diagnosetest"
)

// TestEveryRecordingHasItsDiagnosis compares the whole diagnosis of each
// recorded failure with the one beside it.
func TestEveryRecordingHasItsDiagnosis(t *testing.T) {
	for _, r := range diagnosetest.Recordings(t, "testdata/explain") {
		t.Run(strings.TrimSuffix(filepath.Base(r.Path), ".txtar"), func(t *testing.T) {
			err := failureOf(t, r)
			d, known := diagnose.Explain(err)
			if string(d.Code) != r.Code {
				t.Fatalf("got %s, want %s\nerror: %v\nseen: %v", d.Code, r.Code, err, d.Seen)
			}
			if known != (r.Code != "UNKNOWN_FAILURE") {
				t.Errorf("known is %v", known)
			}
			got := diagnosetest.Golden(t, d)
			if *update {
				r.Write(t, "diagnosis", got)
				return
			}
			if diff := cmp.Diff(r.Section("diagnosis"), got); diff != "" {
				t.Errorf("diagnosis differs (-want +got); if it should, run with -update:\n%s", diff)
			}
		})
	}
}

// TestEveryExplainableRowHasARecording holds the catalogue and the recordings
// together: a row without one could go unnoticed when it stops matching.
func TestEveryExplainableRowHasARecording(t *testing.T) {
	recorded := map[string]bool{}
	for _, r := range diagnosetest.Recordings(t, "testdata/explain") {
		recorded[r.Code] = true
		if _, ok := diagnose.Lookup(diagnose.Code(r.Code)); !ok {
			t.Errorf("%s: no such row", r.Path)
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
	for _, r := range diagnosetest.Recordings(t, "testdata/explain") {
		if codes := diagnose.Matching(failureOf(t, r)); len(codes) != 1 {
			t.Errorf("%s fits the rows %v", r.Path, codes)
		}
	}
}

// TestNoRecordingShowsASecret checks the recordings that carry marked secrets.
func TestNoRecordingShowsASecret(t *testing.T) {
	for _, r := range diagnosetest.Recordings(t, "testdata/explain") {
		d, _ := diagnose.Explain(failureOf(t, r))
		data, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{"secret-", "hunter2", "eyJ"} {
			if strings.Contains(string(data), secret) {
				t.Errorf("%s: the diagnosis shows %q:\n%s", r.Path, secret, data)
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
