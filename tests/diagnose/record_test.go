package diagnose_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"github.com/acrkit/azcontainerregistry/diagnose"
	"github.com/acrkit/azcontainerregistry/internal/diagnosetest"
)

// recordedHeaders are those that rows look at.
var recordedHeaders = []string{
	"Accept", "Content-Type", "Content-Range", "Date", "Docker-Distribution-Api-Version", "Range", "Retry-After",
	"Server", "Www-Authenticate", "X-Ms-Correlation-Request-Id", "X-Ms-Error-Code",
}

// anyJWT finds the tokens in a recording.
var anyJWT = regexp.MustCompile(`eyJ[\w-]+\.([\w-]+)\.[\w-]+`)

// TestEmulatorsFaultsAreRecorded keeps, beside the recordings of the protocol's
// own text, one of each scenario as the emulator answers it. With -update they
// are made anew; TestEveryRecordingHasItsDiagnosis reads them.
func TestEmulatorsFaultsAreRecorded(t *testing.T) {
	for name, s := range scenarios {
		path := filepath.Join("..", "..", "diagnose", "testdata", "explain", s.code+".emulator-"+name+".txtar")
		s.run(t, func(t *testing.T, err error) {
			var response *azcore.ResponseError
			if !errors.As(err, &response) {
				return
			}
			if !*update {
				if _, err := os.Stat(path); err != nil {
					t.Errorf("run with -update: %v", err)
				}
				return
			}
			r := diagnosetest.Parse(path, record(t, name, response))
			d, _ := diagnose.Explain(diagnosetest.ExchangeError(t, r.Section("request"), r.Section("response"), r.Section("claims")))
			r.Write(t, "diagnosis", diagnosetest.Golden(t, d))
		})
	}
}

// record writes an exchange as a recording: without what differs between two
// runs, and without a signature.
func record(t *testing.T, name string, failed *azcore.ResponseError) string {
	t.Helper()
	answer, request := failed.RawResponse, failed.RawResponse.Request
	body, err := runtime.Payload(answer)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "The emulator, made to fail: %s.\n-- request --\n%s %s HTTP/1.1\nHost: %s\n", name, request.Method, request.URL.RequestURI(), request.URL.Host)
	claims := ""
	if token, ok := strings.CutPrefix(request.Header.Get("Authorization"), "Bearer "); ok {
		b.WriteString("Authorization: Bearer {token}\n")
		claims = lasting(t, token)
	}
	writeHeaders(&b, request.Header)
	b.WriteString("\n")
	if form, ok := request.Body.(interface{ Bytes() []byte }); ok && form.Bytes() != nil {
		b.WriteString(anyJWT.ReplaceAllStringFunc(string(form.Bytes()), func(token string) string { return diagnosetest.JWT(lasting(t, token)) }) + "\n")
	}
	if claims != "" {
		fmt.Fprintf(&b, "-- claims --\n%s\n", claims)
	}
	fmt.Fprintf(&b, "-- response --\nHTTP/1.1 %s\n", answer.Status)
	writeHeaders(&b, answer.Header)
	fmt.Fprintf(&b, "\n%s\n", strings.TrimRight(string(body), "\n"))
	text := ids.ReplaceAllString(b.String(), "00000000-0000-4000-8000-000000000000")
	return uploadState.ReplaceAllString(signature.ReplaceAllString(text, "sig=secret-signature"), "_state=secret-state")
}

var (
	uploadState = regexp.MustCompile(`_state=[^&\s]+`)
	signature   = regexp.MustCompile(`\bsig=[^&\s]+`)
)

func writeHeaders(b *strings.Builder, header map[string][]string) {
	for _, name := range recordedHeaders {
		for _, value := range header[name] {
			fmt.Fprintf(b, "%s: %s\n", name, value)
		}
	}
}

// lasting returns a token's claims without the ids that are new in each token.
func lasting(t *testing.T, token string) string {
	t.Helper()
	parts := strings.Split(token, ".")
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	claims := map[string]json.RawMessage{}
	if err := json.Unmarshal(payload, &claims); err != nil {
		t.Fatal(err)
	}
	delete(claims, "jti")
	delete(claims, "rid")
	data, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
