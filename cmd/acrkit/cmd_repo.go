package main

import (
	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/plan"
)

func newRepoCommand(a *app) *cobra.Command {
	command := &cobra.Command{
		Use: "repo", Short: "Repositories: list, show, delete, lock, unlock, restore",
		GroupID: groupRegistry, Args: cobra.ArbitraryArgs, RunE: helpOrUnknown,
	}
	command.AddCommand(
		newRepoListCommand(a), newRepoShowCommand(a), newRepoDeleteCommand(a),
		newLockCommand(a, true, lockable{"repo", "repository", "REPOSITORY", "local/team/app"}, plan.ActionLockRepository, a.RepositoryReference),
		newLockCommand(a, false, lockable{"repo", "repository", "REPOSITORY", "local/team/app"}, plan.ActionLockRepository, a.RepositoryReference),
		newRepoRestoreCommand(a),
	)
	return command
}
