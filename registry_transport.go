package azcontainerregistry

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"sync"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"github.com/acrkit/azcontainerregistry/internal/network"
	"github.com/acrkit/azcontainerregistry/internal/redact"
)

const (
	// maxErrorBody bounds how much of a failure's body is kept. The registry's
	// own are under a few KiB.
	maxErrorBody = 1 << 20

	// maxResponse bounds a response that is read into memory. ACR's largest, a
	// page of 1000 indexes with all their attributes, is under 2 MiB; what a
	// DELETE of a repository lists may be some ten.
	maxResponse = 32 << 20

	// maxToken is the same for tokens, which are a few KiB.
	maxToken = 1 << 20
)

// defaultTransport is what clients use that are given no transport. They share
// it, as azcore's clients do, so that a program with many clients doesn't hold
// a pool of connections for each.
var defaultTransport = sync.OnceValue(func() *http.Client {
	return &http.Client{Transport: network.NewTransport()}
})

// foreignOrigin is the key that marks the context of requests that this package
// makes to another origin than the endpoint's: no credential goes there.
// stopRedirect marks those whose redirects are the caller's to follow.
type (
	foreignOrigin struct{}
	stopRedirect  struct{}
)

// guardedTransport is the last thing a request passes, after every policy of
// the caller's, and the first thing a response passes.
type guardedTransport struct{ next policy.Transporter }

func newGuardedTransport(next policy.Transporter) guardedTransport {
	if client, ok := next.(*http.Client); next == nil || ok && client == nil {
		return guardedTransport{defaultTransport()}
	}
	return guardedTransport{next}
}

// credentialHeaders are what must not leave for another origin.
var credentialHeaders = []string{"Authorization", "Cookie"}

// send gives a request to the caller's transport. Of an http.Client it uses what
// it holds at this moment.
func (g guardedTransport) send(req *http.Request) (*http.Response, error) {
	client, ok := g.next.(*http.Client)
	if !ok {
		return g.next.Do(req)
	}
	c := *client
	if c.Jar != nil {
		c.Jar = originJar{c.Jar, originOf(req.URL)}
	}
	c.CheckRedirect = redirectCheck(req, client.CheckRedirect)
	if req.Context().Value(foreignOrigin{}) != nil {
		c.Jar = nil
	}
	return c.Do(req)
}

// redirectedDigest is the key, and the place, of the digest that a redirecting
// login server states; the data host states none.
type redirectedDigest struct{ value string }

// originJar keeps cookies from other schemes and ports of a host: a cookie jar
// knows hosts alone.
type originJar struct {
	http.CookieJar
	home origin
}

// Cookies returns the cookies for u.
func (j originJar) Cookies(u *url.URL) []*http.Cookie {
	if o := originOf(u); o.host == j.home.host && o != j.home {
		return nil
	}
	return j.CookieJar.Cookies(u)
}

// redirectCheck returns what decides about the redirects of a request: the
// caller's own check, after the credentials that this package added have been
// taken off for another origin. A token request goes to no other.
func redirectCheck(first *http.Request, own func(*http.Request, []*http.Request) error) func(*http.Request, []*http.Request) error {
	if first.Context().Value(stopRedirect{}) != nil {
		return func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	}
	credential := first.Context().Value(ownCredential{})
	return func(next *http.Request, via []*http.Request) error {
		if credential != nil && originOf(next.URL) != originOf(first.URL) {
			if credential == credentialInBody {
				return http.ErrUseLastResponse
			}
			for _, name := range credentialHeaders {
				next.Header.Del(name)
			}
		}
		if d, ok := first.Context().Value(redirectedDigest{}).(*redirectedDigest); ok && d.value == "" && next.Response != nil {
			d.value = next.Response.Header.Get(headerDigest)
		}
		switch {
		case own != nil:
			return own(next, via)
		case len(via) >= 10:
			return errors.New("stopped after 10 redirects")
		}
		return nil
	}
}

// Do sends req, without credentials when it was made for another origin, and
// takes secrets out of a transport's error.
func (g guardedTransport) Do(req *http.Request) (*http.Response, error) {
	if req.Context().Value(foreignOrigin{}) != nil {
		header := req.Header.Clone()
		for _, name := range credentialHeaders {
			header.Del(name)
		}
		stripped := *req
		stripped.Header = header
		stripped.Response = nil
		req = &stripped
	}
	resp, err := g.send(watchPeer(req))
	if err != nil {
		if resp != nil && resp.Body != nil {
			resp.Body.Close()
		}
		return nil, redactError(err)
	}
	if resp == nil {
		return nil, nil // azcore says so
	}
	if resp.Request == nil {
		resp.Request = req
	}
	if resp.Body == nil {
		resp.Body = http.NoBody
	}
	if resp.StatusCode >= http.StatusBadRequest {
		resp.Body = &errorBody{body: resp.Body, left: maxErrorBody}
	} else if limit, ok := req.Context().Value(responseLimit{}).(int); !ok {
		resp.Body = &boundedBody{ReadCloser: resp.Body, left: maxResponse}
	} else if limit != streamed {
		resp.Body = &boundedBody{ReadCloser: resp.Body, left: limit}
	}
	return resp, nil
}

// responseLimit is the key of how much of a response a request's context lets the
// pipeline read into memory; streamed means that it doesn't do so at all.
type responseLimit struct{}

const streamed = -1

// streamResponse leaves the body of a response of success to the caller.
func streamResponse(req *policy.Request) {
	runtime.SkipBodyDownload(req)
	raw := req.Raw()
	*raw = *raw.WithContext(context.WithValue(raw.Context(), responseLimit{}, streamed))
}

// responseTooLargeError is for a response that would fill the memory.
type responseTooLargeError struct{}

func (responseTooLargeError) Error() string { return "response is too large" }

// NonRetriable marks the error for azcore's retry policy: the next response would
// be as large.
func (responseTooLargeError) NonRetriable() {}

// boundedBody is the body of a response that the pipeline reads into memory.
type boundedBody struct {
	io.ReadCloser
	left int
}

func (b *boundedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.left -= n; b.left < 0 {
		return 0, responseTooLargeError{}
	}
	return n, err
}

// errorBody is the body of a failure: never endless, and worth reading even if
// it was cut off, since what arrived says more than the cut.
type errorBody struct {
	body io.ReadCloser
	left int
	done bool
}

func (b *errorBody) Read(p []byte) (int, error) {
	if b.done || b.left <= 0 {
		return 0, io.EOF
	}
	n, err := b.body.Read(p[:min(len(p), b.left)])
	b.left -= n
	if err != nil {
		b.done = true
		err = io.EOF
	}
	return n, err
}

func (b *errorBody) Close() error { return b.body.Close() }

// redactedError prints an error without its secrets and is the error in every
// other respect.
type redactedError struct {
	text string
	err  error
}

func (e *redactedError) Error() string { return e.text }

// Is and As find what is within without handing it out: whoever walks through
// the causes of an error to print them would print the secret.
func (e *redactedError) Is(target error) bool { return errors.Is(e.err, target) }
func (e *redactedError) As(target any) bool   { return errors.As(e.err, target) }

// redactError takes secrets out of an error that a transport or a credential
// made. A url.Error carries the whole address: a signed one, or an upload's
// with its state.
func redactError(err error) error {
	var urlErr *url.Error
	if errors.As(err, &urlErr) {
		urlErr.URL = redact.URL(urlErr.URL)
	}
	text := err.Error()
	if clean := redact.Text(text); clean != text {
		return &redactedError{text: clean, err: err}
	}
	return err
}
