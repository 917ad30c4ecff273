// Command image uploads a small image by hand, config, layer and manifest,
// downloads it again with its digests checked, and deletes its blobs, as
// programs do that were written for the official library.
package main

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

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/streaming"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/containers/azcontainerregistry"

	"github.com/acrkit/azcontainerregistry/interop/programs/internal/signin"
)

type descriptor struct {
	MediaType string `json:"mediaType"`
	Digest    string `json:"digest"`
	Size      int    `json:"size"`
}

const repository = "hand/made"

func main() {
	endpoint := os.Getenv("ACR_ENDPOINT")
	client, err := azcontainerregistry.NewClient(endpoint, signin.Credential(), nil)
	if err != nil {
		log.Fatalf("failed to create client: %v", err)
	}
	blobs, err := azcontainerregistry.NewBlobClient(endpoint, signin.Credential(), nil)
	if err != nil {
		log.Fatalf("failed to create blob client: %v", err)
	}
	ctx := context.Background()
	layer := upload(ctx, blobs, "application/vnd.oci.image.layer.v1.tar", bytes.Repeat([]byte("layer"), 1000))
	config := upload(ctx, blobs, "application/vnd.oci.image.config.v1+json", []byte(`{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":["`+layer.Digest+`"]}}`))
	manifest, err := json.Marshal(map[string]any{
		"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": config, "layers": []descriptor{layer},
	})
	if err != nil {
		log.Fatalf("failed to marshal: %v", err)
	}
	uploaded, err := client.UploadManifest(ctx, repository, "1.0", azcontainerregistry.ContentTypeApplicationVndOciImageManifestV1JSON,
		streaming.NopCloser(bytes.NewReader(manifest)), nil)
	if err != nil {
		log.Fatalf("failed to upload manifest: %v", err)
	}
	fmt.Printf("uploaded: %s\n", *uploaded.DockerContentDigest)

	response, err := client.GetManifest(ctx, repository, "1.0", &azcontainerregistry.ClientGetManifestOptions{
		Accept: to.Ptr(string(azcontainerregistry.ContentTypeApplicationVndOciImageManifestV1JSON)),
	})
	if err != nil {
		log.Fatalf("failed to get manifest: %v", err)
	}
	reader, err := azcontainerregistry.NewDigestValidationReader(*response.DockerContentDigest, response.ManifestData)
	if err != nil {
		log.Fatalf("failed to create validation reader: %v", err)
	}
	downloaded, err := io.ReadAll(reader)
	if err != nil {
		log.Fatalf("failed to read manifest: %v", err)
	}
	fmt.Printf("downloaded: %d bytes, the same: %t\n", len(downloaded), bytes.Equal(downloaded, manifest))
	for _, blob := range []descriptor{config, layer} {
		check(ctx, blobs, blob)
	}
	wrong, err := azcontainerregistry.NewDigestValidationReader(config.Digest, bytes.NewReader(manifest))
	if err != nil {
		log.Fatalf("failed to create validation reader: %v", err)
	}
	_, err = io.ReadAll(wrong)
	fmt.Printf("wrong digest noticed: %t\n", errors.Is(err, azcontainerregistry.ErrMismatchedHash))
	_, err = azcontainerregistry.NewDigestValidationReader("md5:00", bytes.NewReader(manifest))
	fmt.Printf("unknown algorithm noticed: %t\n", errors.Is(err, azcontainerregistry.ErrDigestAlgNotSupported))
	if _, err := blobs.DeleteBlob(ctx, repository, layer.Digest, nil); err != nil {
		log.Fatalf("failed to delete blob: %v", err)
	}
	if _, err := blobs.CheckBlobExists(ctx, repository, layer.Digest, nil); err == nil {
		log.Fatal("the blob is still there")
	}
	fmt.Println("blob is gone")
}

func upload(ctx context.Context, blobs *azcontainerregistry.BlobClient, mediaType string, content []byte) descriptor {
	start, err := blobs.StartUpload(ctx, repository, nil)
	if err != nil {
		log.Fatalf("failed to start upload: %v", err)
	}
	calculator := azcontainerregistry.NewBlobDigestCalculator()
	chunk, err := blobs.UploadChunk(ctx, *start.Location, bytes.NewReader(content), calculator, nil)
	if err != nil {
		log.Fatalf("failed to upload chunk: %v", err)
	}
	complete, err := blobs.CompleteUpload(ctx, *chunk.Location, calculator, nil)
	if err != nil {
		log.Fatalf("failed to complete upload: %v", err)
	}
	if want := fmt.Sprintf("sha256:%x", sha256.Sum256(content)); *complete.DockerContentDigest != want {
		log.Fatalf("uploaded %s, want %s", *complete.DockerContentDigest, want)
	}
	return descriptor{mediaType, *complete.DockerContentDigest, len(content)}
}

func check(ctx context.Context, blobs *azcontainerregistry.BlobClient, blob descriptor) {
	response, err := blobs.GetBlob(ctx, repository, blob.Digest, nil)
	if err != nil {
		log.Fatalf("failed to get blob: %v", err)
	}
	defer response.BlobData.Close()
	reader, err := azcontainerregistry.NewDigestValidationReader(blob.Digest, response.BlobData)
	if err != nil {
		log.Fatalf("failed to create validation reader: %v", err)
	}
	n, err := io.Copy(io.Discard, reader)
	if err != nil {
		log.Fatalf("failed to read blob: %v", err)
	}
	fmt.Printf("blob: %s %d bytes, as many as said: %t\n", blob.Digest, n, *response.ContentLength == n)
}
