package emulator

import (
	"crypto/subtle"
	"errors"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// maxFormBytes bounds the form of a token request. A refresh token, an Entra
// token and a long list of scopes fit many times over.
const maxFormBytes = 1 << 20

var guidPattern = regexp.MustCompile(`^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$`)

func isGUID(text string) bool { return guidPattern.MatchString(text) }

// same compares secrets in constant time.
func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// serveOAuth answers the token endpoints (ACR protocol §2.4 to §2.6).
func (s *signInService) serveOAuth(w http.ResponseWriter, r *http.Request, reg *signInRegistry) {
	t := &tokenService{signInService: s, r: r, reg: reg, login: r.Host}
	var answer func() (string, string, *refusal)
	switch {
	case r.URL.Path == "/oauth2/exchange" && r.Method == http.MethodPost:
		answer = t.exchange
	case r.URL.Path == "/oauth2/token" && r.Method == http.MethodPost:
		answer = t.tokenByForm
	case r.URL.Path == "/oauth2/token" && r.Method == http.MethodGet:
		answer = t.tokenByQuery
	default:
		// Without the registry's headers (ACR protocol §1.4).
		s.responder.setServiceHeaders(w, r)
		writePlain(w, http.StatusNotFound, "text/plain; charset=utf-8", "404 page not found\n")
		return
	}
	if refused := s.screen(r, reg, classOAuth); refused != nil {
		s.responder.setServiceHeaders(w, r)
		refused.write(w)
		return
	}
	if s.refusesVersion(r) {
		s.responder.setServiceHeaders(w, r)
		writeError(w, errVersionUnsupported)
		return
	}
	if r.Method == http.MethodPost {
		r.Body = http.MaxBytesReader(w, r.Body, maxFormBytes)
	}
	member, token, refused := answer()
	s.responder.setServiceHeaders(w, r)
	switch {
	case refused == nil:
		t.grant(w, member, token)
	case refused.err == nil:
		w.Header()["Content-Length"] = []string{"0"}
		w.WriteHeader(http.StatusUnauthorized)
	case refused.err.status == http.StatusInternalServerError:
		s.responder.writeInternal(w, refused.err)
	default:
		refused.write(w)
	}
}

// tokenService answers one request to a token endpoint.
type tokenService struct {
	*signInService
	r     *http.Request
	reg   *signInRegistry
	login string
}

// grant answers 200 with the headers of the recordings (ACR protocol §1.4).
func (s *tokenService) grant(w http.ResponseWriter, member, token string) {
	h := w.Header()
	h["Content-Type"] = []string{mediaTypeJSON}
	h["Transfer-Encoding"] = []string{"chunked"}
	// The recordings have this name in lower case.
	h["x-ms-ratelimit-remaining-calls-per-second"] = []string{
		trimDecimals(s.throttle.oauthCalls(s.clock.Now(), s.reg.Name)),
	}
	w.WriteHeader(http.StatusOK)
	body := `{"` + member + `":"` + token + `"`
	if member == grantAccess && s.quirks.is(quirkTokenMember, "on") {
		body += `,"token":"` + token + `"`
	}
	_, _ = w.Write([]byte(body + "}\n"))
}

// emptyUnauthorized is the 401 without body and without challenge (ACR
// protocol §2.4, §2.5).
var emptyUnauthorized = &refusal{}

// badForm is the answer to a request that lacks something, or cannot be read.
func (s *tokenService) badForm(reason string) *refusal {
	if s.quirks.is(quirkMalformedForm, "401") {
		return emptyUnauthorized
	}
	err := errUnsupported.withDetail(reason)
	err.status = http.StatusBadRequest
	return &refusal{err: err}
}

// form reads the form of a POST.
func (s *tokenService) form() (url.Values, *refusal) {
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
			err := errUnsupported.withDetail("the form is over 1 MiB")
			err.status = http.StatusRequestEntityTooLarge
			return nil, &refusal{err: err}
		}
		return nil, s.badForm("the form is malformed")
	}
	return s.r.PostForm, nil
}

// checkService compares the service asked for with the login server.
func (s *tokenService) checkService(service string) *refusal {
	switch {
	case service == "":
		return s.badForm("service is missing")
	case strings.EqualFold(service, s.login) || strings.EqualFold(service, s.reg.LoginServer):
		return nil
	case s.quirks.is(quirkForeignService, "400"):
		return s.badForm("service is not this registry")
	}
	return emptyUnauthorized
}

// exchange trades an Entra token for a refresh token.
func (s *tokenService) exchange() (string, string, *refusal) {
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
	who, err := s.verifyEntra(entraToken)
	if err != nil {
		s.logger.Debug("exchange refused", "reason", err)
		return "", "", emptyUnauthorized
	}
	if who.hasAudience([]string{"https://" + s.login}) {
		// A mistake that ACR never forgives (ACR protocol §2.11).
		return "", "", emptyUnauthorized
	}
	if tenant := form.Get("tenant"); tenant != "" && isGUID(tenant) && who.TenantID != "" && !strings.EqualFold(tenant, who.TenantID) {
		return "", "", emptyUnauthorized
	}
	policies := s.reg.policies()
	if who.isARM() && policies.DisableARMTokens {
		return "", "", &refusal{err: errUnauthorized.withMessage("arm aad token disallowed")}
	}
	p := policies.entra(who.ids()...)
	if p == nil {
		return "", "", &refusal{err: errDenied.withMessage("retrieving permissions failed")}
	}
	observe(s.r, func(record *Request) { record.Identity = p.id })
	token, err := s.refreshToken(s.reg, s.login, p, who)
	if err != nil {
		return "", "", s.broken(err)
	}
	return "refresh_token", token, nil
}

// broken reports a fault of ours.
func (s *tokenService) broken(err error) *refusal {
	s.logger.Error("token service failed", "error", err)
	return &refusal{err: errInternal}
}

// tokenByForm answers POST /oauth2/token.
func (s *tokenService) tokenByForm() (string, string, *refusal) {
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
	if len(form["scope"]) == 0 {
		return "", "", s.badForm("scope is missing")
	}
	p, refused := s.holder(form)
	if refused != nil {
		return "", "", refused
	}
	return s.grantAccess(p, form["scope"])
}

// holder finds out who sends the form of a token request.
func (s *tokenService) holder(form url.Values) (*principal, *refusal) {
	user, password := form.Get("username"), form.Get("password")
	switch {
	case form.Get("grant_type") == grantRefresh:
		return s.byRefreshToken(form.Get("refresh_token"))
	case user == "" && password == "":
		return s.anonymous()
	}
	return s.byPassword(user, password)
}

// tokenByQuery answers GET /oauth2/token.
func (s *tokenService) tokenByQuery() (string, string, *refusal) {
	query, err := url.ParseQuery(s.r.URL.RawQuery)
	if err != nil {
		return "", "", s.badForm("the query is malformed")
	}
	if refused := s.checkService(query.Get("service")); refused != nil {
		return "", "", refused
	}
	var p *principal
	var refused *refusal
	if header := s.r.Header.Get("Authorization"); header == "" {
		p, refused = s.anonymous()
	} else {
		scheme, credentials, _ := strings.Cut(header, " ")
		user, password, ok := parseBasic(credentials)
		if !ok || !strings.EqualFold(scheme, "Basic") {
			return "", "", &refusal{err: errUnauthorized}
		}
		p, refused = s.byPassword(user, password)
	}
	if refused != nil {
		return "", "", refused
	}
	return s.grantAccess(p, query["scope"])
}

func (s *tokenService) anonymous() (*principal, *refusal) {
	if policies := s.reg.policies(); !policies.AnonymousPull && !policies.NoAuthentication {
		return nil, &refusal{err: errUnauthorized}
	}
	return anonymous(), nil
}

func (s *tokenService) byRefreshToken(token string) (*principal, *refusal) {
	claims, err := s.verify(s.reg, s.login, token, grantRefresh)
	if err != nil {
		s.logger.Debug("refresh token refused", "reason", err)
		return nil, emptyUnauthorized
	}
	if p := s.reg.policies().holderOf(claims); p != nil {
		return p, nil
	}
	return nil, emptyUnauthorized
}

func (s *tokenService) byPassword(user, password string) (*principal, *refusal) {
	if user == nullGUID {
		if claims, err := s.verify(s.reg, s.login, password, grantAccess); err == nil && claims.Access != nil {
			return withGrants(claims.Subject, *claims.Access), nil
		}
		return s.byRefreshToken(password)
	}
	p, err := s.signIn(s.reg, user, password)
	if err != nil {
		return nil, &refusal{err: err}
	}
	return p, nil
}

// grantAccess issues an access token for what of the scopes p may have.
func (s *tokenService) grantAccess(p *principal, values []string) (string, string, *refusal) {
	scopes := parseScopes(values)
	if len(scopes) > maxScopes {
		return "", "", s.badForm("too many scopes")
	}
	granted := p.grants(scopes)
	if s.quirks.is(quirkDeniedScope, "refuse") && !slices.EqualFunc(granted, scopes, sameScope) {
		return "", "", &refusal{err: errUnauthorized}
	}
	observe(s.r, func(record *Request) {
		record.Identity = p.id
		record.Asked = scopeStrings(scopes)
		record.Granted = scopeStrings(granted)
	})
	token, err := s.accessToken(s.reg, s.login, p, granted)
	if err != nil {
		return "", "", s.broken(err)
	}
	return "access_token", token, nil
}

func sameScope(a, b scope) bool {
	return a.Type == b.Type && a.Name == b.Name && slices.Equal(a.Actions, b.Actions)
}

// apiVersion is the version of /acr/v1 and /oauth2 (ACR protocol §1.8).
const apiVersion = "2021-07-01"

// refusesVersion reports whether a request asks for a version that is to be
// refused.
func (s *signInService) refusesVersion(r *http.Request) bool {
	asked := r.URL.Query().Get("api-version")
	return asked != "" && asked != apiVersion && s.quirks.is(quirkAPIVersion, "refuse")
}
