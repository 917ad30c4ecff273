package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/location"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/transfers"
)

func newCopyCommand(a *app) *cobra.Command {
	command := transferCommand(a, "copy SRC... DST", "Copy images from anywhere to anywhere",
		locationHelp+`

Within one registry blobs are mounted, not moved. Signatures, SBOMs and
attestations come along (--referrers). Prints the reference by digest.

Several SRC are images, each with its tag, of one registry or of many. With
--all-tags, --tag-pattern or --tag-regex they are repositories. DST is then a
registry, where each keeps its repository's name, one repository for all of
them, or a folder, oci:DIR; every image keeps its tag. An image that fails
doesn't stop the others (exit code 9), and the same command again does what is
missing. In a pattern * is any run of characters, ? is one.`,
		`  acrkit copy local/team/app:1 myreg.azurecr.io/team/app:1
  acrkit copy myreg.azurecr.io/team/app:1 myreg.azurecr.io/prod/app:1 --no-clobber
  acrkit copy local/team/app local/prod/app --tag-pattern 'v1.*'
  acrkit copy local/team/app:1 local/team/web:2 myreg.azurecr.io`,
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
