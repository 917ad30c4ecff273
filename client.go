package azcontainerregistry

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/acrkit/azcontainerregistry/internal/strict"
)

// Client calls a registry's API for repositories, tags and manifests. It is
// safe for concurrent use. One client is enough for a program: it keeps one
// token a scope and up to 128 idle connections.
//
// The methods of v0.2.3 pass their arguments on and return its errors: an
// [*azcore.ResponseError] if the registry responded, what azcore returned
// otherwise. The others check names before anything is sent ([*ArgumentError])
// and put an [*OperationError] around the cause.
type Client struct {
	registry *registry
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
	return &Client{registry: r}, nil
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
func (c *Client) NewBlobClient() *BlobClient { return &BlobClient{registry: c.registry} }

// Endpoint returns the address of the login server, without a slash at its end.
func (c *Client) Endpoint() string { return c.registry.key }

// GetAccessToken returns a token for scopes, such as
// "repository:team/app:pull", for a tool that speaks to the registry by itself
// (ACR protocol §2.3 has the scopes). The token is cached like those of the
// client's own calls. The registry gives a token even when the caller lacks
// some of the actions; the token then lacks them too.
func (c *Client) GetAccessToken(ctx context.Context, scopes []string, options *ClientGetAccessTokenOptions) (resp ClientGetAccessTokenResponse, err error) {
	ctx, end := c.registry.begin(ctx, "Client.GetAccessToken", "get access token", "", "")
	defer func() { end(&err) }()
	if len(scopes) == 0 || slices.ContainsFunc(scopes, func(s string) bool { return strings.TrimSpace(s) == "" }) {
		return resp, &ArgumentError{Argument: "scopes", Rule: "must name at least one scope, such as repository:team/app:pull"}
	}
	s := c.registry.tokens
	service := s.cache.service(c.registry.key)
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

// get sends a GET of the /acr/v1 API and reads its JSON into v.
func (r *registry) get(ctx context.Context, path string, v json.Unmarshaler, scopes ...string) error {
	req, err := r.newRequest(ctx, http.MethodGet, path+r.withAPIVersion(nil), scopes...)
	if err != nil {
		return err
	}
	return r.callJSON(req, v)
}

// patch sends body, or none when it is nil, to the /acr/v1 API and reads the JSON that comes back into v.
func (r *registry) patch(ctx context.Context, path string, body json.Marshaler, v json.Unmarshaler, scopes ...string) error {
	req, err := r.newRequest(ctx, http.MethodPatch, path+r.withAPIVersion(nil), scopes...)
	if err != nil {
		return err
	}
	if body != nil {
		if err := setJSON(req, body); err != nil {
			return err
		}
	}
	return r.callJSON(req, v)
}

// delete sends a DELETE. That there was nothing to delete is success, as in
// v0.2.3, unless it must exist. Other registries than ACR answer 200 and 204, too,
// which strict callers take.
func (r *registry) delete(ctx context.Context, path string, mustExist bool, scopes ...string) (*http.Response, error) {
	req, err := r.newRequest(ctx, http.MethodDelete, path, scopes...)
	if err != nil {
		return nil, err
	}
	ok := []int{http.StatusAccepted}
	if strict.Is(ctx) {
		ok = append(ok, http.StatusOK, http.StatusNoContent)
	}
	if !mustExist {
		ok = append(ok, http.StatusNotFound)
	}
	return r.call(req, ok...)
}

// unmarshalResponse reads the JSON of a response, whose body has been
// downloaded. One without a body changes nothing, except for a strict caller. The
// error is azcore's, except for a strict caller.
func unmarshalResponse(ctx context.Context, resp *http.Response, v json.Unmarshaler) error {
	body, err := runtime.Payload(resp)
	if err != nil {
		return err
	}
	if len(body) == 0 && !strict.Is(ctx) {
		return nil
	}
	err = v.UnmarshalJSON(body)
	if err == nil {
		return nil
	}
	if !strict.Is(ctx) {
		if plain := runtime.UnmarshalAsJSON(resp, v); plain != nil {
			return redactError(plain)
		}
	}
	return malformedAnswer(body, err)
}
