package peers

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	azcr "github.com/Azure/azure-sdk-for-go/sdk/containers/azcontainerregistry"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/acrkit/azcontainerregistry/bench/internal/work"
)

// entra stands for an identity that is signed in already.
type entra struct{}

func (entra) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{Token: "entra", ExpiresOn: time.Now().Add(time.Hour)}, nil
}

func official() Peer {
	return Peer{
		Name:   Official,
		Module: "github.com/Azure/azure-sdk-for-go/sdk/containers/azcontainerregistry",
		Works: map[work.Kind]work.Func{
			work.UploadUnknown: officialUpload,
			// It cannot be told a digest: its CompleteUpload takes the calculator.
			work.UploadKnown:   officialUpload,
			work.Download:      officialDownload,
			work.Push:          officialPush,
			work.Pull:          officialPull,
			work.ReadInTurn:    officialReads(work.InTurn),
			work.ReadTogether:  officialReads(work.Together),
			work.ListTags:      officialListTags,
			work.ListManifests: officialListManifests,
		},
	}
}

func officialClients(job work.Job) (*azcr.Client, *azcr.BlobClient, error) {
	endpoint := job.Endpoint()
	client, err := azcr.NewClient(endpoint, entra{}, nil)
	if err != nil {
		return nil, nil, err
	}
	blobs, err := azcr.NewBlobClient(endpoint, entra{}, nil)
	return client, blobs, err
}

func officialUpload(ctx context.Context, job work.Job) error {
	_, blobs, err := officialClients(job)
	if err != nil {
		return err
	}
	file, err := openAll(job)
	if err != nil {
		return err
	}
	defer file.Close()
	return officialPut(ctx, blobs, job.Repository, file)
}

// officialPut sends the blob as one chunk, which is the fastest it can.
func officialPut(ctx context.Context, blobs *azcr.BlobClient, repository string, content io.ReadSeeker) error {
	start, err := blobs.StartUpload(ctx, repository, nil)
	if err != nil {
		return err
	}
	calculator := azcr.NewBlobDigestCalculator()
	chunk, err := blobs.UploadChunk(ctx, *start.Location, content, calculator, nil)
	if err != nil {
		return err
	}
	_, err = blobs.CompleteUpload(ctx, *chunk.Location, calculator, nil)
	return err
}

func officialDownload(ctx context.Context, job work.Job) error {
	_, blobs, err := officialClients(job)
	if err != nil {
		return err
	}
	return officialGet(ctx, blobs, job.Repository, job.Digest, OutFile(job))
}

func officialGet(ctx context.Context, blobs *azcr.BlobClient, repository, digest, path string) error {
	response, err := blobs.GetBlob(ctx, repository, digest, nil)
	if err != nil {
		return err
	}
	defer response.BlobData.Close()
	verified, err := azcr.NewDigestValidationReader(digest, response.BlobData)
	if err != nil {
		return err
	}
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, verified)
	return closeAfter(file, err)
}

// officialPush is the loop of its README's "upload image" example, over the
// layers of a layout.
func officialPush(ctx context.Context, job work.Job) error {
	client, blobs, err := officialClients(job)
	if err != nil {
		return err
	}
	body, manifest, err := layoutManifest(job.Layout)
	if err != nil {
		return err
	}
	for _, blob := range append(manifest.Layers, manifest.Config) {
		file, err := os.Open(blobPath(job.Layout, blob.Digest.String()))
		if err != nil {
			return err
		}
		if err := closeAfter(file, officialPut(ctx, blobs, job.Repository, file)); err != nil {
			return err
		}
	}
	_, err = client.UploadManifest(ctx, job.Repository, job.Tag, azcr.ContentTypeApplicationVndOciImageManifestV1JSON,
		readSeekNopCloser{bytes.NewReader(body)}, nil)
	return err
}

// officialPull is the loop of its README's "download image" example.
func officialPull(ctx context.Context, job work.Job) error {
	client, blobs, err := officialClients(job)
	if err != nil {
		return err
	}
	dir := filepath.Join(job.Out, "blobs", "sha256")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	response, err := client.GetManifest(ctx, job.Repository, job.Tag, &azcr.ClientGetManifestOptions{
		Accept: to.Ptr(string(azcr.ContentTypeApplicationVndOciImageManifestV1JSON)),
	})
	if err != nil {
		return err
	}
	defer response.ManifestData.Close()
	verified, err := azcr.NewDigestValidationReader(*response.DockerContentDigest, response.ManifestData)
	if err != nil {
		return err
	}
	body, err := io.ReadAll(verified)
	if err != nil {
		return err
	}
	var manifest ocispec.Manifest
	if err := json.Unmarshal(body, &manifest); err != nil {
		return err
	}
	for _, blob := range append(manifest.Layers, manifest.Config) {
		digest := blob.Digest.String()
		if err := officialGet(ctx, blobs, job.Repository, digest, blobPath(job.Out, digest)); err != nil {
			return err
		}
	}
	return os.WriteFile(blobPath(job.Out, *response.DockerContentDigest), body, 0o644)
}

type readSeekNopCloser struct{ io.ReadSeeker }

func (readSeekNopCloser) Close() error { return nil }

type loop func(ctx context.Context, job work.Job, read func(ctx context.Context, i int) error) error

func officialReads(each loop) work.Func {
	return func(ctx context.Context, job work.Job) error {
		client, _, err := officialClients(job)
		if err != nil {
			return err
		}
		return each(ctx, job, func(ctx context.Context, i int) error {
			response, err := client.GetManifest(ctx, job.RepositoryOf(i), job.TagOf(i), &azcr.ClientGetManifestOptions{
				Accept: to.Ptr(string(azcr.ContentTypeApplicationVndOciImageManifestV1JSON)),
			})
			if err != nil {
				return err
			}
			defer response.ManifestData.Close()
			verified, err := azcr.NewDigestValidationReader(*response.DockerContentDigest, response.ManifestData)
			if err != nil {
				return err
			}
			_, err = io.ReadAll(verified)
			return err
		})
	}
}

func officialListTags(ctx context.Context, job work.Job) error {
	client, _, err := officialClients(job)
	if err != nil {
		return err
	}
	seen := 0
	pager := client.NewListTagsPager(job.Repository, &azcr.ClientListTagsOptions{MaxNum: to.Ptr[int32](pageSize)})
	for pager.More() {
		page, err := pager.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, tag := range page.Tags {
			if tag.Name != nil && tag.Digest != nil && tag.LastUpdatedOn != nil && tag.ChangeableAttributes != nil {
				seen++
			}
		}
	}
	return wantCount(seen, job)
}

func officialListManifests(ctx context.Context, job work.Job) error {
	client, _, err := officialClients(job)
	if err != nil {
		return err
	}
	seen := 0
	pager := client.NewListManifestsPager(job.Repository, &azcr.ClientListManifestsOptions{MaxNum: to.Ptr[int32](pageSize)})
	for pager.More() {
		page, err := pager.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, manifest := range page.Attributes {
			if manifest.Digest != nil && manifest.Size != nil && manifest.LastUpdatedOn != nil && len(manifest.Tags) == 1 {
				seen++
			}
		}
	}
	return wantCount(seen, job)
}

// pageSize is ACR's largest.
const pageSize = 1000

func wantCount(seen int, job work.Job) error {
	if seen != job.Count {
		return fmt.Errorf("list: %d entries of %d: %w", seen, job.Count, work.ErrIncomplete)
	}
	return nil
}
