package client_test

import (
	"bytes"
	"context"
	"io"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/tracing"

	acr "github.com/acrkit/azcontainerregistry"
	"github.com/acrkit/azcontainerregistry/emulator"
	"github.com/acrkit/azcontainerregistry/emulator/emulatortest"
)

// spans keeps the spans of a program by their names.
type spans struct {
	mu      sync.Mutex
	started map[string]int
	ended   map[string]int
	parents map[string]string
	failed  map[string]int
}

type spanKey struct{}

func (s *spans) provider() tracing.Provider {
	return tracing.NewProvider(func(string, string) tracing.Tracer {
		return tracing.NewTracer(func(ctx context.Context, name string, _ *tracing.SpanOptions) (context.Context, tracing.Span) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.started[name]++
			if parent, ok := ctx.Value(spanKey{}).(string); ok {
				s.parents[name] = parent
			}
			return context.WithValue(ctx, spanKey{}, name), tracing.NewSpan(tracing.SpanImpl{
				End: func() {
					s.mu.Lock()
					defer s.mu.Unlock()
					s.ended[name]++
				},
				SetStatus: func(status tracing.SpanStatus, _ string) {
					s.mu.Lock()
					defer s.mu.Unlock()
					if status == tracing.SpanStatusError {
						s.failed[name]++
					}
				},
			})
		}, nil)
	}, nil)
}

// TestEveryCallHasASpan calls every method that sends something, once well and
// once with an argument that is refused, and expects a span of its name each
// time.
func TestEveryCallHasASpan(t *testing.T) {
	registry := emulatortest.Start(t, &emulator.Options{Registries: []emulator.RegistryOptions{{SoftDelete: 24 * 3600e9}}})
	s := &spans{started: map[string]int{}, ended: map[string]int{}, parents: map[string]string{}, failed: map[string]int{}}
	options := registry.ClientOptions()
	options.TracingProvider = s.provider()
	client, err := acr.NewClient(registry.Endpoint, registry.Credential, &acr.ClientOptions{ClientOptions: options})
	if err != nil {
		t.Fatal(err)
	}
	authentication, err := acr.NewAuthenticationClient(registry.Endpoint, &acr.AuthenticationClientOptions{ClientOptions: options})
	if err != nil {
		t.Fatal(err)
	}
	blobs := client.NewBlobClient()
	everyCall(t, client, blobs)

	ctx := t.Context()
	check := func(what string, err error) {
		t.Helper()
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	digest := pushImage(t, client, "app", "v1")
	content := noise(1, 1000)
	blob, err := blobs.Upload(ctx, "app", bytes.NewReader(content), nil)
	check("Upload", err)
	_, err = blobs.Download(ctx, "app", blob.Digest, io.Discard, nil)
	check("Download", err)
	_, err = blobs.DownloadAt(ctx, "app", blob.Digest, discardAt{}, nil)
	check("DownloadAt", err)
	_, err = blobs.DownloadFile(ctx, "app", blob.Digest, filepath.Join(t.TempDir(), "blob"), nil)
	check("DownloadFile", err)
	reader, err := blobs.Open(ctx, "app", blob.Digest, nil)
	check("Open", err)
	check("Close", reader.Close())
	_, err = client.GetAccessToken(ctx, []string{"repository:app:pull"}, nil)
	check("GetAccessToken", err)
	for _, err := range client.Repositories(ctx, nil) {
		check("Repositories", err)
	}
	for _, err := range client.Tags(ctx, "app", nil) {
		check("Tags", err)
	}
	for _, err := range client.Manifests(ctx, "app", nil) {
		check("Manifests", err)
	}
	for _, err := range client.Referrers(ctx, "app", digest, nil) {
		check("Referrers", err)
	}
	_, err = client.NewListRepositoriesPager(nil).NextPage(ctx)
	check("NewListRepositoriesPager", err)
	_, err = client.NewListTagsPager("app", nil).NextPage(ctx)
	check("NewListTagsPager", err)
	_, err = client.NewListManifestsPager("app", nil).NextPage(ctx)
	check("NewListManifestsPager", err)
	_, err = client.DeleteManifest(ctx, "app", digest, nil)
	check("DeleteManifest", err)
	_, err = client.NewListDeletedRepositoriesPager(nil).NextPage(ctx)
	check("NewListDeletedRepositoriesPager", err)
	_, err = client.NewListDeletedManifestsPager("app", nil).NextPage(ctx)
	check("NewListDeletedManifestsPager", err)
	_, err = client.NewListDeletedTagsPager("app", nil).NextPage(ctx)
	check("NewListDeletedTagsPager", err)
	_, err = client.RestoreManifest(ctx, "app", digest, nil)
	check("RestoreManifest", err)
	entra, err := registry.Credential.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{"https://containerregistry.azure.net/.default"}})
	check("GetToken", err)
	refresh, err := authentication.ExchangeAADAccessTokenForACRRefreshToken(ctx, acr.PostContentSchemaGrantTypeAccessToken, registry.LoginServer,
		&acr.AuthenticationClientExchangeAADAccessTokenForACRRefreshTokenOptions{AccessToken: &entra.Token})
	check("ExchangeAADAccessTokenForACRRefreshToken", err)
	grant := acr.TokenGrantTypeRefreshToken
	_, err = authentication.ExchangeACRRefreshTokenForACRAccessToken(ctx, registry.LoginServer, "repository:app:pull", *refresh.RefreshToken,
		&acr.AuthenticationClientExchangeACRRefreshTokenForACRAccessTokenOptions{GrantType: &grant})
	check("ExchangeACRRefreshTokenForACRAccessToken", err)
	if _, err := client.GetManifest(ctx, "no name", "v1", nil); err == nil {
		t.Error("a name with a space is taken")
	}

	sendNothing := map[string]bool{"Client.NewBlobClient": true, "Client.Endpoint": true, "BlobClient.Endpoint": true}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range []any{client, blobs, authentication} {
		of := reflect.TypeOf(c)
		for method := range of.Methods() {
			name := of.Elem().Name() + "." + method.Name
			if list, ok := strings.CutPrefix(method.Name, "New"); ok && strings.HasSuffix(list, "Pager") {
				// azcore's own name for a page.
				name = "Pager[Client" + strings.TrimSuffix(list, "Pager") + "Response].NextPage"
			}
			if name == "BlobClient.UploadChunk" {
				name = "BlobClient.uploadChunk" // as v0.2.3 calls it
			}
			if !sendNothing[name] && s.started[name] == 0 {
				t.Errorf("%s has no span", name)
			}
		}
	}
	requests := 0
	for name, n := range s.started {
		if s.ended[name] != n {
			t.Errorf("of %d spans %s %d ended", n, name, s.ended[name])
		}
		if strings.HasPrefix(name, "HTTP ") {
			requests += n
			if s.parents[name] == "" {
				t.Errorf("a span %s has no parent", name)
			}
		}
	}
	// net/http follows the redirects of reads within one span.
	if sent, followed := len(registry.Emulator.Requests()), registry.Emulator.RequestCounts()[emulator.RouteData]; requests > sent || requests < sent-int(followed) {
		t.Errorf("%d spans of requests, %d requests, %d of them redirected", requests, sent, followed)
	}
	if s.failed["Client.GetManifest"] != 1 {
		t.Errorf("%d failed spans of GetManifest, want 1", s.failed["Client.GetManifest"])
	}
}

type discardAt struct{}

func (discardAt) WriteAt(p []byte, _ int64) (int, error) { return len(p), nil }
