package emulator

import (
	"fmt"
	"strings"
	"testing"

	"github.com/acrkit/azcontainerregistry/emulator/internal/wire"
)

// query asks the metadata below a path and returns the response.
func (r *testRegistry) query(status int, path, query string) answer {
	r.t.Helper()
	body := string(mustJSON(r.t, map[string]string{"query": query}))
	return r.want(status, "POST", path+"_metadata/_query", strings.NewReader(body), "Content-Type", "application/json")
}

func TestMetadataQueryAnswersAsRecorded(t *testing.T) {
	r := startRegistry(t, &Options{Now: newTestClock().Now})
	digest := r.pushImage("team/app", "v1", "one")
	r.pushImage("tools", "v1", "two")
	a := r.query(200, "/acr/v1/", "Manifests | where repository == 'team/app'")
	want := `{"count":1,"region":"eastus","$skipToken":"","data":[{"size":` + fmt.Sprint(len(r.imageManifest("team/app", "one", nil))) +
		`,"imageSize":452,"architecture":"amd64","os":"linux","mediaType":"` + wire.TypeOCIManifest +
		`","createdAt":"2026-01-13T17:34:21.1470601Z","repository":"team/app","digest":"` + digest +
		`","annotationIndexProperties":{"state":"none","count":0}}]}` + "\n"
	if a.body != want {
		t.Errorf("got %s\nwant %s", a.body, want)
	}
	for i, left := range []string{"8.000000", "7.000000"} {
		a := r.query(200, "/acr/v1/", "Manifests | limit 1")
		if got := a.Header.Get("X-Ms-Ratelimit-Remaining-Calls-Per-Second"); got != left {
			t.Errorf("query %d: %s calls are left, want %s", i+2, got, left)
		}
		if count := decode[struct{ Count int }](t, a.body).Count; count != 1 {
			t.Errorf("got %d", count)
		}
	}
	if a := r.query(200, "/acr/v1/tools/", "Manifests | project repository, size"); !strings.Contains(a.body, `"data":[{"repository":"tools","size":`) {
		t.Errorf("got %s", a.body)
	}
	if a := r.query(200, "/acr/v1/tools/", "Manifests | count"); !strings.Contains(a.body, `"count":1,`) || !strings.Contains(a.body, `"data":[{"Count":1}]`) {
		t.Errorf("got %s", a.body)
	}
}

func TestMetadataQueryFindsAnnotationsAndSubjects(t *testing.T) {
	r := startRegistry(t, nil)
	subject := r.pushImage("app", "v1", "one")
	raw := r.imageManifest("app", "sbom", map[string]any{
		"annotations": map[string]string{"org.example.by": "wabbit-networks.io"},
		"subject":     map[string]any{"mediaType": wire.TypeOCIManifest, "digest": subject, "size": 479},
	})
	sbom := r.pushManifest("app", sha256Of(raw), wire.TypeOCIManifest, raw)
	a := r.query(200, "/acr/v1/app/", "Manifests | where annotations['org.example.by'] == 'wabbit-networks.io' | project digest, subject")
	if want := `"data":[{"digest":"` + sbom + `","subject":"` + subject + `"}]}`; !strings.Contains(a.body, want) {
		t.Errorf("got %s, want %s", a.body, want)
	}
}

func TestMetadataQueryPagesBySkipToken(t *testing.T) {
	r := startRegistry(t, &Options{NoSync: true})
	for i := range 130 {
		raw := fmt.Appendf(nil, `{"schemaVersion":2,"mediaType":%q,"artifactType":"a/b","annotations":{"n":"%d"}}`, wire.TypeOCIArtifact, i)
		r.pushManifest("app", sha256Of(raw), wire.TypeOCIArtifact, raw)
	}
	type page struct {
		Count     int
		SkipToken string `json:"$skipToken"`
		Data      []struct{ Digest string }
	}
	first := decode[page](t, r.query(200, "/acr/v1/app/", "Manifests").body)
	rest := decode[page](t, r.want(200, "POST", "/acr/v1/app/_metadata/_query",
		strings.NewReader(`{"query":"Manifests","options":{"$skipToken":"`+first.SkipToken+`"}}`)).body)
	seen := map[string]bool{}
	for _, row := range append(first.Data, rest.Data...) {
		seen[row.Digest] = true
	}
	if first.Count != 100 || rest.Count != 30 || rest.SkipToken != "" || len(seen) != 130 {
		t.Errorf("%d and %d rows, %d digests, then %q", first.Count, rest.Count, len(seen), rest.SkipToken)
	}
}

func TestMetadataQueryRefusesWhatItDoesNotUnderstand(t *testing.T) {
	r := startRegistry(t, nil)
	r.pushImage("app", "v1", "one")
	for query, want := range map[string]string{
		"":                         "unknown table",
		"Manifests | join Tags":    `unknown operator \"join\"`,
		"Manifests | where (a == ": "a value is missing",
	} {
		if a := r.query(400, "/acr/v1/", query); !strings.Contains(a.body, want) {
			t.Errorf("%s: got %s, want %s", query, a.body, want)
		}
	}
	if a := r.query(404, "/acr/v1/wrong-name/", "Manifests"); !strings.Contains(a.body, `repository \"wrong-name\" is not found`) {
		t.Errorf("got %s", a.body)
	}
	r.want(400, "POST", "/acr/v1/_metadata/_query", strings.NewReader(`{"query":"Manifests","options":{"$skipToken":"-1"}}`))
	r.want(405, "GET", "/acr/v1/_metadata/_query", nil)
}
