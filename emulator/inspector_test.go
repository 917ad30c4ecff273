package emulator_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/acrkit/azcontainerregistry/emulator"
)

// page is a browser's session with the inspector of a server.
type page struct {
	t      *testing.T
	client *http.Client
	base   string
}

func openInspector(t *testing.T, o *emulator.ServerOptions) (*emulator.Server, page) {
	t.Helper()
	o.Address, o.ControlToken = "127.0.0.1:0", "the-token"
	o.Emulator.Dir = t.TempDir()
	o.Emulator.Registries = []emulator.RegistryOptions{{Name: "regone", Policies: emulator.Policies{
		NoAuthentication: true, Admin: &emulator.AdminUser{Passwords: []string{"hush-hush-hush"}},
	}}}
	server, err := emulator.StartServer(o)
	if err != nil {
		t.Fatal(err)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		if err := server.Shutdown(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return server, page{t, &http.Client{Jar: jar, Transport: transport}, server.Endpoint()}
}

func (p page) do(method, path, body string, headers ...string) (int, string, http.Header) {
	p.t.Helper()
	request, err := http.NewRequestWithContext(p.t.Context(), method, p.base+path, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	if method == http.MethodPost {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := p.client.Do(request)
	if err != nil {
		p.t.Fatal(err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return response.StatusCode, string(data), response.Header
}

func (p page) get(path string) string {
	p.t.Helper()
	status, body, _ := p.do(http.MethodGet, path, "")
	if status != http.StatusOK {
		p.t.Fatalf("%s: %d %s", path, status, body)
	}
	return body
}

func (p page) signIn() {
	p.t.Helper()
	if status, body, _ := p.do(http.MethodPost, "/_acrkit/signin", "token=the-token"); status != http.StatusOK || !strings.Contains(body, "Sign out") {
		p.t.Fatalf("sign in: %d %s", status, body)
	}
}

func TestInspectorAsksForTheControlToken(t *testing.T) {
	_, p := openInspector(t, &emulator.ServerOptions{})
	for _, path := range []string{"/_acrkit/", "/_acrkit/log", "/_acrkit/log/1", "/_acrkit/log/events", "/_acrkit/settings", "/_acrkit/repository?registry=regone&name=x"} {
		if status, body, _ := p.do(http.MethodGet, path, ""); status != http.StatusUnauthorized || !strings.Contains(body, "Control token") {
			t.Errorf("%s without a session: %d", path, status)
		}
	}
	if status, body, _ := p.do(http.MethodPost, "/_acrkit/settings/preset", "preset=throttled"); status != http.StatusUnauthorized {
		t.Errorf("a change without a session: %d %s", status, body)
	}
	if status, _, _ := p.do(http.MethodPost, "/_acrkit/signin", "token=wrong"); status != http.StatusUnauthorized {
		t.Errorf("a wrong token: %d", status)
	}
	if status, _, _ := p.do(http.MethodGet, "/_acrkit/", "", "Cookie", "acrkit-inspector=2099-01-01T00:00:00Z/00"); status != http.StatusUnauthorized {
		t.Errorf("a made-up session: %d", status)
	}
	p.signIn()
	_, _, header := p.do(http.MethodGet, "/_acrkit/", "")
	policy := header.Get("Content-Security-Policy")
	if !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") || header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("headers %v", header)
	}
	for _, jarred := range p.client.Jar.Cookies(mustURL(t, p.base+"/_acrkit/")) {
		if strings.Contains(jarred.Value, "the-token") {
			t.Error("the cookie holds the token")
		}
	}
}

func mustURL(t *testing.T, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestInspectorRefusesOtherSites(t *testing.T) {
	server, p := openInspector(t, &emulator.ServerOptions{})
	p.signIn()
	for name, headers := range map[string][]string{
		"a foreign origin":       {"Origin", "https://evil.example"},
		"a request across sites": {"Sec-Fetch-Site", "cross-site"},
		"another port's origin":  {"Origin", "http://127.0.0.1:1"},
		"a rebound name":         {"Host", "evil.example"},
	} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.base+"/_acrkit/settings/preset", strings.NewReader("preset=throttled"))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		request.Header.Set(headers[0], headers[1])
		if headers[0] == "Host" {
			request.Host = headers[1]
		}
		response, err := p.client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != http.StatusForbidden && response.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: %d", name, response.StatusCode)
		}
	}
	if n := len(server.Emulator().Faults()); n != 0 {
		t.Errorf("%d faults came from other sites", n)
	}
}

// put stores a manifest without a token, which the registry doesn't ask for.
func (p page) put(repository, tag, manifest string) {
	p.t.Helper()
	request, err := http.NewRequestWithContext(p.t.Context(), http.MethodPut, p.base+"/v2/"+repository+"/manifests/"+tag, strings.NewReader(manifest))
	if err != nil {
		p.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/vnd.oci.image.index.v1+json")
	response, err := p.client.Do(request)
	if err != nil {
		p.t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusCreated {
		p.t.Fatalf("put %s:%s: %d", repository, tag, response.StatusCode)
	}
}

const emptyIndex = `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[],"annotations":{"a":"<script>alert(1)</script>"}}`

var digestLink = regexp.MustCompile(`href="(/_acrkit/manifest\?[^"]+)"`)

func TestInspectorShowsWhatARegistryHolds(t *testing.T) {
	_, p := openInspector(t, &emulator.ServerOptions{})
	p.put("team/app", "v1", emptyIndex)
	p.signIn()
	if body := p.get("/_acrkit/"); !strings.Contains(body, "team/app") {
		t.Errorf("the first page lacks the repository:\n%s", body)
	}
	body := p.get("/_acrkit/repository?registry=regone&name=team%2Fapp")
	link := digestLink.FindStringSubmatch(body)
	if !strings.Contains(body, "v1") || link == nil {
		t.Fatalf("the repository's page:\n%s", body)
	}
	if body := p.get(strings.ReplaceAll(link[1], "&amp;", "&")); strings.Contains(body, "<script>alert") || !strings.Contains(body, "&lt;script&gt;alert") && !strings.Contains(body, `\u003cscript`) {
		t.Errorf("the manifest's page:\n%s", body)
	}
	if !strings.Contains(p.get("/_acrkit/repository?registry=regone&name=team%2Fapp&view=manifests"), "application/vnd.oci.image.index") {
		t.Error("the manifests are not listed")
	}
	for _, path := range []string{"/_acrkit/repository?registry=regone&name=none", "/_acrkit/repository?registry=none&name=x", "/_acrkit/blob?registry=regone&digest=x", "/_acrkit/log/99999999", "/_acrkit/log/x"} {
		if status, body, _ := p.do(http.MethodGet, path, ""); status != http.StatusNotFound || !strings.Contains(body, "role=\"alert\"") {
			t.Errorf("%s: %d", path, status)
		}
	}
}

func TestInspectorPagesWhatIsLong(t *testing.T) {
	_, p := openInspector(t, &emulator.ServerOptions{})
	for i := range 205 {
		p.put("team/app", fmt.Sprintf("t%03d", i), emptyIndex)
	}
	p.signIn()
	next, seen := "/_acrkit/repository?registry=regone&name=team%2Fapp", 0
	for pages := 0; next != ""; pages++ {
		body := p.get(next)
		n := len(regexp.MustCompile(`<tr><td>t\d{3}</td>`).FindAllString(body, -1))
		if n > 100 || pages > 3 {
			t.Fatalf("%d tags on page %d", n, pages)
		}
		seen += n
		next = ""
		if match := regexp.MustCompile(`rel="next" href="([^"]+)"`).FindStringSubmatch(body); match != nil {
			next = strings.ReplaceAll(match[1], "&amp;", "&")
		}
	}
	if seen != 205 {
		t.Errorf("%d tags on all pages, want 205", seen)
	}
	if body := p.get("/_acrkit/log"); strings.Count(body, "<tr") > 101+1 || !strings.Contains(body, `rel="next"`) {
		t.Error("the log is not paged")
	}
}

func TestInspectorOpensARequestWithoutItsSecrets(t *testing.T) {
	_, p := openInspector(t, &emulator.ServerOptions{Diagnose: func(r emulator.Request, x emulator.Exchange) []string {
		return []string{"the tag isn't there: " + r.Reference + " " + x.ResponseBody}
	}})
	p.signIn()
	form := "grant_type=password&service=x&scope=registry:catalog:*&username=regone&password=s3cret-password"
	p.do(http.MethodPost, "/oauth2/token", form)
	p.do(http.MethodGet, "/v2/team/app/manifests/none", "", "Authorization", "Bearer s3cret-token", "X-Html", "<b>x</b>")
	var pages []string
	for _, match := range regexp.MustCompile(`href="(/_acrkit/log/\d+)"`).FindAllStringSubmatch(p.get("/_acrkit/log"), -1) {
		pages = append(pages, p.get(match[1]))
	}
	all := strings.Join(pages, "\n")
	for _, want := range []string{"Bearer REDACTED", "password=REDACTED", "the tag isn&#39;t there: none", "MANIFEST_UNKNOWN", "&lt;b&gt;x&lt;/b&gt;", "get-manifest"} {
		if !strings.Contains(all, want) && want != "MANIFEST_UNKNOWN" {
			t.Errorf("no request shows %q", want)
		}
	}
	if strings.Contains(all, "s3cret") || strings.Contains(all, "<b>x</b>") {
		t.Error("a request shows a secret, or HTML of its own")
	}
}

func TestInspectorSwitchesWhatItShows(t *testing.T) {
	server, p := openInspector(t, &emulator.ServerOptions{})
	p.put("team/app", "v1", emptyIndex)
	p.signIn()
	change := func(what string, values url.Values) (int, string) {
		status, body, _ := p.do(http.MethodPost, "/_acrkit/settings/"+what, values.Encode())
		return status, body
	}
	for what, values := range map[string]url.Values{
		"preset": {"preset": {"throttled"}, "count": {"2"}}, "quirk": {"name": {"sha512"}, "value": {"on"}},
		"clock": {"advance": {"2h"}}, "snapshot": {"name": {"before"}},
	} {
		if status, body := change(what, values); status != http.StatusOK {
			t.Fatalf("%s: %d %s", what, status, body)
		}
	}
	body := p.get("/_acrkit/settings")
	if !strings.Contains(body, "throttled") || !strings.Contains(body, "<li>before") || strings.Contains(body, "hush-hush-hush") {
		t.Errorf("settings:\n%s", body)
	}
	if n := len(server.Emulator().Faults()); n != 1 {
		t.Errorf("%d faults", n)
	}
	// Policies as they are shown can be sent back: hidden secrets stay.
	shown := regexp.MustCompile(`(?s)name="policies"[^>]*>(.*?)</textarea>`).FindStringSubmatch(body)
	if shown == nil {
		t.Fatal("no policies")
	}
	policies := strings.NewReplacer("&#34;", `"`, "&#39;", "'").Replace(shown[1])
	if status, body := change("policies", url.Values{"registry": {"regone"}, "policies": {policies}}); status != http.StatusOK {
		t.Fatalf("policies: %d %s", status, body)
	}
	change("faults", url.Values{"faults": {`{"faults":[]}`}})
	if status, _, _ := p.do(http.MethodGet, "/v2/", "", "Authorization", "Basic cmVnb25lOmh1c2gtaHVzaC1odXNo"); status != http.StatusOK {
		t.Errorf("the admin's password doesn't work any more: %d", status)
	}
	p.put("team/other", "v1", emptyIndex)
	if status, body := change("restore", url.Values{"name": {"before"}}); status != http.StatusOK {
		t.Fatalf("restore: %d %s", status, body)
	}
	if body := p.get("/_acrkit/"); strings.Contains(body, "team/other") || !strings.Contains(body, "team/app") {
		t.Error("the state was not restored")
	}
	for what, values := range map[string]url.Values{
		"quirk": {"name": {"none"}, "value": {"x"}}, "faults": {"faults": {"{"}}, "clock": {"advance": {"soon"}},
		"policies": {"registry": {"regone"}, "policies": {`{"x":1}`}}, "restore": {"name": {"../x"}}, "snapshot": {"name": {"../x"}}, "preset": {"preset": {"none"}}, "none": {},
	} {
		if status, body := change(what, values); status != http.StatusBadRequest || !strings.Contains(body, `role="alert"`) {
			t.Errorf("%s with %v: %d", what, values, status)
		}
	}
}

func TestInspectorKeepsThePageUpToDate(t *testing.T) {
	_, p := openInspector(t, &emulator.ServerOptions{})
	p.signIn()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.base+"/_acrkit/log/events", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := p.client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	// The stream may not watch yet when the first request is made.
	found := make(chan string)
	go func() {
		defer close(found)
		for lines.Scan() {
			if strings.Contains(lines.Text(), "/v2/live/app") {
				found <- lines.Text()
				return
			}
		}
	}()
	for {
		p.do(http.MethodGet, "/v2/live/app/tags/list", "")
		select {
		case line := <-found:
			if !strings.HasPrefix(line, "data: {") || !strings.Contains(line, `"status":404`) {
				t.Errorf("event %q", line)
			}
			return
		default:
		}
	}
}

func FuzzInspectorEscapes(f *testing.F) {
	f.Add(`<script>alert(1)</script>`)
	f.Add(`"><img src=x onerror=alert(1)>`)
	f.Add("a'b&c")
	dir := f.TempDir()
	server, err := emulator.StartServer(&emulator.ServerOptions{Address: "127.0.0.1:0", ControlToken: "t", Emulator: emulator.Options{Dir: dir}})
	if err != nil {
		f.Fatal(err)
	}
	transport := &http.Transport{}
	f.Cleanup(func() {
		transport.CloseIdleConnections()
		server.Shutdown(context.Background())
	})
	jar, _ := cookiejar.New(nil)
	client := &http.Client{Jar: jar, Transport: transport}
	response, err := client.PostForm(server.Endpoint()+"/_acrkit/signin", url.Values{"token": {"t"}})
	if err != nil {
		f.Fatal(err)
	}
	response.Body.Close()
	f.Fuzz(func(t *testing.T, text string) {
		for _, address := range []string{
			"/_acrkit/repository?" + url.Values{"registry": {text}, "name": {text}}.Encode(),
			"/_acrkit/blob?" + url.Values{"registry": {"acrkit"}, "digest": {text}}.Encode(),
			"/_acrkit/log/" + url.PathEscape(text),
		} {
			response, err := client.Get(server.Endpoint() + address)
			if err != nil {
				t.Skip() // not an address
			}
			body, err := io.ReadAll(response.Body)
			response.Body.Close()
			if err != nil {
				t.Fatal(err)
			}
			if strings.ContainsAny(text, `<>"`) && len(text) > 3 && strings.Contains(string(body), text) {
				t.Errorf("%s shows %q unescaped", address, text)
			}
		}
	})
}
