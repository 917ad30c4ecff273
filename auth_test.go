package azcontainerregistry

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/google/go-cmp/cmp"
)

func TestARegistryThatNeverChallengesGetsNoToken(t *testing.T) {
	for name, credential := range map[string]*scriptCredential{"anonymous": nil, "entra": {err: errors.New("no account")}} {
		t.Run(name, func(t *testing.T) {
			s := &script{}
			s.on(http.MethodGet, "/v2/app/manifests/", always(200, "{}"))
			s.on(http.MethodPost, "/v2/app/blobs/uploads/", always(202, "", "Location", "/v2/app/blobs/uploads/1?_state=a%3D"))
			s.on(http.MethodPatch, "/v2/app/blobs/uploads/", always(202, "", "Location", "/v2/app/blobs/uploads/1?_state=b%3D"))
			s.on(http.MethodPut, "/v2/app/blobs/uploads/", always(201, ""))
			var given azcore.TokenCredential
			if credential != nil {
				given = credential
			}
			c := s.client(t, given)
			blobs := c.NewBlobClient()
			start, err := blobs.StartUpload(t.Context(), "app", nil)
			if err != nil {
				t.Fatal(err)
			}
			calculator := NewBlobDigestCalculator()
			chunk, err := blobs.UploadChunk(t.Context(), *start.Location, strings.NewReader("content"), calculator, nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := blobs.CompleteUpload(t.Context(), *chunk.Location, calculator, nil); err != nil {
				t.Fatal(err)
			}
			mustRead(t, c, "app")
			want := []string{"POST /v2/app/blobs/uploads/", "PATCH /v2/app/blobs/uploads/1", "PUT /v2/app/blobs/uploads/1", "GET /v2/app/manifests/v1"}
			if diff := cmp.Diff(want, s.requests()); diff != "" {
				t.Error(diff)
			}
			if body := s.seen[1].body; body != "content" {
				t.Errorf("the chunk was sent as %q", body)
			}
			if got := s.seen[2].URL.RawQuery; got != "_state=b%3D&digest=sha256%3Aed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73" {
				t.Errorf("completed at %s", got)
			}
			if credential != nil && len(credential.calls) != 0 {
				t.Error("the credential was asked, though nobody wanted a token")
			}
		})
	}
}

func TestAFailingCredentialsErrorIsItsOwn(t *testing.T) {
	boom := errors.New("no account")
	s := &script{}
	s.on(http.MethodGet, "/v2/", protected(always(200, "{}")))
	c := s.client(t, &scriptCredential{err: boom})
	for range 2 {
		if _, err := c.GetManifest(t.Context(), "app", "v1", nil); err != boom {
			t.Errorf("error: %#v", err)
		}
	}
	if _, err := c.GetManifest(strictly(t), "app", "v1", nil); err == nil || err.Error() != "get manifest app:v1: get Entra token: no account" {
		t.Errorf("error: %v", err)
	}
}

func TestBasicIsUsedWhereTheRegistryAsksForIt(t *testing.T) {
	s := &script{}
	var expect []string
	s.on(http.MethodPatch, "/v2/app/blobs/uploads/", func(r *scriptRequest) *http.Response {
		expect = append(expect, r.Header.Get("Expect"))
		if user, password, ok := r.BasicAuth(); !ok || user != "admin" || password != "hunter2" {
			return answer(401, unauthorizedBody, "WWW-Authenticate", `Basic realm="contoso"`)
		}
		return answer(202, "", "Location", "/v2/app/blobs/uploads/1?_state=b")
	})
	credential, err := NewPasswordCredential("admin", "hunter2")
	if err != nil {
		t.Fatal(err)
	}
	c, err := NewBlobClientWithPasswordCredential(scriptEndpoint, credential, &BlobClientOptions{ClientOptions: s.options()})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := c.UploadChunk(t.Context(), "/v2/app/blobs/uploads/1?_state=a", strings.NewReader("content"), nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{"PATCH /v2/app/blobs/uploads/1", "PATCH /v2/app/blobs/uploads/1", "PATCH /v2/app/blobs/uploads/1"}
	if diff := cmp.Diff(want, s.requests()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"100-continue", "", ""}, expect); diff != "" {
		t.Errorf("the body of a request that may be refused isn't held back: %s", diff)
	}
}

func TestARefusedTokenCallIsTheError(t *testing.T) {
	s := &script{}
	s.on(http.MethodPost, "/oauth2/token", always(401, unauthorizedBody))
	s.on(http.MethodGet, "/v2/app/", protected(always(200, "{}")))
	c := s.client(t, nil)
	for range 2 {
		_, err := c.GetManifest(t.Context(), "app", "v1", nil)
		respErr, ok := err.(*azcore.ResponseError)
		if !ok || respErr.RawResponse.Request.URL.Path != "/oauth2/token" || respErr.ErrorCode != "UNAUTHORIZED" {
			t.Errorf("error: %v", err)
		}
	}
	// Once the registry is known the token is asked for first, and the request
	// goes without one if there is none to be had.
	want := []string{"GET /v2/app/manifests/v1", "POST /oauth2/token", "POST /oauth2/token", "GET /v2/app/manifests/v1"}
	if diff := cmp.Diff(want, s.requests()); diff != "" {
		t.Error(diff)
	}
	if body := s.seen[1].body; body != "grant_type=password&refresh_token=&scope=repository%3Aapp%3Apull&service=contoso.azurecr.io" {
		t.Errorf("asked with %s", body)
	}
}

func TestAChallengeIsFollowedOnceAndRemembered(t *testing.T) {
	s := &script{}
	var scopes []string
	s.on(http.MethodPost, "/oauth2/token", func(r *scriptRequest) *http.Response {
		_, scope, _ := strings.Cut(r.body, "scope=")
		scope, _, _ = strings.Cut(scope, "&")
		scopes = append(scopes, scope)
		return answer(200, fmt.Sprintf(`{"access_token":%q}`, jwt(map[string]any{"iat": 1, "exp": 4501, "n": len(scopes)})))
	})
	s.on(http.MethodGet, "/v2/app/", func(r *scriptRequest) *http.Response {
		if r.Header.Get("Authorization") == "" {
			return answer(401, unauthorizedBody, "WWW-Authenticate", `Bearer realm="https://contoso.azurecr.io/oauth2/token",service="contoso.azurecr.io",scope="repository:app:pull registry:x:y",error="insufficient_scope"`)
		}
		return answer(200, "{}")
	})
	c := s.client(t, nil)
	mustRead(t, c, "app")
	mustRead(t, c, "app")
	if diff := cmp.Diff([]string{"registry%3Ax%3Ay+repository%3Aapp%3Apull"}, scopes); diff != "" {
		t.Error(diff)
	}
	if n := s.count("GET"); n != 3 {
		t.Errorf("%d reads, want 3: the second one knew the scope", n)
	}
}

func TestARefusedTokenIsReplacedOnceARequest(t *testing.T) {
	s := &script{}
	s.withTokens(time.Hour)
	s.on(http.MethodGet, "/v2/app/", always(401, unauthorizedBody, "WWW-Authenticate", bearerChallenge+`,error="insufficient_scope"`))
	c := s.client(t, nil)
	for range 2 {
		_, err := c.GetManifest(t.Context(), "app", "v1", nil)
		if respErr, ok := err.(*azcore.ResponseError); !ok || respErr.ErrorCode != "UNAUTHORIZED" {
			t.Errorf("error: %v", err)
		}
	}
	want := []string{"GET /v2/app/manifests/v1", "POST /oauth2/token", "GET /v2/app/manifests/v1", "GET /v2/app/manifests/v1", "POST /oauth2/token", "GET /v2/app/manifests/v1"}
	if diff := cmp.Diff(want, s.requests()); diff != "" {
		t.Error(diff)
	}
}

func TestAFreshTokenThatIsChallengedIsReplaced(t *testing.T) {
	s := &script{}
	s.withTokens(time.Hour)
	seen := map[string]int{}
	s.on(http.MethodGet, "/v2/", func(r *scriptRequest) *http.Response {
		if seen[r.URL.Path]++; seen[r.URL.Path] == 1 {
			name, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/v2/"), "/")
			return answer(401, unauthorizedBody, "WWW-Authenticate", strings.Replace(bearerChallenge, "app:pull", name+":pull", 1))
		}
		return answer(200, "{}")
	})
	c := s.client(t, &scriptCredential{})
	mustRead(t, c, "one")
	mustRead(t, c, "two")
	if n := s.count("POST /oauth2/token"); n != 3 {
		t.Errorf("%d tokens, want 3", n)
	}
}

func TestA401WithoutChallengeIsAResponseError(t *testing.T) {
	s := &script{}
	s.withTokens(time.Hour)
	s.on(http.MethodGet, "/v2/app/", always(401, unauthorizedBody))
	_, err := s.client(t, nil).GetManifest(t.Context(), "app", "v1", nil)
	if !HasCode(err, ErrorCodeUnauthorized) || !strings.Contains(err.Error(), "authentication required") {
		t.Errorf("error: %v", err)
	}
}

func TestAForeignRealmIsIgnored(t *testing.T) {
	for _, realm := range []string{
		"https://evil.example/oauth2/token", "http://contoso.azurecr.io/oauth2/token", "https://contoso.azurecr.io:8443/oauth2/token",
		"//evil.example/token", "https://contoso.azurecr.io@evil.example/", "%zz", "",
	} {
		s := &script{}
		s.withTokens(time.Hour)
		s.on(http.MethodGet, "/v2/app/", func(r *scriptRequest) *http.Response {
			if r.Header.Get("Authorization") != "" {
				return answer(200, "{}")
			}
			return answer(401, unauthorizedBody, "WWW-Authenticate", `Bearer realm="`+realm+`",service="x",scope="repository:app:pull,push"`)
		})
		mustRead(t, s.client(t, &scriptCredential{}), "app")
		for _, r := range s.seen {
			if r.URL.Host != "contoso.azurecr.io" {
				t.Errorf("%s: a request went to %s", realm, r.URL.Host)
			}
		}
		if body := s.seen[1].body; !strings.Contains(body, "service=x") {
			t.Errorf("%s: the challenge's service is not kept: %s", realm, body)
		}
	}
}

func TestADeadRefreshTokenIsExchangedAgain(t *testing.T) {
	s := &script{}
	exchanges := 0
	s.on(http.MethodPost, "/oauth2/exchange", func(*scriptRequest) *http.Response {
		exchanges++
		return answer(200, fmt.Sprintf(`{"refresh_token":"refresh-%d"}`, exchanges))
	})
	dead := map[string]bool{}
	s.on(http.MethodPost, "/oauth2/token", func(r *scriptRequest) *http.Response {
		for token := range dead {
			if strings.Contains(r.body, token) {
				return answer(401, "")
			}
		}
		return answer(200, `{"access_token":"opaque"}`)
	})
	s.on(http.MethodGet, "/v2/", protected(always(200, "{}")))
	c := s.client(t, &scriptCredential{})
	mustRead(t, c, "one")
	dead["refresh-1"] = true
	mustRead(t, c, "two")
	if exchanges != 2 {
		t.Errorf("%d exchanges, want 2", exchanges)
	}
	dead["refresh-2"], dead["refresh-3"] = true, true
	_, err := c.GetManifest(t.Context(), "three", "v1", nil)
	if !isStatus(err, 401) || exchanges != 3 {
		t.Errorf("error %v after %d exchanges", err, exchanges)
	}
}

func TestThrottledTokenCallsWaitAsLongAsTheyAreTold(t *testing.T) {
	const throttled = `{"errors":[{"code":"TOOMANYREQUESTS","message":"Too many requests."}]}`
	synctest.Test(t, func(t *testing.T) {
		s := &script{}
		s.on(http.MethodPost, "/oauth2/exchange", inTurn(always(429, throttled, "Retry-After", "7"), always(200, `{"refresh_token":"r"}`)))
		s.on(http.MethodPost, "/oauth2/token", inTurn(always(429, throttled, "Retry-After", "11"), always(200, `{"access_token":"a"}`)))
		s.on(http.MethodGet, "/v2/", protected(inTurn(always(429, throttled, "Retry-After", "13"), always(200, "{}"))))
		c, err := NewClient(scriptEndpoint, &scriptCredential{}, &ClientOptions{ClientOptions: azcore.ClientOptions{Transport: s}})
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		mustRead(t, c, "app")
		if waited := time.Since(began); waited != 31*time.Second {
			t.Errorf("waited %v, want 31s", waited)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		s := &script{}
		s.on(http.MethodPost, "/oauth2/exchange", always(429, throttled, "Retry-After", "1"))
		s.on(http.MethodGet, "/v2/", protected(always(200, "{}")))
		c, err := NewClient(scriptEndpoint, &scriptCredential{}, &ClientOptions{ClientOptions: azcore.ClientOptions{Transport: s}})
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.GetManifest(strictly(t), "app", "v1", nil)
		var exhausted *RetriesExhaustedError
		if !errors.As(err, &exhausted) || exhausted.Attempts != 4 || !HasCode(err, ErrorCodeTooManyRequests) {
			t.Errorf("error: %v", err)
		}
		if n := s.count("POST"); n != 4 {
			t.Errorf("%d attempts, want 4: the read must not repeat the token call's retries", n)
		}
	})
}

func TestTheAudienceComesFromTheCloud(t *testing.T) {
	custom := cloud.Configuration{Services: map[cloud.ServiceName]cloud.ServiceConfiguration{ServiceName: {Audience: "https://acr.example"}}}
	for name, test := range map[string]struct {
		cloud cloud.Configuration
		want  string
	}{
		"none":       {cloud.Configuration{}, "https://containerregistry.azure.net/.default"},
		"public":     {cloud.AzurePublic, "https://containerregistry.azure.net/.default"},
		"china":      {cloud.AzureChina, "https://containerregistry.azure.net/.default"},
		"government": {cloud.AzureGovernment, "https://containerregistry.azure.net/.default"},
		"custom":     {custom, "https://acr.example/.default"},
	} {
		s := &script{}
		s.withTokens(time.Hour)
		s.on(http.MethodGet, "/v2/", protected(always(200, "{}")))
		credential := &scriptCredential{}
		o := s.options()
		o.Cloud = test.cloud
		c, err := NewClient(scriptEndpoint, credential, &ClientOptions{ClientOptions: o})
		if err != nil {
			t.Fatal(err)
		}
		mustRead(t, c, "app")
		if diff := cmp.Diff([]policy.TokenRequestOptions{{Scopes: []string{test.want}}}, credential.calls); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	if cloud.AzureChina.Services[ServiceName].Audience == "" {
		t.Error("the service is not registered with azcore's clouds")
	}
}

func TestGetAccessTokenIsCachedAndRenewed(t *testing.T) {
	s := &script{}
	s.withTokens(time.Hour)
	c := s.client(t, &scriptCredential{})
	ask := func(o *ClientGetAccessTokenOptions) string {
		r, err := c.GetAccessToken(t.Context(), []string{"repository:app:pull"}, o)
		if err != nil || time.Until(r.ExpiresOn) < 59*time.Minute {
			t.Fatalf("%v, expires %v", err, r.ExpiresOn)
		}
		return r.AccessToken
	}
	first := ask(nil)
	if ask(nil) != first {
		t.Error("the token was not cached")
	}
	if ask(&ClientGetAccessTokenOptions{Renew: true}) == first {
		t.Error("the token was not renewed")
	}
	if _, err := c.GetAccessToken(t.Context(), nil, nil); err == nil {
		t.Error("no scope is no error")
	}
}

// TestAGrantThatIsAskedForIsSent: v0.2.3 has the option, and sends
// nothing without it.
func TestAGrantThatIsAskedForIsSent(t *testing.T) {
	password := TokenGrantTypePassword
	for want, options := range map[string]*AuthenticationClientExchangeACRRefreshTokenForACRAccessTokenOptions{
		"": nil, "password": {GrantType: &password},
	} {
		s := &script{}
		var sent string
		s.on(http.MethodPost, "/oauth2/token", func(r *scriptRequest) *http.Response {
			sent = r.body
			return answer(http.StatusOK, `{"access_token":"x"}`)
		})
		o := s.options()
		c, err := NewAuthenticationClient("https://myreg.azurecr.io", &AuthenticationClientOptions{ClientOptions: o})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.ExchangeACRRefreshTokenForACRAccessToken(t.Context(), "myreg.azurecr.io", "registry:catalog:*", "token", options); err != nil {
			t.Fatal(err)
		}
		if form, err := url.ParseQuery(sent); err != nil || form.Get("grant_type") != want {
			t.Errorf("sent %q, want the grant %s", sent, want)
		}
	}
}
