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

// newTagRemoveCommand makes one of the two commands that take a tag away.
func newTagRemoveCommand(a *app, verb, short string, makeStep func(context.Context, *session.Session, string) (plan.Step, error)) *cobra.Command {
	var f plan.Flags
	command := &cobra.Command{
		Use: verb + " REPOSITORY:TAG...", Short: short,
		Example: "  acrkit tag " + verb + " local/team/app:1 --dry-run\n" +
			"  acrkit tag " + verb + " local/team/app:1 --yes",
		Args: f.Args(someArgs("REPOSITORY:TAG")),
		RunE: func(command *cobra.Command, args []string) error {
			return a.writer().Run(command, f, func(ctx context.Context) ([]plan.Step, error) {
				return plan.EachStep(args, func(text string) (plan.Step, error) { return makeStep(ctx, a.Session, text) })
			})
		},
	}
	f.Add(command, true)
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

func deleteTagStep(ctx context.Context, sess *session.Session, text string) (plan.Step, error) {
	s, err := untagStep(ctx, sess, text)
	if err != nil {
		return plan.Step{}, err
	}
	s.Action = plan.ActionDeleteTag
	ref, err := s.Ref()
	if err != nil {
		return plan.Step{}, err
	}
	r, err := sess.Open(ctx, ref.Registry)
	if err != nil {
		return plan.Step{}, err
	}
	item, err := items.ManifestOf(ctx, r, s.Repository, s.Digest)
	if err != nil {
		return plan.Step{}, err
	}
	others := slices.DeleteFunc(slices.Clone(item.Tags), func(tag string) bool { return tag == s.Tag })
	if len(others) > 0 {
		return plan.Step{}, &failure.Explained{
			Err:  failure.Coded(failure.ExitNotAllowed, errors.New(text+": its manifest has other names, nothing was done")),
			Code: "OTHER_TAGS",
			Why:  []string{"the manifest " + s.Digest + " is also " + strings.Join(others, ", ")},
			Fix: []string{
				"acrkit tag untag " + text + "  # take this name away only",
				"acrkit manifest delete " + ref.WithDigest(s.Digest).String() + "  # delete it under all its names",
			},
		}
	}
	s.Tags = item.Tags
	return s, plan.RefuseLocked(plan.Step{Registry: s.Registry, Repository: s.Repository, Digest: s.Digest}, "manifest", item.Locks)
}
