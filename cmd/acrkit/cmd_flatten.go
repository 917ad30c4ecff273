package main

import (
	"context"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/artifact"
	"github.com/acrkit/azcontainerregistry/artifact/rootfs"
)

func newFlattenCommand(a *app) *cobra.Command {
	var c imageChange
	command := &cobra.Command{
		Use: "flatten REF", Short: "Make one layer of all layers of an image",
		Long: `Make one layer, compressed by gzip, of all layers of an image, without what later
ones removed or replaced. The configuration stays but for its history. The layers
are read, and verified, and the new one is sent. Of an index every image is made
anew. ` + changeHelp,
		Example: `  acrkit flatten local/team/app:1 --to 1-flat
  acrkit flatten local/team/app:1 --platform linux/amd64 --to flat --dry-run`,
		GroupID: groupImages, Args: c.Args(exactArgs("REF")),
		RunE: func(command *cobra.Command, args []string) error {
			return a.runChange(command, &c, args, func(ctx context.Context, src artifact.Source, reference string, _ []string, platform *ocispec.Platform, _ time.Time) (*artifact.Draft, error) {
				return rootfs.Flatten(ctx, src, reference, &rootfs.Options{Platform: platform})
			})
		},
	}
	c.add(command, changePlatformHelp)
	return command
}
