package emulator

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/acrkit/azcontainerregistry/emulator/internal/protocol"
	"github.com/acrkit/azcontainerregistry/emulator/internal/signin"
	"github.com/golang-jwt/jwt/v5"
)

// fuzzed returns an emulator with every kind of caller.
func fuzzed(f *testing.F) *Emulator {
	f.Helper()
	e, err := New(&Options{Registries: []RegistryOptions{{Name: "acrkit", Policies: Policies{
		AnonymousPull: true,
		Admin:         &AdminUser{Passwords: []string{"secret"}},
		Tokens:        []ScopeMapToken{{Name: "ci-token", Passwords: []string{"secret"}, Rules: []ScopeMapRule{{Repository: "*", Actions: []string{"content/read"}}}}},
	}}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() {
		if err := e.Close(); err != nil {
			f.Error(err)
		}
	})
	return e
}

// ask sends a request without a server.
func ask(e *Emulator, method, target, body string, header http.Header) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "https://acrkit.azurecr.io"+target, strings.NewReader(body))
	for name, values := range header {
		r.Header[name] = values
	}
	w := httptest.NewRecorder()
	e.ServeHTTP(w, r)
	return w
}

func FuzzTokenForm(f *testing.F) {
	e := fuzzed(f)
	for _, form := range []url.Values{
		{"grant_type": {"refresh_token"}, "service": {"acrkit.azurecr.io"}, "scope": {"repository:a:pull"}, "refresh_token": {"a.b.c"}},
		{"grant_type": {"password"}, "service": {"acrkit.azurecr.io"}, "scope": {"registry:catalog:*"}},
		{"grant_type": {"password"}, "service": {"acrkit.azurecr.io"}, "scope": {"repository:a:*"}, "username": {"acrkit"}, "password": {"secret"}},
		{"grant_type": {"access_token"}, "service": {"acrkit.azurecr.io"}, "access_token": {"a.b.c"}, "tenant": {"x"}},
	} {
		f.Add(form.Encode())
	}
	f.Add("%zz=%&;=&&==")
	f.Add("grant_type=refresh_token&grant_type=password&scope=:::&scope=%00")
	f.Fuzz(func(t *testing.T, form string) {
		header := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
		for _, path := range []string{"/oauth2/token", "/oauth2/exchange"} {
			w := ask(e, http.MethodPost, path, form, header)
			values, err := url.ParseQuery(form)
			if w.Code == http.StatusOK && (err != nil || values.Get("service") == "" || path == "/oauth2/token" && values.Get("password") == "" && values.Get("grant_type") != "password") {
				t.Errorf("%s granted %q: %s", path, form, w.Body)
			}
			// A user name with control characters is known to get a 500.
			if w.Code >= 500 && !strings.ContainsFunc(values.Get("username"), func(r rune) bool { return r < ' ' || r >= 0x7f && r < 0xa0 }) {
				t.Errorf("%s answers %q with %d", path, form, w.Code)
			}
		}
	})
}

func FuzzBasicHeader(f *testing.F) {
	e := fuzzed(f)
	f.Add("Basic " + base64.StdEncoding.EncodeToString([]byte("acrkit:secret")))
	f.Add("basic " + base64.StdEncoding.EncodeToString([]byte("ci-token:secret")))
	f.Add("Basic ====")
	f.Add("Basic")
	f.Add("Bearer a.b.c")
	f.Add("Basic \x00\xff")
	f.Fuzz(func(t *testing.T, authorization string) {
		w := ask(e, http.MethodGet, "/v2/", "", http.Header{"Authorization": {authorization}})
		scheme, credentials, _ := strings.Cut(authorization, " ")
		user, password, ok := signin.ParseBasic(credentials)
		right := ok && strings.EqualFold(scheme, "Basic") && strings.EqualFold(user, "acrkit") && password == "secret"
		if (w.Code == http.StatusOK) != right || w.Code != http.StatusOK && (w.Code != http.StatusUnauthorized || protocol.HeaderValue(w.Header(), protocol.HeaderChallenge) == "") {
			t.Errorf("%q: %d", authorization, w.Code)
		}
	})
}

func FuzzBearerToken(f *testing.F) {
	e := fuzzed(f)
	good, err := e.signIn.AccessToken(e.signIn.Registries[0], "acrkit.azurecr.io", signin.FullAccess("x"), []protocol.Scope{protocol.CatalogScope()})
	if err != nil {
		f.Fatal(err)
	}
	parts := strings.Split(good, ".")
	encode := base64.RawURLEncoding.EncodeToString
	f.Add(good)
	f.Add(encode([]byte(`{"alg":"none"}`)) + "." + parts[1] + ".")
	f.Add(encode([]byte(`{"alg":"HS256"}`)) + "." + parts[1] + "." + parts[2])
	f.Add(parts[0] + "." + encode([]byte(`{"exp":1e400,"access":[null]}`)) + "." + parts[2])
	f.Add("..")
	f.Add("")
	f.Fuzz(func(t *testing.T, token string) {
		if claims, err := e.signIn.Verify(e.signIn.Registries[0], "acrkit.azurecr.io", token, signin.GrantAccess); err == nil && (token != good || claims.Subject != "x") {
			// The last character of a signature has bits that say nothing.
			if got, want := token[:len(token)-1], good[:len(good)-1]; got != want {
				t.Errorf("%q passes as %+v", token, claims)
			}
		}
		if _, err := e.signIn.VerifyEntra(token); err == nil {
			// Nobody's signature is checked here, but a token has to look
			// signed.
			parsed, _, err := jwt.NewParser().ParseUnverified(token, jwt.MapClaims{})
			if err != nil || parsed.Header["alg"] == "none" {
				t.Errorf("%q passes as a token of Entra's", token)
			}
		}
	})
}

func FuzzParseScope(f *testing.F) {
	f.Add("repository:team/app:pull,push")
	f.Add("registry:catalog:*")
	f.Add("repository:host:5000/app:pull")
	f.Add("repository:a:")
	f.Add("::,")
	f.Fuzz(func(t *testing.T, text string) {
		for _, s := range protocol.ParseScopes([]string{text}) {
			if s.Type == "" || s.Name == "" || len(s.Actions) == 0 || slices.Contains(s.Actions, "") {
				t.Errorf("%q gave %+v", text, s)
			}
			again, ok := protocol.ParseScope(signin.ScopeStrings([]protocol.Scope{s})[0])
			if !ok || again.Name != s.Name || !slices.Equal(again.Actions, s.Actions) {
				t.Errorf("%q gave %+v, and then %+v", text, s, again)
			}
		}
	})
}
