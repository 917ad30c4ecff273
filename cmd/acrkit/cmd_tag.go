package main

import (
	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/plan"
)

func newTagCommand(a *app) *cobra.Command {
	command := &cobra.Command{
		Use: "tag", Short: "Tags: list, show, untag, delete, lock, unlock, restore",
		Long: `Tags are names of manifests. Three words for three things:

  acrkit tag untag REF         the name goes, the manifest stays
  acrkit tag delete REF        the name goes, and the manifest that has no other name
  acrkit manifest delete REF   the manifest goes, with all its names`,
		GroupID: groupRegistry, Args: cobra.ArbitraryArgs, RunE: helpOrUnknown,
	}
	command.AddCommand(
		newTagListCommand(a), newTagShowCommand(a),
		newTagUntagCommand(a), newTagDeleteCommand(a),
		newLockCommand(a, true, lockable{"tag", "tag", "REPOSITORY:TAG", "local/team/app:1"}, plan.ActionLockTag, a.TagReference),
		newLockCommand(a, false, lockable{"tag", "tag", "REPOSITORY:TAG", "local/team/app:1"}, plan.ActionLockTag, a.TagReference),
		newTagRestoreCommand(a),
	)
	return command
}
