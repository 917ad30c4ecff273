// Package signin stands where the programs would use azidentity: it gives the
// token of an identity that is signed in already.
package signin

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

type credential struct{}

// Credential returns a credential whose tokens have the form of Entra's and
// are signed by nobody.
func Credential() azcore.TokenCredential { return credential{} }

func (credential) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	expires := time.Now().Add(time.Hour)
	return azcore.AccessToken{Token: Token(expires), ExpiresOn: expires}, nil
}

// Token returns a token that ends at expires and is signed by nobody.
func Token(expires time.Time) string {
	now := time.Now()
	claims, err := json.Marshal(map[string]any{
		"aud": "https://containerregistry.azure.net", "iss": "https://sts.windows.net/72f988bf-0000-4000-8000-2d7cd011db47/",
		"iat": now.Unix(), "nbf": now.Add(-time.Minute).Unix(), "exp": expires.Unix(),
		"appid": "22222222-2222-4333-8444-555555555555", "oid": "22222222-2222-4333-8444-555555555555",
		"tid": "72f988bf-0000-4000-8000-2d7cd011db47", "ver": "1.0",
	})
	if err != nil {
		panic(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(`{"typ":"JWT","alg":"RS256","kid":"stranger"}`)) + "." + encode(claims) + "." + encode(make([]byte, 256))
}
