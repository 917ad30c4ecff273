package signin

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/acrkit/azcontainerregistry/emulator/internal/protocol"
	"github.com/acrkit/azcontainerregistry/emulator/internal/quirk"
	"github.com/golang-jwt/jwt/v5"
)

// The fixed claims of ACR's tokens (ACR protocol §2.8).
const (
	tokenIssuer   = "Azure Container Registry"
	tokenVersion  = "1.0"
	grantRefresh  = "refresh_token"
	GrantAccess   = "access_token"
	grantPassword = "password"
	maxTokenBytes = 512 << 10 // as long as a header may be, see Server
)

// tokenClaims are the claims of both kinds of token, in the order of a refresh
// token (ACR protocol §13).
type tokenClaims struct {
	ID          string            `json:"jti"`
	Subject     string            `json:"sub"`
	NotBefore   int64             `json:"nbf"`
	Expires     int64             `json:"exp"`
	IssuedAt    int64             `json:"iat"`
	Issuer      string            `json:"iss"`
	Audience    string            `json:"aud"`
	Version     string            `json:"version"`
	RegistryID  string            `json:"rid,omitempty"`
	GrantType   string            `json:"grant_type"`
	AppID       string            `json:"appid,omitempty"`
	Tenant      string            `json:"tenant,omitempty"`
	AADIdentity string            `json:"aad_identity,omitempty"`
	Permissions *tokenPermissions `json:"permissions,omitempty"`
	Access      *[]protocol.Scope `json:"access,omitempty"`
	Roles       []string          `json:"roles"`

	lowerCase bool // how the members of access are spelled
}

// accessClaims are the claims of an access token, in its order.
type accessClaims struct {
	ID         string   `json:"jti"`
	Subject    string   `json:"sub"`
	NotBefore  int64    `json:"nbf"`
	Expires    int64    `json:"exp"`
	IssuedAt   int64    `json:"iat"`
	Issuer     string   `json:"iss"`
	Audience   string   `json:"aud"`
	Version    string   `json:"version"`
	RegistryID string   `json:"rid,omitempty"`
	Access     any      `json:"access"`
	Roles      []string `json:"roles"`
	GrantType  string   `json:"grant_type"`
	AppID      string   `json:"appid,omitempty"`
}

// capitalisedScope is an entry of the claim access as ACR spells it.
type capitalisedScope struct {
	Type    string
	Name    string
	Actions []string
}

// tokenPermissions are the registry-wide rights of a refresh token.
type tokenPermissions struct {
	Actions    []string `json:"Actions"`
	NotActions []string `json:"NotActions"`
}

func (c *tokenClaims) GetExpirationTime() (*jwt.NumericDate, error) {
	return jwt.NewNumericDate(time.Unix(c.Expires, 0)), nil
}

func (c *tokenClaims) GetNotBefore() (*jwt.NumericDate, error) {
	return jwt.NewNumericDate(time.Unix(c.NotBefore, 0)), nil
}

func (c *tokenClaims) GetIssuedAt() (*jwt.NumericDate, error) {
	return jwt.NewNumericDate(time.Unix(c.IssuedAt, 0)), nil
}

func (c *tokenClaims) GetIssuer() (string, error)  { return c.Issuer, nil }
func (c *tokenClaims) GetSubject() (string, error) { return c.Subject, nil }

func (c *tokenClaims) GetAudience() (jwt.ClaimStrings, error) {
	return jwt.ClaimStrings{c.Audience}, nil
}

// MarshalJSON writes the claims in plain ASCII without the characters whose
// base64 form depends on the alphabet: official clients decode the payload
// with the standard alphabet instead of the URL one (ACR protocol §2.13).
func (c *tokenClaims) MarshalJSON() ([]byte, error) {
	data, err := c.marshalOrdered()
	if err != nil {
		return nil, err
	}
	return alphabetNeutral(data), nil
}

// marshalOrdered writes the claims in the order of the service, which depends
// on the kind of token.
func (c *tokenClaims) marshalOrdered() ([]byte, error) {
	type plain tokenClaims
	if c.Access == nil {
		return json.Marshal((*plain)(c))
	}
	claims := accessClaims{
		ID: c.ID, Subject: c.Subject, NotBefore: c.NotBefore, Expires: c.Expires, IssuedAt: c.IssuedAt,
		Issuer: c.Issuer, Audience: c.Audience, Version: c.Version, RegistryID: c.RegistryID,
		Access: *c.Access, Roles: c.Roles, GrantType: c.GrantType, AppID: c.AppID,
	}
	if !c.lowerCase {
		spelled := make([]capitalisedScope, len(*c.Access))
		for i, s := range *c.Access {
			spelled[i] = capitalisedScope(s)
		}
		claims.Access = spelled
	}
	return json.Marshal(claims)
}

// alphabetNeutral escapes what is not ASCII, and the characters that
// make the six-bit groups 62 and 63. They occur within JSON strings only.
func alphabetNeutral(data []byte) []byte {
	neutral := make([]byte, 0, len(data))
	for _, r := range string(data) {
		switch {
		case r == '>' || r == '?' || r == '~' || r == 0x7f || r > 0x7f && r <= 0xffff:
			neutral = fmt.Appendf(neutral, `\u%04x`, r)
		case r > 0xffff:
			r -= 0x10000
			neutral = fmt.Appendf(neutral, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		default:
			neutral = utf8.AppendRune(neutral, r)
		}
	}
	return neutral
}

// issue signs claims for a registry, filling in what all tokens share.
func (s *Service) issue(reg *Registry, login string, lifetime time.Duration, claims *tokenClaims) (string, error) {
	now := s.clock.Now().Unix()
	claims.ID = s.newTokenID()
	claims.NotBefore, claims.IssuedAt, claims.Expires = now, now, now+int64(lifetime/time.Second)
	claims.Issuer, claims.Audience, claims.Version = tokenIssuer, login, tokenVersion
	if claims.Access == nil || s.quirks.Is(quirk.AccessTokenRID, "on") {
		claims.RegistryID = reg.opaqueID()
	}
	if claims.Roles == nil {
		claims.Roles = []string{}
	}
	return s.sign(claims)
}

// sign signs claims with RS256. The header has the order of ACR's.
func (s *Service) sign(claims jwt.Claims) (string, error) {
	key, id, err := s.key.private()
	if err != nil {
		return "", err
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	encode := base64.RawURLEncoding.EncodeToString
	text := encode([]byte(`{"alg":"RS256","typ":"JWT","kid":"`+id+`"}`)) + "." + encode(payload)
	signature, err := jwt.SigningMethodRS256.Sign(text, key)
	if err != nil {
		return "", err
	}
	return text + "." + encode(signature), nil
}

// newTokenID returns a GUID that carries the generation of the token, which
// looks like any other part of it: the last twelve digits, masked by what comes
// before them.
func (s *Service) newTokenID() string {
	id := protocol.NewGUID()
	return id[:24] + fmt.Sprintf("%012x", tokenMask(id)^uint64(s.generation.Load())&tokenMaskBits)
}

// tokenMaskBits are those of twelve hexadecimal digits.
const tokenMaskBits = 1<<48 - 1

// tokenMask spreads the first part of an id over the bits of its last.
func tokenMask(id string) uint64 {
	sum := sha256.Sum256([]byte(id[:24]))
	return binary.BigEndian.Uint64(sum[:8]) & tokenMaskBits
}

// generationOf reads the generation out of a token's id; ok is false for an id
// that is no GUID.
func generationOf(id string) (generation int64, ok bool) {
	if !isGUID(id) {
		return 0, false
	}
	masked, err := strconv.ParseUint(id[24:], 16, 64)
	return int64(masked ^ tokenMask(id)), err == nil
}

// refreshToken signs a refresh token for an Entra identity.
func (s *Service) refreshToken(reg *Registry, login string, p *principal, who entraClaims) (string, error) {
	policies := reg.Policies()
	claims := &tokenClaims{
		Subject: p.id, GrantType: grantRefresh,
		Permissions: &tokenPermissions{Actions: claimedRights(p.rights)},
	}
	claims.AppID = who.app()
	if who.isUser() {
		claims.Tenant = who.TenantID
	}
	if policies.ABAC {
		claims.AADIdentity = p.id
		claims.Permissions.Actions = []string{}
	}
	return s.issue(reg, login, policies.refreshTokenLifetime(), claims)
}

// claimedRights are the rights that a refresh token names. Those of quarantine
// are none of the recorded ones (ACR protocol §2.8), and are looked up by
// identity instead.
func claimedRights(rights []string) []string {
	named := []string{}
	for _, right := range rights {
		if !strings.HasPrefix(right, "quarantine/") {
			named = append(named, right)
		}
	}
	return named
}

// AccessToken signs an access token for what p is granted.
func (s *Service) AccessToken(reg *Registry, login string, p *principal, grants []protocol.Scope) (string, error) {
	return s.issue(reg, login, reg.Policies().accessTokenLifetime(), &tokenClaims{
		Subject: p.id, GrantType: GrantAccess, Access: &grants, AppID: p.appID,
		lowerCase: s.quirks.Is(quirk.AccessSpelling, "lower-case"),
	})
}

// errForeignToken is a token that ACR did not issue, such as an Entra token
// sent straight to the registry.
var errForeignToken = errors.New("not a token of this service")

// Verify checks a token of ours: signature, algorithm, times, issuer,
// audience, registry and kind.
func (s *Service) Verify(reg *Registry, login, text, kind string) (*tokenClaims, error) {
	if len(text) > maxTokenBytes {
		return nil, errors.New("token is too long")
	}
	key, _, err := s.key.private()
	if err != nil {
		return nil, err
	}
	parser := jwt.NewParser(
		jwt.WithValidMethods([]string{jwt.SigningMethodRS256.Alg()}),
		jwt.WithTimeFunc(s.clock.Now),
		jwt.WithExpirationRequired(),
		jwt.WithIssuer(tokenIssuer),
		jwt.WithAudience(login),
	)
	claims := &tokenClaims{}
	_, err = parser.ParseWithClaims(text, claims, func(*jwt.Token) (any, error) { return &key.PublicKey, nil })
	if err != nil {
		if claims.Issuer != "" && claims.Issuer != tokenIssuer {
			return nil, errForeignToken
		}
		return nil, err
	}
	if claims.RegistryID != reg.opaqueID() && (kind == grantRefresh || claims.RegistryID != "") {
		return nil, errors.New("token of another registry")
	}
	if claims.GrantType != kind {
		return nil, fmt.Errorf("token of kind %q", claims.GrantType)
	}
	if generation, ok := generationOf(claims.ID); !ok || generation < s.generation.Load() {
		return nil, jwt.ErrTokenExpired
	}
	return claims, nil
}

// trimDecimals formats a rate the way the service does: at most six decimals,
// without trailing zeros.
func trimDecimals(rate float64) string {
	return strings.TrimRight(strings.TrimRight(strconv.FormatFloat(rate, 'f', 6, 64), "0"), ".")
}

// holderOf returns whom a verified refresh token is for, or nil when the
// registry's mode has changed since (ACR protocol §2.10).
func (p *compiledPolicies) holderOf(claims *tokenClaims) *principal {
	if (claims.AADIdentity != "") != p.ABAC {
		return nil
	}
	if p.ABAC {
		found := p.entra(claims.AADIdentity)
		if found != nil {
			found.appID = claims.AppID
		}
		return found
	}
	if claims.Permissions == nil {
		return nil
	}
	found := p.withRights(claims.Subject, slices.Clone(claims.Permissions.Actions))
	found.appID = claims.AppID
	return found
}
