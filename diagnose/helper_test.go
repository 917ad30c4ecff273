package diagnose_test

import (
	"errors"
	"flag"
	"regexp"
	"strings"
	"testing"

	"github.com/acrkit/azcontainerregistry/internal/diagnosetest"
)

func deniedExchange(t testing.TB) error {
	return diagnosetest.ExchangeError(t, `PUT /v2/team/app/manifests/v1 HTTP/1.1
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

var update = flag.Bool("update", false, "rewrite the golden diagnoses in testdata")

// failureOf returns the recorded error: an exchange, a credential's text, or a
// failure that is made anew on loopback.
func failureOf(t *testing.T, r diagnosetest.Recording) error {
	t.Helper()
	if maker := strings.TrimSpace(r.Section("failure")); maker != "" {
		make, ok := failures[maker]
		if !ok {
			t.Fatalf("%s: nothing makes the failure %q", r.Path, maker)
		}
		return make(t)
	}
	if text := r.Section("error"); text != "" {
		return errors.New(strings.TrimSuffix(text, "\n"))
	}
	return diagnosetest.ExchangeError(t, r.Section("request"), r.Section("response"), r.Section("claims"))
}

// hedge is how an inferred cause begins; a fact holds no such word.
var (
	hedge     = regexp.MustCompile(`^(probably|possibly) `)
	guessing  = regexp.MustCompile(`(?i)\b(probably|possibly|perhaps|maybe|likely|might|seems?|apparently|presumably)\b`)
	codeStyle = regexp.MustCompile(`^[A-Z][A-Z0-9]*(_[A-Z0-9]+)*$`)
	word      = regexp.MustCompile(`\{(\w+)\}`)
)
