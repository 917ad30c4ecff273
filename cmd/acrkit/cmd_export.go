package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/artifact/rootfs"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/output"
)

// exportedImage is a file system that was written to a file.
type exportedImage struct {
	Path   string `json:"path"`
	Size   int64  `json:"size"`
	Digest string `json:"digest"` // of the image
	Files  int    `json:"files"`
}

func newExportCommand(a *app) *cobra.Command {
	var f filesFlags
	command := &cobra.Command{
		Use: "export SRC FILE|-", Short: "Write an image's file system, layers merged, as a tar",
		Long: `Write an image's file system, layers merged, as a tar as they would be
unpacked: owners, modes, links, devices and extended attributes included. The
same image gives the same bytes. Every layer is read and verified; FILE appears only
when it is complete, and what was written to - must not be used when the exit
code isn't 0. acrkit pull keeps the layers.`,
		Example: `  acrkit export local/team/app:1 - | docker import - app:flat
  acrkit export oci:app.tar rootfs.tar`,
		GroupID: groupImages, Args: exactArgs("SRC", "FILE"),
		RunE: func(command *cobra.Command, args []string) error {
			ctx := command.Context()
			i, tree, err := a.imageTree(ctx, &f, args[0])
			if err != nil {
				return err
			}
			if args[1] == "-" {
				return tree.Export(ctx, a.Stdout)
			}
			size, err := exportFile(ctx, tree, args[1])
			if err != nil {
				return err
			}
			return output.One(a.printer, exportedImageView(), exportedImage{Path: args[1], Size: size, Digest: i.Descriptor().Digest.String(), Files: tree.Len()})
		},
	}
	f.add(command)
	return command
}

// exportFile writes the tar to a file that has its name once it is whole.
func exportFile(ctx context.Context, tree *rootfs.Tree, path string) (size int64, err error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return 0, fmt.Errorf("export: %s is there, and not a regular file", path)
	}
	file, err := os.CreateTemp(filepath.Dir(path), ".acrkit-export-*")
	if err != nil {
		return 0, fmt.Errorf("export: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(file.Name()))
		}
	}()
	err = tree.Export(ctx, file)
	if info, failed := file.Stat(); failed == nil {
		size = info.Size()
	}
	if err = errors.Join(err, file.Chmod(0o644), file.Close()); err != nil {
		return 0, err
	}
	return size, os.Rename(file.Name(), path)
}

func exportedImageView() output.View[exportedImage] {
	return output.View[exportedImage]{
		Kind: "ExportedImage",
		Columns: []output.Column[exportedImage]{
			{Name: "path", Value: func(e exportedImage) string { return e.Path }},
			{Name: "size", Value: func(e exportedImage) string { return fmt.Sprint(e.Size) }},
			{Name: "digest", Value: func(e exportedImage) string { return e.Digest }},
			{Name: "files", Value: func(e exportedImage) string { return fmt.Sprint(e.Files) }},
		},
	}
}
