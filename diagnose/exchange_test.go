package diagnose_test

import (
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
