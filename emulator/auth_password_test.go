package emulator_test

import (
	"encoding/base64"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/acrkit/azcontainerregistry/emulator"
)

func passwordPolicies() emulator.Policies {
	return emulator.Policies{
		Admin: &emulator.AdminUser{Passwords: []string{"first", "second:with:colons"}},
		Tokens: []emulator.ScopeMapToken{{
			Name: "ci-token", Passwords: []string{"tokenpass"},
			Rules: []emulator.ScopeMapRule{{Repository: "team/*", Actions: []string{"content/read", "metadata/read"}}},
		}},
		Identities: []emulator.Identity{
			{ID: guidA, Secret: "sp-secret", Roles: emulator.Roles(emulator.RolePull)},
			{ID: guidC, Secret: "no-role"},
		},
	}
}

func TestPasswordsAtTheTokenEndpoint(t *testing.T) {
	d := start(t, passwordPolicies())
	refresh := d.refreshToken(guidA)
	access := d.accessToken(refresh, "repository:team/app:pull")
	asked := "repository:team/app:pull,push"
	query := "/oauth2/token?service=" + d.LoginServer + "&scope=" + url.QueryEscape(asked) + "&account=x&client_id=docker&offline_token=true"
	const unauthorized = "authentication required, visit https://aka.ms/acr/authorization for more information."
	for _, test := range []struct {
		name, user, password string
		grants               []string // nil for a failure
		status               int
		message              string
	}{
		{"admin", "acrkit", "first", []string{asked}, 200, ""},
		{"admin, second password", "acrkit", "second:with:colons", []string{asked}, 200, ""},
		{"admin, wrong password", "acrkit", "wrong", nil, 401, unauthorized},
		{"scope map", "ci-token", "tokenpass", []string{"repository:team/app:pull"}, 200, ""},
		{"scope map, wrong password", "ci-token", "wrong", nil, 401, unauthorized},
		{"service principal", guidA, "sp-secret", []string{"repository:team/app:pull"}, 200, ""},
		// Only the exchange answers 403 (ACR protocol §10, 10).
		{"service principal without a role", guidC, "no-role", []string{}, 200, ""},
		{"service principal, wrong secret", guidA, "wrong", nil, 401, "Invalid clientid or client secret."},
		{"unknown service principal", guidB, "x", nil, 401, "Application not registered with AAD."},
		{"unknown user", "somebody", "x", nil, 401, "aad access token with sp failed client id must be guid"},
		{"refresh token", nullGUID, refresh, []string{"repository:team/app:pull"}, 200, ""},
		{"access token", nullGUID, access, []string{"repository:team/app:pull"}, 200, ""},
		{"trailing newline", "acrkit\n", "first", nil, 500, "unknown error"},
	} {
		t.Run(test.name, func(t *testing.T) {
			for how, got := range map[string]answer{
				"GET": d.do(http.MethodGet, query, basic(test.user, test.password), nil),
				"POST": d.post("/oauth2/token", url.Values{
					"grant_type": {"password"}, "service": {d.LoginServer}, "scope": {asked},
					"username": {test.user}, "password": {test.password},
				}),
			} {
				if got.StatusCode != test.status {
					t.Fatalf("%s: got %s %s", how, got.Status, got.body)
				}
				if test.grants != nil {
					if diff := cmp.Diff(test.grants, grants(t, accessTokenOf(t, got.body))); diff != "" {
						t.Errorf("%s: %s", how, diff)
					}
				} else if !strings.Contains(withoutID(got.body), `"message":"`+test.message+`"}]}`) {
					t.Errorf("%s: body %q", how, got.body)
				}
				if got.challenge() != "" {
					t.Errorf("%s: challenge %q", how, got.challenge())
				}
			}
		})
	}
	if got := d.do(http.MethodGet, query, "Basic %%%", nil); got.StatusCode != 401 {
		t.Errorf("malformed Basic: %s", got.Status)
	}
}

func TestScopeMapsDecideWhatATokenGrants(t *testing.T) {
	d := start(t, emulator.Policies{Tokens: []emulator.ScopeMapToken{
		{Name: "puller", Passwords: []string{"p"}, ScopeMap: "_repositories_pull"},
		{Name: "pusher", Passwords: []string{"p"}, ScopeMap: "_repositories_push"},
		{Name: "keeper", Passwords: []string{"p"}, ScopeMap: "_repositories_admin"},
		{Name: "mixed", Passwords: []string{"p"}, ScopeMap: "_repositories_pull", Rules: []emulator.ScopeMapRule{
			{Repository: "team/*", Actions: []string{"content/write"}}, {Repository: "a", Actions: []string{"metadata/read"}},
		}},
		{Name: "writer", Passwords: []string{"p"}, Rules: []emulator.ScopeMapRule{{Repository: "a", Actions: []string{"content/write"}}}},
	}})
	for name, want := range map[string][]string{
		"puller": {"repository:a:pull", "repository:team/app:pull"},
		"pusher": {"repository:a:pull,push", "repository:team/app:pull,push"},
		"keeper": {"repository:a:pull,push,delete,metadata_read,metadata_write", "repository:team/app:pull,push"},
		"mixed":  {"repository:a:pull,metadata_read", "repository:team/app:pull,push"},
		// Writing needs reading.
		"writer": {},
	} {
		got := d.do(http.MethodGet, "/oauth2/token?service="+d.LoginServer+
			"&scope=repository:a:pull,push,delete,metadata_read,metadata_write&scope=repository:team/app:pull,push&scope=registry:catalog:*", basic(name, "p"), nil)
		if diff := cmp.Diff(want, grants(t, accessTokenOf(t, got.body))); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestBasicOnResourcePaths(t *testing.T) {
	d := start(t, passwordPolicies())
	for _, test := range []struct {
		name, authorization, path string
		status                    int
	}{
		{"admin", basic("acrkit", "first"), "/v2/", 200},
		{"admin, other case", basic("ACRkit", "first"), "/v2/", 200},
		{"service principal", basic(guidA, "sp-secret"), "/v2/", 200},
		{"admin, wrong password", basic("acrkit", "x"), "/v2/", 401},
		{"null GUID", basic(nullGUID, d.refreshToken(guidA)), "/v2/", 401},
		{"scope map token", basic("ci-token", "tokenpass"), "/v2/", 401},
		{"not base64", "Basic %%%", "/v2/", 401},
		{"no colon", "Basic " + base64.StdEncoding.EncodeToString([]byte("acrkit")), "/v2/", 401},
	} {
		got := d.do(http.MethodGet, test.path, test.authorization, nil)
		if got.StatusCode != test.status {
			t.Errorf("%s: got %s", test.name, got.Status)
		}
		if test.status == 401 && got.challenge() != `Basic realm="Azure Container Registry"` {
			t.Errorf("%s: challenge %q", test.name, got.challenge())
		}
	}
	got := d.do(http.MethodPut, "/v2/a/manifests/x", basic(guidA, "sp-secret"), strings.NewReader("{}"))
	if got.StatusCode != 401 || !strings.HasSuffix(got.challenge(), `error="insufficient_scope"`) {
		t.Errorf("push with a reader's secret: %s %s", got.Status, got.challenge())
	}
}

func TestAnonymousCallers(t *testing.T) {
	ask := url.Values{"grant_type": {"password"}, "service": {"acrkit.azurecr.io"}, "scope": {"repository:a:pull,delete,metadata_read,metadata_write registry:catalog:*"}, "refresh_token": {""}}
	closed := start(t, emulator.Policies{})
	if got := closed.post("/oauth2/token", ask); got.StatusCode != 401 {
		t.Errorf("without anonymous pull: %s", got.Status)
	}
	open := start(t, emulator.Policies{AnonymousPull: true})
	if diff := cmp.Diff([]string{"repository:a:pull,metadata_read", "registry:catalog:*"}, grants(t, open.member(open.post("/oauth2/token", ask), "access_token"))); diff != "" {
		t.Error(diff)
	}
	if got := open.do(http.MethodGet, "/v2/", "", nil); got.StatusCode != 401 {
		t.Errorf("without a token: %s", got.Status)
	}
	token := open.member(open.do(http.MethodGet, "/oauth2/token?service=acrkit.azurecr.io&scope=repository:a:delete", "", nil), "access_token")
	got := open.do(http.MethodDelete, "/acr/v1/a", "Bearer "+token, nil)
	if got.StatusCode != 401 || !strings.HasSuffix(got.challenge(), `error="insufficient_scope"`) {
		t.Errorf("anonymous delete: %s %s", got.Status, got.challenge())
	}
}

func TestBadTokenRequests(t *testing.T) {
	d := start(t, emulator.Policies{})
	refresh := d.refreshToken("")
	scopes := make([]string, 10_000)
	for i := range scopes {
		scopes[i] = "repository:a:pull"
	}
	got := d.post("/oauth2/token", url.Values{"grant_type": {"refresh_token"}, "service": {d.LoginServer}, "refresh_token": {refresh}, "scope": {strings.Join(scopes, " ")}})
	if got.StatusCode != 400 || !strings.Contains(got.body, "too many scopes") {
		t.Errorf("10,000 scopes: %s %s", got.Status, got.body)
	}
	got = d.post("/oauth2/token", url.Values{"grant_type": {"refresh_token"}, "service": {d.LoginServer}, "refresh_token": {refresh}, "scope": scopes})
	if got.StatusCode != 400 {
		t.Errorf("10,000 fields of a scope: %s %s", got.Status, got.body)
	}
	endless := io.LimitReader(repeat("a"), 100<<20)
	request, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, d.Endpoint+"/oauth2/token", endless)
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	// The answer may come while the form is still being sent, and then the
	// connection goes; both are right.
	if response, err := d.client.Do(request); err == nil {
		if response.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("100 MB: %s", response.Status)
		}
		response.Body.Close()
	}
	for _, kind := range []string{"application/json", "multipart/form-data; boundary=x", ";;;"} {
		if got := d.do(http.MethodPost, "/oauth2/token", "", strings.NewReader("{}"), "Content-Type", kind); got.StatusCode != 400 {
			t.Errorf("%s: %s", kind, got.Status)
		}
	}
	if got := d.do(http.MethodPost, "/oauth2/token", "", strings.NewReader("%zz=%"), "Content-Type", "application/x-www-form-urlencoded"); got.StatusCode != 400 {
		t.Errorf("malformed form: %s", got.Status)
	}
	if got := d.do(http.MethodGet, "/oauth2/token?service=%zz", "", nil); got.StatusCode != 400 {
		t.Errorf("malformed query: %s", got.Status)
	}
}

type repeat string

func (r repeat) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = r[0]
	}
	return len(p), nil
}
