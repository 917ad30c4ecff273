package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	azlog "github.com/Azure/azure-sdk-for-go/sdk/azcore/log"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/tracing"

	acr "github.com/acrkit/azcontainerregistry"
	"github.com/acrkit/azcontainerregistry/emulator"
	"github.com/acrkit/azcontainerregistry/emulator/emulatortest"
	"github.com/acrkit/azcontainerregistry/internal/strict"
)

var secretOnTheWire = regexp.MustCompile(`(?:_state|sig)=([^&"\s]+)|"(?:access|refresh)_token":"([^"]+)"|(?:access_token|refresh_token|password)=([^&]+)|Bearer (\S{20,})`)

// outputs gathers everything that a program could print.
type outputs struct {
	mu    sync.Mutex
	lines []string
}

func (o *outputs) add(format string, args ...any) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.lines = append(o.lines, fmt.Sprintf(format, args...))
}

func (o *outputs) tracer() tracing.Provider {
	return tracing.NewProvider(func(name, version string) tracing.Tracer {
		o.add("tracer %s %s", name, version)
		return tracing.NewTracer(func(ctx context.Context, name string, options *tracing.SpanOptions) (context.Context, tracing.Span) {
			o.add("span %s %v", name, options.Attributes)
			return ctx, tracing.NewSpan(tracing.SpanImpl{
				End:           func() {},
				SetAttributes: func(a ...tracing.Attribute) { o.add("attributes %v", a) },
				AddEvent:      func(name string, a ...tracing.Attribute) { o.add("event %s %v", name, a) },
				SetStatus:     func(_ tracing.SpanStatus, text string) { o.add("status of %s: %s", name, text) },
			})
		}, nil)
	}, nil)
}

// TestNoSecretIsEverPrinted runs good and bad calls with everything logged that
// azcore can log, and looks for what the wire carried.
func TestNoSecretIsEverPrinted(t *testing.T) {
	registry := emulatortest.Start(t)
	out := &outputs{}
	azlog.SetListener(func(event azlog.Event, text string) { out.add("%s: %s", event, text) })
	defer azlog.SetListener(nil)
	tap := &wiretap{next: registry.Transport, secrets: map[string]bool{}, agents: map[string]bool{}}
	options := azcore.ClientOptions{
		Transport:       tap,
		TracingProvider: out.tracer(),
		Telemetry:       policy.TelemetryOptions{ApplicationID: "test"},
		Retry:           policy.RetryOptions{MaxRetries: 1, RetryDelay: 1},
		Logging: policy.LogOptions{
			IncludeBody:        true,
			AllowedHeaders:     []string{"Authorization", "Location", "X-Ms-Request-Id", "*"},
			AllowedQueryParams: []string{"_state", "sig", "regid"},
		},
	}
	client, err := acr.NewClient(registry.Endpoint, registry.Credential, &acr.ClientOptions{ClientOptions: options})
	if err != nil {
		t.Fatal(err)
	}
	// What a strict caller is given hides secrets in the response, too.
	ctx := strict.Context(t.Context())
	blobs := client.NewBlobClient()
	pushImage(t, client, "app", "v1")
	digest := pushBlob(t, blobs, "app", []byte("content"))
	report := func(err error) {
		t.Helper()
		if err == nil {
			t.Error("a call that should fail did not")
			return
		}
		out.add("%v\n%+v\n%#v", err, err, errors.Unwrap(err).Error())
		var respErr *azcore.ResponseError
		if errors.As(err, &respErr) {
			text, _ := respErr.MarshalJSON()
			out.add("%s %v %v", respErr.Error(), string(text), respErr.RawResponse.Request.Header)
		}
	}
	for range client.Tags(ctx, "app", nil) {
	}
	if _, err := client.GetTagProperties(ctx, "app", "v1", nil); err != nil {
		t.Error(err)
	}
	blob, err := blobs.GetBlob(ctx, "app", digest, nil)
	if err != nil {
		t.Fatal(err)
	}
	blob.BlobData.Close()
	for _, fault := range []emulator.Fault{
		{Routes: []emulator.Route{emulator.RouteData}, Break: &emulator.FaultBreak{On: emulator.OnResponse, How: emulator.BreakReset}},
		{Routes: []emulator.Route{emulator.RouteData}, Respond: &emulator.FaultResponse{Status: 403, ContentType: "application/xml", Body: "<Error><Code>AuthenticationFailed</Code><Message>x</Message></Error>"}},
	} {
		if err := registry.Emulator.SetFaults(fault); err != nil {
			t.Fatal(err)
		}
		_, err := blobs.GetBlob(ctx, "app", digest, nil)
		report(err)
		_, plain := blobs.GetBlob(t.Context(), "app", digest, nil)
		out.add("%v\n%+v", plain, plain)
	}
	if err := registry.Emulator.SetFaults(); err != nil {
		t.Fatal(err)
	}
	_, err = client.GetManifest(ctx, "app", "never-was", nil)
	report(err)
	start, err := blobs.StartUpload(ctx, "app", nil)
	if err != nil {
		t.Fatal(err)
	}
	tampered := strings.Replace(*start.Location, "_state=", "_state=AAAA", 1)
	_, err = blobs.UploadChunk(ctx, tampered, strings.NewReader("x"), nil, nil)
	report(err)
	_, err = blobs.UploadChunk(ctx, "https://evil.example"+*start.Location, strings.NewReader("x"), nil, nil)
	report(err)
	password, err := acr.NewPasswordCredential("acrkit", "hunter2hunter2")
	if err != nil {
		t.Fatal(err)
	}
	out.add("%v %+v %#v %s %q", password, password, password, password, *password)
	refused, err := acr.NewClientWithPasswordCredential(registry.Endpoint, password, &acr.ClientOptions{ClientOptions: options})
	if err != nil {
		t.Fatal(err)
	}
	_, err = refused.GetManifest(ctx, "app", "v1", nil)
	report(err)

	if len(tap.secrets) < 8 {
		t.Errorf("only %d secrets were on the wire", len(tap.secrets))
	}
	tap.secrets["hunter2hunter2"] = true
	out.mu.Lock()
	all := strings.Join(out.lines, "\n")
	out.mu.Unlock()
	for secret := range tap.secrets {
		if i := strings.Index(all, secret); i >= 0 {
			t.Errorf("a secret is printed: …%s…", all[max(0, i-200):min(len(all), i+60)])
		}
	}
	for _, want := range []string{
		"span Client.UploadManifest", "span BlobClient.GetBlob", "span Client.Tags", "span HTTP PATCH", "status of Client.GetManifest: *azcontainerregistry.OperationError",
		"Request: ==> OUTGOING REQUEST", "_state=REDACTED", "sig=REDACTED", "Retry: =====> Try=2", "ResponseError: GET https://", "ERROR CODE: MANIFEST_UNKNOWN",
		`"imageName":"app","tag":{`, "tracer github.com/Azure/azure-sdk-for-go/sdk/containers/azcontainerregistry v",
	} {
		if !strings.Contains(all, want) {
			t.Errorf("nothing printed has %q", want)
		}
	}
	for agent := range tap.agents {
		if !strings.HasPrefix(agent, "test azsdk-go-azcontainerregistry/v") {
			t.Errorf("user agent %q", agent)
		}
	}
}

type countingPolicy struct{ n int }

func (p *countingPolicy) Do(req *policy.Request) (*http.Response, error) {
	p.n++
	return req.Next()
}

// TestAzcoreOptionsWorkAsEverywhere uses what an Azure user knows.
func TestAzcoreOptionsWorkAsEverywhere(t *testing.T) {
	registry, setUp, _ := startRegistry(t)
	pushImage(t, setUp, "app", "v1")
	perCall, perRetry := &countingPolicy{}, &countingPolicy{}
	options := registry.ClientOptions()
	options.APIVersion = "2019-08-15-preview"
	options.PerCallPolicies = []policy.Policy{perCall}
	options.PerRetryPolicies = []policy.Policy{perRetry}
	options.Retry = policy.RetryOptions{RetryDelay: 1}
	client, err := acr.NewClient(registry.Endpoint, registry.Credential, &acr.ClientOptions{ClientOptions: options})
	if err != nil {
		t.Fatal(err)
	}
	if err := registry.Emulator.SetFaults(emulator.Fault{Methods: []string{"GET"}, Count: 2, Respond: &emulator.FaultResponse{Status: 503}}); err != nil {
		t.Fatal(err)
	}
	var captured *http.Response
	ctx := policy.WithCaptureResponse(t.Context(), &captured)
	registry.Emulator.ResetRequests()
	if _, err := client.GetTagProperties(ctx, "app", "v1", nil); err != nil {
		t.Fatal(err)
	}
	if captured == nil || captured.StatusCode != 200 || captured.Request.Method != "GET" {
		t.Errorf("captured %+v", captured)
	} else if body, err := io.ReadAll(captured.Body); err != nil || !strings.Contains(string(body), `"imageName":"app"`) {
		t.Errorf("captured body %q", body)
	}
	// An exchange, a token and a read: three attempts, and the one that is
	// challenged.
	if perCall.n != 3 || perRetry.n != 6 {
		t.Errorf("policies ran %d times a call and %d times an attempt", perCall.n, perRetry.n)
	}
	if _, err := client.GetTagProperties(ctx, "app", "never-was", nil); err == nil || captured.StatusCode != 404 {
		t.Errorf("%v, captured %d", err, captured.StatusCode)
	}
	once := policy.WithRetryOptions(t.Context(), policy.RetryOptions{MaxRetries: -1})
	if err := registry.Emulator.SetFaults(emulator.Fault{Methods: []string{"GET"}, Respond: &emulator.FaultResponse{Status: 503}}); err != nil {
		t.Fatal(err)
	}
	var exhausted *acr.RetriesExhaustedError
	if _, err := client.GetTagProperties(once, "app", "v1", nil); err == nil || errors.As(err, &exhausted) {
		t.Errorf("one attempt: %v", err)
	}
	_, err = client.GetTagProperties(t.Context(), "app", "v1", nil)
	if op, ok := acr.OperationOf(err); !ok || op.Attempts != 4 || op.Name != "get properties of tag" || op.Repository != "app" || op.Reference != "v1" || op.Registry == "" {
		t.Errorf("four attempts: %v, %+v", err, op)
	}
	if _, ok := err.(*azcore.ResponseError); !ok || !errors.As(acr.WithOperation(err), &exhausted) || exhausted.Attempts != 4 {
		t.Errorf("four attempts: %v", err)
	}
}

// TestAuthenticationClient goes the way that the other clients go by themselves.
func TestAuthenticationClient(t *testing.T) {
	registry, setUp, _ := startRegistry(t)
	pushImage(t, setUp, "app", "v1")
	entra, err := registry.Credential.GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{"https://containerregistry.azure.net/.default"}})
	if err != nil {
		t.Fatal(err)
	}
	client, err := acr.NewAuthenticationClient(registry.Endpoint, &acr.AuthenticationClientOptions{ClientOptions: registry.ClientOptions()})
	if err != nil {
		t.Fatal(err)
	}
	refresh, err := client.ExchangeAADAccessTokenForACRRefreshToken(t.Context(), acr.PostContentSchemaGrantTypeAccessToken, registry.LoginServer,
		&acr.AuthenticationClientExchangeAADAccessTokenForACRRefreshTokenOptions{AccessToken: &entra.Token})
	if err != nil {
		t.Fatal(err)
	}
	grant := acr.TokenGrantTypeRefreshToken
	refreshGrant := &acr.AuthenticationClientExchangeACRRefreshTokenForACRAccessTokenOptions{GrantType: &grant}
	access, err := client.ExchangeACRRefreshTokenForACRAccessToken(t.Context(), registry.LoginServer, "repository:app:pull", *refresh.RefreshToken, refreshGrant)
	if err != nil || len(*access.AccessToken) < 100 {
		t.Error(err)
	}
	_, err = client.ExchangeACRRefreshTokenForACRAccessToken(t.Context(), registry.LoginServer, "repository:app:pull", "rubbish", refreshGrant)
	var respErr *azcore.ResponseError
	if !errors.As(err, &respErr) || respErr.StatusCode != 401 {
		t.Errorf("%v", err)
	}
	credential, err := acr.NewRefreshTokenCredential(*refresh.RefreshToken)
	if err != nil {
		t.Fatal(err)
	}
	ready, err := acr.NewClientWithRefreshTokenCredential(registry.Endpoint, credential, &acr.ClientOptions{ClientOptions: registry.ClientOptions()})
	if err != nil {
		t.Fatal(err)
	}
	if err := readManifest(ready, "app", "v1"); err != nil {
		t.Error(err)
	}
}
