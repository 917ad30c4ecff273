package emulator

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/acrkit/azcontainerregistry/emulator/internal/quirk"
	"github.com/acrkit/azcontainerregistry/emulator/internal/wire"
	"github.com/google/go-cmp/cmp"
)

// follow reads a listing to its end and returns the pages' bodies and links.
func (r *testRegistry) follow(path string) (bodies, links []string) {
	r.t.Helper()
	for path != "" {
		a := r.want(200, "GET", path, nil)
		bodies = append(bodies, a.body)
		link := a.Header.Get("Link")
		path = ""
		if link != "" {
			links = append(links, link)
			path = strings.TrimSuffix(strings.TrimPrefix(link, "<"), `>; rel="next"`)
		}
		if len(bodies) > 1000 {
			r.t.Fatal("the listing does not end")
		}
	}
	return bodies, links
}

func TestCatalogPagesFollowTheRecordedLinks(t *testing.T) {
	r := startRegistry(t, nil)
	for _, name := range []string{"team/app", "alpine", "busybox", "hidden"} {
		r.pushImage(name, "v1", name)
	}
	r.want(200, "PATCH", "/acr/v1/hidden", strings.NewReader(`{"listEnabled":false}`))
	bodies, links := r.follow("/acr/v1/_catalog?api-version=2021-07-01&n=1")
	wantBodies := []string{
		`{"repositories":["alpine"]}` + "\n", `{"repositories":["busybox"]}` + "\n", `{"repositories":["team/app"]}` + "\n",
	}
	wantLinks := []string{
		`</acr/v1/_catalog?last=alpine&n=1&orderby=>; rel="next"`, `</acr/v1/_catalog?last=busybox&n=1&orderby=>; rel="next"`,
	}
	if diff := cmp.Diff(wantBodies, bodies); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(wantLinks, links); diff != "" {
		t.Error(diff)
	}
	if _, links := r.follow("/v2/_catalog?n=2"); len(links) != 1 || links[0] != `</v2/_catalog?last=busybox&n=2&orderby=>; rel="next"` {
		t.Errorf("links %q", links)
	}
}

func TestTagsArePagedByNameAndTime(t *testing.T) {
	clock := newTestClock()
	r := startRegistry(t, &Options{Now: clock.Now})
	raw := r.imageManifest("library/hello-world", "one", nil)
	for _, tag := range []string{"v2", "v3", "v1"} {
		r.pushManifest("library/hello-world", tag, wire.TypeOCIManifest, raw)
		clock.advance(time.Second)
	}
	digest := sha256Of(raw)
	first := r.want(200, "GET", "/acr/v1/library%2Fhello-world/_tags?n=1&orderby=timeasc&api-version=2021-07-01", nil)
	wantBody := `{"registry":"acrkit.azurecr.io","imageName":"library/hello-world","tags":[{"name":"v2","digest":"` + digest +
		`","createdTime":"2026-01-13T17:34:21.1470601Z","lastUpdateTime":"2026-01-13T17:34:21.1470601Z","signed":false,` +
		`"changeableAttributes":{"deleteEnabled":true,"writeEnabled":true,"readEnabled":true,"listEnabled":true}}]}` + "\n"
	if diff := cmp.Diff(wantBody, first.body); diff != "" {
		t.Error(diff)
	}
	wantLink := `</acr/v1/library%2Fhello-world/_tags?last=639039224611470601%26v2&n=1&orderby=timeasc>; rel="next"`
	if got := first.Header.Get("Link"); got != wantLink {
		t.Errorf("Link %s, want %s", got, wantLink)
	}
	for query, want := range map[string][]string{
		"": {"v1", "v2", "v3"}, "orderby=none": {"v1", "v2", "v3"},
		"orderby=timeasc": {"v2", "v3", "v1"}, "orderby=timedesc": {"v1", "v3", "v2"},
	} {
		for _, n := range []int{1, 2, 3, 100} {
			bodies, _ := r.follow(fmt.Sprintf("/acr/v1/library/hello-world/_tags?n=%d&%s", n, query))
			var got []string
			for _, body := range bodies {
				for _, tag := range decode[struct{ Tags []struct{ Name string } }](t, body).Tags {
					got = append(got, tag.Name)
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s by %d: %v, want %v", query, n, got, want)
			}
		}
	}
}

func TestDigestFilterHoldsForTheFirstPageOnly(t *testing.T) {
	r := startRegistry(t, nil)
	wanted := r.pushImage("app", "a", "one")
	r.pushImage("app", "b", "two")
	r.pushManifest("app", "c", wire.TypeOCIManifest, r.imageManifest("app", "one", nil))
	for _, order := range []string{"", "timeasc"} {
		a := r.want(200, "GET", "/acr/v1/app/_tags?n=1&orderby="+order+"&digest="+url.QueryEscape(wanted), nil)
		if strings.Count(a.body, `"name"`) != 1 || !strings.Contains(a.body, wanted) {
			t.Errorf("page %s", a.body)
		}
		if link := a.Header.Get("Link"); link == "" || strings.Contains(link, "digest") {
			t.Errorf("Link %q", link)
		}
		all := r.want(200, "GET", "/acr/v1/app/_tags?orderby="+order+"&digest="+url.QueryEscape(wanted), nil).body
		if strings.Contains(all, `"name":"b"`) || strings.Count(all, `"name"`) != 2 {
			t.Errorf("all of them: %s", all)
		}
	}
}

func TestPageSizesAreLimited(t *testing.T) {
	r := startRegistry(t, nil)
	raw := r.imageManifest("app", "one", nil)
	digest := sha256Of(raw)
	strict := startRegistry(t, &Options{Quirks: map[string]string{quirk.ManifestTagParam: "accept", quirk.InvalidPageSize: "refuse"}})
	strict.imageManifest("app", "one", nil)
	for start := 0; start < 1100; start += 100 {
		query := url.Values{}
		for i := range 100 {
			query.Add("tag", fmt.Sprintf("t%04d", start+i))
		}
		strict.want(201, "PUT", "/v2/app/manifests/"+digest+"?"+query.Encode(), strings.NewReader(string(raw)), "Content-Type", wire.TypeOCIManifest)
	}
	for query, want := range map[string]int{"": 100, "n=5": 5, "n=5000": 1000, "n=99999": 1000} {
		a := strict.want(200, "GET", "/acr/v1/app/_tags?"+query, nil)
		if got := strings.Count(a.body, `"name"`); got != want {
			t.Errorf("%s: %d tags, want %d", query, got, want)
		}
	}
	if link := strict.want(200, "GET", "/acr/v1/app/_tags?n=5000", nil).Header.Get("Link"); !strings.Contains(link, "&n=1000&") {
		t.Errorf("Link %q", link)
	}
	r.pushManifest("app", "v1", wire.TypeOCIManifest, raw)
	for _, n := range []string{"0", "-1", "x", "%00", "1e9", "9999999999999999999999"} {
		r.want(200, "GET", "/acr/v1/app/_tags?n="+n, nil)
		a := strict.want(400, "GET", "/acr/v1/app/_tags?n="+n, nil)
		if !strings.Contains(a.body, `"code":"PAGINATION_NUMBER_INVALID","message":"invalid number of results requested","detail":{"n":`) {
			t.Errorf("n=%s: %s", n, a.body)
		}
	}
}

func TestManifestPropertiesHaveTheRecordedForm(t *testing.T) {
	clock := newTestClock()
	r := startRegistry(t, &Options{Now: clock.Now})
	image := r.pushImage("app", "v1", "one")
	entry := func(digest, arch string) string {
		return `{"mediaType":"` + wire.TypeOCIManifest + `","digest":"` + digest + `","size":1,"platform":{"architecture":"` + arch + `","os":"linux","variant":"v8"}}`
	}
	rawIndex := `{"schemaVersion":2,"manifests":[` + entry(image, "amd64") + `]}`
	index := r.pushManifest("app", "multi", wire.TypeOCIIndex, []byte(rawIndex))
	artifact := r.pushManifest("app", "art", wire.TypeOCIArtifact, []byte(`{"mediaType":"`+wire.TypeOCIArtifact+`","artifactType":"x/y"}`))
	r.want(202, "DELETE", "/acr/v1/app/_tags/art", nil)
	times := `"createdTime":"2026-01-13T17:34:21.1470601Z","lastUpdateTime":"2026-01-13T17:34:21.1470601Z"`
	attributes := `"changeableAttributes":{"deleteEnabled":true,"writeEnabled":true,"readEnabled":true,"listEnabled":true}`
	size := len(r.imageManifest("app", "one", nil)) + len(`{"architecture":"amd64","os":"linux","seed":"one"}`) + len("layer one")
	frame := `{"registry":"acrkit.azurecr.io","imageName":"app","manifest":`
	wantImage := fmt.Sprintf(`{"digest":"%s","imageSize":%d,%s,"architecture":"amd64","os":"linux","mediaType":"%s","configMediaType":"%s","tags":["v1"],%s}`,
		image, size, times, wire.TypeOCIManifest, wire.TypeOCIConfig, attributes)
	wantIndex := fmt.Sprintf(`{"digest":"%s","imageSize":%d,%s,"mediaType":"%s","tags":["multi"],%s}`,
		index, size+len(rawIndex), times, wire.TypeOCIIndex, attributes)
	wantArtifact := fmt.Sprintf(`{"digest":"%s","imageSize":0,%s,"mediaType":"%s",%s}`, artifact, times, wire.TypeOCIArtifact, attributes)
	get := func(digest string) string { return r.want(200, "GET", "/acr/v1/app/_manifests/"+digest, nil).body }
	if diff := cmp.Diff(frame+wantImage+"}\n", get(image)); diff != "" {
		t.Error(diff)
	}
	references := `,"references":[{"digest":"` + image + `","architecture":"amd64","os":"linux"}]}`
	if diff := cmp.Diff(frame+strings.TrimSuffix(wantIndex, "}")+references+"}\n", get(index)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(frame+wantArtifact+"}\n", get(artifact)); diff != "" {
		t.Error(diff)
	}
	all := map[string]string{image: wantImage, index: wantIndex, artifact: wantArtifact}
	digests := []string{image, index, artifact}
	slices.Sort(digests)
	want := `{"registry":"acrkit.azurecr.io","imageName":"app","manifests":[` + all[digests[0]] + "," + all[digests[1]] + "," + all[digests[2]] + "]}\n"
	if diff := cmp.Diff(want, r.want(200, "GET", "/acr/v1/app/_manifests", nil).body); diff != "" {
		t.Error(diff)
	}
	_, links := r.follow("/acr/v1/app/_manifests?n=2")
	if wantLink := `</acr/v1/app/_manifests?last=` + url.QueryEscape(digests[1]) + `&n=2&orderby=>; rel="next"`; len(links) != 1 || links[0] != wantLink {
		t.Errorf("links %q, want %q", links, wantLink)
	}
}

func TestRepositoryPropertiesCountAndKeepTime(t *testing.T) {
	clock := newTestClock()
	r := startRegistry(t, &Options{Now: clock.Now})
	r.pushImage("app", "v1", "one")
	clock.advance(1500 * time.Millisecond)
	r.pushImage("app", "v2", "two")
	clock.advance(time.Second)
	body := r.want(200, "PATCH", "/acr/v1/app", strings.NewReader(`{"readEnabled":false,"unknown":1}`)).body
	want := `{"registry":"acrkit.azurecr.io","imageName":"app","createdTime":"2026-01-13T17:34:21.1470601Z",` +
		`"lastUpdateTime":"2026-01-13T17:34:22.6470601Z","manifestCount":2,"tagCount":2,` +
		`"changeableAttributes":{"deleteEnabled":true,"writeEnabled":true,"readEnabled":false,"listEnabled":true}}` + "\n"
	if diff := cmp.Diff(want, body); diff != "" {
		t.Error(diff)
	}
	if got := r.want(200, "GET", "/acr/v1/app", nil).body; got != want {
		t.Error(cmp.Diff(want, got))
	}
}

func TestTimestampsAreTrimmed(t *testing.T) {
	clock := newTestClock()
	clock.now = time.Date(2024, 1, 24, 6, 18, 1, 534509099, time.UTC)
	r := startRegistry(t, &Options{Now: clock.Now})
	r.pushImage("app", "v1", "one")
	if body := r.want(200, "GET", "/acr/v1/app", nil).body; !strings.Contains(body, `"createdTime":"2024-01-24T06:18:01.534509Z"`) {
		t.Error(body)
	}
	clock.now = time.Date(2024, 1, 24, 6, 18, 1, 0, time.UTC)
	r.pushImage("app2", "v1", "one")
	if body := r.want(200, "GET", "/acr/v1/app2", nil).body; !strings.Contains(body, `"createdTime":"2024-01-24T06:18:01Z"`) {
		t.Error(body)
	}
}

func TestLargeListsAreChunked(t *testing.T) {
	r := startRegistry(t, nil)
	raw := r.imageManifest("app", "one", nil)
	for i := range 20 {
		r.pushManifest("app", fmt.Sprintf("tag%d", i), wire.TypeOCIManifest, raw)
	}
	if a := r.want(200, "GET", "/acr/v1/app/_tags", nil); !slices.Equal(a.TransferEncoding, []string{"chunked"}) {
		t.Errorf("%v of %d bytes", a.TransferEncoding, len(a.body))
	}
	if a := r.want(200, "GET", "/acr/v1/app/_tags?n=1", nil); a.ContentLength != int64(len(a.body)) {
		t.Errorf("length %d of %d bytes", a.ContentLength, len(a.body))
	}
}

func TestEmptyCatalogFollowsItsQuirk(t *testing.T) {
	for value, want := range map[string]string{"array": `{"repositories":[]}`, "null": `{"repositories":null}`} {
		r := startRegistry(t, &Options{Quirks: map[string]string{quirk.EmptyCatalog: value}})
		if got := r.want(http.StatusOK, "GET", "/acr/v1/_catalog", nil).body; got != want+"\n" {
			t.Errorf("%s: %q", value, got)
		}
	}
}
