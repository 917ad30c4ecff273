package artifact

import (
	"context"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Root is one entry of the list of images that a layout or an archive keeps.
type Root struct {
	// Name is what the store calls the image; empty for an image without a name,
	// which its digest alone names.
	Name string
	ocispec.Descriptor
}

// Roots lists the images of a layout or an archive in the order of its
// index.json (OCI image-spec, image-layout.md). Signatures that cosign keeps
// beside its image are roots too. An index.json that can't be read, and a source
// that keeps no list, are an [*InvalidError]. Nothing is read of the images.
func Roots(ctx context.Context, src Source) ([]Root, error) {
	store, ok := src.(indexed)
	if !ok {
		return nil, &InvalidError{Store: nameOf(src), Thing: "images", Rule: "this source doesn't list them"}
	}
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	index, err := store.rootIndex()
	if err != nil {
		return nil, err
	}
	roots := make([]Root, 0, len(index.Manifests))
	for _, desc := range index.Manifests {
		root := Root{Name: desc.Annotations[annotationContainerdName], Descriptor: desc}
		if root.Name == "" {
			root.Name = desc.Annotations[ocispec.AnnotationRefName]
		}
		if cosignKinds[desc.Annotations[annotationKind]] != "" {
			root.Name = "" // cosign gives the image's name to its signatures too
		}
		root.Data = nil
		roots = append(roots, root)
	}
	return roots, nil
}

// ReadManifest resolves a reference and reads its manifest, verified against its
// digest. With a platform it continues from an index to the image for it; an image
// for another platform, or none, is a [*NotFoundError] that says which there are.
func ReadManifest(ctx context.Context, src Source, reference string, platform *ocispec.Platform) (ocispec.Descriptor, []byte, error) {
	desc, data, err := resolve(ctx, src, reference)
	if err != nil {
		return desc, nil, err
	}
	if platform != nil {
		return chosenManifest(ctx, src, desc, data, *platform)
	}
	desc.Data = nil
	return desc, data, nil
}

// chosenManifest is the manifest for a platform below a root.
func chosenManifest(ctx context.Context, src Source, root ocispec.Descriptor, data []byte, platform ocispec.Platform) (ocispec.Descriptor, []byte, error) {
	chosen, c, err := choose(ctx, src, root, data, []ocispec.Platform{platform})
	if err != nil {
		return root, nil, err
	}
	chosen.Data, chosen.Platform, chosen.Annotations = nil, nil, nil
	known := c.known[chosen.Digest]
	if known == nil {
		known, err = fetchSmall(ctx, src, chosen)
	}
	return chosen, known, err
}

// Has reports whether a source has the content of a descriptor, without reading
// it where the source can tell.
func Has(ctx context.Context, src Source, desc ocispec.Descriptor) (bool, error) {
	var err error
	switch s := src.(type) {
	case Checker:
		err = s.Check(ctx, desc)
	case Target:
		return s.Exists(ctx, desc)
	default:
		r, opening := src.Fetch(ctx, desc)
		if err = opening; err == nil {
			err = r.Close()
		}
	}
	if isNotFound(err) {
		return false, nil
	}
	return err == nil, err
}
