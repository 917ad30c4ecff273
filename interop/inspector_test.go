package interop

import (
	"context"
	"encoding/base64"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"github.com/acrkit/azcontainerregistry/emulator"
)

// browser starts Debian's Chromium, and leaves the test out where there is none.
func browser(t *testing.T) context.Context {
	t.Helper()
	need(t, "chromium")
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath("chromium"), chromedp.NoSandbox, chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true))
	allocator, stop := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(stop)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, 2*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// TestInspectorInABrowser signs in, looks around, opens a failed request and
// switches a fault, as a person does, at two widths and in the dark.
func TestInspectorInABrowser(t *testing.T) {
	ctx := browser(t)
	server, err := emulator.StartServer(&emulator.ServerOptions{
		Address: "127.0.0.1:0", ControlToken: "the-control-token",
		Emulator: emulator.Options{Dir: t.TempDir(), Registries: []emulator.RegistryOptions{{Name: "regone", Policies: emulator.Policies{NoAuthentication: true}}}},
		Diagnose: func(emulator.Request, emulator.Exchange) []string { return []string{"the tag is not there"} },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Shutdown(context.WithoutCancel(t.Context())) })
	pushSample(t, server.Endpoint(), "team/app", "v1")

	var mu sync.Mutex
	var asked []string
	chromedp.ListenTarget(ctx, func(event any) {
		if e, ok := event.(*network.EventRequestWillBeSent); ok {
			mu.Lock()
			defer mu.Unlock()
			asked = append(asked, e.Request.URL)
		}
	})
	shot := func(name string) chromedp.Action {
		return chromedp.ActionFunc(func(ctx context.Context) error {
			dir := os.Getenv("ACRKIT_SCREENSHOTS")
			if dir == "" {
				return nil
			}
			var png []byte
			if err := chromedp.FullScreenshot(&png, 100).Do(ctx); err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(dir, name+".png"), png, 0o600)
		})
	}
	page := server.Endpoint() + "/_acrkit/"
	var title, manifest, live, diagnosis, settings string
	var wide bool
	err = chromedp.Run(ctx,
		network.Enable(),
		chromedp.EmulateViewport(1200, 900),
		chromedp.Navigate(page),
		chromedp.SendKeys(`input[name=token]`, "the-control-token\n", chromedp.ByQuery),
		chromedp.WaitVisible(`nav`, chromedp.ByQuery),
		chromedp.Text(`main`, &title, chromedp.ByQuery), shot("registries"),
		chromedp.Click(`a[href*="name=team"]`, chromedp.ByQuery),
		chromedp.WaitVisible(`a[href*="/_acrkit/manifest"]`, chromedp.ByQuery), shot("repository"),
		chromedp.Click(`a[href*="/_acrkit/manifest"]`, chromedp.ByQuery),
		chromedp.WaitVisible(`pre`, chromedp.ByQuery),
		chromedp.Text(`main`, &manifest, chromedp.ByQuery), shot("manifest"),
		chromedp.Navigate(page+"log"),
		chromedp.WaitVisible(`table[data-live]`, chromedp.ByQuery),
	)
	if err != nil {
		t.Fatal(err)
	}
	// The stream begins a moment after the page: ask until the row is there.
	for live == "" {
		failSample(t, server.Endpoint(), "team/app", "missing")
		if err := chromedp.Run(ctx, chromedp.Evaluate(`[...document.querySelectorAll("tr.failed td.path")].map(td => td.textContent).find(text => text.includes("missing")) || ""`, &live)); err != nil {
			t.Fatal(err)
		}
	}
	err = chromedp.Run(ctx, shot("requests"),
		chromedp.Click(`tr.failed a`, chromedp.ByQuery),
		chromedp.WaitVisible(`.diagnosis`, chromedp.ByQuery),
		chromedp.Text(`.diagnosis`, &diagnosis, chromedp.ByQuery), shot("request"),
		chromedp.EmulateViewport(400, 800),
		emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "dark"}}),
		chromedp.Navigate(page+"settings"),
		chromedp.WaitVisible(`select[name=preset]`, chromedp.ByQuery),
		chromedp.Evaluate(`document.documentElement.scrollWidth > 400`, &wide), shot("settings"),
		chromedp.SetValue(`select[name=preset]`, "throttled", chromedp.ByQuery),
		chromedp.Click(`form[action$="settings/preset"] button`, chromedp.ByQuery),
		chromedp.WaitVisible(`textarea[name=faults]`, chromedp.ByQuery),
		chromedp.Value(`textarea[name=faults]`, &settings, chromedp.ByQuery),
	)
	if err != nil {
		t.Fatal(err)
	}
	for what, got := range map[string]struct{ text, want string }{
		"the first page": {title, "team/app"}, "the manifest": {manifest, "schemaVersion"},
		"the failed request": {diagnosis, "the tag is not there"}, "the settings": {settings, "throttled"},
	} {
		if !strings.Contains(got.text, got.want) {
			t.Errorf("%s shows %q, want %q in it", what, got.text, got.want)
		}
	}
	if wide {
		t.Error("at 400 pixels the page is wider than the window")
	}
	if len(server.Emulator().Faults()) != 1 {
		t.Error("the fault was not switched on")
	}
	mu.Lock()
	defer mu.Unlock()
	for _, address := range asked {
		if !strings.HasPrefix(address, server.Endpoint()+"/") && !strings.HasPrefix(address, "data:") {
			t.Errorf("a request went to %s", address)
		}
		if strings.Contains(address, "the-control-token") || strings.Contains(address, base64.StdEncoding.EncodeToString([]byte("the-control-token"))) {
			t.Errorf("the token is in %s", address)
		}
	}
}

// pushSample stores an index without children under a tag.
func pushSample(t *testing.T, endpoint, repository, tag string) {
	t.Helper()
	manifest := `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[],"annotations":{"note":"<b>bold</b>"}}`
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPut, endpoint+"/v2/"+repository+"/manifests/"+tag, strings.NewReader(manifest))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/vnd.oci.image.index.v1+json")
	if status := statusOf(t, request); status != http.StatusCreated {
		t.Fatalf("push %s:%s: %d", repository, tag, status)
	}
}

// failSample asks for a tag that isn't there.
func failSample(t *testing.T, endpoint, repository, tag string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, endpoint+"/v2/"+repository+"/manifests/"+tag, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	if status := statusOf(t, request); status != http.StatusNotFound {
		t.Fatalf("get %s:%s: %d", repository, tag, status)
	}
}

func statusOf(t *testing.T, request *http.Request) int {
	t.Helper()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	response, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	return response.StatusCode
}
