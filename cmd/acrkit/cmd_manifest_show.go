package main

import (
	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/items"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/output"
)

func newManifestShowCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "show REPOSITORY:TAG|REPOSITORY@DIGEST", Short: "Show a manifest's properties: type, tags, size, times and locks",
		Example: `  acrkit manifest show local/team/app:1
  DIGEST=$(acrkit tag show local/team/app:1 --jq .item.digest)
  acrkit manifest show local/team/app@$DIGEST`,
		Args: exactArgs("REPOSITORY@DIGEST"),
		RunE: func(command *cobra.Command, args []string) error {
			ctx := command.Context()
			ref, err := a.Reference(args[0])
			if err != nil {
				return err
			}
			digest := ref.Digest
			if digest == "" {
				if ref, err = a.TagReference(args[0]); err != nil {
					return err
				}
				tag, err := items.TagOf(ctx, a.Session, ref)
				if err != nil {
					return err
				}
				digest = tag.Digest
			}
			r, err := a.OpenFor(ctx, ref)
			if err != nil {
				return err
			}
			item, err := items.ManifestOf(ctx, r, ref.Repository, digest)
			if err != nil {
				return err
			}
			return output.One(a.printer, items.ManifestDetailView(), item)
		},
	}
}
