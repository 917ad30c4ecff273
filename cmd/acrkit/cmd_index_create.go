package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/artifact"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/location"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/transfers"
)

func newIndexCreateCommand(a *app) *cobra.Command {
	var f transfers.ChangeFlags
	var annotations []string
	command := &cobra.Command{
		Use: "create REF SRC[=PLATFORM]...", Short: "Make an index of images; prints it by digest",
		Long: "Make an OCI image index of images. " + indexEntryHelp,
		Example: `  acrkit index create local/team/app:1 local/team/app:1-amd64 local/team/app:1-arm64
  acrkit index create local/team/app:1 local/build/app:7=linux/arm/v7 --annotation stage=test --dry-run`,
		Args: f.Args(leastArgs("REF", "SRC")),
		RunE: func(command *cobra.Command, args []string) error {
			return a.mover().RunChange(command, &f, args, func(ctx context.Context, args []string, _ transfers.Making) ([]transfers.Made, error) {
				to, err := a.imageLocation(args[0])
				if err != nil {
					return nil, err
				}
				set, err := keyValues("--annotation", annotations)
				if err != nil {
					return nil, err
				}
				entries, err := a.indexEntries(ctx, args[1:])
				if err != nil {
					return nil, err
				}
				var base artifact.Source
				if to.Kind == location.InRegistry {
					if base, err = location.OpenSource(ctx, a.Session, to); err != nil {
						return nil, err
					}
				}
				draft, err := artifact.IndexCreate(ctx, base, entries, &artifact.IndexOptions{Annotations: set})
				return a.madeOf(&f, draft, to, usageOfOption(err))
			})
		},
	}
	f.Add(command)
	command.Flags().StringArrayVarP(&annotations, "annotation", "a", nil, "a `KEY=VALUE` annotation of the index; may be repeated")
	return command
}
