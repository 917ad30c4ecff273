package emulator

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// FuzzRoute holds that a path that routes names only what the grammar allows,
// and that its spelling does not matter.
func FuzzRoute(f *testing.F) {
	for _, path := range []string{
		"/v2/", "/v2", "/v2/_catalog", "/v2/a/b/manifests/v1", "/v2/a%2Fb/manifests/v1", "/v2/a/blobs/" + absentDigest,
		"/v2/a/blobs/sha256%3A" + absentDigest[7:], "/v2/a/blobs/uploads/", "/v2/a/blobs/uploads/x", "/v2/a/tags/list",
		"/v2/a/referrers/" + absentDigest, "/acr/v1/_catalog", "/acr/v1/a/_tags/v1", "/acr/v1/a/_manifests/" + absentDigest,
		"/acr/v1/_deleted/a/_manifests/" + absentDigest, "/v2/manifests/manifests/manifests/x", "/v2/../x", "/v2/a%252F/manifests/v1",
		"/v2/a/blobs/uploads/../../x", "/v2/a\x00/manifests/v1", "/v2/%zz",
	} {
		for _, method := range []string{"GET", "PUT", "POST", "DELETE"} {
			f.Add(method, path)
		}
	}
	e := &Emulator{registries: []*registry{{}}, quirks: quirkSet{}}
	f.Fuzz(func(t *testing.T, method, path string) {
		u, err := url.Parse(path)
		if err != nil {
			return
		}
		op, ok := e.parseOperation(&http.Request{Method: method, URL: u, Header: http.Header{}})
		if !ok {
			return
		}
		if op.repository != "" && !validRepository(op.repository) {
			t.Errorf("%q routes to repository %q", path, op.repository)
		}
		if strings.ContainsAny(op.reference, "%/\\\x00 ") {
			t.Errorf("%q routes to reference %q", path, op.reference)
		}
		if op.repository != "" && strings.Contains("/"+op.repository+"/", "/../") {
			t.Errorf("%q routes to repository %q", path, op.repository)
		}
		escaped := &url.URL{Path: u.Path, RawPath: strings.ReplaceAll(u.EscapedPath(), ":", "%3A")}
		again, ok := e.parseOperation(&http.Request{Method: method, URL: escaped, Header: http.Header{}})
		if !ok || again.repository != op.repository || again.reference != op.reference {
			t.Errorf("%q with an escaped colon is something else", path)
		}
	})
}

// FuzzRanges holds that no range leaves the blob, and no Content-Range is read
// as anything but what it spells.
func FuzzRanges(f *testing.F) {
	for _, value := range []string{"bytes=0-3", "bytes=5-", "bytes=-5", "bytes=5-2", "bytes=0-0,2-3", "bytes=99999999999999999999-", "bytes=+1-2", "0-5", "-1--1", "5-4", "bytes 0-5/6", ""} {
		f.Add(value, int64(10))
	}
	strict := &Emulator{quirks: quirkSet{quirkStorageRange: "specification"}}
	azure := &Emulator{quirks: quirkSet{}}
	f.Fuzz(func(t *testing.T, value string, size int64) {
		if size < 0 {
			return
		}
		for _, e := range []*Emulator{strict, azure} {
			if first, last, ok := e.parseRange(value, size); ok && (first < 0 || last < 0 || first < size && last < first) {
				t.Errorf("%q of %d is %d to %d", value, size, first, last)
			}
		}
		if start, end, ok := parseContentRange(value); ok && (start < 0 || end < start) {
			t.Errorf("%q is %d to %d", value, start, end)
		}
	})
}

// FuzzManifest holds that a manifest that is accepted names only well-formed
// digests, and that nothing panics on the way.
func FuzzManifest(f *testing.F) {
	image := `{"schemaVersion":2,"config":{"mediaType":"x","size":1,"digest":"` + absentDigest + `"},"layers":[{"size":1,"digest":"` + absentDigest + `"}]}`
	for mediaType := range manifestKinds {
		f.Add(mediaType, []byte(image))
		f.Add(mediaType, []byte(`{"schemaVersion":2,"manifests":[{"digest":"`+absentDigest+`","platform":null}]}`))
		f.Add(mediaType, []byte(`{"schemaVersion":2,"subject":{},"blobs":[null]}`))
		f.Add(mediaType, []byte(`[[[[`))
		f.Add(mediaType, []byte(`{"SchemaVersion":2,"CONFIG":{}}`))
	}
	f.Fuzz(func(t *testing.T, mediaType string, raw []byte) {
		m, why := parseManifest(mediaType, raw)
		if (m == nil) == (why == "") {
			t.Fatalf("manifest %v with reason %q", m, why)
		}
		if m == nil {
			return
		}
		for _, digest := range m.blobs() {
			if !validDigest(digest) {
				t.Errorf("accepted with digest %q", digest)
			}
		}
		m.references()
	})
}

// FuzzListQuery holds that any cursor is answered, and that the next page's
// Link leads back to the same path with the values that it had.
func FuzzListQuery(f *testing.F) {
	for _, query := range []string{
		"n=1&last=v1", "n=1&orderby=timeasc&last=639039224611470601%26v2", "n=-1", "n=0", "last=%00", "orderby=%0d%0a&n=1",
		"n=1&last=%26", "n=1&orderby=timedesc&last=-5%26x", "n=99999999999999999999", "%zz", "n=1;last=2", "n=1&orderby=timeasc&last=1%26" + strings.Repeat("z", 300),
	} {
		f.Add(query)
	}
	e, err := New(nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { e.Close() })
	r := &testRegistry{t: f, e: e}
	r.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) { serveTrusted(e, &caller{}, w, req) }))
	r.client = &http.Client{Transport: &http.Transport{}}
	raw := r.imageManifest("app", "one", nil)
	for _, tag := range []string{"a", "b", "c"} {
		r.pushManifest("app", tag, typeOCIManifest, raw)
	}
	r.client.CloseIdleConnections()
	r.server.Close()
	f.Fuzz(func(t *testing.T, query string) {
		req := httptest.NewRequest("GET", "http://"+testLogin+"/acr/v1/app/_tags", nil)
		req.URL.RawQuery = query
		w := httptest.NewRecorder()
		serveTrusted(e, &caller{}, w, req)
		if w.Code != 200 {
			t.Fatalf("status %d for %q", w.Code, query)
		}
		link := w.Header().Get("Link")
		if link == "" {
			return
		}
		target, ok := strings.CutSuffix(strings.TrimPrefix(link, "<"), `>; rel="next"`)
		next, err := url.Parse(target)
		if !ok || err != nil || next.Path != "/acr/v1/app/_tags" || strings.ContainsAny(link, "\r\n") {
			t.Errorf("Link %q for %q: %v", link, query, err)
		}
	})
}

// FuzzUploadState holds that no state but our own verifies.
func FuzzUploadState(f *testing.F) {
	for _, state := range []string{"", "x", "====", strings.Repeat("A", 100), "-_d6", strings.Repeat("a", 5000)} {
		f.Add(state)
	}
	e := &Emulator{signKey: []byte("a key")}
	reg := &registry{}
	f.Fuzz(func(t *testing.T, state string) {
		if _, ok := e.readUploadState(reg, state); ok {
			t.Errorf("%q verifies", state)
		}
	})
}
