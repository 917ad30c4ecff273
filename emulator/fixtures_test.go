package emulator

import (
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/acrkit/azcontainerregistry/emulator/internal/protocol"
	"github.com/acrkit/azcontainerregistry/emulator/internal/quirk"
	"github.com/acrkit/azcontainerregistry/emulator/internal/signin"
	"github.com/acrkit/azcontainerregistry/emulator/internal/wire"
	"github.com/google/go-cmp/cmp"
)

// TestBodiesHaveTheRecordedBytes compares with the recordings of section 9 of
// the ACR protocol: exact bytes where they are known, and their number.
func TestBodiesHaveTheRecordedBytes(t *testing.T) {
	r := startRegistry(t, nil)
	r.pushImage("alpine", "latest", "one")
	r.pushImage("locked", "v1", "two")
	r.want(200, "PATCH", "/acr/v1/locked", strings.NewReader(`{"listEnabled":false,"deleteEnabled":false}`))
	missing := func(digests ...string) string {
		var layers []string
		for _, digest := range digests {
			layers = append(layers, `{"mediaType":"x","size":1,"digest":"`+digest+`"}`)
		}
		config := `{"mediaType":"x","size":1,"digest":"` + digests[0] + `"}`
		return `{"schemaVersion":2,"config":` + config + `,"layers":[` + strings.Join(layers, ",") + `]}`
	}
	for _, test := range []struct {
		name, method, path, body string
		status, length           int
		want                     string
	}{
		{"base", "GET", "/v2/", "", 200, 2, `{}`},
		{"catalog", "GET", "/acr/v1/_catalog", "", 200, 28, `{"repositories":["alpine"]}` + "\n"},
		{
			"unknown repository", "GET", "/acr/v1/wrong-name", "", 404, 88,
			`{"errors":[{"code":"NAME_UNKNOWN","message":"repository \"wrong-name\" is not found"}]}` + "\n",
		},
		{"manifests of an unknown repository", "GET", "/acr/v1/wrong-name/_manifests", "", 404, 88, ""},
		{"patch of an unknown repository", "PATCH", "/acr/v1/wrong-name", "{}", 404, 88, ""},
		{
			"delete of an unknown repository", "DELETE", "/acr/v1/does_not_exist", "", 404, 122,
			`{"errors":[{"code":"NAME_UNKNOWN","message":"repository name not known to registry","detail":{"name":"does_not_exist"}}]}` + "\n",
		},
		{
			"unknown tag", "GET", "/acr/v1/alpine/_tags/nope", "", 404, 81,
			`{"errors":[{"code":"TAG_UNKNOWN","message":"the specified tag does not exist"}]}` + "\n",
		},
		{"untag of an unknown repository", "DELETE", "/acr/v1/nope/_tags/nope", "", 404, 81, ""},
		{
			"manifest by unknown tag", "GET", "/v2/alpine/manifests/wrong-tag", "", 404, 128,
			`{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest tagged by \"wrong-tag\" is not found","detail":{"Tag":"wrong-tag"}}]}` + "\n",
		},
		{
			"properties of an unknown manifest", "GET", "/acr/v1/alpine/_manifests/" + absentDigest, "", 404, 70,
			`{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}` + "\n",
		},
		{
			"delete of an unknown manifest", "DELETE", "/v2/alpine/manifests/" + absentDigest, "", 404, 0,
			`{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest ` + absentDigest + ` is not found"}]}` + "\n",
		},
		{
			"delete of an unknown blob", "DELETE", "/v2/alpine/blobs/" + absentDigest, "", 404, 74,
			`{"errors":[{"code":"BLOB_UNKNOWN","message":"blob unknown to registry"}]}` + "\n",
		},
		{
			"stale upload", "PATCH", "/v2/alpine/blobs/uploads/0f?_state=x", "", 404, 76,
			`{"errors":[{"code":"BLOB_UPLOAD_INVALID","message":"blob upload invalid"}]}` + "\n",
		},
		{
			"manifest without its blob", "PUT", "/v2/alpine/manifests/x", missing(absentDigest), 400, 166,
			`{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN","message":"blob unknown to registry","detail":"` + absentDigest + `"}]}` + "\n",
		},
		{
			"manifest without two blobs", "PUT", "/v2/alpine/manifests/x",
			missing(absentDigest, "sha256:"+strings.Repeat("0", 64)), 400, 319, "",
		},
		{
			"locked repository", "DELETE", "/acr/v1/locked", "", 405, 264,
			`{"errors":[{"code":"REGISTRY_DISALLOWED_OPERATION","message":"The operation is disallowed on this registry, repository or image. View troubleshooting steps at https://aka.ms/acr/faq/#why-does-my-pull-or-push-request-fail-with-disallowed-operation-","detail":{}}]}` + "\n",
		},
		{
			"delete of a manifest by tag", "DELETE", "/v2/alpine/manifests/latest", "", 405, 0,
			`{"errors":[{"code":"UNSUPPORTED","message":"A manifest can only be deleted by digest."}]}` + "\n",
		},
		{"no manifest at all", "PUT", "/v2/alpine/manifests/x", "{}", 400, 0, `{"errors":[{"code":"MANIFEST_INVALID","message":"manifest invalid","detail":{"Reason":{}}}]}` + "\n"},
		{"unroutable digest", "GET", "/v2/alpine/blobs/wrong%20digest", "", 404, 19, "404 page not found\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := r.do(test.method, test.path, strings.NewReader(test.body), "Content-Type", wire.TypeOCIManifest, "Accept", "*/*")
			if a.StatusCode != test.status {
				t.Errorf("status %d, want %d", a.StatusCode, test.status)
			}
			if test.length != 0 && (len(a.body) != test.length || a.ContentLength != int64(test.length)) {
				t.Errorf("length %d (header %d), want %d\n%s", len(a.body), a.ContentLength, test.length, a.body)
			}
			if test.want != "" && a.body != test.want {
				t.Error(cmp.Diff(test.want, a.body))
			}
		})
	}
}

func TestEmptyTagListIsNull(t *testing.T) {
	r := startRegistry(t, &Options{Registries: []RegistryOptions{{LoginServer: "acrkitemulat.azurecr.io"}}})
	r.pushImage("hello-world1", "", "one")
	a := r.want(200, "GET", "/acr/v1/hello-world1/_tags", nil, "Host", "acrkitemulat.azurecr.io")
	want := `{"registry":"acrkitemulat.azurecr.io","imageName":"hello-world1","tags":null}` + "\n"
	if a.body != want || len(a.body) != 78 {
		t.Errorf("got %q of %d bytes", a.body, len(a.body))
	}
	if got := r.want(200, "GET", "/v2/hello-world1/tags/list", nil).body; got != `{"name":"hello-world1","tags":null}`+"\n" {
		t.Errorf("got %q", got)
	}
}

// headerLines are the lines of the headers that the service chooses; those
// that Go adds or that vary are left out or reduced.
func headerLines(h http.Header) []string {
	var lines []string
	for name, values := range h {
		for _, value := range values {
			switch name {
			case "Date":
				continue
			case protocol.HeaderCorrelationID, protocol.HeaderRequestID:
				if len(value) != 36 {
					value = "not a GUID: " + value
				} else {
					value = "guid"
				}
			}
			lines = append(lines, name+": "+value)
		}
	}
	slices.Sort(lines)
	return lines
}

// common are the headers of section 1.3 of the ACR protocol.
var common = []string{
	"Access-Control-Expose-Headers: Docker-Content-Digest",
	"Access-Control-Expose-Headers: WWW-Authenticate",
	"Access-Control-Expose-Headers: Link",
	"Access-Control-Expose-Headers: X-Ms-Correlation-Request-Id",
	"Docker-Distribution-Api-Version: registry/2.0",
	"Server: AzureContainerRegistry",
	"Strict-Transport-Security: max-age=31536000; includeSubDomains",
	"Strict-Transport-Security: max-age=31536000; includeSubDomains",
	"X-Content-Type-Options: nosniff",
	"X-Ms-Correlation-Request-Id: guid",
	"Connection: keep-alive",
}

func TestHeadersAreTheRecordedOnes(t *testing.T) {
	// The rate that older recordings have.
	r := startRegistry(t, &Options{Quirks: map[string]string{quirk.RateRemaining: "8.000000"}})
	digest := r.pushImage("library/app", "v1", "one")
	layer := sha256Of([]byte("layer one"))
	plain := []string{
		"Connection: keep-alive", "Docker-Distribution-Api-Version: registry/2.0", "Server: AzureContainerRegistry",
		"Strict-Transport-Security: max-age=31536000; includeSubDomains",
		"Strict-Transport-Security: max-age=31536000; includeSubDomains",
		"X-Content-Type-Options: nosniff", "X-Ms-Correlation-Request-Id: guid",
		"Content-Type: text/plain; charset=utf-8", "Content-Length: 19",
	}
	requestIDs := []string{"X-Ms-Client-Request-Id: ", "X-Ms-Request-Id: guid"}
	rate := "X-Ms-Ratelimit-Remaining-Calls-Per-Second: 8.000000"
	manifest := r.do("GET", "/v2/library/app/manifests/v1", nil, "Accept", "*/*")
	for _, test := range []struct {
		method, path string
		status       int
		want         []string
	}{
		{"GET", "/v2/", 200, slices.Concat(common, []string{"Content-Type: application/json; charset=utf-8", "Content-Length: 2"})},
		{"GET", "/acr/v1/_catalog", 200, slices.Concat(common, []string{"Content-Type: application/json; charset=utf-8", "Content-Length: 33"})},
		{"GET", "/v2/library/app/manifests/v1", 200, slices.Concat(common, requestIDs, []string{
			"Content-Type: " + wire.TypeOCIManifest, "Content-Length: " + manifest.Header.Get("Content-Length"),
			"Docker-Content-Digest: " + digest, `Etag: "` + digest + `"`,
		})},
		{"HEAD", "/v2/library/app/blobs/" + layer, 200, slices.Concat(common, requestIDs, []string{
			"Content-Type: application/octet-stream", "Content-Length: 9", "Docker-Content-Digest: " + layer,
		})},
		{"DELETE", "/v2/library/app/blobs/" + layer, 202, slices.Concat(common, requestIDs, []string{rate, "Content-Length: 0"})},
		{"DELETE", "/v2/library/app/blobs/" + layer, 404, slices.Concat(common, requestIDs, []string{
			rate, "Content-Length: 74", "Content-Type: application/json; charset=utf-8",
		})},
		{"DELETE", "/acr/v1/library%2Fapp/_tags/v1", 202, slices.Concat(common, requestIDs, []string{
			rate, "Content-Length: 0", "X-Ms-Int-Docker-Content-Digest: " + digest,
		})},
		{"DELETE", "/v2/library/app/manifests/" + digest, 202, slices.Concat(common, requestIDs, []string{rate, "Content-Length: 0"})},
		{"GET", "/v2/library/app/blobs/sha256:sha256:00", 404, plain},
		{"GET", "/acr/v1/library/app/_manifests/wrong-digest", 404, plain},
		{"POST", "/v2/wrong%20name/blobs/uploads/", 404, plain},
	} {
		t.Run(test.method+" "+test.path, func(t *testing.T) {
			a := r.want(test.status, test.method, test.path, nil, "Accept", "*/*")
			want := slices.Clone(test.want)
			slices.Sort(want)
			if diff := cmp.Diff(want, headerLines(a.Header)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRequestIDsAreEchoed(t *testing.T) {
	r := startRegistry(t, nil)
	a := r.do("GET", "/v2/app/manifests/v1", nil, protocol.HeaderClientRequestID, "mine", protocol.HeaderCorrelationID, "also-mine")
	if a.Header.Get(protocol.HeaderClientRequestID) != "mine" || a.Header.Get(protocol.HeaderCorrelationID) != "also-mine" {
		t.Errorf("%v", a.Header)
	}
}

func TestBlobRedirectIsTheRecordedOne(t *testing.T) {
	clock := newTestClock()
	r := startRegistry(t, &Options{Now: clock.Now})
	digest := r.pushBlob("app", []byte("content"))
	a := r.want(307, "GET", "/v2/app/blobs/"+strings.Replace(digest, ":", "%3A", 1), nil)
	location := a.Header.Get("Location")
	hex := strings.TrimPrefix(digest, "sha256:")
	for _, part := range []string{
		"http://" + wire.DefaultDataHost + "/", "//docker/registry/v2/blobs/sha256/" + hex[:2] + "/" + hex + "/data?se=2026-01-13T17%3A54%3A21Z&sig=",
		"&sp=r&spr=https&sr=b&sv=2018-03-28&regid=",
	} {
		if !strings.Contains(location, part) {
			t.Errorf("Location %q lacks %q", location, part)
		}
	}
	want := `<a href="` + strings.ReplaceAll(location, "&", "&amp;") + "\">Temporary Redirect</a>.\n\n"
	if a.body != want || a.Header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Errorf("body %q of type %q, want %q", a.body, a.Header.Get("Content-Type"), want)
	}
	if a.Header.Get(protocol.HeaderRequestID) != "" || a.Header.Get(protocol.HeaderContentDigest) != digest {
		t.Errorf("headers %v", a.Header)
	}
}

// rawText sends bytes as they are and returns the answer's.
func (r *testRegistry) rawText(request string) string {
	r.t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(r.server.URL, "http://"))
	if err != nil {
		r.t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, request); err != nil {
		r.t.Fatal(err)
	}
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		r.t.Fatal(err)
	}
	text, err := io.ReadAll(conn)
	if err != nil {
		r.t.Fatal(err)
	}
	return string(text)
}

// TestHeadersHaveTheRecordedSpelling looks at the wire: net/http would spell
// some names in its own way.
func TestHeadersHaveTheRecordedSpelling(t *testing.T) {
	r := startRegistry(t, nil)
	digest := r.pushImage("app", "v1", "one")
	host := " HTTP/1.1\r\nHost: " + testLogin + "\r\nAccept: */*\r\n"
	attached := r.imageManifest("app", "two", map[string]any{
		"subject": map[string]any{"mediaType": wire.TypeOCIManifest, "digest": digest, "size": 1},
	})
	r.caller = signin.Caller{}
	for request, want := range map[string][]string{
		"GET /v2/app/manifests/v1" + host + "\r\n":                                  {`ETag: "` + digest + `"`},
		"GET /v2/app/referrers/" + digest + "?artifactType=x" + host + "\r\n":       {"OCI-Filters-Applied: artifactType"},
		"GET " + r.signedPath("app", sha256Of([]byte("layer one"))) + host + "\r\n": {"ETag: ", "x-ms-version: 2018-03-28", "x-ms-request-id: ", "x-ms-blob-type: AppendBlob", "x-ms-blob-committed-block-count: 1", "x-ms-lease-state: available"},
		"PUT /v2/app/manifests/v2" + host + "Content-Type: " + wire.TypeOCIManifest + "\r\nContent-Length: " + strconv.Itoa(len(attached)) + "\r\n\r\n" + string(attached): {
			"OCI-Subject: " + digest, "Docker-Content-Digest: ",
		},
		"PATCH /acr/v1/app/_manifests/" + digest + host + "Content-Length: 28\r\n\r\n" + `{"quarantineState":"Passed"}`: {"WWW-Authenticate: Bearer realm="},
	} {
		got := r.rawText(request)
		for _, header := range want {
			if !strings.Contains(got, "\r\n"+header) {
				t.Errorf("%.60s: no %q in\n%s", request, header, got)
			}
		}
	}
}

func TestDateFollowsTheEmulatorsClock(t *testing.T) {
	clock := newTestClock()
	r := startRegistry(t, &Options{Now: clock.Now})
	signed := r.signedPath("app", r.pushBlob("app", []byte("x")))
	for _, path := range []string{"/v2/", "/v2/x/blobs/wrong%20digest", signed} {
		if got := r.do("GET", path, nil).Header.Get("Date"); got != "Tue, 13 Jan 2026 17:34:21 GMT" {
			t.Errorf("%s: Date %q", path, got)
		}
	}
	for _, path := range []string{"/nowhere", "/oauth2/token"} {
		if got := r.admitted("GET", path, nil).Header.Get("Date"); got != "Tue, 13 Jan 2026 17:34:21 GMT" {
			t.Errorf("%s: Date %q", path, got)
		}
	}
}
