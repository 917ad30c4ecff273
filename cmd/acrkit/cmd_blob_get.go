package main

import (
	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/items"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/output"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/term"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/transfers"
)

func newBlobGetCommand(a *app) *cobra.Command {
	var f transfers.Flags
	command := &cobra.Command{
		Use: "get REPOSITORY@DIGEST FILE|-", Short: "Fetch a blob, verified, into a file or to standard output",
		Example: `  acrkit blob get local/team/app@$DIGEST layer.tar.gz
  acrkit blob get local/team/app@$DIGEST - | tar tz`,
		Args: exactArgs("REPOSITORY@DIGEST", "FILE"),
		RunE: func(command *cobra.Command, args []string) error {
			ctx := command.Context()
			ref, err := a.DigestReference(args[0])
			if err != nil {
				return err
			}
			r, err := a.OpenFor(ctx, ref)
			if err != nil {
				return err
			}
			progress := term.NewProgress(a.mode, a.Stderr, a.screen, a.Now)
			defer progress.Close()
			options, err := f.DownloadOptions(a.Session, ref.Digest, progress)
			if err != nil {
				return err
			}
			if args[1] == "-" {
				_, err = r.Blobs.Download(ctx, ref.Repository, ref.Digest, a.Stdout, options)
				return err
			}
			got, err := r.Blobs.DownloadFile(ctx, ref.Repository, ref.Digest, args[1], options)
			if err != nil {
				return err
			}
			progress.Close()
			return output.One(a.printer, items.BlobView(), items.Blob{Digest: got.Digest, Reference: ref.String(), Size: got.Size})
		},
	}
	f.AddTuning(command)
	return command
}
