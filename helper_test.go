package azcontainerregistry

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/acrkit/azcontainerregistry/internal/strict"
)

// script is a registry that answers what a test tells it to: for what the
// emulator, which behaves, can't be made to do.
type script struct {
	mu sync.Mutex
	// handlers are tried in order of registration by method and path prefix.
	routes []scriptRoute
	// seen are the requests, bodies included, in order.
	seen []scriptRequest
	// issued counts tokens.
	issued int
}

type scriptRoute struct {
	method, prefix string
	answer         func(*scriptRequest) *http.Response
}

type scriptRequest struct {
	*http.Request
	body string
}

const scriptEndpoint = "https://contoso.azurecr.io"

func (s *script) on(method, prefix string, answer func(*scriptRequest) *http.Response) {
	s.routes = append(s.routes, scriptRoute{method, prefix, answer})
}

// Do implements policy.Transporter.
func (s *script) Do(req *http.Request) (*http.Response, error) {
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	r := scriptRequest{Request: req}
	if req.Body != nil {
		b, err := io.ReadAll(req.Body)
		if err != nil {
			return nil, err
		}
		r.body = string(b)
	}
	s.mu.Lock()
	s.seen = append(s.seen, r)
	s.mu.Unlock()
	for _, route := range s.routes {
		if req.Method == route.method && strings.HasPrefix(req.URL.Host+req.URL.Path, route.prefix) || strings.HasPrefix(req.URL.Path, route.prefix) && req.Method == route.method {
			resp := route.answer(&r)
			if resp == nil {
				return nil, &url.Error{Op: "Do", URL: req.URL.String(), Err: io.ErrUnexpectedEOF}
			}
			resp.Request = req
			return resp, nil
		}
	}
	resp := answer(http.StatusNotFound, "404 page not found\n")
	resp.Request = req
	return resp, nil
}

func (s *script) requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []string
	for _, r := range s.seen {
		all = append(all, r.Method+" "+r.URL.Path)
	}
	return all
}

func (s *script) count(prefix string) int {
	n := 0
	for _, r := range s.requests() {
		if strings.HasPrefix(r, prefix) {
			n++
		}
	}
	return n
}

func answer(status int, body string, header ...string) *http.Response {
	resp := &http.Response{
		StatusCode: status, Status: fmt.Sprintf("%d %s", status, http.StatusText(status)),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
	}
	if strings.HasPrefix(body, "{") {
		resp.Header.Set("Content-Type", "application/json; charset=utf-8")
	}
	for i := 0; i+1 < len(header); i += 2 {
		resp.Header.Add(header[i], header[i+1])
	}
	return resp
}

func always(status int, body string, header ...string) func(*scriptRequest) *http.Response {
	return func(*scriptRequest) *http.Response { return answer(status, body, header...) }
}

// inTurn answers one after the other, the last one for ever.
func inTurn(answers ...func(*scriptRequest) *http.Response) func(*scriptRequest) *http.Response {
	var mu sync.Mutex
	n := 0
	return func(r *scriptRequest) *http.Response {
		mu.Lock()
		i := min(n, len(answers)-1)
		n++
		mu.Unlock()
		return answers[i](r)
	}
}

// jwt makes a token of claims with a worthless signature.
func jwt(claims map[string]any) string {
	data, err := json.Marshal(claims)
	if err != nil {
		panic(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(`{"alg":"RS256","typ":"JWT"}`)) + "." + encode(data) + "." + encode([]byte("signature"))
}

// withTokens makes the script issue tokens that live for life.
func (s *script) withTokens(life time.Duration) {
	issue := func(member string) func(*scriptRequest) *http.Response {
		return func(*scriptRequest) *http.Response {
			s.mu.Lock()
			s.issued++
			n := s.issued
			s.mu.Unlock()
			now := time.Now()
			token := jwt(map[string]any{"jti": fmt.Sprint(member, n), "iat": now.Unix(), "exp": now.Add(life).Unix()})
			return answer(http.StatusOK, fmt.Sprintf(`{%q:%q}`, member, token))
		}
	}
	s.on(http.MethodPost, "/oauth2/exchange", issue("refresh_token"))
	s.on(http.MethodPost, "/oauth2/token", issue("access_token"))
}

type scriptCredential struct {
	mu    sync.Mutex
	calls []policy.TokenRequestOptions
	err   error
}

func (c *scriptCredential) GetToken(_ context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls = append(c.calls, o)
	return azcore.AccessToken{Token: "entra-token-0123456789", ExpiresOn: time.Now().Add(time.Hour)}, c.err
}

// noRetries are options for a client of a script that fails at once.
func (s *script) options() azcore.ClientOptions {
	return azcore.ClientOptions{Transport: s, Retry: policy.RetryOptions{MaxRetries: -1}}
}

// optionsWith are the same with a shared cache.
func (s *script) optionsWith(cache *TokenCache) azcore.ClientOptions {
	o := s.options()
	o.PerCallPolicies = []policy.Policy{cache}
	return o
}

func (s *script) client(t *testing.T, credential azcore.TokenCredential) *Client {
	t.Helper()
	c, err := NewClient(scriptEndpoint, credential, &ClientOptions{ClientOptions: s.options()})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// mustRead reads a manifest of a script.
func mustRead(t *testing.T, c *Client, repository string) {
	t.Helper()
	resp, err := c.GetManifest(t.Context(), repository, "v1", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.ManifestData.Close()
	if _, err := io.Copy(io.Discard, resp.ManifestData); err != nil {
		t.Fatal(err)
	}
}

const bearerChallenge = `Bearer realm="https://contoso.azurecr.io/oauth2/token",service="contoso.azurecr.io",scope="repository:app:pull"`

const unauthorizedBody = `{"errors":[{"code":"UNAUTHORIZED","message":"authentication required, visit https://aka.ms/acr/authorization for more information.","detail":[{"Type":"repository","Name":"app","Action":"pull"}]}]}` + "\n"

func reader(s string) io.ReadSeekCloser { return nopCloser{bytes.NewReader([]byte(s))} }

type nopCloser struct{ io.ReadSeeker }

func (nopCloser) Close() error { return nil }

// strictly is the context of artifact's and the command's calls.
func strictly(t testing.TB) context.Context { return strict.Context(t.Context()) }

// protected asks for a token to pull before it answers.
func protected(next func(*scriptRequest) *http.Response) func(*scriptRequest) *http.Response {
	return func(r *scriptRequest) *http.Response {
		if r.Header.Get("Authorization") != "" {
			return next(r)
		}
		path, action := strings.TrimPrefix(r.URL.Path, "/v2/"), ":pull"
		switch {
		case strings.HasPrefix(path, "/acr/v1/"):
			path, action = strings.TrimPrefix(path, "/acr/v1/"), ":metadata_read"
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			action = ":pull,push"
		}
		name, _, _ := strings.Cut(path, "/")
		return answer(http.StatusUnauthorized, unauthorizedBody, "WWW-Authenticate", strings.Replace(bearerChallenge, "app:pull", name+action, 1))
	}
}

// know has a client know its registry, as after a challenge.
func know(c *Client) *Client {
	c.registry().tokens.cache.registries = map[string]*registryState{c.registry().key: {service: "contoso.azurecr.io"}}
	return c
}

const someDigest = "sha256:ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73" // of "content"

// listNames reads a listing of repositories by iterator.
func listNames(ctx context.Context, c *Client) (all []string, err error) {
	for name, err := range c.Repositories(ctx, nil) {
		if err != nil {
			return all, err
		}
		all = append(all, name)
	}
	return all, nil
}

// pagedNames reads the same by pager.
func pagedNames(ctx context.Context, c *Client) (all []string, err error) {
	for pager := c.NewListRepositoriesPager(nil); pager.More(); {
		page, err := pager.NextPage(ctx)
		if err != nil {
			return all, err
		}
		for _, name := range page.Names {
			all = append(all, *name)
		}
	}
	return all, nil
}

// cutBody breaks off in the middle.
type cutBody struct{ io.Reader }

func (b cutBody) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

func (cutBody) Close() error { return nil }

type endless struct{}

func (endless) Read(p []byte) (int, error) {
	return copy(p, xs), nil
}

func lastError[T any](list func(func(T, error) bool)) (last error) {
	for _, err := range list {
		last = err
	}
	return last
}

func second[T any](_ T, err error) error { return err }
