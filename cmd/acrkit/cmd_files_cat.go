package main

import (
	"github.com/spf13/cobra"
)

func newFilesCatCommand(a *app) *cobra.Command {
	var f filesFlags
	var verify bool
	command := &cobra.Command{
		Use: "cat SRC PATH...", Short: "Print files of an image, and read no more of it than that needs",
		Long: `Print files of an image. Its layers are read from the top one down to the one
that has the file, and that only up to the file; of a layer with a table of
contents that its manifest vouches for (zstd:chunked, eStargz) the table and the
file alone are. Symbolic links are followed, inside the image.

A layer that isn't read to its end can't be verified against its digest, and what
it may have under the same name further on is not seen; a file of a table of
contents is verified. --verify reads and verifies all layers.`,
		Example: `  acrkit files cat local/team/app:1 /etc/os-release
  acrkit files cat --verify docker:app.tar /etc/passwd /etc/group`,
		Args: leastArgs("SRC", "PATH"),
		RunE: func(command *cobra.Command, args []string) error {
			ctx := command.Context()
			i, err := a.imageFiles(ctx, &f, args[0])
			if err != nil {
				return err
			}
			cat := i.Cat
			if verify {
				tree, err := i.Read(ctx)
				if err != nil {
					return err
				}
				cat = tree.Cat
			}
			for _, name := range args[1:] {
				if _, err := cat(ctx, name, a.Stdout); err != nil {
					return err
				}
			}
			return nil
		},
	}
	f.add(command)
	command.Flags().BoolVar(&verify, "verify", false, "read all layers, and verify them against their digests")
	return command
}
