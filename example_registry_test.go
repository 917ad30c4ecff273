package azcontainerregistry_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

// A program has its login server's address here, and a credential of azidentity.
const endpoint = "https://contoso.azurecr.io"

var credential azcore.TokenCredential = exampleCredential{}

type exampleCredential struct{}

func (exampleCredential) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{Token: "token", ExpiresOn: time.Now().Add(time.Hour)}, nil
}

// exampleRegistry is as much of a registry as the examples call, within this
// process: the library's own tests run against package emulator, which is
// another module's.
type exampleRegistry struct {
	repositories []string
	tags         []string
	locked       bool
	content      map[string][]byte // by digest, manifests by reference too
	upload       []byte
}

// over returns options for a client of the registry.
func (r *exampleRegistry) over() azcore.ClientOptions {
	r.content = map[string][]byte{}
	return azcore.ClientOptions{Transport: r}
}

// Do implements [policy.Transporter].
func (r *exampleRegistry) Do(req *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	r.serve(w, req)
	resp := w.Result()
	resp.Request = req
	return resp, nil
}

func (r *exampleRegistry) serve(w http.ResponseWriter, req *http.Request) {
	var body []byte
	if req.Body != nil {
		body, _ = io.ReadAll(req.Body)
	}
	last := req.URL.Path[strings.LastIndex(req.URL.Path, "/")+1:]
	digest := func(data []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(data)) }
	switch path := req.URL.Path; {
	case strings.HasPrefix(path, "/oauth2/"):
		reply(w, 200, `{"refresh_token":"header.claims.signature","access_token":"header.claims.signature"}`)
	case path == "/acr/v1/_catalog":
		at := slices.Index(r.repositories, req.URL.Query().Get("last")) + 1
		if at+1 < len(r.repositories) {
			w.Header().Set("Link", `</acr/v1/_catalog?n=1&last=`+r.repositories[at]+`>; rel="next"`)
		}
		reply(w, 200, fmt.Sprintf(`{"repositories":[%q]}`, r.repositories[at]))
	case strings.HasSuffix(path, "/_tags"):
		var items []string
		for _, tag := range r.tags {
			items = append(items, fmt.Sprintf(`{"name":%q}`, tag))
		}
		reply(w, 200, `{"tags":[`+strings.Join(items, ",")+`]}`)
	case strings.Contains(path, "/_tags/") && !slices.Contains(r.tags, last):
		w.Header().Set("X-Ms-Correlation-Request-Id", "00000000-0000-4000-8000-000000000000")
		reply(w, 404, `{"errors":[{"code":"TAG_UNKNOWN","message":"the specified tag does not exist"}]}`)
	case req.Method == http.MethodPatch && strings.Contains(path, "/_tags/"):
		r.locked = strings.Contains(string(body), `"deleteEnabled":false`)
		reply(w, 200, fmt.Sprintf(`{"tag":{"name":%q}}`, last))
	case req.Method == http.MethodDelete && r.locked:
		reply(w, 405, `{"errors":[{"code":"REGISTRY_DISALLOWED_OPERATION","message":"the operation is disallowed on this registry, repository or image"}]}`)
	case req.Method == http.MethodPut && strings.Contains(path, "/manifests/"):
		r.content[last] = body
		w.Header().Set("Docker-Content-Digest", digest(body))
		reply(w, 201, "")
	case req.Method == http.MethodPost, req.Method == http.MethodPatch:
		r.upload = append(r.upload, body...)
		w.Header().Set("Location", strings.TrimSuffix(path, "/1")+"/1")
		w.Header().Set("Range", fmt.Sprintf("0-%d", max(len(r.upload)-1, 0)))
		reply(w, 202, "")
	case req.Method == http.MethodPut:
		r.upload = append(r.upload, body...)
		r.content[digest(r.upload)], r.upload = r.upload, nil
		w.Header().Set("Docker-Content-Digest", req.URL.Query().Get("digest"))
		reply(w, 201, "")
	default:
		data, ok := r.content[last]
		if !ok {
			reply(w, 404, "")
			return
		}
		var manifest struct{ MediaType string }
		if json.Unmarshal(data, &manifest) == nil {
			w.Header().Set("Content-Type", manifest.MediaType)
		}
		w.Header().Set("Docker-Content-Digest", digest(data))
		http.ServeContent(w, req, "", time.Time{}, bytes.NewReader(data))
	}
}

func reply(w http.ResponseWriter, status int, body string) {
	if body != "" {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
	}
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}
