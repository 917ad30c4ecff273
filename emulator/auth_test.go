package emulator_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/acrkit/azcontainerregistry/emulator"
)

func TestChallenges(t *testing.T) {
	d := start(t, emulator.Policies{})
	refresh := d.refreshToken("")
	const login = "acrkit.azurecr.io"
	head := `Bearer realm="https://` + login + `/oauth2/token",service="` + login + `"`
	const message = `{"errors":[{"code":"UNAUTHORIZED","message":"authentication required, visit https://aka.ms/acr/authorization for more information.","detail":`
	detail := func(name string, actions ...string) string {
		entries := []string{}
		for _, action := range actions {
			entries = append(entries, `{"Type":"repository","Name":"`+name+`","Action":"`+action+`"}`)
		}
		return message + "[" + strings.Join(entries, ",") + "]}]}\n"
	}
	digest := "sha256:" + strings.Repeat("a", 64)
	for _, test := range []struct {
		name, method, path, authorization string
		challenges                        []string
		body                              string
		length                            int
	}{
		{"base", "GET", "/v2/", "", []string{head}, message + "null}]}\n", 149},
		{"pull", "GET", "/v2/hello-world/manifests/latest", "", []string{head + `,scope="repository:hello-world:pull"`}, detail("hello-world", "pull"), 205},
		{"delete", "DELETE", "/v2/library%2Fhello-world/blobs/" + digest, "", []string{head + `,scope="repository:library/hello-world:delete"`}, detail("library/hello-world", "delete"), 215},
		{"push", "POST", "/v2/library/hello-world/blobs/uploads/", "", []string{
			head + `,scope="repository:library/hello-world:pull,push"`, head + `,scope="repository:library/hello-world:push,pull"`,
		}, detail("library/hello-world", "pull", "push"), 280},
		{"catalog", "GET", "/acr/v1/_catalog", "", []string{head + `,scope="registry:catalog:*"`}, message + `[{"Type":"registry","Name":"catalog","Action":"*"}]}]}` + "\n", 0},
		{"metadata", "GET", "/v2/a/tags/list", "", []string{head + `,scope="repository:a:metadata_read"`}, detail("a", "metadata_read"), 0},
		{"other scope", "GET", "/v2/b/manifests/x", "Bearer " + d.accessToken(refresh, "repository:a:pull"), []string{head + `,scope="repository:b:pull",error="insufficient_scope"`}, detail("b", "pull"), 0},
		{"garbage token", "GET", "/v2/b/manifests/x", "Bearer garbage", []string{head + `,scope="repository:b:pull",error="invalid_token"`}, detail("b", "pull"), 0},
		{"refresh token as bearer", "GET", "/v2/", "Bearer " + refresh, []string{head + `,error="invalid_token"`}, message + "null}]}\n", 0},
		{"entra token as bearer", "GET", "/v2/b/manifests/x", "Bearer " + d.entra("", acrScope), []string{head + `,scope="repository:b:pull"`}, detail("b", "pull"), 0},
		{"unknown scheme", "GET", "/v2/", "Digest x", []string{head}, message + "null}]}\n", 0},
		{"head", "HEAD", "/v2/b/manifests/x", "", []string{head + `,scope="repository:b:pull"`}, "", 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := d.do(test.method, test.path, test.authorization, nil)
			if got.StatusCode != http.StatusUnauthorized || got.body != test.body {
				t.Errorf("got %s %q, want %q", got.Status, got.body, test.body)
			}
			if !slices.Contains(test.challenges, got.challenge()) {
				t.Errorf("challenge %q, want one of %q", got.challenge(), test.challenges)
			}
			if test.length > 0 && got.ContentLength != int64(test.length) {
				t.Errorf("Content-Length %d, want %d", got.ContentLength, test.length)
			}
			if got.Header.Get("X-Ms-Request-Id") != "" {
				t.Error("a 401 carries X-Ms-Request-Id")
			}
			want := []string{"max-age=31536000; includeSubDomains", "max-age=31536000; includeSubDomains"}
			if diff := cmp.Diff(want, got.Header.Values("Strict-Transport-Security")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestMountChallengeNamesBothRepositories(t *testing.T) {
	d := start(t, emulator.Policies{})
	digest := "sha256:" + strings.Repeat("a", 64)
	got := d.do(http.MethodPost, "/v2/to/blobs/uploads/?from=other&mount="+digest, "", nil)
	_, scopes, _ := strings.Cut(got.challenge(), `scope="`)
	fields := strings.Fields(strings.TrimSuffix(scopes, `"`))
	slices.Sort(fields)
	if len(fields) != 2 || fields[0] != "repository:other:pull" || !strings.HasPrefix(fields[1], "repository:to:pu") {
		t.Errorf("scopes %q", fields)
	}
	const detail = `[{"Type":"repository","Name":"to","Action":"pull"},{"Type":"repository","Name":"to","Action":"push"},{"Type":"repository","Name":"other","Action":"pull"}]`
	if !strings.Contains(got.body, detail) {
		t.Errorf("body %s", got.body)
	}
}

func TestRolesDecideWhatATokenGrants(t *testing.T) {
	all := []string{"repository:team/app:pull,push,delete,metadata_read,metadata_write,deleted_read,deleted_restore", "repository:other:pull", "registry:catalog:*", "registry:deleted_catalog:*"}
	for _, test := range []struct {
		name  string
		abac  bool
		roles []emulator.RoleAssignment
		asked []string
		want  []string
	}{
		{"pull", false, emulator.Roles(emulator.RolePull), all, []string{"repository:team/app:pull,metadata_read", "repository:other:pull", "registry:catalog:*"}},
		{"push", false, emulator.Roles(emulator.RolePush), all, []string{"repository:team/app:pull,push,metadata_read,metadata_write", "repository:other:pull", "registry:catalog:*"}},
		{"delete", false, emulator.Roles(emulator.RoleDelete), all, []string{"repository:team/app:delete"}},
		{"owner", false, emulator.Roles(emulator.RoleOwner), all, all},
		{"several in one field", false, emulator.Roles(emulator.RolePull), []string{"repository:a:pull repository:b:push,pull"}, []string{"repository:a:pull", "repository:b:pull"}},
		{"star of an owner", false, emulator.Roles(emulator.RoleOwner), []string{"repository:*:*"}, []string{"repository:*:*"}},
		{"star of a reader", false, emulator.Roles(emulator.RoleReader), []string{"repository:a:*"}, []string{"repository:a:pull,metadata_read"}},
		{"not scopes", false, emulator.Roles(emulator.RoleOwner), []string{"nonsense", "repository:a", "repository::pull", ":a:pull", "repository:a:", "other:a:pull"}, []string{"other:a:pull"}[:0]},
		{"abac writer", true, []emulator.RoleAssignment{{Role: emulator.RoleRepositoryWriter, Repositories: []string{"team/*"}}}, all, []string{"repository:team/app:pull,push,metadata_read,metadata_write"}},
		{"abac reader of everything", true, emulator.Roles(emulator.RoleRepositoryReader, emulator.RoleCatalogLister), all, []string{"repository:team/app:pull,metadata_read", "repository:other:pull", "registry:catalog:*"}},
		{"abac star", true, emulator.Roles(emulator.RoleRepositoryContributor), []string{"repository:*:*"}, []string{}},
		{"abac ignores classic roles", true, emulator.Roles(emulator.RolePush, emulator.RoleRepositoryReader), []string{"repository:a:pull,push"}, []string{"repository:a:pull"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := start(t, emulator.Policies{ABAC: test.abac, Identities: []emulator.Identity{{ID: guidA, Roles: test.roles}}})
			refresh := d.refreshToken(guidA)
			if _, present := claims(t, refresh)["aad_identity"]; present != test.abac {
				t.Errorf("aad_identity present: %v", present)
			}
			if diff := cmp.Diff(test.want, grants(t, d.accessToken(refresh, test.asked...))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestModeSwitchInvalidatesRefreshTokens(t *testing.T) {
	d := start(t, emulator.Policies{})
	refresh := d.refreshToken("")
	if err := d.Emulator.SetPolicies("acrkit", emulator.Policies{ABAC: true}); err != nil {
		t.Fatal(err)
	}
	got := d.post("/oauth2/token", url.Values{"grant_type": {"refresh_token"}, "service": {d.LoginServer}, "refresh_token": {refresh}, "scope": {"repository:a:pull"}})
	if got.StatusCode != 401 {
		t.Errorf("got %s", got.Status)
	}
	d.refreshToken("")
}

func TestFirewall(t *testing.T) {
	const body = `{"errors":[{"code":"DENIED","message":"client with IP \u0027127.0.0.1\u0027 is not allowed access. Refer https://aka.ms/acr/firewall to grant access."}]}` + "\n"
	for name, firewall := range map[string]*emulator.Firewall{
		"not in the list":        {Allow: []string{"203.0.113.0/24", "2001:db8::1"}},
		"public access disabled": {PublicAccessDisabled: true, Allow: []string{"127.0.0.0/8"}},
	} {
		d := start(t, emulator.Policies{Firewall: firewall})
		for _, got := range []answer{
			d.do(http.MethodGet, "/v2/", "", nil),
			d.do(http.MethodGet, "/acr/v1/_catalog", "", nil),
			d.exchange("x"),
			d.do(http.MethodGet, "/oauth2/token", "", nil),
		} {
			if got.StatusCode != 403 || withoutID(got.body) != body {
				t.Errorf("%s: %s %s: got %s %s", name, got.Request.Method, got.Request.URL.Path, got.Status, got.body)
			}
		}
	}
	d := start(t, emulator.Policies{Firewall: &emulator.Firewall{Allow: []string{"127.0.0.0/8"}}})
	d.refreshToken("")
}

func TestThrottling(t *testing.T) {
	d := start(t, emulator.Policies{Throttling: true, SKU: emulator.SKUBasic})
	d.Emulator.Clock().Freeze(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	digest := "sha256:" + strings.Repeat("a", 64)
	bearer := "Bearer " + d.accessToken(d.refreshToken(""), "repository:a:pull")
	// The identity's own limit is half of the registry's.
	for i := range 250 {
		if got := d.do(http.MethodGet, "/v2/a/referrers/"+digest, bearer, nil); got.StatusCode == 429 {
			t.Fatalf("request %d was throttled", i)
		}
	}
	d.Emulator.Clock().Advance(20 * time.Second)
	got := d.do(http.MethodGet, "/v2/a/referrers/"+digest, bearer, nil)
	const body = `{"errors":[{"code":"TOOMANYREQUESTS","message":"Too many requests. Please visit https://aka.ms/acr/skus#sku-feature-matrix to view limits of all service tiers."}]}` + "\n"
	if got.StatusCode != 429 || got.Header.Get("Retry-After") != "40" || got.body != body {
		t.Errorf("got %s, Retry-After %q, %s", got.Status, got.Header.Get("Retry-After"), got.body)
	}
	if got := d.do(http.MethodGet, "/v2/", bearer, nil); got.StatusCode != 200 {
		t.Errorf("another class: %s", got.Status)
	}
	d.Emulator.Clock().Advance(40 * time.Second)
	if got := d.do(http.MethodGet, "/v2/a/referrers/"+digest, bearer, nil); got.StatusCode == 429 {
		t.Error("still throttled in the next window")
	}
}

func TestNoAuthenticationNeverChallenges(t *testing.T) {
	d := start(t, emulator.Policies{NoAuthentication: true})
	if got := d.do(http.MethodGet, "/v2/", "", nil); got.StatusCode != 200 {
		t.Errorf("got %s", got.Status)
	}
}

func TestPolicyErrorsNameTheField(t *testing.T) {
	for want, policies := range map[string]emulator.Policies{
		`sku "Gold"`:                 {SKU: "Gold"},
		`identities[0].id is empty`:  {Identities: []emulator.Identity{{}}},
		`identities[0].roles[0] "X"`: {Identities: []emulator.Identity{{ID: "a", Roles: emulator.Roles("X")}}},
		`conditions need an ABAC`:    {OtherIdentities: []emulator.RoleAssignment{{Role: emulator.RolePull, Repositories: []string{"a"}}}},
		`admin.passwords`:            {Admin: &emulator.AdminUser{}},
		`tokens[0].name is empty`:    {Tokens: []emulator.ScopeMapToken{{}}},
		`tokens[0].name "abcd"`:      {Tokens: []emulator.ScopeMapToken{{Name: "abcd", Passwords: []string{"p"}}}},
		`tokens[0].scopeMap "x"`:     {Tokens: []emulator.ScopeMapToken{{Name: "token", Passwords: []string{"p"}, ScopeMap: "x"}}},
		`firewall.allow[0] "nope"`:   {Firewall: &emulator.Firewall{Allow: []string{"nope"}}},
		`accessTokenLifetime -1s`:    {AccessTokenLifetime: emulator.Duration(-time.Second)},
	} {
		_, err := emulator.New(&emulator.Options{Registries: []emulator.RegistryOptions{{Name: "acrkit", Policies: policies}}})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want it to name %s", err, want)
		}
	}
}
