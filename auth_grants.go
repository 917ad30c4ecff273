package azcontainerregistry

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

// entraGrant exchanges Entra tokens (ACR protocol §2.4).
type entraGrant struct {
	credential azcore.TokenCredential
	scope      string
}

func (g entraGrant) identity() any                { return g.credential }
func (g entraGrant) basic() (_, _ string, _ bool) { return "", "", false }
func (g entraGrant) refreshKey(s *tokenSource, service string) tokenKey {
	return tokenKey{registry: s.registry.key, service: service, identity: s.identity, kind: refreshTokenKind, scope: g.scope}
}

func (g entraGrant) accessToken(ctx context.Context, s *tokenSource, service, scope string) (token, error) {
	key := g.refreshKey(s, service)
	for {
		refresh, fresh, err := s.cache.get(ctx, key, 0, func(ctx context.Context) (token, error) {
			return g.exchange(ctx, s, service)
		})
		if err != nil {
			return token{}, err
		}
		t, err := s.registry.requestToken(ctx, service, scope, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh.value}})
		if err == nil || fresh || !isStatus(err, http.StatusUnauthorized) {
			return t, err
		}
		// The registry has forgotten the refresh token, for instance because its
		// permission mode changed (ACR protocol §2.10).
		s.cache.drop(key, refresh.value)
	}
}

func (g entraGrant) exchange(ctx context.Context, s *tokenSource, service string) (token, error) {
	entra, err := g.credential.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{g.scope}})
	if err != nil {
		return token{}, &CredentialError{Err: redactError(err)}
	}
	return s.registry.requestExchange(ctx, service, url.Values{"grant_type": {"access_token"}, "access_token": {entra.Token}})
}

// refreshTokenGrant uses a refresh token that the caller brought.
type refreshTokenGrant struct{ credential *RefreshTokenCredential }

func (g refreshTokenGrant) identity() any                { return g.credential }
func (g refreshTokenGrant) basic() (_, _ string, _ bool) { return "", "", false }

func (g refreshTokenGrant) accessToken(ctx context.Context, s *tokenSource, service, scope string) (token, error) {
	return s.registry.requestToken(ctx, service, scope, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {g.credential.refreshToken.reveal()}})
}

// passwordGrant uses a user name and password (ACR protocol §2.5).
type passwordGrant struct{ credential *PasswordCredential }

func (g passwordGrant) identity() any { return g.credential }
func (g passwordGrant) basic() (user, password string, ok bool) {
	return g.credential.username, g.credential.password.reveal(), true
}

func (g passwordGrant) accessToken(ctx context.Context, s *tokenSource, service, scope string) (token, error) {
	return s.registry.requestToken(ctx, service, scope, url.Values{
		"grant_type": {"password"},
		"username":   {g.credential.username},
		"password":   {g.credential.password.reveal()},
	})
}

// anonymousGrant asks for tokens without a credential (ACR protocol §2.5).
type anonymousGrant struct{}

func (anonymousGrant) identity() any                { return anonymousGrant{} }
func (anonymousGrant) basic() (_, _ string, _ bool) { return "", "", false }

func (anonymousGrant) accessToken(ctx context.Context, s *tokenSource, service, scope string) (token, error) {
	return s.registry.requestToken(ctx, service, scope, url.Values{"grant_type": {"password"}, "refresh_token": {""}})
}

func isStatus(err error, status int) bool {
	var respErr *azcore.ResponseError
	return errors.As(err, &respErr) && respErr.StatusCode == status
}

// defaultAudience is what Entra tokens for a registry are made for, in every
// cloud (ACR protocol §2.11).
const defaultAudience = "https://containerregistry.azure.net"

// ServiceName is the key of this service in [cloud.Configuration.Services]. An
// Audience given there replaces the default one.
const ServiceName cloud.ServiceName = "azcontainerregistry"

// Programs read the audience of a cloud from azcore's own configurations, so
// every service package of Azure registers itself there; v0.2.3 does too.
func init() {
	for _, c := range []cloud.Configuration{cloud.AzurePublic, cloud.AzureChina, cloud.AzureGovernment} {
		c.Services[ServiceName] = cloud.ServiceConfiguration{Audience: defaultAudience}
	}
}

func newEntraGrant(credential azcore.TokenCredential, options azcore.ClientOptions) (grant, error) {
	audience, err := audienceOf(options.Cloud)
	if err != nil {
		return nil, err
	}
	if isNil(credential) {
		return anonymousGrant{}, nil
	}
	return entraGrant{credential: credential, scope: strings.TrimRight(audience, "/") + "/.default"}, nil
}

// audienceOf returns the audience that a cloud has for registries. A cloud that
// has none has no registries: a token for another cloud's must not be asked for.
func audienceOf(c cloud.Configuration) (string, error) {
	if c.ActiveDirectoryAuthorityHost == "" && c.Services == nil {
		return defaultAudience, nil
	}
	audience := c.Services[ServiceName].Audience
	if audience == "" {
		return "", errors.New("provided Cloud field is missing Azure Container Registry configuration")
	}
	return audience, nil
}

func newPasswordGrant(credential *PasswordCredential) (grant, error) {
	if credential == nil || credential.username == "" || credential.password.reveal() == "" {
		return nil, &ArgumentError{Argument: "credential", Rule: "must come from NewPasswordCredential; for anonymous calls use NewClientWithNoCredential"}
	}
	return passwordGrant{credential: credential}, nil
}

func newRefreshTokenGrant(credential *RefreshTokenCredential) (grant, error) {
	if credential == nil || credential.refreshToken.reveal() == "" {
		return nil, &ArgumentError{Argument: "credential", Rule: "must come from NewRefreshTokenCredential; for anonymous calls use NewClientWithNoCredential"}
	}
	return refreshTokenGrant{credential: credential}, nil
}
