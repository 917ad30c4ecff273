package main

import (
	"io"

	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/items"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/output"
)

func newBlobShowCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "show REPOSITORY@DIGEST", Short: "Show whether a blob is there, and its size",
		Example: "  acrkit blob show local/team/app@$DIGEST",
		Args:    exactArgs("REPOSITORY@DIGEST"),
		RunE: func(command *cobra.Command, args []string) error {
			ref, err := a.DigestReference(args[0])
			if err != nil {
				return err
			}
			r, err := a.OpenFor(command.Context(), ref)
			if err != nil {
				return err
			}
			got, err := r.Blobs.CheckBlobExists(command.Context(), ref.Repository, ref.Digest, nil)
			if err != nil {
				return err
			}
			view := items.BlobView()
			view.Text = func(w io.Writer, i items.Blob) error {
				return items.Facts(w, [][2]string{{"blob", i.Reference}, {"size", output.Size(i.Size)}})
			}
			return output.One(a.printer, view, items.Blob{Digest: ref.Digest, Reference: ref.String(), Size: items.Value(got.ContentLength)})
		},
	}
}
