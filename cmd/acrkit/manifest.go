package main

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/output"
)

func newManifestCommand(a *app) *cobra.Command {
	command := &cobra.Command{
		Use: "manifest", Short: "Manifests: list, show, referrers, put, delete, lock, unlock, restore",
		GroupID: groupRegistry, Args: cobra.ArbitraryArgs, RunE: helpOrUnknown,
	}
	command.AddCommand(
		manifestList(a), manifestShow(a), manifestReferrers(a), manifestPut(a), manifestDelete(a),
		lockCommand(a, true, lockable{"manifest", "manifest", "REPOSITORY@DIGEST", "local/team/app@$DIGEST"}, actionLockManifest, a.digestReference),
		lockCommand(a, false, lockable{"manifest", "manifest", "REPOSITORY@DIGEST", "local/team/app@$DIGEST"}, actionLockManifest, a.digestReference),
		manifestRestore(a),
	)
	return command
}

func manifestList(a *app) *cobra.Command {
	var f listFlags
	var deleted bool
	command := &cobra.Command{
		Use: "list REPOSITORY", Aliases: []string{"ls"}, Short: "List the manifests of a repository",
		Example: `  acrkit manifest list local/team/app -o table
  acrkit manifest list local/team/app --jq '.items[] | select(.tags == []) | .digest'`,
		Args: exactArgs("REPOSITORY"),
		RunE: func(command *cobra.Command, args []string) error {
			ref, err := a.repositoryReference(args[0])
			if err != nil {
				return err
			}
			if deleted {
				return a.listDeletedManifests(command.Context(), ref, f)
			}
			return a.listManifests(command.Context(), ref, f)
		},
	}
	f.add(command, true)
	command.Flags().BoolVar(&deleted, "deleted", false, "list the soft-deleted manifests")
	return command
}

func manifestShow(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "show REPOSITORY:TAG|REPOSITORY@DIGEST", Short: "Show a manifest's properties: type, tags, size, times and locks",
		Example: `  acrkit manifest show local/team/app:1
  DIGEST=$(acrkit tag show local/team/app:1 --jq .item.digest)
  acrkit manifest show local/team/app@$DIGEST`,
		Args: exactArgs("REPOSITORY@DIGEST"),
		RunE: func(command *cobra.Command, args []string) error {
			ctx := command.Context()
			ref, err := a.reference(args[0])
			if err != nil {
				return err
			}
			digest := ref.Digest
			if digest == "" {
				if ref, err = a.tagReference(args[0]); err != nil {
					return err
				}
				tag, err := a.tagOf(ctx, ref)
				if err != nil {
					return err
				}
				digest = tag.Digest
			}
			r, err := a.open(ctx, ref.Registry)
			if err != nil {
				return err
			}
			item, err := manifestOf(ctx, r, ref.Repository, digest)
			if err != nil {
				return err
			}
			return output.One(a.printer, a.manifestDetailView(), item)
		},
	}
}

func manifestDelete(a *app) *cobra.Command {
	var f writeFlags
	command := &cobra.Command{
		Use: "delete REPOSITORY@DIGEST...", Short: "Delete a manifest with all its tags",
		Example: `  DIGEST=$(acrkit tag show local/team/app:1 --jq .item.digest)
  acrkit manifest delete local/team/app@$DIGEST --dry-run
  acrkit manifest delete local/team/app@$DIGEST --yes`,
		Args: f.args(someArgs("REPOSITORY@DIGEST")),
		RunE: func(command *cobra.Command, args []string) error {
			return a.write(command, f, func(ctx context.Context) ([]step, error) {
				return eachStep(args, func(text string) (step, error) { return a.deleteManifestStep(ctx, text) })
			})
		},
	}
	f.add(command, true)
	return command
}

func (a *app) deleteManifestStep(ctx context.Context, text string) (step, error) {
	ref, err := a.reference(text)
	switch {
	case err != nil:
		return step{}, err
	case ref.Digest == "":
		return step{}, &explained{
			err:  &usageError{err: errors.New(text + ": a manifest is deleted by digest, since that deletes all its tags")},
			code: "USAGE",
			fix: []string{
				"acrkit manifest show " + text + "  # the digest, and the tags that would go",
				"acrkit tag delete " + text + "    # this tag, and the manifest if it has no other",
				"acrkit tag untag " + text + "     # this tag alone",
			},
		}
	}
	r, err := a.open(ctx, ref.Registry)
	if err != nil {
		return step{}, err
	}
	item, err := manifestOf(ctx, r, ref.Repository, ref.Digest)
	if err != nil {
		return step{}, err
	}
	if ref.Tag != "" && !slices.Contains(item.Tags, ref.Tag) {
		return step{}, coded(exitNotFound, errors.New(text+": the manifest doesn't have this tag; its tags are: "+strings.Join(item.Tags, ", ")))
	}
	s := step{Action: actionDeleteManifest, Registry: ref.Registry.String(), Repository: ref.Repository, Digest: ref.Digest, Tags: item.Tags}
	return s, refuseLocked(s, "manifest", item.Locks)
}

func manifestRestore(a *app) *cobra.Command {
	var f writeFlags
	var force bool
	command := &cobra.Command{
		Use: "restore REPOSITORY@DIGEST", Short: "Restore a soft-deleted manifest with its tags",
		Example: `  acrkit manifest list --deleted myreg.azurecr.io/team/app
  acrkit manifest restore myreg.azurecr.io/team/app@$DIGEST`,
		Args: f.args(exactArgs("REPOSITORY@DIGEST")),
		RunE: func(command *cobra.Command, args []string) error {
			return a.write(command, f, func(ctx context.Context) ([]step, error) {
				ref, err := a.digestReference(args[0])
				if err != nil {
					return nil, err
				}
				return a.restoreSteps(ctx, ref, func(m azcontainerregistry.DeletedManifest) bool { return m.Digest == ref.Digest }, force)
			})
		},
	}
	f.add(command, false)
	command.Flags().BoolVar(&force, "force", false, "take the tags back even if they name other manifests by now")
	return command
}
