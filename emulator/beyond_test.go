package emulator_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/acrkit/azcontainerregistry/emulator"
)

func TestServerListensBeyondLoopbackOnlyWhenAsked(t *testing.T) {
	for _, address := range []string{":0", "0.0.0.0:0", "[::]:0", "192.0.2.1:0", "registry.test:0", "localhost.example:0"} {
		_, err := emulator.StartServer(&emulator.ServerOptions{Address: address, Emulator: emulator.Options{Dir: t.TempDir()}})
		var refusal *emulator.BeyondLoopbackError
		if !errors.As(err, &refusal) || refusal.Address != address || !strings.Contains(err.Error(), "other machines") {
			t.Errorf("%s: got %v", address, err)
		}
		if emulator.IsLoopbackAddress(address) {
			t.Errorf("%s counts as loopback", address)
		}
	}
	for _, address := range []string{"127.0.0.1:0", "[::1]:0", "localhost:0", "team.localhost:0", "127.8.0.1:5000"} {
		if !emulator.IsLoopbackAddress(address) {
			t.Errorf("%s does not count as loopback", address)
		}
	}
}

func TestServerRefusesOptionsThatCannotBe(t *testing.T) {
	for want, options := range map[string]emulator.ServerOptions{
		"identity provider": {IdentityProviderPort: 65536},
		"port -1":           {IdentityProviderPort: -1},
		"admin user":        {AdminPassword: "p"},
		"control token":     {ControlToken: "two words", AdminUser: true},
		"an admin user already": {AdminUser: true, AdminPassword: "p", Emulator: emulator.Options{Registries: []emulator.RegistryOptions{
			{Policies: emulator.Policies{Admin: &emulator.AdminUser{Passwords: []string{"q"}}}},
		}}},
	} {
		options.Address = "127.0.0.1:0"
		options.Emulator.Dir = t.TempDir()
		if _, err := emulator.StartServer(&options); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error with %q, got %v", want, err)
		}
	}
}

func TestGivenSecretsAreTheServers(t *testing.T) {
	server, err := emulator.StartServer(&emulator.ServerOptions{
		Address: "127.0.0.1:0", AdminUser: true, AdminPassword: "given", ControlToken: "token",
		Emulator: emulator.Options{Dir: t.TempDir(), NoSync: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Shutdown(t.Context())
	if _, password := server.AdminUser(); password != "given" {
		t.Errorf("the admin password is %q", password)
	}
	if token := server.Running().ControlToken; token != "token" {
		t.Errorf("the control token is %q", token)
	}
}

// TestControlEndpointBeyondLoopback asks as a machine on the network does: for
// a server on loopback that is a forwarded request or a web page.
func TestControlEndpointBeyondLoopback(t *testing.T) {
	e, err := emulator.New(&emulator.Options{Dir: t.TempDir(), NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	for name, c := range map[string]struct {
		beyond                   bool
		remote, host, auth, page string
		path                     string
		want                     int
	}{
		"loopback only":               {remote: "192.0.2.7:1", host: "localhost:5000", auth: "Bearer t", path: "clock", want: 403},
		"loopback only, another name": {remote: "127.0.0.1:1", host: "registry:5000", auth: "Bearer t", path: "clock", want: 403},
		"with the token":              {beyond: true, remote: "192.0.2.7:1", host: "registry:5000", auth: "Bearer t", path: "clock", want: 200},
		"without the token":           {beyond: true, remote: "192.0.2.7:1", host: "registry:5000", path: "clock", want: 401},
		"with another token":          {beyond: true, remote: "192.0.2.7:1", host: "registry:5000", auth: "Bearer u", path: "clock", want: 401},
		"ready needs none":            {beyond: true, remote: "192.0.2.7:1", host: "registry:5000", path: "ready", want: 200},
		"a web page":                  {beyond: true, remote: "192.0.2.7:1", host: "registry:5000", auth: "Bearer t", page: "http://evil.example", path: "clock", want: 403},
	} {
		request := httptest.NewRequest(http.MethodGet, emulator.ControlPrefix+c.path, nil)
		request.RemoteAddr, request.Host = c.remote, c.host
		for header, value := range map[string]string{"Authorization": c.auth, "Origin": c.page} {
			if value != "" {
				request.Header.Set(header, value)
			}
		}
		recorder := httptest.NewRecorder()
		emulator.ServerControl(e, "t", c.beyond).ServeHTTP(recorder, request)
		if recorder.Code != c.want {
			t.Errorf("%s: status %d, want %d", name, recorder.Code, c.want)
		}
	}
}
