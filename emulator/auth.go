package emulator

import (
	"encoding/base64"
	"errors"
	"net/http"
	"slices"
	"strings"
	"unicode"
)

// nullGUID is the user name that goes with a token as a password (ACR
// protocol §2.6).
const nullGUID = "00000000-0000-0000-0000-000000000000"

// localUser is the user name that goes with the password of a running
// server's own folder, see [FindRunning].
const localUser = "acrkit-local"

// caller is who sends a request, once it was let in.
type caller struct {
	identity           string // throttling identity
	quarantineReader   bool   // sees quarantined images
	quarantineReleaser bool   // may PATCH quarantineState
}

// admit lets a request in, or answers it and returns false. The order is that
// of the service: network rules, throttling, authentication, permission, the
// identity's own throttling.
func (s *signInService) admit(w http.ResponseWriter, r *http.Request, op *access) (*caller, bool) {
	c, refused := s.authorize(r, op)
	if refused == nil {
		return c, true
	}
	s.responder.setRegistryHeaders(w, r)
	refused.write(w)
	return nil, false
}

func (s *signInService) authorize(r *http.Request, op *access) (*caller, *refusal) {
	class := op.class
	if refused := s.screen(r, op.registry, class); refused != nil {
		return nil, refused
	}
	policies := op.registry.policies()
	if policies.NoAuthentication {
		return &caller{quarantineReader: true, quarantineReleaser: true}, nil
	}
	p, refused := s.authenticate(r, op)
	if refused != nil {
		return nil, refused
	}
	observe(r, func(record *Request) { record.Identity = p.id })
	for _, needed := range op.scopes {
		for _, action := range needed.Actions {
			if !p.permit(needed.Type, needed.Name, action) {
				return nil, s.lacking(r, op)
			}
		}
	}
	if policies.Throttling {
		if refused := s.throttle.take(s.clock.Now(), policies.SKU, op.registry.Name, p.id, class); refused != nil {
			return nil, refused
		}
	}
	return &caller{
		identity:           p.id,
		quarantineReader:   slices.Contains(p.rights, rightQuarantineRead),
		quarantineReleaser: slices.Contains(p.rights, rightQuarantineWrite),
	}, nil
}

// authenticate finds out who sends a request to a resource.
func (s *signInService) authenticate(r *http.Request, op *access) (*principal, *refusal) {
	scheme, credentials, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	switch strings.ToLower(scheme) {
	case "bearer":
		claims, err := s.verify(op.registry, op.login, strings.TrimSpace(credentials), grantAccess)
		switch {
		case errors.Is(err, errForeignToken):
			// An Entra token in the place of ours meets the ordinary
			// challenge (ACR protocol §2.11).
			return nil, unauthorized(r, op, "")
		case err != nil || claims.Access == nil:
			reason := s.quirks.value(quirkInvalidToken)
			if reason == "none" {
				reason = ""
			}
			return nil, unauthorized(r, op, reason)
		}
		observe(r, func(record *Request) { record.Granted = scopeStrings(*claims.Access) })
		p := withGrants(claims.Subject, *claims.Access)
		p.rights = op.registry.rightsOf(claims.Subject)
		return p, nil
	case "basic":
		p := s.basicPrincipal(op.registry, credentials)
		if p == nil {
			return nil, &refusal{err: errUnauthorized, challenge: `Basic realm="` + op.login + `"`}
		}
		return p, nil
	}
	return nil, unauthorized(r, op, "")
}

// basicPrincipal returns who signs in with Basic on a resource path. Scope-map
// tokens and the null GUID are refused there (ACR protocol §2.7).
func (s *signInService) basicPrincipal(reg *signInRegistry, credentials string) *principal {
	user, password, ok := parseBasic(credentials)
	if !ok || user == nullGUID {
		return nil
	}
	if reg.policies().scopeMapToken(user) != nil {
		return nil
	}
	p, err := s.signIn(reg, user, password)
	if err != nil {
		return nil
	}
	return p
}

// parseBasic reads the credentials of a Basic header: the base64 form of a
// user name without a colon, a colon, and a password.
func parseBasic(credentials string) (user, password string, ok bool) {
	decoded, err := base64.StdEncoding.DecodeString(strings.TrimSpace(credentials))
	if err != nil {
		return "", "", false
	}
	return strings.Cut(string(decoded), ":")
}

// signIn checks a user name and a password. The errors are those of the
// token endpoint (ACR protocol §2.5).
func (s *signInService) signIn(reg *signInRegistry, user, password string) (*principal, *apiError) {
	if strings.ContainsFunc(user, unicode.IsControl) {
		// A trailing newline is known to make the service fail.
		return nil, errInternal
	}
	policies := reg.policies()
	if local := s.localPassword.Load(); local != nil && user == localUser && same(password, *local) {
		return fullAccess(localUser), nil
	}
	if policies.Admin != nil && strings.EqualFold(user, reg.Name) {
		if !slices.ContainsFunc(policies.Admin.Passwords, func(p string) bool { return same(p, password) }) {
			return nil, errUnauthorized
		}
		return fullAccess(reg.Name), nil
	}
	if token := policies.scopeMapToken(user); token != nil {
		if token.Disabled || !slices.ContainsFunc(token.Passwords, func(p string) bool { return same(p, password) }) {
			return nil, errUnauthorized
		}
		return withScopeMap(*token), nil
	}
	for _, identity := range policies.Identities {
		if identity.Secret != "" && strings.EqualFold(identity.ID, user) {
			if !same(identity.Secret, password) {
				return nil, errUnauthorized.withMessage("Invalid clientid or client secret.")
			}
			if p := policies.entra(identity.ID); p != nil {
				return p, nil
			}
			// Only the exchange answers 403 for want of a role; here the
			// token is good for nothing (ACR protocol §10, 10).
			return policies.withRights(identity.ID, nil), nil
		}
	}
	if !isGUID(user) {
		return nil, errUnauthorized.withMessage("aad access token with sp failed client id must be guid")
	}
	return nil, errUnauthorized.withMessage("Application not registered with AAD.")
}

func (p *Policies) scopeMapToken(name string) *ScopeMapToken {
	for i := range p.Tokens {
		if p.Tokens[i].Name == name {
			return &p.Tokens[i]
		}
	}
	return nil
}

// rightsOf returns the registry-wide rights of the subject of a token.
func (r *signInRegistry) rightsOf(subject string) []string {
	policies := r.policies()
	switch {
	case subject == localUser, policies.Admin != nil && subject == r.Name:
		return allRights
	case subject == anonymousID, policies.scopeMapToken(subject) != nil:
		return nil
	}
	if p := policies.entra(subject); p != nil {
		return p.rights
	}
	return nil
}

// lacking is the answer to a caller who lacks an action that op needs.
func (s *signInService) lacking(r *http.Request, op *access) *refusal {
	if op.registry.policies().ABAC && s.quirks.is(quirkABACDenial, "403") {
		return &refusal{err: errDenied}
	}
	return unauthorized(r, op, "insufficient_scope")
}

// unauthorized is the 401 of a resource (ACR protocol §2.2). reason is the
// error attribute; empty for none.
func unauthorized(r *http.Request, op *access, reason string) *refusal {
	return &refusal{err: errUnauthorized.withDetail(deniedActions(op.scopes)), challenge: challenge(r, op, reason)}
}

// challenge is the WWW-Authenticate header of an operation.
func challenge(r *http.Request, op *access, reason string) string {
	text := `Bearer realm="` + requestScheme(r) + "://" + op.login + `/oauth2/token",service="` + op.login + `"`
	if len(op.scopes) > 0 {
		text += `,scope="` + scopeText(op.scopes) + `"`
	}
	if reason != "" {
		text += `,error="` + reason + `"`
	}
	return text
}

// deniedActions is the detail of a 401: what was asked for, one entry an
// action.
func deniedActions(scopes []scope) any {
	if len(scopes) == 0 {
		return jsonNull
	}
	type denied struct{ Type, Name, Action string }
	var detail []denied
	for _, s := range scopes {
		for _, action := range s.Actions {
			detail = append(detail, denied{s.Type, s.Name, action})
		}
	}
	return detail
}

func scopeStrings(scopes []scope) []string {
	texts := make([]string, len(scopes))
	for i, s := range scopes {
		texts[i] = s.Type + ":" + s.Name + ":" + strings.Join(s.Actions, ",")
	}
	return texts
}
