package signin

import (
	"encoding/base64"
	"errors"
	"net/http"
	"slices"
	"strings"
	"unicode"

	"github.com/acrkit/azcontainerregistry/emulator/internal/memnet"
	"github.com/acrkit/azcontainerregistry/emulator/internal/protocol"
	"github.com/acrkit/azcontainerregistry/emulator/internal/quirk"
	"github.com/acrkit/azcontainerregistry/emulator/internal/trace"
)

// nullGUID is the user name that goes with a token as a password (ACR
// protocol §2.6).
const nullGUID = "00000000-0000-0000-0000-000000000000"

// localUser is the user name that goes with the password of a running
// server's own folder, see [FindRunning].
const LocalUser = "acrkit-local"

// Caller is who sends a request, once it was let in.
type Caller struct {
	identity           string // throttling identity
	QuarantineReader   bool   // sees quarantined images
	QuarantineReleaser bool   // may PATCH quarantineState
}

// Admit lets a request in, or responds to it and returns false. The order is that
// of the service: network rules, throttling, authentication, permission, the
// identity's own throttling.
func (s *Service) Admit(w http.ResponseWriter, r *http.Request, op *Access) (*Caller, bool) {
	c, refused := s.authorize(r, op)
	if refused == nil {
		return c, true
	}
	s.responder.SetRegistryHeaders(w, r)
	if refused.Firewall {
		refused = s.identify(w, refused)
	}
	if strings.HasPrefix(refused.Challenge, "Basic ") {
		// Rejected Basic credentials expose this header only (ACR protocol §13).
		w.Header()["Access-Control-Expose-Headers"] = []string{protocol.HeaderChallenge}
	}
	refused.Write(w)
	return nil, false
}

func (s *Service) authorize(r *http.Request, op *Access) (*Caller, *protocol.Refusal) {
	class := op.Class
	if refused := s.screen(r, op.Registry, class); refused != nil {
		return nil, refused
	}
	policies := op.Registry.Policies()
	if policies.NoAuthentication {
		return &Caller{QuarantineReader: true, QuarantineReleaser: true}, nil
	}
	p, refused := s.authenticate(r, op)
	if refused != nil {
		return nil, refused
	}
	trace.Observe(r, func(record *trace.Request) { record.Identity = p.id })
	for _, needed := range op.Scopes {
		for _, action := range needed.Actions {
			if !p.permit(needed.Type, needed.Name, action) {
				return nil, s.Lacking(r, op)
			}
		}
	}
	if policies.Throttling {
		if refused := s.throttle.take(s.clock.Now(), policies.SKU, op.Registry.Name, p.id, class); refused != nil {
			return nil, refused
		}
	}
	return &Caller{
		identity:           p.id,
		QuarantineReader:   slices.Contains(p.rights, rightQuarantineRead),
		QuarantineReleaser: slices.Contains(p.rights, rightQuarantineWrite),
	}, nil
}

// authenticate finds out who sends a request to a resource.
func (s *Service) authenticate(r *http.Request, op *Access) (*principal, *protocol.Refusal) {
	scheme, credentials, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	switch strings.ToLower(scheme) {
	case "bearer":
		claims, err := s.Verify(op.Registry, op.Login, strings.TrimSpace(credentials), GrantAccess)
		switch {
		case errors.Is(err, errForeignToken):
			// An Entra token in the place of ours meets the ordinary
			// challenge (ACR protocol §2.11).
			return nil, Unauthorized(r, op, "")
		case err != nil || claims.Access == nil:
			reason := s.quirks.Value(quirk.InvalidToken)
			if reason == "none" {
				reason = ""
			}
			return nil, Unauthorized(r, op, reason)
		}
		trace.Observe(r, func(record *trace.Request) { record.Granted = ScopeStrings(*claims.Access) })
		p := withGrants(claims.Subject, *claims.Access)
		p.rights = op.Registry.rightsOf(claims.Subject)
		return p, nil
	case "basic":
		p := s.basicPrincipal(op.Registry, credentials)
		if p == nil {
			return nil, &protocol.Refusal{Err: protocol.ErrUnauthorized, Challenge: `Basic realm="Azure Container Registry"`}
		}
		return p, nil
	}
	return nil, Unauthorized(r, op, "")
}

// basicPrincipal returns who signs in with Basic on a resource path. Scope-map
// tokens and the null GUID are refused there (ACR protocol §2.7).
func (s *Service) basicPrincipal(reg *Registry, credentials string) *principal {
	user, password, ok := ParseBasic(credentials)
	if !ok || user == nullGUID {
		return nil
	}
	if reg.Policies().scopeMapToken(user) != nil {
		return nil
	}
	p, err := s.signIn(reg, user, password)
	if err != nil {
		return nil
	}
	return p
}

// ParseBasic reads the credentials of a Basic header: the base64 form of a
// user name without a colon, a colon, and a password.
func ParseBasic(credentials string) (user, password string, ok bool) {
	decoded, err := base64.StdEncoding.DecodeString(strings.TrimSpace(credentials))
	if err != nil {
		return "", "", false
	}
	return strings.Cut(string(decoded), ":")
}

// signIn checks a user name and a password. The errors are those of the
// token endpoint (ACR protocol §2.5).
func (s *Service) signIn(reg *Registry, user, password string) (*principal, *protocol.Error) {
	if strings.ContainsFunc(user, unicode.IsControl) {
		// A trailing newline is known to make the service fail.
		return nil, protocol.ErrInternal
	}
	policies := reg.Policies()
	if local := s.LocalPassword.Load(); local != nil && user == LocalUser && protocol.Same(password, *local) {
		return FullAccess(LocalUser), nil
	}
	if policies.Admin != nil && strings.EqualFold(user, reg.Name) {
		if !slices.ContainsFunc(policies.Admin.Passwords, func(p string) bool { return protocol.Same(p, password) }) {
			return nil, protocol.ErrUnauthorized
		}
		return FullAccess(reg.Name), nil
	}
	if token := policies.scopeMapToken(user); token != nil {
		if token.Disabled || !slices.ContainsFunc(token.Passwords, func(p string) bool { return protocol.Same(p, password) }) {
			return nil, protocol.ErrUnauthorized
		}
		return withScopeMap(*token), nil
	}
	for _, identity := range policies.Identities {
		if identity.Secret != "" && strings.EqualFold(identity.ID, user) {
			if !protocol.Same(identity.Secret, password) {
				return nil, protocol.ErrUnauthorized.WithMessage("Invalid clientid or client secret.")
			}
			if p := policies.entra(identity.ID); p != nil {
				return p, nil
			}
			// Only the exchange returns 403 for lack of a role; here the
			// token grants nothing (ACR protocol §10, 10).
			return policies.withRights(identity.ID, nil), nil
		}
	}
	if !isGUID(user) {
		return nil, protocol.ErrUnauthorized.WithMessage("aad access token with sp failed client id must be guid")
	}
	return nil, protocol.ErrUnauthorized.WithMessage("Application not registered with AAD.")
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
func (r *Registry) rightsOf(subject string) []string {
	policies := r.Policies()
	switch {
	case subject == LocalUser, policies.Admin != nil && subject == r.Name:
		return allRights
	case subject == anonymousID, policies.scopeMapToken(subject) != nil:
		return nil
	}
	if p := policies.entra(subject); p != nil {
		return p.rights
	}
	return nil
}

// Lacking is the response to a caller who lacks an action that op needs.
func (s *Service) Lacking(r *http.Request, op *Access) *protocol.Refusal {
	if op.Registry.Policies().ABAC && s.quirks.Is(quirk.ABACDenial, "403") {
		return &protocol.Refusal{Err: protocol.ErrDenied}
	}
	return Unauthorized(r, op, "insufficient_scope")
}

// Unauthorized is the 401 of a resource (ACR protocol §2.2). reason is the
// error attribute; empty for none.
func Unauthorized(r *http.Request, op *Access, reason string) *protocol.Refusal {
	return &protocol.Refusal{Err: protocol.ErrUnauthorized.WithDetail(deniedActions(op.Scopes)), Challenge: challenge(r, op, reason)}
}

// challenge is the WWW-Authenticate header of an operation.
func challenge(r *http.Request, op *Access, reason string) string {
	text := `Bearer realm="` + memnet.RequestScheme(r) + "://" + op.Login + `/oauth2/token",service="` + op.Login + `"`
	if len(op.Scopes) > 0 {
		text += `,scope="` + protocol.ScopeText(op.Scopes) + `"`
	}
	if reason != "" {
		text += `,error="` + reason + `"`
	}
	return text
}

// deniedActions is the detail of a 401: what was asked for, one entry an
// action.
func deniedActions(scopes []protocol.Scope) any {
	if len(scopes) == 0 {
		return protocol.JsonNull
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

func ScopeStrings(scopes []protocol.Scope) []string {
	texts := make([]string, len(scopes))
	for i, s := range scopes {
		texts[i] = s.Type + ":" + s.Name + ":" + strings.Join(s.Actions, ",")
	}
	return texts
}
