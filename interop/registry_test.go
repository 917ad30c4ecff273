package interop

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"

	acr "github.com/acrkit/azcontainerregistry"
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
	// control is the control endpoint, and token what it asks for.
	control, token string
	// authority is the file with the certificate authority, for https.
	authority string
	// tools are the lines to paste for each tool, as the emulator prints them.
	tools []toolLines
}

type toolLines struct {
	Tool  string
	Lines []string
}

// repository is a reference's first part.
func (s server) repository(name string) string { return s.host + "/" + name }

// startEmulator runs "acrkit emulator" on a random loopback port until the
// test ends, with the admin user that it prints.
func startEmulator(t *testing.T, args ...string) server {
	t.Helper()
	all := append([]string{"emulator", "--addr", "127.0.0.1:0", "--dir", t.TempDir(), "-o", "json"}, args...)
	// It ends by the interrupt below, and not with the test's context, which
	// ends before.
	c := exec.CommandContext(context.WithoutCancel(t.Context()), acrkit, all...)
	var stderr bytes.Buffer
	c.Stderr = &stderr
	stdout, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(c.Process.Signal(os.Interrupt), c.Wait()); err != nil {
			t.Errorf("acrkit emulator: %v\n%s", err, stderr.String())
		}
	})
	var ready struct {
		Item struct {
			Endpoint, Username, Password, AuthorityFile string
			ControlURL, ControlToken                    string
			Tools                                       []toolLines
		}
	}
	if err := json.NewDecoder(stdout).Decode(&ready); err != nil {
		t.Fatalf("acrkit emulator: %v\n%s", err, stderr.String())
	}
	s := serverAt(t, ready.Item.Endpoint)
	s.username, s.password, s.authority = ready.Item.Username, ready.Item.Password, ready.Item.AuthorityFile
	s.tools = ready.Item.Tools
	s.control, s.token = ready.Item.ControlURL, ready.Item.ControlToken
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

// withRefreshToken signs in as az acr login does: by trading an Entra token
// for a refresh token, which is the password of the null user.
func (s server) withRefreshToken(t *testing.T) server {
	t.Helper()
	s.username, s.password = nullUser, refreshToken(t, s)
	return s
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
