package signin

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/acrkit/azcontainerregistry/emulator/internal/memnet"
	"github.com/acrkit/azcontainerregistry/emulator/internal/protocol"
	"github.com/golang-jwt/jwt/v5"
)

// IdentityProvider configures the emulator's own stand-in for Entra, which
// real credential types can be pointed at: client secrets and client
// assertions at an authority host, and managed identities.
type IdentityProvider struct {
	// Strict accepts only Entra tokens that this provider has issued: issuer,
	// signature, audience and times are checked. Otherwise any well-formed
	// token that hasn't expired is good, whoever it is from and for, except one
	// for the login server itself.
	Strict bool `json:"strict,omitempty"`
	// TenantID is the tenant that it stands for, a GUID. Empty means
	// 72f988bf-0000-4000-8000-2d7cd011db47.
	TenantID string `json:"tenantId,omitempty"`
	// ManagedIdentity is the id of the identity that the managed-identity
	// endpoints use when they are not asked for one. Empty means
	// 00000000-0000-4000-8000-00000000a117.
	ManagedIdentity string `json:"managedIdentity,omitempty"`
}

// identityProviderHost is where Entra listens, and imdsHost where the managed
// identity endpoint of a virtual machine does; a Connection serves both here
// when the emulator has an identity provider.
const (
	identityProviderHost = "login.microsoftonline.com"
	imdsHost             = "169.254.169.254"
)

// entraTokenLifetime is how long the provider's tokens are valid.
const entraTokenLifetime = time.Hour

type identityProvider struct{ IdentityProvider }

func NewIdentityProvider(o *IdentityProvider) (*identityProvider, error) {
	p := &identityProvider{*o}
	if p.TenantID == "" {
		p.TenantID = "72f988bf-0000-4000-8000-2d7cd011db47"
	}
	if p.ManagedIdentity == "" {
		p.ManagedIdentity = "00000000-0000-4000-8000-00000000a117"
	}
	if !isGUID(p.TenantID) {
		return nil, fmt.Errorf("identityProvider.tenantId %q: want a GUID", p.TenantID)
	}
	return p, nil
}

// issuer is the issuer of the provider's tokens. It is the same wherever the
// provider listens, so that tokens outlive a change of port.
func (p *identityProvider) issuer() string {
	return "https://sts.windows.net/" + p.TenantID + "/"
}

func (p *identityProvider) issued(claims *entraClaims) bool {
	return claims.Issuer == p.issuer() && strings.EqualFold(claims.TenantID, p.TenantID)
}

// IdentityProviderHandler returns the stand-in for Entra as a handler of its
// own, for servers that give it an origin: the OpenID configuration, the
// keys, the token endpoint for client credentials, and the endpoints of
// managed identities. Without a provider it returns 404.
func (s *Service) IdentityProviderHandler() http.Handler {
	if s.Provider == nil {
		return http.NotFoundHandler()
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{tenant}/v2.0/.well-known/openid-configuration", s.serveOpenIDConfiguration)
	mux.HandleFunc("GET /{tenant}/.well-known/openid-configuration", s.serveOpenIDConfiguration)
	mux.HandleFunc("GET /{tenant}/discovery/v2.0/keys", s.serveKeys)
	mux.HandleFunc("POST /{tenant}/oauth2/v2.0/token", s.serveClientCredentials)
	mux.HandleFunc("GET /common/discovery/instance", s.serveInstanceDiscovery)
	mux.HandleFunc("GET /metadata/identity/oauth2/token", s.serveManagedIdentity)
	mux.HandleFunc("GET /msi/token", s.serveManagedIdentity)
	return mux
}

// IsIdentityRequest reports whether a request is for the identity provider by
// its host.
func (s *Service) IsIdentityRequest(r *http.Request) bool {
	return s.IsIdentityHost(memnet.BareHost(r.Host))
}

// IsIdentityHost reports whether the identity provider is reached at a host.
func (s *Service) IsIdentityHost(host string) bool {
	return s.Provider != nil && (host == identityProviderHost || host == imdsHost)
}

func (s *Service) serveOpenIDConfiguration(w http.ResponseWriter, r *http.Request) {
	base := memnet.RequestScheme(r) + "://" + r.Host + "/" + url.PathEscape(r.PathValue("tenant"))
	protocol.WriteJSON(w, http.StatusOK, map[string]any{
		"token_endpoint":                        base + "/oauth2/v2.0/token",
		"authorization_endpoint":                base + "/oauth2/v2.0/authorize",
		"device_authorization_endpoint":         base + "/oauth2/v2.0/devicecode",
		"jwks_uri":                              base + "/discovery/v2.0/keys",
		"issuer":                                s.Provider.issuer(),
		"response_types_supported":              []string{"token"},
		"subject_types_supported":               []string{"pairwise"},
		"id_token_signing_alg_values_supported": []string{"RS256"},
		"token_endpoint_auth_methods_supported": []string{"client_secret_post", "private_key_jwt"},
	})
}

// serveInstanceDiscovery serves what official clients ask about an unknown
// authority: here it is known, under the one name it was asked for by.
func (s *Service) serveInstanceDiscovery(w http.ResponseWriter, r *http.Request) {
	base := memnet.RequestScheme(r) + "://" + r.Host + "/" + s.Provider.TenantID
	protocol.WriteJSON(w, http.StatusOK, map[string]any{
		"tenant_discovery_endpoint": base + "/v2.0/.well-known/openid-configuration",
		"metadata": []map[string]any{{
			"preferred_network": r.Host, "preferred_cache": r.Host, "aliases": []string{r.Host},
		}},
	})
}

func (s *Service) serveKeys(w http.ResponseWriter, r *http.Request) {
	key, id, err := s.key.private()
	if err != nil {
		s.identityError(w, http.StatusInternalServerError, "server_error", "the signing key cannot be read")
		return
	}
	encode := base64.RawURLEncoding.EncodeToString
	protocol.WriteJSON(w, http.StatusOK, map[string]any{"keys": []map[string]any{{
		"kty": "RSA", "use": "sig", "alg": "RS256", "kid": id,
		"n": encode(key.N.Bytes()), "e": encode(big.NewInt(int64(key.E)).Bytes()),
	}}})
}

// serveClientCredentials serves the client credentials grant, with a secret
// or an assertion.
func (s *Service) serveClientCredentials(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxFormBytes)
	if err := r.ParseForm(); err != nil {
		s.identityError(w, http.StatusBadRequest, "invalid_request", "the form is malformed or over 1 MiB")
		return
	}
	form := r.PostForm
	if form.Get("grant_type") != "client_credentials" {
		s.identityError(w, http.StatusBadRequest, "unsupported_grant_type", "only client_credentials is served here")
		return
	}
	client := form.Get("client_id")
	if client == "" {
		s.identityError(w, http.StatusBadRequest, "invalid_request", "client_id is missing")
		return
	}
	if tenant := r.PathValue("tenant"); isGUID(tenant) && !strings.EqualFold(tenant, s.Provider.TenantID) {
		s.identityError(w, http.StatusBadRequest, "invalid_request", "AADSTS90002: the tenant is not known here")
		return
	}
	if err := s.checkClient(client, form); err != nil {
		s.identityError(w, http.StatusUnauthorized, "invalid_client", err.Error())
		return
	}
	audience := audienceOf(form.Get("scope"))
	if audience == "" {
		s.identityError(w, http.StatusBadRequest, "invalid_scope", "AADSTS1002012: the scope has to end in /.default")
		return
	}
	token, expires, err := s.entraToken(client, audience)
	if err != nil {
		s.identityError(w, http.StatusInternalServerError, "server_error", "the token cannot be signed")
		return
	}
	protocol.WriteJSON(w, http.StatusOK, map[string]any{
		"token_type": "Bearer", "access_token": token,
		"expires_in": int64(expires.Sub(s.clock.Now()) / time.Second), "ext_expires_in": int64(entraTokenLifetime / time.Second),
	})
}

// audienceOf returns the resource of a scope field. Official clients add the
// scopes of OpenID Connect to the one that counts.
func audienceOf(scope string) string {
	for field := range strings.FieldsSeq(scope) {
		if audience, ok := strings.CutSuffix(field, "/.default"); ok {
			return audience
		}
	}
	return ""
}

// checkClient checks the secret or the assertion of a client. When no
// registry names identities with secrets, every client is known.
func (s *Service) checkClient(client string, form url.Values) error {
	secret, assertion := form.Get("client_secret"), form.Get("client_assertion")
	if secret == "" && strings.Count(assertion, ".") != 2 {
		return errors.New("AADSTS7000216: client_secret or client_assertion is required")
	}
	named := false
	for _, reg := range s.Registries {
		for _, identity := range reg.Policies().Identities {
			if !strings.EqualFold(identity.ID, client) {
				named = named || identity.Secret != ""
				continue
			}
			if secret != "" && !protocol.Same(secret, identity.Secret) {
				return errors.New("AADSTS7000215: invalid client secret provided")
			}
			return nil
		}
	}
	if named {
		return errors.New("AADSTS700016: the application was not found in the directory")
	}
	return nil
}

// serveManagedIdentity responds in the form of App Service, and of the
// metadata service of a virtual machine.
func (s *Service) serveManagedIdentity(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Metadata") == "" && r.Header.Get("X-Identity-Header") == "" {
		s.identityError(w, http.StatusBadRequest, "invalid_request", "required metadata header not specified")
		return
	}
	query := r.URL.Query()
	resource := query.Get("resource")
	if resource == "" {
		s.identityError(w, http.StatusBadRequest, "invalid_resource", "resource is missing")
		return
	}
	id := query.Get("client_id")
	if id == "" {
		id = s.Provider.ManagedIdentity
	}
	token, expires, err := s.entraToken(id, resource)
	if err != nil {
		s.identityError(w, http.StatusInternalServerError, "server_error", "the token cannot be signed")
		return
	}
	protocol.WriteJSON(w, http.StatusOK, map[string]any{
		"access_token": token, "client_id": id, "resource": resource, "token_type": "Bearer",
		"expires_in": strconv.FormatInt(int64(expires.Sub(s.clock.Now())/time.Second), 10),
		"expires_on": strconv.FormatInt(expires.Unix(), 10),
		"not_before": strconv.FormatInt(s.clock.Now().Unix(), 10),
	})
}

// entraToken signs an access token of an application.
func (s *Service) entraToken(id, audience string) (string, time.Time, error) {
	now := s.clock.Now()
	expires := now.Add(entraTokenLifetime)
	token, err := s.sign(&entraClaims{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer: s.Provider.issuer(), Subject: id, Audience: jwt.ClaimStrings{audience},
			IssuedAt: jwt.NewNumericDate(now), NotBefore: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(expires),
		},
		ObjectID: id, AppID: id, TenantID: s.Provider.TenantID, Kind: "app",
	})
	return token, expires, err
}

// identityError responds in the form of RFC 6749 §5.2, as Entra does.
func (s *Service) identityError(w http.ResponseWriter, status int, code, description string) {
	protocol.WriteJSON(w, status, map[string]any{
		"error": code, "error_description": description,
		"timestamp": s.clock.Now().UTC().Format(time.RFC3339), "correlation_id": protocol.NewGUID(),
	})
}
