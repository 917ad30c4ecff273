package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/location"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/plan"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/transfers"
)

func newCopyCommand(a *app) *cobra.Command {
	command := transferCommand(a, "copy SRC... DST", "Copy images from anywhere to anywhere",
		locationHelp+`

Within one registry blobs are mounted, not moved. Signatures, SBOMs and
attestations are copied too (--referrers). Prints the reference by digest.

Several SRC are images, each with its tag, of one registry or of many. With
--all-tags, --tag-pattern or --tag-regex they are repositories. DST is then a
registry, where each keeps its repository's name, one repository for all of
them, or a folder, oci:DIR; every image keeps its tag. An image that fails
doesn't stop the others (exit code 9), and the same command again does what is
missing. In a pattern * is any run of characters, ? is one.

With --server ACR itself imports the images, each by its digest, from a registry
that it can reach: the registries are read from here, to say what would be done,
and no blob passes this machine. It needs an Entra identity with the action
Microsoft.ContainerRegistry/registries/importImage/action at DST; signatures and
SBOMs are not copied.`,
		`  acrkit copy local/team/app:1 myreg.azurecr.io/team/app:1
  acrkit copy myreg.azurecr.io/team/app:1 myreg.azurecr.io/prod/app:1 --no-clobber
  acrkit copy local/team/app local/prod/app --tag-pattern 'v1.*'
  acrkit copy local/team/app:1 local/team/web:2 myreg.azurecr.io
  acrkit copy docker.io/library/alpine:3 myreg.azurecr.io/base/alpine --server`,
		func(location.Location, location.Location) error { return nil })
	return command
}

// transferCommand makes push, pull or copy: they differ in the places that fit.
func transferCommand(a *app, use, short, long, example string, fits func(from, to location.Location) error) *cobra.Command {
	var f transfers.Flags
	rule := exactArgs("SRC", "DST")
	if strings.HasPrefix(use, "copy ") {
		rule = leastArgs("SRC", "DST")
	}
	command := &cobra.Command{
		Use: use, Short: short, Long: long, Example: example, GroupID: groupImages,
		Args: f.Write.Args(rule),
		RunE: func(command *cobra.Command, args []string) error {
			if err := f.CheckServer(command); err != nil {
				return err
			}
			if f.Server.On {
				return a.writer().Run(command, f.Write, func(ctx context.Context) ([]plan.Step, error) {
					return a.mover().ImportSteps(ctx, &f, args)
				})
			}
			if f.Write.Apply == "" && f.Several(args) {
				return a.mover().RunSeveral(command, &f, args)
			}
			if f.All {
				return a.mover().RunAll(command, &f, args[0], args[1])
			}
			t := transfers.Transfer{Verb: command.Name(), Flags: &f}
			if f.Write.Apply == "" {
				var err error
				if t.From, err = location.Parse(args[0], a.Getenv("ACR_REGISTRY")); err != nil {
					return err
				}
				if t.To, err = location.Parse(args[1], a.Getenv("ACR_REGISTRY")); err != nil {
					return err
				}
				if err := fits(t.From, t.To); err != nil {
					return err
				}
			}
			return a.mover().Run(command, t)
		},
	}
	f.Add(command)
	return command
}
