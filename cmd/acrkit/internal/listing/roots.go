package listing

import (
	"context"
	"strings"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/acrkit/azcontainerregistry/artifact"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/items"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/location"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/output"
	"github.com/acrkit/azcontainerregistry/internal/order"
)

// Roots lists the images of a layout or an archive, in the order of their names,
// those without one last.
func Roots(ctx context.Context, p *output.Printer, src artifact.Source, place location.Location, f Flags) error {
	if err := f.check(); err != nil {
		return err
	}
	if f.order != "name" {
		return failure.Usagef("--order %s: %s keeps no times of its images", f.order, place)
	}
	roots, err := artifact.Roots(ctx, src)
	if err != nil {
		return err
	}
	list := make([]items.Root, 0, len(roots))
	for _, root := range roots {
		item := items.Root{
			Name: root.Name, Digest: root.Digest.String(), MediaType: root.MediaType, Size: root.Size,
			ArtifactType: root.ArtifactType, Platform: artifact.FormatPlatform(root.Platform),
			CreatedOn: root.Annotations[ocispec.AnnotationCreated],
		}
		named := place
		if named.Name = root.Name; named.Name == "" {
			named.Name = item.Digest
		}
		item.Reference = named.String()
		if f.last == "" || item.Label() > f.last {
			list = append(list, item)
		}
	}
	order.By(list, func(a, b items.Root) int {
		switch {
		case (a.Name == "") == (b.Name == ""):
			return strings.Compare(a.Label(), b.Label())
		case a.Name == "":
			return 1
		}
		return -1
	})
	return Print(p, f, items.RootView(), output.Sequence(list))
}
