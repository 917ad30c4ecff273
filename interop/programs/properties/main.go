// Command properties reads and changes the attributes of a repository, a tag
// and a manifest, and prints the errors of what isn't there, as programs do
// that were written for the official library.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/containers/azcontainerregistry"

	"github.com/acrkit/azcontainerregistry/interop/programs/internal/signin"
)

func main() {
	client, err := azcontainerregistry.NewClient(os.Getenv("ACR_ENDPOINT"), signin.Credential(), &azcontainerregistry.ClientOptions{
		ClientOptions: azcore.ClientOptions{},
	})
	if err != nil {
		log.Fatalf("failed to create client: %v", err)
	}
	ctx := context.Background()
	const name, tag = "library/app", "v1"

	tagResponse, err := client.UpdateTagProperties(ctx, name, tag, &azcontainerregistry.ClientUpdateTagPropertiesOptions{
		Value: &azcontainerregistry.TagWriteableProperties{CanWrite: to.Ptr(false), CanDelete: to.Ptr(false)},
	})
	if err != nil {
		log.Fatalf("failed to lock the tag: %v", err)
	}
	fmt.Printf("tag %s: write=%t delete=%t\n", *tagResponse.Tag.Name,
		*tagResponse.Tag.ChangeableAttributes.CanWrite, *tagResponse.Tag.ChangeableAttributes.CanDelete)

	properties, err := client.GetTagProperties(ctx, name, tag, nil)
	if err != nil {
		log.Fatalf("failed to get the tag: %v", err)
	}
	digest := *properties.Tag.Digest
	manifest, err := client.UpdateManifestProperties(ctx, name, digest, &azcontainerregistry.ClientUpdateManifestPropertiesOptions{
		Value: &azcontainerregistry.ManifestWriteableProperties{CanDelete: to.Ptr(false)},
	})
	if err != nil {
		log.Fatalf("failed to lock the manifest: %v", err)
	}
	fmt.Printf("manifest %s: delete=%t\n", *manifest.Manifest.Digest, *manifest.Manifest.ChangeableAttributes.CanDelete)
	if _, err := client.GetManifestProperties(ctx, name, digest, nil); err != nil {
		log.Fatalf("failed to get the manifest: %v", err)
	}

	repository, err := client.UpdateRepositoryProperties(ctx, name, &azcontainerregistry.ClientUpdateRepositoryPropertiesOptions{
		Value: &azcontainerregistry.RepositoryWriteableProperties{CanList: to.Ptr(true)},
	})
	if err != nil {
		log.Fatalf("failed to update the repository: %v", err)
	}
	fmt.Printf("repository %s: %d manifests, %d tags\n", *repository.Name, *repository.ManifestCount, *repository.TagCount)
	read, err := client.GetRepositoryProperties(ctx, name, nil)
	if err != nil {
		log.Fatalf("failed to get the repository: %v", err)
	}
	attributes, err := json.Marshal(read.ChangeableAttributes)
	if err != nil {
		log.Fatalf("failed to marshal: %v", err)
	}
	fmt.Printf("attributes: %s\n", attributes)

	_, err = client.GetTagProperties(ctx, name, "no-such-tag", nil)
	var responseError *azcore.ResponseError
	if !errors.As(err, &responseError) {
		log.Fatalf("want a response error, got %v", err)
	}
	fmt.Printf("no such tag: %d\n", responseError.StatusCode)

	if _, err := client.UpdateTagProperties(ctx, name, tag, &azcontainerregistry.ClientUpdateTagPropertiesOptions{
		Value: &azcontainerregistry.TagWriteableProperties{CanWrite: to.Ptr(true), CanDelete: to.Ptr(true)},
	}); err != nil {
		log.Fatalf("failed to unlock the tag: %v", err)
	}
	if _, err := client.UpdateManifestProperties(ctx, name, digest, &azcontainerregistry.ClientUpdateManifestPropertiesOptions{
		Value: &azcontainerregistry.ManifestWriteableProperties{CanDelete: to.Ptr(true)},
	}); err != nil {
		log.Fatalf("failed to unlock the manifest: %v", err)
	}
}
