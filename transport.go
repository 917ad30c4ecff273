package azcontainerregistry

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/acrkit/azcontainerregistry/internal/redact"
)

const (
	// idleConnections is how many connections to one host are kept: with
	// net/http's two, 32 goroutines open hundreds.
	idleConnections = 128

	// transportBuffer is the size of a connection's buffers. net/http's 4 KiB
	// cost a system call each time a blob moves on by so much.
	transportBuffer = 64 << 10

	// maxErrorBody bounds how much of a failure's body is kept. The registry's
	// own are under a few KiB.
	maxErrorBody = 1 << 20
)

// defaultTransport is what clients use that are given no transport. They share
// it, as azcore's clients do, so that a program with many clients doesn't hold
// a pool of connections for each.
var defaultTransport = sync.OnceValue(func() *http.Client {
	protocols := new(http.Protocols)
	// HTTP/2 moves bulk data at half the speed of HTTP/1.1 in Go, and all its
	// streams of a host share one connection.
	protocols.SetHTTP1(true)
	dialer := &net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}
	return &http.Client{
		Transport: &http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			DialContext:           dialer.DialContext,
			Protocols:             protocols,
			TLSClientConfig:       &tls.Config{MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout:   15 * time.Second,
			ExpectContinueTimeout: time.Second,
			IdleConnTimeout:       90 * time.Second,
			MaxIdleConnsPerHost:   idleConnections,
			ReadBufferSize:        transportBuffer,
			WriteBufferSize:       transportBuffer,
		},
		CheckRedirect: stopAtRedirect,
	}
})

// stopAtRedirect leaves redirects to this package: net/http would carry the
// Authorization header to another port of the same host.
func stopAtRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// guardedTransport is the last thing a request passes, after every policy of
// the caller's, and the first thing an answer passes.
type guardedTransport struct {
	next policy.Transporter
	home origin
}

func newGuardedTransport(next policy.Transporter, home origin) guardedTransport {
	switch t := next.(type) {
	case nil:
		next = defaultTransport()
	case *http.Client:
		if t == nil {
			next = defaultTransport()
			break
		}
		c := *t
		c.CheckRedirect = stopAtRedirect
		next = &c
	}
	return guardedTransport{next: next, home: home}
}

// credentialHeaders are what must not leave for another origin.
var credentialHeaders = []string{"Authorization", "Cookie"}

// Do sends req without credentials when it goes elsewhere than to the login
// server, and takes secrets out of a transport's error.
func (g guardedTransport) Do(req *http.Request) (*http.Response, error) {
	if originOf(req.URL) != g.home {
		header := req.Header.Clone()
		for _, name := range credentialHeaders {
			header.Del(name)
		}
		stripped := *req
		stripped.Header = header
		stripped.Response = nil
		req = &stripped
	}
	resp, err := g.next.Do(watchPeer(req))
	if err != nil {
		if resp != nil && resp.Body != nil {
			resp.Body.Close()
		}
		return nil, redactError(err)
	}
	if resp == nil {
		return nil, errors.New("transport returned neither an answer nor an error")
	}
	if resp.Request == nil {
		resp.Request = req
	}
	if resp.Body == nil {
		resp.Body = http.NoBody
	}
	if resp.StatusCode >= http.StatusBadRequest {
		resp.Body = &errorBody{body: resp.Body, left: maxErrorBody}
	}
	return resp, nil
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
func (e *redactedError) Unwrap() error { return e.err }

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
