package azcontainerregistry_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	azcontainerregistry "github.com/acrkit/azcontainerregistry"
	"github.com/acrkit/azcontainerregistry/internal/strict"
)

// refusing answers everything as a registry's firewall does.
func refusing(w http.ResponseWriter, _ *http.Request) {
	w.WriteHeader(http.StatusForbidden)
	w.Write([]byte(`{"errors":[{"code":"DENIED","message":"client with IP '203.0.113.7' is not allowed access."}]}`))
}

// failedCall asks the registry at endpoint for a manifest.
func failedCall(t *testing.T, endpoint string, transport *http.Transport) *azcontainerregistry.OperationError {
	t.Helper()
	t.Cleanup(transport.CloseIdleConnections)
	options := &azcontainerregistry.ClientOptions{ClientOptions: azcore.ClientOptions{Transport: &http.Client{Transport: transport}}}
	client, err := azcontainerregistry.NewClientWithNoCredential(endpoint, options)
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.GetManifest(strict.Context(t.Context()), "team/app", "v1", nil)
	var failed *azcontainerregistry.OperationError
	if !errors.As(err, &failed) {
		t.Fatalf("error %v", err)
	}
	return failed
}

// TestFailureNamesRegistryAndAddress holds that an error tells which registry
// was asked, and which machine refused: by it a registry reached by its public
// address is told from one behind a private endpoint.
func TestFailureNamesRegistryAndAddress(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(refusing))
	t.Cleanup(server.Close)
	address := server.Listener.Addr().String()
	_, port, _ := strings.Cut(address, ":")

	failed := failedCall(t, "http://localhost:"+port, &http.Transport{})
	if failed.Registry != "localhost:"+port || failed.Address != address {
		t.Errorf("registry %q at %q, want %q at %q", failed.Registry, failed.Address, "localhost:"+port, address)
	}

	// A proxy's address is not the registry's.
	proxy, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	failed = failedCall(t, "http://myreg.localhost", &http.Transport{Proxy: http.ProxyURL(proxy)})
	if failed.Registry != "myreg.localhost" || failed.Address != "" {
		t.Errorf("registry %q at %q, want no address", failed.Registry, failed.Address)
	}
}
