package main

import (
	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/items"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/output"
)

func newRepoShowCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "show REPOSITORY", Short: "Show a repository: its counts, times and locks",
		Example: "  acrkit repo show local/team/app",
		Args:    exactArgs("REPOSITORY"),
		RunE: func(command *cobra.Command, args []string) error {
			ref, err := a.RepositoryReference(args[0])
			if err != nil {
				return err
			}
			r, err := a.OpenFor(command.Context(), ref)
			if err != nil {
				return err
			}
			item, err := items.RepositoryOf(command.Context(), r, ref.Repository)
			if err != nil {
				return err
			}
			return output.One(a.printer, items.RepositoryDetailView(), item)
		},
	}
}
