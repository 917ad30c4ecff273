package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/items"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/output"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/plan"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/reference"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/term"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/transfers"
)

func newBlobPutCommand(a *app) *cobra.Command {
	var f transfers.Flags
	var write plan.Flags
	command := &cobra.Command{
		Use: "put FILE|- REPOSITORY", Short: "Send a file or standard input as a blob; prints its reference",
		Example: `  acrkit blob put README.md local/notes
  tar c docs | acrkit blob put - local/notes`,
		Args: write.Args(exactArgs("FILE", "REPOSITORY")),
		RunE: func(command *cobra.Command, args []string) error {
			ctx := command.Context()
			if write.Apply != "" {
				return a.writer().Run(command, write, nil)
			}
			ref, err := a.Reference(args[1])
			if err == nil && ref.Tag != "" {
				err = reference.Bad(args[1], "a blob has no tag")
			}
			if err != nil {
				return err
			}
			if write.DryRun || write.Keep != "" {
				return a.writer().Run(command, write, func(context.Context) ([]plan.Step, error) {
					return plan.PutBlobSteps(a.Session, args[0], ref, write.Keep != "")
				})
			}
			body := a.Stdin
			if args[0] == "-" {
				if err := a.StdinIsFree(); err != nil {
					return err
				}
			} else {
				file, err := os.Open(args[0])
				if err != nil {
					return err
				}
				defer file.Close()
				body = file
			}
			r, err := a.OpenFor(ctx, ref)
			if err != nil {
				return err
			}
			progress := term.NewProgress(a.mode, a.Stderr, a.screen, a.Now)
			defer progress.Close()
			options, err := f.UploadOptions(a.Session, ref.Digest, progress)
			if err != nil {
				return err
			}
			got, err := r.Blobs.Upload(ctx, ref.Repository, body, options)
			if err != nil {
				return err
			}
			progress.Close()
			view := items.BlobView()
			view.Text = func(w io.Writer, i items.Blob) error { _, err := fmt.Fprintln(w, i.Reference); return err }
			return output.One(a.printer, view, items.Blob{Digest: got.Digest, Reference: ref.WithDigest(got.Digest).String(), Size: got.Size})
		},
	}
	write.Add(command, false)
	f.AddTuning(command)
	return command
}
