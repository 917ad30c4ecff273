package azcontainerregistry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/tracing"
)

// The tests of this file hold v0.2.3's methods to v0.2.3's behaviour without
// that library; interop/ compares with it.

// plainScript answers every request with one response.
func plainScript(status int, body string, header ...string) *script {
	s := &script{}
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPut, http.MethodPost, http.MethodPatch, http.MethodDelete} {
		s.on(method, "/", always(status, body, header...))
	}
	return s
}

const emptySum = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

func ignore[T any](_ T, err error) error { return err }

func TestRepositoryNamesAreEscapedInPaths(t *testing.T) {
	s := plainScript(404, "{}")
	c := s.client(t, nil)
	b := c.NewBlobClient()
	ctx := t.Context()
	for want, err := range map[string]func() error{
		"GET /acr/v1/team%2Fapp":                          func() error { return ignore(c.GetRepositoryProperties(ctx, "team/app", nil)) },
		"DELETE /acr/v1/team%2Fapp":                       func() error { return ignore(c.DeleteRepository(ctx, "team/app", nil)) },
		"GET /acr/v1/team%2Fapp/_tags":                    func() error { return ignore(c.NewListTagsPager("team/app", nil).NextPage(ctx)) },
		"GET /acr/v1/team%2Fapp/_manifests":               func() error { return ignore(c.NewListManifestsPager("team/app", nil).NextPage(ctx)) },
		"GET /acr/v1/team%2Fapp/_tags/v1":                 func() error { return ignore(c.GetTagProperties(ctx, "team/app", "v1", nil)) },
		"GET /v2/team%2Fapp/manifests/v1":                 func() error { return ignore(c.GetManifest(ctx, "team/app", "v1", nil)) },
		"PUT /v2/team%2Fapp/manifests/v1":                 func() error { return ignore(c.UploadManifest(ctx, "team/app", "v1", "a/b", reader("{}"), nil)) },
		"HEAD /v2/team%2Fapp/blobs/sha256:a":              func() error { return ignore(b.CheckBlobExists(ctx, "team/app", "sha256:a", nil)) },
		"POST /v2/team%2Fapp/blobs/uploads/":              func() error { return ignore(b.StartUpload(ctx, "team/app", nil)) },
		"GET /acr/v1/team%2Fapp/_manifests/sha256:a":      func() error { return ignore(c.GetManifestProperties(ctx, "team/app", "sha256:a", nil)) },
		"GET /v2/team%2Fapp/blobs/sha256:a":               func() error { return ignore(b.GetChunk(ctx, "team/app", "sha256:a", "bytes=0-1", nil)) },
		"DELETE /v2/team%2Fapp/manifests/sha256:a":        func() error { return ignore(c.DeleteManifest(ctx, "team/app", "sha256:a", nil)) },
		"GET /acr/v1/%C3%A4%20b/_tags/v+1":                func() error { return ignore(c.GetTagProperties(ctx, "ä b", "v+1", nil)) },
		"POST /v2/team%2Fapp/blobs/uploads/?from=base%2F": func() error { return ignore(b.MountBlob(ctx, "team/app", "base/", "sha256:a", nil)) },
	} {
		s.seen = nil
		_ = err()
		if len(s.seen) == 0 {
			t.Errorf("%s: nothing is sent", want)
			continue
		}
		path, query, _ := strings.Cut(want, "?")
		if got := s.seen[0].Method + " " + s.seen[0].URL.EscapedPath(); got != path || !strings.Contains(s.seen[0].URL.RawQuery, query) {
			t.Errorf("%s?%s, want %s", got, s.seen[0].URL.RawQuery, want)
		}
	}
}

func TestAnAuthorizationOfTheCallersIsKept(t *testing.T) {
	for _, value := range []string{"Basic dTpw", "Bearer abc"} {
		for way, set := range map[string]func(*azcore.ClientOptions) context.Context{
			"policy": func(o *azcore.ClientOptions) context.Context {
				o.PerCallPolicies = []policy.Policy{policyFunc(func(req *policy.Request) (*http.Response, error) {
					req.Raw().Header.Set("Authorization", value)
					return req.Next()
				})}
				return t.Context()
			},
			"context": func(*azcore.ClientOptions) context.Context {
				return policy.WithHTTPHeader(t.Context(), http.Header{"Authorization": {value}})
			},
		} {
			s := &script{}
			s.on(http.MethodGet, "/", protected(always(403, unauthorizedBody)))
			o := s.options()
			ctx := set(&o)
			credential := &scriptCredential{}
			c, err := NewClient(scriptEndpoint, credential, &ClientOptions{ClientOptions: o})
			if err != nil {
				t.Fatal(err)
			}
			_, err = c.GetRepositoryProperties(ctx, "app", nil)
			if _, ok := err.(*azcore.ResponseError); !ok || len(s.seen) != 1 || s.seen[0].Header.Get("Authorization") != value || len(credential.calls) != 0 {
				t.Errorf("%s %s: %d requests, the credential is asked %d times, %v", way, value, len(s.seen), len(credential.calls), err)
			}
		}
	}
}

func TestArgumentsArePassedOn(t *testing.T) {
	ctx := t.Context()
	s := plainScript(404, "{}")
	c := s.client(t, nil)
	b := c.NewBlobClient()
	for _, digest := range []string{"sha256:aaa", "digest", strings.ToUpper(emptySum)} {
		for name, call := range map[string]func() error{
			"properties": func() error { return ignore(c.GetManifestProperties(ctx, "Team", digest, nil)) },
			"delete":     func() error { _, err := c.DeleteManifest(ctx, "-v1", digest, nil); return err },
			"blob":       func() error { return ignore(b.GetBlob(ctx, "a b", digest, nil)) },
			"mount":      func() error { return ignore(b.MountBlob(ctx, "app", "v+1", digest, nil)) },
			"filter": func() error {
				return ignore(c.NewListTagsPager("app", &ClientListTagsOptions{Digest: &digest, MaxNum: to.Ptr[int32](0), Last: to.Ptr("")}).NextPage(ctx))
			},
			"manifest": func() error { return ignore(c.UploadManifest(ctx, "app", digest, "x", reader(""), nil)) },
			"range":    func() error { return ignore(b.GetChunk(ctx, "app", digest, "0-3", nil)) },
		} {
			s.seen = nil
			err := call()
			var refused *ArgumentError
			if len(s.seen) != 1 || errors.As(err, &refused) {
				t.Errorf("%s %s: %d requests, %v", name, digest, len(s.seen), err)
			}
		}
	}
	query := s.seen
	s.seen = nil
	_, _ = c.NewListRepositoriesPager(&ClientListRepositoriesOptions{MaxNum: to.Ptr[int32](0), Last: to.Ptr("")}).NextPage(ctx)
	if q := s.seen[0].URL.Query(); !q.Has("n") || !q.Has("last") {
		t.Errorf("query %v (%d)", q, len(query))
	}
	for want, options := range map[string]*BlobClientUploadChunkOptions{
		"0-4": {RangeStart: to.Ptr[int32](0), RangeEnd: to.Ptr[int32](4)}, "-1--1": {RangeStart: to.Ptr[int32](-1), RangeEnd: to.Ptr[int32](-1)},
		"": {RangeStart: to.Ptr[int32](0)},
	} {
		s.seen = nil
		_, _ = b.UploadChunk(ctx, "/v2/app/blobs/uploads/1", strings.NewReader("test"), NewBlobDigestCalculator(), options)
		if len(s.seen) != 1 || s.seen[0].Header.Get("Content-Range") != want {
			t.Errorf("%d requests, want a Content-Range of %q", len(s.seen), want)
		}
	}
}

func TestResponsesAreTakenAsTheyAre(t *testing.T) {
	ctx := t.Context()
	for _, status := range []int{200, 201, 202} {
		for _, body := range []string{"", "{}"} {
			s := plainScript(status, body, "Docker-Content-Digest", "sha256:made-up")
			c := s.client(t, nil)
			b := c.NewBlobClient()
			calls := map[int][]func() error{
				200: {
					func() error { return ignore(c.GetRepositoryProperties(ctx, "app", nil)) },
					func() error { return ignore(c.UpdateTagProperties(ctx, "app", "v1", nil)) },
					func() error { return ignore(c.NewListTagsPager("app", nil).NextPage(ctx)) },
					func() error { return ignore(c.NewListRepositoriesPager(nil).NextPage(ctx)) },
					func() error {
						r, err := c.GetManifest(ctx, "app", emptySum, nil)
						if err == nil && *r.DockerContentDigest != "sha256:made-up" {
							err = errors.New(*r.DockerContentDigest)
						}
						if err == nil {
							_, err = io.ReadAll(r.ManifestData)
						}
						return err
					},
				},
				201: {
					func() error { return ignore(c.UploadManifest(ctx, "app", emptySum, "a/b", reader("{}"), nil)) },
					func() error {
						return ignore(b.CompleteUpload(ctx, "/v2/app/blobs/uploads/1", NewBlobDigestCalculator(), nil))
					},
				},
				202: {
					func() error {
						r, err := b.StartUpload(ctx, "app", nil)
						if r.Location != nil {
							err = errors.New(*r.Location)
						}
						return err
					},
					func() error {
						return ignore(b.UploadChunk(ctx, "/v2/app/blobs/uploads/1", strings.NewReader("x"), NewBlobDigestCalculator(), nil))
					},
				},
			}
			for i, call := range calls[status] {
				if err := call(); err != nil {
					t.Errorf("%d %q, call %d: %v", status, body, i, err)
				}
			}
		}
	}
}

func TestTheLengthIsTheHeaders(t *testing.T) {
	for length, want := range map[string]string{"4": "4", "": "nil", "x": "error"} {
		s := &script{}
		s.on(http.MethodGet, "/", func(*scriptRequest) *http.Response {
			resp := answer(200, "test")
			if resp.ContentLength = 0; length != "" {
				resp.Header.Set("Content-Length", length)
			}
			return resp
		})
		r, err := s.client(t, nil).NewBlobClient().GetBlob(t.Context(), "app", emptySum, nil)
		got := "nil"
		if err != nil {
			got = "error"
		} else if r.ContentLength != nil {
			got = fmt.Sprint(*r.ContentLength)
		}
		if got != want {
			t.Errorf("%q: %s, want %s", length, got, want)
		}
	}
}

func TestTheCallersHTTPClientIsUsedAsItIs(t *testing.T) {
	respond := func(status int, location string) roundTripFunc {
		return func(req *http.Request) (*http.Response, error) {
			resp := answer(status, "{}")
			if location != "" && req.URL.Path != location {
				resp.Header.Set("Location", location)
			} else {
				resp.StatusCode, resp.Status = 200, "200 OK"
			}
			resp.Request = req
			return resp, nil
		}
	}
	checked := 0
	client := &http.Client{Transport: respond(500, "")}
	c, err := NewClient(scriptEndpoint, nil, &ClientOptions{ClientOptions: azcore.ClientOptions{Transport: client, Retry: policy.RetryOptions{MaxRetries: -1}}})
	if err != nil {
		t.Fatal(err)
	}
	// Both are set after the client was made.
	client.Transport = respond(307, "/moved")
	client.CheckRedirect = func(*http.Request, []*http.Request) error { checked++; return nil }
	for name, call := range map[string]func() error{
		"get":  func() error { return ignore(c.GetRepositoryProperties(t.Context(), "app", nil)) },
		"list": func() error { return ignore(c.NewListTagsPager("app", nil).NextPage(t.Context())) },
	} {
		if err := call(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if checked != 2 {
		t.Errorf("CheckRedirect is called %d times", checked)
	}
	forbidden := errors.New("no redirects")
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return forbidden }
	if _, err := c.GetRepositoryProperties(t.Context(), "app", nil); !errors.Is(err, forbidden) {
		t.Error(err)
	}
}

type roundTripFunc func(*http.Request) (*http.Response, error)

func (f roundTripFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestAGatewayOfAPolicyGetsTheCredentials(t *testing.T) {
	s := &script{}
	s.withTokens(1e12)
	s.on(http.MethodGet, "/acr/v1/app", protected(always(200, "{}")))
	o := s.options()
	o.PerCallPolicies = []policy.Policy{policyFunc(func(req *policy.Request) (*http.Response, error) {
		req.Raw().URL.Host = "gateway.internal"
		return req.Next()
	})}
	c, err := NewClient(scriptEndpoint, &scriptCredential{}, &ClientOptions{ClientOptions: o})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.GetRepositoryProperties(t.Context(), "app", nil)
	last := s.seen[len(s.seen)-1]
	if err != nil || last.URL.Host != "gateway.internal" || !strings.HasPrefix(last.Header.Get("Authorization"), "Bearer ") {
		t.Errorf("%v, the last request goes to %s", err, last.URL.Host)
	}
}

// An unkeyed literal and a conversion hold as long as these structs have v0.2.3's
// fields and no other.
func TestOptionsHaveTheFieldsOfV023(t *testing.T) {
	_ = ClientOptions{azcore.ClientOptions{}}
	_ = BlobClientOptions{azcore.ClientOptions{}}
	_ = AuthenticationClientOptions(ClientOptions{})
	_ = ClientUploadManifestResponse{nil, nil, nil}
	if n := len(PossibleContentTypeValues()); n != 2 {
		t.Errorf("%d content types", n)
	}
}

func TestANilContextIsAnError(t *testing.T) {
	s := plainScript(200, "{}")
	c := s.client(t, nil)
	b := c.NewBlobClient()
	a, err := NewAuthenticationClient(scriptEndpoint, &AuthenticationClientOptions{ClientOptions: s.options()})
	if err != nil {
		t.Fatal(err)
	}
	var none context.Context
	for i, call := range []func() error{
		func() error { return ignore(c.GetRepositoryProperties(none, "app", nil)) },
		func() error { return ignore(c.NewListTagsPager("app", nil).NextPage(none)) },
		func() error { return ignore(c.GetManifest(none, "app", "v1", nil)) },
		func() error { return ignore(c.UploadManifest(none, "app", "v1", "a/b", reader("{}"), nil)) },
		func() error { return ignore(b.GetBlob(none, "app", emptySum, nil)) },
		func() error { return ignore(b.StartUpload(none, "app", nil)) },
		func() error {
			return ignore(b.UploadChunk(none, "/v2/x", strings.NewReader("x"), NewBlobDigestCalculator(), nil))
		},
		func() error {
			return ignore(a.ExchangeACRRefreshTokenForACRAccessToken(none, "s", "p", "r", nil))
		},
	} {
		if err := call(); err == nil || !strings.Contains(err.Error(), "nil Context") {
			t.Errorf("call %d: %v", i, err)
		}
	}
	if len(s.seen) != 0 {
		t.Errorf("sent %v", s.requests())
	}
}

// Programs read these two fields by reflection, to see which transport is used.
func TestTheAuthenticationClientHasItsFields(t *testing.T) {
	client := &http.Client{}
	a, err := NewAuthenticationClient(scriptEndpoint, &AuthenticationClientOptions{ClientOptions: azcore.ClientOptions{Transport: client}})
	if err != nil {
		t.Fatal(err)
	}
	v := reflect.ValueOf(a).Elem()
	if v.FieldByName("endpoint").String() != scriptEndpoint {
		t.Errorf("endpoint %v", v.FieldByName("endpoint"))
	}
	policies := v.FieldByName("internal").Elem().FieldByName("pl").FieldByName("policies")
	if got := policies.Index(policies.Len() - 1).Elem().FieldByName("trans").Elem().Type(); got != reflect.TypeFor[*http.Client]() {
		t.Errorf("the transport is a %v", got)
	}
}

func TestSpansAndAgentsKeepTheirNames(t *testing.T) {
	var spans []string
	s := plainScript(202, "")
	o := s.options()
	o.Telemetry.ApplicationID = "mine"
	o.TracingProvider = tracing.NewProvider(func(string, string) tracing.Tracer {
		return tracing.NewTracer(func(ctx context.Context, name string, _ *tracing.SpanOptions) (context.Context, tracing.Span) {
			spans = append(spans, name)
			return ctx, tracing.NewSpan(tracing.SpanImpl{End: func() {}, SetAttributes: func(...tracing.Attribute) {}, SetStatus: func(tracing.SpanStatus, string) {}})
		}, nil)
	}, nil)
	b, err := NewBlobClient(scriptEndpoint, nil, &BlobClientOptions{ClientOptions: o})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.UploadChunk(t.Context(), "/v2/app/blobs/uploads/1", strings.NewReader("x"), NewBlobDigestCalculator(), nil); err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(spans, "BlobClient.uploadChunk") || !strings.HasPrefix(s.seen[0].Header.Get("User-Agent"), "mine azsdk-go-azcontainerregistry/v") {
		t.Errorf("spans %v, agent %q", spans, s.seen[0].Header.Get("User-Agent"))
	}
}

// A pager of azcore's own says whether this azcore lets one go on after an error;
// from 1.24 on it doesn't. Ours goes on as far as azcore does, from where it was.
func TestALoopThatRetriesAPageGoesOnWhereItWas(t *testing.T) {
	probe := runtime.NewPager(runtime.PagingHandler[int]{
		More:    func(int) bool { return true },
		Fetcher: func(context.Context, *int) (int, error) { return 0, io.ErrUnexpectedEOF },
	})
	_, _ = probe.NextPage(t.Context())
	goesOn := probe.More()

	second := `</acr/v1/app/_tags?last=a>; rel="next"`
	for name, broken := range map[string]func(*scriptRequest) *http.Response{
		"503":         always(503, ""),
		"broken JSON": always(200, `{"tags":[`),
		"cut body": func(*scriptRequest) *http.Response {
			resp := answer(200, `{"tags":[`)
			resp.Body = cutBody{resp.Body}
			return resp
		},
	} {
		for _, failures := range []int{1, 3} {
			answers := []func(*scriptRequest) *http.Response{always(200, `{"tags":[{"name":"a"}]}`, "Link", second)}
			for range failures {
				answers = append(answers, broken)
			}
			s := &script{}
			s.on(http.MethodGet, "/acr/v1/app/_tags", inTurn(append(answers, always(200, `{"tags":[{"name":"b"}]}`))...))
			var names []string
			failed := 0
			for pager := s.client(t, nil).NewListTagsPager("app", nil); pager.More() && failed < 10; {
				page, err := pager.NextPage(t.Context())
				if err != nil {
					failed++
					continue
				}
				for _, tag := range page.Tags {
					names = append(names, *tag.Name)
				}
			}
			want, wantFailed := []string{"a", "b"}, failures
			if !goesOn {
				want, wantFailed = want[:1], 1
			}
			if !slices.Equal(names, want) || failed != wantFailed {
				t.Errorf("%s: %v after %d failures, want %v after %d", name, names, failed, want, wantFailed)
			}
			for _, r := range s.seen[1:] {
				if r.URL.Query().Get("last") != "a" {
					t.Errorf("%s: asked for %s", name, r.URL)
				}
			}
		}
	}
}

func TestLinksThatLeadOnOrAreErrors(t *testing.T) {
	for link, next := range map[string]string{
		`</acr/v1/app/_tags?last=a>; rel="next"`:                           "/acr/v1/app/_tags?last=a",
		`</acr/v1/app/_tags?last=a>`:                                       "/acr/v1/app/_tags?last=a",
		`</acr/v1/app/_tags?last=a>; rel='next'`:                           "/acr/v1/app/_tags?last=a",
		`<https://contoso.azurecr.io/acr/v1/app/_tags?last=a>; rel="next"`: "/acr/v1/app/_tags?last=a",
		"<broken": "", "broken": "",
	} {
		s := &script{}
		s.on(http.MethodGet, "/acr/v1/app/_tags", inTurn(always(200, `{"tags":[{"name":"a"}]}`, "Link", link), always(200, `{"tags":[{"name":"b"}]}`)))
		pager := s.client(t, nil).NewListTagsPager("app", nil)
		if _, err := pager.NextPage(t.Context()); err != nil || !pager.More() {
			t.Errorf("%s: %v, more %t", link, err, pager.More())
			continue
		}
		_, err := pager.NextPage(t.Context())
		if next == "" && err == nil || next != "" && (err != nil || s.seen[1].URL.RequestURI() != next) {
			t.Errorf("%s: %v, %v", link, s.requests(), err)
		}
	}
}

// One request, and the caller's policies see the body break: nothing repeats it
// behind the pipeline.
func TestRetryOptionsHoldForTheBodiesOfPages(t *testing.T) {
	for _, retries := range []int32{-1, 1} {
		s := &script{}
		s.on(http.MethodGet, "/acr/v1/app/_tags", func(*scriptRequest) *http.Response {
			resp := answer(200, `{"tags":[`)
			resp.Body = cutBody{resp.Body}
			return resp
		})
		o := s.options()
		o.Retry = policy.RetryOptions{MaxRetries: retries, RetryDelay: 1, MaxRetryDelay: 1}
		saw := 0
		o.PerCallPolicies = []policy.Policy{policyFunc(func(req *policy.Request) (*http.Response, error) {
			resp, err := req.Next()
			if err != nil {
				saw++
			}
			return resp, err
		})}
		c, err := NewClient(scriptEndpoint, nil, &ClientOptions{ClientOptions: o})
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.NewListTagsPager("app", nil).NextPage(t.Context())
		if want := 1 + max(int(retries), 0); !errors.Is(err, io.ErrUnexpectedEOF) || len(s.seen) != want || saw != 1 {
			t.Errorf("MaxRetries %d: %d requests, the policy saw %d errors, %v", retries, len(s.seen), saw, err)
		}
	}
}
