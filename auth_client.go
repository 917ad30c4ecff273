package azcontainerregistry

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"github.com/acrkit/azcontainerregistry/internal/wire"
)

// AuthenticationClient calls the registry's token endpoints
// (ACR protocol §2.4 and §2.5). [Client] and [BlobClient] do by themselves
// what it is for. It is safe for concurrent use.
type AuthenticationClient struct {
	made *registry

	// Programs look at these two by reflection, for the endpoint and the
	// transport that a client was made with.
	endpoint string
	internal *azcore.Client
}

// NewAuthenticationClient returns a client for the login server at endpoint,
// such as "https://contoso.azurecr.io". options may be nil.
func NewAuthenticationClient(endpoint string, options *AuthenticationClientOptions) (*AuthenticationClient, error) {
	var o AuthenticationClientOptions
	if options != nil {
		o = *options
	}
	r, err := newRegistry(endpoint, o.ClientOptions, formGrant{})
	if err != nil {
		return nil, err
	}
	internal, err := azcore.NewClient(tracerName, moduleVersion, runtime.PipelineOptions{}, &o.ClientOptions)
	if err != nil {
		return nil, err
	}
	return &AuthenticationClient{made: r, endpoint: endpoint, internal: internal}, nil
}

// ExchangeAADAccessTokenForACRRefreshToken exchanges an Entra token for an ACR
// refresh token. service is the login server's host. options carries the Entra
// token that grantType needs.
func (c *AuthenticationClient) ExchangeAADAccessTokenForACRRefreshToken(ctx context.Context, grantType PostContentSchemaGrantType, service string, options *AuthenticationClientExchangeAADAccessTokenForACRRefreshTokenOptions) (resp AuthenticationClientExchangeAADAccessTokenForACRRefreshTokenResponse, err error) {
	ctx, end := c.registry().beginPlain(ctx, "AuthenticationClient.ExchangeAADAccessTokenForACRRefreshToken", operationExchange, "", "")
	defer func() { end(&err) }()
	form := url.Values{"grant_type": {string(grantType)}}
	if options != nil {
		for field, value := range map[string]*string{
			"access_token": options.AccessToken, "refresh_token": options.RefreshToken, "tenant": options.Tenant,
		} {
			if value != nil {
				form.Set(field, *value)
			}
		}
	}
	response, err := c.registry().postForm(ctx, "/oauth2/exchange", service, form)
	if err != nil {
		return resp, err
	}
	err = runtime.UnmarshalAsJSON(response, &resp.ACRRefreshToken)
	return resp, hideBody(err)
}

// ExchangeACRRefreshTokenForACRAccessToken returns an access token for scope, such
// as "repository:team/app:pull". An access token is given even when the caller
// lacks some of the actions: the token then lacks them too. service is the
// login server's host.
func (c *AuthenticationClient) ExchangeACRRefreshTokenForACRAccessToken(ctx context.Context, service, scope, refreshToken string, options *AuthenticationClientExchangeACRRefreshTokenForACRAccessTokenOptions) (resp AuthenticationClientExchangeACRRefreshTokenForACRAccessTokenResponse, err error) {
	ctx, end := c.registry().beginPlain(ctx, "AuthenticationClient.ExchangeACRRefreshTokenForACRAccessToken", operationToken+scope, "", "")
	defer func() { end(&err) }()
	form := url.Values{"scope": {scope}, "refresh_token": {refreshToken}}
	if options != nil && options.GrantType != nil {
		form.Set("grant_type", string(*options.GrantType))
	}
	response, err := c.registry().postForm(ctx, "/oauth2/token", service, form)
	if err != nil {
		return resp, err
	}
	err = runtime.UnmarshalAsJSON(response, &resp.ACRAccessToken)
	return resp, hideBody(err)
}

const (
	operationExchange = "exchange Entra token for refresh token"
	operationToken    = "get access token for "
)

// postForm sends a form to a token endpoint.
func (r *registry) postForm(ctx context.Context, path, service string, form url.Values) (*http.Response, error) {
	if ctx != nil {
		ctx = context.WithValue(ctx, responseLimit{}, maxToken)
		ctx = context.WithValue(ctx, ownCredential{}, credentialInBody)
	}
	req, err := r.newRequest(ctx, http.MethodPost, path+r.withAPIVersion(nil))
	if err != nil {
		return nil, err
	}
	form.Set("service", service)
	if err := setBody(req, newTokenForm(form), "application/x-www-form-urlencoded", nil); err != nil {
		return nil, err
	}
	req.Raw().Header.Set("Accept", "application/json")
	return r.send(r.bare, req, http.StatusOK)
}

// requestExchange gets a refresh token.
func (r *registry) requestExchange(ctx context.Context, service string, form url.Values) (t token, err error) {
	ctx = withOperation(ctx, Operation{Name: operationExchange, Registry: r.base.Host})
	ctx, end := runtime.StartSpan(ctx, "AuthenticationClient.ExchangeAADAccessTokenForACRRefreshToken", r.tracer, nil)
	defer func() { end(plainError(err)) }()
	t, err = r.fetchToken(ctx, "/oauth2/exchange", service, form)
	return t, r.operationError(operationExchange, "", "", err)
}

// requestToken returns an access token for scope, which may be several, separated
// by spaces.
func (r *registry) requestToken(ctx context.Context, service, scope string, form url.Values) (t token, err error) {
	ctx = withOperation(ctx, Operation{Name: operationToken + scope, Registry: r.base.Host})
	ctx, end := runtime.StartSpan(ctx, "AuthenticationClient.ExchangeACRRefreshTokenForACRAccessToken", r.tracer, nil)
	defer func() { end(plainError(err)) }()
	form.Set("scope", scope)
	t, err = r.fetchToken(ctx, "/oauth2/token", service, form)
	return t, r.operationError(operationToken+scope, "", "", err)
}

func (r *registry) fetchToken(ctx context.Context, path, service string, form url.Values) (token, error) {
	resp, err := r.postForm(r.withRetries(ctx), path, service, form)
	if err != nil {
		return token{}, err
	}
	body, err := runtime.Payload(resp)
	if err != nil {
		return token{}, err
	}
	response, err := decodeTokenResponse(body)
	if err != nil {
		return token{}, err
	}
	value := response.AccessToken
	if path == "/oauth2/exchange" {
		value = response.RefreshToken
	} else if value == "" {
		// Docker's specification calls it so; a gateway in front may too.
		value = response.Token
	}
	if value == "" || !headerSafe(value) {
		return token{}, errNoToken
	}
	now := time.Now()
	t := token{value: value, fetched: now, expires: freshExpiry(value, now)}
	if _, _, ok := wire.TokenTimes(value); !ok && response.ExpiresIn > 0 {
		t.expires = now.Add(min(time.Duration(min(response.ExpiresIn, maxLifetime.Seconds())*float64(time.Second)), maxLifetime))
	}
	return t, nil
}

// headerSafe reports whether a token can go into a header: what can't would
// fail later, with the token in the error.
func headerSafe(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
}

// formGrant is for a client whose caller brings tokens in the calls: they are
// credentials, so the connection must be fit for them.
type formGrant struct{ anonymousGrant }
