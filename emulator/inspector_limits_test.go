package emulator_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/acrkit/azcontainerregistry/emulator"
)

func TestThousandOpenPagesSlowTheRegistry(t *testing.T) {
	_, p := openInspector(t, &emulator.ServerOptions{})
	p.signIn()
	const pages = 1000
	type opened struct {
		response *http.Response
		err      error
	}
	all := make(chan opened, pages)
	var running sync.WaitGroup
	for range pages {
		running.Go(func() {
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.base+"/_acrkit/log/events", http.NoBody)
			if err != nil {
				all <- opened{nil, err}
				return
			}
			response, err := p.client.Do(request)
			all <- opened{response, err}
		})
	}
	running.Wait()
	close(all)
	statuses := map[int]int{}
	var streams []*http.Response
	for o := range all {
		if o.err != nil {
			t.Fatal(o.err)
		}
		streams = append(streams, o.response)
		statuses[o.response.StatusCode]++
	}
	defer func() {
		for _, stream := range streams {
			stream.Body.Close()
		}
	}()
	if statuses[http.StatusOK] == 0 || statuses[http.StatusServiceUnavailable] == 0 || len(statuses) != 2 {
		t.Errorf("statuses %v", statuses)
	}
	// The registry and the pages that don't stream go on, and the refusal says
	// why.
	p.put("team/app", "v1", emptyIndex)
	if body := p.get("/_acrkit/"); !strings.Contains(body, "team/app") {
		t.Error("the first page lacks the repository")
	}
	if _, body, header := p.do(http.MethodGet, "/_acrkit/log/events", ""); !strings.Contains(body, "kept up to date already") || header.Get("Retry-After") == "" {
		t.Errorf("the refusal says %q", body)
	}
}

func TestWebhooksAreNotShown(t *testing.T) {
	l := listenToPings(t)
	_, p := openInspector(t, &emulator.ServerOptions{})
	p.signIn()
	hooks := fmt.Sprintf(`[{"name":"hooked","url":%q,"actions":["push"],"headers":{"X-Key":"hush-hush"}}]`, l.URL)
	if status, body, _ := p.do(http.MethodPost, "/_acrkit/settings/webhooks", url.Values{"registry": {"regone"}, "webhooks": {hooks}}.Encode()); status != http.StatusOK {
		t.Fatalf("%d %s", status, body)
	}
	p.put("team/app", "v1", emptyIndex)
	body := p.get("/_acrkit/settings")
	for _, want := range []string{"hooked", "team/app:v1", "REDACTED"} {
		if !strings.Contains(body, want) {
			t.Errorf("the settings don't show %q", want)
		}
	}
	if strings.Contains(body, "hush-hush\"") {
		t.Error("the settings show a header's value")
	}
	for _, wrong := range []string{`[{"name":"hooked","url":"https://example.com/","actions":["push"]}]`, `{`, `[{"x":1}]`} {
		if status, body, _ := p.do(http.MethodPost, "/_acrkit/settings/webhooks", url.Values{"registry": {"regone"}, "webhooks": {wrong}}.Encode()); status != http.StatusBadRequest || !strings.Contains(body, `role="alert"`) {
			t.Errorf("%s: %d", wrong, status)
		}
	}
}

// listenToPings answers whatever is posted.
func listenToPings(t *testing.T) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(server.Close)
	return server
}

// BenchmarkInspectorWithManyTags measures how long the pages of a repository
// with 100,000 tags take the server; a page has 100 of them.
func BenchmarkInspectorWithManyTags(b *testing.B) {
	server, err := emulator.StartServer(&emulator.ServerOptions{
		Address: "127.0.0.1:0", ControlToken: "the-token",
		Emulator: emulator.Options{Dir: b.TempDir(), NoSync: true, Registries: []emulator.RegistryOptions{{Name: "regone", Policies: emulator.Policies{NoAuthentication: true}}}},
	})
	if err != nil {
		b.Fatal(err)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		b.Fatal(err)
	}
	transport := &http.Transport{}
	client := &http.Client{Jar: jar, Transport: transport}
	defer func() {
		transport.CloseIdleConnections()
		if err := server.Shutdown(context.WithoutCancel(b.Context())); err != nil {
			b.Error(err)
		}
	}()
	send := func(method, path, contentType, body string, want int) {
		request, err := http.NewRequestWithContext(b.Context(), method, server.Endpoint()+path, strings.NewReader(body))
		if err != nil {
			b.Fatal(err)
		}
		request.Header.Set("Content-Type", contentType)
		response, err := client.Do(request)
		if err != nil {
			b.Fatal(err)
		}
		defer response.Body.Close()
		if _, err := io.Copy(io.Discard, response.Body); err != nil || response.StatusCode != want {
			b.Fatalf("%s %s: %s %v", method, path, response.Status, err)
		}
	}
	for i := range 100_000 {
		send(http.MethodPut, fmt.Sprintf("/v2/team/app/manifests/t%06d", i), "application/vnd.oci.image.index.v1+json", emptyIndex, http.StatusCreated)
	}
	send(http.MethodPost, "/_acrkit/signin", "application/x-www-form-urlencoded", "token=the-token", http.StatusOK)
	for name, path := range map[string]string{
		"repositories": "/_acrkit/", "requests": "/_acrkit/log",
		"tags": "/_acrkit/repository?registry=regone&name=team%2Fapp", "manifests": "/_acrkit/repository?registry=regone&name=team%2Fapp&view=manifests",
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				send(http.MethodGet, path, "text/plain", "", http.StatusOK)
			}
		})
	}
}
