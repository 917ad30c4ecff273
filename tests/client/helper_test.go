package client_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/streaming"

	acr "github.com/acrkit/azcontainerregistry"
	"github.com/acrkit/azcontainerregistry/emulator/emulatortest"
)

// startRegistry returns an emulated registry and clients of it.
func startRegistry(t *testing.T) (*emulatortest.Registry, *acr.Client, *acr.BlobClient) {
	t.Helper()
	registry := emulatortest.Start(t)
	client, err := acr.NewClient(registry.Endpoint, registry.Credential, &acr.ClientOptions{ClientOptions: registry.ClientOptions()})
	if err != nil {
		t.Fatal(err)
	}
	return registry, client, client.NewBlobClient()
}

// pushBlob uploads a blob in one chunk.
func pushBlob(t *testing.T, blobs *acr.BlobClient, repository string, data []byte) string {
	t.Helper()
	ctx := t.Context()
	start, err := blobs.StartUpload(ctx, repository, nil)
	if err != nil {
		t.Fatal(err)
	}
	calculator := acr.NewBlobDigestCalculator()
	chunk, err := blobs.UploadChunk(ctx, *start.Location, bytes.NewReader(data), calculator, nil)
	if err != nil {
		t.Fatal(err)
	}
	done, err := blobs.CompleteUpload(ctx, *chunk.Location, calculator, nil)
	if err != nil {
		t.Fatal(err)
	}
	return *done.DockerContentDigest
}

// pushImage puts an image of one config and returns the manifest's digest.
func pushImage(t *testing.T, client *acr.Client, repository string, tags ...string) string {
	t.Helper()
	config := []byte(`{"architecture":"amd64","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":[]},"comment":"` + strings.Join(tags, ",") + `"}`)
	digest := pushBlob(t, client.NewBlobClient(), repository, config)
	manifest := fmt.Appendf(nil, `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":%q,"size":%d},"layers":[]}`, digest, len(config))
	for _, tag := range tags {
		resp, err := client.UploadManifest(t.Context(), repository, tag, acr.ContentTypeApplicationVndOciImageManifestV1JSON, streaming.NopCloser(bytes.NewReader(manifest)), nil)
		if err != nil {
			t.Fatal(err)
		}
		if *resp.DockerContentDigest != digestOf(manifest) {
			t.Fatalf("digest of the manifest is %s", *resp.DockerContentDigest)
		}
	}
	return digestOf(manifest)
}

func readManifest(client *acr.Client, repository, reference string) error {
	resp, err := client.GetManifest(context.Background(), repository, reference, nil)
	if err != nil {
		return err
	}
	defer resp.ManifestData.Close()
	_, err = io.Copy(io.Discard, resp.ManifestData)
	return err
}

func everyCall(t *testing.T, client *acr.Client, blobs *acr.BlobClient) {
	ctx := t.Context()
	digest := pushImage(t, client, "team/app", "v1", "v2")

	repository, err := client.GetRepositoryProperties(ctx, "team/app", nil)
	if err != nil {
		t.Fatal(err)
	}
	if *repository.Name != "team/app" || *repository.TagCount != 2 || *repository.ManifestCount != 1 || repository.CreatedOn.IsZero() {
		t.Errorf("repository: %+v", repository)
	}
	locked := false
	if r, err := client.UpdateRepositoryProperties(ctx, "team/app", &acr.ClientUpdateRepositoryPropertiesOptions{Value: &acr.RepositoryWriteableProperties{CanDelete: &locked}}); err != nil || *r.ChangeableAttributes.CanDelete {
		t.Errorf("update repository: %v", err)
	}
	if _, err := client.DeleteRepository(ctx, "team/app", nil); !acr.HasCode(err, acr.ErrorCodeRegistryDisallowedOperation) {
		t.Errorf("delete of a locked repository: %v", err)
	}
	unlocked := true
	if _, err := client.UpdateRepositoryProperties(ctx, "team/app", &acr.ClientUpdateRepositoryPropertiesOptions{Value: &acr.RepositoryWriteableProperties{CanDelete: &unlocked}}); err != nil {
		t.Error(err)
	}
	tag, err := client.GetTagProperties(ctx, "team/app", "v1", nil)
	if err != nil || *tag.Tag.Digest != digest || *tag.RepositoryName != "team/app" {
		t.Errorf("tag: %v", err)
	}
	if r, err := client.UpdateTagProperties(ctx, "team/app", "v1", &acr.ClientUpdateTagPropertiesOptions{Value: &acr.TagWriteableProperties{CanWrite: &locked}}); err != nil || *r.Tag.ChangeableAttributes.CanWrite {
		t.Errorf("update tag: %v", err)
	}
	if _, err := client.UpdateTagProperties(ctx, "team/app", "v1", &acr.ClientUpdateTagPropertiesOptions{Value: &acr.TagWriteableProperties{CanWrite: &unlocked}}); err != nil {
		t.Error(err)
	}
	manifest, err := client.GetManifestProperties(ctx, "team/app", digest, nil)
	if err != nil || *manifest.Manifest.Architecture != acr.ArtifactArchitectureAmd64 || len(manifest.Manifest.Tags) != 2 {
		t.Errorf("manifest: %v", err)
	}
	if r, err := client.UpdateManifestProperties(ctx, "team/app", digest, &acr.ClientUpdateManifestPropertiesOptions{Value: &acr.ManifestWriteableProperties{CanRead: &unlocked}}); err != nil || !*r.Manifest.ChangeableAttributes.CanRead {
		t.Errorf("update manifest: %v", err)
	}
	exists, err := client.CheckManifestExists(ctx, "team/app", "v1", nil)
	if err != nil || exists.Digest != digest || exists.Size <= 0 || exists.MediaType != string(acr.ContentTypeApplicationVndOciImageManifestV1JSON) {
		t.Errorf("manifest exists: %+v, %v", exists, err)
	}
	if _, err := client.DeleteTag(ctx, "team/app", "v2", nil); err != nil {
		t.Error(err)
	}
	if _, err := client.DeleteTag(ctx, "team/app", "never-was", nil); err != nil {
		t.Errorf("deleting a tag that isn't there: %v", err)
	}

	content := bytes.Repeat([]byte("0123456789"), 1000)
	blob := pushBlob(t, blobs, "team/app", content)
	if blob != digestOf(content) {
		t.Errorf("digest of the blob is %s", blob)
	}
	if r, err := blobs.CheckBlobExists(ctx, "team/app", blob, nil); err != nil || *r.ContentLength != int64(len(content)) {
		t.Errorf("blob exists: %v", err)
	}
	if r, err := blobs.CheckChunkExists(ctx, "team/app", blob, "bytes=0-9", nil); err != nil || r.ContentLength == nil {
		t.Errorf("chunk exists: %v", err)
	}
	got, err := blobs.GetBlob(ctx, "team/app", blob, nil)
	if err != nil {
		t.Fatal(err)
	}
	reader, err := acr.NewDigestValidationReader(blob, got.BlobData)
	if err != nil {
		t.Fatal(err)
	}
	if data, err := io.ReadAll(reader); err != nil || !bytes.Equal(data, content) || *got.DockerContentDigest != blob {
		t.Errorf("blob: %v", err)
	}
	got.BlobData.Close()
	chunk, err := blobs.GetChunk(ctx, "team/app", blob, "bytes=10-19", nil)
	if err != nil {
		t.Fatal(err)
	}
	if data, _ := io.ReadAll(chunk.ChunkData); string(data) != "0123456789" || *chunk.ContentRange != "bytes 10-19/10000" {
		t.Errorf("chunk: %q %v", data, *chunk.ContentRange)
	}
	chunk.ChunkData.Close()
	if r, err := blobs.MountBlob(ctx, "team/other", "team/app", blob, nil); err != nil || r.DockerContentDigest == nil {
		t.Errorf("mount: %v", err)
	}
	if r, err := blobs.MountBlob(ctx, "team/other", "team/app", digestOf([]byte("never was")), nil); err != nil || r.DockerContentDigest != nil || r.Location == nil {
		t.Errorf("mount of a blob that isn't there: %+v %v", r, err)
	} else if status, err := blobs.GetUploadStatus(ctx, *r.Location, nil); err != nil || *status.Range != "0-0" {
		t.Errorf("status: %v", err)
	} else if _, err := blobs.CancelUpload(ctx, *status.Location, nil); err != nil {
		t.Errorf("cancel: %v", err)
	}
	if _, err := blobs.DeleteBlob(ctx, "team/app", blob, nil); err != nil {
		t.Error(err)
	}
	if _, err := blobs.DeleteBlob(ctx, "team/app", blob, nil); !acr.HasCode(err, acr.ErrorCodeBlobUnknown) {
		t.Errorf("deleting a blob that isn't there: %v", err)
	}
	if _, err := client.DeleteManifest(ctx, "team/app", digest, nil); err != nil {
		t.Error(err)
	}
	if _, err := client.DeleteRepository(ctx, "team/app", nil); err != nil {
		t.Error(err)
	}
	if _, err := client.GetRepositoryProperties(ctx, "team/app", nil); !acr.HasCode(err, acr.ErrorCodeNameUnknown) {
		t.Errorf("a deleted repository: %v", err)
	}
}

// noise returns bytes that no two seeds share.
func noise(seed uint64, n int) []byte {
	p := make([]byte, n)
	r := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)})
	_, _ = r.Read(p)
	return p
}

func digestOf(p []byte) string {
	sum := sha256.Sum256(p)
	return "sha256:" + hex.EncodeToString(sum[:])
}

func blobClient(t *testing.T, registry *emulatortest.Registry) *acr.BlobClient {
	t.Helper()
	client, err := acr.NewBlobClient(registry.Endpoint, registry.Credential,
		&acr.BlobClientOptions{ClientOptions: registry.ClientOptions()})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// wiretap sees what goes over the wire and keeps its secrets.
type wiretap struct {
	next    policy.Transporter
	mu      sync.Mutex
	secrets map[string]bool
	agents  map[string]bool
}

func (w *wiretap) keep(text string) {
	for _, m := range secretOnTheWire.FindAllStringSubmatch(text, -1) {
		for _, s := range m[1:] {
			if s != "" {
				w.secrets[s] = true
			}
		}
	}
}

func (w *wiretap) Do(req *http.Request) (*http.Response, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.agents[req.Header.Get("User-Agent")] = true
	w.keep(req.URL.String())
	w.keep(req.Header.Get("Authorization"))
	if strings.HasPrefix(req.URL.Path, "/oauth2/") {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return nil, err
		}
		w.keep(string(body))
		req.Body = io.NopCloser(bytes.NewReader(body))
	}
	resp, err := w.next.Do(req)
	if err != nil {
		return nil, err
	}
	w.keep(resp.Header.Get("Location"))
	if strings.HasPrefix(req.URL.Path, "/oauth2/") {
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			return nil, err
		}
		w.keep(string(body))
		resp.Body = io.NopCloser(bytes.NewReader(body))
	}
	return resp, nil
}
