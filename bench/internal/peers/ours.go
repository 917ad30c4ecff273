package peers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"

	acr "github.com/acrkit/azcontainerregistry"
	"github.com/acrkit/azcontainerregistry/artifact"
	"github.com/acrkit/azcontainerregistry/bench/internal/work"
)

func ours() Peer {
	return Peer{
		Name:   Ours,
		Module: "github.com/acrkit/azcontainerregistry",
		Works: map[work.Kind]work.Func{
			work.UploadUnknown: oursUpload,
			work.UploadKnown:   oursUpload,
			work.Download:      oursDownload,
			work.Push:          oursPush,
			work.Pull:          oursPull,
			work.ReadInTurn:    oursReads(work.InTurn),
			work.ReadTogether:  oursReads(work.Together),
			work.ListTags:      oursListTags,
			work.ListManifests: oursListManifests,
		},
	}
}

func oursClients(job work.Job) (*acr.Client, *acr.BlobClient, error) {
	client, err := acr.NewClient(job.Endpoint(), entra{}, nil)
	if err != nil {
		return nil, nil, err
	}
	return client, client.NewBlobClient(), nil
}

// patience is the no-progress limit of a job: the default, unless the stage
// stalls on purpose.
func patience(job work.Job) time.Duration {
	if job.Patient {
		return time.Second
	}
	return 0
}

func oursUpload(ctx context.Context, job work.Job) error {
	_, blobs, err := oursClients(job)
	if err != nil {
		return err
	}
	file, err := openAll(job)
	if err != nil {
		return err
	}
	defer file.Close()
	options := acr.UploadOptions{NoProgressTimeout: patience(job)}
	if job.Kind == work.UploadKnown {
		options.Digest = job.Digest
	}
	_, err = blobs.Upload(ctx, job.Repository, file, &options)
	return err
}

func oursDownload(ctx context.Context, job work.Job) error {
	_, blobs, err := oursClients(job)
	if err != nil {
		return err
	}
	_, err = blobs.DownloadFile(ctx, job.Repository, job.Digest, OutFile(job), &acr.DownloadOptions{
		Concurrency:       job.Setting,
		NoProgressTimeout: patience(job),
	})
	return err
}

func oursPush(ctx context.Context, job work.Job) error {
	layout, err := artifact.OpenLayout(job.Layout)
	if err != nil {
		return err
	}
	return oursCopy(job, func(repository *artifact.Repository) error {
		_, err := artifact.Copy(ctx, repository, job.Tag, layout, job.Tag, nil)
		return errors.Join(err, layout.Close())
	})
}

func oursPull(ctx context.Context, job work.Job) error {
	layout, err := artifact.CreateLayout(job.Out)
	if err != nil {
		return err
	}
	return oursCopy(job, func(repository *artifact.Repository) error {
		_, err := artifact.Copy(ctx, layout, job.Tag, repository, job.Tag, nil)
		return errors.Join(err, layout.Close())
	})
}

func oursCopy(job work.Job, run func(*artifact.Repository) error) error {
	client, blobs, err := oursClients(job)
	if err != nil {
		return err
	}
	repository, err := artifact.NewRepository(client, blobs, job.Repository)
	if err != nil {
		return err
	}
	return run(repository)
}

func oursReads(each loop) work.Func {
	return func(ctx context.Context, job work.Job) error {
		client, _, err := oursClients(job)
		if err != nil {
			return err
		}
		return each(ctx, job, func(ctx context.Context, i int) error {
			response, err := client.GetManifest(ctx, job.RepositoryOf(i), job.TagOf(i), nil)
			if err != nil {
				return err
			}
			defer response.ManifestData.Close()
			verified, err := acr.NewDigestValidationReader(*response.DockerContentDigest, response.ManifestData)
			if err != nil {
				return err
			}
			_, err = io.ReadAll(verified)
			return err
		})
	}
}

func oursListTags(ctx context.Context, job work.Job) error {
	client, _, err := oursClients(job)
	if err != nil {
		return err
	}
	seen := 0
	for tag, err := range client.Tags(ctx, job.Repository, &acr.ClientListTagsOptions{MaxNum: to.Ptr[int32](pageSize)}) {
		if err != nil {
			return err
		}
		if tag.Name != nil && tag.Digest != nil && tag.LastUpdatedOn != nil && tag.ChangeableAttributes != nil {
			seen++
		}
	}
	return wantCount(seen, job)
}

func oursListManifests(ctx context.Context, job work.Job) error {
	client, _, err := oursClients(job)
	if err != nil {
		return err
	}
	seen := 0
	for manifest, err := range client.Manifests(ctx, job.Repository, &acr.ClientListManifestsOptions{MaxNum: to.Ptr[int32](pageSize)}) {
		if err != nil {
			return fmt.Errorf("list manifests: %w", err)
		}
		if manifest.Digest != nil && manifest.Size != nil && manifest.LastUpdatedOn != nil && len(manifest.Tags) == 1 {
			seen++
		}
	}
	return wantCount(seen, job)
}
