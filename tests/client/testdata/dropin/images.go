// Package dropin is written for the official library: dropin_test.go changes
// its import line, and nothing else, and compiles it against ours.
package dropin

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"os"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/streaming"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/containers/azcontainerregistry"
)

const chunkSize = 4 << 20

func clients(endpoint string) (*azcontainerregistry.Client, *azcontainerregistry.BlobClient) {
	credential, err := azidentity.NewDefaultAzureCredential(nil)
	if err != nil {
		log.Fatal(err)
	}
	options := azcore.ClientOptions{Cloud: cloud.AzureChina, Retry: policy.RetryOptions{MaxRetries: 5}}
	client, err := azcontainerregistry.NewClient(endpoint, credential, &azcontainerregistry.ClientOptions{ClientOptions: options})
	if err != nil {
		log.Fatal(err)
	}
	blobs, err := azcontainerregistry.NewBlobClient(endpoint, credential, &azcontainerregistry.BlobClientOptions{ClientOptions: options})
	if err != nil {
		log.Fatal(err)
	}
	return client, blobs
}

func listEverything(ctx context.Context, client *azcontainerregistry.Client) error {
	repositories := client.NewListRepositoriesPager(&azcontainerregistry.ClientListRepositoriesOptions{MaxNum: to.Ptr[int32](50)})
	for repositories.More() {
		page, err := repositories.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, repository := range page.Repositories.Names {
			fmt.Println(*repository)
			tags := client.NewListTagsPager(*repository, &azcontainerregistry.ClientListTagsOptions{
				OrderBy: to.Ptr(azcontainerregistry.ArtifactTagOrderByLastUpdatedOnDescending),
			})
			for tags.More() {
				page, err := tags.NextPage(ctx)
				if err != nil {
					return err
				}
				for _, tag := range page.TagList.Tags {
					fmt.Println(*tag.Name, *tag.Digest, tag.LastUpdatedOn.UTC())
				}
				if page.Link != nil {
					fmt.Println(*page.Link)
				}
			}
		}
	}
	return nil
}

func keepThreeNewest(ctx context.Context, client *azcontainerregistry.Client, repository string) error {
	pager := client.NewListManifestsPager(repository, &azcontainerregistry.ClientListManifestsOptions{
		OrderBy: to.Ptr(azcontainerregistry.ArtifactManifestOrderByLastUpdatedOnDescending),
	})
	seen := 0
	for pager.More() {
		page, err := pager.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, manifest := range page.Attributes {
			if seen++; seen <= 3 {
				continue
			}
			for _, tag := range manifest.Tags {
				if _, err := client.DeleteTag(ctx, repository, *tag, nil); err != nil {
					return err
				}
			}
			if _, err := client.DeleteManifest(ctx, repository, *manifest.Digest, nil); err != nil {
				return err
			}
		}
	}
	return nil
}

func lockTag(ctx context.Context, client *azcontainerregistry.Client, repository, tag string) error {
	updated, err := client.UpdateTagProperties(ctx, repository, tag, &azcontainerregistry.ClientUpdateTagPropertiesOptions{
		Value: &azcontainerregistry.TagWriteableProperties{CanWrite: to.Ptr(false), CanDelete: to.Ptr(false)},
	})
	if err != nil {
		return err
	}
	fmt.Printf("%s: write %t\n", *updated.Tag.Name, *updated.Tag.ChangeableAttributes.CanWrite)
	return nil
}

func uploadImage(ctx context.Context, client *azcontainerregistry.Client, blobs *azcontainerregistry.BlobClient, repository, tag string, layer, config []byte) error {
	layerDigest, err := uploadInChunks(ctx, blobs, repository, layer)
	if err != nil {
		return err
	}
	start, err := blobs.StartUpload(ctx, repository, nil)
	if err != nil {
		return err
	}
	calculator := azcontainerregistry.NewBlobDigestCalculator()
	chunk, err := blobs.UploadChunk(ctx, *start.Location, bytes.NewReader(config), calculator, nil)
	if err != nil {
		return err
	}
	done, err := blobs.CompleteUpload(ctx, *chunk.Location, calculator, nil)
	if err != nil {
		return err
	}
	manifest := fmt.Sprintf(`{"schemaVersion":2,"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":%q,"size":%d},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":%q,"size":%d}]}`,
		*done.DockerContentDigest, len(config), layerDigest, len(layer))
	put, err := client.UploadManifest(ctx, repository, tag, azcontainerregistry.ContentTypeApplicationVndOciImageManifestV1JSON, streaming.NopCloser(bytes.NewReader([]byte(manifest))), nil)
	if err != nil {
		return err
	}
	fmt.Println("digest of the manifest:", *put.DockerContentDigest, *put.Location)
	return nil
}

func uploadInChunks(ctx context.Context, blobs *azcontainerregistry.BlobClient, repository string, layer []byte) (string, error) {
	start, err := blobs.StartUpload(ctx, repository, nil)
	if err != nil {
		return "", err
	}
	calculator := azcontainerregistry.NewBlobDigestCalculator()
	location := start.Location
	for at := 0; at < len(layer); at += chunkSize {
		end := min(at+chunkSize, len(layer))
		chunk, err := blobs.UploadChunk(ctx, *location, bytes.NewReader(layer[at:end]), calculator, &azcontainerregistry.BlobClientUploadChunkOptions{
			RangeStart: to.Ptr(int32(at)), RangeEnd: to.Ptr(int32(end - 1)),
		})
		if err != nil {
			return "", err
		}
		location = chunk.Location
	}
	done, err := blobs.CompleteUpload(ctx, *location, calculator, nil)
	if err != nil {
		return "", err
	}
	return *done.DockerContentDigest, nil
}

func downloadImage(ctx context.Context, client *azcontainerregistry.Client, blobs *azcontainerregistry.BlobClient, repository, reference string) error {
	got, err := client.GetManifest(ctx, repository, reference, &azcontainerregistry.ClientGetManifestOptions{
		Accept: to.Ptr(string(azcontainerregistry.ContentTypeApplicationVndOciImageManifestV1JSON)),
	})
	var failed *azcore.ResponseError
	if errors.As(err, &failed) && failed.StatusCode == 404 {
		return fmt.Errorf("no such image: %s", failed.ErrorCode)
	}
	if err != nil {
		return err
	}
	validated, err := azcontainerregistry.NewDigestValidationReader(*got.DockerContentDigest, got.ManifestData)
	if err != nil {
		return err
	}
	data, err := io.ReadAll(validated)
	if err != nil {
		return err
	}
	var manifest struct {
		Layers []struct {
			Digest string
			Size   int64
		}
	}
	if err := json.Unmarshal(data, &manifest); err != nil {
		return err
	}
	for _, layer := range manifest.Layers {
		file, err := os.Create("layer.tar")
		if err != nil {
			return err
		}
		hash := sha256.New()
		for at := int64(0); at < layer.Size; at += chunkSize {
			end := min(at+chunkSize, layer.Size) - 1
			chunk, err := blobs.GetChunk(ctx, repository, layer.Digest, fmt.Sprintf("bytes=%d-%d", at, end), nil)
			if err != nil {
				return err
			}
			if _, err := io.Copy(io.MultiWriter(file, hash), chunk.ChunkData); err != nil {
				return err
			}
			chunk.ChunkData.Close()
		}
		if fmt.Sprintf("sha256:%x", hash.Sum(nil)) != layer.Digest {
			return azcontainerregistry.ErrMismatchedHash
		}
		file.Close()
	}
	return nil
}
