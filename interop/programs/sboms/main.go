// Command sboms attaches a bill of materials to an image and reads it back: blobs
// in one chunk, an artifact's manifest with a subject by digest, mounting into
// another repository. A policy counts what it costs.
package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strings"
	"sync"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/streaming"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/containers/azcontainerregistry"

	"github.com/acrkit/azcontainerregistry/interop/programs/internal/signin"
)

// counter counts the calls by method, of which some may be retried.
type counter struct {
	mu    sync.Mutex
	calls map[string]int
}

func (c *counter) Do(req *policy.Request) (*http.Response, error) {
	c.mu.Lock()
	c.calls[req.Raw().Method]++
	c.mu.Unlock()
	return req.Next()
}

type descriptor struct {
	MediaType string `json:"mediaType"`
	Digest    string `json:"digest"`
	Size      int    `json:"size"`
}

func describe(mediaType string, data []byte) descriptor {
	return descriptor{mediaType, fmt.Sprintf("sha256:%x", sha256.Sum256(data)), len(data)}
}

func main() {
	endpoint := os.Getenv("ACR_ENDPOINT")
	count := &counter{calls: map[string]int{}}
	o := azcore.ClientOptions{PerCallPolicies: []policy.Policy{count}}
	client, err := azcontainerregistry.NewClient(endpoint, signin.Credential(), &azcontainerregistry.ClientOptions{ClientOptions: o})
	check(err)
	blobs, err := azcontainerregistry.NewBlobClient(endpoint, signin.Credential(), &azcontainerregistry.BlobClientOptions{ClientOptions: o})
	check(err)
	ctx := context.Background()
	const name = "library/app"

	tag, err := client.GetTagProperties(ctx, name, "v1", nil)
	check(err)
	subject, err := client.GetManifestProperties(ctx, name, *tag.Tag.Digest, nil)
	check(err)
	image, err := client.GetManifest(ctx, name, *tag.Tag.Digest, &azcontainerregistry.ClientGetManifestOptions{Accept: subject.Manifest.MediaType})
	check(err)
	content, err := io.ReadAll(image.ManifestData)
	check(err)

	sbom := []byte(`{"spdxVersion":"SPDX-2.3","name":"library/app"}`)
	empty := []byte("{}")
	for _, data := range [][]byte{sbom, empty} {
		digest := upload(ctx, blobs, name, data)
		check2, err := blobs.CheckBlobExists(ctx, name, digest, nil)
		check(err)
		fmt.Println("uploaded", digest, *check2.ContentLength)
	}
	manifest, err := json.Marshal(map[string]any{
		"schemaVersion": 2, "mediaType": azcontainerregistry.ContentTypeApplicationVndOciImageManifestV1JSON,
		"artifactType": "application/spdx+json",
		"config":       describe("application/vnd.oci.empty.v1+json", empty),
		"layers":       []descriptor{describe("application/spdx+json", sbom)},
		"subject":      descriptor{*subject.Manifest.MediaType, *tag.Tag.Digest, len(content)},
	})
	check(err)
	reference := describe("", manifest).Digest
	pushed, err := client.UploadManifest(ctx, name, reference, azcontainerregistry.ContentTypeApplicationVndOciImageManifestV1JSON, streaming.NopCloser(bytes.NewReader(manifest)), nil)
	check(err)
	fmt.Println("attached", *pushed.DockerContentDigest == reference, strings.HasPrefix(*pushed.Location, "/v2/"+name))

	back, err := blobs.GetBlob(ctx, name, describe("", sbom).Digest, nil)
	check(err)
	reader, err := azcontainerregistry.NewDigestValidationReader(describe("", sbom).Digest, back.BlobData)
	check(err)
	data, err := io.ReadAll(reader)
	check(err)
	check(back.BlobData.Close())
	fmt.Println("read", string(data), *back.ContentLength)

	mounted, err := blobs.MountBlob(ctx, "team/tools", name, describe("", sbom).Digest, nil)
	check(err)
	fmt.Println("mounted", *mounted.DockerContentDigest)
	_, err = client.GetManifest(ctx, name, "v1", &azcontainerregistry.ClientGetManifestOptions{Accept: to.Ptr("application/vnd.oci.image.index.v1+json")})
	if e, ok := err.(*azcore.ResponseError); ok {
		fmt.Println("not as an index:", e.StatusCode)
	}
	fmt.Println("calls", count.calls["PATCH"], count.calls["PUT"], count.calls["HEAD"])
}

func upload(ctx context.Context, blobs *azcontainerregistry.BlobClient, name string, data []byte) string {
	start, err := blobs.StartUpload(ctx, name, nil)
	check(err)
	calculator := azcontainerregistry.NewBlobDigestCalculator()
	sent, err := blobs.UploadChunk(ctx, *start.Location, bytes.NewReader(data), calculator, nil)
	check(err)
	done, err := blobs.CompleteUpload(ctx, *sent.Location, calculator, nil)
	check(err)
	return *done.DockerContentDigest
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
