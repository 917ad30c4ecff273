package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/output"
)

func newFilesLsCommand(a *app) *cobra.Command {
	var f filesFlags
	var recursive bool
	command := &cobra.Command{
		Use: "ls SRC [PATH]", Short: "List the files of an image, with the layer of each",
		Long: `List the files of an image: mode, owner, size in bytes, time (UTC), the number
of the layer that the file comes from (0 is the base, - a folder that no layer
has an entry for), and the path. Behind -> is where a symbolic link points, behind
= the first path of the same file. A PATH that is a link to a folder lists the
folder. Every layer is read and verified.`,
		Example: `  acrkit files ls local/team/app:1
  acrkit files ls oci:app.tar /etc
  acrkit files ls local/team/app:1 / --recursive --jq '.items[] | select(.size > 10000000) | .path'`,
		Args: rangeArgs(1, "SRC", "PATH"),
		RunE: func(command *cobra.Command, args []string) error {
			ctx := command.Context()
			i, tree, err := a.imageTree(ctx, &f, args[0])
			if err != nil {
				return err
			}
			list, name := tree.Children, "/"
			if recursive {
				list = tree.Walk
			}
			if len(args) > 1 {
				name = args[1]
			}
			files, err := list(name)
			if err != nil {
				return err
			}
			return output.List(a.printer, imageFileView(), func(yield func(imageFile, error) bool) {
				for file := range files {
					if !yield(toImageFile(i, &file), nil) {
						return
					}
				}
			})
		},
	}
	f.add(command)
	command.Flags().BoolVarP(&recursive, "recursive", "R", false, "list everything below PATH too, and PATH itself")
	return command
}

func imageFileView() output.View[imageFile] {
	return output.View[imageFile]{
		Kind: "ImageFile", Columns: imageFileColumns(),
		Text: func(w io.Writer, f imageFile) error {
			_, err := fmt.Fprintf(w, "%s %9s %11s  %s %3s  %s\n", modeText(f.mode), f.owner(), f.sized(), f.when(), f.layer(), output.Clean(f.named()))
			return err
		},
	}
}
