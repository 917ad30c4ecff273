// Command cleanup keeps the newest images of each repository and deletes the
// others, then a tag and a whole repository, as programs do that were written
// for the official library.
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

const keep = 2

func main() {
	client, err := azcontainerregistry.NewClient(os.Getenv("ACR_ENDPOINT"), signin.Credential(), nil)
	if err != nil {
		log.Fatalf("failed to create client: %v", err)
	}
	ctx := context.Background()
	const name = "library/app"
	pager := client.NewListManifestsPager(name, &azcontainerregistry.ClientListManifestsOptions{
		OrderBy: to.Ptr(azcontainerregistry.ArtifactManifestOrderByLastUpdatedOnDescending),
	})
	seen := 0
	for pager.More() {
		page, err := pager.NextPage(ctx)
		if err != nil {
			log.Fatalf("failed to advance page: %v", err)
		}
		for _, manifest := range page.Attributes {
			if seen++; seen <= keep {
				continue
			}
			if _, err := client.DeleteManifest(ctx, name, *manifest.Digest, nil); err != nil {
				log.Fatalf("failed to delete manifest: %v", err)
			}
			fmt.Printf("deleted: %s\n", *manifest.Digest)
		}
	}
	tags := client.NewListTagsPager(name, nil)
	for tags.More() {
		page, err := tags.NextPage(ctx)
		if err != nil {
			log.Fatalf("failed to advance page: %v", err)
		}
		for _, tag := range page.Tags {
			if _, err := client.DeleteTag(ctx, name, *tag.Name, nil); err != nil {
				log.Fatalf("failed to delete tag: %v", err)
			}
			fmt.Printf("untagged: %s\n", *tag.Name)
		}
	}
	if _, err := client.DeleteRepository(ctx, name, nil); err != nil {
		log.Fatalf("failed to delete repository: %v", err)
	}
	// Deleting what isn't there is no error.
	if _, err := client.DeleteRepository(ctx, name, nil); err != nil {
		log.Fatalf("failed to delete the repository again: %v", err)
	}
	fmt.Println("repository is gone")
}
