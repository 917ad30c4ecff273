package listing

import (
	"cmp"
	"context"
	"path/filepath"
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
	return roots(ctx, p, place, f, func(yield func(string, location.Location, artifact.Source) error) error { return yield("", place, src) })
}

// TreeRoots lists the images of all layouts below a folder, as a sync writes
// them: each by the path of its layout and its name there. It reports false where
// the folder is a layout itself, or has none below it.
func TreeRoots(ctx context.Context, p *output.Printer, place location.Location, f Flags) (bool, error) {
	tree := artifact.NewLayoutTree(place.Path)
	repositories, err := tree.Repositories(ctx)
	if err != nil || len(repositories) == 0 {
		return false, nil //nolint:nilerr // who opens it as a layout says what is wrong
	}
	return true, roots(ctx, p, place, f, func(yield func(string, location.Location, artifact.Source) error) error {
		for _, repository := range repositories {
			src, err := tree.Source(repository)
			if err != nil {
				return err
			}
			at := place
			at.Path = filepath.Join(place.Path, filepath.FromSlash(repository))
			if err := yield(repository, at, src); err != nil {
				return err
			}
		}
		return nil
	})
}

// roots lists the images of layouts and archives; those of a tree have the path of
// their layout in their names.
func roots(ctx context.Context, p *output.Printer, place location.Location, f Flags, layouts func(yield func(string, location.Location, artifact.Source) error) error) error {
	if err := f.check(); err != nil {
		return err
	}
	if f.order != "name" {
		return failure.Usagef("--order %s: %s keeps no times of its images", f.order, place)
	}
	var list []items.Root
	err := layouts(func(repository string, at location.Location, src artifact.Source) error {
		found, err := artifact.Roots(ctx, src)
		for _, root := range found {
			item := items.Root{
				Name: root.Name, Digest: root.Digest.String(), MediaType: root.MediaType, Size: root.Size,
				ArtifactType: root.ArtifactType, Platform: artifact.FormatPlatform(root.Platform),
				CreatedOn: root.Annotations[ocispec.AnnotationCreated],
			}
			named := at
			named.Name = cmp.Or(root.Name, item.Digest)
			item.Reference = named.String()
			switch {
			case repository != "" && root.Name != "":
				item.Name = repository + ":" + root.Name
			case repository != "":
				item.Name = repository + "@" + item.Digest
			}
			if f.last == "" || item.Label() > f.last {
				list = append(list, item)
			}
		}
		return err
	})
	if err != nil {
		return err
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
