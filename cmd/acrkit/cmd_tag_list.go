package main

import (
	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/listing"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/reference"
)

func newTagListCommand(a *app) *cobra.Command {
	var f listing.Flags
	var deleted, sizes, noCache bool
	command := &cobra.Command{
		Use: "list REPOSITORY[@DIGEST]", Aliases: []string{"ls"}, Short: "List the tags of a repository, or of one manifest",
		Example: `  acrkit tag list local/team/app
  acrkit tag list myreg.azurecr.io/team/app -o table --order newest --limit 10
  acrkit tag list local/team/app --sizes --top 10 --order time`,
		Args: exactArgs("REPOSITORY"),
		RunE: func(command *cobra.Command, args []string) error {
			ref, err := a.Reference(args[0])
			if err == nil && ref.Tag != "" {
				err = reference.Bad(args[0], "it must name a repository, or a manifest by digest")
			}
			if err != nil {
				return err
			}
			switch {
			case deleted && sizes:
				return failure.Usagef("--sizes: what is deleted can't be read, so it has none")
			case noCache && !sizes:
				return failure.Usagef("--no-cache: it is for --sizes")
			case sizes:
				f.Measure(a.manifestCache(ref.Registry, noCache))
			}
			if deleted {
				return listing.PrintDeletedTags(command.Context(), a.Session, a.printer, ref, f)
			}
			return listing.Tags(command.Context(), a.Session, a.printer, ref, f)
		},
	}
	f.Add(command, true)
	command.Flags().BoolVar(&deleted, "deleted", false, "list the soft-deleted tags")
	command.Flags().BoolVar(&sizes, "sizes", false, "tell sizes, in bytes at the registry, and platforms, too: reads manifests")
	command.Flags().BoolVar(&noCache, "no-cache", false, "with --sizes: read every manifest again")
	return command
}
