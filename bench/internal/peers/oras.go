package peers

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/netip"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/content/oci"
	"oras.land/oras-go/v2/registry/remote"
	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/retry"

	"github.com/acrkit/azcontainerregistry/bench/internal/work"
)

func orasPeer() Peer {
	return Peer{
		Name:    "oras-go",
		Module:  "oras.land/oras-go/v2",
		Tunable: true,
		Works: map[work.Kind]work.Func{
			work.UploadUnknown: orasUpload,
			work.UploadKnown:   orasUpload,
			work.Download:      orasDownload,
			work.Push:          orasPush,
			work.Pull:          orasPull,
			work.ReadInTurn:    orasReads(work.InTurn),
			work.ReadTogether:  orasReads(work.Together),
		},
	}
}

// orasClient is the one of its documentation's examples.
func orasClient(job work.Job) *auth.Client {
	return &auth.Client{
		Client:     &http.Client{Transport: retry.NewTransport(nil)},
		Cache:      auth.NewCache(),
		Credential: auth.StaticCredential(job.Registry, auth.Credential{Username: username, Password: password}),
		// Its default refuses token servers on loopback.
		BlockedRealmPrefixes: []netip.Prefix{},
	}
}

func orasRepository(job work.Job, client *auth.Client, repository string) (*remote.Repository, error) {
	r, err := remote.NewRepository(job.Registry + "/" + repository)
	if err != nil {
		return nil, err
	}
	r.PlainHTTP = !job.TLS
	r.Client = client
	return r, nil
}

// orasUpload hashes the file first when it isn't told the digest: its API
// takes descriptors only, and its file store does the same.
func orasUpload(ctx context.Context, job work.Job) error {
	repository, err := orasRepository(job, orasClient(job), job.Repository)
	if err != nil {
		return err
	}
	if job.Kind == work.UploadUnknown {
		if job.Digest, err = hashFile(job); err != nil {
			return err
		}
	}
	file, err := openAll(job)
	if err != nil {
		return err
	}
	defer file.Close()
	return repository.Push(ctx, orasBlob(job), file)
}

func orasBlob(job work.Job) ocispec.Descriptor {
	return ocispec.Descriptor{MediaType: "application/octet-stream", Digest: digest.Digest(job.Digest), Size: job.Size}
}

func orasDownload(ctx context.Context, job work.Job) error {
	repository, err := orasRepository(job, orasClient(job), job.Repository)
	if err != nil {
		return err
	}
	body, err := repository.Fetch(ctx, orasBlob(job))
	if err != nil {
		return err
	}
	defer body.Close()
	file, err := createOut(job)
	if err != nil {
		return err
	}
	verified := content.NewVerifyReader(body, orasBlob(job))
	_, err = io.Copy(file, verified)
	if err == nil {
		err = verified.Verify()
	}
	return closeAfter(file, err)
}

func orasCopyOptions(job work.Job) oras.CopyOptions {
	options := oras.DefaultCopyOptions
	options.Concurrency = job.Setting
	return options
}

func orasPush(ctx context.Context, job work.Job) error {
	repository, err := orasRepository(job, orasClient(job), job.Repository)
	if err != nil {
		return err
	}
	store, err := oci.NewWithContext(ctx, job.Layout)
	if err != nil {
		return err
	}
	_, err = oras.Copy(ctx, store, job.Tag, repository, job.Tag, orasCopyOptions(job))
	return err
}

func orasPull(ctx context.Context, job work.Job) error {
	repository, err := orasRepository(job, orasClient(job), job.Repository)
	if err != nil {
		return err
	}
	store, err := oci.NewWithContext(ctx, job.Out)
	if err != nil {
		return err
	}
	_, err = oras.Copy(ctx, repository, job.Tag, store, job.Tag, orasCopyOptions(job))
	return err
}

func orasReads(each loop) work.Func {
	return func(ctx context.Context, job work.Job) error {
		client := orasClient(job)
		return each(ctx, job, func(ctx context.Context, i int) error {
			repository, err := orasRepository(job, client, job.RepositoryOf(i))
			if err != nil {
				return err
			}
			descriptor, body, err := repository.FetchReference(ctx, job.TagOf(i))
			if err != nil {
				return err
			}
			defer body.Close()
			data, err := content.ReadAll(body, descriptor)
			if err == nil && int64(len(data)) != descriptor.Size {
				err = fmt.Errorf("read manifest: %w", work.ErrIncomplete)
			}
			return err
		})
	}
}
