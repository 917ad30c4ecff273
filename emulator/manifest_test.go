package emulator

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/acrkit/azcontainerregistry/emulator/internal/protocol"
	"github.com/acrkit/azcontainerregistry/emulator/internal/quirk"
	"github.com/acrkit/azcontainerregistry/emulator/internal/wire"
)

func TestAcceptIsNegotiated(t *testing.T) {
	r := startRegistry(t, nil)
	image := r.pushImage("app", "oci", "one")
	child := fmt.Sprintf(`{"mediaType":%q,"digest":%q,"size":1,"platform":{"architecture":"amd64","os":"linux"}}`, wire.TypeOCIManifest, image)
	index := `{"schemaVersion":2,"manifests":[` + child + `]}`
	r.pushManifest("app", "index", wire.TypeOCIIndex, []byte(index))
	r.pushManifest("app", "list", wire.TypeDockerList, []byte(index+" "))
	r.pushManifest("app", "art", wire.TypeOCIArtifact, []byte(`{"mediaType":"`+wire.TypeOCIArtifact+`"}`))
	refusal := func(text string) string {
		return `{"errors":[{"code":"MANIFEST_UNKNOWN","message":"` + text + `"}]}` + "\n"
	}
	ociManifest := refusal("OCI manifest found, but accept header does not support OCI manifests")
	for _, test := range []struct {
		reference string
		accept    []string
		status    int
		body      string
	}{
		{"oci", nil, 404, ociManifest},
		{"oci", []string{wire.TypeDockerManifest}, 404, ociManifest},
		{image, []string{"application/json"}, 404, ociManifest},
		{"oci", []string{"application/json", wire.TypeOCIManifest}, 200, ""},
		{"oci", []string{"text/html, " + wire.TypeOCIManifest + ";q=0.5"}, 200, ""},
		{"oci", []string{"application/json, */*"}, 200, ""},
		{"index", []string{wire.TypeOCIManifest}, 404, refusal("OCI index found, but accept header does not support OCI indexes")},
		{"art", []string{wire.TypeOCIManifest}, 404, refusal("OCI artifact found, but accept header does not support OCI artifacts")},
		{"art", []string{wire.TypeOCIManifest, "*/*"}, 200, ""},
		{"list", []string{wire.TypeOCIManifest}, 200, ""},
	} {
		var headers []string
		for _, line := range test.accept {
			headers = append(headers, "Accept", line)
		}
		a := r.do("GET", "/v2/app/manifests/"+test.reference, nil, headers...)
		if a.StatusCode != test.status || test.body != "" && a.body != test.body {
			t.Errorf("%s with %q: %d %s", test.reference, test.accept, a.StatusCode, a.body)
		}
	}
	platform := startRegistry(t, &Options{Quirks: map[string]string{quirk.ManifestListFall: "linux-amd64", quirk.MissingAccept: "accept"}})
	platform.pushImage("app", "oci", "one")
	platform.pushManifest("app", "list", wire.TypeDockerList, []byte(index))
	if a := platform.want(200, "GET", "/v2/app/manifests/list", nil, "Accept", wire.TypeDockerManifest); a.Header.Get(protocol.HeaderContentDigest) != image {
		t.Errorf("%v", a.Header)
	}
	platform.want(200, "GET", "/v2/app/manifests/oci", nil)
}

func TestBadManifestsAreRefused(t *testing.T) {
	r := startRegistry(t, nil)
	good := string(r.imageManifest("app", "one", nil))
	for name, test := range map[string]struct{ mediaType, body string }{
		"empty":                     {wire.TypeOCIManifest, ""},
		"half":                      {wire.TypeOCIManifest, good[:len(good)/2]},
		"two":                       {wire.TypeOCIManifest, good + good},
		"null":                      {wire.TypeOCIManifest, "null"},
		"array":                     {wire.TypeOCIManifest, "[]"},
		"unknown type":              {"application/json", good},
		"no type":                   {"", good},
		"other type":                {wire.TypeDockerManifest, good},
		"no config":                 {wire.TypeOCIManifest, `{"schemaVersion":2,"layers":[]}`},
		"schema 1":                  {wire.TypeOCIManifest, strings.Replace(good, `"schemaVersion":2`, `"schemaVersion":1`, 1)},
		"short digest":              {wire.TypeOCIManifest, strings.Replace(good, "sha256:", "sha256:0", 1)},
		"path digest":               {wire.TypeOCIManifest, strings.Replace(good, "sha256:", "../../../", 1)},
		"negative size":             {wire.TypeOCIManifest, strings.Replace(good, `"size":9`, `"size":-9`, 1)},
		"index with layers":         {wire.TypeOCIIndex, `{"schemaVersion":2,"manifests":[],"layers":[]}`},
		"image with manifests":      {wire.TypeOCIManifest, strings.Replace(good, `{`, `{"manifests":[],`, 1)},
		"deep nesting":              {wire.TypeOCIManifest, strings.Repeat("[", 1<<20)},
		"size that is no integer":   {wire.TypeOCIManifest, strings.Replace(good, `"size":9`, `"size":1e400`, 1)},
		"annotations of wrong type": {wire.TypeOCIManifest, strings.Replace(good, `{`, `{"annotations":7,`, 1)},
	} {
		t.Run(name, func(t *testing.T) {
			a := r.want(400, "PUT", "/v2/app/manifests/v1", strings.NewReader(test.body), "Content-Type", test.mediaType)
			if !strings.Contains(a.body, `"code":"MANIFEST_INVALID"`) {
				t.Error(a.body)
			}
		})
	}
	r.want(404, "GET", "/acr/v1/app", nil)
	a := r.want(400, "PUT", "/v2/app/manifests/"+absentDigest, strings.NewReader(good), "Content-Type", wire.TypeOCIManifest)
	if !strings.Contains(a.body, "DIGEST_INVALID") {
		t.Error(a.body)
	}
}

func TestManifestOver4MiBIsRefused(t *testing.T) {
	for value, status := range map[string]int{"400": 400, "413": 413} {
		r := startRegistry(t, &Options{Quirks: map[string]string{quirk.ManifestTooLarge: value}})
		body := `{"schemaVersion":2,"x":"` + strings.Repeat("x", wire.MaxManifestSize) + `"}`
		r.want(status, "PUT", "/v2/app/manifests/v1", strings.NewReader(body), "Content-Type", wire.TypeOCIManifest)
		// Without a length, the end is only found by reading.
		unsized := struct{ *strings.Reader }{strings.NewReader(body)}
		r.want(status, "PUT", "/v2/app/manifests/v1", unsized, "Content-Type", wire.TypeOCIManifest)
		config := r.pushBlob("app", []byte("{}"))
		head := `{"schemaVersion":2,"config":{"mediaType":"x","size":2,"digest":"` + config + `"},"x":"`
		largest := head + strings.Repeat("x", wire.MaxManifestSize-len(head)-2) + `"}`
		r.pushManifest("app", "v1", wire.TypeOCIManifest, []byte(largest))
	}
}

func TestPushingAgainChangesNothing(t *testing.T) {
	clock := newTestClock()
	r := startRegistry(t, &Options{Now: clock.Now})
	raw := r.imageManifest("app", "one", nil)
	r.pushManifest("app", "v1", wire.TypeOCIManifest, raw)
	before := r.want(200, "GET", "/acr/v1/app/_manifests", nil).body + r.want(200, "GET", "/acr/v1/app/_tags", nil).body
	clock.advance(time.Hour)
	r.pushManifest("app", "v1", wire.TypeOCIManifest, raw)
	after := r.want(200, "GET", "/acr/v1/app/_manifests", nil).body + r.want(200, "GET", "/acr/v1/app/_tags", nil).body
	if before != after {
		t.Errorf("%s\nbecame\n%s", before, after)
	}
	r.pushManifest("app", "v2", wire.TypeOCIManifest, raw)
	if body := r.want(200, "GET", "/acr/v1/app/_manifests", nil).body; !strings.Contains(body, `"lastUpdateTime":"2026-01-13T17:34:21.1470601Z"`) {
		t.Errorf("another tag changed the manifest's time: %s", body)
	}
}

func TestMovedTagKeepsItsCreation(t *testing.T) {
	clock := newTestClock()
	r := startRegistry(t, &Options{Now: clock.Now})
	r.pushImage("app", "v1", "one")
	clock.advance(time.Hour)
	r.pushImage("app", "v1", "two")
	body := r.want(200, "GET", "/acr/v1/app/_tags/v1", nil).body
	if !strings.Contains(body, `"createdTime":"2026-01-13T17:34:21.1470601Z","lastUpdateTime":"2026-01-13T18:34:21.1470601Z"`) {
		t.Error(body)
	}
}

func TestDeletedManifestTakesTagsAndReferrersAlong(t *testing.T) {
	r := startRegistry(t, nil)
	image := r.pushImage("app", "v1", "one")
	r.pushManifest("app", "v2", wire.TypeOCIManifest, r.imageManifest("app", "one", nil))
	subject := func(digest string) map[string]any {
		return map[string]any{"subject": map[string]any{"mediaType": wire.TypeOCIManifest, "digest": digest, "size": 1}, "artifactType": "application/spdx+json"}
	}
	sbom := r.pushManifest("app", "sbom", wire.TypeOCIManifest, r.imageManifest("app", "sbom", subject(image)))
	signature := r.pushManifest("app", "sig", wire.TypeOCIManifest, r.imageManifest("app", "sig", subject(sbom)))
	locked := r.pushManifest("app", "kept", wire.TypeOCIManifest, r.imageManifest("app", "kept", subject(sbom)))
	r.want(200, "PATCH", "/acr/v1/app/_tags/kept", strings.NewReader(`{"deleteEnabled":false}`))
	index := fmt.Sprintf(`{"schemaVersion":2,"manifests":[{"mediaType":%q,"digest":%q,"size":1}]}`, wire.TypeOCIManifest, image)
	r.pushManifest("app", "multi", wire.TypeOCIIndex, []byte(index))
	r.want(202, "DELETE", "/v2/app/manifests/"+image, nil)
	// Referrers outlive their subject by a moment (ACR protocol §4.6).
	r.want(200, "HEAD", "/v2/app/manifests/"+sbom, nil, "Accept", "*/*")
	r.e.Clock().Advance(2 * time.Second)
	for digest, status := range map[string]int{image: 404, sbom: 404, signature: 404, locked: 200} {
		r.want(status, "HEAD", "/v2/app/manifests/"+digest, nil, "Accept", "*/*")
	}
	if got := r.want(200, "GET", "/v2/app/tags/list", nil).body; got != `{"name":"app","tags":["kept","multi"]}`+"\n" {
		t.Error(got)
	}
	about := decode[struct{ ManifestCount, TagCount int }](t, r.want(200, "GET", "/acr/v1/app", nil).body)
	if about.ManifestCount != 2 || about.TagCount != 2 {
		t.Errorf("%+v", about)
	}
}

// BuildKit's registry cache is an index whose entries are layers and a config.
func TestIndexOverBlobsIsTakenAndKeepsThem(t *testing.T) {
	r := startRegistry(t, nil)
	layer, config := r.pushBlob("cache", []byte("a layer")), r.pushBlob("cache", []byte("{}"))
	index := fmt.Sprintf(`{"schemaVersion":2,"mediaType":%q,"manifests":[{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":%q,"size":7},{"mediaType":"application/vnd.buildkit.cacheconfig.v0","digest":%q,"size":2}]}`, wire.TypeOCIIndex, layer, config)
	r.pushManifest("cache", "v1", wire.TypeOCIIndex, []byte(index))
	r.e.Clock().Advance(48 * time.Hour)
	if _, err := r.e.CollectGarbage(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	r.checkBlob("cache", layer)
	r.checkBlob("cache", config)
	missing := r.want(400, "PUT", "/v2/cache/manifests/v2", strings.NewReader(strings.Replace(index, layer, absentDigest, 1)), "Content-Type", wire.TypeOCIIndex)
	if !strings.Contains(missing.body, `"MANIFEST_BLOB_UNKNOWN","message":"blob unknown to registry","detail":"`+absentDigest) {
		t.Error(missing.body)
	}
}

func TestDeletedIndexLeavesItsChildren(t *testing.T) {
	for _, value := range []string{"allow", "refuse"} {
		r := startRegistry(t, &Options{Quirks: map[string]string{quirk.IndexChildDelete: value}})
		image := r.pushImage("app", "", "one")
		index := r.pushManifest("app", "multi", wire.TypeOCIIndex, fmt.Appendf(nil, `{"schemaVersion":2,"manifests":[{"mediaType":%q,"digest":%q,"size":1}]}`, wire.TypeOCIManifest, image))
		if value == "refuse" {
			r.want(405, "DELETE", "/v2/app/manifests/"+image, nil)
		}
		r.want(202, "DELETE", "/v2/app/manifests/"+index, nil)
		r.want(200, "HEAD", "/v2/app/manifests/"+image, nil, "Accept", "*/*")
		r.want(202, "DELETE", "/v2/app/manifests/"+image, nil)
		r.want(404, "GET", "/acr/v1/app", nil)
	}
}

func TestEmptiedRepositoryFollowsItsQuirk(t *testing.T) {
	r := startRegistry(t, &Options{Quirks: map[string]string{quirk.EmptyRepository: "keep"}})
	r.want(202, "DELETE", "/v2/app/manifests/"+r.pushImage("app", "v1", "one"), nil)
	if got := r.want(200, "GET", "/acr/v1/app/_manifests", nil).body; got != `{"registry":"acrkit.azurecr.io","imageName":"app","manifests":null}`+"\n" {
		t.Error(got)
	}
}

func TestDeletedRepositoryListsWhatWent(t *testing.T) {
	r := startRegistry(t, nil)
	digest := r.pushImage("app", "", "one")
	want := `{"manifestsDeleted":["` + digest + `"],"tagsDeleted":null}` + "\n"
	if got := r.want(202, "DELETE", "/acr/v1/app", nil).body; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	r.want(404, "HEAD", "/v2/app/blobs/"+sha256Of([]byte("layer one")), nil)
	digest = r.pushImage("app", "v1", "one")
	want = `{"manifestsDeleted":["` + digest + `"],"tagsDeleted":["v1"]}` + "\n"
	if got := r.want(202, "DELETE", "/acr/v1/app", nil).body; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	r.want(404, "DELETE", "/acr/v1/app", nil)
}

func TestReferrersAreFilteredAndPaged(t *testing.T) {
	r := startRegistry(t, nil)
	if got := r.want(200, "GET", "/v2/app/referrers/"+absentDigest, nil); got.body != `{"schemaVersion":2,"mediaType":"`+wire.TypeOCIIndex+`","manifests":[]}`+"\n" || got.Header.Get("Content-Type") != wire.TypeOCIIndex {
		t.Errorf("%s %v", got.body, got.Header)
	}
	var pushed []string
	for i := range 5 {
		more := map[string]any{"subject": map[string]any{"mediaType": "x", "digest": absentDigest, "size": 1}, "annotations": map[string]string{"n": fmt.Sprint(i)}}
		if i < 3 {
			more["artifactType"] = "application/a+b"
		}
		raw := r.imageManifest("app", fmt.Sprint(i), more)
		a := r.want(201, "PUT", "/v2/app/manifests/"+sha256Of(raw), strings.NewReader(string(raw)), "Content-Type", wire.TypeOCIManifest)
		if a.Header.Get("OCI-Subject") != absentDigest {
			t.Errorf("%v", a.Header)
		}
		pushed = append(pushed, sha256Of(raw))
	}
	count := func(bodies []string) int { return strings.Count(strings.Join(bodies, ""), `"digest"`) }
	for n := 1; n <= 6; n++ {
		bodies, _ := r.follow(fmt.Sprintf("/v2/app/referrers/%s?n=%d", absentDigest, n))
		if count(bodies) != 5 {
			t.Errorf("by %d: %d referrers", n, count(bodies))
		}
		bodies, _ = r.follow(fmt.Sprintf("/v2/app/referrers/%s?artifactType=application%%2Fa%%2Bb&n=%d", absentDigest, n))
		if count(bodies) != 3 {
			t.Errorf("filtered by %d: %d referrers", n, count(bodies))
		}
	}
	filtered := r.want(200, "GET", "/v2/app/referrers/"+absentDigest+"?artifactType="+url.QueryEscape(wire.TypeOCIConfig), nil)
	if filtered.Header.Get("OCI-Filters-Applied") != "artifactType" || !strings.Contains(filtered.body, `"annotations":{"n":"4"},"artifactType":"`+wire.TypeOCIConfig+`"`) {
		t.Errorf("%v %s", filtered.Header, filtered.body)
	}
	r.want(202, "DELETE", "/v2/app/manifests/"+pushed[0], nil)
	if bodies, _ := r.follow("/v2/app/referrers/" + absentDigest); count(bodies) != 4 {
		t.Errorf("after a delete: %d referrers", count(bodies))
	}
	own := startRegistry(t, &Options{Quirks: map[string]string{quirk.ReferrerType: "own"}})
	raw := own.imageManifest("app", "x", map[string]any{"subject": map[string]any{"mediaType": "x", "digest": absentDigest, "size": 1}})
	own.pushManifest("app", "x", wire.TypeOCIManifest, raw)
	if body := own.want(200, "GET", "/v2/app/referrers/"+absentDigest, nil).body; strings.Contains(body, "artifactType") {
		t.Error(body)
	}
}

func TestTagParametersFollowTheirQuirk(t *testing.T) {
	for value, want := range map[string]string{"ignore": `"tags":null`, "accept": `"tags":["a","b"]`} {
		r := startRegistry(t, &Options{Quirks: map[string]string{quirk.ManifestTagParam: value}})
		raw := r.imageManifest("app", "one", nil)
		r.want(201, "PUT", "/v2/app/manifests/"+sha256Of(raw)+"?tag=a&tag=b", strings.NewReader(string(raw)), "Content-Type", wire.TypeOCIManifest)
		if body := r.want(200, "GET", "/v2/app/tags/list", nil).body; !strings.Contains(body, want) {
			t.Errorf("%s: %s", value, body)
		}
	}
}

// The time between them is the service's; that the tag comes second is a fact
// (ACR protocol §13).
func TestManifestIsNoYoungerThanItsFirstTag(t *testing.T) {
	clock := newTestClock()
	r := startRegistry(t, &Options{Now: func() time.Time { clock.advance(time.Millisecond); return clock.Now() }})
	digest := r.pushImage("app", "v1", "one")
	type entry struct {
		Manifest, Tag struct{ CreatedTime time.Time }
	}
	manifest := decode[entry](t, r.want(200, "GET", "/acr/v1/app/_manifests/"+digest, nil).body).Manifest.CreatedTime
	tag := decode[entry](t, r.want(200, "GET", "/acr/v1/app/_tags/v1", nil).body).Tag.CreatedTime
	if manifest.IsZero() || !tag.After(manifest) {
		t.Errorf("the manifest was created %v, its tag %v", manifest, tag)
	}
}
