package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/acrkit/azcontainerregistry/interop/programs/internal/signin"
)

func quickly(n int32) policy.RetryOptions {
	return policy.RetryOptions{MaxRetries: n, RetryDelay: time.Millisecond, MaxRetryDelay: time.Millisecond}
}

// kind says what an error is, as programs ask.
func kind(err error) []any {
	var e *azcore.ResponseError
	var n net.Error
	var u *url.Error
	status := 0
	if errors.As(err, &e) {
		status = e.StatusCode
	}
	timeout := errors.As(err, &n) && n.Timeout()
	return []any{fmt.Sprintf("%T", err), fmt.Sprint(err), status, timeout, errors.As(err, &u), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded), errors.Is(err, io.ErrUnexpectedEOF)}
}

// exhausted lets every call fail until its retries are used up.
func exhausted(s section) {
	boom := errors.New("boom")
	for _, c := range every {
		for _, status := range []int{408, 429, 500, 502, 503, 504, 501, 505} {
			f := always(status, refused, "Retry-After", "0")
			o := azcore.ClientOptions{Transport: f, Retry: quickly(2)}
			_, err := c.do(context.Background(), connect(nil, o))
			s.say(fmt.Sprint(c.name, " ", status), kind(err))
			s.say(fmt.Sprint(c.name, " ", status, " requests"), f.requests())
		}
		n := 0
		failing := transport(func(*http.Request) (*http.Response, error) { n++; return nil, boom })
		_, err := c.do(context.Background(), connect(nil, azcore.ClientOptions{Transport: failing, Retry: quickly(2)}))
		s.say(c.name+" transport", append(kind(err), err == boom, n))
		n = 0
		_, err = c.do(policy.WithRetryOptions(context.Background(), quickly(1)), connect(nil, azcore.ClientOptions{Transport: failing, Retry: quickly(3)}))
		s.say(c.name+" context's retries", append(kind(err), err == boom, n))
		n = 0
		cut := transport(func(r *http.Request) (*http.Response, error) {
			n++
			resp := respond(200, "")
			resp.Body, resp.Request = cutBody("{"), r
			return resp, nil
		})
		_, err = c.do(context.Background(), connect(nil, azcore.ClientOptions{Transport: cut, Retry: quickly(1)}))
		s.say(c.name+" cut", append(kind(err), n))
		n = 0
		o := quickly(2)
		o.StatusCodes = []int{404}
		f := always(404, refused)
		_, err = c.do(context.Background(), connect(nil, azcore.ClientOptions{Transport: f, Retry: o}))
		s.say(c.name+" status codes", append(kind(err), len(f.requests())))
		o.StatusCodes = nil
		o.ShouldRetry = func(resp *http.Response, err error) bool { n++; return resp != nil && resp.StatusCode == 404 && n < 3 }
		_, err = c.do(context.Background(), connect(nil, azcore.ClientOptions{Transport: f, Retry: o}))
		s.say(c.name+" should retry", append(kind(err), len(f.requests())))
		o = quickly(1)
		o.TryTimeout = 5 * time.Millisecond
		slow := transport(func(r *http.Request) (*http.Response, error) { <-r.Context().Done(); return nil, r.Context().Err() })
		_, err = c.do(context.Background(), connect(nil, azcore.ClientOptions{Transport: slow, Retry: o}))
		s.say(c.name+" try timeout", kind(err))
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Millisecond)
		_, err = c.do(ctx, connect(nil, azcore.ClientOptions{Transport: slow, Retry: quickly(1)}))
		cancel()
		s.say(c.name+" deadline", append(kind(err), err == context.DeadlineExceeded))
		_, err = c.do(context.Background(), connect(nil, with(transport(func(*http.Request) (*http.Response, error) { return nil, nil }))))
		s.say(c.name+" no response", kind(err))
		_, err = c.do(context.Background(), connect(nil, with(&http.Client{Transport: roundTripper(func(*http.Request) (*http.Response, error) { return nil, boom })})))
		s.say(c.name+" client's error", append(kind(err), fmt.Sprint(errors.Unwrap(err) == boom)))
	}
	// The token endpoints fail.
	for _, path := range []string{"/oauth2/exchange", "/oauth2/token"} {
		for _, status := range []int{401, 503} {
			for _, c := range every[:25] {
				f := guarded(challenge, func(*http.Request) *http.Response { return respond(200, "{}") })
				inner := f.response
				f.response = func(r *http.Request) *http.Response {
					if r.URL.Path == path {
						return respond(status, `{"errors":[{"code":"X","message":"y"}]}`)
					}
					return inner(r)
				}
				_, err := c.do(context.Background(), connect(signin.Credential(), azcore.ClientOptions{Transport: f, Retry: quickly(1)}))
				what := fmt.Sprint(c.name, " ", path, " ", status)
				s.say(what, kind(err))
				s.say(what+" requests", f.requests())
			}
		}
	}
	// It succeeds the second time.
	for _, c := range every[:25] {
		n := 0
		f := guarded(challenge, func(r *http.Request) *http.Response {
			if n++; n == 1 {
				return respond(503, "")
			}
			return respond(404, "{}")
		})
		_, err := c.do(context.Background(), connect(signin.Credential(), azcore.ClientOptions{Transport: f, Retry: quickly(1)}))
		s.say(c.name+" second", kind(err))
		s.say(c.name+" second requests", f.requests())
	}
}

func cutBody(text string) io.ReadCloser { return cut{strings.NewReader(text)} }
