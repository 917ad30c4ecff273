package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/image"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/items"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/listing"
)

func newBlobListCommand(a *app) *cobra.Command {
	var f image.Flags
	command := &cobra.Command{
		Use: "list REF", Aliases: []string{"ls"}, Short: "List the blobs of an image: its configuration and layers",
		Long: `List the blobs of an image: its configuration and layers, for an index those of
all its images. A registry has no list of all blobs.

` + image.Help,
		Example: "  acrkit blob list local/team/app:1 -o table",
		Args:    exactArgs("REF"),
		RunE: func(command *cobra.Command, args []string) error {
			ctx := command.Context()
			root, err := f.Open(ctx, a.Session, args[0])
			if err != nil {
				return err
			}
			return listing.Print(a.printer, listing.Flags{}, items.BlobView(), func(yield func(items.Blob, error) bool) {
				eachBlob(ctx, root, map[string]bool{}, 0, yield)
			})
		},
	}
	f.Add(command)
	return command
}

// eachBlob yields every blob under a manifest once, and reports whether to continue.
func eachBlob(ctx context.Context, i *image.Image, seen map[string]bool, depth int, yield func(items.Blob, error) bool) bool {
	if depth >= image.MaxTree {
		return yield(items.Blob{}, fmt.Errorf("blobs of %s: deeper than %d manifests", i.Place, image.MaxTree))
	}
	for _, p := range i.Body.Parts() {
		if seen[p.Desc.Digest.String()] {
			continue
		}
		seen[p.Desc.Digest.String()] = true
		if p.Role == "manifest" {
			child, err := i.Child(ctx, p.Desc)
			if err != nil {
				yield(items.Blob{}, err)
				return false
			}
			if !eachBlob(ctx, child, seen, depth+1, yield) {
				return false
			}
			continue
		}
		item := items.Blob{
			Digest: p.Desc.Digest.String(), Reference: i.Named(p.Desc.Digest),
			Role: p.Role, MediaType: p.Desc.MediaType, Size: p.Desc.Size,
		}
		if !yield(item, nil) {
			return false
		}
	}
	return true
}
