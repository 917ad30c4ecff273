package main

import (
	"fmt"
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/output"
)

// copiedFiles is what was copied out of an image.
type copiedFiles struct {
	Path    string        `json:"path"`
	Files   int           `json:"files"`
	Folders int           `json:"folders"`
	Links   int           `json:"links"`
	Bytes   int64         `json:"bytes"`
	Skipped []skippedFile `json:"skipped"`
}

type skippedFile struct {
	Path   string `json:"path"`
	Reason string `json:"reason"`
}

func newFilesCpCommand(a *app) *cobra.Command {
	var f filesFlags
	command := &cobra.Command{
		Use: "cp SRC PATH DST", Short: "Copy a file or folder out of an image; prints where it is now",
		Long: `Copy a file or folder out of an image: below DST where that is a folder or ends
in a slash, under that name otherwise; / is written into DST itself. A file that
is there already is replaced. Every layer is read and verified.

Nothing is written outside of DST, whatever the image says. Owners and setuid are
not kept. Devices, pipes, and symbolic links that point out of what is copied, as
those to absolute paths do, are left out and named, and the exit code is 9;
acrkit export keeps them all.`,
		Example: `  acrkit files cp local/team/app:1 /etc/os-release .
  acrkit files cp oci:app.tar /usr/share/doc docs
  acrkit files cp local/team/app:1 / rootfs -o json`,
		Args: exactArgs("SRC", "PATH", "DST"),
		RunE: func(command *cobra.Command, args []string) error {
			ctx := command.Context()
			if args[2] == "-" || args[2] == "" {
				return failure.Usagef("acrkit files cp writes to a path; acrkit files cat prints a file, and acrkit export writes a tar to standard output")
			}
			_, tree, err := a.imageTree(ctx, &f, args[0])
			if err != nil {
				return err
			}
			got, err := tree.CopyTo(ctx, args[1], args[2])
			if err != nil {
				return err
			}
			copied := copiedFiles{Path: got.Path, Files: got.Files, Folders: got.Folders, Links: got.Links, Bytes: got.Bytes, Skipped: []skippedFile{}}
			for k, s := range got.Skipped {
				copied.Skipped = append(copied.Skipped, skippedFile{s.Path, s.Reason})
				switch {
				case k < shownSkipped:
					a.Note("left out: %s: %s", output.Clean(s.Path), output.Clean(s.Reason))
				case k == shownSkipped:
					a.Note("left out: %d more; -o json names them", len(got.Skipped)-k)
				}
			}
			if err := output.One(a.printer, copiedFilesView(), copied); err != nil || len(got.Skipped) == 0 {
				return err
			}
			return failure.Coded(failure.ExitPartly, fmt.Errorf("copy %s: %d of its files were left out", args[1], len(got.Skipped)))
		},
	}
	f.add(command)
	return command
}

// shownSkipped is how many files that were left out are named on standard error.
const shownSkipped = 10

func copiedFilesView() output.View[copiedFiles] {
	return output.View[copiedFiles]{
		Kind: "CopiedFiles",
		Columns: []output.Column[copiedFiles]{
			{Name: "path", Value: func(c copiedFiles) string { return c.Path }},
			{Name: "files", Value: func(c copiedFiles) string { return strconv.Itoa(c.Files) }},
			{Name: "folders", Value: func(c copiedFiles) string { return strconv.Itoa(c.Folders) }},
			{Name: "links", Value: func(c copiedFiles) string { return strconv.Itoa(c.Links) }},
			{Name: "bytes", Value: func(c copiedFiles) string { return strconv.FormatInt(c.Bytes, 10) }},
			{Name: "skipped", Value: func(c copiedFiles) string { return strconv.Itoa(len(c.Skipped)) }},
		},
		Text: func(w io.Writer, c copiedFiles) error {
			_, err := fmt.Fprintln(w, output.Clean(c.Path))
			return err
		},
	}
}
