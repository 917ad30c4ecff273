package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/plan"
)

func newManifestRestoreCommand(a *app) *cobra.Command {
	var f plan.Flags
	var force bool
	command := &cobra.Command{
		Use: "restore REPOSITORY@DIGEST", Short: "Restore a soft-deleted manifest with its tags",
		Example: `  acrkit manifest list --deleted myreg.azurecr.io/team/app
  acrkit manifest restore myreg.azurecr.io/team/app@$DIGEST`,
		Args: f.Args(exactArgs("REPOSITORY@DIGEST")),
		RunE: func(command *cobra.Command, args []string) error {
			return a.writer().Run(command, f, func(ctx context.Context) ([]plan.Step, error) {
				ref, err := a.DigestReference(args[0])
				if err != nil {
					return nil, err
				}
				return plan.RestoreSteps(ctx, a.Session, ref, func(m azcontainerregistry.DeletedManifest) bool { return m.Digest == ref.Digest }, force)
			})
		},
	}
	f.Add(command, false)
	command.Flags().BoolVar(&force, "force", false, "restore the tags even if they point to other manifests now")
	return command
}
