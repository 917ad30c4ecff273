package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/plan"
)

func newBlobDeleteCommand(a *app) *cobra.Command {
	var f plan.Flags
	command := &cobra.Command{
		Use: "delete REPOSITORY@DIGEST...", Short: "Delete a blob that no image needs",
		Long: `Delete a blob. One that a manifest of the repository needs isn't deleted: the
manifests are named. --force deletes it nevertheless, and those manifests are then broken.`,
		Example: `  acrkit blob delete local/team/app@$DIGEST --dry-run
  acrkit blob delete local/team/app@$DIGEST --yes`,
		Args: f.Args(someArgs("REPOSITORY@DIGEST")),
		RunE: func(command *cobra.Command, args []string) error {
			return a.writer().Run(command, f, func(ctx context.Context) ([]plan.Step, error) {
				return f.Forced(plan.EachStep(args, func(text string) (plan.Step, error) {
					ref, err := a.DigestReference(text)
					if err != nil {
						return plan.Step{}, err
					}
					s := plan.Step{Action: plan.ActionDeleteBlob, Registry: ref.Registry.String(), Repository: ref.Repository, Digest: ref.Digest}
					r, err := a.OpenFor(ctx, ref)
					if err != nil {
						return plan.Step{}, err
					}
					return s, plan.CheckBlob(ctx, r, s)
				}))
			})
		},
	}
	f.Add(command, true)
	f.AddForce(command)
	return command
}
