package artifact_test

import (
	"context"
	"fmt"
	"log"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/acrkit/azcontainerregistry/artifact"
)

// An artifact that a program makes itself: a config, a file and a manifest. A
// Repository in the place of the second Memory pushes it.
func ExampleCopy() {
	ctx := context.Background()
	local := artifact.NewMemory()
	push := func(mediaType, data string) ocispec.Descriptor {
		desc, content := artifact.NewContentBytes(mediaType, []byte(data))
		if err := local.Push(ctx, desc, content); err != nil {
			log.Fatal(err)
		}
		return desc
	}
	config := push(ocispec.MediaTypeEmptyJSON, "{}")
	file := push("text/plain", "hello")
	manifest := push(ocispec.MediaTypeImageManifest, fmt.Sprintf(
		`{"schemaVersion":2,"artifactType":"application/vnd.example","config":{"mediaType":%q,"digest":%q,"size":%d},"layers":[{"mediaType":%q,"digest":%q,"size":%d}]}`,
		config.MediaType, config.Digest, config.Size, file.MediaType, file.Digest, file.Size))

	target := artifact.NewMemory()
	result, err := artifact.Copy(ctx, target, "v1", local, manifest.Digest.String(), &artifact.Options{
		OnEvent: func(e artifact.Event) {
			if e.Kind == artifact.EventTagged {
				fmt.Println("tagged", e.Reference)
			}
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(result.BlobsCopied, "blobs,", result.BytesCopied, "bytes")
	// Output:
	// tagged v1
	// 2 blobs, 7 bytes
}
