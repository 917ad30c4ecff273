package emulator

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/acrkit/azcontainerregistry/emulator/internal/protocol"
	"github.com/acrkit/azcontainerregistry/emulator/internal/signin"
	"github.com/acrkit/azcontainerregistry/emulator/internal/wire"
	"github.com/golang-jwt/jwt/v5"
)

// testRegistry is an emulator behind a loopback server that lets every
// request in: these tests are about what the registry does, not about who may
// ask.
type testRegistry struct {
	t      testing.TB
	e      *Emulator
	server *httptest.Server
	client *http.Client
	caller signin.Caller
}

const testLogin = "acrkit.azurecr.io"

func startRegistry(t testing.TB, o *Options) *testRegistry {
	t.Helper()
	e, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	r := &testRegistry{t: t, e: e, caller: signin.Caller{QuarantineReader: true, QuarantineReleaser: true}}
	r.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		serveTrusted(e, &r.caller, w, req)
	}))
	r.client = &http.Client{
		Transport:     &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 100},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	t.Cleanup(func() {
		r.client.CloseIdleConnections()
		r.server.Close()
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// serveTrusted is ServeHTTP without admission.
func serveTrusted(e *Emulator, who *signin.Caller, w http.ResponseWriter, r *http.Request) {
	if wire.IsDataRequest(r) {
		e.wire.ServeHTTP(w, r)
		return
	}
	e.wire.ServeAs(w, r, who)
}

// answer is a response read to its end.
type answer struct {
	*http.Response
	body string
}

// do sends a request to the login server, path and query as they are.
func (r *testRegistry) do(method, path string, body io.Reader, headers ...string) answer {
	r.t.Helper()
	a, err := r.try(context.Background(), method, path, body, headers...)
	if err != nil {
		r.t.Fatalf("%s %s: %v", method, path, err)
	}
	return a
}

func (r *testRegistry) try(ctx context.Context, method, path string, body io.Reader, headers ...string) (answer, error) {
	req, err := http.NewRequestWithContext(ctx, method, r.server.URL+path, body)
	if err != nil {
		return answer{}, err
	}
	req.Host = testLogin
	if strings.Contains(path, "//docker/registry/") {
		req.Host = wire.DefaultDataHost
	}
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			req.Host = headers[i+1]
			continue
		}
		req.Header.Add(headers[i], headers[i+1])
	}
	resp, err := r.client.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return answer{resp, string(b)}, err
}

// want fails the test when the status differs, and returns the answer.
func (r *testRegistry) want(status int, method, path string, body io.Reader, headers ...string) answer {
	r.t.Helper()
	a := r.do(method, path, body, headers...)
	if a.StatusCode != status {
		r.t.Fatalf("%s %s: status %d, want %d\n%s", method, path, a.StatusCode, status, a.body)
	}
	return a
}

// pushBlob uploads content in one chunk and returns its digest.
func (r *testRegistry) pushBlob(repository string, content []byte) string {
	r.t.Helper()
	start := r.want(202, "POST", "/v2/"+repository+"/blobs/uploads/", nil)
	chunk := r.want(202, "PATCH", start.Header.Get("Location"), bytes.NewReader(content))
	digest := sha256Of(content)
	r.want(201, "PUT", chunk.Header.Get("Location")+"&digest="+strings.Replace(digest, ":", "%3A", 1), nil)
	return digest
}

// pushManifest puts a manifest and returns its digest.
func (r *testRegistry) pushManifest(repository, reference, mediaType string, content []byte) string {
	r.t.Helper()
	a := r.want(201, "PUT", "/v2/"+repository+"/manifests/"+reference, bytes.NewReader(content), "Content-Type", mediaType)
	return a.Header.Get(protocol.HeaderContentDigest)
}

// pushImage pushes a small image with one layer and returns the digest of its
// manifest.
func (r *testRegistry) pushImage(repository, tag, seed string) string {
	r.t.Helper()
	raw := r.imageManifest(repository, seed, nil)
	reference := tag
	if reference == "" {
		reference = sha256Of(raw)
	}
	return r.pushManifest(repository, reference, wire.TypeOCIManifest, raw)
}

// imageManifest pushes the blobs of an image and returns its manifest.
func (r *testRegistry) imageManifest(repository, seed string, more map[string]any) []byte {
	r.t.Helper()
	config := fmt.Appendf(nil, `{"architecture":"amd64","os":"linux","seed":%q}`, seed)
	layer := []byte("layer " + seed)
	m := map[string]any{
		"schemaVersion": 2, "mediaType": wire.TypeOCIManifest,
		"config": map[string]any{"mediaType": wire.TypeOCIConfig, "digest": r.pushBlob(repository, config), "size": len(config)},
		"layers": []any{map[string]any{
			"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": r.pushBlob(repository, layer), "size": len(layer),
		}},
	}
	for key, value := range more {
		m[key] = value
	}
	return mustJSON(r.t, m)
}

func mustJSON(t testing.TB, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func sha256Of(content []byte) string {
	sum := sha256.Sum256(content)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// signedPath is the path and query of a blob's redirect.
func (r *testRegistry) signedPath(repository, digest string) string {
	r.t.Helper()
	a := r.want(307, "GET", "/v2/"+repository+"/blobs/"+digest, nil)
	_, path, ok := strings.Cut(strings.TrimPrefix(a.Header.Get("Location"), "http://"), "/")
	if !ok {
		r.t.Fatalf("Location %q", a.Header.Get("Location"))
	}
	return "/" + path
}

// testClock is a clock that moves when told to.
type testClock struct {
	mu  sync.Mutex
	now time.Time
}

func newTestClock() *testClock {
	return &testClock{now: time.Date(2026, 1, 13, 17, 34, 21, 147060100, time.UTC)}
}

func (c *testClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *testClock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func decode[T any](t testing.TB, body string) T {
	t.Helper()
	var v T
	if err := json.Unmarshal([]byte(body), &v); err != nil {
		t.Fatalf("%v in %q", err, body)
	}
	return v
}

const absentDigest = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// zeros reads as that many zero bytes, so that the sender costs nothing.
type zeros struct{ left int64 }

func (z *zeros) Read(p []byte) (int, error) {
	if z.left == 0 {
		return 0, io.EOF
	}
	n := int(min(int64(len(p)), z.left))
	clear(p[:n])
	z.left -= int64(n)
	return n, nil
}

// schema1Manifest is an unsigned manifest of one layer.
func schema1Manifest(repository, tag, layer string) string {
	return fmt.Sprintf(`{
   "schemaVersion": 1,
   "name": %q,
   "tag": %q,
   "architecture": "amd64",
   "fsLayers": [
      {
         "blobSum": %q
      }
   ],
   "history": [
      {
         "v1Compatibility": "{\"id\":\"1\"}"
      }
   ]
}`, repository, tag, layer)
}

// signSchema1 signs a manifest the way Docker's libtrust did: the signatures
// take the place of the last brace, which formatTail gives back.
func signSchema1(t testing.TB, unsigned string) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	point, err := key.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	length := strings.LastIndex(unsigned, "\n}")
	protected := encode(fmt.Appendf(nil, `{"formatLength":%d,"formatTail":%q,"time":"2026-01-13T17:34:21Z"}`, length, encode([]byte(unsigned[length:]))))
	signature, err := jwt.SigningMethodES256.Sign(protected+"."+encode([]byte(unsigned)), key)
	if err != nil {
		t.Fatal(err)
	}
	return unsigned[:length] + fmt.Sprintf(`,"signatures":[{"header":{"jwk":{"crv":"P-256","kid":"K","kty":"EC","x":%q,"y":%q},"alg":"ES256"},"signature":%q,"protected":%q}]}`,
		encode(point[1:33]), encode(point[33:]), encode(signature), protected)
}

var update = flag.Bool("update", false, "rewrite the lists in EMULATOR.md")

const internalPath = "github.com/acrkit/azcontainerregistry/emulator/internal/"
