package peers

import (
	"context"
	"io"

	"github.com/opencontainers/go-digest"
	"github.com/regclient/regclient"
	"github.com/regclient/regclient/config"
	"github.com/regclient/regclient/types/descriptor"
	"github.com/regclient/regclient/types/ref"

	"github.com/acrkit/azcontainerregistry/bench/internal/work"
)

func regclientPeer() Peer {
	return Peer{
		Name:    "regclient",
		Module:  "github.com/regclient/regclient",
		Tunable: true,
		Works: map[work.Kind]work.Func{
			work.UploadUnknown: regclientUpload,
			work.UploadKnown:   regclientUpload,
			work.Download:      regclientDownload,
			work.Push:          regclientPush,
			work.Pull:          regclientPull,
			work.ReadInTurn:    regclientReads(work.InTurn),
			work.ReadTogether:  regclientReads(work.Together),
		},
	}
}

func regclientNew(job work.Job) *regclient.RegClient {
	secure := config.TLSDisabled
	if job.TLS {
		secure = config.TLSEnabled
	}
	return regclient.New(regclient.WithConfigHost(config.Host{
		Name:          job.Registry,
		Hostname:      job.Registry,
		TLS:           secure,
		User:          username,
		Pass:          password,
		ReqConcurrent: int64(job.Setting),
	}))
}

func regclientUpload(ctx context.Context, job work.Job) error {
	r, err := ref.New(job.Registry + "/" + job.Repository)
	if err != nil {
		return err
	}
	file, err := openAll(job)
	if err != nil {
		return err
	}
	defer file.Close()
	var known descriptor.Descriptor
	if job.Kind == work.UploadKnown {
		known = regclientBlob(job)
	}
	_, err = regclientNew(job).BlobPut(ctx, r, known, file)
	return err
}

func regclientBlob(job work.Job) descriptor.Descriptor {
	return descriptor.Descriptor{Digest: digest.Digest(job.Digest), Size: job.Size}
}

func regclientDownload(ctx context.Context, job work.Job) error {
	r, err := ref.New(job.Registry + "/" + job.Repository)
	if err != nil {
		return err
	}
	body, err := regclientNew(job).BlobGet(ctx, r, regclientBlob(job))
	if err != nil {
		return err
	}
	defer body.Close()
	file, err := createOut(job)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, body)
	return closeAfter(file, err)
}

func regclientCopy(ctx context.Context, job work.Job, from, to string) error {
	source, err := ref.New(from)
	if err != nil {
		return err
	}
	target, err := ref.New(to)
	if err != nil {
		return err
	}
	client := regclientNew(job)
	if err := client.ImageCopy(ctx, source, target); err != nil {
		return err
	}
	return client.Close(ctx, target)
}

func regclientPush(ctx context.Context, job work.Job) error {
	return regclientCopy(ctx, job, "ocidir://"+job.Layout+":"+job.Tag, job.Registry+"/"+job.Repository+":"+job.Tag)
}

func regclientPull(ctx context.Context, job work.Job) error {
	return regclientCopy(ctx, job, job.Registry+"/"+job.Repository+":"+job.Tag, "ocidir://"+job.Out+":"+job.Tag)
}

func regclientReads(each loop) work.Func {
	return func(ctx context.Context, job work.Job) error {
		client := regclientNew(job)
		return each(ctx, job, func(ctx context.Context, i int) error {
			r, err := ref.New(job.Registry + "/" + job.RepositoryOf(i) + ":" + job.TagOf(i))
			if err != nil {
				return err
			}
			manifest, err := client.ManifestGet(ctx, r)
			if err != nil {
				return err
			}
			_, err = manifest.RawBody()
			return err
		})
	}
}
