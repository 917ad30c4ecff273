package signin

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// The audiences of Entra tokens that ACR accepts, without a slash at the end
// (ACR protocol §2.11).
var (
	acrAudiences = []string{"https://containerregistry.azure.net"}
	armAudiences = []string{
		"https://management.azure.com",
		"https://management.core.windows.net",
		"https://management.chinacloudapi.cn",
		"https://management.core.chinacloudapi.cn",
		"https://management.usgovcloudapi.net",
		"https://management.core.usgovcloudapi.net",
	}
)

// entraAlgorithms are those that an identity provider may sign with.
var entraAlgorithms = []string{"RS256", "RS384", "RS512", "PS256", "ES256", "ES384"}

// entraLeeway is how far an Entra token's times may be off: the clocks of
// the two services differ.
const entraLeeway = 5 * time.Minute

// entraClaims are the claims of an Entra access token that matter.
type entraClaims struct {
	jwt.RegisteredClaims
	ObjectID string `json:"oid,omitempty"`
	AppID    string `json:"appid,omitempty"`
	Party    string `json:"azp,omitempty"`
	UPN      string `json:"upn,omitempty"`
	Name     string `json:"unique_name,omitempty"`
	TenantID string `json:"tid,omitempty"`
	Kind     string `json:"idtyp,omitempty"`
}

// ids are the names an identity may be configured by. For a user the client
// id is that of the program they use, which says nothing about them.
func (c *entraClaims) ids() []string {
	if c.isUser() {
		return []string{c.ObjectID, c.UPN, c.Name, c.Subject}
	}
	return []string{c.AppID, c.Party, c.ObjectID, c.Subject}
}

func (c *entraClaims) app() string {
	if c.AppID != "" {
		return c.AppID
	}
	return c.Party
}

// isUser tells a person from an application.
func (c *entraClaims) isUser() bool {
	return c.Kind == "user" || c.Kind == "" && (c.UPN != "" || c.Name != "" || c.app() == "")
}

func (c *entraClaims) hasAudience(known []string) bool {
	return slices.ContainsFunc(c.Audience, func(audience string) bool {
		return slices.Contains(known, strings.TrimSuffix(audience, "/"))
	})
}

func (c *entraClaims) isARM() bool { return c.hasAudience(armAudiences) }

// VerifyEntra checks an Entra access token: its form and times, and in strict
// mode who issued and signed it, for which audience.
func (s *Service) VerifyEntra(token string) (entraClaims, error) {
	var claims entraClaims
	if len(token) > maxTokenBytes {
		return claims, errors.New("token is too long")
	}
	rules := []jwt.ParserOption{
		jwt.WithValidMethods(entraAlgorithms),
		jwt.WithTimeFunc(s.clock.Now),
		jwt.WithLeeway(entraLeeway),
		jwt.WithExpirationRequired(),
	}
	if provider := s.Provider; provider != nil && provider.Strict {
		key, _, err := s.key.private()
		if err != nil {
			return claims, err
		}
		if _, err := jwt.NewParser(rules...).ParseWithClaims(token, &claims, func(*jwt.Token) (any, error) { return &key.PublicKey, nil }); err != nil {
			return claims, err
		}
		if !provider.issued(&claims) {
			return claims, fmt.Errorf("issuer %q is not the identity provider", claims.Issuer)
		}
		if !claims.hasAudience(acrAudiences) && !claims.isARM() {
			return claims, fmt.Errorf("audience %q is not accepted", claims.Audience)
		}
	} else if err := parseUnsigned(rules, token, &claims); err != nil {
		return claims, err
	}
	return claims, nil
}

// parseUnsigned reads a token that looks signed, without knowing whose
// signature it would have to be.
func parseUnsigned(rules []jwt.ParserOption, token string, claims *entraClaims) error {
	parser := jwt.NewParser(rules...)
	parsed, parts, err := parser.ParseUnverified(token, claims)
	if err != nil {
		return err
	}
	algorithm, _ := parsed.Header["alg"].(string)
	if !slices.Contains(entraAlgorithms, algorithm) {
		return fmt.Errorf("algorithm %q is not accepted", algorithm)
	}
	signature, err := parser.DecodeSegment(parts[2])
	if err != nil {
		return fmt.Errorf("signature: %w", err)
	}
	if len(signature) == 0 {
		return errors.New("signature is missing")
	}
	return jwt.NewValidator(rules...).Validate(claims)
}
