package emulator

import (
	"bufio"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/acrkit/azcontainerregistry/emulator/internal/protocol"
	"github.com/acrkit/azcontainerregistry/emulator/internal/quirk"
	"github.com/acrkit/azcontainerregistry/emulator/internal/store"
	"github.com/acrkit/azcontainerregistry/emulator/internal/wire"
)

// FuzzRequest sends a request line and a body to everything behind admission.
func FuzzRequest(f *testing.F) {
	e, err := New(&Options{Registries: []RegistryOptions{{Policies: Policies{NoAuthentication: true}, SoftDelete: time.Hour}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = e.Close() })
	digest := "sha256:" + strings.Repeat("0", 64)
	for _, seed := range [][3]string{
		{"GET", "/v2/", ""},
		{"GET", "/v2", ""},
		{"GET", "/", ""},
		{"GET", "/v2/a%2Fb/manifests/v1", ""},
		{"GET", "/v2/a/tags/list?n=-1&last=%00", ""},
		{"GET", "/acr/v1/_catalog?n=99999999999999999999&orderby=timedesc&last=1%26x", ""},
		{"PATCH", "/acr/v1/a", `{"writeEnabled":false}`},
		{"PUT", "/v2/a/manifests/v1", `{"schemaVersion":2}`},
		{"POST", "/v2/a/blobs/uploads/?mount=x&from=..", ""},
		{"PATCH", "/v2/a/blobs/uploads/0?_state=AAAA", "x"},
		{"PUT", "/v2/a/blobs/uploads/0?digest=sha256:&_state=%zz", "x"},
		{"GET", "/v2/a/referrers/" + digest + "?artifactType=%0d%0a", ""},
		{"POST", "/acr/v1/_deleted/a/_manifests/" + digest + "?force=x", `{"tag":""}`},
		{"GET", "/x//docker/registry/v2/blobs/sha256/00/0/data?se=&sig=&regid=", ""},
		{"GET", "/v2/..%2f..%2fx/manifests/v1", ""},
		{"GET", "http://other.example/v2/%zz", ""},
		{"OPTIONS", "*", ""},
		{"CONNECT", "a:1", ""},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	f.Fuzz(func(t *testing.T, method, target, body string) {
		text := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: acrkit.azurecr.io\r\nAccept: */*\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s",
			method, target, wire.TypeOCIManifest, len(body), body)
		request, err := http.ReadRequest(bufio.NewReader(strings.NewReader(text)))
		if err != nil {
			return
		}
		request.RemoteAddr = "127.0.0.1:1"
		w := httptest.NewRecorder()
		e.ServeHTTP(w, request)
		if w.Code < 200 || w.Code >= 500 {
			t.Errorf("%s %q: status %d %s", method, target, w.Code, w.Body)
		}
		for name, values := range w.Header() {
			if strings.ContainsAny(strings.Join(values, ""), "\r\n\x00") {
				t.Errorf("%s %q: header %s holds control characters: %q", method, target, name, values)
			}
		}
	})
}

func FuzzParseManifest(f *testing.F) {
	digest := "sha256:" + strings.Repeat("0", 64)
	for mediaType, seeds := range map[string][]string{
		wire.TypeOCIManifest:   {`{"schemaVersion":2,"config":{"mediaType":"x","size":1,"digest":"` + digest + `"},"layers":[{"digest":"` + digest + `","size":9223372036854775807,"urls":["x"]}],"subject":{"digest":"` + digest + `"}}`, `{}`, `null`, `[`},
		wire.TypeOCIIndex:      {`{"schemaVersion":2,"manifests":[{"digest":"` + digest + `","size":1,"platform":{"architecture":"a","os":"b"}}]}`},
		wire.TypeOCIArtifact:   {`{"mediaType":"` + wire.TypeOCIArtifact + `","blobs":[]}`},
		wire.TypeDockerSigned:  {signSchema1(f, schema1Manifest("a", "v1", digest)), `{"schemaVersion":1,"fsLayers":[{"blobSum":"` + digest + `"}],"history":[{}],"signatures":[{"protected":"e30"}]}`},
		wire.TypeDockerSchema1: {schema1Manifest("a", "v1", digest)},
	} {
		for _, seed := range seeds {
			f.Add(mediaType, []byte(seed))
		}
	}
	f.Fuzz(func(t *testing.T, mediaType string, raw []byte) {
		m, why := wire.ParseManifest(mediaType, raw)
		if (m == nil) == (why == "") {
			t.Fatalf("got %v and %q", m, why)
		}
		if m == nil {
			return
		}
		for _, digest := range append(m.BlobDigests(), m.Referrer(store.Manifest{Digest: absentDigest}, true).Digest) {
			if !protocol.ValidDigest(digest) {
				t.Errorf("names %q", digest)
			}
		}
		m.References()
		if m.V1 != nil {
			// Whatever it says, it is checked without a panic.
			_ = m.V1.Verify(raw)
		}
		p := wire.Push{Call: &wire.Call{Services: &wire.Services{Quirks: quirk.Of(map[string]string{quirk.ArtifactSizeZero: "sum"})}}, Manifest: m, Raw: raw}
		if size := p.ImageSize(0); size < 0 {
			t.Errorf("size %d", size)
		}
	})
}
