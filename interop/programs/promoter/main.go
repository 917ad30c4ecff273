// Command promoter gives a tested image its release tag, locks it and frees it
// again. It reaches the registry through a gateway with a path of its own, which
// it rewrites as proxies do, and repeats by itself what is busy.
package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"sync/atomic"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/streaming"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/containers/azcontainerregistry"

	"github.com/acrkit/azcontainerregistry/interop/programs/internal/signin"
)

// gateway serves a registry below /registries/main, and is busy once.
func gateway(registry string) *httptest.Server {
	target, err := url.Parse(registry)
	check(err)
	var busy atomic.Bool
	busy.Store(true)
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = target.Host
	}}
	return httptest.NewServer(http.StripPrefix("/registries/main", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut && busy.Swap(false) {
			w.WriteHeader(http.StatusConflict)
			return
		}
		proxy.ServeHTTP(w, r)
	})))
}

// patient repeats what the gateway is too busy for.
type patient struct{ repeated *int }

func (p patient) Do(req *policy.Request) (*http.Response, error) {
	resp, err := req.Next()
	for n := 0; err == nil && resp.StatusCode == http.StatusConflict && n < 3; n++ {
		*p.repeated++
		if err := req.RewindBody(); err != nil {
			return nil, err
		}
		resp, err = req.Clone(req.Raw().Context()).Next()
	}
	return resp, err
}

func main() {
	server := gateway(os.Getenv("ACR_ENDPOINT"))
	defer server.Close()
	repeated := 0
	client, err := azcontainerregistry.NewClient(server.URL+"/registries/main/", signin.Credential(), &azcontainerregistry.ClientOptions{
		ClientOptions: azcore.ClientOptions{PerCallPolicies: []policy.Policy{patient{&repeated}}},
	})
	check(err)
	ctx := context.Background()
	const name = "library/app"
	candidate, err := client.GetManifest(ctx, name, "v3", nil)
	check(err)
	properties, err := client.GetManifestProperties(ctx, name, *candidate.DockerContentDigest, nil)
	check(err)
	data, err := io.ReadAll(candidate.ManifestData)
	check(err)
	released, err := client.UploadManifest(ctx, name, "release", azcontainerregistry.ContentType(*properties.Manifest.MediaType), streaming.NopCloser(bytes.NewReader(data)), nil)
	check(err)
	fmt.Println("released", *released.DockerContentDigest == *candidate.DockerContentDigest, repeated)

	lock := func(writable bool) {
		resp, err := client.UpdateTagProperties(ctx, name, "release", &azcontainerregistry.ClientUpdateTagPropertiesOptions{
			Value: &azcontainerregistry.TagWriteableProperties{CanWrite: to.Ptr(writable), CanDelete: to.Ptr(writable)},
		})
		check(err)
		fmt.Println("writable", *resp.Tag.ChangeableAttributes.CanWrite, *resp.Tag.Name)
	}
	lock(false)
	_, err = client.DeleteTag(ctx, name, "release", nil)
	if e, ok := err.(*azcore.ResponseError); ok {
		fmt.Println("locked", e.StatusCode, strings.HasPrefix(e.Error(), "DELETE http://"), strings.Contains(e.Error(), "RESPONSE 405"))
	}
	lock(true)
	_, err = client.DeleteTag(ctx, name, "release", nil)
	check(err)
	tags := client.NewListTagsPager(name, &azcontainerregistry.ClientListTagsOptions{MaxNum: to.Ptr[int32](1), Digest: candidate.DockerContentDigest})
	for tags.More() {
		page, err := tags.NextPage(ctx)
		check(err)
		for _, tag := range page.Tags {
			fmt.Println("left", *tag.Name)
		}
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
