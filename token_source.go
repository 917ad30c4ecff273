package azcontainerregistry

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/acrkit/azcontainerregistry/internal/wire"
)

// authMode is how requests to a registry are authorised.
type authMode int

const (
	modeBearer authMode = iota // a token for each scope: ACR's way
	modeBasic                  // user and password on each request
	modeNone                   // nothing: the registry asks for nothing
)

// tokenSource knows which token a request to one registry carries.
type tokenSource struct {
	registry *registry
	cache    *TokenCache
	grant    grant
	identity any

	mu      sync.Mutex
	mode    authMode
	service string
	// corrected are the scopes that challenges asked for where this client had
	// expected others, by the expected ones.
	corrected map[string][]string
}

// maxCorrected bounds corrected; ACR never corrects.
const maxCorrected = 1024

// grant turns a credential into access tokens.
type grant interface {
	// accessToken fetches a token for scopes, sorted and joined by spaces.
	accessToken(ctx context.Context, s *tokenSource, service, scope string) (token, error)
	// basic returns user and password, if the credential is that.
	basic() (user, password string, ok bool)
	// identity is what tells one credential from another.
	identity() any
}

func newTokenSource(r *registry, cache *TokenCache, g grant) *tokenSource {
	if cache == nil {
		cache = NewTokenCache()
	}
	s := &tokenSource{registry: r, cache: cache, grant: g, service: r.base.Host, corrected: map[string][]string{}}
	s.identity = g.identity()
	if v := reflect.ValueOf(s.identity); !v.IsValid() || !v.Comparable() {
		// A credential that can't be told from another shares with none.
		s.identity = s
	}
	return s
}

// authorization is what one request is sent with.
type authorization struct {
	token token
	scope string
	key   tokenKey
	// fresh says that the token was fetched for this very request.
	fresh bool
}

// apply sets or removes the Authorization header.
func (s *tokenSource) apply(a authorization, req *http.Request) {
	req.Header.Del("Authorization")
	switch a.token.mode {
	case modeBearer:
		if a.token.value != "" {
			req.Header.Set("Authorization", "Bearer "+a.token.value)
		}
	case modeBasic:
		if user, password, ok := s.grant.basic(); ok {
			req.SetBasicAuth(user, password)
		}
	case modeNone:
	}
}

// authorize returns what a request for scopes is sent with, good for at least
// d. hasBody says that the request is too dear to be sent in vain.
func (s *tokenSource) authorize(ctx context.Context, scopes []string, d time.Duration, hasBody bool) (authorization, error) {
	s.mu.Lock()
	mode, service := s.mode, s.service
	if c := s.corrected[scopeKey(scopes)]; c != nil {
		scopes = c
	}
	s.mu.Unlock()
	if mode != modeBearer || len(scopes) == 0 {
		if mode == modeBearer {
			mode = modeNone
		}
		return authorization{token: token{mode: mode}, scope: scopeKey(scopes)}, nil
	}
	a, err := s.bearer(ctx, service, scopes, d)
	if err != nil {
		return authorization{}, err
	}
	if a.token.refused.err != nil && hasBody {
		return authorization{}, a.token.refused.copy()
	}
	return a, nil
}

func (s *tokenSource) bearer(ctx context.Context, service string, scopes []string, d time.Duration) (authorization, error) {
	scope := scopeKey(scopes)
	key := tokenKey{registry: s.registry.home, service: service, identity: s.identity, kind: accessTokenKind, scope: scope}
	t, fresh, err := s.cache.get(ctx, key, d, func(ctx context.Context) (token, error) {
		t, err := s.grant.accessToken(ctx, s, service, scope)
		if err != nil {
			return s.without(ctx, err)
		}
		return t, nil
	})
	if err != nil {
		return authorization{}, err
	}
	if t.mode != modeBearer {
		s.mu.Lock()
		s.mode = t.mode
		s.mu.Unlock()
	}
	return authorization{token: t, scope: scope, key: key, fresh: fresh}, nil
}

// without decides whether the registry can be used though no token was to be
// had because of cause: by asking the registry itself, once.
func (s *tokenSource) without(ctx context.Context, cause error) (token, error) {
	var respErr *azcore.ResponseError
	var credErr *CredentialError
	anonymousRefused := false
	switch {
	case ctx.Err() != nil:
		return token{}, cause
	case errors.As(cause, &credErr):
	case errors.As(cause, &respErr):
		_, anonymous := s.grant.(anonymousGrant)
		anonymousRefused = anonymous && (respErr.StatusCode == http.StatusUnauthorized || respErr.StatusCode == http.StatusBadRequest)
		missing := respErr.StatusCode == http.StatusNotFound || respErr.StatusCode == http.StatusMethodNotAllowed || respErr.StatusCode == http.StatusNotImplemented
		if !missing && !anonymousRefused {
			return token{}, cause
		}
	default:
		return token{}, cause
	}
	status, challenges, err := s.registry.ping(ctx)
	now := time.Now()
	switch {
	case err != nil:
		return token{}, cause
	case status == http.StatusOK:
		return token{mode: modeNone, fetched: now, expires: now.Add(maxLifetime)}, nil
	case status != http.StatusUnauthorized:
		return token{}, cause
	}
	if _, _, ok := s.grant.basic(); ok {
		if _, ok := wire.FindChallenge(challenges, "basic"); ok {
			return token{mode: modeBasic, fetched: now, expires: now.Add(maxLifetime)}, nil
		}
	}
	if anonymousRefused {
		// The resource's own refusal names the missing action, so let it speak.
		return token{fetched: now, expires: now.Add(unknownLifetime), refused: shareError(cause)}, nil
	}
	return token{}, cause
}

// follow reads the challenges of a 401 and returns what to send the request
// again with. ok is false when sending again would not help.
func (s *tokenSource) follow(ctx context.Context, resp *http.Response, used authorization, d time.Duration) (next authorization, ok bool, err error) {
	challenges := wire.ParseChallenges(resp.Header.Values("WWW-Authenticate"))
	c, isBearer := wire.FindChallenge(challenges, "bearer")
	if !isBearer {
		_, isBasic := wire.FindChallenge(challenges, "basic")
		_, _, can := s.grant.basic()
		if !isBasic || !can || used.token.mode == modeBasic {
			return authorization{}, false, nil
		}
		s.mu.Lock()
		s.mode = modeBasic
		s.mu.Unlock()
		return authorization{token: token{mode: modeBasic}}, true, nil
	}
	if err := s.checkRealm(c.Params["realm"]); err != nil {
		return authorization{}, false, err
	}
	scopes := strings.Fields(c.Params["scope"])
	asked := scopeKey(scopes)
	if asked == "" {
		scopes, asked = strings.Fields(used.scope), used.scope
	}
	if asked == "" {
		return authorization{}, false, nil
	}
	same := sameScope(asked, used.scope)
	if used.token.value != "" && same {
		denied := c.Params["error"] == "insufficient_scope"
		if used.fresh || denied && time.Since(used.token.fetched) < unknownLifetime {
			// A token that was made for this scope just now: another won't
			// have more in it.
			return authorization{}, false, nil
		}
		s.cache.drop(used.key, used.token.value)
	}
	if used.token.refused.err != nil && same {
		return authorization{}, false, nil
	}
	s.mu.Lock()
	s.mode = modeBearer
	if service := c.Params["service"]; service != "" {
		s.service = service
	}
	service := s.service
	s.mu.Unlock()
	next, err = s.bearer(ctx, service, scopes, d)
	if err != nil {
		return authorization{}, false, err
	}
	if next.token.value == "" && next.token.mode == modeBearer || next.token.value == used.token.value && next.token.mode == used.token.mode {
		return authorization{}, false, nil
	}
	return next, true, nil
}

// correct remembers that where used was sent next was wanted.
func (s *tokenSource) correct(used, next authorization) {
	if used.scope == "" || next.scope == "" || sameScope(used.scope, next.scope) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.corrected) < maxCorrected {
		s.corrected[used.scope] = strings.Fields(next.scope)
	}
}

// checkRealm refuses a realm that isn't the login server's: the credential
// would go there.
func (s *tokenSource) checkRealm(realm string) error {
	if realm == "" {
		return nil
	}
	u, err := resolve(s.registry.base, realm)
	if err != nil {
		return &UntrustedOriginError{Kind: OriginKindRealm, Got: "no address", Want: s.registry.home.String()}
	}
	if o := originOf(u); o != s.registry.home {
		return &UntrustedOriginError{Kind: OriginKindRealm, Got: o.String(), Want: s.registry.home.String()}
	}
	return nil
}

// scopeKey writes scopes in the one way in which they are cached.
func scopeKey(scopes []string) string {
	if len(scopes) < 2 {
		return strings.Join(scopes, "")
	}
	sorted := slices.Clone(scopes)
	slices.Sort(sorted)
	return strings.Join(slices.Compact(sorted), " ")
}

// sameScope compares scopes whatever the order of their actions: the registry
// writes "pull,push" and "push,pull" by turns (ACR protocol §2.2).
func sameScope(a, b string) bool {
	return a == b || canonicalScope(a) == canonicalScope(b)
}

func canonicalScope(scope string) string {
	fields := strings.Fields(scope)
	for i, f := range fields {
		if at := strings.LastIndexByte(f, ':'); at >= 0 {
			actions := strings.Split(f[at+1:], ",")
			slices.Sort(actions)
			fields[i] = f[:at+1] + strings.Join(actions, ",")
		}
	}
	return scopeKey(fields)
}

// entraGrant exchanges Entra tokens (ACR protocol §2.4).
type entraGrant struct {
	credential azcore.TokenCredential
	scope      string
}

func (g entraGrant) identity() any                { return g.credential }
func (g entraGrant) basic() (_, _ string, _ bool) { return "", "", false }
func (g entraGrant) refreshKey(s *tokenSource, service string) tokenKey {
	return tokenKey{registry: s.registry.home, service: service, identity: s.identity, kind: refreshTokenKind, scope: g.scope}
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
	return s.registry.requestToken(ctx, service, scope, url.Values{"grant_type": {"password"}})
}

func isStatus(err error, status int) bool {
	var respErr *azcore.ResponseError
	return errors.As(err, &respErr) && respErr.StatusCode == status
}
