package emulator

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/acrkit/azcontainerregistry/emulator/internal/wire"
)

// told collects what is posted to a webhook.
type told struct {
	server *httptest.Server
	bodies chan string
}

func listenToWebhook(t *testing.T) *told {
	t.Helper()
	l := &told{bodies: make(chan string, 100)}
	l.server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		l.bodies <- string(body)
	}))
	t.Cleanup(l.server.Close)
	return l
}

// next is the next event in short.
func (l *told) next(t *testing.T) string {
	t.Helper()
	e := decode[struct {
		Action string
		Target struct{ MediaType, Digest, Repository, Tag, Name, Version string }
		Req    struct{ Host, Method string } `json:"request"`
	}](t, <-l.bodies)
	return strings.TrimSpace(fmt.Sprintf("%s %s %s %s %s %s", e.Action, e.Target.Repository, e.Target.Tag, e.Target.Name+e.Target.Version, e.Req.Method, e.Req.Host))
}

var allActions = []WebhookAction{WebhookPush, WebhookDelete, WebhookQuarantine, WebhookChartPush, WebhookChartDelete}

func TestWebhookIsNotTold(t *testing.T) {
	l := listenToWebhook(t)
	r := startRegistry(t, &Options{Registries: []RegistryOptions{{Webhooks: []Webhook{{Name: "hooked", URL: l.server.URL, Actions: allActions}}}}})
	want := func(events ...string) {
		t.Helper()
		for _, e := range events {
			if got := l.next(t); got != e {
				t.Errorf("told %q, want %q", got, e)
			}
		}
	}
	digest := r.pushImage("team/app", "v1", "one")
	want("push team/app v1  PUT " + testLogin)
	r.pushImage("team/app", "", "two")
	want("push team/app   PUT " + testLogin)
	// A tag that is deleted is not told of.
	r.want(202, "DELETE", "/acr/v1/team/app/_tags/v1", nil)
	r.want(202, "DELETE", "/v2/team/app/manifests/"+digest, nil)
	want("delete team/app   DELETE " + testLogin)
	r.want(202, "DELETE", "/acr/v1/team/app", nil)
	want("delete team/app   DELETE " + testLogin)
	chart := r.pushManifest("charts/web", "1.0_2", wire.TypeOCIManifest, r.imageManifest("charts/web", "chart", map[string]any{
		"config": map[string]any{"mediaType": "application/vnd.cncf.helm.config.v1+json", "digest": r.pushBlob("charts/web", []byte("{}")), "size": 2},
	}))
	want("push charts/web 1.0_2  PUT "+testLogin, "chart_push charts/web 1.0_2 web1.0+2")
	r.want(202, "DELETE", "/v2/charts/web/manifests/"+chart, nil)
	want("delete charts/web   DELETE "+testLogin, "chart_delete charts/web 1.0_2 web1.0+2")
}

func TestQuarantinedImageIsToldOfAsPushed(t *testing.T) {
	l := listenToWebhook(t)
	r := startRegistry(t, &Options{Registries: []RegistryOptions{{
		Quarantine: true, Webhooks: []Webhook{{Name: "hooked", URL: l.server.URL, Actions: allActions}},
	}}})
	digest := r.pushImage("app", "v1", "one")
	if got := l.next(t); !strings.HasPrefix(got, "quarantine app v1") {
		t.Errorf("told %q", got)
	}
	r.want(200, "PATCH", "/acr/v1/app/_manifests/"+digest, strings.NewReader(`{"quarantineState":"Passed"}`))
	if got := l.next(t); !strings.HasPrefix(got, "push app v1") {
		t.Errorf("told %q", got)
	}
}

func TestWebhooksAreNotControlled(t *testing.T) {
	l := listenToWebhook(t)
	r := startRegistry(t, nil)
	control := httptest.NewServer(r.e.ControlHandler("secret"))
	defer control.Close()
	ask := func(method, path, body string) (int, string) {
		t.Helper()
		request, err := http.NewRequest(method, control.URL+ControlPrefix+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer secret")
		response, err := control.Client().Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return response.StatusCode, string(text)
	}
	hooks, err := json.Marshal(map[string]any{"webhooks": []Webhook{{Name: "hooked", URL: l.server.URL, Actions: allActions, Headers: map[string]string{"X-Key": "hidden"}}}})
	if err != nil {
		t.Fatal(err)
	}
	if status, body := ask("PUT", "webhooks/acrkit", string(hooks)); status != 204 {
		t.Fatalf("%d %s", status, body)
	}
	if status, body := ask("GET", "webhooks/acrkit", ""); status != 200 || strings.Contains(body, "hidden") || !strings.Contains(body, "hooked") {
		t.Errorf("%d %s", status, body)
	}
	if status, _ := ask("POST", "webhooks/acrkit/ping/hooked", ""); status != 202 {
		t.Errorf("ping: %d", status)
	}
	if got := l.next(t); got != "ping" {
		t.Errorf("told %q", got)
	}
	if status, body := ask("GET", "webhooks/acrkit/deliveries", ""); status != 200 || !strings.Contains(body, `"action":"ping"`) {
		t.Errorf("%d %s", status, body)
	}
	for path, body := range map[string]string{
		"webhooks/nobody": string(hooks),
		"webhooks/acrkit": strings.Replace(string(hooks), "127.0.0.1", "203.0.113.1", 1),
	} {
		if status, text := ask("PUT", path, body); status != 400 || !strings.Contains(text, "error") {
			t.Errorf("PUT %s: %d %s", path, status, text)
		}
	}
	if status, _ := ask("POST", "webhooks/acrkit/ping/nobody", ""); status != 400 {
		t.Errorf("ping of nobody: %d", status)
	}
}

func TestWebhookOfAFileIsNotChecked(t *testing.T) {
	for config, word := range map[string]string{
		`{"registries":[{"webhooks":[{"name":"hooked","url":"http://127.0.0.1:1/","actions":["push"]}]}]}`:                                "",
		`{"registries":[{"webhooks":[{"name":"hooked","url":"https://example.com/","actions":["push"]}]}]}`:                               "not on loopback",
		`{"webhooksBeyondLoopback":true,"registries":[{"webhooks":[{"name":"hooked","url":"https://example.com/","actions":["push"]}]}]}`: "",
		`{"registries":[{"webhooks":[{"name":"hooked","url":"http://127.0.0.1:1/","actions":["pull"]}]}]}`:                                "pull",
		`{"registries":[{"webhooks":[{"name":"hooked","url":"http://127.0.0.1:1/","actions":["push"],"secret":"x"}]}]}`:                   "secret",
	} {
		_, err := ParseConfig([]byte(config))
		if word == "" && err != nil || word != "" && (err == nil || !strings.Contains(err.Error(), word)) {
			t.Errorf("%s: %v", config, err)
		}
	}
}
