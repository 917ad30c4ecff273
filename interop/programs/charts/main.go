// Command charts lists charts by a token of the registry's own, which a policy of
// the program's sets, as there was no other way. Its loop asks again for a page
// that failed, and its log has the bodies.
package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	azlog "github.com/Azure/azure-sdk-for-go/sdk/azcore/log"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/containers/azcontainerregistry"
)

// basic sets the header of a user and a password.
type basic struct{ user, password string }

func (b basic) Do(req *policy.Request) (*http.Response, error) {
	req.Raw().Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(b.user+":"+b.password)))
	return req.Next()
}

func main() {
	var mu sync.Mutex
	requests := map[string]int{}
	failed := false
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		user, password, ok := r.BasicAuth()
		requests[fmt.Sprint(r.Method, " ", r.URL.EscapedPath(), " ", ok && user == "token" && password == "secret")]++
		switch {
		case !ok:
			w.Header().Set("WWW-Authenticate", `Basic realm="charts"`)
			w.WriteHeader(http.StatusUnauthorized)
		case r.URL.Path == "/acr/v1/_catalog" && r.URL.Query().Get("last") == "":
			w.Header().Set("Link", `</acr/v1/_catalog?last=charts%2Fnginx&n=1>; rel="next"`)
			io.WriteString(w, `{"repositories":["charts/nginx"]}`)
		case r.URL.Path == "/acr/v1/_catalog" && !failed:
			failed = true
			w.WriteHeader(http.StatusServiceUnavailable)
		case r.URL.Path == "/acr/v1/_catalog":
			io.WriteString(w, `{"repositories":["charts/redis"]}`)
		case strings.HasSuffix(r.URL.Path, "/_tags"):
			io.WriteString(w, `{"tags":[{"name":"1.0.0"},{"name":"1.1.0"}]}`)
		case strings.Contains(r.URL.Path, "/manifests/"):
			w.Header().Set("Docker-Content-Digest", "sha256:made-up")
			w.Header().Set("Content-Type", "application/vnd.oci.image.manifest.v1+json")
			io.WriteString(w, `{"config":{"digest":"sha256:config"}}`)
		case strings.Contains(r.URL.Path, "/blobs/"):
			io.WriteString(w, `{"name":"chart","version":"1.1.0"}`)
		default:
			http.NotFound(w, r)
		}
	}))
	defer server.Close()

	var bodies []string
	azlog.SetEvents(azlog.EventResponse)
	azlog.SetListener(func(_ azlog.Event, text string) {
		if strings.Contains(text, "secret") || strings.Contains(text, base64.StdEncoding.EncodeToString([]byte("token:secret"))) {
			log.Fatal("the log shows the password")
		}
		for line := range strings.Lines(text) {
			if strings.HasPrefix(line, "{") {
				bodies = append(bodies, strings.TrimSpace(line))
			}
		}
	})
	defer azlog.SetListener(nil)
	o := azcore.ClientOptions{
		PerCallPolicies: []policy.Policy{basic{"token", "secret"}},
		Retry:           policy.RetryOptions{MaxRetries: -1},
		Logging:         policy.LogOptions{IncludeBody: true},
	}
	client, err := azcontainerregistry.NewClient(server.URL, nil, &azcontainerregistry.ClientOptions{ClientOptions: o})
	check(err)
	blobs, err := azcontainerregistry.NewBlobClient(server.URL, nil, &azcontainerregistry.BlobClientOptions{ClientOptions: o})
	check(err)
	ctx := context.Background()
	pager := client.NewListRepositoriesPager(&azcontainerregistry.ClientListRepositoriesOptions{MaxNum: to.Ptr[int32](1)})
	for failures := 0; pager.More(); {
		page, err := pager.NextPage(ctx)
		if err != nil {
			if failures++; failures > 3 {
				fmt.Println("given up")
				break
			}
			fmt.Println("again:", err.(*azcore.ResponseError).StatusCode)
			continue
		}
		for _, name := range page.Names {
			show(ctx, client, blobs, *name)
		}
	}
	for _, body := range bodies {
		fmt.Println("logged", body)
	}
	data, err := json.MarshalIndent(requests, "", " ")
	check(err)
	fmt.Println(string(data))
}

func show(ctx context.Context, client *azcontainerregistry.Client, blobs *azcontainerregistry.BlobClient, name string) {
	tags := client.NewListTagsPager(name, &azcontainerregistry.ClientListTagsOptions{OrderBy: to.Ptr(azcontainerregistry.ArtifactTagOrderByLastUpdatedOnDescending)})
	for tags.More() {
		page, err := tags.NextPage(ctx)
		check(err)
		for _, tag := range page.Tags {
			manifest, err := client.GetManifest(ctx, name, *tag.Name, nil)
			check(err)
			var content struct{ Config struct{ Digest string } }
			check(json.NewDecoder(manifest.ManifestData).Decode(&content))
			config, err := blobs.GetBlob(ctx, name, content.Config.Digest, nil)
			check(err)
			data, err := io.ReadAll(config.BlobData)
			check(err)
			fmt.Println(name, *tag.Name, *manifest.DockerContentDigest, string(data))
		}
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
