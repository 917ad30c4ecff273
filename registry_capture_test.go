package azcontainerregistry

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

// TestTheCapturedAnswerIsTheOperationsOwn captures answers as the
// troubleshooting guide shows, of calls that end in every way.
func TestTheCapturedAnswerIsTheOperationsOwn(t *testing.T) {
	const denied = `{"errors":[{"code":"DENIED","message":"retrieving permissions failed"}]}`
	token := always(200, `{"access_token":"opaque"}`)
	for name, test := range map[string]struct {
		token, tags func(*scriptRequest) *http.Response
		status      int // 0: none
		body        string
	}{
		"success":              {token, always(200, `{"tag":{"name":"v1"}}`), 200, `{"tag":{"name":"v1"}}`},
		"failure":              {token, always(404, `{"errors":[{"code":"TAG_UNKNOWN"}]}`), 404, `{"errors":[{"code":"TAG_UNKNOWN"}]}`},
		"failure of the token": {always(403, denied), protected(always(200, "{}")), 403, denied},
		"no answer":            {token, func(*scriptRequest) *http.Response { return nil }, 0, ""},
		"renewal refused": {
			inTurn(token, always(403, denied)),
			always(401, unauthorizedBody, "WWW-Authenticate", strings.Replace(bearerChallenge, ":pull", ":push", 1)), 403, denied,
		},
		"foreign realm": {token, always(401, unauthorizedBody, "WWW-Authenticate", `Bearer realm="https://evil.example/t",scope="x"`), 401, unauthorizedBody},
	} {
		s := &script{}
		s.on(http.MethodPost, "/oauth2/token", test.token)
		s.on(http.MethodGet, "/acr/v1/app/", test.tags)
		s.on(http.MethodGet, "/v2/", always(401, "", "WWW-Authenticate", bearerChallenge))
		var response *http.Response
		ctx := policy.WithCaptureResponse(t.Context(), &response)
		_, err := know(s.client(t, nil)).GetTagProperties(ctx, "app", "v1", nil)
		if (err == nil) != (test.status == 200) {
			t.Errorf("%s: %v", name, err)
		}
		if response == nil {
			if test.status != 0 {
				t.Errorf("%s: nothing captured", name)
			}
			continue
		}
		if body, err := io.ReadAll(response.Body); err != nil || response.StatusCode != test.status || string(body) != test.body {
			t.Errorf("%s: captured %d %q, %v", name, response.StatusCode, body, err)
		}
	}
}

// TestEachWaiterCapturesTheRefusedToken has several calls wait for one token
// that is refused.
func TestEachWaiterCapturesTheRefusedToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{}
		s.on(http.MethodPost, "/oauth2/token", func(*scriptRequest) *http.Response {
			time.Sleep(time.Second)
			return answer(403, `{"errors":[{"code":"DENIED"}]}`)
		})
		s.on(http.MethodGet, "/acr/v1/", protected(always(200, "{}")))
		c := know(s.client(t, nil))
		var group sync.WaitGroup
		for range 4 {
			group.Go(func() {
				var response *http.Response
				_, err := c.GetTagProperties(policy.WithCaptureResponse(t.Context(), &response), "app", "v1", nil)
				if !HasCode(err, ErrorCodeDenied) || response == nil || response.StatusCode != 403 {
					t.Errorf("%v, captured %+v", err, response)
				}
			})
		}
		group.Wait()
		if n := s.count("POST"); n != 1 {
			t.Errorf("%d token calls", n)
		}
	})
}

// TestParallelRangesDoNotRaceForTheCapture downloads a blob over several
// connections: the race detector watches the captured answer.
func TestParallelRangesDoNotRaceForTheCapture(t *testing.T) {
	s := &script{}
	s.withTokens(time.Hour)
	s.on(http.MethodGet, "/v2/app/blobs/", always(403, `{"errors":[{"code":"DENIED"}]}`))
	s.on(http.MethodHead, "/v2/app/blobs/", always(200, "content", "Content-Length", "7"))
	b := s.client(t, nil).NewBlobClient()
	var response *http.Response
	ctx := policy.WithCaptureResponse(t.Context(), &response)
	reader, err := b.Open(ctx, "app", someDigest, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	var group sync.WaitGroup
	for i := range int64(4) {
		group.Go(func() {
			if _, err := reader.ReadAt(make([]byte, 1), i); !HasCode(err, ErrorCodeDenied) {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if response == nil || response.StatusCode != 200 {
		t.Errorf("the reader's calls were captured: %+v", response)
	}
	if _, err := b.Download(ctx, "app", someDigest, io.Discard, nil); !HasCode(err, ErrorCodeDenied) || response.StatusCode != 403 {
		t.Errorf("%v, captured %d", err, response.StatusCode)
	}
}

// TestARefusalOfAnUploadCanBeRead has uploads refused for the same reason.
func TestARefusalOfAnUploadCanBeRead(t *testing.T) {
	s := &script{}
	s.on(http.MethodPost, "/oauth2/token", always(401, unauthorizedBody))
	s.on(http.MethodGet, "/v2/", always(401, unauthorizedBody, "WWW-Authenticate", bearerChallenge))
	b := s.client(t, nil).NewBlobClient()
	s.on(http.MethodPatch, "/v2/", protected(always(202, "")))
	for range 3 {
		_, err := b.UploadChunk(t.Context(), "/v2/app/blobs/uploads/1?_state=a", strings.NewReader("content"), nil, nil)
		resp := responseOf(err)
		if resp == nil {
			t.Fatal(err)
		}
		if body, err := io.ReadAll(resp.Body); err != nil || string(body) != unauthorizedBody {
			t.Errorf("body %q, %v", body, err)
		}
	}
	if n := s.count("POST"); n != 3 {
		t.Errorf("%d token calls", n)
	}
}

// TestATokenCallKeepsItsRetries has an upload, which retries by itself, lead a
// token call that another operation waits for.
func TestATokenCallKeepsItsRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const throttled = `{"errors":[{"code":"TOOMANYREQUESTS","message":"Too many requests."}]}`
		s := &script{}
		slow := func(status int, body string, header ...string) func(*scriptRequest) *http.Response {
			return func(*scriptRequest) *http.Response {
				time.Sleep(time.Second)
				return answer(status, body, header...)
			}
		}
		s.on(http.MethodPost, "/oauth2/exchange", inTurn(slow(429, throttled, "Retry-After", "7"), slow(200, `{"refresh_token":"r"}`)))
		s.on(http.MethodPost, "/oauth2/token", always(200, `{"access_token":"opaque"}`))
		s.on(http.MethodPost, "/v2/app/blobs/uploads/", always(202, "", "Location", "/v2/app/blobs/uploads/1?_state=a"))
		s.on(http.MethodPatch, "/v2/app/", always(202, "", "Location", "/v2/app/blobs/uploads/1?_state=b"))
		s.on(http.MethodPut, "/v2/app/", always(201, "", "Docker-Content-Digest", someDigest))
		s.on(http.MethodGet, "/v2/other/", protected(always(200, "{}")))
		c, err := NewClient(scriptEndpoint, &scriptCredential{}, &ClientOptions{ClientOptions: azcore.ClientOptions{Transport: s}})
		if err != nil {
			t.Fatal(err)
		}
		know(c)
		var group sync.WaitGroup
		group.Go(func() {
			if _, err := c.NewBlobClient().Upload(t.Context(), "app", strings.NewReader("content"), nil); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait() // the upload leads
		group.Go(func() { mustRead(t, c, "other") })
		group.Wait()
		if n := s.count("POST /oauth2/exchange"); n != 2 {
			t.Errorf("%d exchanges", n)
		}
	})
}

// TestCausesCanBeWalkedThrough looks at every error of a chain: none shows
// what the whole hides, and all that is in it is found.
func TestCausesCanBeWalkedThrough(t *testing.T) {
	cause := &tokenInError{}
	err := operationError("get blob", "app", someDigest, redactError(cause))
	for e := error(err); e != nil; e = errors.Unwrap(e) {
		if strings.Contains(e.Error(), "hunter2") {
			t.Errorf("%T shows the secret", e)
		}
	}
	var found *tokenInError
	if !errors.Is(err, cause) || !errors.As(err, &found) || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error("the cause is not found")
	}
}

type tokenInError struct{}

func (*tokenInError) Error() string { return "sent password=hunter2" }
func (*tokenInError) Unwrap() error { return io.ErrUnexpectedEOF }
