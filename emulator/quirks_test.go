package emulator

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/acrkit/azcontainerregistry/emulator/internal/protocol"
	"github.com/acrkit/azcontainerregistry/emulator/internal/quirk"
	"github.com/acrkit/azcontainerregistry/emulator/internal/signin"
	"github.com/acrkit/azcontainerregistry/emulator/internal/wire"
)

// quirkCase shows what one quirk turns: what is seen with each of its values.
type quirkCase struct {
	options func() Options // more than the quirk, nil for none
	observe func(r *testRegistry) string
	want    map[string]string // by value
}

// admitted sends a request the whole way, admission included.
func (r *testRegistry) admitted(method, path string, body io.Reader, headers ...string) answer {
	r.t.Helper()
	request := httptest.NewRequest(method, "http://"+testLogin+path, body)
	request.RemoteAddr = "127.0.0.1:1"
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	r.e.ServeHTTP(w, request)
	return answer{w.Result(), w.Body.String()}
}

func (r *testRegistry) admittedForm(path string, form url.Values) answer {
	r.t.Helper()
	return r.admitted("POST", path, strings.NewReader(form.Encode()), "Content-Type", "application/x-www-form-urlencoded")
}

// anonymousToken is an access token for the catalog.
func (r *testRegistry) anonymousToken() string {
	r.t.Helper()
	return decode[struct {
		Token string `json:"access_token"`
	}](r.t, r.admitted("GET", "/oauth2/token?service="+testLogin+"&scope=registry:catalog:*", nil).body).Token
}

// anonymousClaims are the claims of such a token as they are written.
func (r *testRegistry) anonymousClaims() string {
	r.t.Helper()
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(r.anonymousToken(), ".")[1])
	if err != nil {
		r.t.Fatal(err)
	}
	return string(payload)
}

// entraToken is a token in the form of Entra's, of a service principal.
func entraToken(t testing.TB) string {
	t.Helper()
	encode := base64.RawURLEncoding.EncodeToString
	claims := fmt.Sprintf(`{"aud":"https://containerregistry.azure.net","appid":%q,"oid":%q,"iat":1,"exp":%d}`, principalID, principalID, time.Now().Add(time.Hour).Unix())
	return encode([]byte(`{"alg":"RS256","typ":"JWT"}`)) + "." + encode([]byte(claims)) + "." + encode([]byte("signature"))
}

// seen is a status and a body.
func seen(a answer) string { return strings.TrimSpace(fmt.Sprintf("%d %s", a.StatusCode, a.body)) }

func status(a answer) string { return fmt.Sprint(a.StatusCode) }

func withAnonymousPull() Options {
	return Options{Registries: []RegistryOptions{{Policies: Policies{AnonymousPull: true}}}}
}

func withSoftDelete() Options {
	return Options{Registries: []RegistryOptions{{SoftDelete: 24 * time.Hour}}}
}

const quirkUpload = "/v2/app/blobs/uploads/"

// quirkCases has every quirk, so that each value of each is known to do
// something.
var quirkCases = map[string]quirkCase{
	quirk.OCIStrict: {
		observe: func(r *testRegistry) string {
			return status(r.do("PUT", r.startUpload("app")+"&digest="+wire.DigestOf("sha512", []byte("x")), strings.NewReader("x")))
		},
		want: map[string]string{"off": "400", "on": "201"},
	},
	quirk.ServerHeader: {
		observe: func(r *testRegistry) string { return r.do("GET", "/v2/", nil).Header.Get("Server") },
		want:    map[string]string{"AzureContainerRegistry": "AzureContainerRegistry", "openresty": "openresty"},
	},
	quirk.EmptyCatalog: {
		observe: func(r *testRegistry) string { return seen(r.do("GET", "/acr/v1/_catalog", nil)) },
		want:    map[string]string{"array": `200 {"repositories":[]}`, "null": `200 {"repositories":null}`},
	},
	quirk.InvalidPageSize: {
		observe: func(r *testRegistry) string {
			r.pushImage("app", "v1", "one")
			return seen(r.do("GET", "/v2/app/tags/list?n=0", nil))
		},
		want: map[string]string{
			"default":       `200 {"name":"app","tags":["v1"]}`,
			"refuse":        `400 {"errors":[{"code":"PAGINATION_NUMBER_INVALID","message":"invalid number of results requested","detail":{"n":"0"}}]}`,
			"specification": `200 {"name":"app","tags":null}`,
		},
	},
	quirk.ReadDisabled: {
		observe: func(r *testRegistry) string {
			r.pushImage("app", "v1", "one")
			r.want(200, "PATCH", "/acr/v1/app", strings.NewReader(`{"readEnabled":false}`))
			return status(r.do("GET", "/v2/app/manifests/v1", nil, "Accept", "*/*"))
		},
		want: map[string]string{"disallowed": "405", "unknown": "404"},
	},
	quirk.ManifestTooLarge: {
		observe: func(r *testRegistry) string {
			return status(r.do("PUT", "/v2/app/manifests/v1", strings.NewReader(strings.Repeat(" ", wire.MaxManifestSize+1)), "Content-Type", wire.TypeOCIManifest))
		},
		want: map[string]string{"400": "400", "413": "413"},
	},
	quirk.UnknownBlobDetail: {
		observe: func(r *testRegistry) string { return seen(r.do("GET", "/v2/app/blobs/"+absentDigest, nil)) },
		want: map[string]string{
			"absent": `404 {"errors":[{"code":"BLOB_UNKNOWN","message":"blob unknown to registry"}]}`,
			"digest": `404 {"errors":[{"code":"BLOB_UNKNOWN","message":"blob unknown to registry","detail":"` + absentDigest + `"}]}`,
		},
	},
	quirk.MissingAccept: {
		observe: func(r *testRegistry) string {
			r.pushImage("app", "v1", "one")
			return status(r.do("GET", "/v2/app/manifests/v1", nil))
		},
		want: map[string]string{"refuse-oci": "404", "accept": "200"},
	},
	quirk.ManifestListFall: {
		observe: func(r *testRegistry) string {
			child := r.pushImage("app", "", "one")
			list := fmt.Sprintf(`{"schemaVersion":2,"manifests":[{"mediaType":%q,"digest":%q,"size":1,"platform":{"architecture":"amd64","os":"linux"}}]}`, wire.TypeOCIManifest, child)
			r.pushManifest("app", "list", wire.TypeDockerList, []byte(list))
			return r.want(200, "GET", "/v2/app/manifests/list", nil, "Accept", wire.TypeDockerManifest).Header.Get("Content-Type")
		},
		want: map[string]string{"serve": wire.TypeDockerList, "linux-amd64": wire.TypeOCIManifest},
	},
	quirk.ImageFallback: {
		observe: func(r *testRegistry) string {
			r.pushManifest("app", "v1", wire.TypeDockerManifest, r.dockerImage("app"))
			return r.want(200, "GET", "/v2/app/manifests/v1", nil, "Accept", "application/json").Header.Get("Content-Type")
		},
		want: map[string]string{"serve": wire.TypeDockerManifest, "schema1": wire.TypeDockerSigned},
	},
	quirk.ReferrerType: {
		observe: func(r *testRegistry) string {
			r.pushManifest("app", "v1", wire.TypeOCIManifest, r.imageManifest("app", "one", map[string]any{
				"subject": map[string]any{"mediaType": wire.TypeOCIManifest, "digest": absentDigest, "size": 1},
			}))
			body := r.want(200, "GET", "/v2/app/referrers/"+absentDigest, nil).body
			return fmt.Sprint(strings.Contains(body, `"artifactType":"`+wire.TypeOCIConfig+`"`))
		},
		want: map[string]string{"config": "true", "own": "false"},
	},
	quirk.SHA512: {
		observe: func(r *testRegistry) string {
			content := []byte("x")
			return status(r.do("PUT", r.startUpload("app")+"&digest="+wire.DigestOf("sha512", content), strings.NewReader("x")))
		},
		want: map[string]string{"off": "400", "on": "201"},
	},
	quirk.MonolithicPost: {
		observe: func(r *testRegistry) string {
			return status(r.do("POST", quirkUpload+"?digest="+sha256Of([]byte("x")), strings.NewReader("x")))
		},
		want: map[string]string{"ignore": "202", "accept": "201"},
	},
	quirk.ManifestTagParam: {
		observe: func(r *testRegistry) string {
			raw := r.imageManifest("app", "one", nil)
			a := r.want(201, "PUT", "/v2/app/manifests/"+sha256Of(raw)+"?tag=v1", strings.NewReader(string(raw)), "Content-Type", wire.TypeOCIManifest)
			return status(r.do("GET", "/v2/app/manifests/v1", nil, "Accept", "*/*")) + a.Header.Get(protocol.HeaderOCITag)
		},
		want: map[string]string{"ignore": "404", "accept": "200v1"},
	},
	quirk.DeleteByTag: {
		observe: func(r *testRegistry) string {
			r.pushImage("app", "v1", "one")
			return status(r.do("DELETE", "/v2/app/manifests/v1", nil))
		},
		want: map[string]string{"refuse": "405", "untag": "202"},
	},
	quirk.AnonymousMount: {
		observe: func(r *testRegistry) string {
			return status(r.do("POST", quirkUpload+"?mount="+r.pushBlob("other", []byte("x")), nil))
		},
		want: map[string]string{"off": "202", "on": "201"},
	},
	quirk.PartialChunk: {
		observe: func(r *testRegistry) string {
			location := r.startUpload("app")
			r.cutChunk(location, "half")
			return status(r.do("PATCH", location, strings.NewReader("whole")))
		},
		want: map[string]string{"keep": "404", "discard": "202"},
	},
	quirk.IndexChildDelete: {
		observe: func(r *testRegistry) string {
			child := r.pushImage("app", "", "one")
			r.pushManifest("app", "v1", wire.TypeOCIIndex, fmt.Appendf(nil, `{"schemaVersion":2,"manifests":[{"mediaType":%q,"digest":%q,"size":1}]}`, wire.TypeOCIManifest, child))
			return status(r.do("DELETE", "/v2/app/manifests/"+child, nil))
		},
		want: map[string]string{"allow": "202", "refuse": "405"},
	},
	quirk.ReferrersOnDelete: {
		observe: func(r *testRegistry) string {
			subject := r.pushImage("app", "v1", "one")
			signature := r.pushManifest("app", "sig", wire.TypeOCIManifest, r.imageManifest("app", "two", map[string]any{
				"subject": map[string]any{"mediaType": wire.TypeOCIManifest, "digest": subject, "size": 1},
			}))
			r.e.Clock().Freeze(time.Date(2026, 1, 13, 17, 34, 21, 0, time.UTC))
			r.want(202, "DELETE", "/v2/app/manifests/"+subject, nil)
			at := func() string { return status(r.do("GET", "/v2/app/manifests/"+signature, nil, "Accept", "*/*")) }
			first := at()
			r.e.Clock().Advance(2 * time.Second)
			return first + " " + at()
		},
		want: map[string]string{"later": "200 404", "delete": "404 404", "keep": "200 200"},
	},
	quirk.RestoreStatus: {
		options: withSoftDelete,
		observe: func(r *testRegistry) string {
			digest := r.pushImage("app", "v1", "one")
			r.want(202, "DELETE", "/v2/app/manifests/"+digest, nil)
			return status(r.do("POST", "/acr/v1/_deleted/app/_manifests/"+digest, strings.NewReader(`{"tag":"v1"}`)))
		},
		want: map[string]string{"202": "202", "200": "200"},
	},
	quirk.SoftDeletedPush: {
		options: withSoftDelete,
		observe: func(r *testRegistry) string {
			raw := r.imageManifest("app", "one", nil)
			r.want(202, "DELETE", "/v2/app/manifests/"+r.pushManifest("app", "v1", wire.TypeOCIManifest, raw), nil)
			return status(r.do("PUT", "/v2/app/manifests/v1", strings.NewReader(string(raw)), "Content-Type", wire.TypeOCIManifest))
		},
		want: map[string]string{"invalid": "400", "refuse": "405", "restore": "201"},
	},
	quirk.UploadLock: {
		observe: func(r *testRegistry) string {
			r.pushImage("app", "v1", "one")
			r.want(200, "PATCH", "/acr/v1/app", strings.NewReader(`{"writeEnabled":false}`))
			return status(r.do("POST", quirkUpload, nil))
		},
		want: map[string]string{"start": "405", "manifest": "202"},
	},
	quirk.EmptyRepository: {
		observe: func(r *testRegistry) string {
			r.want(202, "DELETE", "/v2/app/manifests/"+r.pushImage("app", "v1", "one"), nil)
			return status(r.do("GET", "/acr/v1/app", nil))
		},
		want: map[string]string{"remove": "404", "keep": "200"},
	},
	quirk.RateRemaining: {
		observe: func(r *testRegistry) string {
			return r.do("DELETE", "/acr/v1/app", nil).Header.Get(protocol.HeaderRateRemaining)
		},
		want: map[string]string{"count": "32.000000", "7.000000": "7.000000", "off": ""},
	},
	quirk.BlobDigestHeader: {
		observe: func(r *testRegistry) string {
			digest := r.pushBlob("app", []byte("x"))
			return fmt.Sprint(r.want(202, "DELETE", "/v2/app/blobs/"+digest, nil).Header.Get(protocol.HeaderContentDigest) == digest)
		},
		want: map[string]string{"off": "false", "on": "true"},
	},
	quirk.ArtifactSizeZero: {
		observe: func(r *testRegistry) string {
			digest := r.pushManifest("app", "v1", wire.TypeOCIArtifact, []byte(`{"mediaType":"`+wire.TypeOCIArtifact+`"}`))
			body := r.want(200, "GET", "/acr/v1/app/_manifests/"+digest, nil).body
			return fmt.Sprint(decode[struct{ Manifest struct{ ImageSize int } }](r.t, body).Manifest.ImageSize)
		},
		want: map[string]string{"zero": "0", "sum": "61"},
	},
	quirk.ManifestLockTagged: {
		observe: func(r *testRegistry) string {
			raw := r.imageManifest("app", "one", nil)
			digest := r.pushManifest("app", "v1", wire.TypeOCIManifest, raw)
			r.want(200, "PATCH", "/acr/v1/app/_manifests/"+digest, strings.NewReader(`{"writeEnabled":false}`))
			return status(r.do("PUT", "/v2/app/manifests/v2", strings.NewReader(string(raw)), "Content-Type", wire.TypeOCIManifest))
		},
		want: map[string]string{"allow": "201", "refuse": "405"},
	},
	quirk.StorageRange: {
		observe: func(r *testRegistry) string {
			return seen(r.do("GET", r.signedPath("app", r.pushBlob("app", []byte("0123456789"))), nil, "Range", "bytes=-3"))
		},
		want: map[string]string{"start": "200 0123456789", "specification": "206 789"},
	},
	quirk.SparseManifests: {
		observe: func(r *testRegistry) string {
			raw := fmt.Sprintf(`{"schemaVersion":2,"config":{"mediaType":"x","size":1,"digest":%q},"layers":[]}`, absentDigest)
			return status(r.do("PUT", "/v2/app/manifests/v1", strings.NewReader(raw), "Content-Type", wire.TypeOCIManifest))
		},
		want: map[string]string{"refuse": "400", "accept": "201"},
	},
	quirk.StorageDigest: {
		observe: func(r *testRegistry) string {
			digest := r.pushBlob("app", []byte("x"))
			return fmt.Sprint(r.want(200, "GET", r.signedPath("app", digest), nil).Header.Get(protocol.HeaderContentDigest) == digest)
		},
		want: map[string]string{"off": "false", "on": "true"},
	},
	quirk.MalformedDigest: {
		observe: func(r *testRegistry) string {
			return status(r.do("PUT", "/v2/app/manifests/sha256:short", strings.NewReader(string(r.imageManifest("app", "one", nil))), "Content-Type", wire.TypeOCIManifest))
		},
		want: map[string]string{"not-found": "404", "refuse": "400"},
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
	quirk.CorrelationID: {
		observe: func(r *testRegistry) string {
			return fmt.Sprint(r.do("GET", "/v2/", nil, protocol.HeaderCorrelationID, "mine").Header.Get(protocol.HeaderCorrelationID) == "mine")
		},
		want: map[string]string{"echo": "true", "own": "false"},
	},
	quirk.RepositoryLength: {
		observe: func(r *testRegistry) string {
			return r.do("GET", "/acr/v1/"+strings.Repeat("a", 256), nil).Header.Get("Content-Type")
		},
		want: map[string]string{"255": "text/plain; charset=utf-8", "256": protocol.MediaTypeJSON},
	},
	quirk.InvalidName: {
		observe: func(r *testRegistry) string { return seen(r.admitted("GET", "/v2/App/manifests/v1", nil)) },
		want: map[string]string{
			"not-found": "404 404 page not found",
			"refuse":    `400 {"errors":[{"code":"NAME_INVALID","message":"invalid repository name"}]}`,
		},
	},
	quirk.InvalidLast: {
		observe: func(r *testRegistry) string { return status(r.do("GET", "/acr/v1/_catalog?last=A%20B", nil)) },
		want:    map[string]string{"ignore": "200", "refuse": "400"},
	},
	quirk.MalformedMount: {
		observe: func(r *testRegistry) string {
			return seen(answer{r.do("POST", quirkUpload+"?from=../etc&mount="+absentDigest, nil).Response, ""})
		},
		want: map[string]string{"refuse": "400", "start": "202"},
	},
	quirk.APIVersion: {
		observe: func(r *testRegistry) string {
			return status(r.admitted("GET", "/acr/v1/_catalog?api-version=1999-01-01", nil)) + " " +
				status(r.admitted("GET", "/oauth2/token?api-version=1999-01-01&service="+testLogin, nil)) + " " +
				status(r.admitted("GET", "/acr/v1/_catalog?api-version=2021-07-01", nil))
		},
		want: map[string]string{"ignore": "401 401 401", "refuse": "400 400 401"},
	},
	quirk.MethodNotAllowed: {
		observe: func(r *testRegistry) string {
			return status(r.do("POST", "/acr/v1/_catalog", nil)) + " " + status(r.admitted("POST", "/acr/v1/_catalog", nil))
		},
		want: map[string]string{"405": "405 401", "404": "404 404"},
	},
	quirk.BaseNoSlash: {
		observe: func(r *testRegistry) string {
			a := r.admitted("GET", "/v2", nil)
			return status(a) + a.Header.Get("Location")
		},
		want: map[string]string{"same": "401", "redirect": "301/v2/"},
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
	quirk.ReferrersOrder: {
		observe: func(r *testRegistry) string {
			r.e.Clock().Freeze(time.Date(2026, 1, 13, 17, 34, 21, 0, time.UTC))
			var pushed []string
			for i := range 4 {
				r.e.Clock().Advance(time.Second)
				pushed = append(pushed, r.pushManifest("app", fmt.Sprint("r", i), wire.TypeOCIManifest, r.imageManifest("app", fmt.Sprint(i), map[string]any{
					"subject": map[string]any{"mediaType": wire.TypeOCIManifest, "digest": absentDigest, "size": 1},
				})))
			}
			var listed []string
			for path := "/v2/app/referrers/" + absentDigest + "?n=3"; path != ""; {
				a := r.want(200, "GET", path, nil)
				for _, m := range decode[struct{ Manifests []struct{ Digest string } }](r.t, a.body).Manifests {
					listed = append(listed, m.Digest)
				}
				path, _, _ = strings.Cut(strings.TrimPrefix(a.Header.Get("Link"), "<"), ">")
			}
			newest := slices.Clone(pushed)
			slices.Reverse(newest)
			return fmt.Sprint(slices.Equal(listed, newest), slices.Equal(listed, slices.Sorted(slices.Values(pushed))))
		},
		want: map[string]string{"newest-first": "true false", "digest": "false true"},
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
	quirk.DisallowedText: {
		observe: func(r *testRegistry) string {
			r.pushImage("app", "v1", "one")
			r.want(200, "PATCH", "/acr/v1/app", strings.NewReader(`{"writeEnabled":false}`))
			return fmt.Sprint(len(r.want(405, "DELETE", "/acr/v1/app", nil).body))
		},
		want: map[string]string{"hyphen": "264", "plain": "263"},
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
	quirk.PatchUnknown: {
		observe: func(r *testRegistry) string {
			r.pushImage("app", "v1", "one")
			return status(r.do("PATCH", "/acr/v1/app", strings.NewReader(`{"unheard":true}`)))
		},
		want: map[string]string{"ignore": "200", "refuse": "400"},
	},
	quirk.TagsListUnknown: {
		observe: func(r *testRegistry) string { return seen(r.do("GET", "/v2/app/tags/list", nil)) },
		want: map[string]string{
			"not-known":    `404 {"errors":[{"code":"NAME_UNKNOWN","message":"repository name not known to registry","detail":{"name":"app"}}]}`,
			"is-not-found": `404 {"errors":[{"code":"NAME_UNKNOWN","message":"repository \"app\" is not found"}]}`,
		},
	},
	quirk.TagsListEmpty: {
		observe: func(r *testRegistry) string {
			r.pushImage("app", "", "one")
			return seen(r.do("GET", "/v2/app/tags/list", nil))
		},
		want: map[string]string{"null": `200 {"name":"app","tags":null}`, "array": `200 {"name":"app","tags":[]}`},
	},
	quirk.TagsListPage: {
		observe: func(r *testRegistry) string {
			r.pushImage("app", "v1", "one")
			r.pushImage("app", "v2", "one")
			return r.want(200, "GET", "/v2/app/tags/list", nil).Header.Get("Link")
		},
		want: map[string]string{"100": "", "1": `</v2/app/tags/list?last=v1&n=1&orderby=>; rel="next"`},
	},
	quirk.EmptyManifests: {
		options: func() Options { return Options{Quirks: map[string]string{quirk.EmptyRepository: "keep"}} },
		observe: func(r *testRegistry) string {
			r.want(202, "DELETE", "/v2/app/manifests/"+r.pushImage("app", "v1", "one"), nil)
			return seen(r.do("GET", "/acr/v1/app/_manifests", nil))
		},
		want: map[string]string{
			"null":  `200 {"registry":"acrkit.azurecr.io","imageName":"app","manifests":null}`,
			"array": `200 {"registry":"acrkit.azurecr.io","imageName":"app","manifests":[]}`,
		},
	},
	quirk.ManifestNoRepo: {
		observe: func(r *testRegistry) string { return seen(r.do("GET", "/v2/app/manifests/v1", nil)) },
		want: map[string]string{
			"manifest": `404 {"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest tagged by \"v1\" is not found","detail":{"Tag":"v1"}}]}`,
			"name":     `404 {"errors":[{"code":"NAME_UNKNOWN","message":"repository name not known to registry","detail":{"name":"app"}}]}`,
		},
	},
	quirk.ManifestDetail: {
		observe: func(r *testRegistry) string { return seen(r.do("GET", "/v2/app/manifests/"+absentDigest, nil)) },
		want: map[string]string{
			"absent":   `404 {"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest ` + absentDigest + ` is not found"}]}`,
			"revision": `404 {"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest ` + absentDigest + ` is not found","detail":{"Name":"app","Revision":"` + absentDigest + `"}}]}`,
		},
	},
	quirk.MismatchDetail: {
		observe: func(r *testRegistry) string {
			return seen(r.do("PUT", r.startUpload("app")+"&digest="+absentDigest, strings.NewReader("x")))
		},
		want: map[string]string{
			"digest": `400 {"errors":[{"code":"DIGEST_INVALID","message":"provided digest did not match uploaded content","detail":"content has digest ` + sha256Of([]byte("x")) + `"}]}`,
			"absent": `400 {"errors":[{"code":"DIGEST_INVALID","message":"provided digest did not match uploaded content"}]}`,
		},
	},
	quirk.UploadDetail: {
		observe: func(r *testRegistry) string {
			location := r.startUpload("app")
			r.want(204, "DELETE", location, nil)
			id, _, _ := strings.Cut(strings.TrimPrefix(location, quirkUpload), "?")
			return strings.ReplaceAll(seen(r.do("PATCH", location, strings.NewReader("x"))), id, "ID")
		},
		want: map[string]string{
			"uuid":  `404 {"errors":[{"code":"BLOB_UPLOAD_UNKNOWN","message":"blob upload unknown to registry","detail":{"UUID":"ID"}}]}`,
			"empty": `404 {"errors":[{"code":"BLOB_UPLOAD_UNKNOWN","message":"blob upload unknown to registry","detail":{}}]}`,
		},
	},
	quirk.UploadLifetime: {
		observe: func(r *testRegistry) string {
			r.startUpload("app")
			r.e.Clock().Advance(time.Hour)
			garbage, err := r.e.CollectGarbage(r.t.Context(), time.Hour)
			return fmt.Sprint(garbage.Uploads, err)
		},
		want: map[string]string{"24h": "0 <nil>", "30m": "1 <nil>"},
	},
	quirk.BlobRepository: {
		observe: func(r *testRegistry) string {
			r.want(201, "POST", "/v2/mounted/blobs/uploads/?from=app&mount="+r.pushBlob("app", []byte("x")), nil)
			return seen(r.do("GET", "/acr/v1/_catalog", nil))
		},
		want: map[string]string{"unlisted": `200 {"repositories":null}`, "listed": `200 {"repositories":["app","mounted"]}`},
	},
	quirk.MovedTag: {
		observe: func(r *testRegistry) string {
			r.pushImage("app", "v1", "one")
			r.e.Clock().Advance(time.Hour)
			r.pushImage("app", "v1", "two")
			tag := decode[struct {
				Tag struct{ CreatedTime, LastUpdateTime string }
			}](r.t, r.want(200, "GET", "/acr/v1/app/_tags/v1", nil).body).Tag
			return fmt.Sprint(tag.CreatedTime == tag.LastUpdateTime)
		},
		want: map[string]string{"keep": "false", "renew": "true"},
	},
	quirk.ExpiredURL: {
		observe: func(r *testRegistry) string {
			path := r.signedPath("app", r.pushBlob("app", []byte("x")))
			r.e.Clock().Advance(21 * time.Minute)
			return status(r.do("GET", path, nil))
		},
		want: map[string]string{"403": "403", "401": "401"},
	},
	quirk.ChunkOrder: {
		observe: func(r *testRegistry) string {
			return status(r.do("PATCH", r.startUpload("app"), strings.NewReader("x"), "Content-Range", "5-5"))
		},
		want: map[string]string{"416": "416", "404": "404"},
	},
	quirk.StaleUpload: {
		observe: func(r *testRegistry) string {
			old := r.startUpload("app")
			r.want(202, "PATCH", old, strings.NewReader("x"))
			return status(r.do("GET", old, nil)) + " " + status(r.do("PATCH", old, strings.NewReader("x"), "Content-Range", "0-0"))
		},
		want: map[string]string{"resume": "204 416", "invalid": "404 404"},
	},
	quirk.StaleChunk: {
		observe: func(r *testRegistry) string {
			old := r.startUpload("app")
			r.want(202, "PATCH", old, strings.NewReader("x"))
			return status(r.do("PATCH", old, strings.NewReader("x")))
		},
		want: map[string]string{"404": "404", "416": "416"},
	},
	quirk.StatusScope: {
		observe: func(r *testRegistry) string {
			a := r.admitted("GET", quirkUpload+"00000000-0000-4000-8000-000000000000", nil)
			return fmt.Sprint(strings.Count(a.body, `"Action"`))
		},
		want: map[string]string{"pull": "1", "pull,push": "2"},
	},
	quirk.Schema1Checks: {
		observe: func(r *testRegistry) string {
			body := schema1Manifest("app", "v1", r.pushBlob("app", []byte("x")))
			return status(r.do("PUT", "/v2/app/manifests/v2", strings.NewReader(body), "Content-Type", wire.TypeDockerSchema1))
		},
		want: map[string]string{"on": "400", "off": "201"},
	},
	quirk.InternalBody: {
		observe: func(r *testRegistry) string {
			if err := os.RemoveAll(filepath.Join(r.e.options.Dir, "uploads")); err != nil {
				r.t.Fatal(err)
			}
			return seen(r.do("POST", quirkUpload, nil))
		},
		want: map[string]string{
			"json":  `500 {"errors":[{"code":"UNKNOWN","message":"unknown error"}]}`,
			"html":  "500 " + strings.TrimSpace(protocol.HtmlPage("500 Internal Server Error")),
			"empty": "500",
		},
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
	quirk.BeyondEnd: {
		observe: func(r *testRegistry) string {
			a := r.do("GET", r.signedPath("app", r.pushBlob("app", []byte("xyz"))), nil, "Range", "bytes=3-")
			return status(a) + " " + fmt.Sprint(strings.Contains(a.body, "<Code>InvalidRange</Code>")) + " " + a.Header.Get("Content-Range")
		},
		want: map[string]string{"416": "416 true bytes */3", "whole": "200 false "},
	},
}

const (
	principalID     = "aaaaaaaa-0000-4000-8000-000000000001"
	principalSecret = "principal-secret"
)

// withPrincipal adds a service principal with a role.
func withPrincipal(policies Policies, role Role) Options {
	policies.Identities = []Identity{{ID: principalID, Secret: principalSecret, Roles: Roles(role)}}
	return Options{Registries: []RegistryOptions{{Policies: policies}}}
}

// asPrincipal sends a request in the name of who withPrincipal added.
func (r *testRegistry) asPrincipal(method, path string) answer {
	r.t.Helper()
	basic := base64.StdEncoding.EncodeToString([]byte(principalID + ":" + principalSecret))
	return r.admitted(method, path, strings.NewReader("{}"), "Authorization", "Basic "+basic)
}

func TestEveryValueOfEveryQuirkIsSeen(t *testing.T) {
	for _, quirk := range Quirks() {
		c, ok := quirkCases[quirk.Name]
		if !ok {
			t.Errorf("quirk %s has no case here", quirk.Name)
			continue
		}
		if quirk.Effect == "" || quirk.Evidence == "" {
			t.Errorf("quirk %s does not say what it does, or what it rests on", quirk.Name)
		}
		for _, value := range append(quirk.Values, quirk.Default) {
			if _, ok := c.want[value]; !ok {
				t.Errorf("quirk %s: nothing is expected of its value %q", quirk.Name, value)
			}
		}
		if len(c.want) < 2 {
			t.Errorf("quirk %s turns nothing", quirk.Name)
		}
		for value, want := range c.want {
			t.Run(quirk.Name+" "+value, func(t *testing.T) {
				var o Options
				if c.options != nil {
					o = c.options()
				}
				if value != quirk.Default {
					if o.Quirks == nil {
						o.Quirks = map[string]string{}
					}
					o.Quirks[quirk.Name] = value
				}
				if got := c.observe(startRegistry(t, &o)); got != want {
					t.Errorf("got  %s\nwant %s", got, want)
				}
			})
		}
	}
}

func TestQuirksOfFreeTextAreChecked(t *testing.T) {
	for name, value := range map[string]string{
		quirk.ServerHeader: "a\r\nb", quirk.RateRemaining: "8\n", quirk.TagsListPage: "0", quirk.UploadLifetime: "soon",
	} {
		if _, err := quirk.NewSet(map[string]string{name: value}); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s=%q: %v", name, value, err)
		}
	}
}
