// Command listing walks through a registry as programs do that were written
// for the official library: repositories, then the tags and manifests of each,
// by its pagers, in pages, and in the order of time.
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/containers/azcontainerregistry"

	"github.com/acrkit/azcontainerregistry/interop/programs/internal/signin"
)

func main() {
	client, err := azcontainerregistry.NewClient(os.Getenv("ACR_ENDPOINT"), signin.Credential(), nil)
	if err != nil {
		log.Fatalf("failed to create client: %v", err)
	}
	ctx := context.Background()
	repositories := client.NewListRepositoriesPager(&azcontainerregistry.ClientListRepositoriesOptions{MaxNum: to.Ptr[int32](1)})
	for repositories.More() {
		page, err := repositories.NextPage(ctx)
		if err != nil {
			log.Fatalf("failed to advance page: %v", err)
		}
		for _, name := range page.Repositories.Names {
			fmt.Printf("repository: %s\n", *name)
			tags(ctx, client, *name)
			manifests(ctx, client, *name)
		}
	}
}

func tags(ctx context.Context, client *azcontainerregistry.Client, name string) {
	pager := client.NewListTagsPager(name, &azcontainerregistry.ClientListTagsOptions{
		MaxNum:  to.Ptr[int32](2),
		OrderBy: to.Ptr(azcontainerregistry.ArtifactTagOrderByLastUpdatedOnAscending),
	})
	for pager.More() {
		page, err := pager.NextPage(ctx)
		if err != nil {
			log.Fatalf("failed to advance page: %v", err)
		}
		for _, tag := range page.TagList.Tags {
			fmt.Printf("tag: %s %s writable=%t\n", *tag.Name, *tag.Digest, *tag.ChangeableAttributes.CanWrite)
		}
	}
}

func manifests(ctx context.Context, client *azcontainerregistry.Client, name string) {
	pager := client.NewListManifestsPager(name, &azcontainerregistry.ClientListManifestsOptions{
		OrderBy: to.Ptr(azcontainerregistry.ArtifactManifestOrderByLastUpdatedOnDescending),
	})
	for pager.More() {
		page, err := pager.NextPage(ctx)
		if err != nil {
			log.Fatalf("failed to advance page: %v", err)
		}
		for _, manifest := range page.Manifests.Attributes {
			fmt.Printf("manifest: %s %s %d tags\n", *manifest.Digest, *manifest.MediaType, len(manifest.Tags))
		}
	}
}
