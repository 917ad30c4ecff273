package main

import (
	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/listing"
)

func newRepoListCommand(a *app) *cobra.Command {
	var f listing.Flags
	var deleted bool
	command := &cobra.Command{
		Use: "list [REGISTRY]", Aliases: []string{"ls"}, Short: "List the repositories of a registry",
		Example: `  acrkit repo list myreg.azurecr.io
  acrkit repo list local --deleted`,
		Args: rangeArgs(0, "REGISTRY"),
		RunE: func(command *cobra.Command, args []string) error {
			h, err := a.RegistryArgument(args)
			if err != nil {
				return err
			}
			if deleted {
				return listing.DeletedRepositories(command.Context(), a.Session, a.printer, h, f)
			}
			return listing.Repositories(command.Context(), a.Session, a.printer, h, f)
		},
	}
	f.Add(command, false)
	command.Flags().BoolVar(&deleted, "deleted", false, "list those with soft-deleted manifests")
	return command
}
