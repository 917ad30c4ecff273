package artifact

import (
	"context"
	"fmt"
	"slices"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// rootSet is the roots of an index.json, each digest once, with what a reader
// has to know to tell images from what belongs to them.
type rootSet struct {
	ctx        context.Context
	src        Source
	roots      []ocispec.Descriptor
	named      map[digest.Digest]bool
	below      map[digest.Digest]map[digest.Digest]bool // by root: the manifests under it
	all        map[digest.Digest]bool                   // every manifest that is a root or under one
	hasSubject map[digest.Digest]bool
}

// imageRoots leaves of the roots of an index.json those that are images by
// themselves. Other tools list more: the children of an index beside it (crane,
// buildx), signatures and whatever else has a subject (oras), and those of
// cosign, which have a kind instead of a name, or a digest tag.
func imageRoots(ctx context.Context, src Source, index *ocispec.Index) []ocispec.Descriptor {
	s := &rootSet{
		ctx: ctx, src: src, named: map[digest.Digest]bool{}, below: map[digest.Digest]map[digest.Digest]bool{},
		all: map[digest.Digest]bool{}, hasSubject: map[digest.Digest]bool{},
	}
	signed := cosignImage(index) != ""
	for _, desc := range index.Manifests {
		name := desc.Annotations[ocispec.AnnotationRefName]
		if tag := tagPart(name); tag != "" {
			name = tag
		}
		if !isManifest(desc.MediaType) || signed && cosignKinds[desc.Annotations[annotationKind]] != "" {
			continue
		}
		s.named[desc.Digest] = s.named[desc.Digest] || name != "" || desc.Annotations[annotationContainerdName] != ""
		if !slices.ContainsFunc(s.roots, sameDigest(desc)) {
			s.roots = append(s.roots, desc)
		}
	}
	if len(s.roots) > 1 {
		s.read()
		s.drop(index)
	}
	return s.roots
}

// read finds what is under each root, as far as it is there.
func (s *rootSet) read() {
	for _, root := range s.roots {
		under := map[digest.Digest]bool{}
		s.below[root.Digest] = under
		level := []ocispec.Descriptor{root}
		for depth := 0; depth <= maxDepth && len(level) > 0; depth++ {
			var next []ocispec.Descriptor
			for _, desc := range level {
				s.all[desc.Digest] = true
				data, err := fetchSmall(s.ctx, s.src, desc)
				if err != nil {
					continue
				}
				_, m, err := readManifest(desc, data)
				if err != nil {
					continue
				}
				s.hasSubject[desc.Digest] = m.Subject != nil
				for _, child := range m.children() {
					if !under[child.Digest] && len(s.all) < maxNodes {
						under[child.Digest] = true
						next = append(next, child)
					}
				}
			}
			level = next
		}
	}
}

// drop leaves out what belongs to another root.
func (s *rootSet) drop(index *ocispec.Index) {
	tagged := map[digest.Digest]bool{} // by cosign, or as a list of referrers
	for _, desc := range index.Manifests {
		name := desc.Annotations[ocispec.AnnotationRefName]
		if tag := tagPart(name); tag != "" {
			name = tag
		}
		of, ok := isDigestTag(name)
		for d := range s.all {
			if ok && d == of || name == fallbackTag(d) {
				tagged[desc.Digest] = true
			}
		}
	}
	s.leave(func(desc ocispec.Descriptor) bool {
		_, attestation := attestedBy(desc)
		return tagged[desc.Digest] || !s.named[desc.Digest] && (s.hasSubject[desc.Digest] || attestation)
	})
	s.leave(func(desc ocispec.Descriptor) bool { return !s.named[desc.Digest] && s.isBelow(desc) })
	var named []ocispec.Descriptor
	for _, desc := range s.roots {
		if s.named[desc.Digest] {
			named = append(named, desc)
		}
	}
	if len(named) == 1 {
		s.leave(func(desc ocispec.Descriptor) bool { return s.below[desc.Digest][named[0].Digest] })
	}
	s.leave(s.isBelow)
}

// leave drops roots, but never all of them.
func (s *rootSet) leave(drop func(ocispec.Descriptor) bool) {
	if kept := slices.DeleteFunc(slices.Clone(s.roots), drop); len(kept) > 0 {
		s.roots = kept
	}
}

// isBelow reports whether another root refers to this one.
func (s *rootSet) isBelow(desc ocispec.Descriptor) bool {
	return slices.ContainsFunc(s.roots, func(other ocispec.Descriptor) bool { return s.below[other.Digest][desc.Digest] })
}

// AmbiguousError says that a layout or an archive holds several images, and that
// nobody said which.
type AmbiguousError struct {
	Store string   // name of the store
	Known []string // what the images are called, or their digests
}

// Error names the store and the choice.
func (e *AmbiguousError) Error() string {
	return fmt.Sprintf("%s: it holds %d images, say which one: %s", e.Store, len(e.Known), joinShort(e.Known))
}

// Is matches [ErrNotFound]: there is no single image.
func (e *AmbiguousError) Is(target error) bool { return target == ErrNotFound }

// DiagnosisCode names the error in the catalogue of package diagnose.
func (e *AmbiguousError) DiagnosisCode() string { return "SEVERAL_IMAGES" }

// onlyRoot is the root that an empty reference means.
func onlyRoot(ctx context.Context, src Source, store string, index *ocispec.Index) (ocispec.Descriptor, error) {
	roots := imageRoots(ctx, src, index)
	switch len(roots) {
	case 0:
		if len(index.Manifests) == 1 {
			return resolveDigest(ctx, src, store, index.Manifests[0].Digest) // a type that tells nothing
		}
		return ocispec.Descriptor{}, &NotFoundError{Code: codeTagMissing, Store: store, Thing: "image in it"}
	case 1:
		return withData(roots[0]), nil
	}
	var known []string
	for _, root := range roots {
		names := tagsOf(&ocispec.Index{Manifests: slices.DeleteFunc(slices.Clone(index.Manifests), func(other ocispec.Descriptor) bool { return other.Digest != root.Digest })})
		if len(names) == 0 {
			names = []string{root.Digest.String()}
		}
		known = append(known, names[0])
	}
	slices.Sort(known)
	return ocispec.Descriptor{}, &AmbiguousError{Store: store, Known: known}
}

// withData is bare with the content that came inside the descriptor.
func withData(desc ocispec.Descriptor) ocispec.Descriptor {
	root := bare(desc)
	root.Data = desc.Data
	return root
}
