package main

import (
	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/listing"
)

func newManifestListCommand(a *app) *cobra.Command {
	var f listing.Flags
	var deleted bool
	command := &cobra.Command{
		Use: "list REPOSITORY", Aliases: []string{"ls"}, Short: "List the manifests of a repository",
		Example: `  acrkit manifest list local/team/app -o table
  acrkit manifest list local/team/app --jq '.items[] | select(.tags == []) | .digest'`,
		Args: exactArgs("REPOSITORY"),
		RunE: func(command *cobra.Command, args []string) error {
			ref, err := a.RepositoryReference(args[0])
			if err != nil {
				return err
			}
			if deleted {
				return listing.PrintDeletedManifests(command.Context(), a.Session, a.printer, ref, f)
			}
			return listing.Manifests(command.Context(), a.Session, a.printer, ref, f)
		},
	}
	f.Add(command, true)
	command.Flags().BoolVar(&deleted, "deleted", false, "list the soft-deleted manifests")
	return command
}
