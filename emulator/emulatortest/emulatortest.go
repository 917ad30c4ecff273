// Package emulatortest gives a test its own Azure Container Registry: no
// account, no network, no port, nothing to clean up.
//
//	func TestPush(t *testing.T) {
//		registry := emulatortest.Start(t)
//		client, err := azcontainerregistry.NewClient(registry.Endpoint, registry.Credential,
//			&azcontainerregistry.ClientOptions{ClientOptions: registry.ClientOptions()})
//		…
//	}
//
// The registry is served by a real HTTP server over pipes in memory, so that
// streaming, connection cuts and timeouts behave as they do over a network.
// It works inside a [testing/synctest] bubble, where time passes only when
// everybody waits.
package emulatortest

import (
	"net/http"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/acrkit/azcontainerregistry/emulator"
)

// Registry is an emulated registry that exists as long as a test.
type Registry struct {
	// LoginServer is the registry's host, such as "acrkit.azurecr.io".
	LoginServer string
	// Endpoint is the registry's URL, "https://" and the login server.
	Endpoint string
	// Credential signs in as an owner of the registry, unless the policies
	// say otherwise.
	Credential azcore.TokenCredential
	// Transport reaches the registry over memory. It is an *[http.Client] that
	// follows redirects, like azcore's default.
	Transport policy.Transporter
	// Emulator is the emulator behind it, for faults, the clock and
	// inspection.
	Emulator *emulator.Emulator

	connection *emulator.Connection
	name       string
}

// Start starts an emulator with a registry of its own, which ends with the
// test. At most one options value may be given; none means the zero value.
// With several registries in the options, the fields of the result are those
// of the first; [Registry.Endpoint] of the others is "https://" and their
// login server, over the same Transport.
//
// Inside a bubble call it with the bubble's own t.
func Start(t testing.TB, options ...*emulator.Options) *Registry {
	t.Helper()
	if len(options) > 1 {
		t.Fatal("emulatortest: Start takes at most one options value")
	}
	var o *emulator.Options
	if len(options) == 1 {
		o = options[0]
	}
	e, err := emulator.New(o)
	if err != nil {
		t.Fatalf("emulatortest: %v", err)
	}
	connection := e.Connect(nil)
	t.Cleanup(func() {
		if err := connection.Close(); err != nil {
			t.Errorf("emulatortest: %v", err)
		}
		if err := e.Close(); err != nil {
			t.Errorf("emulatortest: %v", err)
		}
	})
	login := e.LoginServers()[0]
	registry := &Registry{
		LoginServer: login,
		Endpoint:    "https://" + login,
		Transport:   connection.Client(),
		Emulator:    e,
		connection:  connection,
		name:        e.RegistryNames()[0],
	}
	registry.Credential = registry.NewCredential("")
	return registry
}

// NewCredential returns a credential for the identity with an id, which the
// policies may name. Its tokens follow the emulator's clock, so that moving
// the clock makes tokens of the registry expire but not those of Entra.
func (r *Registry) NewCredential(id string) *Credential {
	return NewCredential(&CredentialOptions{ID: id, Now: r.Emulator.Clock().Now})
}

// ClientOptions returns options for a client of azcore's kind, with the
// transport over memory and azcore's defaults otherwise.
func (r *Registry) ClientOptions() azcore.ClientOptions {
	return azcore.ClientOptions{Transport: r.Transport}
}

// HTTPClient returns a client over memory for requests of the test's own. It
// follows redirects as [http.Client] does.
func (r *Registry) HTTPClient() *http.Client { return r.connection.Client() }
