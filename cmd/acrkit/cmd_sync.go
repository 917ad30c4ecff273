package main

import (
	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/transfers"
)

func newSyncCommand(a *app) *cobra.Command {
	var f transfers.SyncFlags
	command := &cobra.Command{
		Use: "sync SRC DST", Short: "Copy whole repositories, or a whole registry", GroupID: groupImages,
		Long: `SRC and DST are a registry, registry/repository, or oci:DIR: a folder with one
OCI layout a repository. A repository of SRC keeps its name at DST; where DST
names a repository, a single repository takes that name, and those of a whole
registry go below it.

What DST has already is not changed, so the same command again does what is
missing; nothing is ever deleted. An image that fails doesn't stop the others
(exit code 9). --shard I/N, with I from 0 to N-1, does one Nth of the images:
N processes on N machines do it all, independently of each other.

Patterns match repository, or with a colon repository:tag: * is any run of
characters but /, ** any run, ? one character.`,
		Example: `  acrkit sync local myreg.azurecr.io --include 'team/**' --exclude '**:dev-*'
  acrkit sync myreg.azurecr.io/team/app oci:mirror
  acrkit sync old.azurecr.io new.azurecr.io --shard $JOB_COMPLETION_INDEX/16`,
		Args: f.Write.Args(exactArgs("SRC", "DST")),
		RunE: func(command *cobra.Command, args []string) error {
			if f.Write.Apply != "" {
				return a.mover().ApplySync(command, &f)
			}
			return a.mover().RunSync(command, &f, args[0], args[1], nil)
		},
	}
	flags := command.Flags()
	f.Write.Add(command, false)
	f.AddTuning(command)
	f.Images.Add(command)
	flags.StringArrayVar(&f.Include, "include", nil, "only what matches the `PATTERN`; may be repeated")
	flags.StringArrayVar(&f.Exclude, "exclude", nil, "not what matches the `PATTERN`; may be repeated")
	flags.StringVar(&f.Shard, "shard", "", "do part `I/N` of the work, I from 0 to N-1")
	flags.IntVar(&f.AtATime, "images", 0, "images copied at a time (0: 4)")
	flags.BoolVar(&f.Verify, "verify", false, "check every blob of images whose tag is at the destination already")
	return command
}
