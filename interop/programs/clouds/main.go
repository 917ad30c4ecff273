// Command clouds makes clients for other clouds and prints the enumerations
// and the JSON of the models, as programs do that were written for the
// official library. It sends no request.
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"slices"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/containers/azcontainerregistry"

	"github.com/acrkit/azcontainerregistry/interop/programs/internal/signin"
)

func main() {
	for _, configuration := range []cloud.Configuration{cloud.AzurePublic, cloud.AzureChina, cloud.AzureGovernment} {
		options := azcore.ClientOptions{Cloud: configuration, Retry: policy.RetryOptions{MaxRetries: 1}}
		if _, err := azcontainerregistry.NewClient("https://contoso.azurecr.cn", signin.Credential(), &azcontainerregistry.ClientOptions{ClientOptions: options}); err != nil {
			log.Fatalf("failed to create client: %v", err)
		}
		if _, err := azcontainerregistry.NewBlobClient("https://contoso.azurecr.cn", signin.Credential(), &azcontainerregistry.BlobClientOptions{ClientOptions: options}); err != nil {
			log.Fatalf("failed to create blob client: %v", err)
		}
		audience := configuration.Services[azcontainerregistry.ServiceName].Audience
		fmt.Printf("audience: %s\n", audience)
	}
	fmt.Println(azcontainerregistry.PossibleArtifactArchitectureValues())
	fmt.Println(azcontainerregistry.PossibleArtifactOperatingSystemValues())
	fmt.Println(azcontainerregistry.PossibleArtifactManifestOrderByValues(), azcontainerregistry.PossibleArtifactTagOrderByValues())
	// The list of content types may grow.
	fmt.Println(slices.Contains(azcontainerregistry.PossibleContentTypeValues(), azcontainerregistry.ContentTypeApplicationVndOciImageManifestV1JSON))
	fmt.Println(azcontainerregistry.PossiblePostContentSchemaGrantTypeValues(), azcontainerregistry.PossibleTokenGrantTypeValues())

	var list azcontainerregistry.TagList
	if err := json.Unmarshal([]byte(`{"registry":"contoso.azurecr.io","imageName":"app","tags":[{"name":"v1","digest":"sha256:00","createdTime":"2023-02-19T00:32:09.2339719Z","lastUpdateTime":"2023-02-19T00:32:09Z","changeableAttributes":{"deleteEnabled":true,"writeEnabled":false}}]}`), &list); err != nil {
		log.Fatalf("failed to unmarshal: %v", err)
	}
	tag := list.Tags[0]
	fmt.Println(*list.RegistryLoginServer, *list.Repository, *tag.Name, tag.CreatedOn.UTC(), tag.LastUpdatedOn.UTC(), *tag.ChangeableAttributes.CanWrite)
	data, err := json.Marshal(azcontainerregistry.ManifestWriteableProperties{CanDelete: to.Ptr(false), CanList: to.Ptr(true)})
	if err != nil {
		log.Fatalf("failed to marshal: %v", err)
	}
	fmt.Println(string(data))
	var manifest azcontainerregistry.ArtifactManifestProperties
	if err := json.Unmarshal([]byte(`{"registry":"contoso.azurecr.io","imageName":"app","manifest":{"digest":"sha256:00","imageSize":4452,"architecture":"amd64","os":"linux","references":[{"digest":"sha256:01","architecture":"arm","os":"linux"}],"tags":["v1"]}}`), &manifest); err != nil {
		log.Fatalf("failed to unmarshal: %v", err)
	}
	fmt.Println(*manifest.RepositoryName, *manifest.Manifest.Size, *manifest.Manifest.Architecture == azcontainerregistry.ArtifactArchitectureAmd64,
		*manifest.Manifest.RelatedArtifacts[0].Digest, *manifest.Manifest.RelatedArtifacts[0].OperatingSystem, *manifest.Manifest.Tags[0])
}
