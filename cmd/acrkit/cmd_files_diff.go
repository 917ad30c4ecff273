package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/artifact/rootfs"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/output"
)

// fileChange is a path at which two file systems differ.
type fileChange struct {
	Kind string     `json:"kind"` // added, removed, changed
	Path string     `json:"path"`
	What []string   `json:"what,omitempty"` // of a changed file: type, content, mode, owner, link, device, attributes
	Old  *imageFile `json:"old,omitempty"`
	New  *imageFile `json:"new,omitempty"`
}

func newFilesDiffCommand(a *app) *cobra.Command {
	var f filesFlags
	var layer int
	command := &cobra.Command{
		Use: "diff SRC [SRC] [PATH]", Short: "Compare the files of two images, or show a layer's changes",
		Long: `Compare the files of two images: A is added, D deleted, C changed, with what of
it differs: type, content, mode, owner, link, device, attributes. Times are not
compared. With one image, show what its last layer changes, or the layer that
--layer counts, 0 being the base. PATH begins with a slash, and limits it all to
what is there and below.`,
		Example: `  acrkit files diff local/team/app:1 local/team/app:2
  acrkit files diff local/team/app:1 oci:app.tar /etc
  acrkit files diff local/team/app:2 --layer 3`,
		Args: rangeArgs(1, "SRC", "SRC", "PATH"),
		RunE: func(command *cobra.Command, args []string) error {
			ctx := command.Context()
			name := "/"
			if last := args[len(args)-1]; len(args) > 1 && strings.HasPrefix(last, "/") {
				name, args = last, args[:len(args)-1]
			}
			if len(args) > 2 {
				return failure.Usagef("path %q: must begin with a slash", args[2])
			}
			if len(args) > 1 && command.Flags().Changed("layer") {
				return failure.Usagef("--layer: shows what a layer of one image changes; leave out the second image")
			}
			first, err := a.imageFiles(ctx, &f, args[0])
			if err != nil {
				return err
			}
			second := first
			if len(args) > 1 {
				if second, err = a.imageFiles(ctx, &f, args[1]); err != nil {
					return err
				}
			} else if !command.Flags().Changed("layer") {
				layer = len(first.Layers()) - 1
			}
			before, after, err := twoTrees(ctx, first, second, layer)
			if err != nil {
				return err
			}
			changes, err := rootfs.Diff(before, after, name)
			if err != nil {
				return err
			}
			return output.List(a.printer, fileChangeView(), func(yield func(fileChange, error) bool) {
				for _, c := range changes {
					if !yield(toFileChange(first, second, c), nil) {
						return
					}
				}
			})
		},
	}
	f.add(command)
	command.Flags().IntVar(&layer, "layer", 0, "show what layer `N` of one image changes")
	command.Flags().Lookup("layer").DefValue = "the last"
	return command
}

// twoTrees reads what is compared: two images, or an image below a layer and
// with it.
func twoTrees(ctx context.Context, first, second *rootfs.Image, layer int) (before, after *rootfs.Tree, err error) {
	if first == second {
		return first.ReadBelow(ctx, layer)
	}
	if before, err = first.Read(ctx); err != nil {
		return nil, nil, err
	}
	after, err = second.Read(ctx)
	return before, after, err
}

func toFileChange(first, second *rootfs.Image, c rootfs.Change) fileChange {
	change := fileChange{Kind: string(c.Kind), Path: c.Path, What: c.What}
	if c.Old != nil {
		file := toImageFile(first, c.Old)
		change.Old = &file
	}
	if c.New != nil {
		file := toImageFile(second, c.New)
		change.New = &file
	}
	return change
}

func fileChangeView() output.View[fileChange] {
	return output.View[fileChange]{
		Kind: "FileChange",
		Columns: []output.Column[fileChange]{
			{Name: "kind", Value: func(c fileChange) string { return c.Kind }},
			{Name: "path", Value: func(c fileChange) string { return c.Path }},
			{Name: "what", Value: func(c fileChange) string { return strings.Join(c.What, ",") }},
		},
		Text: func(w io.Writer, c fileChange) error {
			mark := map[string]string{"added": "A", "removed": "D", "changed": "C"}[c.Kind]
			line := mark + " " + c.Path
			if len(c.What) > 0 {
				line += "  (" + strings.Join(c.What, ", ") + ")"
			}
			_, err := fmt.Fprintln(w, output.Clean(line))
			return err
		},
	}
}
