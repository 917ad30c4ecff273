package interop

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	acr "github.com/acrkit/azcontainerregistry"
	"github.com/acrkit/azcontainerregistry/diagnose"
)

type transportFunc func(*http.Request) (*http.Response, error)

func (f transportFunc) Do(r *http.Request) (*http.Response, error) { return f(r) }

// TestExplainKnowsPlainErrorsOfCredentials lets azidentity fail below a client:
// the call returns azidentity's own error, as v0.2.3 does, and Explain knows it.
func TestExplainKnowsPlainErrorsOfCredentials(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	entra := transportFunc(func(req *http.Request) (*http.Response, error) {
		status, body := 401, `{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret provided. Ensure the secret being sent in the request is the client secret value. Trace ID: 1"}`
		if strings.Contains(req.URL.Path, ".well-known") {
			status, body = 200, `{"authorization_endpoint":"https://login.microsoftonline.com/t/oauth2/v2.0/authorize","token_endpoint":"https://login.microsoftonline.com/t/oauth2/v2.0/token","issuer":"https://login.microsoftonline.com/t/v2.0"}`
		}
		return &http.Response{StatusCode: status, Status: http.StatusText(status), Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)), Request: req}, nil
	})
	secret, err := azidentity.NewClientSecretCredential("11111111-2222-4333-8444-555555555555", "22222222-2222-4333-8444-555555555555", "secret", &azidentity.ClientSecretCredentialOptions{
		ClientOptions: azcore.ClientOptions{Transport: entra, Retry: policy.RetryOptions{MaxRetries: -1}}, DisableInstanceDiscovery: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	cli, err := azidentity.NewAzureCLICredential(nil)
	if err != nil {
		t.Fatal(err)
	}
	chain, err := azidentity.NewChainedTokenCredential([]azcore.TokenCredential{cli}, nil)
	if err != nil {
		t.Fatal(err)
	}
	registry := transportFunc(func(req *http.Request) (*http.Response, error) {
		return &http.Response{
			StatusCode: 401, Status: "401 Unauthorized", Request: req, Body: http.NoBody,
			Header: http.Header{"Www-Authenticate": {`Bearer realm="https://contoso.azurecr.io/oauth2/token",service="contoso.azurecr.io",scope="repository:app:metadata_read"`}},
		}, nil
	})
	for code, credential := range map[string]azcore.TokenCredential{"ENTRA_SECRET_INVALID": secret, "CLI_NOT_FOUND": cli, "NO_CREDENTIAL_AVAILABLE": chain} {
		c, err := acr.NewClient("https://contoso.azurecr.io", credential, &acr.ClientOptions{ClientOptions: azcore.ClientOptions{Transport: registry, Retry: policy.RetryOptions{MaxRetries: -1}}})
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.GetRepositoryProperties(t.Context(), "app", nil)
		_, own := credential.GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{"https://containerregistry.azure.net/.default"}})
		if own == nil || err == nil || err.Error() != own.Error() {
			t.Errorf("the call fails with\n%v\nand the credential with\n%v", err, own)
		}
		if d, known := diagnose.Explain(err); !known || string(d.Code) != code {
			t.Errorf("%s, %t for %T %v", d.Code, known, err, err)
		}
	}
}
