package session

import (
	"errors"
	"net/http"
	"testing"

	"github.com/acrkit/azcontainerregistry/emulator"
)

// TestTheEmbeddedRegistrysRedirectsAreTheLibrarys: the transport follows none, or
// a credential would go along to where it leads.
func TestTheEmbeddedRegistrysRedirectsAreTheLibrarys(t *testing.T) {
	e, err := emulator.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	connection := e.Connect(nil)
	defer connection.Close()
	client, is := overMemory(connection).(*http.Client)
	if !is || client.CheckRedirect == nil || !errors.Is(client.CheckRedirect(nil, nil), http.ErrUseLastResponse) {
		t.Errorf("%T follows redirects", client)
	}
}
