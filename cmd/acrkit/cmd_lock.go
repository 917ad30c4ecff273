package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/items"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/plan"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/reference"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/session"
)

// lockable is a kind of thing that has locks.
type lockable struct{ command, kind, argument, example string }

// newLockCommand makes the lock or unlock command of a kind of thing.
func newLockCommand(a *app, lock bool, of lockable, action plan.Action, parse func(string) (reference.Reference, error)) *cobra.Command {
	var f plan.Flags
	var attributes []string
	verb, short := "unlock", "Allow a "+of.kind+" to be changed and deleted again"
	if lock {
		verb, short = "lock", "Protect a "+of.kind+" from being changed and deleted"
	}
	command := &cobra.Command{
		Use:   verb + " " + of.argument,
		Short: short,
		Example: "  acrkit " + of.command + " " + verb + " " + of.example + "\n" +
			"  acrkit " + of.command + " " + verb + " " + of.example + " --for delete",
		Args: f.Args(exactArgs(of.argument)),
		RunE: func(command *cobra.Command, args []string) error {
			return a.writer().Run(command, f, func(ctx context.Context) ([]plan.Step, error) {
				ref, err := parse(args[0])
				if err != nil {
					return nil, err
				}
				return lockSteps(ctx, a.Session, ref, action, attributes, !lock)
			})
		},
	}
	f.Add(command, false)
	command.Flags().StringSliceVar(&attributes, "for", []string{"write", "delete"}, "what to "+verb+": any of write, delete, read, list")
	return command
}

func lockSteps(ctx context.Context, sess *session.Session, ref reference.Reference, action plan.Action, attributes []string, allowed bool) ([]plan.Step, error) {
	r, err := sess.OpenFor(ctx, ref)
	if err != nil {
		return nil, err
	}
	if action == plan.ActionLockManifest && ref.Digest == "" {
		item, err := items.TagOf(ctx, sess, ref)
		if err != nil {
			return nil, err
		}
		ref = ref.WithDigest(item.Digest)
	}
	s := plan.Step{Action: action, Registry: ref.Registry.String(), Repository: ref.Repository, Tag: ref.Tag, Digest: ref.Digest}
	if s.Locks, s.Digest, err = plan.LocksOf(ctx, r, s); err != nil {
		return nil, err
	}
	if s.Locks == nil {
		s.Locks = &items.Locks{CanDelete: true, CanList: true, CanRead: true, CanWrite: true}
	}
	set := *s.Locks
	for _, attribute := range attributes {
		switch strings.TrimSpace(attribute) {
		case "write":
			set.CanWrite = allowed
		case "delete":
			set.CanDelete = allowed
		case "read":
			set.CanRead = allowed
		case "list":
			set.CanList = allowed
		default:
			return nil, failure.Usagef("--for %q: must be any of write, delete, read, list", attribute)
		}
	}
	s.Set = &set
	return []plan.Step{s}, nil
}
