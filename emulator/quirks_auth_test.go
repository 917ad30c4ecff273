package emulator

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/acrkit/azcontainerregistry/emulator/internal/protocol"
	"github.com/acrkit/azcontainerregistry/emulator/internal/quirk"
	"github.com/acrkit/azcontainerregistry/emulator/internal/signin"
)

// authQuirks are about sign-in.
var authQuirks = map[string]quirkCase{
	quirk.AnonymousMount: {
		observe: func(r *testRegistry) string {
			return status(r.do("POST", quirkUpload+"?mount="+r.pushBlob("other", []byte("x")), nil))
		},
		want: map[string]string{"off": "202", "on": "201"},
	},
	quirk.ForeignService: {
		observe: func(r *testRegistry) string {
			return status(r.admittedForm("/oauth2/exchange", url.Values{"grant_type": {"access_token"}, "service": {"other.azurecr.io"}}))
		},
		want: map[string]string{"401": "401", "400": "400"},
	},
	quirk.TokenMember: {
		options: withAnonymousPull,
		observe: func(r *testRegistry) string {
			return fmt.Sprint(strings.Contains(r.admitted("GET", "/oauth2/token?service="+testLogin, nil).body, `","token":"`))
		},
		want: map[string]string{"off": "false", "on": "true"},
	},
	quirk.InvalidToken: {
		observe: func(r *testRegistry) string {
			a := r.admitted("GET", "/v2/", nil, "Authorization", "Bearer x.y.z")
			_, reason, _ := strings.Cut(protocol.HeaderValue(a.Header, protocol.HeaderChallenge), `service="`+testLogin+`"`)
			return status(a) + reason
		},
		want: map[string]string{"invalid_token": `401,error="invalid_token"`, "none": "401"},
	},
	quirk.ReferrersScope: {
		observe: func(r *testRegistry) string {
			a := r.admitted("GET", "/v2/app/referrers/"+absentDigest, nil)
			_, asked, _ := strings.Cut(protocol.HeaderValue(a.Header, protocol.HeaderChallenge), `scope=`)
			return asked
		},
		want: map[string]string{"pull": `"repository:app:pull"`, "metadata_read": `"repository:app:metadata_read"`},
	},
	quirk.MalformedForm: {
		observe: func(r *testRegistry) string {
			return seen(r.admittedForm("/oauth2/token", url.Values{"service": {testLogin}}))
		},
		want: map[string]string{
			"400": `400 {"errors":[{"code":"UNSUPPORTED","message":"The operation is unsupported.","detail":"grant_type is missing"}]}`,
			"401": "401",
		},
	},
	quirk.DeniedScope: {
		options: withAnonymousPull,
		observe: func(r *testRegistry) string {
			ask := func(scope string) string {
				return status(r.admitted("GET", "/oauth2/token?service="+testLogin+"&scope="+scope, nil))
			}
			return ask("repository:app:pull,push") + " " + ask("repository:app:pull")
		},
		want: map[string]string{"reduce": "200 200", "refuse": "401 200"},
	},
	quirk.AccessSpelling: {
		options: withAnonymousPull,
		observe: func(r *testRegistry) string {
			_, access, _ := strings.Cut(r.anonymousClaims(), `"access":`)
			access, _, _ = strings.Cut(access, "]}]")
			return access
		},
		want: map[string]string{"capitalised": `[{"Type":"registry","Name":"catalog","Actions":["*"`, "lower-case": `[{"type":"registry","name":"catalog","actions":["*"`},
	},
	quirk.NoRole: {
		options: func() Options {
			return Options{Registries: []RegistryOptions{{Policies: Policies{OtherIdentities: []RoleAssignment{}}}}}
		},
		observe: func(r *testRegistry) string {
			a := r.admittedForm("/oauth2/exchange", url.Values{"grant_type": {"access_token"}, "service": {testLogin}, "access_token": {entraToken(r.t)}})
			text, _, _ := strings.Cut(seen(a), " CorrelationId: ")
			return text
		},
		want: map[string]string{
			"401":       `401 {"errors":[{"code":"UNAUTHORIZED","message":"authentication required, visit https://aka.ms/acr/authorization for more information.`,
			"401-empty": "401", "403": `403 {"errors":[{"code":"DENIED","message":"retrieving permissions failed`,
		},
	},
	quirk.TokenErrorID: {
		observe: func(r *testRegistry) string {
			a := r.admitted("GET", "/oauth2/token?service="+testLogin+"&scope=repository:a:pull", nil)
			return fmt.Sprint(strings.Contains(a.body, "information. CorrelationId: "+protocol.HeaderValue(a.Header, protocol.HeaderCorrelationID)+`"`))
		},
		want: map[string]string{"on": "true", "off": "false"},
	},
	quirk.OfflineToken: {
		observe: func(r *testRegistry) string {
			refresh := decode[struct {
				Token string `json:"refresh_token"`
			}](r.t, r.admittedForm("/oauth2/exchange", url.Values{"grant_type": {"access_token"}, "service": {testLogin}, "access_token": {entraToken(r.t)}}).body).Token
			basic := base64.StdEncoding.EncodeToString([]byte("00000000-0000-0000-0000-000000000000:" + refresh))
			a := r.admitted("GET", "/oauth2/token?service="+testLogin+"&offline_token=true", nil, "Authorization", "Basic "+basic)
			return status(a) + fmt.Sprint(strings.Contains(a.body, `"refresh_token":"`+refresh+`"`))
		},
		want: map[string]string{"null-guid": "200true", "off": "200false"},
	},
	quirk.AccessTokenRID: {
		options: withAnonymousPull,
		observe: func(r *testRegistry) string {
			token := r.anonymousToken()
			return fmt.Sprint(strings.Contains(r.anonymousClaims(), `"rid":`)) + " " +
				status(r.admitted("GET", "/acr/v1/_catalog", nil, "Authorization", "Bearer "+token))
		},
		want: map[string]string{"on": "true 200", "off": "false 200"},
	},
	quirk.StatusScope: {
		observe: func(r *testRegistry) string {
			a := r.admitted("GET", quirkUpload+"00000000-0000-4000-8000-000000000000", nil)
			return fmt.Sprint(strings.Count(a.body, `"Action"`))
		},
		want: map[string]string{"pull": "1", "pull,push": "2"},
	},
	quirk.TokenName: {
		observe: func(r *testRegistry) string {
			seen := ""
			for _, n := range []int{4, 5, 50, 51} {
				err := r.e.SetPolicies(defaultRegistryName, Policies{Tokens: []ScopeMapToken{{
					Name: strings.Repeat("a", n), Passwords: []string{"secret"},
				}}})
				seen += fmt.Sprint(err == nil, " ")
			}
			return seen
		},
		want: map[string]string{"5-50": "false true true false ", "any": "true true true true "},
	},
	quirk.ABACDenial: {
		options: func() Options {
			return withPrincipal(Policies{ABAC: true}, RoleRepositoryReader)
		},
		observe: func(r *testRegistry) string {
			a := r.asPrincipal("DELETE", "/v2/app/manifests/"+absentDigest)
			return seen(a) + strings.Join(map[string][]string(a.Header)[protocol.HeaderChallenge], "")
		},
		want: map[string]string{
			"401": `401 {"errors":[{"code":"UNAUTHORIZED","message":"authentication required, visit https://aka.ms/acr/authorization for more information.","detail":[{"Type":"repository","Name":"app","Action":"delete"}]}]}` +
				`Bearer realm="http://acrkit.azurecr.io/oauth2/token",service="acrkit.azurecr.io",scope="repository:app:delete",error="insufficient_scope"`,
			"403": `403 {"errors":[{"code":"DENIED","message":"requested access to the resource is denied"}]}`,
		},
	},
	quirk.MetadataWrite: {
		options: func() Options { return withPrincipal(Policies{}, RolePush) },
		observe: func(r *testRegistry) string {
			r.pushImage("app", "v1", "one")
			return status(r.asPrincipal("PATCH", "/acr/v1/app/_tags/v1"))
		},
		want: map[string]string{signin.RightWrite: "200", signin.RightDelete: "401"},
	},
	quirk.DeletedRights: {
		options: func() Options {
			o := withPrincipal(Policies{}, RolePull)
			o.Registries[0].SoftDelete = 24 * time.Hour
			return o
		},
		observe: func(r *testRegistry) string {
			digest := r.pushImage("app", "v1", "one")
			r.want(202, "DELETE", "/v2/app/manifests/"+digest, nil)
			return status(r.asPrincipal("GET", "/acr/v1/_deleted/_catalog")) + " " +
				status(r.asPrincipal("GET", "/acr/v1/_deleted/app/_manifests")) + " " +
				status(r.asPrincipal("POST", "/acr/v1/_deleted/app/_manifests/"+digest))
		},
		want: map[string]string{"own": "401 401 401", "content": "200 200 401"},
	},
}
