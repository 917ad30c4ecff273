// Package signin decides who gets in: policies, identities, roles, tokens, the token
// endpoints, the stand-in for Entra, and throttling.
package signin

import (
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/acrkit/azcontainerregistry/emulator/internal/clock"
	"github.com/acrkit/azcontainerregistry/emulator/internal/protocol"
	"github.com/acrkit/azcontainerregistry/emulator/internal/quirk"
)

// Service decides who gets in, and issues the tokens.
type Service struct {
	clock      *clock.Clock
	quirks     quirk.Set
	logger     *slog.Logger
	responder  *protocol.Responder
	Registries []*Registry

	key      signingKey
	throttle throttle
	calls    callRates
	Provider *identityProvider
	// generation numbers the tokens issued between two calls of expireTokens.
	generation atomic.Int64
	// localPassword signs in the commands of the user who runs the server.
	// Empty means that nobody may.
	LocalPassword atomic.Pointer[string]
}

// Options are what a signInService needs.
type Options struct {
	Clock      *clock.Clock
	Quirks     quirk.Set
	Logger     *slog.Logger
	Responder  *protocol.Responder
	Registries []*Registry
	// keyDir is the folder that keeps the signing key; empty means that it
	// exists as long as the process.
	KeyDir string
	// provider is the stand-in for Entra; nil means none.
	Provider *IdentityProvider
}

func New(o Options) (*Service, error) {
	s := &Service{
		clock: o.Clock, quirks: o.Quirks, logger: o.Logger, responder: o.Responder, Registries: o.Registries,
		key: signingKey{dir: o.KeyDir},
	}
	if o.Provider == nil {
		return s, nil
	}
	var err error
	s.Provider, err = NewIdentityProvider(o.Provider)
	return s, err
}

// ExpireTokens makes every token issued so far count as expired.
func (s *Service) ExpireTokens() { s.generation.Add(1) }

// Registry is a registry as signing in sees it.
type Registry struct {
	Name        string
	LoginServer string
	ID          string // the registry's GUID

	current atomic.Pointer[compiledPolicies]
}

// NewRegistry returns a registry with policies.
func NewRegistry(name, loginServer string, policies Policies, quirks quirk.Set) (*Registry, error) {
	reg := &Registry{Name: name, LoginServer: loginServer, ID: protocol.StableGUID("registry", name)}
	return reg, reg.SetPolicies(policies, quirks)
}

// SetPolicies replaces the policies, unless they break a rule.
func (r *Registry) SetPolicies(policies Policies, quirks quirk.Set) error {
	compiled, err := policies.compile(quirks)
	if err == nil {
		r.current.Store(compiled)
	}
	return err
}

// Access is what a request to a resource has to be let in for.
type Access struct {
	Registry *Registry
	Login    string           // the host the client typed, for realms and services
	Scopes   []protocol.Scope // in the order of a 401's detail (ACR protocol §2.2); none: any valid token passes
	Class    RateClass
}

// compiledPolicies are policies that were checked, with what can be worked
// out beforehand.
type compiledPolicies struct {
	Policies
	quirks  quirk.Set
	allowed []netip.Prefix
}

// compile checks policies and takes a copy of their lists.
func (p *Policies) compile(quirks quirk.Set) (*compiledPolicies, error) {
	if err := p.Validate(quirks); err != nil {
		return nil, err
	}
	c := &compiledPolicies{Policies: *p, quirks: quirks}
	c.Identities = slices.Clone(p.Identities)
	c.Tokens = slices.Clone(p.Tokens)
	if p.OtherIdentities != nil {
		c.OtherIdentities = append([]RoleAssignment{}, p.OtherIdentities...)
	}
	if p.Firewall != nil {
		firewall := *p.Firewall
		c.Firewall = &firewall
		for _, rule := range firewall.Allow {
			prefix, err := parsePrefix(rule)
			if err != nil {
				return nil, err
			}
			c.allowed = append(c.allowed, prefix)
		}
	}
	return c, nil
}

// opaqueID is the registry's id as tokens have it: 32 hexadecimal digits.
func (r *Registry) opaqueID() string { return strings.ReplaceAll(r.ID, "-", "") }

// Policies returns the registry's policies as they are now.
func (r *Registry) Policies() *compiledPolicies {
	if compiled := r.current.Load(); compiled != nil {
		return compiled
	}
	return &compiledPolicies{}
}

// admitsAddress reports whether the network rules let an address in.
func (p *compiledPolicies) admitsAddress(address netip.Addr) bool {
	if p.Firewall == nil {
		return true
	}
	return !p.Firewall.PublicAccessDisabled && slices.ContainsFunc(p.allowed, func(prefix netip.Prefix) bool {
		return prefix.Contains(address)
	})
}

// screen applies what comes before authentication: network rules and the
// registry's own throttling. It returns nil or the response.
func (s *Service) screen(r *http.Request, reg *Registry, class RateClass) *protocol.Refusal {
	policies := reg.Policies()
	if address := protocol.ClientAddress(r); !policies.admitsAddress(address) {
		return &protocol.Refusal{Err: protocol.FirewallError(address.String()), Firewall: true}
	}
	if policies.Throttling {
		return s.throttle.take(s.clock.Now(), policies.SKU, reg.Name, "", class)
	}
	return nil
}
