package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"
)

// lockable is a kind of thing that has locks.
type lockable struct{ command, kind, argument, example string }

// lockCommand makes the lock or unlock command of a kind of thing.
func lockCommand(a *app, lock bool, of lockable, action string, parse func(string) (reference, error)) *cobra.Command {
	var f writeFlags
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
		Args: f.args(exactArgs(of.argument)),
		RunE: func(command *cobra.Command, args []string) error {
			return a.write(command, f, func(ctx context.Context) ([]step, error) {
				ref, err := parse(args[0])
				if err != nil {
					return nil, err
				}
				return lockSteps(ctx, a, ref, action, attributes, !lock)
			})
		},
	}
	f.add(command, false)
	command.Flags().StringSliceVar(&attributes, "for", []string{"write", "delete"}, "what to "+verb+": any of write, delete, read, list")
	return command
}

func lockSteps(ctx context.Context, a *app, ref reference, action string, attributes []string, allowed bool) ([]step, error) {
	r, err := a.open(ctx, ref.Registry)
	if err != nil {
		return nil, err
	}
	s := step{Action: action, Registry: ref.Registry.String(), Repository: ref.Repository, Tag: ref.Tag, Digest: ref.Digest}
	if s.Locks, s.Digest, err = locksOf(ctx, r, s); err != nil {
		return nil, err
	}
	if s.Locks == nil {
		s.Locks = &locks{true, true, true, true}
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
			return nil, usagef("--for %q: must be any of write, delete, read, list", attribute)
		}
	}
	s.Set = &set
	return []step{s}, nil
}
