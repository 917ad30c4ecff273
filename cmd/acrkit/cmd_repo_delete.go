package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/items"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/plan"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/session"
)

func newRepoDeleteCommand(a *app) *cobra.Command {
	var f plan.Flags
	command := &cobra.Command{
		Use: "delete REPOSITORY...", Short: "Delete a repository with all its manifests and tags",
		Example: `  acrkit repo delete local/team/app --dry-run
  acrkit repo delete local/team/app --yes`,
		Args: f.Args(someArgs("REPOSITORY")),
		RunE: func(command *cobra.Command, args []string) error {
			return a.writer().Run(command, f, func(ctx context.Context) ([]plan.Step, error) {
				return plan.EachStep(args, func(text string) (plan.Step, error) { return deleteRepositoryStep(ctx, a.Session, text) })
			})
		},
	}
	f.Add(command, true)
	return command
}

func deleteRepositoryStep(ctx context.Context, sess *session.Session, text string) (plan.Step, error) {
	ref, err := sess.RepositoryReference(text)
	if err != nil {
		return plan.Step{}, err
	}
	r, err := sess.OpenFor(ctx, ref)
	if err != nil {
		return plan.Step{}, err
	}
	item, err := items.RepositoryOf(ctx, r, ref.Repository)
	if err != nil {
		return plan.Step{}, err
	}
	s := plan.Step{
		Action: plan.ActionDeleteRepository, Registry: ref.Registry.String(), Repository: ref.Repository,
		Manifests: items.Value(item.ManifestCount), LastUpdatedOn: item.LastUpdatedOn,
	}
	return s, plan.RefuseLocked(s, "repository", item.Locks)
}
