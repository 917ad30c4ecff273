package signin

import (
	"errors"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/acrkit/azcontainerregistry/emulator/internal/protocol"
	"github.com/acrkit/azcontainerregistry/emulator/internal/quirk"
	"github.com/acrkit/azcontainerregistry/emulator/internal/trace"
)

// maxFormBytes bounds the form of a token request. A refresh token, an Entra
// token and a long list of scopes fit many times over.
const maxFormBytes = 1 << 20

var guidPattern = regexp.MustCompile(`^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$`)

func isGUID(text string) bool { return guidPattern.MatchString(text) }

// ServeOAuth serves the token endpoints (ACR protocol §2.4 to §2.6).
func (s *Service) ServeOAuth(w http.ResponseWriter, r *http.Request, reg *Registry) {
	t := &tokenService{Service: s, r: r, reg: reg, login: r.Host}
	var issue func() (string, string, *protocol.Refusal)
	switch {
	case r.URL.Path == "/oauth2/exchange" && r.Method == http.MethodPost:
		issue = t.exchange
	case r.URL.Path == "/oauth2/token" && r.Method == http.MethodPost:
		issue = t.tokenByForm
	case r.URL.Path == "/oauth2/token" && r.Method == http.MethodGet:
		issue = t.tokenByQuery
	default:
		// Without the registry's headers (ACR protocol §1.4).
		s.responder.SetServiceHeaders(w, r)
		protocol.WritePlain(w, http.StatusNotFound, "text/plain; charset=utf-8", "404 page not found\n")
		return
	}
	if refused := s.screen(r, reg, classOAuth); refused != nil {
		s.responder.SetServiceHeaders(w, r)
		s.identify(w, refused).Write(w)
		return
	}
	if s.RefusesVersion(r) {
		s.responder.SetServiceHeaders(w, r)
		protocol.WriteError(w, protocol.ErrVersionUnsupported)
		return
	}
	if r.Method == http.MethodPost {
		r.Body = http.MaxBytesReader(w, r.Body, maxFormBytes)
	}
	member, token, refused := issue()
	s.responder.SetServiceHeaders(w, r)
	switch {
	case refused == nil:
		t.grant(w, member, token)
	case refused.Err == nil:
		w.Header()["Content-Length"] = []string{"0"}
		w.WriteHeader(http.StatusUnauthorized)
	case refused.Err.Status == http.StatusInternalServerError:
		s.responder.WriteInternal(w, refused.Err)
	default:
		t.identify(w, refused).Write(w)
	}
}

// identify adds the response's correlation id to the message of a refusal by
// the token endpoints or the firewall (ACR protocol §13).
func (s *Service) identify(w http.ResponseWriter, refused *protocol.Refusal) *protocol.Refusal {
	if s.quirks.Is(quirk.TokenErrorID, "off") {
		return refused
	}
	if code := refused.Err.Code; code != protocol.ErrUnauthorized.Code && code != protocol.ErrDenied.Code {
		return refused
	}
	identified := *refused
	identified.Err = refused.Err.WithMessage("%s CorrelationId: %s", refused.Err.Message, w.Header()[protocol.HeaderCorrelationID][0])
	return &identified
}

// tokenService serves one request to a token endpoint.
type tokenService struct {
	*Service
	r     *http.Request
	reg   *Registry
	login string
	// refresh is the refresh token that the response holds beside the access
	// token; empty for none.
	refresh string
}

// grant returns 200 with the headers of the recordings (ACR protocol §1.4).
func (s *tokenService) grant(w http.ResponseWriter, member, token string) {
	h := w.Header()
	h["Content-Type"] = []string{protocol.MediaTypeJSON}
	h["Transfer-Encoding"] = []string{"chunked"}
	if rate := trimDecimals(s.throttle.oauthCalls(s.clock.Now(), s.reg.Policies().SKU, s.reg.Name)); !s.quirks.Is(quirk.RateRemaining, "off") {
		// The recordings have this name in lower case.
		h["x-ms-ratelimit-remaining-calls-per-second"] = []string{rate}
	}
	w.WriteHeader(http.StatusOK)
	body := `{"` + member + `":"` + token + `"`
	if member == GrantAccess && s.quirks.Is(quirk.TokenMember, "on") {
		body += `,"token":"` + token + `"`
	}
	if s.refresh != "" {
		body += `,"refresh_token":"` + s.refresh + `"`
	}
	_, _ = w.Write([]byte(body + "}\n"))
}

// emptyUnauthorized is the 401 without body and without challenge (ACR
// protocol §2.4, §2.5).
var emptyUnauthorized = &protocol.Refusal{}

// badForm is the response to a request that lacks something, or cannot be read.
func (s *tokenService) badForm(reason string) *protocol.Refusal {
	if s.quirks.Is(quirk.MalformedForm, "401") {
		return emptyUnauthorized
	}
	return unsupported(reason)
}

// unsupported is the 400 of a request that the endpoint can't do.
func unsupported(reason string) *protocol.Refusal {
	err := protocol.ErrUnsupported.WithDetail(reason)
	err.Status = http.StatusBadRequest
	return &protocol.Refusal{Err: err}
}

// form reads the form of a POST.
func (s *tokenService) form() (url.Values, *protocol.Refusal) {
	if kind := s.r.Header.Get("Content-Type"); kind != "" {
		if parsed, _, err := mime.ParseMediaType(kind); err != nil || parsed != "application/x-www-form-urlencoded" {
			return nil, s.badForm("Content-Type is not application/x-www-form-urlencoded")
		}
	} else {
		s.r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if err := s.r.ParseForm(); err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			err := protocol.ErrUnsupported.WithDetail("the form is over 1 MiB")
			err.Status = http.StatusRequestEntityTooLarge
			return nil, &protocol.Refusal{Err: err}
		}
		return nil, s.badForm("the form is malformed")
	}
	return s.r.PostForm, nil
}

// checkService compares the service asked for with the login server.
func (s *tokenService) checkService(service string) *protocol.Refusal {
	switch {
	case service == "":
		return s.badForm("service is missing")
	case strings.EqualFold(service, s.login) || strings.EqualFold(service, s.reg.LoginServer):
		return nil
	case s.quirks.Is(quirk.ForeignService, "400"):
		return unsupported("service is not this registry")
	}
	return emptyUnauthorized
}

// exchange turns an Entra token into a refresh token.
func (s *tokenService) exchange() (string, string, *protocol.Refusal) {
	form, refused := s.form()
	if refused != nil {
		return "", "", refused
	}
	var entraToken string
	switch form.Get("grant_type") {
	case "access_token", "access_token_refresh_token":
		entraToken = form.Get("access_token")
	case "refresh_token":
		// A deprecated grant: Entra refresh tokens are opaque to everybody
		// but Entra, and here they have the form of its access tokens.
		entraToken = form.Get("refresh_token")
	case "":
		return "", "", s.badForm("grant_type is missing")
	default:
		return "", "", s.badForm("grant_type is unknown")
	}
	if refused := s.checkService(form.Get("service")); refused != nil {
		return "", "", refused
	}
	who, err := s.VerifyEntra(entraToken)
	if err != nil {
		s.logger.Debug("exchange refused", "reason", err)
		return "", "", emptyUnauthorized
	}
	if who.hasAudience([]string{"https://" + s.login}) {
		// A mistake that ACR always refuses (ACR protocol §2.11).
		return "", "", emptyUnauthorized
	}
	if tenant := form.Get("tenant"); tenant != "" && isGUID(tenant) && who.TenantID != "" && !strings.EqualFold(tenant, who.TenantID) {
		return "", "", emptyUnauthorized
	}
	policies := s.reg.Policies()
	if who.isARM() && policies.DisableARMTokens {
		return "", "", &protocol.Refusal{Err: protocol.ErrUnauthorized.WithMessage("arm aad token disallowed")}
	}
	p := policies.entra(who.ids()...)
	if p == nil {
		return "", "", s.withoutRole()
	}
	trace.Observe(s.r, func(record *trace.Request) { record.Identity = p.id })
	token, err := s.refreshToken(s.reg, s.login, p, who)
	if err != nil {
		return "", "", s.broken(err)
	}
	return "refresh_token", token, nil
}

// withoutRole is the response to an identity that has no role on the registry.
func (s *tokenService) withoutRole() *protocol.Refusal {
	switch s.quirks.Value(quirk.NoRole) {
	case "401-empty":
		return emptyUnauthorized
	case "403":
		return &protocol.Refusal{Err: protocol.ErrDenied.WithMessage("retrieving permissions failed")}
	}
	return &protocol.Refusal{Err: protocol.ErrUnauthorized}
}

// broken reports a fault of ours.
func (s *tokenService) broken(err error) *protocol.Refusal {
	s.logger.Error("token service failed", "error", err)
	return &protocol.Refusal{Err: protocol.ErrInternal}
}

// tokenByForm serves POST /oauth2/token.
func (s *tokenService) tokenByForm() (string, string, *protocol.Refusal) {
	form, refused := s.form()
	if refused != nil {
		return "", "", refused
	}
	grantType := form.Get("grant_type")
	switch grantType {
	case grantRefresh, grantPassword:
	case "":
		return "", "", s.badForm("grant_type is missing")
	default:
		return "", "", s.badForm("grant_type is unknown")
	}
	if refused := s.checkService(form.Get("service")); refused != nil {
		return "", "", refused
	}
	// A refresh grant without a scope is taken like one with an empty scope,
	// as GET is (ACR protocol §12).
	if len(form["scope"]) == 0 && grantType != grantRefresh {
		return "", "", s.badForm("scope is missing")
	}
	p, refused := s.holder(form)
	if refused != nil {
		return "", "", refused
	}
	return s.grantAccess(p, form["scope"])
}

// holder finds out who sends the form of a token request.
func (s *tokenService) holder(form url.Values) (*principal, *protocol.Refusal) {
	user, password := form.Get("username"), form.Get("password")
	switch {
	case form.Get("grant_type") == grantRefresh:
		return s.byRefreshToken(form.Get("refresh_token"))
	case user == "" && password == "":
		return s.anonymous()
	}
	return s.byPassword(user, password)
}

// tokenByQuery serves GET /oauth2/token.
func (s *tokenService) tokenByQuery() (string, string, *protocol.Refusal) {
	query, err := url.ParseQuery(s.r.URL.RawQuery)
	if err != nil {
		return "", "", s.badForm("the query is malformed")
	}
	if refused := s.checkService(query.Get("service")); refused != nil {
		return "", "", refused
	}
	var p *principal
	var refused *protocol.Refusal
	if header := s.r.Header.Get("Authorization"); header == "" {
		p, refused = s.anonymous()
	} else {
		scheme, credentials, _ := strings.Cut(header, " ")
		user, password, ok := ParseBasic(credentials)
		if !ok || !strings.EqualFold(scheme, "Basic") {
			return "", "", &protocol.Refusal{Err: protocol.ErrUnauthorized}
		}
		p, refused = s.byPassword(user, password)
		if offline, _ := strconv.ParseBool(query.Get("offline_token")); offline && refused == nil {
			s.keepRefreshToken(user, password)
		}
	}
	if refused != nil {
		return "", "", refused
	}
	return s.grantAccess(p, query["scope"])
}

// keepRefreshToken gives a refresh token that was the password back, for
// docker to store it as az acr login leaves it (ACR protocol §12). Other
// logins are not reported to get one.
func (s *tokenService) keepRefreshToken(user, password string) {
	if user != nullGUID || s.quirks.Is(quirk.OfflineToken, "off") {
		return
	}
	if _, err := s.Verify(s.reg, s.login, password, grantRefresh); err == nil {
		s.refresh = password
	}
}

func (s *tokenService) anonymous() (*principal, *protocol.Refusal) {
	if policies := s.reg.Policies(); !policies.AnonymousPull && !policies.NoAuthentication {
		return nil, &protocol.Refusal{Err: protocol.ErrUnauthorized}
	}
	return anonymous(), nil
}

func (s *tokenService) byRefreshToken(token string) (*principal, *protocol.Refusal) {
	claims, err := s.Verify(s.reg, s.login, token, grantRefresh)
	if err != nil {
		s.logger.Debug("refresh token refused", "reason", err)
		return nil, emptyUnauthorized
	}
	if p := s.reg.Policies().holderOf(claims); p != nil {
		return p, nil
	}
	return nil, emptyUnauthorized
}

func (s *tokenService) byPassword(user, password string) (*principal, *protocol.Refusal) {
	if user == nullGUID {
		if claims, err := s.Verify(s.reg, s.login, password, GrantAccess); err == nil && claims.Access != nil {
			return withGrants(claims.Subject, *claims.Access), nil
		}
		return s.byRefreshToken(password)
	}
	p, err := s.signIn(s.reg, user, password)
	if err != nil {
		return nil, &protocol.Refusal{Err: err}
	}
	return p, nil
}

// grantAccess issues an access token for what of the scopes p may have.
func (s *tokenService) grantAccess(p *principal, values []string) (string, string, *protocol.Refusal) {
	scopes := protocol.ParseScopes(values)
	if len(scopes) > protocol.MaxScopes {
		return "", "", s.badForm("too many scopes")
	}
	granted := p.grants(scopes)
	if s.quirks.Is(quirk.DeniedScope, "refuse") && !slices.EqualFunc(granted, scopes, sameScope) {
		return "", "", &protocol.Refusal{Err: protocol.ErrUnauthorized}
	}
	trace.Observe(s.r, func(record *trace.Request) {
		record.Identity = p.id
		record.Asked = ScopeStrings(scopes)
		record.Granted = ScopeStrings(granted)
	})
	token, err := s.AccessToken(s.reg, s.login, p, granted)
	if err != nil {
		return "", "", s.broken(err)
	}
	return "access_token", token, nil
}

func sameScope(a, b protocol.Scope) bool {
	return a.Type == b.Type && a.Name == b.Name && slices.Equal(a.Actions, b.Actions)
}

// apiVersion is the version of /acr/v1 and /oauth2 (ACR protocol §1.8).
const apiVersion = "2021-07-01"

// RefusesVersion reports whether a request asks for a version that is to be
// refused.
func (s *Service) RefusesVersion(r *http.Request) bool {
	asked := r.URL.Query().Get("api-version")
	return asked != "" && asked != apiVersion && s.quirks.Is(quirk.APIVersion, "refuse")
}
