package interop

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/acrkit/azcontainerregistry/emulator"
)

// TestInspectorShowsALongListAtOnce holds what the browser gets of a registry
// with many tags and requests to one page. It prints how long the first paint
// took; with as many tags as the documentation says:
//
//	ACRKIT_TAGS=100000 go test -v -count=1 -run TestInspectorShowsALongListAtOnce .
func TestInspectorShowsALongListAtOnce(t *testing.T) {
	const rows, bytes, requests = 100, 64 << 10, 4
	tags := 500
	if text := os.Getenv("ACRKIT_TAGS"); text != "" {
		var err error
		if tags, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	ctx := browser(t)
	server, err := emulator.StartServer(&emulator.ServerOptions{
		Address: "127.0.0.1:0", ControlToken: "the-control-token",
		Emulator: emulator.Options{
			Dir: t.TempDir(), Quirks: map[string]string{"manifest-tag-param": "accept"},
			Registries: []emulator.RegistryOptions{{Name: "regone", Policies: emulator.Policies{NoAuthentication: true}}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Shutdown(context.WithoutCancel(t.Context())) })
	pushTags(t, server.Endpoint(), "team/app", tags)

	var mu sync.Mutex
	var asked []string
	var received float64
	chromedp.ListenTarget(ctx, func(event any) {
		mu.Lock()
		defer mu.Unlock()
		switch e := event.(type) {
		case *network.EventRequestWillBeSent:
			asked = append(asked, e.Request.URL)
		case *network.EventLoadingFinished:
			received += e.EncodedDataLength
		}
	})
	base := server.Endpoint() + "/_acrkit/"
	err = chromedp.Run(ctx, network.Enable(), network.SetCacheDisabled(true), page.Enable(),
		chromedp.Navigate(base), chromedp.SendKeys(`input[name=token]`, "the-control-token\n", chromedp.ByQuery), chromedp.WaitVisible(`nav`, chromedp.ByQuery))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"", "repository?registry=regone&name=" + url.QueryEscape("team/app"), "log"} {
		mu.Lock()
		asked, received = nil, 0
		mu.Unlock()
		var shown int
		var paint float64
		err := chromedp.Run(ctx,
			chromedp.Navigate(base+path), chromedp.WaitVisible(`nav`, chromedp.ByQuery),
			chromedp.Evaluate(`document.querySelectorAll("tbody tr, table tr:not(:first-child)").length`, &shown),
			chromedp.Evaluate(`new Promise(done => new PerformanceObserver((list, o) => { for (const e of list.getEntriesByName("first-contentful-paint")) { o.disconnect(); done(e.startTime) } }).observe({type: "paint", buffered: true}))`,
				&paint, awaited),
		)
		if err != nil {
			t.Fatal(err)
		}
		mu.Lock()
		t.Logf("/_acrkit/%s: first paint after %.0f ms, %d rows, %.0f bytes, %d requests", path, paint, shown, received, len(asked))
		if shown > rows || received > bytes || len(asked) > requests {
			t.Errorf("/_acrkit/%s of %d tags: %d rows, %.0f bytes, %q", path, tags, shown, received, asked)
		}
		mu.Unlock()
	}
}

func awaited(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }

// pushTags stores an index without children under many tags, a hundred a
// request.
func pushTags(t *testing.T, endpoint, repository string, count int) {
	t.Helper()
	const manifest = `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}`
	digest := fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(manifest)))
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	for first := 0; first < count; first += 100 {
		query := url.Values{}
		for i := first; i < min(first+100, count); i++ {
			query.Add("tag", fmt.Sprintf("t%06d", i))
		}
		target := fmt.Sprintf("%s/v2/%s/manifests/%s?%s", endpoint, repository, digest, query.Encode())
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPut, target, strings.NewReader(manifest))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/vnd.oci.image.index.v1+json")
		response, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != http.StatusCreated {
			t.Fatalf("push of tags from %d: %s", first, response.Status)
		}
	}
}
