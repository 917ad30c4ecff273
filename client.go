package azcontainerregistry

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
)

// Client calls a registry's API for repositories, tags and manifests. It is
// safe for concurrent use. One client is enough for a program: it keeps one
// token for each scope and up to 128 idle connections.
//
// The methods of v0.2.3 pass their arguments on and return its errors: an
// [*azcore.ResponseError] if the registry responded, what azcore returned
// otherwise. The others check names before anything is sent ([*ArgumentError])
// and put an [*OperationError] around the cause.
type Client struct {
	made *registry
}

// NewClient returns a client for the login server at endpoint, such as
// "https://contoso.azurecr.io", that authenticates with an Entra credential. A
// nil credential is anonymous. options may be nil. Nothing is sent before the
// first call. Plain http is for hosts of this machine, for anonymous clients
// and for options with InsecureAllowCredentialWithHTTP.
func NewClient(endpoint string, credential azcore.TokenCredential, options *ClientOptions) (*Client, error) {
	return newClient(endpoint, options, func(o azcore.ClientOptions) (grant, error) {
		return newEntraGrant(credential, o)
	})
}

// NewClientWithNoCredential is [NewClient] for anonymous calls, which a
// registry may allow for pulling and listing.
func NewClientWithNoCredential(endpoint string, options *ClientOptions) (*Client, error) {
	return newClient(endpoint, options, func(azcore.ClientOptions) (grant, error) { return anonymousGrant{}, nil })
}

// NewClientWithPasswordCredential is [NewClient] with a user name and password
// that the registry itself knows.
func NewClientWithPasswordCredential(endpoint string, credential *PasswordCredential, options *ClientOptions) (*Client, error) {
	return newClient(endpoint, options, func(azcore.ClientOptions) (grant, error) { return newPasswordGrant(credential) })
}

// NewClientWithRefreshTokenCredential is [NewClient] with an ACR refresh token
// obtained elsewhere. When it expires, calls fail with 401.
func NewClientWithRefreshTokenCredential(endpoint string, credential *RefreshTokenCredential, options *ClientOptions) (*Client, error) {
	return newClient(endpoint, options, func(azcore.ClientOptions) (grant, error) { return newRefreshTokenGrant(credential) })
}

func newClient(endpoint string, options *ClientOptions, credential func(azcore.ClientOptions) (grant, error)) (*Client, error) {
	var o ClientOptions
	if options != nil {
		o = *options
	}
	r, err := connect(endpoint, o.ClientOptions, credential)
	if err != nil {
		return nil, err
	}
	return &Client{made: r}, nil
}

func connect(endpoint string, options azcore.ClientOptions, credential func(azcore.ClientOptions) (grant, error)) (*registry, error) {
	g, err := credential(options)
	if err != nil {
		return nil, err
	}
	return newRegistry(endpoint, options, g)
}

// NewBlobClient returns a client for the blobs of the same registry. It shares
// this client's policies, tokens and connections.
func (c *Client) NewBlobClient() *BlobClient { return &BlobClient{made: c.registry()} }

// Endpoint returns the address of the login server, without a slash at its end.
func (c *Client) Endpoint() string { return c.registry().key }

// GetAccessToken returns a token for scopes, such as
// "repository:team/app:pull", for a tool that sends its own requests to the registry
// (ACR protocol §2.3 has the scopes). The token is cached like those of the
// client's own calls. The registry gives a token even when the caller lacks
// some of the actions; the token then lacks them too.
func (c *Client) GetAccessToken(ctx context.Context, scopes []string, options *ClientGetAccessTokenOptions) (resp ClientGetAccessTokenResponse, err error) {
	ctx, end := c.registry().begin(ctx, "Client.GetAccessToken", "get access token", "", "")
	defer func() { end(&err) }()
	if len(scopes) == 0 || slices.ContainsFunc(scopes, func(s string) bool { return strings.TrimSpace(s) == "" }) {
		return resp, &ArgumentError{Argument: "scopes", Rule: "must name at least one scope, such as repository:team/app:pull"}
	}
	s := c.registry().tokens
	service := s.cache.service(c.registry().key)
	if service == "" {
		service = s.defaultService()
	}
	asked := time.Now()
	a, err := s.bearer(ctx, service, scopes, 0)
	if err == nil && options != nil && options.Renew && a.token.fetched.Before(asked) {
		s.cache.drop(a.key, a.token.value)
		a, err = s.bearer(ctx, service, scopes, 0)
	}
	if err != nil {
		return resp, err
	}
	return ClientGetAccessTokenResponse{AccessToken: a.token.value, ExpiresOn: a.token.expires}, nil
}
