package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	acr "github.com/Azure/azure-sdk-for-go/sdk/containers/azcontainerregistry"

	"github.com/acrkit/azcontainerregistry/interop/programs/internal/signin"
)

// challenges meets challenges of every form, and tokens of every kind.
func challenges(s section) {
	ctx := context.Background()
	for _, header := range []string{
		`Bearer realm="https://contoso.azurecr.io/oauth2/token",service="contoso.azurecr.io",scope="repository:app:metadata_read",error="invalid_token"`,
		`Bearer realm="https://contoso.azurecr.io/oauth2/token", service="contoso.azurecr.io", scope="repository:app:metadata_read"`,
		`bearer realm="https://contoso.azurecr.io/oauth2/token",service="contoso.azurecr.io",scope="repository:app:metadata_read"`,
		`Bearer scope="repository:app:metadata_read",service="contoso.azurecr.io",realm="https://contoso.azurecr.io/oauth2/token"`,
		`Bearer realm="https://contoso.azurecr.io/oauth2/token",service="contoso.azurecr.io",scope="repository:app:pull,push repository:base:pull"`,
		`Bearer realm="https://contoso.azurecr.io/oauth2/token",service="contoso.azurecr.io",scope=""`,
		`Bearer realm="https://contoso.azurecr.io/oauth2/token",service="contoso.azurecr.io"`,
		`Bearer realm="https://contoso.azurecr.io/oauth2/token",service="",scope="repository:app:pull"`,
		`Bearer realm="https://contoso.azurecr.io/token",service="contoso.azurecr.io",scope="repository:app:pull"`,
		`Bearer realm="/oauth2/token",service="contoso.azurecr.io",scope="repository:app:pull"`,
		`Bearer service="contoso.azurecr.io",scope="repository:app:pull"`,
		`Bearer realm=https://contoso.azurecr.io/oauth2/token,service=contoso.azurecr.io,scope=repository:app:pull`,
		`Bearer`, `Basic realm="https://contoso.azurecr.io", Bearer realm="https://contoso.azurecr.io/oauth2/token",service="contoso.azurecr.io",scope="repository:app:pull"`,
		`Negotiate`, `Bearer realm="x" service="y" scope="z"`,
	} {
		for kind, credential := range map[string]azcore.TokenCredential{"anonymous": nil, "credential": signin.Credential()} {
			var forms []string
			f := guarded(header, func(*http.Request) *http.Response { return respond(200, onePage) })
			t := transport(func(r *http.Request) (*http.Response, error) {
				if strings.HasPrefix(r.URL.Path, "/oauth2/") {
					forms = append(forms, whole(r))
				}
				return f.Do(r)
			})
			c := connect(credential, with(t))
			s.try(kind+" "+header, listTags(c))
			s.say(kind+" "+header+" requests", f.requests())
			for _, form := range forms {
				for line := range strings.Lines(form) {
					if strings.HasPrefix(line, "content") {
						s.say(kind+" "+header+" forms", line)
					}
				}
			}
		}
	}
	// What the token endpoints give.
	expired := signin.Token(time.Now().Add(-time.Hour))
	encode := base64.RawURLEncoding.EncodeToString
	for _, refresh := range []string{token(), expired, "opaque", "a.b.c", "a." + encode([]byte(`{}`)) + ".c", "a." + encode([]byte(`{"exp":"x"}`)) + ".c", "a." + encode([]byte(`{"exp":1e10}`)) + ".c", ""} {
		for _, access := range []string{token(), expired, "opaque", "with blank", ""} {
			f := guarded(challenge, func(*http.Request) *http.Response { return respond(200, onePage) })
			inner := f.response
			f.response = func(r *http.Request) *http.Response {
				switch r.URL.Path {
				case "/oauth2/exchange":
					return respond(200, `{"refresh_token":"`+refresh+`"}`)
				case "/oauth2/token":
					return respond(200, `{"access_token":"`+access+`"}`)
				}
				return inner(r)
			}
			what := fmt.Sprintf("tokens %.12q %.12q", refresh, access)
			c := connect(signin.Credential(), with(f))
			s.try(what, listTags(c))
			s.try(what+" again", listTags(c))
			s.say(what+" requests", len(f.requests()))
		}
	}
	for _, body := range []string{``, `null`, `{`, `[]`, `{"refresh_token":null,"access_token":null}`, `{"refresh_token":1,"access_token":1}`, `<html>`, "\ufeff" + `{"refresh_token":"` + token() + `","access_token":"a"}`} {
		f := guarded(challenge, func(*http.Request) *http.Response { return respond(200, onePage) })
		inner := f.response
		f.response = func(r *http.Request) *http.Response {
			if strings.HasPrefix(r.URL.Path, "/oauth2/") {
				return respond(200, body)
			}
			return inner(r)
		}
		c := connect(signin.Credential(), with(f))
		s.try("token body "+body, listTags(c))
		s.try("exchange body "+body, func() (any, error) {
			return c.auth.ExchangeAADAccessTokenForACRRefreshToken(ctx, acr.PostContentSchemaGrantTypeAccessToken, "x", nil)
		})
		s.try("access body "+body, func() (any, error) {
			return c.auth.ExchangeACRRefreshTokenForACRAccessToken(ctx, "x", "y", "z", nil)
		})
	}
	// A registry that refuses every token, one that refuses some, one that asks late.
	always401 := guarded(challenge, func(*http.Request) *http.Response { return respond(401, refused, "WWW-Authenticate", challenge) })
	for _, c := range every[:25] {
		s.try("refuses "+c.name, func() (any, error) { return c.do(ctx, connect(signin.Credential(), with(always401))) })
		s.say("refuses "+c.name+" requests", len(always401.requests()))
	}
	n := 0
	sometimes := guarded(challenge, func(*http.Request) *http.Response {
		if n++; n == 2 || n == 5 {
			return respond(401, refused, "WWW-Authenticate", challenge)
		}
		return respond(200, onePage)
	})
	c := connect(signin.Credential(), with(sometimes))
	for i := range 5 {
		s.try(fmt.Sprint("sometimes ", i), listTags(c))
		s.say(fmt.Sprint("sometimes ", i, " requests"), sometimes.requests())
	}
	late := 0
	lately := guarded(challenge, func(*http.Request) *http.Response { return respond(200, onePage) })
	inner := lately.response
	lately.response = func(r *http.Request) *http.Response {
		if late++; late < 3 {
			return respond(200, onePage)
		}
		return inner(r)
	}
	c = connect(signin.Credential(), with(lately))
	for i := range 4 {
		s.try(fmt.Sprint("late ", i), listTags(c))
	}
	s.say("late requests", lately.requests())
	// Several calls, one after the other and at once.
	for _, names := range [][]string{{"ListTags", "ListTags"}, {"ListTags", "GetManifest"}, {"ListRepositories", "ListTags", "DeleteTag"}, {"StartUpload", "UploadChunk", "CompleteUpload"}} {
		f := guarded(challenge, func(*http.Request) *http.Response { return respond(404, refused) })
		c := connect(signin.Credential(), with(f))
		for _, name := range names {
			for _, call := range every {
				if call.name == name {
					_, _ = call.do(ctx, c)
				}
			}
		}
		s.say(fmt.Sprint("calls ", names), f.requests())
	}
	var mu sync.Mutex
	calls := 0
	credential := credentialFunc(func(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
		mu.Lock()
		calls++
		mu.Unlock()
		return signin.Credential().GetToken(ctx, o)
	})
	f := &fake{}
	f.response = guarded(challenge, func(*http.Request) *http.Response { return respond(200, onePage) }).response
	c = connect(credential, with(f))
	var group sync.WaitGroup
	errs := make([]error, 16)
	for i := range errs {
		group.Go(func() { _, errs[i] = c.NewListTagsPager("app", nil).NextPage(ctx) })
	}
	group.Wait()
	s.say("at once", []any{fmt.Sprint(errs), calls})
}
