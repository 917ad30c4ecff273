package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/acrkit/azcontainerregistry"
	"github.com/acrkit/azcontainerregistry/diagnose"
	"github.com/acrkit/azcontainerregistry/internal/strict"
)

// sender is a transport of azcore's made of a function.
type sender func(*http.Request) (*http.Response, error)

func (s sender) Do(r *http.Request) (*http.Response, error) { return s(r) }

func answering(request *http.Request, status int, body string) (*http.Response, error) {
	return &http.Response{
		StatusCode: status, Status: fmt.Sprintf("%d %s", status, http.StatusText(status)), Request: request,
		Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)),
	}, nil
}

// entraSays is an identity service that refuses every token with a code.
func entraSays(code, words string) sender {
	return func(r *http.Request) (*http.Response, error) {
		if strings.Contains(r.URL.Path, "openid-configuration") {
			base := "https://login.microsoftonline.com/" + tenantOfTests
			return answering(r, http.StatusOK, fmt.Sprintf(`{"token_endpoint":"%[1]s/oauth2/v2.0/token","authorization_endpoint":"%[1]s/oauth2/v2.0/authorize","issuer":"%[1]s/v2.0"}`, base))
		}
		body, err := json.Marshal(map[string]any{
			"error": "invalid_client", "error_description": code + ": " + words + " Trace ID: 0f0e0d0c-0000-4000-8000-0000000000aa Correlation ID: 0f0e0d0c-0000-4000-8000-0000000000bb",
		})
		if err != nil {
			return nil, err
		}
		return answering(r, http.StatusBadRequest, string(body))
	}
}

const tenantOfTests = "0f0e0d0c-0000-4000-8000-0000000000cc"

// explainedBy calls a registry with a credential that fails, and explains the
// error of that call.
func explainedBy(t *testing.T, credential azcore.TokenCredential) diagnose.Diagnosis {
	t.Helper()
	o := &azcontainerregistry.ClientOptions{ClientOptions: policy.ClientOptions{
		Transport: sender(func(r *http.Request) (*http.Response, error) {
			resp, err := answering(r, http.StatusUnauthorized, `{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}`)
			resp.Header.Set("WWW-Authenticate", `Bearer realm="https://myreg.azurecr.io/oauth2/token",service="myreg.azurecr.io"`)
			return resp, err
		}),
		Retry: policy.RetryOptions{MaxRetries: -1},
	}}
	client, err := azcontainerregistry.NewClient("https://myreg.azurecr.io", credential, o)
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.GetManifest(strict.Context(t.Context()), "team/app", "v1", nil)
	if err == nil {
		t.Fatal("the call succeeded")
	}
	if _, is := errors.AsType[*azcontainerregistry.CredentialError](err); !is {
		t.Errorf("no CredentialError in %v", err)
	}
	d, _ := diagnose.Explain(err)
	return d
}

// TestEveryEntraCodeIsKnownInAzidentitysErrors holds the catalogue to the
// errors that azidentity makes by itself: package diagnose knows their text.
func TestEveryEntraCodeIsKnownInAzidentitysErrors(t *testing.T) {
	codes := map[string]string{"AADSTS123456": "ENTRA_REFUSED"}
	for _, code := range diagnose.Codes() {
		row, _ := diagnose.Lookup(code)
		for _, entra := range row.Entra {
			codes[entra] = string(code)
		}
	}
	for entra, want := range codes {
		words := "Something about the app '0f0e0d0c-0000-4000-8000-000000000002'."
		credential, err := azidentity.NewClientSecretCredential(tenantOfTests, "0f0e0d0c-0000-4000-8000-000000000002", "marked-secret", &azidentity.ClientSecretCredentialOptions{
			ClientOptions:            policy.ClientOptions{Transport: entraSays(entra, words), Retry: policy.RetryOptions{MaxRetries: -1}},
			DisableInstanceDiscovery: true,
		})
		if err != nil {
			t.Fatal(err)
		}
		d := explainedBy(t, credential)
		if string(d.Code) != want || len(d.Seen) == 0 || d.Seen[0].Text != entra+": "+words {
			t.Errorf("%s is explained as %s, seen %q, want %s", entra, d.Code, d.Seen, want)
		}
	}
}

// TestAzidentitysFailuresAreToldApart uses real credentials on machines that lack
// what they need.
func TestAzidentitysFailuresAreToldApart(t *testing.T) {
	unset(t)
	imds := func(status int, body string) policy.ClientOptions {
		return policy.ClientOptions{
			Transport: sender(func(r *http.Request) (*http.Response, error) { return answering(r, status, body) }),
			Retry:     policy.RetryOptions{MaxRetries: -1},
		}
	}
	unreachable := policy.ClientOptions{
		Transport: sender(func(r *http.Request) (*http.Response, error) {
			return nil, errors.New("dial tcp 169.254.169.254:80: connect: no route to host")
		}),
		Retry: policy.RetryOptions{MaxRetries: -1},
	}
	managed := func(o policy.ClientOptions, id azidentity.ManagedIDKind) func() (azcore.TokenCredential, error) {
		return func() (azcore.TokenCredential, error) {
			return azidentity.NewManagedIdentityCredential(&azidentity.ManagedIdentityCredentialOptions{ClientOptions: o, ID: id})
		}
	}
	cli := func() (azcore.TokenCredential, error) { return azidentity.NewAzureCLICredential(nil) }
	for name, test := range map[string]struct {
		az   string // a stand-in for the Azure CLI; "-" for none
		make func() (azcore.TokenCredential, error)
		want string
		seen []string
	}{
		"an identity that is not assigned": {make: managed(imds(400, `{"error":"invalid_request","error_description":"Identity not found"}`), azidentity.ClientID("x")), want: "MANAGED_IDENTITY_UNKNOWN"},
		"no identity of the system":        {make: managed(imds(400, `{"error":"invalid_request","error_description":"Identity not found"}`), nil), want: "MANAGED_IDENTITY_UNKNOWN"},
		"no managed identity endpoint":     {make: managed(unreachable, nil), want: "MANAGED_IDENTITY_UNREACHABLE"},
		"an endpoint that fails":           {make: managed(imds(500, `{"error":"unknown","error_description":"Failed to retrieve token from the AAD"}`), nil), want: "CREDENTIAL_FAILED", seen: []string{"500 Internal Server Error", "Failed to retrieve token from the AAD"}},
		"az without a sign-in":             {az: "echo \"ERROR: Please run 'az login' to setup account.\" >&2; exit 1", make: cli, want: "CLI_NOT_SIGNED_IN", seen: []string{"Please run 'az login'"}},
		"az whose sign-in has ended":       {az: "echo 'ERROR: AADSTS700082: The refresh token has expired due to inactivity. Trace ID: x' >&2; exit 1", make: cli, want: "ENTRA_SIGN_IN_EXPIRED"},
		"az that crashes":                  {az: "echo 'Traceback: the moon is full' >&2; exit 3", make: cli, want: "CREDENTIAL_FAILED", seen: []string{"the moon is full"}},
		"no az":                            {az: "-", make: cli, want: "CLI_NOT_FOUND"},
		"a chain of which nothing fits": {az: "-", want: "NO_CREDENTIAL_AVAILABLE", seen: []string{"EnvironmentCredential: missing environment variable", "WorkloadIdentityCredential: no client ID", "ManagedIdentityCredential: ", "AzureCLICredential: executable not found on path"}, make: func() (azcore.TokenCredential, error) {
			return azidentity.NewDefaultAzureCredential(&azidentity.DefaultAzureCredentialOptions{ClientOptions: unreachable})
		}},
		"a pod without its token": {want: "WORKLOAD_IDENTITY_INCOMPLETE", make: func() (azcore.TokenCredential, error) {
			return azidentity.NewWorkloadIdentityCredential(&azidentity.WorkloadIdentityCredentialOptions{
				ClientID: "x", TenantID: tenantOfTests, TokenFilePath: filepath.Join(t.TempDir(), "token"), DisableInstanceDiscovery: true,
				ClientOptions: policy.ClientOptions{Transport: entraSays("AADSTS90002", "never asked")},
			})
		}},
		"an identity service that is not reachable": {want: "ENTRA_UNREACHABLE", make: func() (azcore.TokenCredential, error) {
			return azidentity.NewClientSecretCredential(tenantOfTests, "x", "marked-secret", &azidentity.ClientSecretCredentialOptions{
				DisableInstanceDiscovery: true,
				ClientOptions: policy.ClientOptions{Retry: policy.RetryOptions{MaxRetries: -1}, Transport: sender(func(*http.Request) (*http.Response, error) {
					return nil, errors.New("dial tcp: lookup login.microsoftonline.com: no such host")
				})},
			})
		}},
		"a credential of the caller's own": {want: "CREDENTIAL_FAILED", seen: []string{"the key card is not in the reader"}, make: func() (azcore.TokenCredential, error) {
			return ownCredential{}, nil
		}},
	} {
		t.Run(name, func(t *testing.T) {
			if test.az != "" {
				if runtime.GOOS == "windows" {
					t.Skip("the stand-in for az is a shell script")
				}
				standIn(t, test.az)
			}
			credential, err := test.make()
			if err != nil {
				t.Fatal(err)
			}
			d := explainedBy(t, credential)
			var seen strings.Builder
			for _, s := range d.Seen {
				fmt.Fprintln(&seen, s.Text)
			}
			if string(d.Code) != test.want {
				t.Errorf("explained as %s, want %s\n%s", d.Code, test.want, seen.String())
			}
			for _, want := range test.seen {
				if !strings.Contains(seen.String(), want) {
					t.Errorf("%q was not seen in\n%s", want, seen.String())
				}
			}
			if strings.Contains(seen.String(), "marked-secret") {
				t.Errorf("a secret is shown:\n%s", seen.String())
			}
		})
	}
}

type ownCredential struct{}

func (ownCredential) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{}, errors.New("the key card is not in the reader")
}

// standIn puts a program named az on the PATH, or takes the real one away.
func standIn(t *testing.T, script string) {
	t.Helper()
	bin := t.TempDir()
	// The shell itself is needed, by its own name.
	for _, name := range []string{"sh"} {
		path, err := filepath.EvalSymlinks("/bin/" + name)
		if err != nil {
			t.Skip(err)
		}
		if err := os.Symlink(path, filepath.Join(bin, name)); err != nil {
			t.Fatal(err)
		}
	}
	if script != "-" {
		if err := os.WriteFile(filepath.Join(bin, "az"), []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", bin)
}

// unset clears what azidentity reads from the environment.
func unset(t *testing.T) {
	t.Helper()
	for _, name := range []string{
		"AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AZURE_CLIENT_CERTIFICATE_PATH", "AZURE_FEDERATED_TOKEN_FILE",
		"IDENTITY_ENDPOINT", "MSI_ENDPOINT", "IDENTITY_HEADER", "AZURE_TOKEN_CREDENTIALS",
	} {
		t.Setenv(name, "")
		os.Unsetenv(name)
	}
}
