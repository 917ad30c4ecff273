package azcontainerregistry

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/google/go-cmp/cmp"
)

func TestNoRequestWaitsForA401WhereNothingChallenges(t *testing.T) {
	for name, credential := range map[string]azcore.TokenCredential{"anonymous": nil, "entra": &scriptCredential{}} {
		t.Run(name, func(t *testing.T) {
			s := &script{}
			s.on(http.MethodGet, "/v2/app/manifests/", always(200, "{}"))
			s.on(http.MethodPost, "/v2/app/blobs/uploads/", always(202, "", "Location", "/v2/app/blobs/uploads/1?_state=a%3D"))
			s.on(http.MethodPatch, "/v2/app/blobs/uploads/", always(202, "", "Location", "/v2/app/blobs/uploads/1?_state=b%3D"))
			s.on(http.MethodPut, "/v2/app/blobs/uploads/", always(201, ""))
			s.on(http.MethodGet, "/v2/", always(200, "{}"))
			c := s.client(t, credential)
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
			tokenCall := "POST /oauth2/exchange"
			if credential == nil {
				tokenCall = "POST /oauth2/token"
			}
			want := []string{
				tokenCall, "GET /v2/", // once: what the registry is like
				"POST /v2/app/blobs/uploads/", "PATCH /v2/app/blobs/uploads/1", "PUT /v2/app/blobs/uploads/1", "GET /v2/app/manifests/v1",
			}
			if diff := cmp.Diff(want, s.requests()); diff != "" {
				t.Error(diff)
			}
			if body := s.seen[3].body; body != "content" {
				t.Errorf("the chunk was sent as %q", body)
			}
			if got := s.seen[4].URL.RawQuery; got != "_state=b%3D&digest=sha256%3Aed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73" {
				t.Errorf("completed at %s", got)
			}
		})
	}
}

func TestAFailingCredentialDoesNotMatterWhereNothingChallenges(t *testing.T) {
	s := &script{}
	s.on(http.MethodGet, "/v2/app/manifests/", always(200, "{}"))
	s.on(http.MethodGet, "/v2/", always(200, "{}"))
	mustRead(t, s.client(t, &scriptCredential{err: errors.New("no account")}), "app")

	s = &script{}
	s.on(http.MethodGet, "/v2/", always(401, unauthorizedBody, "WWW-Authenticate", bearerChallenge))
	_, err := s.client(t, &scriptCredential{err: errors.New("no account")}).GetManifest(t.Context(), "app", "v1", nil)
	if err == nil || err.Error() != "get manifest app:v1: get Entra token: no account" {
		t.Errorf("error: %v", err)
	}
	if s.count("GET /v2/app") != 0 {
		t.Error("the manifest was asked for without a token")
	}
}

func TestBasicIsUsedWhereTheRegistryAsksForIt(t *testing.T) {
	s := &script{}
	s.on(http.MethodPatch, "/v2/app/blobs/uploads/", func(r *scriptRequest) *http.Response {
		if user, password, ok := r.BasicAuth(); !ok || user != "admin" || password != "hunter2" {
			return answer(401, unauthorizedBody, "WWW-Authenticate", `Basic realm="contoso"`)
		}
		return answer(202, "", "Location", "/v2/app/blobs/uploads/1?_state=b")
	})
	s.on(http.MethodGet, "/v2/", always(401, unauthorizedBody, "WWW-Authenticate", `Negotiate, Basic realm="contoso"`))
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
	// The token endpoint is missing, so the registry is asked once; no chunk is
	// sent to learn of a 401.
	want := []string{"POST /oauth2/token", "GET /v2/", "PATCH /v2/app/blobs/uploads/1", "PATCH /v2/app/blobs/uploads/1"}
	if diff := cmp.Diff(want, s.requests()); diff != "" {
		t.Error(diff)
	}
	if form := s.seen[0].body; form != "grant_type=password&password=hunter2&scope=repository%3Aapp%3Apull%2Cpush&service=contoso.azurecr.io&username=admin" {
		t.Errorf("asked for a token with %s", form)
	}
}

func TestAnonymousRefusalIsTheRegistrysOwn(t *testing.T) {
	s := &script{}
	s.on(http.MethodPost, "/oauth2/token", always(401, ""))
	s.on(http.MethodGet, "/v2/app/", always(401, unauthorizedBody, "WWW-Authenticate", bearerChallenge))
	s.on(http.MethodGet, "/v2/", always(401, unauthorizedBody, "WWW-Authenticate", bearerChallenge))
	c := s.client(t, nil)
	for range 2 {
		if _, err := c.GetManifest(t.Context(), "app", "v1", nil); !HasCode(err, ErrorCodeUnauthorized) {
			t.Errorf("error: %v", err)
		}
	}
	want := []string{"POST /oauth2/token", "GET /v2/", "GET /v2/app/manifests/v1", "GET /v2/app/manifests/v1"}
	if diff := cmp.Diff(want, s.requests()); diff != "" {
		t.Error(diff)
	}
	// What carries a body isn't sent in vain.
	_, err := c.NewBlobClient().UploadChunk(t.Context(), "/v2/app/blobs/uploads/1?_state=a", strings.NewReader("content"), nil, nil)
	if !isStatus(err, 401) || s.count("PATCH") != 0 {
		t.Errorf("error: %v, %d chunks sent", err, s.count("PATCH"))
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
		if len(scopes) == 1 {
			return answer(401, unauthorizedBody, "WWW-Authenticate", `Bearer realm="https://contoso.azurecr.io/oauth2/token",service="contoso.azurecr.io",scope="repository:app:pull registry:x:y",error="insufficient_scope"`)
		}
		return answer(200, "{}")
	})
	c := s.client(t, nil)
	mustRead(t, c, "app")
	mustRead(t, c, "app")
	if diff := cmp.Diff([]string{"repository%3Aapp%3Apull", "registry%3Ax%3Ay+repository%3Aapp%3Apull"}, scopes); diff != "" {
		t.Error(diff)
	}
	if n := s.count("GET"); n != 3 {
		t.Errorf("%d reads, want 3: the second one knew the scope", n)
	}
}

func TestADeniedActionIsNotAskedForAgain(t *testing.T) {
	s := &script{}
	s.withTokens(time.Hour)
	s.on(http.MethodGet, "/v2/app/", always(401, unauthorizedBody, "WWW-Authenticate", bearerChallenge+`,error="insufficient_scope"`))
	c := s.client(t, nil)
	for range 2 {
		if _, err := c.GetManifest(t.Context(), "app", "v1", nil); !HasCode(err, ErrorCodeUnauthorized) {
			t.Errorf("error: %v", err)
		}
	}
	if diff := cmp.Diff([]string{"POST /oauth2/token", "GET /v2/app/manifests/v1", "GET /v2/app/manifests/v1"}, s.requests()); diff != "" {
		t.Error(diff)
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

func TestNothingIsSentToAForeignRealm(t *testing.T) {
	for _, realm := range []string{
		"https://evil.example/oauth2/token", "http://contoso.azurecr.io/oauth2/token", "https://contoso.azurecr.io:8443/oauth2/token",
		"//evil.example/token", "https://contoso.azurecr.io@evil.example/", "%zz",
	} {
		s := &script{}
		s.withTokens(time.Hour)
		s.on(http.MethodGet, "/v2/app/", always(401, unauthorizedBody, "WWW-Authenticate", `Bearer realm="`+realm+`",service="x",scope="repository:app:pull,push"`))
		_, err := s.client(t, &scriptCredential{}).GetManifest(t.Context(), "app", "v1", nil)
		var untrusted *UntrustedOriginError
		if !errors.As(err, &untrusted) || untrusted.Kind != "realm" || untrusted.Want != scriptEndpoint {
			t.Errorf("%s: %v", realm, err)
		}
		for _, r := range s.seen {
			if r.URL.Host != "contoso.azurecr.io" {
				t.Errorf("%s: a request went to %s", realm, r.URL.Host)
			}
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
	s.on(http.MethodGet, "/v2/", always(200, "{}"))
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
		s.on(http.MethodGet, "/v2/", inTurn(always(429, throttled, "Retry-After", "13"), always(200, "{}")))
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
		c, err := NewClient(scriptEndpoint, &scriptCredential{}, &ClientOptions{ClientOptions: azcore.ClientOptions{Transport: s}})
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.GetManifest(t.Context(), "app", "v1", nil)
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
		s.on(http.MethodGet, "/v2/", always(200, "{}"))
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
