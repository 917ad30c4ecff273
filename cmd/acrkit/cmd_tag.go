package main

import (
	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/plan"
)

func newTagCommand(a *app) *cobra.Command {
	command := &cobra.Command{
		Use: "tag", Short: "Tags: list, show, untag, delete, lock, unlock, restore",
		Long: `A tag is a name of a manifest. Three commands remove three things:

  acrkit tag untag REF         removes the tag, keeps the manifest
  acrkit tag delete REF        removes the tag, and a manifest without another
  acrkit manifest delete REF   removes the manifest, with all its tags`,
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
