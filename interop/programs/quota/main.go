// Command quota prints sizes and counts of repositories as metrics, and what the
// registry's headers and raw bodies say of each call, which it captures.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/containers/azcontainerregistry"

	"github.com/acrkit/azcontainerregistry/interop/programs/internal/signin"
)

func main() {
	endpoint := os.Getenv("ACR_ENDPOINT")
	client, err := azcontainerregistry.NewClient(endpoint, signin.Credential(), nil)
	check(err)
	var raw *http.Response
	ctx := policy.WithCaptureResponse(context.Background(), &raw)
	repositories := client.NewListRepositoriesPager(&azcontainerregistry.ClientListRepositoriesOptions{MaxNum: to.Ptr[int32](1)})
	for repositories.More() {
		page, err := repositories.NextPage(ctx)
		check(err)
		if page.Link != nil {
			fmt.Printf("# next %s\n", strings.TrimPrefix(*page.Link, endpoint))
		}
		fmt.Printf("# %d %s\n", raw.StatusCode, raw.Header.Get("Content-Type"))
		body, err := io.ReadAll(raw.Body)
		check(err)
		var list struct{ Repositories []string }
		check(json.Unmarshal(body, &list))
		fmt.Println("# captured", list.Repositories)
		for _, name := range page.Names {
			measure(client, *name)
		}
	}
	//lint:ignore SA1019 programs of v0.2.3 call it by this name
	_, err = client.GetRepositoryProperties(runtime.WithCaptureResponse(context.Background(), &raw), "none", nil)
	body, readErr := io.ReadAll(raw.Body)
	fmt.Println("# failed", err != nil, raw.StatusCode, len(body) > 0, readErr)
}

func measure(client *azcontainerregistry.Client, name string) {
	ctx := context.Background()
	var size, untagged int64
	manifests := client.NewListManifestsPager(name, &azcontainerregistry.ClientListManifestsOptions{MaxNum: to.Ptr[int32](3)})
	for page, err := range pages(ctx, manifests) {
		check(err)
		for _, m := range page.Attributes {
			size += *m.Size
			if len(m.Tags) == 0 {
				untagged++
			}
		}
	}
	properties, err := client.GetRepositoryProperties(ctx, name, nil)
	check(err)
	fmt.Printf("acr_repository_bytes{name=%q} %d\n", name, size)
	fmt.Printf("acr_repository_manifests{name=%q} %d\n", name, *properties.ContainerRepositoryProperties.ManifestCount)
	fmt.Printf("acr_repository_tags{name=%q} %d\n", name, *properties.TagCount)
	fmt.Printf("acr_repository_untagged{name=%q} %d\n", name, untagged)
}

// pages makes a loop of any pager.
func pages[T any](ctx context.Context, pager *runtime.Pager[T]) func(func(T, error) bool) {
	return func(yield func(T, error) bool) {
		for pager.More() {
			page, err := pager.NextPage(ctx)
			if !yield(page, err) || err != nil {
				return
			}
		}
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
