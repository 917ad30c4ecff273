// Command provider is a resource of a declarative tool, a lock on a tag, with its
// create, read, update and delete. As such providers do in their tests, it plays
// a recording: a request that isn't recorded, with its escaped path and its body,
// fails.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/containers/azcontainerregistry"

	"github.com/acrkit/azcontainerregistry/interop/programs/internal/signin"
)

type exchange struct {
	Method, URI, Body string
	Status            int
	Response          string
	used              bool
}

// recording was made with the library as it is, with the tokens taken out.
var recording = []exchange{
	{Method: "GET", URI: "/acr/v1/infra%2Fproxy/_tags/v1?api-version=2021-07-01", Status: 401},
	{Method: "POST", URI: "/oauth2/exchange?api-version=2021-07-01", Status: 200, Response: `{"refresh_token":"e30.eyJleHAiOjQxMDI0NDQ4MDB9.c2ln"}`},
	{Method: "POST", URI: "/oauth2/token?api-version=2021-07-01", Status: 200, Response: `{"access_token":"e30.eyJleHAiOjQxMDI0NDQ4MDB9.c2ln"}`},
	{Method: "GET", URI: "/acr/v1/infra%2Fproxy/_tags/v1?api-version=2021-07-01", Status: 200, Response: tagV1("true")},
	{Method: "PATCH", URI: "/acr/v1/infra%2Fproxy/_tags/v1?api-version=2021-07-01", Body: `{"deleteEnabled":false,"writeEnabled":false}`, Status: 200, Response: tagV1("false")},
	{Method: "GET", URI: "/acr/v1/infra%2Fproxy/_tags/gone?api-version=2021-07-01", Status: 404, Response: `{"errors":[{"code":"TAG_UNKNOWN","message":"the specified tag does not exist"}]}`},
	{Method: "DELETE", URI: "/acr/v1/infra%2Fproxy/_tags/v1?api-version=2021-07-01", Status: 405, Response: `{"errors":[{"code":"UNSUPPORTED","message":"The operation is disallowed on this registry, repository or image."}]}`},
	{Method: "DELETE", URI: "/acr/v1/infra%2Fproxy/_tags/gone?api-version=2021-07-01", Status: 404},
}

func tagV1(enabled string) string {
	return `{"registry":"contoso.azurecr.io","imageName":"infra/proxy","tag":{"name":"v1","digest":"sha256:1","createdTime":"2024-01-02T03:04:05.6789Z","lastUpdateTime":"2024-01-02T03:04:05.6789Z","signed":false,"changeableAttributes":{"deleteEnabled":` + enabled + `,"writeEnabled":` + enabled + `,"readEnabled":true,"listEnabled":true}}}`
}

type player struct{ exchanges []exchange }

func (p *player) Do(req *http.Request) (*http.Response, error) {
	var body []byte
	if req.Body != nil {
		var err error
		if body, err = io.ReadAll(req.Body); err != nil {
			return nil, err
		}
	}
	for i := range p.exchanges {
		e := &p.exchanges[i]
		authorized := req.Header.Get("Authorization") != "" || strings.HasPrefix(e.URI, "/oauth2/")
		if e.used || e.Method != req.Method || e.URI != req.URL.RequestURI() || e.Body != "" && !sameJSON(e.Body, body) || authorized == (e.Status == http.StatusUnauthorized) {
			continue
		}
		// Tokens may be asked for again, one a scope.
		e.used = !strings.HasPrefix(e.URI, "/oauth2/")
		resp := &http.Response{
			StatusCode: e.Status, Status: fmt.Sprintf("%d %s", e.Status, http.StatusText(e.Status)),
			Header: http.Header{"Content-Type": {"application/json; charset=utf-8"}}, Body: io.NopCloser(strings.NewReader(e.Response)),
			Request: req,
		}
		if e.Status == http.StatusUnauthorized {
			// The recorder replaced the registry's name in the realm.
			resp.Header.Set("Www-Authenticate", `Bearer realm="https://recorded.azurecr.io/oauth2/token",service="recorded.azurecr.io",scope="repository:infra/proxy:metadata_read"`)
		}
		return resp, nil
	}
	return nil, fmt.Errorf("%s %s %q isn't recorded", req.Method, req.URL.RequestURI(), body)
}

func sameJSON(a string, b []byte) bool {
	var x, y any
	if json.Unmarshal([]byte(a), &x) != nil || json.Unmarshal(b, &y) != nil {
		return false
	}
	one, _ := json.Marshal(x)
	other, _ := json.Marshal(y)
	return bytes.Equal(one, other)
}

// state is what the tool keeps of a tag.
type state struct{ ID, Digest string }

var errGone = errors.New("gone")

func read(ctx context.Context, client *azcontainerregistry.Client, tag string) (*state, error) {
	resp, err := client.GetTagProperties(ctx, "infra/proxy", tag, nil)
	if e, ok := err.(*azcore.ResponseError); ok && e.StatusCode == http.StatusNotFound {
		return nil, errGone
	}
	if err != nil {
		return nil, err
	}
	return &state{*resp.RepositoryName + ":" + *resp.Tag.Name, *resp.Tag.Digest}, nil
}

func main() {
	p := &player{recording}
	client, err := azcontainerregistry.NewClient("https://contoso.azurecr.io", signin.Credential(), &azcontainerregistry.ClientOptions{
		ClientOptions: azcore.ClientOptions{Transport: p, Retry: policy.RetryOptions{MaxRetries: -1}, Telemetry: policy.TelemetryOptions{ApplicationID: "provider/1"}},
	})
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	for _, tag := range []string{"v1", "gone", "unrecorded"} {
		s, err := read(ctx, client, tag)
		fmt.Println("read", tag, s, err == errGone, err)
	}
	updated, err := client.UpdateTagProperties(ctx, "infra/proxy", "v1", &azcontainerregistry.ClientUpdateTagPropertiesOptions{
		Value: &azcontainerregistry.TagWriteableProperties{CanDelete: to.Ptr(false), CanWrite: to.Ptr(false)},
	})
	fmt.Println("locked", err, *updated.Tag.ChangeableAttributes.CanWrite, updated.Tag.CreatedOn)
	_, err = client.DeleteTag(ctx, "infra/proxy", "v1", nil)
	fmt.Println("delete", strings.Contains(fmt.Sprint(err), "RESPONSE 405: 405 Method Not Allowed"), strings.Contains(fmt.Sprint(err), "disallowed"))
	_, err = client.DeleteTag(ctx, "infra/proxy", "gone", nil)
	fmt.Println("delete again", err)
	for _, e := range p.exchanges {
		if !e.used && !strings.HasPrefix(e.URI, "/oauth2/") {
			fmt.Println("not asked:", e.Method, e.URI)
		}
	}
}
