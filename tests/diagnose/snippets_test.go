package diagnose_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	azlog "github.com/Azure/azure-sdk-for-go/sdk/azcore/log"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	azcontainerregistry "github.com/acrkit/azcontainerregistry"
	"github.com/acrkit/azcontainerregistry/diagnose"
	"github.com/acrkit/azcontainerregistry/emulator"
	"github.com/acrkit/azcontainerregistry/emulator/emulatortest"
)

// The snippets of TROUBLESHOOTING.md. What stands between "// snippet" and
// "// end" is there word for word; the tests below run it.

func snippetErrors(ctx context.Context, client *azcontainerregistry.Client) string {
	// snippet errors
	_, err := client.GetManifest(ctx, "team/app", "v2", nil)
	var response *azcore.ResponseError
	switch {
	case azcontainerregistry.HasCode(err, azcontainerregistry.ErrorCodeManifestUnknown):
		return "there is no such tag"
	case errors.As(err, &response):
		return fmt.Sprintf("the registry returned %d %s", response.StatusCode, response.ErrorCode)
	case err != nil:
		return "no response from the registry: " + err.Error()
	}
	// end
	return ""
}

func snippetExplain(err error, w io.Writer) {
	// snippet explain
	d, known := diagnose.Explain(err)
	fmt.Fprintln(w, d.Code, d.Title, known)
	for _, seen := range d.Seen {
		fmt.Fprintf(w, "  seen: %s (%s)\n", seen.Text, seen.Origin)
	}
	for _, cause := range d.Causes {
		fmt.Fprintf(w, "  %s: %s\n", cause.Certainty, cause.Text)
	}
	for _, fix := range d.Fix {
		fmt.Fprintln(w, "  fix:", fix)
	}
	// end
}

func snippetLogging(w io.Writer) {
	// snippet logging
	azlog.SetListener(func(event azlog.Event, message string) {
		fmt.Fprintln(w, event, message)
	})
	azlog.SetEvents(azlog.EventRequest, azlog.EventResponse, azlog.EventRetryPolicy)
	// end
}

func snippetResponse(ctx context.Context, client *azcontainerregistry.Client) (int, error) {
	// snippet response
	var response *http.Response
	ctx = policy.WithCaptureResponse(ctx, &response)
	if _, err := client.GetRepositoryProperties(ctx, "team/app", nil); err != nil {
		return 0, err
	}
	fmt.Println(response.StatusCode, response.Header.Get("Date"))
	// end
	return response.StatusCode, nil
}

func snippetCorrelation(err error) string {
	// snippet correlation
	id := azcontainerregistry.CorrelationID(err)
	// end
	return id
}

func snippetRetry(ctx context.Context, client *azcontainerregistry.Client) error {
	// snippet retry
	_, err := client.GetManifest(ctx, "team/app", "v1", nil)
	if d, _ := diagnose.Explain(err); d.Retry.Advice == diagnose.RetryLater {
		wait := max(d.Retry.After, 5*time.Second)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return ctx.Err()
		}
		_, err = client.GetManifest(ctx, "team/app", "v1", nil)
	}
	// end
	return err
}

func snippetUpload(ctx context.Context, client *azcontainerregistry.Client, file io.Reader) (string, error) {
	// snippet upload
	blobs := client.NewBlobClient()
	uploaded, err := blobs.Upload(ctx, "team/app", file, nil)
	if err != nil {
		return "", err
	}
	return uploaded.Digest, nil
	// end
}

func snippetCache(endpoint string, credential azcore.TokenCredential, clientOptions azcore.ClientOptions) (*azcontainerregistry.Client, *azcontainerregistry.Client, error) {
	// snippet cache
	clientOptions.PerCallPolicies = append(clientOptions.PerCallPolicies, azcontainerregistry.NewTokenCache())
	options := &azcontainerregistry.ClientOptions{ClientOptions: clientOptions}
	reader, err := azcontainerregistry.NewClient(endpoint, credential, options)
	if err != nil {
		return nil, nil, err
	}
	writer, err := azcontainerregistry.NewClient(endpoint, credential, options)
	// end
	return reader, writer, err
}

func snippetDoctor(ctx context.Context, endpoint string, credential azcore.TokenCredential) diagnose.Report {
	// snippet doctor
	report := diagnose.Run(ctx,
		diagnose.Target{Endpoint: endpoint, Repository: "team/app"},
		&diagnose.Options{Credential: func(context.Context) (diagnose.Credential, error) {
			return diagnose.Credential{Token: credential}, nil
		}})
	for _, finding := range report.Findings {
		fmt.Println(finding.Check, finding.Code, finding.Title)
	}
	// end
	return report
}

func newClient(t *testing.T, registry *emulatortest.Registry) *azcontainerregistry.Client {
	t.Helper()
	client, err := azcontainerregistry.NewClient(registry.Endpoint, registry.Credential, &azcontainerregistry.ClientOptions{ClientOptions: registry.ClientOptions()})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func TestSnippetsWork(t *testing.T) {
	registry := healthy(t)
	client := newClient(t, registry)
	if got := snippetErrors(t.Context(), client); got != "there is no such tag" {
		t.Errorf("errors: %q", got)
	}
	_, err := client.GetManifest(t.Context(), "team/app", "v2", nil)
	var explained bytes.Buffer
	if snippetExplain(err, &explained); !strings.HasPrefix(explained.String(), "TAG_NOT_FOUND ") {
		t.Errorf("explain: %s", explained.String())
	}
	if snippetCorrelation(err) == "" {
		t.Error("correlation: none")
	}
	if status, err := snippetResponse(t.Context(), client); status != http.StatusOK || err != nil {
		t.Errorf("response: %d, %v", status, err)
	}
	if err := snippetRetry(t.Context(), client); err != nil {
		t.Errorf("retry: %v", err)
	}
	if digest, err := snippetUpload(t.Context(), client, strings.NewReader("another layer")); err != nil || !strings.HasPrefix(digest, "sha256:") {
		t.Errorf("upload: %q, %v", digest, err)
	}
	server := httptest.NewServer(registry.Emulator)
	defer server.Close()
	if report := snippetDoctor(t.Context(), server.URL, registry.Credential); len(report.Findings) != 0 {
		t.Errorf("doctor: %s", describe(report))
	}
}

func TestSnippetOfTheCacheSharesTokens(t *testing.T) {
	registry := healthy(t)
	reader, writer, err := snippetCache(registry.Endpoint, registry.Credential, registry.ClientOptions())
	if err != nil {
		t.Fatal(err)
	}
	registry.Emulator.ResetRequests()
	for _, client := range []*azcontainerregistry.Client{reader, writer} {
		if _, err := client.GetManifest(t.Context(), "team/app", "v1", nil); err != nil {
			t.Fatal(err)
		}
	}
	tokens := 0
	for _, request := range registry.Emulator.Requests() {
		if request.Route == emulator.RouteOAuthToken {
			tokens++
		}
	}
	if tokens != 1 {
		t.Errorf("%d token requests for two clients, want 1", tokens)
	}
}

func TestSnippetOfTheLogShowsNoSecret(t *testing.T) {
	var log bytes.Buffer
	snippetLogging(&log)
	t.Cleanup(func() { azlog.SetListener(nil); azlog.SetEvents() })
	client := newClient(t, healthy(t))
	if _, err := client.GetManifest(t.Context(), "team/app", "v1", nil); err != nil {
		t.Fatal(err)
	}
	if text := log.String(); !strings.Contains(text, "/v2/team%2Fapp/manifests/v1") || strings.Contains(text, "eyJ") {
		t.Errorf("the log:\n%s", text)
	}
}
