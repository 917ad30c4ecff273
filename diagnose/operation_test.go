package diagnose_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	azcontainerregistry "github.com/acrkit/azcontainerregistry"
	"github.com/acrkit/azcontainerregistry/diagnose"
)

type transportFunc func(*http.Request) (int, string)

func (f transportFunc) Do(req *http.Request) (*http.Response, error) {
	status, body := f(req)
	return &http.Response{
		StatusCode: status, Status: fmt.Sprintf("%d %s", status, http.StatusText(status)), Request: req,
		Header: http.Header{"Www-Authenticate": {`Bearer realm="https://contoso.azurecr.io/oauth2/token",service="contoso.azurecr.io",scope="repository:team/app:pull"`}},
		Body:   io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
	}, nil
}

// TestExplainReadsTheOperationOffAPlainResponseError explains what v0.2.3's
// methods return, an error of azcore's without anything around it: how often the
// call was sent, and of which repository it is behind a gateway's own path, are in
// neither its text nor its address.
func TestExplainReadsTheOperationOffAPlainResponseError(t *testing.T) {
	for name, test := range map[string]struct {
		transport transportFunc
		seen      string
		about     string
	}{
		"retries": {
			func(*http.Request) (int, string) { return 503, "" },
			"the library tried 3 times", "",
		},
		"gateway": {
			func(*http.Request) (int, string) {
				return 404, `{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest tagged by v1 is not found"}]}`
			},
			"", "team/app",
		},
	} {
		c, err := azcontainerregistry.NewClient("https://gateway.example/registries/contoso", nil, &azcontainerregistry.ClientOptions{ClientOptions: azcore.ClientOptions{
			Transport: test.transport, Retry: policy.RetryOptions{MaxRetries: 2, RetryDelay: time.Nanosecond, MaxRetryDelay: time.Nanosecond},
		}})
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.GetManifest(t.Context(), "team/app", "v1", nil)
		if _, ok := err.(*azcore.ResponseError); !ok {
			t.Fatalf("%s: %T: %v", name, err, err)
		}
		d, known := diagnose.Explain(err)
		text, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		if !known || !strings.Contains(string(text), test.seen) || !strings.Contains(string(text), test.about) {
			t.Errorf("%s: %s", name, text)
		}
	}
}
