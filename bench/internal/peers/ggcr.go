package peers

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/acrkit/azcontainerregistry/bench/internal/work"
)

func ggcr() Peer {
	return Peer{
		Name:    "go-containerregistry",
		Module:  "github.com/google/go-containerregistry",
		Tunable: true,
		Works: map[work.Kind]work.Func{
			work.UploadUnknown: ggcrUpload,
			work.UploadKnown:   ggcrUpload,
			work.Download:      ggcrDownload,
			work.Push:          ggcrPush,
			work.Pull:          ggcrPull,
			work.ReadInTurn:    ggcrReads(work.InTurn),
			work.ReadTogether:  ggcrReads(work.Together),
		},
	}
}

func ggcrOptions(ctx context.Context, job work.Job) []remote.Option {
	options := []remote.Option{
		remote.WithContext(ctx),
		remote.WithAuth(&authn.Basic{Username: username, Password: password}),
	}
	if job.Setting > 0 {
		options = append(options, remote.WithJobs(job.Setting))
	}
	return options
}

func ggcrRepository(job work.Job, repository string) (name.Repository, error) {
	return name.NewRepository(job.Registry+"/"+repository, name.Insecure)
}

// fileLayer is a file as a layer; without a digest it is hashed first, as the
// library's own file layers are.
type fileLayer struct {
	job    work.Job
	digest string
}

func (l *fileLayer) Digest() (v1.Hash, error) {
	if l.digest == "" {
		digest, err := hashFile(l.job)
		if err != nil {
			return v1.Hash{}, err
		}
		l.digest = digest
	}
	return v1.NewHash(l.digest)
}
func (l *fileLayer) DiffID() (v1.Hash, error)             { return l.Digest() }
func (l *fileLayer) Compressed() (io.ReadCloser, error)   { return openAll(l.job) }
func (l *fileLayer) Uncompressed() (io.ReadCloser, error) { return openAll(l.job) }
func (l *fileLayer) Size() (int64, error)                 { return l.job.Size, nil }
func (l *fileLayer) MediaType() (types.MediaType, error)  { return types.OCILayer, nil }

func ggcrUpload(ctx context.Context, job work.Job) error {
	repository, err := ggcrRepository(job, job.Repository)
	if err != nil {
		return err
	}
	layer := &fileLayer{job: job}
	if job.Kind == work.UploadKnown {
		layer.digest = job.Digest
	}
	return remote.WriteLayer(repository, layer, ggcrOptions(ctx, job)...)
}

func ggcrDownload(ctx context.Context, job work.Job) error {
	reference, err := name.NewDigest(job.Registry+"/"+job.Repository+"@"+job.Digest, name.Insecure)
	if err != nil {
		return err
	}
	layer, err := remote.Layer(reference, ggcrOptions(ctx, job)...)
	if err != nil {
		return err
	}
	body, err := layer.Compressed()
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

func ggcrPush(ctx context.Context, job work.Job) error {
	reference, err := name.NewTag(job.Registry+"/"+job.Repository+":"+job.Tag, name.Insecure)
	if err != nil {
		return err
	}
	index, err := layout.ImageIndexFromPath(job.Layout)
	if err != nil {
		return err
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		return err
	}
	if len(manifest.Manifests) != 1 {
		return fmt.Errorf("read layout: %d manifests: %w", len(manifest.Manifests), work.ErrIncomplete)
	}
	image, err := index.Image(manifest.Manifests[0].Digest)
	if err != nil {
		return err
	}
	return remote.Write(reference, image, ggcrOptions(ctx, job)...)
}

// ggcrPull is what its command "crane pull --format=oci" does.
func ggcrPull(ctx context.Context, job work.Job) error {
	reference, err := name.NewTag(job.Registry+"/"+job.Repository+":"+job.Tag, name.Insecure)
	if err != nil {
		return err
	}
	image, err := remote.Image(reference, ggcrOptions(ctx, job)...)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(job.Out, 0o755); err != nil {
		return err
	}
	path, err := layout.Write(job.Out, empty.Index)
	if err != nil {
		return err
	}
	return path.AppendImage(image)
}

func ggcrReads(each loop) work.Func {
	return func(ctx context.Context, job work.Job) error {
		puller, err := remote.NewPuller(ggcrOptions(ctx, job)...)
		if err != nil {
			return err
		}
		return each(ctx, job, func(ctx context.Context, i int) error {
			reference, err := name.NewTag(job.Registry+"/"+job.RepositoryOf(i)+":"+job.TagOf(i), name.Insecure)
			if err != nil {
				return err
			}
			_, err = puller.Get(ctx, reference)
			return err
		})
	}
}
