package emulator_test

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/google/go-cmp/cmp"

	"github.com/acrkit/azcontainerregistry/emulator"
	"github.com/acrkit/azcontainerregistry/emulator/emulatortest"
)

func TestTokensHaveTheServicesClaims(t *testing.T) {
	d := start(t, emulator.Policies{})
	refresh := d.refreshToken(guidA)
	got := claims(t, refresh)
	if lifetime := got["exp"].(float64) - got["nbf"].(float64); lifetime != 11700 {
		t.Errorf("refresh token lives %v s", lifetime)
	}
	access := claims(t, d.accessToken(refresh, "repository:team/a?b~c:pull,push", "registry:catalog:*"))
	if lifetime := access["exp"].(float64) - access["nbf"].(float64); lifetime != 4500 {
		t.Errorf("access token lives %v s", lifetime)
	}
	for _, volatile := range []string{"jti", "nbf", "exp", "iat", "rid"} {
		for _, set := range []map[string]any{got, access} {
			if set[volatile] == nil {
				t.Errorf("%s is missing", volatile)
			}
			delete(set, volatile)
		}
	}
	if diff := cmp.Diff(map[string]any{
		"sub": guidA, "appid": guidA, "iss": "Azure Container Registry", "aud": "acrkit.azurecr.io",
		"version": "1.0", "grant_type": "refresh_token", "roles": []any{},
		"permissions": map[string]any{
			"Actions":    []any{"read", "write", "delete", "deleted/read", "deleted/restore/action"},
			"NotActions": nil,
		},
	}, got); diff != "" {
		t.Error("refresh token:", diff)
	}
	if diff := cmp.Diff(map[string]any{
		"sub": guidA, "appid": guidA, "iss": "Azure Container Registry", "aud": "acrkit.azurecr.io",
		"version": "1.0", "grant_type": "access_token", "roles": []any{},
		"access": []any{
			map[string]any{"Type": "repository", "Name": "team/a?b~c", "Actions": []any{"pull", "push"}},
			map[string]any{"Type": "registry", "Name": "catalog", "Actions": []any{"*"}},
		},
	}, access); diff != "" {
		t.Error("access token:", diff)
	}
}

// TestAccessTokensHaveTheServicesOrder looks at the text (ACR protocol §13).
func TestAccessTokensHaveTheServicesOrder(t *testing.T) {
	d := start(t, emulator.Policies{})
	refresh := d.refreshToken("")
	for token, end := range map[string]string{
		refresh: `,"roles":[]}`,
		d.accessToken(refresh, "registry:catalog:*"): `,"access":[{"Type":"registry","Name":"catalog","Actions":["*"]}],"roles":[],"grant_type":"access_token","appid":"11111111-2222-4333-8444-555555555555"}`,
	} {
		payload, err := base64.RawStdEncoding.DecodeString(strings.Split(token, ".")[1])
		if err != nil || !strings.HasPrefix(string(payload), `{"jti":"`) || !strings.HasSuffix(string(payload), end) {
			t.Errorf("%s, %v", payload, err)
		}
	}
}

func TestTokenEndpointHeaders(t *testing.T) {
	d := start(t, emulator.Policies{})
	got := d.exchange(d.entra("", acrScope))
	want := map[string][]string{
		"Content-Type":                              {"application/json; charset=utf-8"},
		"Strict-Transport-Security":                 {"max-age=31536000; includeSubDomains"},
		"X-Ms-Ratelimit-Remaining-Calls-Per-Second": {"333.316667"},
		"Docker-Distribution-Api-Version":           nil,
		"Access-Control-Expose-Headers":             nil,
		"X-Content-Type-Options":                    nil,
	}
	for name, values := range want {
		if diff := cmp.Diff(values, got.Header[name]); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	if !slices.Equal(got.TransferEncoding, []string{"chunked"}) {
		t.Errorf("transfer encoding %q", got.TransferEncoding)
	}
	second := d.exchange(d.entra("", acrScope))
	if rate := second.Header.Get("X-Ms-Ratelimit-Remaining-Calls-Per-Second"); rate != "333.3" {
		t.Errorf("second rate %q", rate)
	}
	if got.Header.Get("X-Ms-Correlation-Request-Id") == "" {
		t.Error("no correlation id")
	}
}

func TestExchangeFailures(t *testing.T) {
	d := start(t, emulator.Policies{
		DisableARMTokens: true,
		Identities:       []emulator.Identity{{ID: guidA, Roles: emulator.Roles(emulator.RolePull)}},
	})
	entra := d.entra(guidA, acrScope)
	parts := strings.Split(entra, ".")
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`))
	expired, err := emulatortest.NewCredential(&emulatortest.CredentialOptions{ID: guidA, Lifetime: -time.Hour}).
		GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{acrScope}})
	if err != nil {
		t.Fatal(err)
	}
	form := func(changes ...string) url.Values {
		values := url.Values{"grant_type": {"access_token"}, "service": {d.LoginServer}, "access_token": {entra}}
		for i := 0; i < len(changes); i += 2 {
			values.Set(changes[i], changes[i+1])
			if changes[i+1] == "" {
				values.Del(changes[i])
			}
		}
		return values
	}
	for _, test := range []struct {
		name   string
		form   url.Values
		status int
		body   string
	}{
		{"good", form(), 200, ""},
		{"repeated grant", form("grant_type", "access_token_refresh_token"), 200, ""},
		{"garbage", form("access_token", "garbage"), 401, ""},
		{"missing token", form("access_token", ""), 401, ""},
		{"alg none", form("access_token", none+"."+parts[1]+"."), 401, ""},
		{"no signature", form("access_token", parts[0]+"."+parts[1]+"."), 401, ""},
		{"expired", form("access_token", expired.Token), 401, ""},
		{"login server as audience", form("access_token", d.entra(guidA, "https://acrkit.azurecr.io/.default")), 401, ""},
		{"any other audience", form("access_token", d.entra(guidA, "https://vault.azure.net/.default")), 200, ""},
		{"arm", form("access_token", d.entra(guidA, armScope)), 401, `{"errors":[{"code":"UNAUTHORIZED","message":"arm aad token disallowed"}]}` + "\n"},
		{"no role", form("access_token", d.entra(guidB, acrScope)), 401, `{"errors":[{"code":"UNAUTHORIZED","message":"authentication required, visit https://aka.ms/acr/authorization for more information."}]}` + "\n"},
		{"foreign service", form("service", "other.azurecr.io"), 401, ""},
		{"other tenant", form("tenant", guidB), 401, ""},
		{"no grant", form("grant_type", ""), 400, `{"errors":[{"code":"UNSUPPORTED","message":"The operation is unsupported.","detail":"grant_type is missing"}]}` + "\n"},
		{"unknown grant", form("grant_type", "magic"), 400, `{"errors":[{"code":"UNSUPPORTED","message":"The operation is unsupported.","detail":"grant_type is unknown"}]}` + "\n"},
		{"no service", form("service", ""), 400, `{"errors":[{"code":"UNSUPPORTED","message":"The operation is unsupported.","detail":"service is missing"}]}` + "\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := d.post("/oauth2/exchange", test.form)
			if got.StatusCode != test.status || test.status != 200 && withoutID(got.body) != test.body {
				t.Errorf("got %s %q, want %d %q", got.Status, got.body, test.status, test.body)
			}
			if got.challenge() != "" {
				t.Errorf("challenge %q", got.challenge())
			}
		})
	}
	got := d.do(http.MethodGet, "/oauth2/exchange", "", nil)
	if got.StatusCode != 404 || got.body != "404 page not found\n" || got.Header.Get("Docker-Distribution-Api-Version") != "" {
		t.Errorf("GET: %s %q %v", got.Status, got.body, got.Header)
	}
}

func TestARMTokensAreAcceptedByDefault(t *testing.T) {
	d := start(t, emulator.Policies{})
	d.member(d.exchange(d.entra("", armScope)), "refresh_token")
}

func TestTokensThatAreNotOursAreRefused(t *testing.T) {
	d := start(t, emulator.Policies{})
	refresh := d.refreshToken("")
	ask := func(token string) int {
		return d.post("/oauth2/token", url.Values{
			"grant_type": {"refresh_token"}, "service": {d.LoginServer}, "refresh_token": {token}, "scope": {"repository:a:pull"},
		}).StatusCode
	}
	if status := ask(refresh); status != 200 {
		t.Fatalf("a good token: %d", status)
	}
	parts := strings.Split(refresh, ".")
	encode := base64.RawURLEncoding.EncodeToString
	other := start(t, emulator.Policies{}, func(o *emulator.Options) { o.Registries[0].Name = "another" })
	access := d.accessToken(refresh, "repository:a:pull")
	for name, token := range map[string]string{
		"alg none":        encode([]byte(`{"alg":"none","typ":"JWT"}`)) + "." + parts[1] + ".",
		"hmac":            encode([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + parts[1] + "." + parts[2],
		"other signature": parts[0] + "." + parts[1] + "." + encode(make([]byte, 256)),
		"changed claims":  parts[0] + "." + encode([]byte(`{"iss":"Azure Container Registry","grant_type":"refresh_token","exp":99999999999}`)) + "." + parts[2],
		"other registry":  other.refreshToken(""),
		"access token":    access,
		"entra token":     d.entra("", acrScope),
		"empty":           "",
		"two parts":       parts[0] + "." + parts[1],
		"long":            strings.Repeat("a", 600<<10),
	} {
		if status := ask(token); status != 401 {
			t.Errorf("%s: %d, want 401", name, status)
		}
	}
}

func TestTokensExpire(t *testing.T) {
	d := start(t, emulator.Policies{})
	refresh := d.refreshToken("")
	bearer := "Bearer " + d.accessToken(refresh, "registry:catalog:*")
	if got := d.do(http.MethodGet, "/v2/", bearer, nil); got.StatusCode != 200 || got.body != "{}" {
		t.Fatalf("fresh: %s %q", got.Status, got.body)
	}
	d.Emulator.Clock().Advance(76 * time.Minute)
	if got := d.do(http.MethodGet, "/v2/", bearer, nil); got.StatusCode != 401 || !strings.HasSuffix(got.challenge(), `,error="invalid_token"`) {
		t.Fatalf("after 76 minutes: %s %s", got.Status, got.challenge())
	}
	bearer = "Bearer " + d.accessToken(refresh, "registry:catalog:*")
	d.Emulator.ExpireTokens()
	if got := d.do(http.MethodGet, "/v2/", bearer, nil); got.StatusCode != 401 {
		t.Fatalf("after ExpireTokens: %s", got.Status)
	}
	refresh = d.refreshToken("")
	d.accessToken(refresh, "registry:catalog:*")
	d.Emulator.Clock().Advance(3*time.Hour + 16*time.Minute)
	got := d.post("/oauth2/token", url.Values{
		"grant_type": {"refresh_token"}, "service": {d.LoginServer}, "refresh_token": {refresh}, "scope": {"repository:a:pull"},
	})
	if got.StatusCode != 401 || got.body != "" || got.ContentLength != 0 || got.challenge() != "" {
		t.Fatalf("refresh token after 3:16: %s %q", got.Status, got.body)
	}
}

var correlationSuffix = regexp.MustCompile(` CorrelationId: [0-9a-f-]{36}"`)

// Like a GET without a scope, the grant that oras asks for before GET /v2/
// (ACR protocol §12).
func TestRefreshGrantWithoutAScopeIsOneWithAnEmptyScope(t *testing.T) {
	d := start(t, emulator.Policies{})
	refresh := d.member(d.exchange(d.entra("", acrScope)), "refresh_token")
	for name, scope := range map[string][]string{"none": nil, "empty": {""}} {
		form := url.Values{"grant_type": {"refresh_token"}, "service": {d.LoginServer}, "refresh_token": {refresh}}
		if scope != nil {
			form["scope"] = scope
		}
		got := d.post("/oauth2/token", form)
		if got.StatusCode != 200 || d.member(got, "access_token") == "" {
			t.Errorf("%s: %d %s", name, got.StatusCode, got.body)
		}
	}
}
