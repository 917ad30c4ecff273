package neutral

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// caller is a client that knows nothing but HTTP.
type caller struct {
	t      *testing.T
	server *Server
	http   http.Client
}

func start(t *testing.T, config Config) *caller {
	t.Helper()
	server, err := Start()
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := server.Configure(config); err != nil {
		t.Fatal(err)
	}
	return &caller{t: t, server: server, http: http.Client{Transport: transport}}
}

func (c *caller) do(method, url, body string, header ...string) (status int, answer string, headers http.Header) {
	c.t.Helper()
	if strings.HasPrefix(url, "/") {
		url = "http://" + c.server.Registry + url
	}
	request, err := http.NewRequestWithContext(c.t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := c.http.Do(request)
	if err != nil {
		c.t.Fatal(err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return response.StatusCode, string(data), response.Header
}

func (c *caller) token(scope string) string {
	c.t.Helper()
	status, body, _ := c.do(http.MethodPost, "/oauth2/token", "grant_type=password&scope="+scope, "Content-Type", "application/x-www-form-urlencoded")
	if status != http.StatusOK {
		c.t.Fatalf("token: %d %s", status, body)
	}
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil {
		c.t.Fatal(err)
	}
	return "Bearer " + answer.AccessToken
}

func digestOf(content string) string { return fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(content))) }

func TestEveryCallNeedsItsScope(t *testing.T) {
	c := start(t, Config{ListTags: 10})
	for path, scope := range map[string]string{
		"/v2/target/app/manifests/v1":   "repository:target/app:pull",
		"/v2/target/app/blobs/sha256:0": "repository:target/app:pull",
		"/acr/v1/listing/_tags":         "repository:listing:metadata_read",
	} {
		status, _, headers := c.do(http.MethodGet, path, "")
		if want := `scope="` + scope + `"`; status != http.StatusUnauthorized || !strings.Contains(headers.Get("WWW-Authenticate"), want) {
			t.Errorf("GET %s: %d %q, want 401 with %s", path, status, headers.Get("WWW-Authenticate"), want)
		}
		status, _, headers = c.do(http.MethodGet, path, "", "Authorization", c.token("repository:other:pull"))
		if status != http.StatusUnauthorized || !strings.Contains(headers.Get("WWW-Authenticate"), "insufficient_scope") {
			t.Errorf("GET %s with another scope: %d %q", path, status, headers.Get("WWW-Authenticate"))
		}
		if status, _, _ = c.do(http.MethodGet, path, "", "Authorization", c.token(scope)); status == http.StatusUnauthorized {
			t.Errorf("GET %s with its scope: %d", path, status)
		}
	}
	if stats := c.server.Stats(); stats.Tokens != 6 || stats.Unauthorized != 6 {
		t.Errorf("counted %d tokens and %d refusals, want 6 and 6", stats.Tokens, stats.Unauthorized)
	}
}

func TestAWrongDigestIsRefusedWhenHashing(t *testing.T) {
	c := start(t, Config{Verify: true})
	token := c.token("repository:target/app:pull,push")
	upload := func(content, digest string) int {
		_, _, headers := c.do(http.MethodPost, "/v2/target/app/blobs/uploads/", "", "Authorization", token)
		status, _, headers := c.do(http.MethodPatch, headers.Get("Location"), content, "Authorization", token)
		if status != http.StatusAccepted {
			t.Fatalf("PATCH: %d", status)
		}
		status, _, _ = c.do(http.MethodPut, headers.Get("Location")+"&digest="+digest, "", "Authorization", token)
		return status
	}
	if status := upload("content", digestOf("other")); status != http.StatusBadRequest {
		t.Errorf("wrong digest: %d, want 400", status)
	}
	if status := upload("content", digestOf("content")); status != http.StatusCreated {
		t.Errorf("right digest: %d, want 201", status)
	}
	if got := c.server.Stats().Uploaded[digestOf("content")]; got != int64(len("content")) {
		t.Errorf("the registry has %d bytes", got)
	}
}

func TestAnOldUploadStateIsRefused(t *testing.T) {
	c := start(t, Config{})
	token := c.token("repository:target/app:pull,push")
	_, _, headers := c.do(http.MethodPost, "/v2/target/app/blobs/uploads/", "", "Authorization", token)
	first := headers.Get("Location")
	if status, _, _ := c.do(http.MethodPatch, first, "one", "Authorization", token); status != http.StatusAccepted {
		t.Fatalf("first chunk: %d", status)
	}
	if status, body, _ := c.do(http.MethodPatch, first, "two", "Authorization", token); status != http.StatusNotFound || !strings.Contains(body, "BLOB_UPLOAD_INVALID") {
		t.Errorf("old state: %d %s", status, body)
	}
}

func TestBlobsComeFromTheOtherOriginInRanges(t *testing.T) {
	path := filepath.Join(t.TempDir(), "blob")
	if err := os.WriteFile(path, []byte("0123456789"), 0o600); err != nil {
		t.Fatal(err)
	}
	digest := digestOf("0123456789")
	c := start(t, Config{Blobs: map[string]Blob{digest: {Path: path, Size: 10}}})
	c.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	token := c.token("repository:source/app:pull")
	status, _, headers := c.do(http.MethodGet, "/v2/source/app/blobs/"+digest, "", "Authorization", token)
	location := headers.Get("Location")
	if status != http.StatusTemporaryRedirect || !strings.HasPrefix(location, "http://localhost:") {
		t.Fatalf("GET blob: %d %q", status, location)
	}
	for _, test := range []struct {
		ranges string
		status int
		body   string
	}{
		{"", http.StatusOK, "0123456789"},
		{"bytes=2-4", http.StatusPartialContent, "234"},
		{"bytes=7-", http.StatusPartialContent, "789"},
		{"bytes=8-99", http.StatusPartialContent, "89"},
		{"bytes=10-12", http.StatusRequestedRangeNotSatisfiable, ""},
		{"bytes=x-y", http.StatusRequestedRangeNotSatisfiable, ""},
	} {
		var header []string
		if test.ranges != "" {
			header = []string{"Range", test.ranges}
		}
		status, body, _ := c.do(http.MethodGet, location, "", header...)
		if status != test.status || (test.body != "" && body != test.body) {
			t.Errorf("%q: %d %q, want %d %q", test.ranges, status, body, test.status, test.body)
		}
	}
	if status, body, _ := c.do(http.MethodGet, location, "", "Authorization", token); status != http.StatusBadRequest || !strings.Contains(body, "InvalidAuthenticationInfo") {
		t.Errorf("with the registry's token: %d %s", status, body)
	}
}

func TestAManifestNeedsItsBlobs(t *testing.T) {
	c := start(t, Config{})
	token := c.token("repository:target/app:pull,push")
	body := `{"config":{"digest":"` + digestOf("config") + `"},"layers":[]}`
	status, answer, _ := c.do(http.MethodPut, "/v2/target/app/manifests/v1", body, "Authorization", token)
	if status != http.StatusBadRequest || !strings.Contains(answer, "MANIFEST_BLOB_UNKNOWN") {
		t.Errorf("PUT manifest: %d %s", status, answer)
	}
}

func TestListingPagesFollowEachOther(t *testing.T) {
	c := start(t, Config{ListTags: 25, ListManifests: 25})
	token := c.token("repository:listing:metadata_read")
	for _, kind := range []string{"_tags", "_manifests"} {
		seen, pages := map[string]bool{}, 0
		next := "/acr/v1/listing/" + kind + "?n=10"
		for next != "" {
			status, body, headers := c.do(http.MethodGet, next, "", "Authorization", token)
			if status != http.StatusOK {
				t.Fatalf("GET %s: %d", next, status)
			}
			var page struct {
				Tags      []struct{ Name string }
				Manifests []struct{ Digest string }
			}
			if err := json.Unmarshal([]byte(body), &page); err != nil {
				t.Fatal(err)
			}
			for _, tag := range page.Tags {
				seen[tag.Name] = true
			}
			for _, manifest := range page.Manifests {
				seen[manifest.Digest] = true
			}
			pages++
			next, _, _ = strings.Cut(strings.TrimPrefix(headers.Get("Link"), "<"), ">")
		}
		if len(seen) != 25 || pages != 3 {
			t.Errorf("%s: %d entries on %d pages, want 25 on 3", kind, len(seen), pages)
		}
	}
}

func TestTheSameSeedGivesTheSameFaults(t *testing.T) {
	play := func() (at []int, kinds []fault) {
		s := newSchedule(&Faults{Seed: 7, EveryBytes: 1000, Max: 10})
		for i := range 100_000 {
			if kind := s.pass(100); kind != none {
				at, kinds = append(at, i), append(kinds, kind)
			}
		}
		return at, kinds
	}
	at, kinds := play()
	again, kindsAgain := play()
	if len(at) != 10 || fmt.Sprint(at, kinds) != fmt.Sprint(again, kindsAgain) {
		t.Errorf("%v %v, then %v %v", at, kinds, again, kindsAgain)
	}
}

func TestConfigurationsThatMakeNoSense(t *testing.T) {
	c := start(t, Config{})
	for _, config := range []Config{
		{RTT: -1},
		{BytesPerSecond: -1},
		{Blobs: map[string]Blob{"sha256:0": {}}},
		{Faults: &Faults{}},
		{Manifests: []Manifest{{Tag: "v1"}}},
	} {
		if err := c.server.Configure(config); err == nil {
			t.Errorf("Configure(%+v) has no error", config)
		}
	}
}
