package emulator

import (
	"bytes"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/acrkit/azcontainerregistry/emulator/internal/protocol"
	"github.com/acrkit/azcontainerregistry/emulator/internal/quirk"
	"github.com/acrkit/azcontainerregistry/emulator/internal/wire"
)

func (r *testRegistry) startUpload(repository string) string {
	r.t.Helper()
	return r.want(202, "POST", "/v2/"+repository+"/blobs/uploads/", nil).Header.Get("Location")
}

func stateOf(t *testing.T, location string) string {
	t.Helper()
	u, err := url.Parse(location)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query().Get("_state")
}

func TestUploadAnswersHaveTheRecordedHeaders(t *testing.T) {
	clock := newTestClock()
	r := startRegistry(t, &Options{Now: clock.Now})
	start := r.want(202, "POST", "/v2/team/app/blobs/uploads/", nil)
	id := start.Header.Get(protocol.HeaderUploadUUID)
	location := start.Header.Get("Location")
	if !strings.HasPrefix(location, "/v2/team/app/blobs/uploads/"+id+"?_nouploadcache=false&_state=") || start.Header.Get("Range") != "0-0" || start.ContentLength != 0 {
		t.Errorf("start: %v", start.Header)
	}
	raw, err := base64.URLEncoding.DecodeString(stateOf(t, location))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(raw[32:]), `{"Name":"team/app","UUID":"`+id+`","Offset":0,"StartedAt":"2026-01-13T17:34:21.1470601Z"}`; got != want {
		t.Errorf("state %s, want %s", got, want)
	}
	if strings.HasSuffix(location, "=") {
		t.Error("the padding of the state is not escaped")
	}
	chunk := r.want(202, "PATCH", location, strings.NewReader(strings.Repeat("x", 736)), "Content-Range", "0-735", "Content-Type", "application/octet-stream")
	if chunk.Header.Get("Range") != "0-735" || chunk.Header.Get(protocol.HeaderUploadUUID) != id {
		t.Errorf("chunk: %v", chunk.Header)
	}
	raw, err = base64.URLEncoding.DecodeString(stateOf(t, chunk.Header.Get("Location")))
	if err != nil || !strings.HasSuffix(string(raw), `"Offset":736,"StartedAt":"2026-01-13T17:34:21Z"}`) {
		t.Errorf("state %s %v", raw[32:], err)
	}
	status := r.want(204, "GET", chunk.Header.Get("Location"), nil)
	if status.Header.Get("Range") != "0-735" || status.Header.Get("Location") == "" || status.Header.Get(protocol.HeaderUploadUUID) != id {
		t.Errorf("status: %v", status.Header)
	}
	whole := []byte(strings.Repeat("x", 736) + "end")
	done := r.want(201, "PUT", status.Header.Get("Location")+"&digest="+url.QueryEscape(sha256Of(whole)), strings.NewReader("end"))
	if done.Header.Get("Location") != "/v2/team/app/blobs/"+sha256Of(whole) || done.Header.Get(protocol.HeaderContentDigest) != sha256Of(whole) || done.Header.Get("Range") != "" {
		t.Errorf("done: %v", done.Header)
	}
	unknown := r.want(404, "GET", status.Header.Get("Location"), nil)
	if !strings.Contains(unknown.body, `"code":"BLOB_UPLOAD_UNKNOWN","message":"blob upload unknown to registry","detail":{`) {
		t.Error(unknown.body)
	}
}

func TestUnusedStateWorksAgain(t *testing.T) {
	r := startRegistry(t, nil)
	first := r.startUpload("app")
	bad := r.want(416, "PATCH", first, strings.NewReader("x"), "Content-Range", "-1--1")
	want := `{"errors":[{"code":"BLOB_UPLOAD_RANGE_INVALID","message":"blob upload range invalid","detail":{"Range":"-1--1","Reason":"the Content-Range header format is invalid"}}]}` + "\n"
	if bad.body != want {
		t.Errorf("got %s", bad.body)
	}
	second := r.want(202, "PATCH", first, strings.NewReader("hello")).Header.Get("Location")
	for _, method := range []string{"GET", "PATCH", "PUT", "DELETE"} {
		if a := r.want(404, method, tamper(t, second), nil); !strings.Contains(a.body, "BLOB_UPLOAD_INVALID") {
			t.Errorf("%s: %s", method, a.body)
		}
	}
	r.want(400, "PATCH", second, strings.NewReader("world"), "Content-Range", "5-8")
	unparsable := r.want(400, "PUT", second+"&digest=nonsense", nil)
	if unparsable.body != `{"errors":[{"code":"DIGEST_INVALID","message":"provided digest did not match uploaded content","detail":"digest parsing failed"}]}`+"\n" {
		t.Error(unparsable.body)
	}
	r.want(201, "PUT", second+"&digest="+sha256Of([]byte("hello")), nil)
}

// The exchanges 113 to 131 of the recording of 2024 (ACR protocol §4.5).
func TestStaleLocationSaysWhereToGoOn(t *testing.T) {
	r := startRegistry(t, nil)
	old := r.startUpload("app")
	early := r.want(416, "PATCH", old, strings.NewReader("world"), "Content-Range", "22-26")
	if want := `{"errors":[{"code":"BLOB_UPLOAD_RANGE_INVALID","message":"blob upload range invalid","detail":{"Range":"22-26","Reason":"out of order chunk: content range should start at 0"}}]}` + "\n"; early.body != want || early.Header.Get("Location") != "" {
		t.Errorf("out of order: %s %v", early.body, early.Header)
	}
	id := r.want(202, "PATCH", old, strings.NewReader("hello"), "Content-Range", "0-4").Header.Get(protocol.HeaderUploadUUID)
	again := r.want(416, "PATCH", old, strings.NewReader("hello"), "Content-Range", "0-4")
	if h := again.Header; again.body != "" || h.Get("Content-Length") != "0" || h.Get("Content-Type") != protocol.MediaTypeJSON || h.Get("Range") != "0-4" || h.Get(protocol.HeaderUploadUUID) != id {
		t.Errorf("sent again: %q %v", again.body, h)
	}
	status := r.want(204, "GET", old, nil)
	if h := status.Header; h.Get("Range") != "0-4" || h.Get(protocol.HeaderUploadUUID) != id {
		t.Errorf("status: %v", h)
	}
	if a := r.want(404, "PATCH", old, strings.NewReader("hello")); !strings.Contains(a.body, "BLOB_UPLOAD_INVALID") {
		t.Errorf("without Content-Range: %s", a.body)
	}
	r.want(416, "PATCH", old, strings.NewReader(" world"), "Content-Range", "5-10")
	if a := r.want(404, "PUT", old+"&digest="+sha256Of([]byte("hello")), nil); !strings.Contains(a.body, "BLOB_UPLOAD_INVALID") {
		t.Errorf("finished at the old Location: %s", a.body)
	}
	for _, fresh := range []string{again.Header.Get("Location"), status.Header.Get("Location")} {
		r.want(204, "GET", fresh, nil)
	}
	last := r.want(202, "PATCH", again.Header.Get("Location"), strings.NewReader(" world"), "Content-Range", "5-10").Header.Get("Location")
	r.want(201, "PUT", last+"&digest="+sha256Of([]byte("hello world")), nil)

	cancelled := r.startUpload("app")
	r.want(202, "PATCH", cancelled, strings.NewReader("hello"))
	r.want(204, "DELETE", cancelled, nil)
}

func TestStaleLocationFollowsItsQuirks(t *testing.T) {
	old := func(r *testRegistry) string {
		location := r.startUpload("app")
		r.want(202, "PATCH", location, strings.NewReader("hello"))
		return location
	}
	of2023 := startRegistry(t, &Options{Quirks: map[string]string{quirk.StaleUpload: "invalid"}})
	location := old(of2023)
	for _, method := range []string{"GET", "PATCH", "PUT", "DELETE"} {
		a := of2023.want(404, method, location, nil, "Content-Range", "0-4")
		if !strings.Contains(a.body, "BLOB_UPLOAD_INVALID") {
			t.Errorf("%s: %s", method, a.body)
		}
	}
	stale := startRegistry(t, &Options{Quirks: map[string]string{quirk.StaleChunk: "416"}})
	location = old(stale)
	if a := stale.want(416, "PATCH", location, strings.NewReader("hello")); a.Header.Get("Range") != "0-4" || a.Header.Get("Location") == "" {
		t.Errorf("%v", a.Header)
	}
}

// tamper changes one byte of the state's payload.
func tamper(t *testing.T, location string) string {
	t.Helper()
	state := stateOf(t, location)
	raw, err := base64.URLEncoding.DecodeString(state)
	if err != nil {
		t.Fatal(err)
	}
	raw[len(raw)-3] ^= 1
	return strings.Replace(location, url.QueryEscape(state), url.QueryEscape(base64.URLEncoding.EncodeToString(raw)), 1)
}

func TestStateOfAnotherRepositoryOrRegistryIsRefused(t *testing.T) {
	r := startRegistry(t, &Options{Registries: []RegistryOptions{{}, {Name: "other"}}})
	location := r.startUpload("mine")
	r.want(404, "PATCH", strings.Replace(location, "/mine/", "/yours/", 1), strings.NewReader("x"))
	r.want(404, "PATCH", location, strings.NewReader("x"), "Host", "other.azurecr.io")
	r.want(202, "PATCH", location, strings.NewReader("x"))
}

func TestWrongDigestEndsTheUpload(t *testing.T) {
	r := startRegistry(t, nil)
	location := r.want(202, "PATCH", r.startUpload("app"), strings.NewReader("hello")).Header.Get("Location")
	a := r.want(400, "PUT", location+"&digest="+absentDigest, nil)
	if !strings.Contains(a.body, "DIGEST_INVALID") {
		t.Error(a.body)
	}
	r.want(404, "HEAD", "/v2/app/blobs/"+absentDigest, nil)
	r.want(404, "HEAD", "/v2/app/blobs/"+sha256Of([]byte("hello")), nil)
	r.want(404, "GET", location, nil)
}

func TestCancelledUploadIsGone(t *testing.T) {
	r := startRegistry(t, nil)
	location := r.startUpload("app")
	a := r.want(204, "DELETE", location, nil)
	if a.Header.Get(protocol.HeaderUploadUUID) == "" || a.Header.Get(protocol.HeaderRateRemaining) != "" {
		t.Errorf("%v", a.Header)
	}
	r.want(404, "PATCH", location, strings.NewReader("x"))
}

func TestMountLinksOrStarts(t *testing.T) {
	r := startRegistry(t, nil)
	digest := r.pushBlob("from", []byte("shared"))
	mounted := r.want(201, "POST", "/v2/to/blobs/uploads/?from=from&mount="+url.QueryEscape(digest), nil)
	if mounted.Header.Get("Location") != "/v2/to/blobs/"+digest || mounted.Header.Get(protocol.HeaderContentDigest) != digest {
		t.Errorf("%v", mounted.Header)
	}
	r.want(200, "HEAD", "/v2/to/blobs/"+digest, nil)
	r.want(202, "POST", "/v2/to/blobs/uploads/?from=from&mount="+absentDigest, nil)
	r.want(202, "POST", "/v2/to2/blobs/uploads/?mount="+digest, nil)
	if a := r.want(400, "POST", "/v2/to/blobs/uploads/?from=../etc&mount="+digest, nil); !strings.Contains(a.body, "NAME_INVALID") {
		t.Error(a.body)
	}
	r.want(202, "POST", "/v2/to/blobs/uploads/?from=from&mount=nonsense", nil)
	anonymous := startRegistry(t, &Options{Quirks: map[string]string{quirk.AnonymousMount: "on"}})
	digest = anonymous.pushBlob("from", []byte("shared"))
	anonymous.want(201, "POST", "/v2/to/blobs/uploads/?mount="+digest, nil)
}

func TestMonolithicPostFollowsItsQuirk(t *testing.T) {
	content := []byte("all at once")
	path := "/v2/app/blobs/uploads/?digest=" + sha256Of(content)
	ignored := startRegistry(t, &Options{Quirks: map[string]string{quirk.MonolithicPost: "ignore"}})
	ignored.want(202, "POST", path, bytes.NewReader(content))
	ignored.want(404, "HEAD", "/v2/app/blobs/"+sha256Of(content), nil)
	acr := startRegistry(t, nil)
	acr.want(201, "POST", path, bytes.NewReader(content))
	acr.checkBlob("app", sha256Of(content))
	acr.want(400, "POST", "/v2/app/blobs/uploads/?digest="+absentDigest, bytes.NewReader(content))
}

func TestSHA512FollowsItsQuirk(t *testing.T) {
	content := []byte("longer digest")
	digest := wire.DigestOf("sha512", content)
	acr := startRegistry(t, nil)
	acr.want(400, "PUT", acr.startUpload("app")+"&digest="+digest, bytes.NewReader(content))
	acr.want(404, "HEAD", "/v2/app/blobs/"+digest, nil)
	strict := startRegistry(t, &Options{Quirks: map[string]string{quirk.SHA512: "on"}})
	strict.want(201, "PUT", strict.startUpload("app")+"&digest="+digest, bytes.NewReader(content))
	if a := strict.want(200, "GET", strict.signedPath("app", digest), nil); a.body != string(content) {
		t.Error(a.body)
	}
}

// cutChunk sends half of what it announces and breaks the connection.
func (r *testRegistry) cutChunk(location, sent string) {
	r.t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(r.server.URL, "http://"))
	if err != nil {
		r.t.Fatal(err)
	}
	defer conn.Close()
	io.WriteString(conn, "PATCH "+location+" HTTP/1.1\r\nHost: "+testLogin+"\r\nContent-Length: 1000\r\n\r\n"+sent)
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		r.t.Fatal(err)
	}
	// The server's answer, or the end of the connection, says that it has
	// dealt with it.
	io.Copy(io.Discard, conn)
}

func TestCutChunkFollowsItsQuirk(t *testing.T) {
	keep := startRegistry(t, nil)
	location := keep.startUpload("app")
	keep.cutChunk(location, "hello")
	if a := keep.want(204, "GET", location, nil); a.Header.Get("Range") != "0-4" {
		t.Errorf("status after a cut: %v", a.Header)
	}
	if a := keep.want(404, "PATCH", location, strings.NewReader("hello")); !strings.Contains(a.body, "BLOB_UPLOAD_INVALID") {
		t.Error(a.body)
	}
	discard := startRegistry(t, &Options{Quirks: map[string]string{quirk.PartialChunk: "discard"}})
	location = discard.startUpload("app")
	discard.cutChunk(location, "hel")
	location = discard.want(202, "PATCH", location, strings.NewReader("hello")).Header.Get("Location")
	discard.want(201, "PUT", location+"&digest="+sha256Of([]byte("hello")), nil)
	discard.checkBlob("app", sha256Of([]byte("hello")))
}

func TestUploadSurvivesARestart(t *testing.T) {
	dir := t.TempDir()
	var location string
	t.Run("before", func(t *testing.T) {
		r := startRegistry(t, &Options{Dir: dir})
		location = r.want(202, "PATCH", r.startUpload("app"), strings.NewReader("first ")).Header.Get("Location")
	})
	t.Run("after", func(t *testing.T) {
		r := startRegistry(t, &Options{Dir: dir})
		location = r.want(202, "PATCH", location, strings.NewReader("second")).Header.Get("Location")
		r.want(201, "PUT", location+"&digest="+sha256Of([]byte("first second")), nil)
		r.checkBlob("app", sha256Of([]byte("first second")))
	})
}

func TestOldUploadsAreCollected(t *testing.T) {
	clock := newTestClock()
	r := startRegistry(t, &Options{Now: clock.Now})
	location := r.startUpload("app")
	clock.advance(23 * time.Hour)
	for _, want := range []int{0, 1} {
		garbage, err := r.e.CollectGarbage(t.Context(), time.Hour)
		if err != nil || garbage.Uploads != want {
			t.Errorf("%+v %v, want %d uploads", garbage, err, want)
		}
		clock.advance(2 * time.Hour)
	}
	r.want(http.StatusNotFound, "GET", location, nil)
}

func TestStorageHostRefusesWhatTheRealOneRefuses(t *testing.T) {
	clock := newTestClock()
	r := startRegistry(t, &Options{Now: clock.Now})
	digest := r.pushBlob("app", []byte("0123456789"))
	path := r.signedPath("app", digest)
	xml := `<?xml version="1.0" encoding="utf-8"?><Error><Code>`
	for _, test := range []struct {
		name, method, path string
		status             int
		code               string
		headers            []string
	}{
		{"authorization", "GET", path, 400, "InvalidAuthenticationInfo", []string{"Authorization", "Bearer x"}},
		{"changed path", "GET", strings.Replace(path, digest[7:], absentDigest[7:], 1), 403, "AuthenticationFailed", nil},
		{"changed expiry", "GET", strings.Replace(path, "se=2026", "se=2027", 1), 403, "AuthenticationFailed", nil},
		{"no signature", "GET", strings.Split(path, "?")[0], 403, "AuthenticationFailed", nil},
		{"range beyond the end", "GET", path, 416, "InvalidRange", []string{"Range", "bytes=10-"}},
		{"write", "PUT", path, 405, "UnsupportedHttpVerb", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := r.want(test.status, test.method, test.path, nil, test.headers...)
			if !strings.HasPrefix(a.body, xml+test.code+"</Code><Message>") || a.Header.Get("Content-Type") != "application/xml" {
				t.Errorf("%s %v", a.body, a.Header)
			}
		})
	}
	for value, want := range map[string]string{
		"bytes=0-3": "0123", "bytes=8-100": "89", "bytes=3-": "3456789",
		"bytes=5-2": "0123456789", "bytes=-3": "0123456789", "bytes=0-1,3-4": "0123456789", "bytes=+1-2": "0123456789", "nonsense": "0123456789",
	} {
		if a := r.do("GET", path, nil, "Range", value); a.body != want {
			t.Errorf("%s: %d %q, want %q", value, a.StatusCode, a.body, want)
		}
	}
	clock.advance(20*time.Minute + time.Second)
	r.want(403, "GET", path, nil)
}

// What holds a blob's bytes keeps the form it first got: sent whole, or put
// together from an upload (ACR protocol §4.4). It is a new one once garbage
// collection has removed the bytes.
func TestStorageHostTellsHowABlobCame(t *testing.T) {
	r := startRegistry(t, nil)
	content := "sent whole"
	digest := sha256Of([]byte(content))
	copied := func() bool {
		t.Helper()
		a := r.want(200, "GET", r.signedPath("app", digest), nil)
		if kind := a.Header.Get("X-Ms-Blob-Type") + a.Header.Get("X-Ms-Blob-Committed-Block-Count"); kind != "AppendBlob1" {
			t.Errorf("got %s", kind)
		}
		id, progress := a.Header.Get("X-Ms-Copy-Id"), a.Header.Get("X-Ms-Copy-Progress")
		if (id == "") != (progress == "") {
			t.Errorf("half a copy: %v", a.Header)
		}
		return id != ""
	}
	r.want(201, "POST", "/v2/app/blobs/uploads/?digest="+digest, strings.NewReader(content))
	if copied() {
		t.Error("a blob of one POST was copied")
	}
	r.pushBlob("app", []byte(content))
	if copied() {
		t.Error("the second upload of the same bytes counted")
	}
	r.want(202, "DELETE", "/v2/app/blobs/"+digest, nil)
	if _, err := r.e.CollectGarbage(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	r.pushBlob("app", []byte(content))
	if !copied() {
		t.Error("a blob that came in chunks was not copied")
	}
}
