// Command chunks uploads a blob in chunks with ranges, asks how far it is,
// cancels another upload, mounts the blob elsewhere and reads parts of it, as
// programs do that were written for the official library.
package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"os"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/containers/azcontainerregistry"

	"github.com/acrkit/azcontainerregistry/interop/programs/internal/signin"
)

func main() {
	client, err := azcontainerregistry.NewBlobClient(os.Getenv("ACR_ENDPOINT"), signin.Credential(), &azcontainerregistry.BlobClientOptions{})
	if err != nil {
		log.Fatalf("failed to create blob client: %v", err)
	}
	ctx := context.Background()
	content := bytes.Repeat([]byte("0123456789"), 1000)
	start, err := client.StartUpload(ctx, "chunked", nil)
	if err != nil {
		log.Fatalf("failed to start upload: %v", err)
	}
	calculator := azcontainerregistry.NewBlobDigestCalculator()
	location := *start.Location
	const size = 4000
	for first := 0; first < len(content); first += size {
		last := min(first+size, len(content)) - 1
		chunk, err := client.UploadChunk(ctx, location, bytes.NewReader(content[first:last+1]), calculator,
			&azcontainerregistry.BlobClientUploadChunkOptions{RangeStart: to.Ptr(int32(first)), RangeEnd: to.Ptr(int32(last))})
		if err != nil {
			log.Fatalf("failed to upload chunk: %v", err)
		}
		location = *chunk.Location
		status, err := client.GetUploadStatus(ctx, location, nil)
		if err != nil {
			log.Fatalf("failed to get upload status: %v", err)
		}
		fmt.Printf("uploaded: %s\n", *status.Range)
	}
	complete, err := client.CompleteUpload(ctx, location, calculator, nil)
	if err != nil {
		log.Fatalf("failed to complete upload: %v", err)
	}
	digest := *complete.DockerContentDigest
	fmt.Printf("completed: %s\n", digest)

	other, err := client.StartUpload(ctx, "chunked", nil)
	if err != nil {
		log.Fatalf("failed to start upload: %v", err)
	}
	if _, err := client.CancelUpload(ctx, *other.Location, nil); err != nil {
		log.Fatalf("failed to cancel upload: %v", err)
	}

	mounted, err := client.MountBlob(ctx, "mounted", "chunked", digest, nil)
	if err != nil {
		log.Fatalf("failed to mount blob: %v", err)
	}
	fmt.Printf("mounted: %t\n", mounted.DockerContentDigest != nil && *mounted.DockerContentDigest == digest)
	exists, err := client.CheckBlobExists(ctx, "mounted", digest, nil)
	if err != nil {
		log.Fatalf("failed to check blob: %v", err)
	}
	fmt.Printf("size: %d\n", *exists.ContentLength)
	if _, err := client.CheckChunkExists(ctx, "mounted", digest, "bytes=0-9", nil); err != nil {
		log.Fatalf("failed to check chunk: %v", err)
	}
	chunk, err := client.GetChunk(ctx, "mounted", digest, "bytes=5-14", nil)
	if err != nil {
		log.Fatalf("failed to get chunk: %v", err)
	}
	defer chunk.ChunkData.Close()
	part, err := io.ReadAll(chunk.ChunkData)
	if err != nil {
		log.Fatalf("failed to read chunk: %v", err)
	}
	fmt.Printf("part: %s of %s\n", part, *chunk.ContentRange)
}
