package main

import (
	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/location"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/transfers"
)

func newCopyCommand(a *app) *cobra.Command {
	return transferCommand(a, "copy SRC DST", "Copy an image from anywhere to anywhere",
		locationHelp+"\n\nWithin one registry blobs are mounted, not moved. Signatures, SBOMs and\nattestations come along (--referrers). Prints the reference by digest.",
		`  acrkit copy local/team/app:1 myreg.azurecr.io/team/app:1
  acrkit copy myreg.azurecr.io/team/app:1 myreg.azurecr.io/prod/app:1 --no-clobber`,
		func(location.Location, location.Location) error { return nil })
}

// transferCommand makes push, pull or copy: they differ in the places that fit.
func transferCommand(a *app, use, short, long, example string, fits func(from, to location.Location) error) *cobra.Command {
	var f transfers.Flags
	command := &cobra.Command{
		Use: use, Short: short, Long: long, Example: example, GroupID: groupImages,
		Args: f.Write.Args(exactArgs("SRC", "DST")),
		RunE: func(command *cobra.Command, args []string) error {
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
