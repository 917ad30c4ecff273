package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/plan"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/reference"
)

func newBlobMountCommand(a *app) *cobra.Command {
	var f plan.Flags
	command := &cobra.Command{
		Use: "mount REPOSITORY@DIGEST REPOSITORY", Short: "Mount a blob in another repository of the same registry",
		Example: "  acrkit blob mount local/team/app@$DIGEST local/prod/app",
		Args:    f.Args(exactArgs("REPOSITORY@DIGEST", "REPOSITORY")),
		RunE: func(command *cobra.Command, args []string) error {
			return a.writer().Run(command, f, func(ctx context.Context) ([]plan.Step, error) {
				from, err := a.DigestReference(args[0])
				if err != nil {
					return nil, err
				}
				to, err := a.RepositoryReference(args[1])
				if err == nil && to.Registry != from.Registry {
					err = reference.Bad(args[1], "a blob is mounted within one registry; acrkit copy goes between two")
				}
				if err != nil {
					return nil, err
				}
				r, err := a.OpenFor(ctx, to)
				if err != nil {
					return nil, err
				}
				s := plan.Step{Action: plan.ActionMountBlob, Registry: to.Registry.String(), Repository: to.Repository, Digest: from.Digest, From: from.Repository}
				return []plan.Step{s}, plan.CheckMount(ctx, r, s)
			})
		},
	}
	f.Add(command, false)
	return command
}
