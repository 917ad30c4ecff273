package emulator_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/acrkit/azcontainerregistry/emulator"
)

// owner returns an Authorization header for everything in a repository.
func (d *desk) owner(repository string) string {
	d.t.Helper()
	return "Bearer " + d.accessToken(d.refreshToken(""), "repository:"+repository+":*", "registry:catalog:*")
}

// startUpload returns the location of a new upload.
func (d *desk) startUpload(repository, bearer string) string {
	d.t.Helper()
	got := d.do(http.MethodPost, "/v2/"+repository+"/blobs/uploads/", bearer, nil)
	if got.StatusCode != http.StatusAccepted {
		d.t.Fatalf("start upload: %s %s", got.Status, got.body)
	}
	return got.Header.Get("Location")
}

// push uploads a blob and returns its digest.
func (d *desk) push(repository, bearer string, data []byte) string {
	d.t.Helper()
	location := d.startUpload(repository, bearer)
	got := d.do(http.MethodPut, location+"&digest="+url.QueryEscape(digestOf(data)), bearer, bytes.NewReader(data), "Content-Type", "application/octet-stream")
	if got.StatusCode != http.StatusCreated {
		d.t.Fatalf("push blob: %s %s", got.Status, got.body)
	}
	return digestOf(data)
}

// try sends a request whose failure is what the test is about.
func (d *desk) try(ctx context.Context, method, path, bearer string, body io.Reader) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, d.Endpoint+path, body)
	if err != nil {
		d.t.Fatal(err)
	}
	if bearer != "" {
		request.Header.Set("Authorization", bearer)
	}
	return d.client.Do(request)
}

func mustFault(t *testing.T, d *desk, faults ...emulator.Fault) {
	t.Helper()
	if err := d.Emulator.SetFaults(faults...); err != nil {
		t.Fatal(err)
	}
}

// sample is a request of each route.
func sample(route string) (method, path string) {
	digest := "sha256:" + strings.Repeat("0", 64)
	upload := "/v2/team/app/blobs/uploads/00000000-0000-4000-8000-000000000000?_state=x"
	samples := map[string][2]string{
		"oauth-token":               {"GET", "/oauth2/token?service=acrkit.azurecr.io"},
		"oauth-exchange":            {"POST", "/oauth2/exchange"},
		"data":                      {"GET", "/x//docker/registry/v2/blobs/sha256/00/" + strings.Repeat("0", 64) + "/data"},
		"unknown":                   {"GET", "/unknown"},
		"base":                      {"GET", "/v2/"},
		"catalog":                   {"GET", "/v2/_catalog"},
		"tags-list":                 {"GET", "/v2/team/app/tags/list"},
		"get-manifest":              {"GET", "/v2/team/app/manifests/v1"},
		"put-manifest":              {"PUT", "/v2/team/app/manifests/v1"},
		"delete-manifest":           {"DELETE", "/v2/team/app/manifests/" + digest},
		"get-blob":                  {"GET", "/v2/team/app/blobs/" + digest},
		"head-blob":                 {"HEAD", "/v2/team/app/blobs/" + digest},
		"delete-blob":               {"DELETE", "/v2/team/app/blobs/" + digest},
		"start-upload":              {"POST", "/v2/team/app/blobs/uploads/"},
		"mount-blob":                {"POST", "/v2/team/app/blobs/uploads/?from=other&mount=" + digest},
		"upload-status":             {"GET", upload},
		"upload-chunk":              {"PATCH", upload},
		"finish-upload":             {"PUT", upload},
		"cancel-upload":             {"DELETE", upload},
		"referrers":                 {"GET", "/v2/team/app/referrers/" + digest},
		"list-repositories":         {"GET", "/acr/v1/_catalog"},
		"get-repository":            {"GET", "/acr/v1/team/app"},
		"patch-repository":          {"PATCH", "/acr/v1/team/app"},
		"delete-repository":         {"DELETE", "/acr/v1/team/app"},
		"list-tags":                 {"GET", "/acr/v1/team/app/_tags"},
		"get-tag":                   {"GET", "/acr/v1/team/app/_tags/v1"},
		"patch-tag":                 {"PATCH", "/acr/v1/team/app/_tags/v1"},
		"delete-tag":                {"DELETE", "/acr/v1/team/app/_tags/v1"},
		"list-manifests":            {"GET", "/acr/v1/team/app/_manifests"},
		"get-manifest-properties":   {"GET", "/acr/v1/team/app/_manifests/" + digest},
		"patch-manifest":            {"PATCH", "/acr/v1/team/app/_manifests/" + digest},
		"query-manifests":           {"POST", "/acr/v1/team/app/_metadata/_query"},
		"list-deleted-repositories": {"GET", "/acr/v1/_deleted/_catalog"},
		"list-deleted-manifests":    {"GET", "/acr/v1/_deleted/team/app/_manifests"},
		"list-deleted-tags":         {"GET", "/acr/v1/_deleted/team/app/_tags"},
		"restore-manifest":          {"POST", "/acr/v1/_deleted/team/app/_manifests/" + digest},
		"unsupported":               {"POST", "/acr/v1/_catalog"},
	}
	s := samples[route]
	return s[0], s[1]
}

func TestEveryRouteIsRecordedUnderItsName(t *testing.T) {
	d := start(t, emulator.Policies{})
	for _, route := range emulator.Routes() {
		method, path := sample(string(route))
		if method == "" {
			t.Errorf("route %s has no sample", route)
			continue
		}
		d.do(method, path, "", nil)
		requests := d.Emulator.Requests()
		if got := requests[len(requests)-1].Route; got != route {
			t.Errorf("%s %s was recorded as %s, want %s", method, path, got, route)
		}
	}
}

func TestPresetsThatAnswerGiveWhatTheySay(t *testing.T) {
	d := start(t, emulator.Policies{})
	seen := map[string]bool{}
	for _, preset := range emulator.FaultPresets() {
		if seen[preset.Name] || preset.Summary == "" || preset.Evidence == "" || len(preset.Fault.Routes) == 0 {
			t.Errorf("preset %q is a duplicate or incomplete", preset.Name)
		}
		seen[preset.Name] = true
		respond := preset.Fault.Respond
		if respond == nil {
			mustFault(t, d, emulator.Fault{Preset: preset.Name})
			continue
		}
		for _, route := range preset.Fault.Routes {
			mustFault(t, d, emulator.Fault{Preset: preset.Name})
			method, path := sample(string(route))
			got := d.do(method, path, "", nil)
			if got.StatusCode != preset.Status {
				t.Errorf("%s on %s: got %s, want %d", preset.Name, route, got.Status, preset.Status)
			}
			if method == http.MethodHead {
				continue
			}
			if respond.Code != "" {
				var body struct {
					Errors []struct{ Code, Message string }
				}
				if err := json.Unmarshal([]byte(got.body), &body); err != nil || len(body.Errors) != 1 ||
					body.Errors[0].Code != preset.Code || body.Errors[0].Message != respond.Message {
					t.Errorf("%s on %s: body %q", preset.Name, route, got.body)
				}
			} else if got.body != respond.Body {
				t.Errorf("%s on %s: body %q", preset.Name, route, got.body)
			}
		}
	}
	// What the official troubleshooting guide describes has to be there.
	for _, name := range []string{"arm-token-disallowed", "anonymous-disallowed", "no-role", "no-role-denied", "firewall", "blob-upload-invalid", "cmk-forbidden", "image-quarantined"} {
		if !seen[name] {
			t.Errorf("no preset %q", name)
		}
	}
}

func TestPresetBodiesAreTheRecordings(t *testing.T) {
	d := start(t, emulator.Policies{})
	for name, length := range map[string]int{
		"tag-unknown": 81, "manifest-tag-unknown": 128, "manifest-unknown": 70, "blob-unknown": 74,
		"blob-upload-invalid": 76, "manifest-blob-unknown": 166, "disallowed": 264,
		"repository-not-found": 88, "name-unknown": 122, "plain-404": 19,
	} {
		mustFault(t, d, emulator.Fault{Preset: name})
		method, path := sample(string(d.Emulator.Faults()[0].Fault.Routes[0]))
		got := d.do(method, path, "", nil)
		if got.ContentLength != int64(length) {
			t.Errorf("%s: Content-Length %d, want %d: %s", name, got.ContentLength, length, got.body)
		}
	}
}

func TestFaultMatching(t *testing.T) {
	d := start(t, emulator.Policies{})
	statuses := func(n int, method, path string) []int {
		got := []int{}
		for range n {
			got = append(got, d.do(method, path, "", nil).StatusCode)
		}
		return got
	}
	teapot := &emulator.FaultResponse{Status: 418}
	mustFault(t, d, emulator.Fault{Routes: []emulator.Route{"base"}, Skip: 1, Count: 2, Respond: teapot})
	if diff := cmp.Diff([]int{401, 418, 418, 401, 401}, statuses(5, "GET", "/v2/")); diff != "" {
		t.Error("skip and count:", diff)
	}
	state := d.Emulator.Faults()[0]
	if state.Applied != 2 || state.Matched != 3 {
		t.Errorf("applied %d of %d", state.Applied, state.Matched)
	}
	for name, test := range map[string]struct {
		fault        emulator.Fault
		method, path string
		want         int
	}{
		"method":            {emulator.Fault{Methods: []string{"head"}, Respond: teapot}, "HEAD", "/v2/", 418},
		"other method":      {emulator.Fault{Methods: []string{"HEAD"}, Respond: teapot}, "GET", "/v2/", 401},
		"repository":        {emulator.Fault{Repository: "team/*", Respond: teapot}, "GET", "/acr/v1/team/app", 418},
		"other repository":  {emulator.Fault{Repository: "team/*", Respond: teapot}, "GET", "/acr/v1/other", 401},
		"no repository":     {emulator.Fault{Repository: "*", Respond: teapot}, "GET", "/acr/v1/a/b", 401},
		"reference":         {emulator.Fault{Reference: "v1", Respond: teapot}, "GET", "/acr/v1/a/_tags/v1", 418},
		"other reference":   {emulator.Fault{Reference: "v1", Respond: teapot}, "GET", "/acr/v1/a/_tags/v2", 401},
		"digest finished":   {emulator.Fault{Reference: digestOf(nil), Respond: teapot}, "PUT", "/v2/a/blobs/uploads/x?digest=" + url.QueryEscape(digestOf(nil)), 418},
		"digest mounted":    {emulator.Fault{Reference: digestOf(nil), Respond: teapot}, "POST", "/v2/a/blobs/uploads/?from=b&mount=" + digestOf(nil), 418},
		"other digest":      {emulator.Fault{Reference: digestOf(nil), Respond: teapot}, "POST", "/v2/a/blobs/uploads/?from=b&mount=" + digestOf([]byte("x")), 401},
		"registry":          {emulator.Fault{Registry: "ACRkit", Respond: teapot}, "GET", "/v2/", 418},
		"other registry":    {emulator.Fault{Registry: "other", Respond: teapot}, "GET", "/v2/", 401},
		"preset narrowed":   {emulator.Fault{Preset: "internal-error", Routes: []emulator.Route{"base"}}, "GET", "/v2/", 500},
		"preset elsewhere":  {emulator.Fault{Preset: "internal-error", Routes: []emulator.Route{"base"}}, "GET", "/v2/_catalog", 401},
		"preset overridden": {emulator.Fault{Preset: "internal-error", Respond: teapot}, "GET", "/v2/", 418},
	} {
		mustFault(t, d, test.fault)
		if got := statuses(1, test.method, test.path); got[0] != test.want {
			t.Errorf("%s: got %d, want %d", name, got[0], test.want)
		}
	}
	random := emulator.Fault{Routes: []emulator.Route{"base"}, Probability: 0.5, Seed: 7, Respond: teapot}
	mustFault(t, d, random)
	first := statuses(40, "GET", "/v2/")
	mustFault(t, d, random)
	if diff := cmp.Diff(first, statuses(40, "GET", "/v2/")); diff != "" {
		t.Error("the same seed gave something else:", diff)
	}
	if !slices.Contains(first, 418) || !slices.Contains(first, 401) {
		t.Errorf("a probability of a half gave %v", first)
	}
	d.Emulator.ClearFaults()
	if err := d.Emulator.AddFaults(emulator.Fault{Preset: "throttled", Count: 1}); err != nil {
		t.Fatal(err)
	}
	if got := d.do("GET", "/v2/", "", nil); got.StatusCode != 429 || got.Header.Get("Retry-After") != "1" {
		t.Errorf("got %s, Retry-After %q", got.Status, got.Header.Get("Retry-After"))
	}
	requests := d.Emulator.Requests()
	if diff := cmp.Diff([]string{"throttled"}, requests[len(requests)-1].Faults); diff != "" {
		t.Error(diff)
	}
}

func TestFaultsReplaceHeadersOfAnySpelling(t *testing.T) {
	d := start(t, emulator.Policies{})
	for value, want := range map[string][]string{"": nil, "Bearer nothing": {"Bearer nothing"}} {
		mustFault(t, d, emulator.Fault{Header: map[string]string{"www-authenticate": value, "Connection": "close"}})
		got := d.do(http.MethodGet, "/v2/", "", nil)
		if diff := cmp.Diff(want, got.Header["Www-Authenticate"]); diff != "" {
			t.Error(diff)
		}
	}
}

func TestFaultsOnConnections(t *testing.T) {
	data := bytes.Repeat([]byte("0123456789abcdef"), 1<<12)
	d := start(t, emulator.Policies{})
	bearer := d.owner("a")
	digest := d.push("a", bearer, data)
	download := func() ([]byte, error) {
		response, err := d.try(t.Context(), http.MethodGet, "/v2/a/blobs/"+digest, bearer, nil)
		if err != nil {
			return nil, err
		}
		defer response.Body.Close()
		return io.ReadAll(response.Body)
	}
	got, err := download()
	if err != nil || !bytes.Equal(got, data) {
		t.Fatalf("without faults: %d bytes, %v", len(got), err)
	}
	for name, test := range map[string]struct {
		how   emulator.FaultBreakKind
		after int64
		err   error
		bytes int
	}{
		"cut":                   {emulator.BreakCut, 1000, io.ErrUnexpectedEOF, 1000},
		"cut late":              {emulator.BreakCut, 65535, io.ErrUnexpectedEOF, 65535},
		"reset":                 {emulator.BreakReset, 1000, syscall.ECONNRESET, 1000},
		"cut before the answer": {emulator.BreakCut, 0, io.EOF, 0},
	} {
		mustFault(t, d, emulator.Fault{Routes: []emulator.Route{"data"}, Break: &emulator.FaultBreak{On: "response", After: test.after, How: test.how}})
		got, err := download()
		if !errors.Is(err, test.err) || len(got) != test.bytes {
			t.Errorf("%s: %d bytes, %v; want %d, %v", name, len(got), err, test.bytes, test.err)
		}
	}
	mustFault(t, d, emulator.Fault{Routes: []emulator.Route{"data"}, Corrupt: &emulator.FaultCorrupt{On: "response", Offset: 40_000}})
	got, err = download()
	if err != nil || len(got) != len(data) || bytes.Equal(got, data) || !bytes.Equal(got[:40_000], data[:40_000]) || !bytes.Equal(got[40_001:], data[40_001:]) {
		t.Errorf("corrupt: %d bytes, %v", len(got), err)
	}
	mustFault(t, d, emulator.Fault{Preset: "dead-data-host"})
	var dns *net.DNSError
	if _, err = download(); !errors.As(err, &dns) {
		t.Errorf("dead host: %v", err)
	}
	mustFault(t, d, emulator.Fault{Preset: "expired-signed-url"})
	if got, err = download(); err != nil || !strings.Contains(string(got), "<Code>AuthenticationFailed</Code>") {
		t.Errorf("expired URL: %v %s", err, got)
	}
}

func TestFaultsOnUploads(t *testing.T) {
	data := bytes.Repeat([]byte("x"), 100_000)
	d := start(t, emulator.Policies{})
	bearer := d.owner("a")
	for how, want := range map[emulator.FaultBreakKind]error{emulator.BreakCut: nil, emulator.BreakReset: syscall.ECONNRESET} {
		location := d.startUpload("a", bearer)
		mustFault(t, d, emulator.Fault{Routes: []emulator.Route{"upload-chunk"}, Count: 1, Break: &emulator.FaultBreak{On: "request", After: 5000, How: how}})
		response, err := d.try(t.Context(), http.MethodPatch, location, bearer, io.MultiReader(bytes.NewReader(data)))
		if err == nil {
			response.Body.Close()
			t.Fatalf("%s: got %s", how, response.Status)
		}
		if want != nil && !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", how, err, want)
		}
	}

	mustFault(t, d, emulator.Fault{Routes: []emulator.Route{"finish-upload"}, Corrupt: &emulator.FaultCorrupt{On: "request", Offset: 99_999}})
	location := d.startUpload("a", bearer)
	got := d.do(http.MethodPut, location+"&digest="+url.QueryEscape(digestOf(data)), bearer, bytes.NewReader(data))
	if got.StatusCode != 400 || !strings.Contains(got.body, "DIGEST_INVALID") {
		t.Errorf("corrupt upload: %s %s", got.Status, got.body)
	}

	mustFault(t, d, emulator.Fault{Preset: "lost-chunk", Skip: 1})
	location = d.startUpload("a", bearer)
	first := d.do(http.MethodPatch, location, bearer, bytes.NewReader(data[:40_000]))
	second := d.do(http.MethodPatch, first.Header.Get("Location"), bearer, bytes.NewReader(data[40_000:]))
	if second.StatusCode != 202 || second.Header.Get("Range") != "0-99999" {
		t.Errorf("lost chunk: %s, Range %q", second.Status, second.Header.Get("Range"))
	}
	got = d.do(http.MethodPut, second.Header.Get("Location")+"&digest="+url.QueryEscape(digestOf(data)), bearer, nil)
	if got.StatusCode != 400 || !strings.Contains(got.body, "DIGEST_INVALID") {
		t.Errorf("finish after a lost chunk: %s %s", got.Status, got.body)
	}

	mustFault(t, d, emulator.Fault{Preset: "lost-response", Routes: []emulator.Route{"finish-upload"}, Count: 1})
	location = d.startUpload("a", bearer)
	got = d.do(http.MethodPut, location+"&digest="+url.QueryEscape(digestOf(data)), bearer, bytes.NewReader(data))
	if got.StatusCode != 503 {
		t.Errorf("lost answer: %s", got.Status)
	}
	if got := d.do(http.MethodHead, "/v2/a/blobs/"+digestOf(data), bearer, nil); got.StatusCode != 200 {
		t.Errorf("the blob whose answer was lost: %s", got.Status)
	}

	mustFault(t, d, emulator.Fault{Preset: "foreign-location"})
	got = d.do(http.MethodPost, "/v2/a/blobs/uploads/", bearer, nil)
	if !strings.HasPrefix(got.Header.Get("Location"), "https://elsewhere.example/v2/a/blobs/uploads/") {
		t.Errorf("Location %q", got.Header.Get("Location"))
	}
}

func TestExpiredTokenPresetChallengesOnce(t *testing.T) {
	d := start(t, emulator.Policies{})
	bearer := d.owner("a")
	mustFault(t, d, emulator.Fault{Preset: "expired-token", Count: 1})
	got := d.do(http.MethodGet, "/acr/v1/_catalog", bearer, nil)
	if got.StatusCode != 401 || !strings.HasSuffix(got.challenge(), `scope="registry:catalog:*",error="invalid_token"`) {
		t.Errorf("got %s %s", got.Status, got.challenge())
	}
	if got := d.do(http.MethodGet, "/acr/v1/_catalog", bearer, nil); got.StatusCode != 200 {
		t.Errorf("afterwards: %s", got.Status)
	}
}

func TestReplicaThatIsBehind(t *testing.T) {
	d := start(t, emulator.Policies{})
	bearer := d.owner("a")
	mustFault(t, d, emulator.Fault{Preset: "replica-lag", Routes: []emulator.Route{"head-blob"}})
	digest := d.push("a", bearer, []byte("fresh"))
	statuses := []int{}
	for range 4 {
		statuses = append(statuses, d.do(http.MethodHead, "/v2/a/blobs/"+digest, bearer, nil).StatusCode)
	}
	d.Emulator.Clock().Advance(time.Minute)
	for range 2 {
		statuses = append(statuses, d.do(http.MethodHead, "/v2/a/blobs/"+digest, bearer, nil).StatusCode)
	}
	if diff := cmp.Diff([]int{404, 200, 404, 200, 200, 200}, statuses); diff != "" {
		t.Error(diff)
	}
}

func TestTimedFaults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := start(t, emulator.Policies{})
		bearer := d.owner("a")
		data := bytes.Repeat([]byte("y"), 100_000)
		digest := d.push("a", bearer, data)
		took := func(f func()) time.Duration {
			begin := time.Now()
			f()
			return time.Since(begin)
		}
		mustFault(t, d, emulator.Fault{Routes: []emulator.Route{"base"}, Delay: emulator.Duration(time.Minute)})
		if got := took(func() { d.do(http.MethodGet, "/v2/", "", nil) }); got != time.Minute {
			t.Errorf("delayed by %v", got)
		}
		mustFault(t, d, emulator.Fault{BytesPerSecond: 10_000, Routes: []emulator.Route{"data", "finish-upload"}})
		if got := took(func() { d.do(http.MethodGet, "/v2/a/blobs/"+digest, bearer, nil) }); got.Round(time.Second) != 10*time.Second {
			t.Errorf("download took %v", got)
		}
		if got := took(func() { d.push("a", bearer, data) }); got.Round(time.Second) != 10*time.Second {
			t.Errorf("upload took %v", got)
		}
		mustFault(t, d, emulator.Fault{Routes: []emulator.Route{"base"}, Break: &emulator.FaultBreak{On: "request", How: "stall", For: emulator.Duration(time.Hour)}})
		if got := took(func() { d.do(http.MethodGet, "/v2/", bearer, nil) }); got != time.Hour {
			t.Errorf("stalled for %v", got)
		}
		mustFault(t, d, emulator.Fault{Preset: "stall"})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := d.try(ctx, http.MethodGet, "/v2/", bearer, nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("endless stall: %v", err)
		}
		// A stall in the middle of a blob, which the client gives up on.
		mustFault(t, d, emulator.Fault{Preset: "stall-download"})
		ctx, cancel = context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		response, err := d.try(ctx, http.MethodGet, "/v2/a/blobs/"+digest, bearer, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		if got, err := io.ReadAll(response.Body); len(got) != 1000 || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("stalled download: %d bytes, %v", len(got), err)
		}
	})
}

func TestResetOverTCP(t *testing.T) {
	d := start(t, emulator.Policies{})
	mustFault(t, d, emulator.Fault{Preset: "reset"})
	server := httptest.NewUnstartedServer(d.Emulator)
	server.Config.ConnContext = emulator.ConnContext
	server.Start()
	defer server.Close()
	request, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/v2/", nil)
	response, err := server.Client().Do(request)
	if err == nil {
		response.Body.Close()
		t.Fatalf("got %s", response.Status)
	}
	if !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("got %v", err)
	}
}

func TestFaultErrorsNameTheField(t *testing.T) {
	for text, want := range map[string]string{
		`{"faults":[{}]}`:                                   "faults[0]: the rule has no effect",
		`{"faults":[{"preset":"nope"}]}`:                    `faults[0]: preset "nope": no such preset`,
		`{"faults":[{"preset":"reset","routes":["x"]}]}`:    `faults[0]: routes[0] "x"`,
		`{"faults":[{"preset":"reset","repository":"["}]}`:  `faults[0]: repository "["`,
		`{"faults":[{"preset":"reset","probability":2}]}`:   "faults[0]: probability 2",
		`{"faults":[{"preset":"reset","skip":-1}]}`:         "faults[0]: skip -1",
		`{"faults":[{"preset":"reset","count":-1}]}`:        "faults[0]: count -1",
		`{"faults":[{"respond":{"status":99}}]}`:            "faults[0]: respond.status 99",
		`{"faults":[{"break":{"on":"x","how":"cut"}}]}`:     `faults[0]: break.on "x"`,
		`{"faults":[{"break":{"on":"request","how":"x"}}]}`: `faults[0]: break.how "x"`,
		`{"faults":[{"header":{"A B":"x"}}]}`:               `faults[0]: header "A B"`,
		`{"faults":[{"redirectHost":"a/b"}]}`:               `faults[0]: redirectHost "a/b"`,
		`{"faults":[{"delay":5}]}`:                          "duration",
		`{"faults":[{"dealy":"5s"}]}`:                       `unknown field "dealy"`,
		`{"faults":[{"skip":"x"}]}`:                         `field "faults.skip"`,
		`{"faults":[]} x`:                                   "more than one",
		"{\"faults\":[\n{]}":                                "line 2",
	} {
		if _, err := emulator.ParseFaults([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
}

func FuzzParseFaults(f *testing.F) {
	for _, preset := range emulator.FaultPresets() {
		text, err := json.Marshal(map[string]any{"faults": []emulator.Fault{preset.Fault}})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte(`{"faults":[{"preset":"throttled","count":3,"repository":"team/*","probability":0.5,"seed":1}]}`))
	f.Add([]byte(`{"faults":[{"delay":"-5s"},{"header":{"X":"a\r\nb"}}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		rules, err := emulator.ParseFaults(data)
		if err != nil {
			return
		}
		// What was read can be written and read again.
		again, err := json.Marshal(map[string]any{"faults": rules})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := emulator.ParseFaults(again); err != nil {
			t.Fatalf("%s: %v", again, err)
		}
	})
}
