package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/output"
)

func newTagCommand(a *app) *cobra.Command {
	command := &cobra.Command{
		Use: "tag", Short: "Tags: list, show, untag, delete, lock, unlock, restore",
		Long: `Tags are names of manifests. Three words for three things:

  acrkit tag untag REF         the name goes, the manifest stays
  acrkit tag delete REF        the name goes, and the manifest that has no other name
  acrkit manifest delete REF   the manifest goes, with all its names`,
		GroupID: groupRegistry, Args: cobra.ArbitraryArgs, RunE: helpOrUnknown,
	}
	command.AddCommand(
		tagList(a), tagShow(a),
		tagRemove(a, "untag", "Take a name away; the manifest stays", a.untagStep),
		tagRemove(a, "delete", "Delete a tag and the manifest that has no other name", a.deleteTagStep),
		lockCommand(a, true, lockable{"tag", "tag", "REPOSITORY:TAG", "local/team/app:1"}, actionLockTag, a.tagReference),
		lockCommand(a, false, lockable{"tag", "tag", "REPOSITORY:TAG", "local/team/app:1"}, actionLockTag, a.tagReference),
		tagRestore(a),
	)
	return command
}

func tagList(a *app) *cobra.Command {
	var f listFlags
	var deleted bool
	command := &cobra.Command{
		Use: "list REPOSITORY[@DIGEST]", Aliases: []string{"ls"}, Short: "List the tags of a repository, or of one manifest",
		Example: `  acrkit tag list local/team/app
  acrkit tag list myreg.azurecr.io/team/app -o table --order newest --limit 10`,
		Args: exactArgs("REPOSITORY"),
		RunE: func(command *cobra.Command, args []string) error {
			ref, err := a.reference(args[0])
			if err == nil && ref.Tag != "" {
				err = badReference(args[0], "it must name a repository, or a manifest by digest")
			}
			if err != nil {
				return err
			}
			if deleted {
				return a.listDeletedTags(command.Context(), ref, f)
			}
			return a.listTags(command.Context(), ref, f)
		},
	}
	f.add(command, true)
	command.Flags().BoolVar(&deleted, "deleted", false, "list the soft-deleted tags")
	return command
}

func tagShow(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "show REPOSITORY:TAG", Short: "Show a tag: its digest, times and locks",
		Example: "  acrkit tag show local/team/app:1 --jq .item.digest",
		Args:    exactArgs("REPOSITORY:TAG"),
		RunE: func(command *cobra.Command, args []string) error {
			ref, err := a.tagReference(args[0])
			if err != nil {
				return err
			}
			item, err := a.tagOf(command.Context(), ref)
			if err != nil {
				return err
			}
			return output.One(a.printer, a.tagDetailView(), item)
		},
	}
}

// tagOf reads a tag's properties.
func (a *app) tagOf(ctx context.Context, ref reference) (tagItem, error) {
	r, err := a.open(ctx, ref.Registry)
	if err != nil {
		return tagItem{}, err
	}
	got, err := r.client.GetTagProperties(ctx, ref.Repository, ref.Tag, nil)
	if err != nil {
		return tagItem{}, err
	}
	if got.Tag == nil {
		return tagItem{}, fmt.Errorf("properties of %s: the registry's answer holds no tag", ref)
	}
	return toTagItem(ref, got.Tag), nil
}

// tagRemove makes one of the two commands that take a tag away.
func tagRemove(a *app, verb, short string, makeStep func(context.Context, string) (step, error)) *cobra.Command {
	var f writeFlags
	command := &cobra.Command{
		Use: verb + " REPOSITORY:TAG...", Short: short,
		Example: "  acrkit tag " + verb + " local/team/app:1 --dry-run\n" +
			"  acrkit tag " + verb + " local/team/app:1 --yes",
		Args: f.args(someArgs("REPOSITORY:TAG")),
		RunE: func(command *cobra.Command, args []string) error {
			return a.write(command, f, func(ctx context.Context) ([]step, error) {
				return eachStep(args, func(text string) (step, error) { return makeStep(ctx, text) })
			})
		},
	}
	f.add(command, true)
	return command
}

func (a *app) untagStep(ctx context.Context, text string) (step, error) {
	ref, err := a.tagReference(text)
	if err != nil {
		return step{}, err
	}
	item, err := a.tagOf(ctx, ref)
	if err != nil {
		return step{}, err
	}
	s := step{Action: actionUntag, Registry: ref.Registry.String(), Repository: ref.Repository, Tag: ref.Tag, Digest: item.Digest}
	s2 := s
	s2.Digest = ""
	return s, refuseLocked(s2, "tag", item.Locks)
}

func (a *app) deleteTagStep(ctx context.Context, text string) (step, error) {
	s, err := a.untagStep(ctx, text)
	if err != nil {
		return step{}, err
	}
	s.Action = actionDeleteTag
	ref, err := s.ref()
	if err != nil {
		return step{}, err
	}
	r, err := a.open(ctx, ref.Registry)
	if err != nil {
		return step{}, err
	}
	item, err := manifestOf(ctx, r, s.Repository, s.Digest)
	if err != nil {
		return step{}, err
	}
	others := slices.DeleteFunc(slices.Clone(item.Tags), func(tag string) bool { return tag == s.Tag })
	if len(others) > 0 {
		return step{}, &explained{
			err:  coded(exitNotAllowed, errors.New(text+": its manifest has other names, nothing was done")),
			code: "OTHER_TAGS",
			why:  []string{"the manifest " + s.Digest + " is also " + strings.Join(others, ", ")},
			fix: []string{
				"acrkit tag untag " + text + "  # take this name away only",
				"acrkit manifest delete " + ref.withDigest(s.Digest).String() + "  # delete it under all its names",
			},
		}
	}
	s.Tags = item.Tags
	return s, refuseLocked(step{Registry: s.Registry, Repository: s.Repository, Digest: s.Digest}, "manifest", item.Locks)
}

func tagRestore(a *app) *cobra.Command {
	var f writeFlags
	var force bool
	command := &cobra.Command{
		Use: "restore REPOSITORY:TAG", Short: "Restore a soft-deleted tag with its manifest",
		Example: "  acrkit tag restore myreg.azurecr.io/team/app:1",
		Args:    f.args(exactArgs("REPOSITORY:TAG")),
		RunE: func(command *cobra.Command, args []string) error {
			return a.write(command, f, func(ctx context.Context) ([]step, error) {
				ref, err := a.tagReference(args[0])
				if err != nil {
					return nil, err
				}
				return a.restoreTagSteps(ctx, ref, force)
			})
		},
	}
	f.add(command, false)
	command.Flags().BoolVar(&force, "force", false, "take the tag back even if it names another manifest by now")
	return command
}

func (a *app) restoreTagSteps(ctx context.Context, ref reference, force bool) ([]step, error) {
	r, err := a.open(ctx, ref.Registry)
	if err != nil {
		return nil, err
	}
	for t, err := range r.deletedTags(ctx, ref, listFlags{}) {
		if err != nil {
			return nil, err
		}
		if t.Name == ref.Tag {
			return []step{{
				Action: actionRestore, Registry: ref.Registry.String(), Repository: ref.Repository,
				Tag: t.Name, Digest: t.Digest, Force: force,
			}}, nil
		}
	}
	return nil, nothingDeleted(ref)
}

// nothingDeleted says that there is nothing to restore.
func nothingDeleted(ref reference) error {
	return &explained{
		err:  coded(exitNotFound, fmt.Errorf("%s: nothing soft-deleted there", ref)),
		code: "NOTHING_DELETED",
		why:  []string{"the registry lists no soft-deleted manifest or tag that fits"},
		fix:  []string{"acrkit manifest list --deleted " + reference{Registry: ref.Registry, Repository: ref.Repository}.String()},
	}
}
