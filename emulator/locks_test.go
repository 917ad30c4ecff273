package emulator

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/acrkit/azcontainerregistry/emulator/internal/protocol"
	"github.com/acrkit/azcontainerregistry/emulator/internal/quirk"
	"github.com/acrkit/azcontainerregistry/emulator/internal/signin"
	"github.com/acrkit/azcontainerregistry/emulator/internal/wire"
)

// TestLocksBlockWhatTheyAreDocumentedToBlock goes through section 7.3 of the
// ACR protocol, row by row, with a fresh registry each.
func TestLocksBlockWhatTheyAreDocumentedToBlock(t *testing.T) {
	const none = ""
	for _, test := range []struct {
		on, attribute string
		blocked       []string // of the actions below; all others are allowed
	}{
		{"tag", "writeEnabled", []string{"move tag", "delete tag", "delete manifest"}},
		{"tag", "deleteEnabled", []string{"delete tag", "delete manifest"}},
		{"tag", "readEnabled", []string{"pull by tag"}},
		{"tag", "listEnabled", nil},
		{"manifest", "writeEnabled", []string{"delete manifest"}},
		{"manifest", "deleteEnabled", []string{"delete manifest"}},
		{"manifest", "readEnabled", []string{"pull by tag", "pull by digest"}},
		{"manifest", "listEnabled", nil},
		{"repository", "writeEnabled", []string{
			"move tag", "tag again", "push another", "start upload", "mount", "delete blob", "delete tag", "delete manifest",
			"patch tag", "patch manifest", "delete repository",
		}},
		{"repository", "deleteEnabled", []string{"delete repository"}},
		{"repository", "readEnabled", []string{"pull by tag", "pull by digest"}},
		{"repository", "listEnabled", nil},
	} {
		t.Run(test.on+" "+test.attribute, func(t *testing.T) {
			r := startRegistry(t, nil)
			blob := r.pushBlob("other", []byte("elsewhere"))
			for i, action := range []string{
				"pull by tag", "pull by digest", "properties", "patch repository", "patch tag", "patch manifest",
				"tag again", "push another", "start upload", "mount", "move tag", "delete blob", "delete tag",
				"delete manifest", "delete repository",
			} {
				app := fmt.Sprintf("app%d", i)
				digest := r.pushImage(app, "v1", "one")
				another := r.imageManifest(app, "two", nil)
				same := r.imageManifest(app, "one", nil)
				path := map[string]string{
					"tag": "/acr/v1/" + app + "/_tags/v1", "manifest": "/acr/v1/" + app + "/_manifests/" + digest, "repository": "/acr/v1/" + app,
				}[test.on]
				r.want(200, "PATCH", path, strings.NewReader(`{"`+test.attribute+`":false}`))
				request := map[string][3]string{
					"pull by tag":       {"GET", "/v2/" + app + "/manifests/v1", none},
					"pull by digest":    {"GET", "/v2/" + app + "/manifests/" + digest, none},
					"properties":        {"GET", "/acr/v1/" + app + "/_tags/v1", none},
					"patch repository":  {"PATCH", "/acr/v1/" + app, `{}`},
					"patch tag":         {"PATCH", "/acr/v1/" + app + "/_tags/v1", `{}`},
					"patch manifest":    {"PATCH", "/acr/v1/" + app + "/_manifests/" + digest, `{}`},
					"tag again":         {"PUT", "/v2/" + app + "/manifests/v2", string(same)},
					"push another":      {"PUT", "/v2/" + app + "/manifests/v3", string(another)},
					"start upload":      {"POST", "/v2/" + app + "/blobs/uploads/", none},
					"mount":             {"POST", "/v2/" + app + "/blobs/uploads/?from=other&mount=" + blob, none},
					"move tag":          {"PUT", "/v2/" + app + "/manifests/v1", string(another)},
					"delete blob":       {"DELETE", "/v2/" + app + "/blobs/" + sha256Of([]byte("layer one")), none},
					"delete tag":        {"DELETE", "/acr/v1/" + app + "/_tags/v1", none},
					"delete manifest":   {"DELETE", "/v2/" + app + "/manifests/" + digest, none},
					"delete repository": {"DELETE", "/acr/v1/" + app, none},
				}[action]
				before := r.want(200, "GET", "/acr/v1/"+app+"/_manifests", nil).body
				a := r.do(request[0], request[1], strings.NewReader(request[2]), "Accept", "*/*", "Content-Type", wire.TypeOCIManifest)
				blocked := strings.Contains(strings.Join(test.blocked, ","), action)
				if got := a.StatusCode == 405; got != blocked || !blocked && a.StatusCode >= 400 {
					t.Errorf("%s: status %d %s", action, a.StatusCode, a.body)
				}
				if !blocked {
					continue
				}
				if len(a.body) != 264 {
					t.Errorf("%s: %s", action, a.body)
				}
				if after := r.want(200, "GET", "/acr/v1/"+app+"/_manifests", nil).body; after != before {
					t.Errorf("%s was refused and still changed\n%s\nto\n%s", action, before, after)
				}
			}
		})
	}
}

func TestHiddenItemsAreReachedDirectly(t *testing.T) {
	r := startRegistry(t, nil)
	digest := r.pushImage("app", "v1", "one")
	r.want(200, "PATCH", "/acr/v1/app/_tags/v1", strings.NewReader(`{"listEnabled":false}`))
	r.want(200, "PATCH", "/acr/v1/app/_manifests/"+digest, strings.NewReader(`{"listEnabled":false}`))
	for _, path := range []string{"/acr/v1/app/_tags", "/acr/v1/app/_manifests", "/v2/app/tags/list"} {
		if body := r.want(200, "GET", path, nil).body; !strings.HasSuffix(body, ":null}\n") {
			t.Errorf("%s: %s", path, body)
		}
	}
	r.want(200, "GET", "/acr/v1/app/_tags/v1", nil)
	r.want(200, "GET", "/v2/app/manifests/v1", nil, "Accept", "*/*")
}

func TestExistenceCountsBeforeLocks(t *testing.T) {
	r := startRegistry(t, nil)
	r.pushImage("app", "v1", "one")
	r.want(200, "PATCH", "/acr/v1/app", strings.NewReader(`{"writeEnabled":false}`))
	for _, path := range []string{"/v2/app/blobs/" + absentDigest, "/v2/app/manifests/" + absentDigest, "/acr/v1/app/_tags/v2"} {
		r.want(404, "DELETE", path, nil)
	}
}

func TestQuirksOfLocks(t *testing.T) {
	r := startRegistry(t, &Options{Quirks: map[string]string{
		quirk.ReadDisabled: "unknown", quirk.UploadLock: "manifest", quirk.ManifestLockTagged: "refuse",
	}})
	digest := r.pushImage("app", "v1", "one")
	same := string(r.imageManifest("app", "one", nil))
	r.want(200, "PATCH", "/acr/v1/app/_manifests/"+digest, strings.NewReader(`{"readEnabled":false,"writeEnabled":false}`))
	r.want(404, "GET", "/v2/app/manifests/v1", nil, "Accept", "*/*")
	r.want(405, "PUT", "/v2/app/manifests/v2", strings.NewReader(same), "Content-Type", wire.TypeOCIManifest)
	r.want(200, "PATCH", "/acr/v1/app", strings.NewReader(`{"writeEnabled":false}`))
	location := r.want(202, "POST", "/v2/app/blobs/uploads/", nil).Header.Get("Location")
	r.want(201, "PUT", location+"&digest="+sha256Of([]byte("x")), strings.NewReader("x"))
	r.want(405, "PUT", "/v2/app/manifests/v1", strings.NewReader(same), "Content-Type", wire.TypeOCIManifest)
}

func TestQuarantinedImageIsReleasedByPatch(t *testing.T) {
	r := startRegistry(t, &Options{Registries: []RegistryOptions{{Quarantine: true}}})
	digest := r.pushImage("app", "v1", "one")
	r.want(200, "GET", "/v2/app/manifests/v1", nil, "Accept", "*/*")
	r.caller = signin.Caller{}
	if body := r.want(404, "GET", "/v2/app/manifests/v1", nil, "Accept", "*/*").body; !strings.Contains(body, `manifest tagged by \"v1\" is not found`) {
		t.Error(body)
	}
	r.want(405, "GET", "/v2/app/manifests/"+digest, nil, "Accept", "*/*")
	release := `{"quarantineState":"Passed","quarantineDetails":"{\"state\":\"scan passed\"}"}`
	refused := r.want(401, "PATCH", "/acr/v1/app/_manifests/"+digest, strings.NewReader(release))
	if !strings.HasSuffix(refused.Header.Get("WWW-Authenticate"), `scope="repository:app:metadata_write",error="insufficient_scope"`) {
		t.Errorf("%v", refused.Header)
	}
	r.caller = signin.Caller{QuarantineReleaser: true}
	body := r.want(200, "PATCH", "/acr/v1/app/_manifests/"+digest, strings.NewReader(release)).body
	if !strings.Contains(body, `"listEnabled":true,"quarantineDetails":"{\"state\":\"scan passed\"}","quarantineState":"Passed"}`) {
		t.Error(body)
	}
	r.caller = signin.Caller{}
	r.want(200, "GET", "/v2/app/manifests/v1", nil, "Accept", "*/*")
}

func softDeleting(t *testing.T, clock *testClock, quirks map[string]string) *testRegistry {
	return startRegistry(t, &Options{Now: clock.Now, Quirks: quirks, Registries: []RegistryOptions{{SoftDelete: 7 * 24 * time.Hour}}})
}

func TestSoftDeletedImagesAreListedAndRestored(t *testing.T) {
	clock := newTestClock()
	r := softDeleting(t, clock, nil)
	raw := r.imageManifest("app", "one", nil)
	digest := r.pushManifest("app", "v1", wire.TypeOCIManifest, raw)
	r.pushManifest("app", "v2", wire.TypeOCIManifest, raw)
	r.want(202, "DELETE", "/v2/app/manifests/"+digest, nil)
	r.want(404, "GET", "/acr/v1/app", nil)
	if got := r.want(200, "GET", "/acr/v1/_deleted/_catalog", nil).body; got != `{"repositories":["app"]}`+"\n" {
		t.Error(got)
	}
	deleted := r.want(200, "GET", "/acr/v1/_deleted/app/_manifests", nil).body
	for _, part := range []string{`"digest":"` + digest + `"`, `"tags":["v1","v2"]`, `"deletedAt":"2026-01-13T17:34:21.1470601Z"`} {
		if !strings.Contains(deleted, part) {
			t.Errorf("%s lacks %s", deleted, part)
		}
	}
	bodies, links := r.follow("/acr/v1/_deleted/app/_tags?n=1")
	if len(bodies) != 2 || links[0] != `</acr/v1/_deleted/app/_tags?last=v1&n=1&orderby=>; rel="next"` ||
		!strings.HasPrefix(bodies[0], `{"tags":[{"tag":"v1","digest":"`+digest+`","deletedAt":"`) {
		t.Errorf("%q %q", bodies, links)
	}
	r.want(400, "PUT", "/v2/app/manifests/v1", strings.NewReader(string(raw)), "Content-Type", wire.TypeOCIManifest)
	restore := "/acr/v1/_deleted/app/_manifests/" + digest
	r.want(404, "POST", restore, strings.NewReader(`{"tag":"never"}`))
	r.want(400, "POST", restore, strings.NewReader(`{"tag":`))
	r.want(202, "POST", restore, strings.NewReader(`{"tag":"v1"}`))
	r.want(200, "GET", "/v2/app/manifests/v1", nil, "Accept", "*/*")
	r.want(404, "GET", "/v2/app/manifests/v2", nil, "Accept", "*/*")
	r.checkBlob("app", sha256Of([]byte("layer one")))
	other := r.pushImage("app", "v2", "two")
	r.want(405, "POST", restore, strings.NewReader(`{"tag":"v2"}`))
	r.want(202, "POST", restore+"?force=true", strings.NewReader(`{"tag":"v2"}`))
	if got := r.want(200, "HEAD", "/v2/app/manifests/v2", nil, "Accept", "*/*").Header.Get(protocol.HeaderContentDigest); got != digest || got == other {
		t.Error(got)
	}
	r.want(404, "POST", "/acr/v1/_deleted/app/_manifests/"+absentDigest, nil)
}

func TestSoftDeletedRepositoryComesBack(t *testing.T) {
	clock := newTestClock()
	r := softDeleting(t, clock, map[string]string{quirk.RestoreStatus: "200"})
	digest := r.pushImage("app", "v1", "one")
	r.want(202, "DELETE", "/acr/v1/app", nil)
	if _, err := r.e.CollectGarbage(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	r.want(200, "POST", "/acr/v1/_deleted/app/_manifests/"+digest, strings.NewReader(`{"tag":"v1"}`))
	r.want(200, "GET", "/v2/app/manifests/v1", nil, "Accept", "*/*")
	r.checkBlob("app", sha256Of([]byte("layer one")))
	if got := r.want(200, "GET", "/acr/v1/_deleted/_catalog", nil).body; got != `{"repositories":[]}`+"\n" {
		t.Error(got)
	}
}

func TestSoftDeletedImagesExpire(t *testing.T) {
	clock := newTestClock()
	r := softDeleting(t, clock, nil)
	digest := r.pushImage("app", "v1", "one")
	r.pushImage("app", "v2", "two")
	r.want(202, "DELETE", "/v2/app/manifests/"+digest, nil)
	clock.advance(7*24*time.Hour - time.Second)
	for _, want := range []int{0, 1} {
		garbage, err := r.e.CollectGarbage(t.Context(), time.Minute)
		if err != nil || garbage.Manifests != want {
			t.Errorf("%+v %v, want %d manifests", garbage, err, want)
		}
		clock.advance(time.Minute)
	}
	r.want(404, "POST", "/acr/v1/_deleted/app/_manifests/"+digest, nil)
	r.want(404, "HEAD", "/v2/app/blobs/"+sha256Of([]byte("layer one")), nil)
	r.want(200, "HEAD", "/v2/app/blobs/"+sha256Of([]byte("layer two")), nil)
}

func TestPushOfSoftDeletedMayRestore(t *testing.T) {
	r := softDeleting(t, newTestClock(), map[string]string{quirk.SoftDeletedPush: "restore"})
	digest := r.pushImage("app", "v1", "one")
	r.want(202, "DELETE", "/v2/app/manifests/"+digest, nil)
	r.pushImage("app", "v1", "one")
	r.want(200, "GET", "/v2/app/manifests/v1", nil, "Accept", "*/*")
}

func TestCollectionTakesOnlyWhatNothingNeeds(t *testing.T) {
	clock := newTestClock()
	r := startRegistry(t, &Options{Now: clock.Now})
	digest := r.pushImage("app", "v1", "one")
	r.pushImage("app", "v2", "two")
	unused := r.pushBlob("app", []byte("never named"))
	shared := r.pushBlob("app", []byte("layer two"))
	if garbage, err := r.e.CollectGarbage(t.Context(), time.Hour); err != nil || garbage != (Garbage{}) {
		t.Errorf("young blobs: %+v %v", garbage, err)
	}
	r.want(202, "DELETE", "/v2/app/manifests/"+digest, nil)
	clock.advance(2 * time.Hour)
	r.want(200, "HEAD", "/v2/app/blobs/"+unused, nil)
	garbage, err := r.e.CollectGarbage(t.Context(), time.Hour)
	if err != nil || garbage.Links != 2 || garbage.Blobs != 2 {
		t.Errorf("%+v %v, want the two blobs of the deleted image", garbage, err)
	}
	r.want(200, "HEAD", "/v2/app/blobs/"+unused, nil)
	r.checkBlob("app", shared)
	r.want(404, "HEAD", "/v2/app/blobs/"+sha256Of([]byte("layer one")), nil)
	r.want(200, "GET", "/v2/app/manifests/v2", nil, "Accept", "*/*")
}
