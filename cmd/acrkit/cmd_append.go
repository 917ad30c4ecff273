package main

import (
	"context"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/artifact"
)

func newAppendCommand(a *app) *cobra.Command {
	var c imageChange
	var createdBy, created string
	command := &cobra.Command{
		Use: "append REF TAR|DIR...", Short: "Add layers on top of an image, from tars or folders",
		Long: `Add layers on top of an image, the first one lowest: of a TAR, plain or compressed
by gzip or zstd, or of a folder, what is in it being put into the root of the
image, without owners and times. A plain tar and a folder are compressed by gzip.
Of an index every image gets the layers. ` + changeHelp,
		Example: `  acrkit append local/team/app:1 extra.tar.gz --to 1-extra
  acrkit append local/team/app:1 ./overlay --platform linux/arm64 --dry-run`,
		GroupID: groupImages, Args: c.Args(leastArgs("REF", "TAR")),
		RunE: func(command *cobra.Command, args []string) error {
			return a.runChange(command, &c, args, func(ctx context.Context, src artifact.Source, reference string, rest []string, platform *ocispec.Platform, now time.Time) (*artifact.Draft, error) {
				when, err := createdFlag(created, now)
				if err != nil {
					return nil, err
				}
				return artifact.Append(ctx, src, reference, rest, &artifact.AppendOptions{CreatedBy: createdBy, Created: when, Platform: platform})
			})
		},
	}
	c.add(command, changePlatformHelp)
	command.Flags().StringVar(&createdBy, "created-by", "", "the history's entry for the layers (default \"acrkit append\")")
	command.Flags().StringVar(&created, "created", "", "the `TIME` of the layers (RFC 3339), or now (default: none)")
	return command
}
