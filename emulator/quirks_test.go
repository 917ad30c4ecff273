package emulator

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/acrkit/azcontainerregistry/emulator/internal/protocol"
	"github.com/acrkit/azcontainerregistry/emulator/internal/quirk"
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
// something. A quirk is in the table of its subject: quirks_SUBJECT_test.go.
var quirkCases = []map[string]quirkCase{
	wireQuirks, authQuirks, listQuirks, manifestQuirks, blobQuirks,
}

// wireQuirks are about requests and responses of every kind.
var wireQuirks = map[string]quirkCase{
	quirk.ServerHeader: {
		observe: func(r *testRegistry) string { return r.do("GET", "/v2/", nil).Header.Get("Server") },
		want:    map[string]string{"AzureContainerRegistry": "AzureContainerRegistry", "openresty": "openresty"},
	},
	quirk.SHA512: {
		observe: func(r *testRegistry) string {
			content := []byte("x")
			return status(r.do("PUT", r.startUpload("app")+"&digest="+wire.DigestOf("sha512", content), strings.NewReader("x")))
		},
		want: map[string]string{"off": "400", "on": "201"},
	},
	quirk.RateRemaining: {
		observe: func(r *testRegistry) string {
			return r.do("DELETE", "/acr/v1/app", nil).Header.Get(protocol.HeaderRateRemaining)
		},
		want: map[string]string{"count": "32.000000", "7.000000": "7.000000", "off": ""},
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
	quirk.DisallowedText: {
		observe: func(r *testRegistry) string {
			r.pushImage("app", "v1", "one")
			r.want(200, "PATCH", "/acr/v1/app", strings.NewReader(`{"writeEnabled":false}`))
			return fmt.Sprint(len(r.want(405, "DELETE", "/acr/v1/app", nil).body))
		},
		want: map[string]string{"hyphen": "264", "plain": "263"},
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
	cases := map[string]quirkCase{}
	for _, table := range quirkCases {
		for name, c := range table {
			if _, twice := cases[name]; twice {
				t.Errorf("quirk %s has two cases", name)
			}
			cases[name] = c
		}
	}
	for _, quirk := range Quirks() {
		c, ok := cases[quirk.Name]
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
