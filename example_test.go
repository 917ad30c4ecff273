package azcontainerregistry_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/streaming"

	"github.com/acrkit/azcontainerregistry"
)

// A blob and a manifest go up, and come back verified.
func Example() {
	ctx := context.Background()
	client, err := azcontainerregistry.NewClient(endpoint, credential, &azcontainerregistry.ClientOptions{ClientOptions: (&exampleRegistry{}).over()})
	if err != nil {
		log.Fatal(err)
	}
	blobs := client.NewBlobClient()

	start, err := blobs.StartUpload(ctx, "team/app", nil)
	if err != nil {
		log.Fatal(err)
	}
	calculator := azcontainerregistry.NewBlobDigestCalculator()
	chunk, err := blobs.UploadChunk(ctx, *start.Location, strings.NewReader("{}"), calculator, nil)
	if err != nil {
		log.Fatal(err)
	}
	config, err := blobs.CompleteUpload(ctx, *chunk.Location, calculator, nil)
	if err != nil {
		log.Fatal(err)
	}

	manifest := fmt.Appendf(nil, `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","artifactType":"application/x-demo","config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":%q,"size":2},"layers":[]}`,
		*config.DockerContentDigest)
	_, err = client.UploadManifest(ctx, "team/app", "v1", azcontainerregistry.ContentTypeApplicationVndOciImageManifestV1JSON, streaming.NopCloser(bytes.NewReader(manifest)), nil)
	if err != nil {
		log.Fatal(err)
	}

	got, err := client.GetManifest(ctx, "team/app", "v1", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer got.ManifestData.Close()
	// Reading to the end verifies the digest.
	data, err := io.ReadAll(got.ManifestData)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(*got.MediaType, bytes.Equal(data, manifest))
	// Output: application/vnd.oci.image.manifest.v1+json true
}

// Tags are a range loop; the pages are fetched as the loop goes on.
func ExampleClient_Tags() {
	registry := &exampleRegistry{tags: []string{"v1", "v2", "v3"}}
	client, err := azcontainerregistry.NewClient(endpoint, credential, &azcontainerregistry.ClientOptions{ClientOptions: registry.over()})
	if err != nil {
		log.Fatal(err)
	}

	for tag, err := range client.Tags(context.Background(), "team/app", nil) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(*tag.Name)
	}
	// Output:
	// v1
	// v2
	// v3
}

// The pagers of the official library are here too.
func ExampleClient_NewListRepositoriesPager() {
	registry := &exampleRegistry{repositories: []string{"base", "team/app"}}
	client, err := azcontainerregistry.NewClient(endpoint, credential, &azcontainerregistry.ClientOptions{ClientOptions: registry.over()})
	if err != nil {
		log.Fatal(err)
	}

	one := int32(1)
	for pager := client.NewListRepositoriesPager(&azcontainerregistry.ClientListRepositoriesOptions{MaxNum: &one}); pager.More(); {
		page, err := pager.NextPage(context.Background())
		if err != nil {
			log.Fatal(err)
		}
		for _, name := range page.Names {
			fmt.Println(*name)
		}
	}
	// Output:
	// base
	// team/app
}

// An error says what was done to what, and holds the registry's response.
func ExampleHasCode() {
	client, err := azcontainerregistry.NewClient(endpoint, credential, &azcontainerregistry.ClientOptions{ClientOptions: (&exampleRegistry{}).over()})
	if err != nil {
		log.Fatal(err)
	}
	_, err = client.GetTagProperties(context.Background(), "team/app", "v9", nil)

	fmt.Println(azcontainerregistry.HasCode(err, azcontainerregistry.ErrorCodeTagUnknown))
	if failed, ok := azcontainerregistry.OperationOf(err); ok {
		fmt.Println(failed.Name, failed.Repository, failed.Reference)
	}
	var failure *azcore.ResponseError
	if errors.As(err, &failure) {
		fmt.Println(failure.StatusCode, failure.ErrorCode, azcontainerregistry.CorrelationID(err) != "")
	}
	// Output:
	// true
	// get properties of tag team/app v9
	// 404 TAG_UNKNOWN true
}

// A lock keeps a tag from being deleted.
func ExampleClient_UpdateTagProperties() {
	ctx := context.Background()
	registry := &exampleRegistry{tags: []string{"v1"}}
	client, err := azcontainerregistry.NewClient(endpoint, credential, &azcontainerregistry.ClientOptions{ClientOptions: registry.over()})
	if err != nil {
		log.Fatal(err)
	}

	no := false
	_, err = client.UpdateTagProperties(ctx, "team/app", "v1", &azcontainerregistry.ClientUpdateTagPropertiesOptions{
		Value: &azcontainerregistry.TagWriteableProperties{CanDelete: &no},
	})
	if err != nil {
		log.Fatal(err)
	}
	_, err = client.DeleteTag(ctx, "team/app", "v1", nil)
	fmt.Println(azcontainerregistry.HasCode(err, azcontainerregistry.ErrorCodeRegistryDisallowedOperation))
	// Output: true
}

// Another tool may need a token of its own.
func ExampleClient_GetAccessToken() {
	client, err := azcontainerregistry.NewClient(endpoint, credential, &azcontainerregistry.ClientOptions{ClientOptions: (&exampleRegistry{}).over()})
	if err != nil {
		log.Fatal(err)
	}
	token, err := client.GetAccessToken(context.Background(), []string{"repository:team/app:pull"}, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(strings.Count(token.AccessToken, "."))
	// Output: 2
}

// The registry's own users have constructors of their own.
func ExampleNewClientWithPasswordCredential() {
	user, err := azcontainerregistry.NewPasswordCredential("contoso", "the admin user's password")
	if err != nil {
		log.Fatal(err)
	}
	client, err := azcontainerregistry.NewClientWithPasswordCredential("https://contoso.azurecr.io", user, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(client.Endpoint(), user)
	// Output: https://contoso.azurecr.io password credential of contoso
}

// Clients that are made apart share tokens through a cache.
func ExampleTokenCache() {
	shared := (&exampleRegistry{}).over()
	shared.PerCallPolicies = []policy.Policy{azcontainerregistry.NewTokenCache()}
	client, err := azcontainerregistry.NewClient(endpoint, credential, &azcontainerregistry.ClientOptions{ClientOptions: shared})
	if err != nil {
		log.Fatal(err)
	}
	blobs, err := azcontainerregistry.NewBlobClient(endpoint, credential, &azcontainerregistry.BlobClientOptions{ClientOptions: shared})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(client.Endpoint() == blobs.Endpoint())
	// Output: true
}

// Content from elsewhere is verified as it is read.
func ExampleNewDigestValidationReader() {
	reader, err := azcontainerregistry.NewDigestValidationReader("sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a", strings.NewReader("{ }"))
	if err != nil {
		log.Fatal(err)
	}
	_, err = io.ReadAll(reader)
	fmt.Println(errors.Is(err, azcontainerregistry.ErrMismatchedHash))
	// Output: true
}
