// Command health says whether registries respond, and if not, which kind of
// failure it is: by type assertions and comparisons, with an http.Client of its
// own that follows no redirect to elsewhere.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/containers/azcontainerregistry"
)

var errElsewhere = errors.New("redirect to elsewhere")

func kind(err error) string {
	switch e := err.(type) {
	case nil:
		return "healthy"
	case *azcore.ResponseError:
		switch {
		case e.StatusCode == http.StatusTooManyRequests:
			return "throttled, retry after " + e.RawResponse.Header.Get("Retry-After")
		case e.StatusCode >= 500:
			return fmt.Sprintf("broken: %d", e.StatusCode)
		}
		return fmt.Sprintf("responds %d", e.StatusCode)
	case *url.Error:
		if errors.Is(e, errElsewhere) {
			return "redirects to elsewhere"
		}
		if e.Timeout() {
			return "timeout"
		}
		var op *net.OpError
		return fmt.Sprintf("unreachable: %s %t", e.Op, errors.As(e, &op))
	case net.Error:
		return fmt.Sprintf("network, timeout %t", e.Timeout())
	}
	if err == context.DeadlineExceeded || err == context.Canceled {
		return err.Error()
	}
	return "unknown"
}

// credential fails as one does whose service is away.
type credential struct{ err error }

func (c credential) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{}, c.err
}

func main() {
	released := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/slow/acr/v1/_catalog":
			select {
			case <-released:
			case <-r.Context().Done():
			}
		case "/busy/acr/v1/_catalog":
			w.Header().Set("Retry-After", "7")
			w.WriteHeader(http.StatusTooManyRequests)
		case "/moved/acr/v1/_catalog":
			http.Redirect(w, r, "http://elsewhere.invalid/", http.StatusFound)
		case "/near/acr/v1/_catalog":
			http.Redirect(w, r, "/ok/acr/v1/_catalog", http.StatusFound)
		case "/page/acr/v1/_catalog":
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(http.StatusForbidden)
			io.WriteString(w, "<html>no</html>")
		case "/down/acr/v1/_catalog":
			w.WriteHeader(http.StatusServiceUnavailable)
		case "/login/acr/v1/_catalog":
			w.Header().Set("WWW-Authenticate", `Bearer realm="`+"http://"+r.Host+`/oauth2/token",service="x",scope="registry:catalog:*"`)
			w.WriteHeader(http.StatusUnauthorized)
		default:
			io.WriteString(w, `{"repositories":[]}`)
		}
	}))
	defer server.Close()
	defer close(released)
	address, err := url.Parse(server.URL)
	if err != nil {
		log.Fatal(err)
	}
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()

	asked := 0
	client := &http.Client{Timeout: time.Minute, CheckRedirect: func(req *http.Request, _ []*http.Request) error {
		if asked++; req.URL.Host != address.Host {
			return errElsewhere
		}
		return nil
	}}
	signIn := errors.New("identity service is away")
	for _, registry := range []struct {
		endpoint   string
		credential azcore.TokenCredential
		wait       time.Duration
	}{
		{server.URL + "/ok", nil, time.Minute},
		{server.URL + "/ok", credential{signIn}, time.Minute},
		{server.URL + "/near", nil, time.Minute},
		{server.URL + "/moved", nil, time.Minute},
		{server.URL + "/busy", nil, time.Minute},
		{server.URL + "/down", nil, time.Minute},
		{server.URL + "/page", nil, time.Minute},
		{server.URL + "/login", credential{signIn}, time.Minute},
		{server.URL + "/slow", nil, 50 * time.Millisecond},
		{gone.URL, nil, time.Minute},
		{"registry.azurecr.io", nil, time.Minute},
	} {
		c, err := azcontainerregistry.NewClient(registry.endpoint, registry.credential, &azcontainerregistry.ClientOptions{
			ClientOptions: azcore.ClientOptions{Transport: client, Retry: policy.RetryOptions{MaxRetries: -1}},
		})
		if err != nil {
			log.Fatalf("failed to create client: %v", err)
		}
		ctx, cancel := context.WithTimeout(context.Background(), registry.wait)
		_, err = c.NewListRepositoriesPager(nil).NextPage(ctx)
		cancel()
		path := "none"
		if u, parseErr := url.Parse(registry.endpoint); parseErr == nil && u.Host == address.Host {
			path = u.Path
		}
		fmt.Println(path, kind(err), err == signIn, asked)
	}
	// A context that has ended already is the context's error itself.
	c, err := azcontainerregistry.NewClient(server.URL, nil, nil)
	if err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = c.GetRepositoryProperties(ctx, "app", nil)
	fmt.Println("canceled", kind(err))
}
