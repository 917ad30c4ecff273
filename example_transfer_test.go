package azcontainerregistry_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"strings"

	"github.com/acrkit/azcontainerregistry"
)

// A stream of unknown length becomes a blob: the digest is computed while it is sent.
func ExampleBlobClient_Upload() {
	blobs, err := azcontainerregistry.NewBlobClient(endpoint, credential, &azcontainerregistry.BlobClientOptions{ClientOptions: (&exampleRegistry{}).over()})
	if err != nil {
		log.Fatal(err)
	}
	blob, err := blobs.Upload(context.Background(), "team/app", strings.NewReader("hello, registry"), nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(blob.Digest, blob.Size)
	// Output: sha256:d4ceac3b8b759b17b86618c4165bb23a506c157c81a034147cf8e3510691aa1c 15
}

// A blob becomes a file, which appears at its path once it is verified.
func ExampleBlobClient_DownloadFile() {
	ctx := context.Background()
	blobs, err := azcontainerregistry.NewBlobClient(endpoint, credential, &azcontainerregistry.BlobClientOptions{ClientOptions: (&exampleRegistry{}).over()})
	if err != nil {
		log.Fatal(err)
	}
	blob, err := blobs.Upload(ctx, "team/app", strings.NewReader("hello, registry"), nil)
	if err != nil {
		log.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "layer")
	// The budget can be shared with other transfers.
	options := &azcontainerregistry.DownloadOptions{Budget: azcontainerregistry.NewTransferBudget(16, 100<<20)}
	if _, err := blobs.DownloadFile(ctx, "team/app", blob.Digest, path, options); err != nil {
		log.Fatal(err)
	}
	content, err := os.ReadFile(path)
	fmt.Println(string(content), err)
	// Output: hello, registry <nil>
}

// A reader seeks by ranges, and verifies the digest when it is read through.
func ExampleBlobClient_Open() {
	ctx := context.Background()
	blobs, err := azcontainerregistry.NewBlobClient(endpoint, credential, &azcontainerregistry.BlobClientOptions{ClientOptions: (&exampleRegistry{}).over()})
	if err != nil {
		log.Fatal(err)
	}
	blob, err := blobs.Upload(ctx, "team/app", strings.NewReader("hello, registry"), nil)
	if err != nil {
		log.Fatal(err)
	}
	reader, err := blobs.Open(ctx, "team/app", blob.Digest, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer reader.Close()
	tail := make([]byte, 8)
	if _, err := reader.ReadAt(tail, reader.Size()-8); err != nil {
		log.Fatal(err)
	}
	all, err := io.ReadAll(reader)
	fmt.Println(string(tail), len(all), reader.Verified(), err)
	// Output: registry 15 true <nil>
}
