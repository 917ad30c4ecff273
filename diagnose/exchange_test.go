package diagnose_test

import (
	"bufio"
	"encoding/base64"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
)

// exchangeError makes the error that azcore makes of a recorded exchange: an
// HTTP request and its answer, each as on the wire. {token} in the request
// stands for a JWT with the given claims.
func exchangeError(t testing.TB, request, response, claims string) error {
	t.Helper()
	head, body := onTheWire(request)
	head = strings.ReplaceAll(head, "{token}", jwt(claims))
	req, err := http.ReadRequest(bufio.NewReader(strings.NewReader(head)))
	if err != nil {
		t.Fatalf("request: %v", err)
	}
	req.URL.Scheme, req.URL.Host = "https", req.Host
	req.Body = recordedBody{strings.NewReader(body), []byte(body)}
	head, body = onTheWire(response)
	resp, err := http.ReadResponse(bufio.NewReader(strings.NewReader(head)), req)
	if err != nil {
		t.Fatalf("response: %v", err)
	}
	resp.Body = io.NopCloser(strings.NewReader(body))
	return runtime.NewResponseError(resp)
}

// onTheWire divides a recording into its head, with the line ends of HTTP, and its
// body as it is.
func onTheWire(recording string) (head, body string) {
	head, body, _ = strings.Cut(recording, "\n\n")
	return strings.ReplaceAll(strings.TrimRight(head, "\n"), "\n", "\r\n") + "\r\n\r\n", strings.TrimRight(body, "\n")
}

func jwt(claims string) string {
	part := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	return part(`{"alg":"RS256"}`) + "." + part(claims) + "." + part("signature")
}

// recordedBody is a request's body that is still in memory, as the library's
// own token requests are.
type recordedBody struct {
	io.Reader
	data []byte
}

func (b recordedBody) Close() error  { return nil }
func (b recordedBody) Bytes() []byte { return b.data }

func deniedExchange(t testing.TB) error {
	return exchangeError(t, `PUT /v2/team/app/manifests/v1 HTTP/1.1
Host: myreg.azurecr.io
Authorization: Bearer {token}
`, `HTTP/1.1 401 Unauthorized
Content-Type: application/json; charset=utf-8
Date: Tue, 14 Nov 2023 22:13:20 GMT
Www-Authenticate: Bearer realm="https://myreg.azurecr.io/oauth2/token",service="myreg.azurecr.io",scope="repository:team/app:pull,push",error="insufficient_scope"
X-Ms-Correlation-Request-Id: 5d149664-0000-4000-8000-000000000001

{"errors":[{"code":"UNAUTHORIZED","message":"authentication required, visit https://aka.ms/acr/authorization for more information.","detail":[{"Type":"repository","Name":"team/app","Action":"pull"},{"Type":"repository","Name":"team/app","Action":"push"}]}]}
`, `{"aud":"myreg.azurecr.io","sub":"0f0e0d0c-0000-4000-8000-000000000002","exp":1700004500,"access":[{"type":"repository","name":"team/app","actions":["pull"]}]}`)
}
