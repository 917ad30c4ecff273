package emulator

import (
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
)

// access is what decides who gets in.
type access struct {
	clock    Clock
	key      signingKey
	throttle throttle
	provider *identityProvider
	// generation numbers the tokens issued between two calls of ExpireTokens.
	generation atomic.Int64
	// localPassword signs in the commands of the user who runs the server.
	// Empty means that nobody may.
	localPassword atomic.Pointer[string]
}

// open readies the access state. A temporary folder keeps no key.
func (a *access) open(options Options) error {
	a.clock.base = options.Now
	a.key.dir = options.Dir
	if options.IdentityProvider == nil {
		return nil
	}
	var err error
	a.provider, err = newIdentityProvider(options.IdentityProvider)
	return err
}

// ExpireTokens makes every refresh token and access token issued so far
// count as expired. Tokens issued afterwards are good.
func (e *Emulator) ExpireTokens() { e.access.generation.Add(1) }

// SetPolicies replaces the policies of the registry with a name. Refresh
// tokens keep the rights they were issued with, as with the real service,
// unless the registry changes between ABAC and classic roles.
func (e *Emulator) SetPolicies(registryName string, policies Policies) error {
	reg, err := e.registryNamed(strings.ToLower(registryName))
	if err != nil {
		return fmt.Errorf("set policies: %w", err)
	}
	compiled, err := policies.compile(e.quirks)
	if err != nil {
		return fmt.Errorf("set policies of %s: %w", registryName, err)
	}
	reg.current.Store(compiled)
	return nil
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
func (r *registry) policies() *compiledPolicies {
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
func (e *Emulator) screen(r *http.Request, reg *registry, class throttleClass) *refusal {
	policies := reg.policies()
	if address := clientAddress(r); !policies.admitsAddress(address) {
		return &refusal{err: firewallError(address.String())}
	}
	if policies.Throttling {
		return e.access.throttle.take(e.now(), policies.SKU, reg.Name, "", class)
	}
	return nil
}

// headerChallenge is spelt as the recordings do, which net/http would not.
const headerChallenge = "WWW-Authenticate"

// refusal is an answer that ends a request before its handler.
type refusal struct {
	err        *apiError
	challenge  string
	retryAfter int // seconds; 0 for none
}

func (x *refusal) setHeaders(w http.ResponseWriter) {
	if x.challenge != "" {
		w.Header()[headerChallenge] = []string{x.challenge}
	}
	if x.retryAfter > 0 {
		w.Header().Set("Retry-After", fmt.Sprint(x.retryAfter))
	}
}

func (x *refusal) write(w http.ResponseWriter) {
	x.setHeaders(w)
	if strings.Contains(x.err.message, "'") {
		writeEscapedError(w, x.err)
		return
	}
	writeError(w, x.err)
}

// writeEscapedError writes an error whose apostrophes the service sends as
// \u0027 (ACR protocol §1.7).
func writeEscapedError(w http.ResponseWriter, err *apiError) {
	body := strings.ReplaceAll(string(errorBody(err)), "'", `\u0027`)
	writePlain(w, err.status, mediaTypeJSON, body)
}
