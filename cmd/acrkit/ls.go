package main

import "github.com/spf13/cobra"

func newLsCommand(a *app) *cobra.Command {
	var f listFlags
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
				h, err := a.registryArgument(nil)
				if err != nil {
					return err
				}
				return a.listRepositories(command.Context(), h, f)
			}
			ref, err := parseAny(args[0], a.getenv("ACR_REGISTRY"))
			switch {
			case err != nil:
				return err
			case ref.Repository == "":
				return a.listRepositories(command.Context(), ref.Registry, f)
			case ref.Tag != "":
				return badReference(args[0], "ls takes a repository; acrkit show tells about one tag")
			}
			return a.listTags(command.Context(), ref, f)
		},
	}
	f.add(command, true)
	return command
}
