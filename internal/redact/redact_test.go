package redact_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/acrkit/azcontainerregistry/internal/redact"
	"github.com/google/go-cmp/cmp"
)

const (
	token  = "eyJhbGciOiJSUzI1NiJ9.eyJqdGkiOiJtYXJrZWQifQ.c2lnbmF0dXJl-_x"
	signed = "https://eusmanaged12.blob.core.windows.net/ab//docker/registry/v2/blobs/sha256/00/00aa/data?se=2024-01-24T06%3A40%3A00Z&sig=s3cr%2Bet%3D&sp=r&regid=0af1"
)

func TestURLHidesWhatIsNotKnownToBeHarmless(t *testing.T) {
	for in, want := range map[string]string{
		"https://r.azurecr.io/acr/v1/_catalog?n=10&last=a%2Fb&api-version=2021-07-01": "https://r.azurecr.io/acr/v1/_catalog?n=10&last=a%2Fb&api-version=2021-07-01",
		"/v2/app/blobs/uploads/1?_nouploadcache=false&_state=abc%3D":                  "/v2/app/blobs/uploads/1?_nouploadcache=false&_state=REDACTED",
		signed:                                          "https://eusmanaged12.blob.core.windows.net/ab//docker/registry/v2/blobs/sha256/00/00aa/data?se=2024-01-24T06%3A40%3A00Z&sig=REDACTED&sp=r&regid=REDACTED",
		"https://user:hunter2@r.azurecr.io/v2/":         "https://r.azurecr.io/v2/",
		"https://r.azurecr.io/v2/?s3cret":               "https://r.azurecr.io/v2/?REDACTED",
		"https://r.azurecr.io/v2/#token=hunter2":        "https://r.azurecr.io/v2/",
		"https://aka.ms/acr/faq/#why-does-my-pull-fail": "https://aka.ms/acr/faq/#why-does-my-pull-fail",
		"https://r\x7f/?sig=hunter2":                    "https://r\x7f/?REDACTED",
		"":                                              "",
	} {
		if diff := cmp.Diff(want, redact.URL(in)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", in, diff)
		}
	}
}

func TestHeaderKeepsOnlyTheAllowList(t *testing.T) {
	got := redact.Header(http.Header{
		"Authorization":         {"Bearer " + token},
		"X-Unheard-Of":          {"hunter2"},
		"Location":              {signed},
		"Docker-Content-Digest": {"sha256:00"},
		"Www-Authenticate":      {`Bearer realm="https://r.azurecr.io/oauth2/token",service="r.azurecr.io"`},
	})
	want := http.Header{
		"Authorization":         {"REDACTED"},
		"X-Unheard-Of":          {"REDACTED"},
		"Location":              {redact.URL(signed)},
		"Docker-Content-Digest": {"sha256:00"},
		"Www-Authenticate":      {`Bearer realm="https://r.azurecr.io/oauth2/token",service="r.azurecr.io"`},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestTextFindsSecretsInProse(t *testing.T) {
	admin := strings.Repeat("aB3+/", 8) + "aB" + "+ACR" + "x9Y8z7"
	for in, want := range map[string]string{
		"token " + token + " is no good":                "token REDACTED is no good",
		`Get "` + signed + `": connection reset`:        `Get "` + redact.URL(signed) + `": connection reset`,
		`{"refresh_token":"hunter2","x":1}`:             `{"refresh_token":"REDACTED","x":1}`,
		`{"password": "a\"b"}`:                          `{"password": "REDACTED"}`,
		"grant_type=password&password=hunter2&scope=a":  "grant_type=password&password=REDACTED&scope=a",
		"Authorization: Basic aHVudGVyMg==":             "Authorization: REDACTED",
		"sent Bearer abc123def456 to":                   "sent Bearer REDACTED to",
		"password=" + admin:                             "password=REDACTED",
		"the password " + admin + " was wrong":          "the password REDACTED was wrong",
		"_state=abc%3D&digest=sha256:00":                "_state=REDACTED&digest=sha256:00",
		`<a href="https://h/p?se=1&amp;sig=hunter2">T`:  `<a href="https://h/p?se=1&sig=REDACTED">T`,
		"basic authentication is disabled":              "basic authentication is disabled",
		"bearer challenge has no realm":                 "bearer challenge has no realm",
		"invalid password: wrong username or password?": "invalid password: REDACTED username or password?",
		"manifest tagged by \"v1\" is not found":        "manifest tagged by \"v1\" is not found",
	} {
		if diff := cmp.Diff(want, redact.Text(in)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", in, diff)
		}
	}
}

// FuzzTextHidesMarkedSecrets puts secrets of every shape into arbitrary text.
func FuzzTextHidesMarkedSecrets(f *testing.F) {
	for _, seed := range []string{"", "a", "x\n", "https://h/?a=b&", `{"a":"b",`, "\xff", "?", "Bearer ", "sig="} {
		f.Add(seed, seed)
	}
	f.Fuzz(func(t *testing.T, before, after string) {
		// Glued to a word on either side, text is another text.
		for _, secret := range []string{token, signed + " "} {
			got := redact.Text(before + " " + secret + " " + after)
			for _, part := range []string{"eyJqdGkiOiJtYXJrZWQifQ", "s3cr%2Bet"} {
				if strings.Contains(got, part) && !strings.Contains(before+after, part) {
					t.Errorf("%q shows %q", got, part)
				}
			}
		}
		redact.URL(before + after)
		redact.Header(http.Header{before: {after}})
	})
}
