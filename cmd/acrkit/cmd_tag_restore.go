package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/plan"
)

func newTagRestoreCommand(a *app) *cobra.Command {
	var f plan.Flags
	var force bool
	command := &cobra.Command{
		Use: "restore REPOSITORY:TAG", Short: "Restore a soft-deleted tag with its manifest",
		Example: "  acrkit tag restore myreg.azurecr.io/team/app:1",
		Args:    f.Args(exactArgs("REPOSITORY:TAG")),
		RunE: func(command *cobra.Command, args []string) error {
			return a.writer().Run(command, f, func(ctx context.Context) ([]plan.Step, error) {
				ref, err := a.TagReference(args[0])
				if err != nil {
					return nil, err
				}
				return plan.RestoreTagSteps(ctx, a.Session, ref, force)
			})
		},
	}
	f.Add(command, false)
	command.Flags().BoolVar(&force, "force", false, "restore the tag even if it points to another manifest now")
	return command
}
