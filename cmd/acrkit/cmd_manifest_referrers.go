package main

import (
	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/image"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/items"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/listing"
)

func newManifestReferrersCommand(a *app) *cobra.Command {
	var f listing.Flags
	var artifactType string
	command := &cobra.Command{
		Use: "referrers REF", Short: "List what refers to a manifest: signatures, SBOMs and the like",
		Example: "  acrkit manifest referrers myreg.azurecr.io/team/app:1 --artifact-type application/spdx+json",
		Args:    exactArgs("REF"),
		RunE: func(command *cobra.Command, args []string) error {
			if err := f.CheckLimit(); err != nil {
				return err
			}
			i, err := image.OpenArgument(command.Context(), a.Session, args[0])
			if err != nil {
				return err
			}
			r, err := a.OpenFor(command.Context(), i.Ref)
			if err != nil {
				return err
			}
			referrers := r.Client.Referrers(command.Context(), i.Ref.Repository, i.Desc.Digest.String(),
				&azcontainerregistry.ClientListReferrersOptions{ArtifactType: artifactType})
			return listing.Print(a.printer, f, items.ReferrerView(), listing.Mapped(referrers, func(d *azcontainerregistry.Descriptor) items.Referrer {
				return items.ToReferrer(i.Ref, d)
			}))
		},
	}
	f.AddLimit(command)
	command.Flags().StringVar(&artifactType, "artifact-type", "", "only those of this artifact `TYPE`")
	return command
}
