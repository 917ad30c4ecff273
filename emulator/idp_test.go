package emulator_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/acrkit/azcontainerregistry/emulator"
)

const tenant = "72f988bf-0000-4000-8000-2d7cd011db47"

func strict(o *emulator.Options) { o.IdentityProvider = &emulator.IdentityProvider{Strict: true} }

func TestStrictModeTakesRealCredentialsOnly(t *testing.T) {
	d := start(t, emulator.Policies{Identities: []emulator.Identity{
		{ID: guidA, Secret: "sp-secret", Roles: emulator.Roles(emulator.RolePull)},
		{ID: "00000000-0000-4000-8000-00000000a117", Roles: emulator.Roles(emulator.RoleOwner)},
	}}, strict)
	if got := d.exchange(d.entra(guidA, acrScope)); got.StatusCode != 401 || got.body != "" {
		t.Errorf("a token of nobody's: %s %s", got.Status, got.body)
	}
	options := azcore.ClientOptions{Transport: d.Transport}
	secret, err := azidentity.NewClientSecretCredential(tenant, guidA, "sp-secret", &azidentity.ClientSecretCredentialOptions{ClientOptions: options})
	if err != nil {
		t.Fatal(err)
	}
	assertion, err := azidentity.NewClientAssertionCredential(tenant, guidA, func(context.Context) (string, error) { return "a.b.c", nil },
		&azidentity.ClientAssertionCredentialOptions{ClientOptions: options})
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("IDENTITY_ENDPOINT", "https://169.254.169.254/msi/token")
	t.Setenv("IDENTITY_HEADER", "x")
	managed, err := azidentity.NewManagedIdentityCredential(&azidentity.ManagedIdentityCredentialOptions{ClientOptions: options})
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		credential azcore.TokenCredential
		subject    string
	}{
		"client secret":    {secret, guidA},
		"client assertion": {assertion, guidA},
		"managed identity": {managed, "00000000-0000-4000-8000-00000000a117"},
	} {
		token, err := test.credential.GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{acrScope}})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		refresh := d.member(d.exchange(token.Token), "refresh_token")
		if got := claims(t, refresh)["sub"]; got != test.subject {
			t.Errorf("%s: subject %v", name, got)
		}
		parts := strings.Split(token.Token, ".")
		if got := d.exchange(parts[0] + "." + parts[1] + "." + strings.Repeat("A", len(parts[2]))); got.StatusCode != 401 {
			t.Errorf("%s with another signature: %s", name, got.Status)
		}
	}
	foreign, err := secret.GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{"https://vault.azure.net/.default"}})
	if err != nil {
		t.Fatal(err)
	}
	if got := d.exchange(foreign.Token); got.StatusCode != 401 {
		t.Errorf("another audience: %s", got.Status)
	}
	// A refresh token of ours is signed with the same key, and still is no
	// Entra token.
	if got := d.exchange(d.refreshTokenOf(t, secret)); got.StatusCode != 401 {
		t.Errorf("a refresh token at the exchange: %s", got.Status)
	}
}

// refreshTokenOf exchanges a credential's token.
func (d *desk) refreshTokenOf(t *testing.T, credential azcore.TokenCredential) string {
	t.Helper()
	token, err := credential.GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{acrScope}})
	if err != nil {
		t.Fatal(err)
	}
	return d.member(d.exchange(token.Token), "refresh_token")
}

func TestIdentityProviderRefusals(t *testing.T) {
	d := start(t, emulator.Policies{Identities: []emulator.Identity{{ID: guidA, Secret: "sp-secret", Roles: emulator.Roles(emulator.RolePull)}}}, strict)
	endpoint := "https://login.microsoftonline.com/" + tenant + "/oauth2/v2.0/token"
	for name, test := range map[string]struct {
		changes []string
		status  int
		code    string
	}{
		"good":            {nil, 200, ""},
		"wrong secret":    {[]string{"client_secret", "x"}, 401, "invalid_client"},
		"unknown client":  {[]string{"client_id", guidB}, 401, "invalid_client"},
		"no secret":       {[]string{"client_secret", ""}, 401, "invalid_client"},
		"no client":       {[]string{"client_id", ""}, 400, "invalid_request"},
		"another grant":   {[]string{"grant_type", "password"}, 400, "unsupported_grant_type"},
		"malformed scope": {[]string{"scope", "openid"}, 400, "invalid_scope"},
	} {
		form := url.Values{"grant_type": {"client_credentials"}, "client_id": {guidA}, "client_secret": {"sp-secret"}, "scope": {acrScope}}
		for i := 0; i < len(test.changes); i += 2 {
			form.Set(test.changes[i], test.changes[i+1])
		}
		got := send(t, d.client, http.MethodPost, endpoint, form.Encode(), "Content-Type", "application/x-www-form-urlencoded")
		var body struct {
			Error       string
			AccessToken string `json:"access_token"`
		}
		if err := json.Unmarshal([]byte(got.body), &body); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got.StatusCode != test.status || body.Error != test.code || (body.AccessToken != "") != (test.status == 200) {
			t.Errorf("%s: %s %s", name, got.Status, got.body)
		}
	}
	if got := send(t, d.client, http.MethodGet, "http://169.254.169.254/metadata/identity/oauth2/token?resource=x", ""); got.StatusCode != 400 {
		t.Errorf("without the metadata header: %s", got.Status)
	}
}

func TestIdentityProviderIsOffByDefault(t *testing.T) {
	d := start(t, emulator.Policies{})
	if _, err := d.client.Get("https://login.microsoftonline.com/" + tenant + "/v2.0/.well-known/openid-configuration"); err == nil {
		t.Error("Entra's host resolves without an identity provider")
	}
}
