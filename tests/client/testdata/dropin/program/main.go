// Program is written for the official library. dropin_test.go changes its
// import line, and nothing else, builds it against ours and runs it: it pushes
// an image, looks at it from all sides, pulls it and deletes it.
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
	"os"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	azlog "github.com/Azure/azure-sdk-for-go/sdk/azcore/log"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/streaming"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/containers/azcontainerregistry"
)

// credential stands for one of azidentity's.
type credential struct{ token string }

func (c credential) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{Token: c.token, ExpiresOn: time.Now().Add(time.Hour)}, nil
}

const repository = "library/hello-world"

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func main() {
	ctx := context.Background()
	endpoint, entra := os.Getenv("REGISTRY_ENDPOINT"), os.Getenv("ENTRA_TOKEN")
	requests := 0
	azlog.SetListener(func(azlog.Event, string) { requests++ })
	azlog.SetEvents(azlog.EventRequest)

	options := azcore.ClientOptions{Cloud: cloud.AzurePublic, InsecureAllowCredentialWithHTTP: true}
	client, err := azcontainerregistry.NewClient(endpoint, credential{entra}, &azcontainerregistry.ClientOptions{ClientOptions: options})
	must(err)
	blobs, err := azcontainerregistry.NewBlobClient(endpoint, credential{entra}, &azcontainerregistry.BlobClientOptions{ClientOptions: options})
	must(err)

	layer := bytes.Repeat([]byte("hello, world\n"), 10000)
	layerDigest := uploadInChunks(ctx, blobs, layer)
	config := []byte(`{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}`)
	configDigest := uploadInChunks(ctx, blobs, config)
	manifest := fmt.Appendf(nil, `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":%q,"size":%d},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":%q,"size":%d}]}`,
		configDigest, len(config), layerDigest, len(layer))
	var digest string
	for _, tag := range []string{"v1", "v2", "latest"} {
		put, err := client.UploadManifest(ctx, repository, tag, azcontainerregistry.ContentTypeApplicationVndOciImageManifestV1JSON, streaming.NopCloser(bytes.NewReader(manifest)), nil)
		must(err)
		digest = *put.DockerContentDigest
	}

	// List repositories, their tags and their manifests.
	for pager := client.NewListRepositoriesPager(nil); pager.More(); {
		page, err := pager.NextPage(ctx)
		must(err)
		for _, name := range page.Names {
			fmt.Println("repository", *name)
		}
	}
	tags := client.NewListTagsPager(repository, &azcontainerregistry.ClientListTagsOptions{MaxNum: to.Ptr[int32](2)})
	for tags.More() {
		page, err := tags.NextPage(ctx)
		must(err)
		for _, tag := range page.Tags {
			fmt.Println("tag", *tag.Name, *tag.Digest == digest)
		}
	}
	manifests := client.NewListManifestsPager(repository, &azcontainerregistry.ClientListManifestsOptions{
		OrderBy: to.Ptr(azcontainerregistry.ArtifactManifestOrderByLastUpdatedOnDescending),
	})
	for manifests.More() {
		page, err := manifests.NextPage(ctx)
		must(err)
		for _, m := range page.Attributes {
			fmt.Println("manifest of", len(m.Tags), "tags for", *m.OperatingSystem, *m.Architecture)
		}
	}

	// Lock a tag; deleting it is then refused, with a response to look at.
	_, err = client.UpdateTagProperties(ctx, repository, "latest", &azcontainerregistry.ClientUpdateTagPropertiesOptions{
		Value: &azcontainerregistry.TagWriteableProperties{CanDelete: to.Ptr(false)},
	})
	must(err)
	var response *http.Response
	_, err = client.DeleteTag(runtime.WithCaptureResponse(ctx, &response), repository, "latest", nil)
	var failed *azcore.ResponseError
	if !errors.As(err, &failed) {
		log.Fatalf("a locked tag was deleted: %v", err)
	}
	body, err := io.ReadAll(failed.RawResponse.Body)
	must(err)
	fmt.Println("locked", failed.StatusCode, response.StatusCode, strings.Contains(string(body), "disallowed"))
	_, err = client.UpdateTagProperties(ctx, repository, "latest", &azcontainerregistry.ClientUpdateTagPropertiesOptions{
		Value: &azcontainerregistry.TagWriteableProperties{CanDelete: to.Ptr(true)},
	})
	must(err)

	// Pull it, the layer in ranges.
	got, err := client.GetManifest(ctx, repository, "latest", &azcontainerregistry.ClientGetManifestOptions{
		Accept: to.Ptr(string(azcontainerregistry.ContentTypeApplicationVndOciImageManifestV1JSON)),
	})
	must(err)
	validated, err := azcontainerregistry.NewDigestValidationReader(*got.DockerContentDigest, got.ManifestData)
	must(err)
	data, err := io.ReadAll(validated)
	must(err)
	var image struct {
		Layers []struct {
			Digest string
			Size   int64
		}
	}
	must(json.Unmarshal(data, &image))
	var pulled bytes.Buffer
	const part = 50000
	for at := int64(0); at < image.Layers[0].Size; at += part {
		chunk, err := blobs.GetChunk(ctx, repository, image.Layers[0].Digest, fmt.Sprintf("bytes=%d-%d", at, min(at+part, image.Layers[0].Size)-1), nil)
		must(err)
		_, err = io.Copy(&pulled, chunk.ChunkData)
		must(err)
		must(chunk.ChunkData.Close())
	}
	fmt.Println("pulled", bytes.Equal(pulled.Bytes(), layer))

	// Delete the image, then what is left.
	_, err = client.DeleteManifest(ctx, repository, digest, nil)
	must(err)
	_, err = client.GetManifest(ctx, repository, "v1", nil)
	fmt.Println("gone", errors.As(err, &failed) && failed.StatusCode == http.StatusNotFound)
	_, err = client.DeleteRepository(ctx, repository, nil)
	must(err)
	fmt.Println("logged", requests > 20)
}

func uploadInChunks(ctx context.Context, blobs *azcontainerregistry.BlobClient, content []byte) string {
	start, err := blobs.StartUpload(ctx, repository, nil)
	must(err)
	calculator := azcontainerregistry.NewBlobDigestCalculator()
	location := start.Location
	const chunkSize = 64 << 10
	for at := 0; at < len(content); at += chunkSize {
		end := min(at+chunkSize, len(content))
		chunk, err := blobs.UploadChunk(ctx, *location, bytes.NewReader(content[at:end]), calculator, &azcontainerregistry.BlobClientUploadChunkOptions{
			RangeStart: to.Ptr(int32(at)), RangeEnd: to.Ptr(int32(end - 1)),
		})
		must(err)
		location = chunk.Location
	}
	done, err := blobs.CompleteUpload(ctx, *location, calculator, nil)
	must(err)
	return *done.DockerContentDigest
}
