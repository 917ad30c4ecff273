package emulator

import (
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"sync/atomic"
)

// signInService decides who gets in, and issues the tokens.
type signInService struct {
	clock      *Clock
	quirks     quirkSet
	logger     *slog.Logger
	responder  *responder
	registries []*signInRegistry

	key      signingKey
	throttle throttle
	provider *identityProvider
	// generation numbers the tokens issued between two calls of expireTokens.
	generation atomic.Int64
	// localPassword signs in the commands of the user who runs the server.
	// Empty means that nobody may.
	localPassword atomic.Pointer[string]
}

// signInOptions are what a signInService needs.
type signInOptions struct {
	clock      *Clock
	quirks     quirkSet
	logger     *slog.Logger
	responder  *responder
	registries []*signInRegistry
	// keyDir is the folder that keeps the signing key; empty means that it
	// lives as long as the process.
	keyDir string
	// provider is the stand-in for Entra; nil means none.
	provider *IdentityProvider
}

func newSignInService(o signInOptions) (*signInService, error) {
	s := &signInService{
		clock: o.clock, quirks: o.quirks, logger: o.logger, responder: o.responder, registries: o.registries,
		key: signingKey{dir: o.keyDir},
	}
	if o.provider == nil {
		return s, nil
	}
	var err error
	s.provider, err = newIdentityProvider(o.provider)
	return s, err
}

// expireTokens makes every token issued so far count as expired.
func (s *signInService) expireTokens() { s.generation.Add(1) }

// signInRegistry is a registry as signing in sees it.
type signInRegistry struct {
	Name        string
	LoginServer string
	id          string // the registry's GUID

	current atomic.Pointer[compiledPolicies]
}

// newSignInRegistry returns a registry with policies.
func newSignInRegistry(name, loginServer string, policies Policies, quirks quirkSet) (*signInRegistry, error) {
	reg := &signInRegistry{Name: name, LoginServer: loginServer, id: stableGUID("registry", name)}
	return reg, reg.setPolicies(policies, quirks)
}

// setPolicies replaces the policies, unless they break a rule.
func (r *signInRegistry) setPolicies(policies Policies, quirks quirkSet) error {
	compiled, err := policies.compile(quirks)
	if err == nil {
		r.current.Store(compiled)
	}
	return err
}

// access is what a request to a resource has to be let in for.
type access struct {
	registry *signInRegistry
	login    string  // the host the client typed, for realms and services
	scopes   []scope // in the order of a 401's detail (ACR protocol §2.2); none: any valid token passes
	class    rateClass
}

// compiledPolicies are policies that were checked, with what can be worked
// out beforehand.
type compiledPolicies struct {
	Policies
	quirks  quirkSet
	allowed []netip.Prefix
}

// compile checks policies and takes a copy of their lists.
func (p *Policies) compile(quirks quirkSet) (*compiledPolicies, error) {
	if err := p.validate(quirks); err != nil {
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

// policies returns the registry's policies as they are now.
func (r *signInRegistry) policies() *compiledPolicies {
	if compiled := r.current.Load(); compiled != nil {
		return compiled
	}
	return &compiledPolicies{}
}

// clientAddress returns the address that a request came from.
func clientAddress(r *http.Request) netip.Addr {
	if ap, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		return ap.Addr().Unmap()
	}
	address, _ := netip.ParseAddr(r.RemoteAddr)
	return address.Unmap()
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

// firewallError is the answer to an address that is shut out (ACR protocol
// §6).
func firewallError(address string) *apiError {
	return errDenied.withMessage("client with IP '%s' is not allowed access. Refer https://aka.ms/acr/firewall to grant access.", address)
}

// screen applies what comes before authentication: network rules and the
// registry's own throttling. It returns nil or the answer.
func (s *signInService) screen(r *http.Request, reg *signInRegistry, class rateClass) *refusal {
	policies := reg.policies()
	if address := clientAddress(r); !policies.admitsAddress(address) {
		return &refusal{err: firewallError(address.String())}
	}
	if policies.Throttling {
		return s.throttle.take(s.clock.Now(), policies.SKU, reg.Name, "", class)
	}
	return nil
}
