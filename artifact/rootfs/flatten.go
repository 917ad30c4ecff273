package rootfs

import (
	"context"
	"io"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/acrkit/azcontainerregistry/artifact"
)

// Flatten makes an image of one layer out of an image of many, or out of each
// image of an index: what [Tree.Export] writes, without what later layers removed
// or replaced. The config stays but for its history. The draft is stored by
// [artifact.Copy], and closed by the caller. The options' Platform chooses an image
// of an index; nil is every one.
func Flatten(ctx context.Context, src artifact.Source, reference string, o *Options) (*artifact.Draft, error) {
	var options Options
	if o != nil {
		options = *o
	}
	platform := options.Platform
	options.Platform = nil
	return artifact.ReplaceLayers(ctx, src, reference, platform, "acrkit flatten", func(ctx context.Context, image ocispec.Descriptor, w io.Writer) error {
		i, err := Open(ctx, src, image.Digest.String(), &options)
		if err != nil {
			return err
		}
		tree, err := i.Read(ctx)
		if err != nil {
			return err
		}
		return tree.Export(ctx, w)
	})
}
