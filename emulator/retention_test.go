package emulator

import (
	"strings"
	"testing"
	"time"

	"github.com/acrkit/azcontainerregistry/emulator/internal/wire"
	"github.com/google/go-cmp/cmp"
)

const week = 7 * 24 * time.Hour

func retaining(t *testing.T, clock *testClock) *testRegistry {
	return startRegistry(t, &Options{Now: clock.Now, Registries: []RegistryOptions{{UntaggedRetention: week}}})
}

// collect collects garbage and returns how many manifests that took.
func (r *testRegistry) collect() int {
	r.t.Helper()
	garbage, err := r.e.CollectGarbage(r.t.Context(), time.Minute)
	if err != nil {
		r.t.Fatal(err)
	}
	return garbage.Manifests
}

// held lists the digests of a repository's manifests.
func (r *testRegistry) held(repository string) map[string]bool {
	r.t.Helper()
	snapshot, err := r.e.Snapshot(defaultRegistryName)
	if err != nil {
		r.t.Fatal(err)
	}
	held := map[string]bool{}
	for _, each := range snapshot.Repositories {
		for _, m := range each.Manifests {
			held[m.Digest] = held[m.Digest] || each.Name == repository
		}
	}
	return held
}

func TestUntaggedManifestsGoWithTime(t *testing.T) {
	clock := newTestClock()
	r := retaining(t, clock)
	never := r.pushImage("app", "", "never")
	moved := r.pushImage("app", "moved", "moved")
	deleted := r.pushImage("app", "deleted", "deleted")
	back := r.pushImage("app", "back", "back")
	tagged := r.pushImage("app", "tagged", "tagged")

	clock.advance(week / 2)
	other := r.pushImage("app", "moved", "other")
	r.want(202, "DELETE", "/acr/v1/app/_tags/deleted", nil)
	r.want(202, "DELETE", "/acr/v1/app/_tags/back", nil)
	clock.advance(week/2 - time.Second)
	if n := r.collect(); n != 0 {
		t.Errorf("%d manifests went early", n)
	}
	clock.advance(time.Second)
	r.pushImage("app", "back", "back")
	if n := r.collect(); n != 1 {
		t.Errorf("%d manifests went, want the one that never had a tag", n)
	}
	want := map[string]bool{moved: true, deleted: true, back: true, tagged: true, other: true}
	if diff := cmp.Diff(want, r.held("app")); diff != "" {
		t.Errorf("without %s (-want +got):\n%s", never, diff)
	}
	clock.advance(week / 2)
	r.collect()
	want = map[string]bool{back: true, tagged: true, other: true}
	if diff := cmp.Diff(want, r.held("app")); diff != "" {
		t.Errorf("after the tags that went (-want +got):\n%s", diff)
	}
	clock.advance(time.Hour)
	r.collect()
	r.want(404, "HEAD", "/v2/app/blobs/"+sha256Of([]byte("layer never")), nil)
	r.want(200, "HEAD", "/v2/app/blobs/"+sha256Of([]byte("layer back")), nil)
}

func TestWhatIsNeededStaysUntagged(t *testing.T) {
	clock := newTestClock()
	r := retaining(t, clock)
	index := func(tag, child string) string {
		raw := mustJSON(t, map[string]any{"schemaVersion": 2, "mediaType": wire.TypeOCIIndex, "manifests": []any{
			map[string]any{"mediaType": wire.TypeOCIManifest, "digest": child, "size": len(r.want(200, "GET", "/v2/app/manifests/"+child, nil, "Accept", "*/*").body)},
		}})
		if tag == "" {
			tag = sha256Of(raw)
		}
		return r.pushManifest("app", tag, wire.TypeOCIIndex, raw)
	}
	signature := func(subject string) string {
		raw := r.imageManifest("app", "signature of "+subject, map[string]any{
			"subject": map[string]any{"mediaType": wire.TypeOCIManifest, "digest": subject, "size": 1},
		})
		return r.pushManifest("app", sha256Of(raw), wire.TypeOCIManifest, raw)
	}
	child := r.pushImage("app", "", "child")
	parent := index("parent", child)
	signed := signature(parent)
	lonelyChild := r.pushImage("app", "", "lonely child")
	lonely := index("", lonelyChild)
	orphan := signature(lonely)
	locked := r.pushImage("app", "", "locked")
	r.want(200, "PATCH", "/acr/v1/app/_manifests/"+locked, strings.NewReader(`{"deleteEnabled":false}`))
	elsewhere := r.pushImage("locked", "", "elsewhere")
	r.want(200, "PATCH", "/acr/v1/locked", strings.NewReader(`{"writeEnabled":false}`))

	clock.advance(week)
	if n := r.collect(); n != 3 {
		t.Errorf("%d manifests went, want %s, %s and %s", n, lonely, lonelyChild, orphan)
	}
	if diff := cmp.Diff(map[string]bool{child: true, parent: true, signed: true, locked: true, elsewhere: false}, r.held("app")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestRepositoryGoesWithItsLastUntaggedManifest(t *testing.T) {
	clock := newTestClock()
	r := retaining(t, clock)
	r.pushImage("app", "", "one")
	clock.advance(week)
	if n := r.collect(); n != 1 {
		t.Errorf("%d manifests went, want 1", n)
	}
	r.want(404, "GET", "/acr/v1/app", nil)
}
