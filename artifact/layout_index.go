package artifact

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// annotationContainerdName is where containerd and docker keep the full name
// of an image; ref.name then holds the tag alone.
const annotationContainerdName = "io.containerd.image.name"

// resolveIndex finds a root in an index.json. src reads manifests that are
// looked up by digest without being a root.
func resolveIndex(ctx context.Context, src Source, store string, index *ocispec.Index, reference string) (ocispec.Descriptor, error) {
	none := ocispec.Descriptor{}
	if reference == "" {
		return onlyRoot(ctx, src, store, index)
	}
	if d, err := digest.Parse(reference); err == nil {
		for _, desc := range index.Manifests {
			if desc.Digest == d && isManifest(desc.MediaType) {
				return bare(desc), nil
			}
		}
		return resolveDigest(ctx, src, store, d)
	}
	var found []ocispec.Descriptor
	for _, matches := range []func(ocispec.Descriptor) bool{
		func(d ocispec.Descriptor) bool {
			return d.Annotations[ocispec.AnnotationRefName] == reference ||
				d.Annotations[annotationContainerdName] == reference ||
				(d.Annotations[annotationContainerdName] != "" && d.Annotations[annotationContainerdName] == dockerFullReference(reference))
		},
		// skopeo writes names in full, docker in short; people ask for either.
		func(d ocispec.Descriptor) bool {
			name := d.Annotations[ocispec.AnnotationRefName]
			return tagPart(name) != "" && dockerFullReference(name) == dockerFullReference(reference)
		},
		func(d ocispec.Descriptor) bool { return tagPart(d.Annotations[ocispec.AnnotationRefName]) == reference },
	} {
		for _, desc := range index.Manifests {
			if matches(desc) && !slices.ContainsFunc(found, sameDigest(desc)) {
				found = append(found, desc)
			}
		}
		if len(found) > 0 {
			break
		}
	}
	switch len(found) {
	case 0:
		return none, &NotFoundError{Store: store, Thing: "tag " + reference, Known: short(tagsOf(index))}
	case 1:
		if !isManifest(found[0].MediaType) {
			return none, &InvalidError{Store: store, Thing: "tag " + reference, Rule: fmt.Sprintf("media type %q is not a manifest's", found[0].MediaType)}
		}
		return bare(found[0]), nil
	}
	return none, &InvalidError{Store: store, Thing: "tag " + reference, Rule: fmt.Sprintf("it names %d different manifests, say which one by digest", len(found))}
}

func sameDigest(desc ocispec.Descriptor) func(ocispec.Descriptor) bool {
	return func(other ocispec.Descriptor) bool { return other.Digest == desc.Digest }
}

// onlyRoot is the root that an empty reference means.
func onlyRoot(ctx context.Context, src Source, store string, index *ocispec.Index) (ocispec.Descriptor, error) {
	var roots []ocispec.Descriptor
	for _, desc := range index.Manifests {
		if isManifest(desc.MediaType) && !slices.ContainsFunc(roots, sameDigest(desc)) {
			roots = append(roots, desc)
		}
	}
	if len(roots) > 1 {
		// Signatures and the like are roots in a layout, but nobody who asks
		// for the only image means them.
		roots = slices.DeleteFunc(roots, func(desc ocispec.Descriptor) bool {
			return desc.Annotations[ocispec.AnnotationRefName] == "" && hasSubject(ctx, src, desc)
		})
	}
	switch len(roots) {
	case 0:
		return ocispec.Descriptor{}, &NotFoundError{Store: store, Thing: "image in it"}
	case 1:
		return bare(roots[0]), nil
	}
	known := tagsOf(index)
	if len(known) == 0 {
		for _, desc := range roots {
			known = append(known, desc.Digest.String())
		}
	}
	return ocispec.Descriptor{}, &NotFoundError{
		Store: store, Thing: fmt.Sprintf("single image: it has %d, say which one", len(roots)), Known: short(known),
	}
}

func hasSubject(ctx context.Context, src Source, desc ocispec.Descriptor) bool {
	data, err := fetchSmall(ctx, src, desc)
	if err != nil {
		return false
	}
	_, m, err := readManifest(desc, data)
	return err == nil && m.Subject != nil
}

// sizedFetcher opens content whose size is not known, and says it.
type sizedFetcher interface {
	fetchAny(d digest.Digest) (r io.ReadCloser, size int64, err error)
}

// resolveDigest looks at the content itself, since nothing tells its type.
func resolveDigest(ctx context.Context, src Source, store string, d digest.Digest) (ocispec.Descriptor, error) {
	none := ocispec.Descriptor{}
	desc := ocispec.Descriptor{Digest: d}
	if err := checkDescriptor(desc); err != nil {
		return none, err
	}
	r, size, err := src.(sizedFetcher).fetchAny(d)
	if errors.Is(err, ErrNotFound) {
		return none, &NotFoundError{Store: store, Thing: "manifest " + d.String()}
	}
	if err != nil {
		return none, err
	}
	defer r.Close()
	if size > maxManifestSize {
		return none, &InvalidError{Store: store, Thing: d.String(), Rule: fmt.Sprintf("it has %d bytes, a manifest has at most %d", size, maxManifestSize)}
	}
	desc.Size = size
	data, err := io.ReadAll(io.LimitReader(contextReader{ctx, r}, size+1))
	if err != nil {
		return none, fmt.Errorf("read %s of %s: %w", d, store, err)
	}
	if err := verifyBytes(store, desc, data); err != nil {
		return none, err
	}
	if desc.MediaType, err = sniffMediaType(data); err != nil {
		return none, &InvalidError{Store: store, Thing: d.String(), Rule: "it is not a manifest", Err: err}
	}
	return desc, nil
}

// bare is a root without the annotations that belong to the layout it is in.
func bare(desc ocispec.Descriptor) ocispec.Descriptor {
	return ocispec.Descriptor{
		MediaType: desc.MediaType, Digest: desc.Digest, Size: desc.Size,
		ArtifactType: desc.ArtifactType, Platform: desc.Platform,
	}
}

// tagPart is the tag of a full image name, "" for what has none.
func tagPart(name string) string {
	if i := strings.LastIndexByte(name, ':'); i > strings.LastIndexByte(name, '/') {
		return name[i+1:]
	}
	return ""
}

// dockerFullReference is what docker means by a short name: "app:1" is
// "docker.io/library/app:1".
func dockerFullReference(reference string) string {
	repository, tag := dockerName(reference)
	return dockerFullName(repository) + ":" + tag
}

// tagsOf lists the names in an index.json, in lexical order, each once.
func tagsOf(index *ocispec.Index) []string {
	var tags []string
	for _, desc := range index.Manifests {
		name := desc.Annotations[annotationContainerdName]
		if name == "" {
			name = desc.Annotations[ocispec.AnnotationRefName]
		}
		if name != "" {
			tags = append(tags, name)
		}
	}
	slices.Sort(tags)
	return slices.Compact(tags)
}

// short keeps lists in messages readable.
func short(list []string) []string {
	const most = 10
	if len(list) <= most {
		return list
	}
	return append(slices.Clone(list[:most]), fmt.Sprintf("and %d more", len(list)-most))
}

// fallbackTag is where registries without the referrers API keep the list of
// referrers (OCI distribution-spec, "Referrers Tag Schema").
func fallbackTag(d digest.Digest) string {
	return d.Algorithm().String() + "-" + d.Encoded()
}

// referrersIn finds the referrers of desc among the roots of an index.json.
func referrersIn(ctx context.Context, src Source, index *ocispec.Index, desc ocispec.Descriptor) ([]ocispec.Descriptor, error) {
	var found []ocispec.Descriptor
	add := func(d ocispec.Descriptor) {
		if d.Digest != desc.Digest && !slices.ContainsFunc(found, sameDigest(d)) {
			found = append(found, d)
		}
	}
	for _, root := range index.Manifests {
		if !isManifest(root.MediaType) {
			continue
		}
		data, err := fetchSmall(ctx, src, root)
		if err != nil {
			return nil, err
		}
		_, m, err := readManifest(root, data)
		if err != nil {
			return nil, err
		}
		if m.Subject != nil && m.Subject.Digest == desc.Digest {
			d := bare(root)
			d.ArtifactType, d.Annotations = artifactTypeOf(m), m.Annotations
			add(d)
		}
		if root.Annotations[ocispec.AnnotationRefName] == fallbackTag(desc.Digest) {
			for _, d := range m.children() {
				add(d)
			}
		}
	}
	return found, nil
}

// artifactTypeOf is the type that a referrers list shows for a manifest (OCI
// distribution-spec, "Listing Referrers").
func artifactTypeOf(m *manifest) string {
	if m.ArtifactType == "" && m.Config != nil {
		return m.Config.MediaType
	}
	return m.ArtifactType
}
