package azcontainerregistry

import (
	"context"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/acrkit/azcontainerregistry/internal/strict"
	"github.com/acrkit/azcontainerregistry/internal/wire"
)

// authMode is how requests to a registry are authorized.
type authMode int

const (
	modeBearer authMode = iota // a token for each scope: ACR's way
	modeBasic                  // user and password on each request
)

// tokenSource knows which token a request to one registry carries. Before the
// registry's first challenge that is none; what the challenge says is kept in
// the cache, and from then on tokens are fetched before requests are sent.
type tokenSource struct {
	registry *registry
	cache    *TokenCache
	grant    grant
	identity any

	mu   sync.Mutex
	mode authMode
	// scopes are the scopes that challenges asked for where this client had
	// expected others, by the expected ones.
	scopes map[string][]string
}

// maxRemembered bounds the remembered scopes; ACR asks for the expected ones.
const maxRemembered = 1024

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
	s := &tokenSource{registry: r, cache: cache, grant: g, scopes: map[string][]string{}}
	s.identity = g.identity()
	if v := reflect.ValueOf(s.identity); !v.IsValid() || !v.Comparable() {
		// A credential that can't be told from another shares with none.
		s.identity = s
	}
	return s
}

// authorization is what one request is sent with.
type authorization struct {
	mode  authMode
	token token
	scope string
	key   tokenKey
	// service is the one that the token was asked for; failed is why none was
	// to be had.
	service string
	failed  error
	// asks says that the request is the first to a registry.
	asks bool
	// expected are the scopes that the caller of the request expects.
	expected string
}

// empty reports whether a request is sent without any credential.
func (a authorization) empty() bool { return a.mode == modeBearer && a.token.value == "" }

// authorize returns what a request for scopes is sent with, valid for at least
// d. Of a registry that is unknown the first request is sent alone and the others
// wait for its response, so that they need not be refused, too: note must be
// called when it is there.
func (s *tokenSource) authorize(ctx context.Context, scopes []string, d time.Duration) (a authorization, note challenged, err error) {
	a.expected = scopeKey(scopes)
	s.mu.Lock()
	mode := s.mode
	if c := s.scopes[a.expected]; c != nil {
		scopes = c
	}
	s.mu.Unlock()
	a.mode = mode
	a.scope = scopeKey(scopes)
	note = func(string, bool) {}
	if mode == modeBasic {
		return a, note, nil
	}
	state, leave, err := s.cache.enter(ctx, s.registry.key)
	if err != nil {
		return a, note, err
	}
	if leave != nil {
		a.asks = true
		return a, leave, nil
	}
	if state.service == "" {
		// It asked for nothing so far. It may begin to.
		return a, func(service string, _ bool) { s.cache.learn(s.registry.key, service) }, nil
	}
	a.service = state.service
	if a.scope == "" {
		return a, note, nil
	}
	got, err := s.bearer(ctx, state.service, scopes, d)
	switch {
	case err == nil:
		got.expected = a.expected
		return got, note, nil
	case ctx.Err() != nil:
		return a, note, err
	}
	// The registry may not want a token for this. If it does, the failure is
	// what the caller gets.
	a.failed = err
	return a, note, nil
}

// bearer returns a token for scopes from the cache or the registry.
func (s *tokenSource) bearer(ctx context.Context, service string, scopes []string, d time.Duration) (authorization, error) {
	a := authorization{scope: scopeKey(scopes), service: service}
	a.key = tokenKey{registry: s.registry.key, service: service, identity: s.identity, kind: accessTokenKind, scope: a.scope}
	var err error
	a.token, _, err = s.cache.get(ctx, a.key, d, func(ctx context.Context) (token, error) {
		return s.grant.accessToken(ctx, s, service, a.scope)
	})
	return a, err
}

// defaultService is the name that a registry has for its token endpoint unless
// it says otherwise.
func (s *tokenSource) defaultService() string { return s.registry.base.Host }

// handleChallenge reads the challenges of a 401 and returns what to send the
// request again with. ok is false when nothing can be sent. A token that was
// refused is replaced, once a request. Tokens are asked for at the registry's own
// token endpoint, whatever host the realm names.
func (s *tokenSource) handleChallenge(ctx context.Context, resp *http.Response, used authorization, d time.Duration, note challenged) (next authorization, ok bool, err error) {
	challenges := wire.ParseChallenges(resp.Header.Values("WWW-Authenticate"))
	c, isBearer := wire.FindChallenge(challenges, "bearer")
	_, isBasic := wire.FindChallenge(challenges, "basic")
	if _, _, can := s.grant.basic(); !can || used.mode == modeBasic {
		isBasic = false
	}
	if !isBearer {
		return authorization{mode: modeBasic}, isBasic, nil
	}
	service := c.Params["service"]
	if service == "" {
		service = s.defaultService()
	}
	note(service, false)
	scopes := strings.Fields(c.Params["scope"])
	if len(scopes) == 0 {
		scopes = strings.Fields(used.scope)
	}
	if len(scopes) == 0 {
		return authorization{}, false, nil
	}
	if sameScope(scopeKey(scopes), used.scope) {
		// One way of writing it, so that it is cached once.
		scopes = strings.Fields(used.scope)
	}
	same := used.service == service && sameScope(scopeKey(scopes), used.scope)
	switch {
	case used.failed != nil && same:
		next.failed = used.failed
	default:
		if used.token.value != "" && same {
			s.cache.drop(used.key, used.token.value)
		}
		next, next.failed = s.bearer(ctx, service, scopes, d)
	}
	next.expected = used.expected
	switch {
	case next.failed == nil:
		return next, next.token.value != "", nil
	case strict.Is(ctx) && s.refusesAnonymous(next.failed):
		// The resource's own refusal names the missing action, so it is returned.
		return authorization{}, false, nil
	case isBasic && ctx.Err() == nil:
		return authorization{mode: modeBasic}, true, nil
	}
	return authorization{}, false, next.failed
}

// refusesAnonymous reports whether err is the registry's refusal of a token to a
// caller without a credential.
func (s *tokenSource) refusesAnonymous(err error) bool {
	_, anonymous := s.grant.(anonymousGrant)
	return anonymous && (isStatus(err, http.StatusUnauthorized) || isStatus(err, http.StatusBadRequest))
}

// ask learns what a registry challenges with, without sending anything but GET
// /v2/.
func (s *tokenSource) ask(ctx context.Context, note challenged) {
	service, open := "", false
	defer func() { note(service, open) }()
	req, err := s.registry.newRequest(ctx, http.MethodGet, "/v2/")
	if err != nil {
		return
	}
	streamResponse(req)
	resp, err := s.registry.bare.Do(req)
	if err != nil {
		return
	}
	defer discard(resp)
	c, isBearer := wire.FindChallenge(wire.ParseChallenges(resp.Header.Values("WWW-Authenticate")), "bearer")
	switch {
	case resp.StatusCode == http.StatusUnauthorized && isBearer:
		if service = c.Params["service"]; service == "" {
			service = s.defaultService()
		}
	case resp.StatusCode == http.StatusOK:
		open = true
	}
}

// accepted remembers what a request was sent with that had been refused before.
func (s *tokenSource) accepted(a authorization) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mode = a.mode
	if a.mode != modeBearer || a.expected == "" || a.scope == "" || coversScope(a.expected, a.scope) {
		return
	}
	if len(s.scopes) < maxRemembered {
		s.scopes[a.expected] = strings.Fields(a.scope)
	}
}
