package diagnose_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	azcontainerregistry "github.com/acrkit/azcontainerregistry"
	"github.com/acrkit/azcontainerregistry/diagnose"
	"github.com/acrkit/azcontainerregistry/internal/diagnosetest"
)

// FuzzExplainAnyAnswer feeds Explain arbitrary answers: it must not panic, must
// choose exactly one row of a rank, and must not show a secret it was sent.
func FuzzExplainAnyAnswer(f *testing.F) {
	const secret = "sEcReTvAlUe0123456789"
	f.Add(401, "GET", "/v2/a/manifests/b", `Bearer realm="https://r/oauth2/token",service="r",scope="repository:a:pull",error="insufficient_scope"`, "", `{"errors":[{"code":"UNAUTHORIZED","detail":[{"Type":"repository"}]}]}`, `{"aud":["x"],"exp":1e300}`)
	f.Add(403, "GET", "/v2/", "", "", `{"errors":[{"code":"DENIED","message":"client with IP '::1' is not allowed access"}]}`, `{}`)
	f.Add(429, "POST", "/oauth2/token", "", "-1", `{"errors":null}`, `[]`)
	f.Add(404, "HEAD", "/acr/v1/_deleted//_manifests", "Bearer ===,,\"", "Tue, 14 Nov 2023 22:13:20 GMT", "404 page not found\n", "")
	f.Add(200, "", "", "", "", "<html><title></title><input type=password>", `{"access":[{"actions":null}]}`)
	f.Add(400, "PUT", "/x?sig=1", "", "", "\ufeff<Error><Code>InvalidAuthenticationInfo</Code>", `{"aad_identity":null}`)
	f.Fuzz(func(t *testing.T, status int, method, path, challenge, wait, body, claims string) {
		request := &http.Request{
			Method: method, URL: &url.URL{Scheme: "https", Host: "myreg.azurecr.io", Path: path, RawQuery: "_state=" + secret},
			Header: http.Header{"Authorization": {"Bearer " + diagnosetest.JWT(claims)}, "Cookie": {secret}},
			Body:   diagnosetest.NewBody("grant_type=password&password=" + secret + "&username=" + url.QueryEscape(path)),
		}
		response := &http.Response{
			StatusCode: status, Request: request, Body: io.NopCloser(strings.NewReader(body)),
			Header: http.Header{"Www-Authenticate": {challenge}, "Retry-After": {wait}, "Location": {"https://h/?sig=" + secret}, "Date": {wait}},
		}
		err := runtime.NewResponseError(response)
		for _, err := range []error{err, &azcontainerregistry.RetriesExhaustedError{Attempts: 3, Err: err}, errors.New(body)} {
			d, _ := diagnose.Explain(err)
			if codes := diagnose.Matching(err); len(codes) != 1 || codes[0] != string(d.Code) {
				t.Errorf("fits %v, chosen %s", codes, d.Code)
			}
			data, failure := json.Marshal(d)
			if failure != nil {
				t.Fatal(failure)
			}
			if !strings.Contains(body+path+claims+challenge+wait+method, secret) && bytes.Contains(data, []byte(secret)) {
				t.Errorf("the diagnosis shows a secret: %s", data)
			}
		}
	})
}

// oddError is an error whose methods do what they please.
type oddError struct{ cyclic bool }

func (oddError) Error() string { panic("no text") }

func (e oddError) Unwrap() error {
	if e.cyclic {
		return e
	}
	panic("no cause")
}

func (oddError) Is(error) bool { panic("no comparison") }

// TestExplainSurvivesAnyErrorValue covers what the fuzzer cannot build.
func TestExplainSurvivesAnyErrorValue(t *testing.T) {
	var none *azcore.ResponseError
	var own *azcontainerregistry.DigestMismatchError
	for name, err := range map[string]error{
		"nil ResponseError":       none,
		"nil own error":           own,
		"no RawResponse":          &azcore.ResponseError{StatusCode: 401, ErrorCode: "UNAUTHORIZED"},
		"no status":               &azcore.ResponseError{},
		"no Request":              &azcore.ResponseError{StatusCode: 403, RawResponse: &http.Response{StatusCode: 403}},
		"no URL":                  &azcore.ResponseError{StatusCode: 404, RawResponse: &http.Response{StatusCode: 404, Request: &http.Request{}}},
		"panics":                  oddError{},
		"cyclic":                  oddError{cyclic: true},
		"wrapped":                 fmt.Errorf("%w and %w", oddError{}, io.EOF),
		"empty url.Error":         &url.Error{},
		"operation without cause": &azcontainerregistry.OperationError{Operation: "get manifest"},
		"retries without cause":   &azcontainerregistry.RetriesExhaustedError{},
	} {
		t.Run(name, func(t *testing.T) {
			d, _ := diagnose.Explain(err)
			if d.Code == "" || d.Title == "" {
				t.Errorf("no diagnosis: %+v", d)
			}
		})
	}
}

// TestExplainFindsTheCauseHoweverDeepItIs wraps an answer many times over, as
// programs with many layers do, and joins it to other errors.
func TestExplainFindsTheCauseHoweverDeepItIs(t *testing.T) {
	want, _ := diagnose.Explain(deniedExchange(t))
	err := deniedExchange(t)
	for i := range 300 {
		err = fmt.Errorf("layer %d: %w", i, err)
	}
	for name, err := range map[string]error{
		"wrapped": err,
		"joined":  errors.Join(errors.New("something else"), err, io.ErrClosedPipe),
	} {
		if d, known := diagnose.Explain(err); !known || d.Code != want.Code {
			t.Errorf("%s: explained as %s, want %s", name, d.Code, want.Code)
		}
	}
}

// FuzzNamesOfCodes looks up what people may type.
func FuzzNamesOfCodes(f *testing.F) {
	for _, seed := range []string{"", "FIREWALL_DENIED", "AADSTS50076", "aadsts", "50076", "UNAUTHORIZED", "\xff_", "€€€€€€€€€€"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		for _, row := range diagnose.Find(name) {
			if _, ok := diagnose.Lookup(row.Code); !ok {
				t.Errorf("Find(%q) has %q", name, row.Code)
			}
		}
		if n := len(diagnose.Similar(name)); n > 5 {
			t.Errorf("Similar(%q) has %d codes", name, n)
		}
	})
}
