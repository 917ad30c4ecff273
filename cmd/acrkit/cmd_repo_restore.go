package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/plan"
)

func newRepoRestoreCommand(a *app) *cobra.Command {
	var f plan.Flags
	command := &cobra.Command{
		Use: "restore REPOSITORY", Short: "Restore a repository's soft-deleted manifests, with their tags",
		Example: "  acrkit repo restore myreg.azurecr.io/team/app",
		Args:    f.Args(exactArgs("REPOSITORY")),
		RunE: func(command *cobra.Command, args []string) error {
			return a.writer().Run(command, f, func(ctx context.Context) ([]plan.Step, error) {
				ref, err := a.RepositoryReference(args[0])
				if err != nil {
					return nil, err
				}
				return plan.RestoreSteps(ctx, a.Session, ref, func(azcontainerregistry.DeletedManifest) bool { return true }, false)
			})
		},
	}
	f.Add(command, false)
	return command
}
