package diagnose

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/acrkit/azcontainerregistry/internal/wire"
)

// authorization is what a request's Authorization header tells. The secret in
// it is not kept.
type authorization struct {
	scheme string // "", "basic" or "bearer"
	user   string // of Basic, or of a token request's form
	claims claims // of a Bearer token that is a JWT
	// grant is how a token request asks: "anonymous", "password",
	// "refresh_token", "access_token", or empty when that is not recorded.
	grant string
}

// readGrant finds out how a token request asks for a token. A form is read
// only where the request keeps it in memory: a body that has to be read again
// may be in use by the transport still.
func (ev *evidence) readGrant() {
	a := &ev.auth
	switch {
	case a.scheme == "basic":
		a.grant = "password"
	case ev.method == http.MethodGet && a.scheme == "":
		a.grant = "anonymous"
	}
	body, ok := ev.request.Body.(interface{ Bytes() []byte })
	if !ok || len(body.Bytes()) > maxParsed {
		return
	}
	form, err := url.ParseQuery(string(body.Bytes()))
	if err != nil || form.Get("grant_type") == "" {
		return
	}
	a.grant, a.user = form.Get("grant_type"), or(a.user, form.Get("username"))
	// Whose token was sent is not in the response. Only its claims are kept.
	if token := or(form.Get("access_token"), form.Get("refresh_token")); token != "" {
		a.claims = parseClaims(token)
	}
	if a.grant == "password" && a.user == "" {
		a.grant = "anonymous"
	}
}

func parseAuthorization(value string) authorization {
	scheme, credentials, _ := strings.Cut(value, " ")
	a := authorization{scheme: strings.ToLower(scheme)}
	switch a.scheme {
	case "basic":
		if decoded, err := base64.StdEncoding.DecodeString(credentials); err == nil {
			a.user, _, _ = strings.Cut(string(decoded), ":")
		}
	case "bearer":
		a.claims = parseClaims(credentials)
	}
	return a
}

// claims are those of ACR's refresh and access tokens and of Entra's that say
// something about a failure (ACR protocol §2.8).
type claims struct {
	Issuer    string          `json:"iss"`
	Audience  json.RawMessage `json:"aud"` // a string, or a list in some tokens of Entra
	Subject   string          `json:"sub"`
	Expires   float64         `json:"exp"`
	AppID     string          `json:"appid"`
	Tenant    string          `json:"tid"`
	ObjectID  string          `json:"oid"`
	UPN       string          `json:"upn"`
	GrantType string          `json:"grant_type"`
	// ABAC is present exactly when the registry is in ABAC mode.
	ABAC   json.RawMessage `json:"aad_identity"`
	Access []struct {
		Type    string   `json:"type"`
		Name    string   `json:"name"`
		Actions []string `json:"actions"`
	} `json:"access"`
	Permissions struct {
		Actions []string `json:"Actions"`
	} `json:"permissions"`

	ok bool // the token is a JWT whose payload could be read
	// What rows ask for again and again is read once.
	firstAudience string
	entra         bool
}

// parseClaims decodes a JWT's payload. Nothing verifies the signature: what
// the claims say is shown, not trusted.
func parseClaims(token string) claims {
	if len(token) > maxToken {
		return claims{}
	}
	var c claims
	if !wire.TokenClaims(token, &c) {
		return claims{}
	}
	c.ok, c.firstAudience, c.entra = true, firstAudience(c.Audience), isEntraIssuer(c.Issuer)
	return c
}

// audience returns the audience, the first one of a list.
func (c claims) audience() string { return c.firstAudience }

func firstAudience(raw json.RawMessage) string {
	var one string
	if len(raw) == 0 || json.Unmarshal(raw, &one) == nil {
		return one
	}
	var many []string
	if json.Unmarshal(raw, &many) == nil && len(many) > 0 {
		return many[0]
	}
	return ""
}

// expiry returns when the token ends; zero when it does not say.
func (c claims) expiry() time.Time {
	end, ok := wire.NumericDate(c.Expires)
	if !ok {
		return time.Time{}
	}
	return end.UTC()
}

// fromEntra reports whether Entra issued the token.
func (c claims) fromEntra() bool { return c.ok && c.entra }

func isEntraIssuer(issuer string) bool {
	u, err := url.Parse(issuer)
	return err == nil && isEntraHost(u.Hostname())
}

func (c claims) scopes() []scope {
	var scopes []scope
	for _, a := range c.Access {
		scopes = addScope(scopes, scope{a.Type, a.Name, a.Actions})
	}
	return scopes
}
