package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/items"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/plan"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/session"
)

func newTagUntagCommand(a *app) *cobra.Command {
	return tagRemoval(a, "untag", "Remove a tag and keep the manifest", untagStep)
}

// tagRemoval makes one of the two commands that take a tag away.
func tagRemoval(a *app, verb, short string, makeStep func(context.Context, *session.Session, string) (plan.Step, error)) *cobra.Command {
	var f plan.Flags
	command := &cobra.Command{
		Use: verb + " REPOSITORY:TAG...", Short: short,
		Example: "  acrkit tag " + verb + " local/team/app:1 --dry-run\n" +
			"  acrkit tag " + verb + " local/team/app:1 --yes",
		Args: f.Args(someArgs("REPOSITORY:TAG")),
		RunE: func(command *cobra.Command, args []string) error {
			return a.writer().Run(command, f, func(ctx context.Context) ([]plan.Step, error) {
				return f.Forced(plan.EachStep(args, func(text string) (plan.Step, error) { return makeStep(ctx, a.Session, text) }))
			})
		},
	}
	f.Add(command, true)
	if verb == "delete" {
		f.AddForce(command)
		command.Long = `Delete a tag, and its manifest if it has no other tag. A manifest that an index
names as a child, or that a signature or another manifest refers to, isn't
deleted: what needs it is named. acrkit tag untag removes the tag alone;
--force deletes the manifest nevertheless.`
	}
	return command
}

func untagStep(ctx context.Context, sess *session.Session, text string) (plan.Step, error) {
	ref, err := sess.TagReference(text)
	if err != nil {
		return plan.Step{}, err
	}
	item, err := items.TagOf(ctx, sess, ref)
	if err != nil {
		return plan.Step{}, err
	}
	s := plan.Step{Action: plan.ActionUntag, Registry: ref.Registry.String(), Repository: ref.Repository, Tag: ref.Tag, Digest: item.Digest}
	s2 := s
	s2.Digest = ""
	return s, plan.RefuseLocked(s2, "tag", item.Locks)
}
