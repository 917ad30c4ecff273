package main

import (
	"context"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/artifact"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/location"
)

func newRebaseCommand(a *app) *cobra.Command {
	var c imageChange
	var oldBase, newBase string
	command := &cobra.Command{
		Use: "rebase REF --old-base REF --new-base REF", Short: "Put an image's layers on another base, without a build",
		Long: `Put the layers that an image has on top of its old base on a new one. The layers
of the old base must be the image's first ones. The configuration stays, with the
new base's platform and part of the history; an OCI image gets the annotations
org.opencontainers.image.base.name and .digest. Bases may be indexes, and of an
index every image is put on the base for its platform. That the layers fit the
new base isn't checked: nothing is unpacked. ` + changeHelp,
		Example: `  acrkit rebase local/team/app:1 --old-base local/base:1.0 --new-base local/base:1.1 --to 1-patched
  acrkit rebase local/team/app:1 --old-base local/base@$DIGEST --new-base local/base:latest --dry-run`,
		GroupID: groupImages, Args: c.Args(exactArgs("REF")),
		RunE: func(command *cobra.Command, args []string) error {
			if c.Write.Apply == "" && (oldBase == "" || newBase == "") {
				return failure.Usagef("acrkit rebase: --old-base and --new-base must both be given")
			}
			return a.runChange(command, &c, args, func(ctx context.Context, src artifact.Source, reference string, _ []string, platform *ocispec.Platform, _ time.Time) (*artifact.Draft, error) {
				o := artifact.RebaseOptions{Platform: platform}
				for _, base := range []struct {
					text string
					ref  *artifact.ImageRef
				}{{oldBase, &o.OldBase}, {newBase, &o.NewBase}} {
					at, err := a.imageLocation(base.text)
					if err != nil {
						return nil, err
					}
					if base.ref.Source, err = location.OpenSource(ctx, a.Session, at); err != nil {
						return nil, err
					}
					base.ref.Reference = at.Version()
					if at.Kind == location.InRegistry {
						at.Ref.Digest = ""
						o.NewBaseName = at.Ref.String()
					}
				}
				return artifact.Rebase(ctx, src, reference, &o)
			})
		},
	}
	c.add(command, changePlatformHelp)
	command.Flags().StringVar(&oldBase, "old-base", "", "the image that REF was built on: a `REF`")
	command.Flags().StringVar(&newBase, "new-base", "", "the image to put it on: a `REF`")
	return command
}
