package azcontainerregistry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/acrkit/azcontainerregistry/internal/wire"
)

func TestTokensAreRenewedBeforeTheyExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{}
		s.withTokens(75 * time.Minute)
		s.on(http.MethodGet, "/v2/", func(r *scriptRequest) *http.Response {
			_, expires, ok := wire.TokenTimes(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
			if !ok || !expires.After(time.Now().Add(spare)) {
				return answer(401, unauthorizedBody, "WWW-Authenticate", bearerChallenge)
			}
			return answer(200, "{}")
		})
		c := know(s.client(t, &scriptCredential{}))
		for range 40 {
			mustRead(t, c, "app")
			time.Sleep(4 * time.Minute)
		}
		if n := s.count("GET"); n != 40 {
			t.Errorf("%d requests for 40 reads: a token came too late", n)
		}
		if n := s.count("POST /oauth2/token"); n != 3 {
			t.Errorf("%d access tokens in 160 minutes, want 3", n)
		}
	})
}

func TestALongChunkGetsATokenThatOutlivesIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{}
		s.withTokens(75 * time.Minute)
		s.on(http.MethodGet, "/v2/", protected(always(200, "{}")))
		c := know(s.client(t, nil))
		ask := func(d time.Duration) string {
			a, err := c.registry().tokens.bearer(strictly(t), "contoso.azurecr.io", []string{"repository:app:pull"}, d)
			if err != nil {
				t.Fatal(err)
			}
			return a.token.value
		}
		first := ask(0)
		time.Sleep(50 * time.Minute)
		if ask(0) != first {
			t.Error("a good token was replaced")
		}
		if ask(30*time.Minute) == first {
			t.Error("a token of 25 minutes was given for 30")
		}
		// Longer than any token lives: one in its first half has to do.
		second := ask(0)
		if ask(10*time.Hour) != second {
			t.Error("a new token was fetched though it would live no longer")
		}
	})
}

func TestARenewalThatFailsLeavesTheOldToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{}
		down := false
		s.on(http.MethodPost, "/oauth2/token", func(*scriptRequest) *http.Response {
			if down {
				return answer(403, `{"errors":[{"code":"DENIED","message":"client with IP is not allowed access"}]}`)
			}
			now := time.Now()
			return answer(200, fmt.Sprintf(`{"access_token":%q}`, jwt(map[string]any{"iat": now.Unix(), "exp": now.Add(75 * time.Minute).Unix()})))
		})
		s.on(http.MethodGet, "/v2/", protected(always(200, "{}")))
		c := know(s.client(t, nil))
		mustRead(t, c, "app")
		down = true
		time.Sleep(71 * time.Minute)
		mustRead(t, c, "app")
		mustRead(t, c, "app")
		if n := s.count("POST"); n != 2 {
			t.Errorf("%d token calls, want 2: a failed renewal waits before the next", n)
		}
		time.Sleep(5 * time.Minute)
		if _, err := c.GetManifest(strictly(t), "app", "v1", nil); !HasCode(err, ErrorCodeDenied) {
			t.Errorf("error: %v", err)
		}
	})
}

func TestWaitersHonourTheirOwnContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cache := NewTokenCache()
		key := tokenKey{scope: "repository:app:pull"}
		release := make(chan struct{})
		fetches := 0
		fetch := func(ctx context.Context) (token, error) {
			fetches++
			select {
			case <-release:
				return token{value: "t", fetched: time.Now(), expires: time.Now().Add(time.Hour)}, nil
			case <-ctx.Done():
				return token{}, ctx.Err()
			}
		}
		leading, cancelLeader := context.WithCancel(strictly(t))
		var group sync.WaitGroup
		group.Go(func() {
			if _, _, err := cache.get(leading, key, 0, fetch); !errors.Is(err, context.Canceled) {
				t.Errorf("leader: %v", err)
			}
		})
		synctest.Wait()
		for i := range 10 {
			group.Go(func() {
				ctx, cancel := context.WithTimeout(strictly(t), time.Second)
				defer cancel()
				if i > 0 {
					ctx = strictly(t)
				}
				got, _, err := cache.get(ctx, key, 0, fetch)
				if i == 0 && !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("impatient waiter: %v", err)
				}
				if i > 0 && (err != nil || got.value != "t") {
					t.Errorf("waiter: %v", err)
				}
			})
		}
		synctest.Wait()
		time.Sleep(2 * time.Second) // the impatient one is gone
		cancelLeader()
		synctest.Wait() // one of the others leads now
		close(release)
		group.Wait()
		if fetches != 2 {
			t.Errorf("%d fetches, want 2", fetches)
		}
	})
}

// panickyCredential panics the first time, once others wait for it.
type panickyCredential struct {
	scriptCredential
	calls int
}

func (c *panickyCredential) GetToken(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	if c.calls++; c.calls == 1 {
		time.Sleep(time.Second)
		panic("no account")
	}
	return c.scriptCredential.GetToken(ctx, o)
}

func TestAPanicOfACredentialIsItsCallersAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{}
		s.withTokens(time.Hour)
		s.on(http.MethodGet, "/v2/", protected(always(200, "{}")))
		c := know(s.client(t, &panickyCredential{}))
		var group sync.WaitGroup
		group.Go(func() {
			defer func() {
				if p := recover(); p != "no account" {
					t.Errorf("recovered %v", p)
				}
			}()
			_, _ = c.GetManifest(strictly(t), "app", "v1", nil)
		})
		synctest.Wait()
		for range 4 {
			group.Go(func() { mustRead(t, c, "app") })
		}
		group.Wait()
		if n := s.count("POST"); n != 2 {
			t.Errorf("%d token calls, want an exchange and a token", n)
		}
	})
}

func TestAZeroTokenCacheIsAnEmptyOne(t *testing.T) {
	s := &script{}
	s.withTokens(time.Hour)
	s.on(http.MethodGet, "/v2/", protected(always(200, "{}")))
	credential, cache := &scriptCredential{}, &TokenCache{}
	for range 2 {
		c, err := NewClient(scriptEndpoint, credential, &ClientOptions{ClientOptions: s.optionsWith(cache)})
		if err != nil {
			t.Fatal(err)
		}
		mustRead(t, c, "app")
	}
	if n := s.count("POST"); n != 2 {
		t.Errorf("%d token calls by two clients of one cache", n)
	}
}

func TestWaitersGetAnswersOfTheirOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{}
		s.on(http.MethodPost, "/oauth2/token", func(*scriptRequest) *http.Response {
			time.Sleep(time.Second)
			return answer(403, `{"errors":[{"code":"DENIED","message":"retrieving permissions failed"}]}`)
		})
		s.on(http.MethodGet, "/v2/", protected(always(200, "{}")))
		c := know(s.client(t, nil))
		var group sync.WaitGroup
		for range 8 {
			group.Go(func() {
				_, err := c.GetManifest(strictly(t), "app", "v1", nil)
				var respErr *azcore.ResponseError
				if !errors.As(err, &respErr) || respErr.ErrorCode != "DENIED" {
					t.Errorf("error: %v", err)
					return
				}
				buf := make([]byte, 10)
				if _, err := respErr.RawResponse.Body.Read(buf); err != nil || string(buf) != `{"errors":` {
					t.Errorf("body begins with %q", buf)
				}
			})
		}
		group.Wait()
		if n := s.count("POST"); n != 1 {
			t.Errorf("%d token calls, want 1", n)
		}
	})
}

func TestCredentialsDoNotShareACacheEntry(t *testing.T) {
	s := &script{}
	s.withTokens(time.Hour)
	s.on(http.MethodGet, "/v2/", protected(always(200, "{}")))
	cache := NewTokenCache()
	for _, credential := range []azcore.TokenCredential{&scriptCredential{}, &scriptCredential{}, nil} {
		c, err := NewClient(scriptEndpoint, credential, &ClientOptions{ClientOptions: s.optionsWith(cache)})
		if err != nil {
			t.Fatal(err)
		}
		mustRead(t, c, "app")
	}
	if n := s.count("POST /oauth2/token"); n != 3 {
		t.Errorf("%d access tokens for three identities", n)
	}
}

func TestTokenTimes(t *testing.T) {
	for name, test := range map[string]struct {
		token           string
		issued, expires int64
	}{
		"base64url": {jwt(map[string]any{"iat": 1000, "exp": 2000, "sub": "??>>~~ÿ"}), 1000, 2000},
		"nbf":       {jwt(map[string]any{"nbf": 1000, "exp": 2000}), 1000, 2000},
		"no iat":    {jwt(map[string]any{"exp": 2000}), 0, 2000},
		"no exp":    {jwt(map[string]any{"iat": 2000}), 0, 0},
		"text exp":  {jwt(map[string]any{"exp": "2000"}), 0, 0},
		"huge exp":  {jwt(map[string]any{"exp": 1e300}), 0, 0},
		"opaque":    {"opaque", 0, 0},
		"no base64": {"a.$$$.c", 0, 0},
		"no json":   {"a.YWJj.c", 0, 0},
		"padded":    {"a.eyJleHAiOjIwMDB9.c", 0, 2000},
		"backwards": {jwt(map[string]any{"iat": 3000, "exp": 2000}), 0, 2000},
	} {
		issued, expires, ok := wire.TokenTimes(test.token)
		if ok != (test.expires != 0) || ok && expires.Unix() != test.expires || test.issued != 0 && issued.Unix() != test.issued || test.issued == 0 && !issued.IsZero() {
			t.Errorf("%s: %v %v %v", name, issued, expires, ok)
		}
	}
	now := time.Unix(5_000_000, 0)
	if got := freshExpiry(jwt(map[string]any{"iat": 1000, "exp": 2000}), now); got != now.Add(1000*time.Second) {
		t.Errorf("a wrong clock spoils a fresh token: %v", got)
	}
	if got := freshExpiry(jwt(map[string]any{"exp": 2000}), now); got != now.Add(time.Minute) {
		t.Errorf("a fresh token without an issue date that has expired is good for %v", got.Sub(now))
	}
	if got := freshExpiry("opaque", now); got != now.Add(time.Minute) {
		t.Errorf("an opaque token is good for %v", got.Sub(now))
	}
}

func FuzzTokenTimes(f *testing.F) {
	f.Add(jwt(map[string]any{"iat": 1, "exp": 2}))
	f.Add("a.b.c")
	f.Add("..")
	f.Fuzz(func(t *testing.T, token string) {
		now := time.Unix(1_700_000_000, 0)
		if expires := freshExpiry(token, now); expires.Sub(now) > maxLifetime {
			t.Errorf("good for %v", expires.Sub(now))
		}
	})
}
