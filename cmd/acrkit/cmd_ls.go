package main

import (
	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/listing"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/reference"
)

func newLsCommand(a *app) *cobra.Command {
	var f listing.Flags
	command := &cobra.Command{
		Use:   "ls [REGISTRY|REPOSITORY]",
		Short: "List the repositories of a registry, or the tags of a repository",
		Long: `List the repositories of a registry, or the tags of a repository: names only,
one a line. -o table shows digests and times as well.

Without an argument, and for a name that is no host, ACR_REGISTRY is meant.`,
		Example: `  acrkit ls local
  acrkit ls myreg.azurecr.io
  acrkit ls myreg.azurecr.io/team/app -o table --order newest --limit 10`,
		GroupID: groupImages,
		Args:    rangeArgs(0, "REGISTRY|REPOSITORY"),
		RunE: func(command *cobra.Command, args []string) error {
			if len(args) == 0 {
				h, err := a.RegistryArgument(nil)
				if err != nil {
					return err
				}
				return listing.Repositories(command.Context(), a.Session, a.printer, h, f)
			}
			ref, err := reference.ParseAny(args[0], a.Getenv("ACR_REGISTRY"))
			switch {
			case err != nil:
				return err
			case ref.Repository == "":
				return listing.Repositories(command.Context(), a.Session, a.printer, ref.Registry, f)
			case ref.Tag != "":
				return reference.Bad(args[0], "ls takes a repository; acrkit show tells about one tag")
			}
			return listing.Tags(command.Context(), a.Session, a.printer, ref, f)
		},
	}
	f.Add(command, true)
	return command
}
