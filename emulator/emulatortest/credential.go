package emulatortest

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

// CredentialOptions say what the tokens of a [Credential] look like. The zero
// value is an owner in the default policies.
type CredentialOptions struct {
	// ID is the identity's object id and client id: what the ID of an
	// identity in the policies is compared with. Empty means an identity
	// that no policy names.
	ID string
	// Audience is put into the tokens instead of the one that the caller's
	// scope asks for.
	Audience string
	// Lifetime of the tokens. The zero value means an hour; a negative one
	// gives tokens that have expired.
	Lifetime time.Duration
	// Now is the clock that the tokens' times follow. Nil means time.Now;
	// [Registry.NewCredential] sets the emulator's clock.
	Now func() time.Time
	// Err is what GetToken returns instead of a token.
	Err error
}

// Credential is an [azcore.TokenCredential] whose tokens look like Entra's.
// Their signature is worth nothing, which the emulator minds only in strict
// mode. It is safe for concurrent use.
//
// [azcore.TokenCredential]: https://pkg.go.dev/github.com/Azure/azure-sdk-for-go/sdk/azcore#TokenCredential
type Credential struct {
	options CredentialOptions
}

// NewCredential returns a credential. Nil options are the zero value.
func NewCredential(options *CredentialOptions) *Credential {
	c := &Credential{}
	if options != nil {
		c.options = *options
	}
	if c.options.ID == "" {
		c.options.ID = "11111111-2222-4333-8444-555555555555"
	}
	if c.options.Lifetime == 0 {
		c.options.Lifetime = time.Hour
	}
	if c.options.Now == nil {
		c.options.Now = time.Now
	}
	return c
}

// GetToken returns a fresh token for the scope asked for, which must be one
// scope ending in "/.default".
func (c *Credential) GetToken(ctx context.Context, options policy.TokenRequestOptions) (azcore.AccessToken, error) {
	if err := ctx.Err(); err != nil {
		return azcore.AccessToken{}, err
	}
	if c.options.Err != nil {
		return azcore.AccessToken{}, c.options.Err
	}
	if len(options.Scopes) != 1 {
		return azcore.AccessToken{}, fmt.Errorf("get token: want one scope, got %q", options.Scopes)
	}
	audience, ok := strings.CutSuffix(options.Scopes[0], "/.default")
	if !ok {
		return azcore.AccessToken{}, errors.New("get token: the scope does not end in /.default")
	}
	if c.options.Audience != "" {
		audience = c.options.Audience
	}
	now := c.options.Now()
	expires := now.Add(c.options.Lifetime)
	token, err := entraToken(map[string]any{
		"aud": audience, "iss": "https://sts.windows.net/" + tenantID + "/",
		"iat": now.Unix(), "nbf": now.Add(-5 * time.Minute).Unix(), "exp": expires.Unix(),
		"appid": c.options.ID, "oid": c.options.ID, "sub": c.options.ID,
		"tid": tenantID, "ver": "1.0", "idtyp": "app",
	})
	if err != nil {
		return azcore.AccessToken{}, err
	}
	return azcore.AccessToken{Token: token, ExpiresOn: expires}, nil
}

// tenantID is the tenant of all fake identities.
const tenantID = "72f988bf-0000-4000-8000-2d7cd011db47"

// entraToken returns claims in the form of a signed token. The signature is
// random: nobody but Entra could make a true one.
func entraToken(claims map[string]any) (string, error) {
	header := `{"typ":"JWT","alg":"RS256","kid":"fake"}`
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("make token: %w", err)
	}
	signature := make([]byte, 256)
	_, _ = rand.Read(signature)
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(header)) + "." + encode(payload) + "." + encode(signature), nil
}
