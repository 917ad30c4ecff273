package main

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/items"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/plan"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/session"
)

func newManifestDeleteCommand(a *app) *cobra.Command {
	var f plan.Flags
	command := &cobra.Command{
		Use: "delete REPOSITORY@DIGEST...", Short: "Delete a manifest with all its tags",
		Long: `Delete a manifest with all its tags. One that an index names as a child, or that
a signature or another manifest refers to, isn't deleted: what needs it is
named. Delete those first or in the same command, or give --force.`,
		Example: `  DIGEST=$(acrkit tag show local/team/app:1 --jq .item.digest)
  acrkit manifest delete local/team/app@$DIGEST --dry-run
  acrkit manifest delete local/team/app@$DIGEST --yes`,
		Args: f.Args(someArgs("REPOSITORY@DIGEST")),
		RunE: func(command *cobra.Command, args []string) error {
			return a.writer().Run(command, f, func(ctx context.Context) ([]plan.Step, error) {
				return f.Forced(plan.EachStep(args, func(text string) (plan.Step, error) { return deleteManifestStep(ctx, a.Session, text) }))
			})
		},
	}
	f.Add(command, true)
	f.AddForce(command)
	return command
}

func deleteManifestStep(ctx context.Context, sess *session.Session, text string) (plan.Step, error) {
	ref, err := sess.Reference(text)
	switch {
	case err != nil:
		return plan.Step{}, err
	case ref.Digest == "":
		return plan.Step{}, &failure.Explained{
			Err:  &failure.UsageError{Err: errors.New(text + ": a manifest is deleted by digest, since that deletes all its tags")},
			Code: "USAGE",
			Fix: []string{
				"acrkit manifest show " + text + "  # the digest, and the tags that would go",
				"acrkit tag delete " + text + "    # this tag, and the manifest if it has no other",
				"acrkit tag untag " + text + "     # this tag alone",
			},
		}
	}
	r, err := sess.OpenFor(ctx, ref)
	if err != nil {
		return plan.Step{}, err
	}
	item, err := items.ManifestOf(ctx, r, ref.Repository, ref.Digest)
	if err != nil {
		return plan.Step{}, err
	}
	if ref.Tag != "" && !slices.Contains(item.Tags, ref.Tag) {
		return plan.Step{}, failure.Coded(failure.ExitNotFound, errors.New(text+": the manifest doesn't have this tag; its tags are: "+strings.Join(item.Tags, ", ")))
	}
	s := plan.Step{Action: plan.ActionDeleteManifest, Registry: ref.Registry.String(), Repository: ref.Repository, Digest: ref.Digest, Tags: item.Tags}
	return s, plan.RefuseLocked(s, "manifest", item.Locks)
}
