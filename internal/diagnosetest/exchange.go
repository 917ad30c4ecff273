package diagnosetest

import (
	"bufio"
	"encoding/base64"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
)

// ExchangeError makes the error that azcore makes of a recorded exchange: an
// HTTP request and its response, each as on the wire. {token} in the request
// stands for a JWT with the given claims.
func ExchangeError(t testing.TB, request, response, claims string) error {
	t.Helper()
	head, body := OnTheWire(request)
	head = strings.ReplaceAll(head, "{token}", JWT(claims))
	req, err := http.ReadRequest(bufio.NewReader(strings.NewReader(head)))
	if err != nil {
		t.Fatalf("request: %v", err)
	}
	req.URL.Scheme, req.URL.Host = "https", req.Host
	req.Body = NewBody(body)
	head, body = OnTheWire(response)
	resp, err := http.ReadResponse(bufio.NewReader(strings.NewReader(head)), req)
	if err != nil {
		t.Fatalf("response: %v", err)
	}
	resp.Body = io.NopCloser(strings.NewReader(body))
	return runtime.NewResponseError(resp)
}

// OnTheWire divides a recording into its head, with the line ends of HTTP, and its
// body as it is.
func OnTheWire(recording string) (head, body string) {
	head, body, _ = strings.Cut(recording, "\n\n")
	return strings.ReplaceAll(strings.TrimRight(head, "\n"), "\n", "\r\n") + "\r\n\r\n", strings.TrimRight(body, "\n")
}

// JWT is a token with the given claims, whose signature is none.
func JWT(claims string) string {
	part := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	return part(`{"alg":"RS256"}`) + "." + part(claims) + "." + part("signature")
}

// Body is a request's body that is still in memory, as the library's
// own token requests are.
type Body struct {
	io.Reader
	data []byte
}

// NewBody is a body that holds text.
func NewBody(text string) Body { return Body{strings.NewReader(text), []byte(text)} }

// Close does nothing.
func (b Body) Close() error { return nil }

// Bytes is the whole body, however much of it was read.
func (b Body) Bytes() []byte { return b.data }
