package azcontainerregistry

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

// TokenCache keeps the tokens of registries: one refresh token a registry and
// credential, one access token a scope. It is given to clients as one of their
// PerCallPolicies; a client without one has a cache of its own. Clients that share one and use the
// same credential for the same registry fetch each token once between them. It
// is safe for concurrent use. The zero value is an empty cache.
type TokenCache struct {
	mu      sync.Mutex
	entries map[tokenKey]*tokenEntry
	sweepAt int
	// registries is what challenges told, by endpoint.
	registries map[string]*registryState
}

// registryState is what is known of a registry.
type registryState struct {
	// service is what its challenges name; empty before the first.
	service string
	// open says that it served a request without a token.
	open bool
	// asking is closed when the response to the first request is there; nil
	// while nobody asks.
	asking chan struct{}
}

// challenged takes note of the response to a request without a token.
type challenged func(service string, open bool)

// enter returns what is known of a registry. If it is nothing the caller is the
// one to ask: leave is then to be called with the service of the challenge, if there is
// one, and with whether the registry responded without asking for anything; calls
// after the first change nothing but the service. Others wait for it, as long
// as their contexts allow.
func (c *TokenCache) enter(ctx context.Context, registry string) (state registryState, leave challenged, err error) {
	for {
		c.mu.Lock()
		s := c.registries[registry]
		if s == nil {
			s = &registryState{}
			if c.registries == nil {
				c.registries = map[string]*registryState{}
			}
			c.registries[registry] = s
		}
		if s.service != "" || s.open {
			state := *s
			c.mu.Unlock()
			return state, nil, nil
		}
		if s.asking == nil {
			asking := make(chan struct{})
			s.asking = asking
			c.mu.Unlock()
			left := false
			return registryState{}, func(service string, open bool) {
				c.mu.Lock()
				defer c.mu.Unlock()
				if service != "" {
					s.service = service
				}
				if !left {
					left = true
					s.asking, s.open = nil, open
					close(asking)
				}
			}, nil
		}
		asking := s.asking
		c.mu.Unlock()
		select {
		case <-ctx.Done():
			return registryState{}, nil, ctx.Err()
		case <-asking:
		}
	}
}

// service returns the one that a registry's challenges name, "" before the first.
func (c *TokenCache) service(registry string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s := c.registries[registry]; s != nil {
		return s.service
	}
	return ""
}

// learn keeps the service of a challenge.
func (c *TokenCache) learn(registry, service string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s := c.registries[registry]; s != nil && service != "" {
		s.service = service
	}
}

// NewTokenCache returns an empty cache.
func NewTokenCache() *TokenCache {
	return &TokenCache{}
}

// Do implements [policy.Policy]: a cache that is among the PerCallPolicies of a
// client's options is the client's. It changes nothing about a request.
func (c *TokenCache) Do(req *policy.Request) (*http.Response, error) { return req.Next() }

// cacheOf returns the cache among policies, nil if there is none.
func cacheOf(policies []policy.Policy) *TokenCache {
	for _, p := range policies {
		if c, ok := p.(*TokenCache); ok && c != nil {
			return c
		}
	}
	return nil
}

// Format prints no token and no credential, whatever the verb.
func (c *TokenCache) Format(f fmt.State, _ rune) { fmt.Fprint(f, "token cache") }

// minSweep is how many tokens there must be before expired ones are looked for.
const minSweep = 256

// tokenKey says what a token is for. identity keeps the tokens of one
// credential from another's clients.
type tokenKey struct {
	registry string
	service  string
	identity any
	kind     tokenKind
	scope    string // sorted, joined by spaces; empty for refresh tokens
}

type tokenKind int

const (
	refreshTokenKind tokenKind = iota
	accessTokenKind
)

// token is a token with its times by this machine's clock.
type token struct {
	value   string
	fetched time.Time
	expires time.Time
}

type tokenEntry struct {
	token token
	// flight is the fetch under way, nil when there is none.
	flight *tokenFlight
	// retryRenewal is when a renewal that failed may be tried again, the token
	// still being good.
	retryRenewal time.Time
}

type tokenFlight struct {
	done   chan struct{}
	token  token
	failed sharedError
	// abandoned says that it failed because of its leader, not because of
	// what it asked.
	abandoned bool
}

const (
	// renewalPause is how long a token that is still good is used after a
	// renewal failed, before the next try.
	renewalPause = 30 * time.Second

	// renewAhead is how long before its expiry a token is renewed, if it is
	// valid long enough. ACR's access tokens are valid for 75 minutes.
	renewAhead = 5 * time.Minute

	// spare is how long a token must still be good to be sent at all, for a
	// request takes time to get there.
	spare = 30 * time.Second
)

// usable reports whether t stays valid for d from now on. A token that is
// never valid that long is usable in the first half of its lifetime: fetching another
// wouldn't help.
func (t token) usable(now time.Time, d time.Duration) bool {
	life := t.expires.Sub(t.fetched)
	need := min(max(d, spare), life/2)
	return t.expires.Sub(now) > need
}

// due reports whether t should be renewed though it is usable.
func (t token) due(now time.Time) bool {
	ahead := min(renewAhead, t.expires.Sub(t.fetched)/4)
	return t.expires.Sub(now) < ahead
}

// get returns the token of key, valid for at least d if its kind can be.
// Of all callers that need a new one a single one fetches it, with its
// own context; the others wait, each as long as its own context allows, and
// look again. While a token that is due for renewal is still good, only the
// caller that renews it waits. fresh says that it was fetched for this call.
func (c *TokenCache) get(ctx context.Context, key tokenKey, d time.Duration, fetch func(context.Context) (token, error)) (t token, fresh bool, err error) {
	for {
		c.mu.Lock()
		e := c.entries[key]
		if e == nil {
			e = &tokenEntry{}
			if c.entries == nil {
				c.entries = map[tokenKey]*tokenEntry{}
			}
			c.entries[key] = e
			c.sweep(key)
		}
		now := time.Now()
		usable := e.token.usable(now, d)
		if usable && (e.flight != nil || !e.token.due(now) || now.Before(e.retryRenewal)) {
			t := e.token
			c.mu.Unlock()
			return t, false, nil
		}
		if e.flight == nil {
			flight := &tokenFlight{done: make(chan struct{})}
			e.flight = flight
			held := e.token
			c.mu.Unlock()
			t, err := c.lead(ctx, key, flight, fetch)
			if err != nil && usable && ctx.Err() == nil {
				c.postpone(key)
				return held, false, nil
			}
			return t, true, err
		}
		flight := e.flight
		c.mu.Unlock()
		select {
		case <-ctx.Done():
			return token{}, false, ctx.Err()
		case <-flight.done:
		}
		switch {
		case flight.failed.err == nil && flight.token.usable(time.Now(), 0):
			return flight.token, true, nil
		case flight.failed.err != nil && !flight.abandoned:
			// The registry's response would be the same for each who waited.
			return token{}, false, flight.failed.copy()
		case ctx.Err() != nil:
			return token{}, false, ctx.Err()
		}
	}
}

// lead fetches for everybody who waits at flight.
func (c *TokenCache) lead(ctx context.Context, key tokenKey, flight *tokenFlight, fetch func(context.Context) (token, error)) (t token, err error) {
	// A panic in a caller's credential or transport must not leave the others
	// waiting; they try for themselves.
	returned := false
	defer func() {
		flight.abandoned = !returned || err != nil && ctx.Err() != nil
		c.mu.Lock()
		if e := c.entries[key]; e != nil && e.flight == flight {
			e.flight = nil
			if returned && err == nil {
				e.token, e.retryRenewal = t, time.Time{}
			}
		}
		c.mu.Unlock()
		flight.token, flight.failed = t, shareError(err)
		close(flight.done)
	}()
	t, err = fetch(ctx)
	returned = true
	return t, err
}

func (c *TokenCache) postpone(key tokenKey) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.entries[key]; e != nil {
		e.retryRenewal = time.Now().Add(renewalPause)
	}
}

// drop forgets a token that the registry refused, unless another has taken its
// place already.
func (c *TokenCache) drop(key tokenKey, value string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.entries[key]; e != nil && e.token.value == value {
		e.token = token{}
	}
}

// sweep forgets expired tokens now and then, so that a program that walks
// through many repositories doesn't keep a token of each. The entry of keep was
// made just now. c.mu is held.
func (c *TokenCache) sweep(keep tokenKey) {
	if len(c.entries) < c.sweepAt {
		return
	}
	now := time.Now()
	for k, e := range c.entries {
		if k != keep && e.flight == nil && !e.token.expires.After(now) {
			delete(c.entries, k)
		}
	}
	c.sweepAt = max(minSweep, 2*len(c.entries))
}
