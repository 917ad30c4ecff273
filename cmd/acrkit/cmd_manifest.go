package main

import (
	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/plan"
)

func newManifestCommand(a *app) *cobra.Command {
	command := &cobra.Command{
		Use: "manifest", Short: "Manifests: list, show, put, delete, lock, restore, …",
		GroupID: groupRegistry, Args: cobra.ArbitraryArgs, RunE: helpOrUnknown,
	}
	command.AddCommand(
		newManifestListCommand(a), newManifestShowCommand(a), newManifestReferrersCommand(a), newManifestPutCommand(a), newManifestDeleteCommand(a),
		newLockCommand(a, true, lockable{"manifest", "manifest", "REPOSITORY@DIGEST|REPOSITORY:TAG", "local/team/app@$DIGEST"}, plan.ActionLockManifest, a.VersionReference),
		newLockCommand(a, false, lockable{"manifest", "manifest", "REPOSITORY@DIGEST|REPOSITORY:TAG", "local/team/app@$DIGEST"}, plan.ActionLockManifest, a.VersionReference),
		newManifestRestoreCommand(a),
	)
	return command
}
