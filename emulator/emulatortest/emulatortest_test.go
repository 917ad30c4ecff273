package emulatortest_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/acrkit/azcontainerregistry/emulator/emulatortest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func get(t *testing.T, client *http.Client, url string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

func TestStartAnswersOverMemory(t *testing.T) {
	registry := emulatortest.Start(t)
	if status, body := get(t, registry.HTTPClient(), registry.Endpoint+"/wrong"); status != http.StatusNotFound || body != "Not found" {
		t.Fatalf("got %d %q", status, body)
	}
}

func TestStartWorksInABubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		registry := emulatortest.Start(t)
		for range 3 {
			get(t, registry.HTTPClient(), registry.Endpoint+"/v2/")
			time.Sleep(time.Hour)
		}
	})
}

func TestUnknownHostDoesNotResolve(t *testing.T) {
	registry := emulatortest.Start(t)
	request, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://elsewhere.example/", nil)
	_, err := registry.HTTPClient().Do(request)
	var dns *net.DNSError
	if !errors.As(err, &dns) || !dns.IsNotFound {
		t.Fatalf("got %v, want a DNS error", err)
	}
}

func TestCancelledRequestEndsAtOnce(t *testing.T) {
	registry := emulatortest.Start(t)
	ctx, cancel := context.WithCancel(t.Context())
	body := io.MultiReader(bytes.NewReader(make([]byte, 1000)), cancelReader{cancel})
	request, _ := http.NewRequestWithContext(ctx, http.MethodPost, registry.Endpoint+"/v2/a/blobs/uploads/", body)
	if response, err := registry.HTTPClient().Do(request); err == nil {
		response.Body.Close()
		return // answered before the body was read
	} else if !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
}

// cancelReader cancels a context and then waits for it like a slow source.
type cancelReader struct{ cancel context.CancelFunc }

func (r cancelReader) Read([]byte) (int, error) {
	r.cancel()
	return 0, fmt.Errorf("source gone: %w", context.Canceled)
}
