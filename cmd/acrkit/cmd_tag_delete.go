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

func newTagDeleteCommand(a *app) *cobra.Command {
	return tagRemoval(a, "delete", "Delete a tag, and its manifest if it has no other tag", deleteTagStep)
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
	r, err := sess.OpenFor(ctx, ref)
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
