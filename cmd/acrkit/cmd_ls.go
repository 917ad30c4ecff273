package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/listing"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/location"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/reference"
)

func newLsCommand(a *app) *cobra.Command {
	var f listing.Flags
	command := &cobra.Command{
		Use:   "ls [REGISTRY|REPOSITORY|oci:PATH|docker:FILE]",
		Short: "List a registry's repositories, or a repository's tags",
		Long: `List the repositories of a registry, the tags of a repository, or the images of
a layout folder or an archive: names only, one a line. An image without a name
is listed by its digest. -o table shows digests and times as well.

Without an argument, and for a name that is no host, ACR_REGISTRY is meant.`,
		Example: `  acrkit ls local
  acrkit ls myreg.azurecr.io
  acrkit ls docker:images.tar -o table
  acrkit ls myreg.azurecr.io/team/app -o table --order newest --limit 10`,
		GroupID: groupImages,
		Args:    rangeArgs(0, "REGISTRY|REPOSITORY|oci:PATH|docker:FILE"),
		RunE: func(command *cobra.Command, args []string) error {
			if len(args) == 0 {
				h, err := a.RegistryArgument(nil)
				if err != nil {
					return err
				}
				return listing.Repositories(command.Context(), a.Session, a.printer, h, f)
			}
			if location.IsPlace(args[0]) {
				return a.listPlace(command.Context(), args[0], f)
			}
			ref, err := reference.ParseAny(args[0], a.Getenv("ACR_REGISTRY"))
			switch {
			case err != nil:
				return err
			case ref.Repository == "":
				return listing.Repositories(command.Context(), a.Session, a.printer, ref.Registry, f)
			case ref.Tag != "":
				return reference.Bad(args[0], "ls takes a repository; acrkit show tells about one tag")
			}
			return listing.Tags(command.Context(), a.Session, a.printer, ref, f)
		},
	}
	f.Add(command, true)
	return command
}

// listPlace lists the images of a layout, an archive or standard input.
func (a *app) listPlace(ctx context.Context, text string, f listing.Flags) error {
	place, err := location.Parse(text, "")
	if err != nil {
		return err
	}
	if place.Name != "" {
		return reference.Bad(text, "ls lists all images of a place; acrkit show tells about one")
	}
	if place.Kind == location.InStream {
		if err := a.StdinIsFree(); err != nil {
			return err
		}
	}
	if place.Kind == location.InLayout {
		if listed, err := listing.TreeRoots(ctx, a.printer, place, f); listed || err != nil {
			return err
		}
	}
	src, err := location.OpenSource(ctx, a.Session, place)
	if err != nil {
		return err
	}
	return listing.Roots(ctx, a.printer, src, place, f)
}
