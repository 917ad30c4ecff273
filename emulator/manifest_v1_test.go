package emulator

import (
	"fmt"
	"strings"
	"testing"

	"github.com/acrkit/azcontainerregistry/emulator/internal/protocol"
	"github.com/acrkit/azcontainerregistry/emulator/internal/quirk"
	"github.com/acrkit/azcontainerregistry/emulator/internal/wire"
)

func TestManifestsOfSchema1AreTaken(t *testing.T) {
	r := startRegistry(t, nil)
	layer := r.pushBlob("app", []byte("a layer"))
	unsigned := schema1Manifest("app", "v1", layer)
	signed := signSchema1(t, unsigned)
	put := func(reference, mediaType, body string) answer {
		t.Helper()
		return r.do("PUT", "/v2/app/manifests/"+reference, strings.NewReader(body), "Content-Type", mediaType)
	}
	a := put("v1", wire.TypeDockerSigned, signed)
	digest := sha256Of([]byte(unsigned))
	if a.StatusCode != 201 || a.Header.Get(protocol.HeaderContentDigest) != digest {
		t.Fatalf("%s %s, want the digest of what is signed, %s", seen(a), a.Header.Get(protocol.HeaderContentDigest), digest)
	}
	got := r.want(200, "GET", "/v2/app/manifests/v1", nil)
	if got.body != signed || got.Header.Get("Content-Type") != wire.TypeDockerSigned || got.Header.Get(protocol.HeaderContentDigest) != digest {
		t.Errorf("%v %s", got.Header, got.body)
	}
	info := r.want(200, "GET", "/acr/v1/app/_manifests/"+digest, nil).body
	if !strings.Contains(info, fmt.Sprintf(`"imageSize":%d,`, len(signed)+len("a layer"))) || !strings.Contains(info, `"architecture":"amd64","os":"linux"`) {
		t.Error(info)
	}
	if a := put("v1", wire.TypeDockerSchema1, unsigned); a.StatusCode != 201 {
		t.Error(seen(a))
	}
	for name, test := range map[string]struct{ reference, mediaType, body, code string }{
		"changed":          {"v1", wire.TypeDockerSigned, strings.Replace(signed, "amd64", "arm64", 1), "MANIFEST_UNVERIFIED"},
		"other tag":        {"v2", wire.TypeDockerSigned, signed, "TAG_INVALID"},
		"other repository": {"v1", wire.TypeDockerSchema1, schema1Manifest("other", "v1", layer), "NAME_INVALID"},
		"missing layer":    {"v1", wire.TypeDockerSchema1, schema1Manifest("app", "v1", absentDigest), "MANIFEST_BLOB_UNKNOWN"},
		"unsigned":         {"v1", wire.TypeDockerSigned, unsigned, "MANIFEST_INVALID"},
		"key of no kind":   {"v1", wire.TypeDockerSigned, strings.Replace(signed, "P-256", "P-521", 1), "MANIFEST_UNVERIFIED"},
		"point off curve":  {"v1", wire.TypeDockerSigned, strings.Replace(signed, `"x":"`, `"x":"AA`, 1), "MANIFEST_UNVERIFIED"},
		"none":             {"v1", wire.TypeDockerSigned, strings.Replace(signed, "ES256", "none", 1), "MANIFEST_UNVERIFIED"},
		"other digest":     {absentDigest, wire.TypeDockerSigned, signed, "DIGEST_INVALID"},
	} {
		if a := put(test.reference, test.mediaType, test.body); a.StatusCode != 400 || !strings.Contains(a.body, `"code":"`+test.code+`"`) {
			t.Errorf("%s: %s, want %s", name, seen(a), test.code)
		}
	}
	if a := put(digest, wire.TypeDockerSigned, signed); a.StatusCode != 201 {
		t.Error(seen(a))
	}
}

// dockerImage pushes the blobs of an image with a step that has no layer, and
// returns its manifest.
func (r *testRegistry) dockerImage(repository string) []byte {
	r.t.Helper()
	config := []byte(`{"architecture":"amd64","os":"linux","config":{"Env":["A=b"]},"history":[` +
		`{"created":"2026-01-13T17:34:21Z","created_by":"ADD first"},{"created_by":"ENV A=b","empty_layer":true},{"created_by":"ADD second"}],` +
		`"rootfs":{"type":"layers","diff_ids":["sha256:0","sha256:1"]}}`)
	var layers []any
	for _, layer := range []string{"first", "second"} {
		layers = append(layers, map[string]any{"mediaType": "x", "size": len(layer), "digest": r.pushBlob(repository, []byte(layer))})
	}
	return mustJSON(r.t, map[string]any{
		"schemaVersion": 2, "mediaType": wire.TypeDockerManifest, "layers": layers,
		"config": map[string]any{"mediaType": wire.TypeDockerConfig, "size": len(config), "digest": r.pushBlob(repository, config)},
	})
}

func TestDockerImagesAreConvertedToSchema1(t *testing.T) {
	r := startRegistry(t, &Options{Quirks: map[string]string{quirk.ImageFallback: "schema1"}})
	digest := r.pushManifest("app", "v1", wire.TypeDockerManifest, r.dockerImage("app"))
	a := r.want(200, "GET", "/v2/app/manifests/v1", nil)
	m, why := wire.ParseManifest(a.Header.Get("Content-Type"), []byte(a.body))
	if m == nil || m.V1 == nil {
		t.Fatalf("%s\n%s", why, a.body)
	}
	if err := m.V1.Verify([]byte(a.body)); err != nil {
		t.Error(err)
	}
	// The digest is that of the text without its signatures, indented by
	// three spaces.
	unsigned := string(m.V1.Payload)
	if a.Header.Get(protocol.HeaderContentDigest) != sha256Of(m.V1.Payload) || !strings.HasPrefix(unsigned, "{\n   \"schemaVersion\": 1,\n   \"name\": \"app\",\n   \"tag\": \"v1\",") || strings.Contains(unsigned, "signatures") {
		t.Errorf("%v\n%s", a.Header, unsigned)
	}
	want := []string{sha256Of([]byte("second")), "sha256:a3ed95caeb02ffe68cdd9fd84406680ae93d633cb16422d00e8a7c22955b46d4", sha256Of([]byte("first"))}
	for i, layer := range m.V1.FSLayers {
		if layer.BlobSum != want[i] {
			t.Errorf("layer %d is %s, want %s", i, layer.BlobSum, want[i])
		}
	}
	type step struct {
		ID, Parent string
		ThrowAway  bool
		Config     struct{ Env []string }
		History    any
	}
	var steps []step
	for _, entry := range m.V1.History {
		steps = append(steps, decode[step](t, entry.V1Compatibility))
	}
	if len(steps) != 3 || steps[0].Parent != steps[1].ID || steps[1].Parent != steps[2].ID || steps[2].Parent != "" ||
		!steps[1].ThrowAway || len(steps[0].Config.Env) != 1 || steps[0].History != nil {
		t.Errorf("%+v", steps)
	}
	for _, headers := range [][]string{{"Accept", wire.TypeDockerManifest}, {"Accept", "*/*"}} {
		if got := r.want(200, "GET", "/v2/app/manifests/v1", nil, headers...).Header.Get(protocol.HeaderContentDigest); got != digest {
			t.Errorf("%v: %s", headers, got)
		}
	}
	if got := r.want(200, "GET", "/v2/app/manifests/"+digest, nil).Header.Get(protocol.HeaderContentDigest); got != digest {
		t.Errorf("by digest: %s", got)
	}
	if a := r.want(200, "HEAD", "/v2/app/manifests/v1", nil); a.Header.Get("Content-Type") != wire.TypeDockerSigned {
		t.Errorf("HEAD: %v", a.Header)
	}
}
