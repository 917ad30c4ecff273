package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/output"
)

func newRepoCommand(a *app) *cobra.Command {
	command := &cobra.Command{
		Use: "repo", Short: "Repositories: list, show, delete, lock, unlock, restore",
		GroupID: groupRegistry, Args: cobra.ArbitraryArgs, RunE: helpOrUnknown,
	}
	command.AddCommand(
		repoList(a), repoShow(a), repoDelete(a),
		lockCommand(a, true, lockable{"repo", "repository", "REPOSITORY", "local/team/app"}, actionLockRepository, a.repositoryReference),
		lockCommand(a, false, lockable{"repo", "repository", "REPOSITORY", "local/team/app"}, actionLockRepository, a.repositoryReference),
		repoRestore(a),
	)
	return command
}

func repoList(a *app) *cobra.Command {
	var f listFlags
	var deleted bool
	command := &cobra.Command{
		Use: "list [REGISTRY]", Aliases: []string{"ls"}, Short: "List the repositories of a registry",
		Example: `  acrkit repo list myreg.azurecr.io
  acrkit repo list local --deleted`,
		Args: rangeArgs(0, "REGISTRY"),
		RunE: func(command *cobra.Command, args []string) error {
			h, err := a.registryArgument(args)
			if err != nil {
				return err
			}
			if deleted {
				return a.listDeletedRepositories(command.Context(), h, f)
			}
			return a.listRepositories(command.Context(), h, f)
		},
	}
	f.add(command, false)
	command.Flags().BoolVar(&deleted, "deleted", false, "list those with soft-deleted manifests")
	return command
}

func repoShow(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "show REPOSITORY", Short: "Show a repository: its counts, times and locks",
		Example: "  acrkit repo show local/team/app",
		Args:    exactArgs("REPOSITORY"),
		RunE: func(command *cobra.Command, args []string) error {
			ref, err := a.repositoryReference(args[0])
			if err != nil {
				return err
			}
			r, err := a.open(command.Context(), ref.Registry)
			if err != nil {
				return err
			}
			item, err := repositoryOf(command.Context(), r, ref.Repository)
			if err != nil {
				return err
			}
			return output.One(a.printer, a.repositoryDetailView(), item)
		},
	}
}

func repoDelete(a *app) *cobra.Command {
	var f writeFlags
	command := &cobra.Command{
		Use: "delete REPOSITORY...", Short: "Delete a repository with all its manifests and tags",
		Example: `  acrkit repo delete local/team/app --dry-run
  acrkit repo delete local/team/app --yes`,
		Args: f.args(someArgs("REPOSITORY")),
		RunE: func(command *cobra.Command, args []string) error {
			return a.write(command, f, func(ctx context.Context) ([]step, error) {
				return eachStep(args, func(text string) (step, error) { return a.deleteRepositoryStep(ctx, text) })
			})
		},
	}
	f.add(command, true)
	return command
}

func (a *app) deleteRepositoryStep(ctx context.Context, text string) (step, error) {
	ref, err := a.repositoryReference(text)
	if err != nil {
		return step{}, err
	}
	r, err := a.open(ctx, ref.Registry)
	if err != nil {
		return step{}, err
	}
	item, err := repositoryOf(ctx, r, ref.Repository)
	if err != nil {
		return step{}, err
	}
	s := step{
		Action: actionDeleteRepository, Registry: ref.Registry.String(), Repository: ref.Repository,
		Manifests: value(item.ManifestCount), LastUpdatedOn: item.LastUpdatedOn,
	}
	return s, refuseLocked(s, "repository", item.Locks)
}

// eachStep makes a step of each argument; all must be right before the first
// is done.
func eachStep(args []string, makeStep func(string) (step, error)) ([]step, error) {
	steps := make([]step, 0, len(args))
	for _, text := range args {
		s, err := makeStep(text)
		if err != nil {
			return nil, err
		}
		steps = append(steps, s)
	}
	return steps, nil
}

func repoRestore(a *app) *cobra.Command {
	var f writeFlags
	command := &cobra.Command{
		Use: "restore REPOSITORY", Short: "Restore every soft-deleted manifest of a repository, with its tags",
		Example: "  acrkit repo restore myreg.azurecr.io/team/app",
		Args:    f.args(exactArgs("REPOSITORY")),
		RunE: func(command *cobra.Command, args []string) error {
			return a.write(command, f, func(ctx context.Context) ([]step, error) {
				ref, err := a.repositoryReference(args[0])
				if err != nil {
					return nil, err
				}
				return a.restoreSteps(ctx, ref, func(azcontainerregistry.DeletedManifest) bool { return true }, false)
			})
		},
	}
	f.add(command, false)
	return command
}
