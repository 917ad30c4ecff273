package diagnose_test

import (
	"errors"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	azcontainerregistry "github.com/acrkit/azcontainerregistry"
	"github.com/acrkit/azcontainerregistry/diagnose"
	"github.com/acrkit/azcontainerregistry/internal/diagnosetest"
	"github.com/acrkit/azcontainerregistry/internal/wire"
)

// TestDiagnoseReadsARecordingAsTheLibraryDoes replays each recorded response to
// the library, and compares the library's reading of it with that of diagnose:
// the error's code, the challenge to follow, the wait, the token's end.
func TestDiagnoseReadsARecordingAsTheLibraryDoes(t *testing.T) {
	compared := 0
	for _, r := range diagnosetest.Recordings(t, "testdata/explain") {
		name := strings.TrimSuffix(filepath.Base(r.Path), ".txtar")
		if r.Section("request") == "" || foreign[name] != "" {
			continue
		}
		err := replay(t, r)
		var response *azcore.ResponseError
		if !errors.As(err, &response) || response.RawResponse == nil || response.RawResponse.Request.URL.Path == "/v2/" {
			continue // no call of the library asks for /v2/ alone
		}
		compared++
		read, raw := diagnose.Read(err), response.RawResponse
		if read.Code != response.ErrorCode {
			t.Errorf("%s: the code is %q to the library and %q to diagnose", name, response.ErrorCode, read.Code)
		}
		if id := azcontainerregistry.CorrelationID(err); id != read.CorrelationID {
			t.Errorf("%s: the correlation id is %q to the library and %q to diagnose", name, id, read.CorrelationID)
		}
		if c, ok := wire.FindChallenge(wire.ParseChallenges(raw.Header.Values("WWW-Authenticate")), "bearer"); ok &&
			(read.Scheme != "bearer" || read.Realm != c.Params["realm"] || read.Scope != c.Params["scope"] || read.Service != c.Params["service"]) {
			t.Errorf("%s: the library follows %v, diagnose reads %+v", name, c, read)
		}
		date, _ := http.ParseTime(raw.Header.Get("Date"))
		if wait, ok := wire.RetryAfter(raw.Header.Get("Retry-After"), date); ok && wait != read.Wait {
			t.Errorf("%s: the library waits %s, diagnose reads %s", name, wait, read.Wait)
		}
		if token, ok := strings.CutPrefix(raw.Request.Header.Get("Authorization"), "Bearer "); ok {
			if _, end, ok := wire.TokenTimes(token); ok && !end.Equal(read.Expires) {
				t.Errorf("%s: the token ends at %s to the library and at %s to diagnose", name, end, read.Expires)
			}
		}
	}
	if compared < 60 {
		t.Errorf("%d recordings were compared", compared)
	}
}

// TestChallengesAreReadWhole: the Bearer challenge counts wherever it stands,
// and quoted pairs are part of a value.
func TestChallengesAreReadWhole(t *testing.T) {
	const bearer = `Bearer realm="https://myreg.azurecr.io/oauth2/token",service="my\"reg",scope="repository:team/app:pull",error="insufficient_scope"`
	for name, header := range map[string][]string{
		"a second header line":  {`Basic realm="myreg"`, bearer},
		"a second in one line":  {`Basic realm="my, reg", ` + bearer},
		"before another":        {bearer + `, Basic realm="myreg"`},
		"names in another case": {strings.NewReplacer("Bearer", "BEARER", "realm", "Realm", "scope=", "SCOPE=").Replace(bearer)},
	} {
		response := &http.Response{StatusCode: http.StatusUnauthorized, Header: http.Header{"Www-Authenticate": header}}
		read := diagnose.Read(&azcore.ResponseError{StatusCode: http.StatusUnauthorized, RawResponse: response})
		if read.Scheme != "bearer" || read.Service != `my"reg` || read.Scope != "repository:team/app:pull" || read.Error != "insufficient_scope" ||
			read.Realm != "https://myreg.azurecr.io/oauth2/token" {
			t.Errorf("%s: %+v", name, read)
		}
	}
}

// TestWaitsAreReadByTheServersClock: a date counts from the response's own.
func TestWaitsAreReadByTheServersClock(t *testing.T) {
	for _, test := range []struct {
		after, date string
		want        time.Duration
	}{
		{"17", "", 17 * time.Second},
		{"Tue, 14 Nov 2023 22:14:20 GMT", "Tue, 14 Nov 2023 22:13:20 GMT", time.Minute},
		{"Tue, 14 Nov 2023 22:14:20 GMT", "", 0},
		{"Tue, 14 Nov 2023 22:12:20 GMT", "Tue, 14 Nov 2023 22:13:20 GMT", 0},
		{"soon", "Tue, 14 Nov 2023 22:13:20 GMT", 0},
	} {
		response := &http.Response{StatusCode: http.StatusTooManyRequests, Header: http.Header{"Retry-After": {test.after}, "Date": {test.date}}}
		if read := diagnose.Read(&azcore.ResponseError{StatusCode: http.StatusTooManyRequests, RawResponse: response}); read.Wait != test.want {
			t.Errorf("%q at %q: %s, want %s", test.after, test.date, read.Wait, test.want)
		}
	}
}
