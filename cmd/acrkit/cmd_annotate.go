package main

import (
	"context"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/artifact"
)

func newAnnotateCommand(a *app) *cobra.Command {
	var c imageChange
	var remove []string
	command := &cobra.Command{
		Use: "annotate REF [KEY=VALUE]...", Short: "Change the annotations of an image or index",
		Long: `Change the annotations of the manifest or index that REF names, or of an image in
an index. Docker's types have no annotations: such a manifest becomes one of
OCI's types, over the same blobs, with a note. ` + changeHelp,
		Example: `  acrkit annotate local/team/app:1 org.opencontainers.image.source=https://example.com/app
  acrkit annotate local/team/app:1 --remove stage --to 1-clean --dry-run`,
		GroupID: groupImages, Args: c.Args(leastArgs("REF")),
		RunE: func(command *cobra.Command, args []string) error {
			return a.runChange(command, &c, args, func(ctx context.Context, src artifact.Source, reference string, rest []string, platform *ocispec.Platform, _ time.Time) (*artifact.Draft, error) {
				set, err := keyValues("annotation", rest)
				if err != nil {
					return nil, err
				}
				return artifact.Annotate(ctx, src, reference, &artifact.AnnotateOptions{Set: set, Remove: remove, Platform: platform})
			})
		},
	}
	c.add(command, "annotate the image of an index for this `PLATFORM`, os/arch[/variant], not the index")
	command.Flags().StringArrayVar(&remove, "remove", nil, "remove the annotation `KEY`; may be repeated")
	return command
}
