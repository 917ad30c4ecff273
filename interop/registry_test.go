package interop

import (
	"net/http/httptest"
	"net/url"
	"os/exec"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"

	acr "github.com/acrkit/azcontainerregistry"
	"github.com/acrkit/azcontainerregistry/emulator"
	"github.com/acrkit/azcontainerregistry/emulator/emulatortest"
)

// nullUser is who docker's world signs in as with an ACR refresh token (ACR
// protocol §2.6).
const nullUser = "00000000-0000-0000-0000-000000000000"

// server is a registry on a loopback port, with what the strangers sign in
// with.
type server struct {
	// endpoint is the URL, host its host and port.
	endpoint, host     string
	username, password string
}

// repository is a reference's first part.
func (s server) repository(name string) string { return s.host + "/" + name }

// startEmulator runs "acrkit emulator" on a random loopback port, and signs in
// as az acr login does: by trading an Entra token for a refresh token, which
// is the password of the null user.
func startEmulator(t *testing.T) server {
	t.Helper()
	e, err := emulator.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(e)
	t.Cleanup(func() {
		web.Close()
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	s := serverAt(t, web.URL)
	s.username, s.password = nullUser, refreshToken(t, s)
	return s
}

func serverAt(t *testing.T, endpoint string) server {
	t.Helper()
	address, err := url.Parse(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	return server{endpoint: strings.TrimSuffix(endpoint, "/"), host: address.Host}
}

func refreshToken(t *testing.T, s server) string {
	t.Helper()
	entra, err := emulatortest.NewCredential(nil).GetToken(t.Context(), policy.TokenRequestOptions{
		Scopes: []string{"https://containerregistry.azure.net/.default"},
	})
	if err != nil {
		t.Fatal(err)
	}
	client, err := acr.NewAuthenticationClient(s.endpoint, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := client.ExchangeAADAccessTokenForACRRefreshToken(t.Context(), acr.PostContentSchemaGrantTypeAccessToken, s.host,
		&acr.AuthenticationClientExchangeAADAccessTokenForACRRefreshTokenOptions{AccessToken: to.Ptr(entra.Token)})
	if err != nil {
		t.Fatal(err)
	}
	return *response.RefreshToken
}

// command runs a program to its end and returns what it printed.
func command(t *testing.T, stdin, name string, args ...string) string {
	t.Helper()
	output, err := try(t, stdin, name, args...)
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, output)
	}
	return output
}

// try is command for a program that may fail.
func try(t *testing.T, stdin, name string, args ...string) (string, error) {
	t.Helper()
	c := exec.CommandContext(t.Context(), name, args...)
	c.Stdin = strings.NewReader(stdin)
	output, err := c.CombinedOutput()
	return string(output), err
}
