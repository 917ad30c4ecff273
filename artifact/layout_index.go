package artifact

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

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
				return withData(desc), nil
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
	if image := cosignImage(index); image != "" && len(found) > 1 {
		// cosign gives the image's name to its signatures too.
		found = slices.DeleteFunc(found, func(desc ocispec.Descriptor) bool { return cosignKinds[desc.Annotations[annotationKind]] != "" })
	}
	switch len(found) {
	case 0:
		return none, &NotFoundError{Code: codeTagMissing, Store: store, Thing: "tag " + reference, Known: short(tagsOf(index))}
	case 1:
		if !isManifest(found[0].MediaType) {
			return resolveDigest(ctx, src, store, found[0].Digest)
		}
		return withData(found[0]), nil
	}
	return none, &InvalidError{Code: codeSeveralImages, Store: store, Thing: "tag " + reference, Rule: fmt.Sprintf("it names %d different manifests, say which one by digest", len(found))}
}

func sameDigest(desc ocispec.Descriptor) func(ocispec.Descriptor) bool {
	return func(other ocispec.Descriptor) bool { return other.Digest == desc.Digest }
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
		if name != "" && cosignKinds[desc.Annotations[annotationKind]] == "" {
			tags = append(tags, name)
		}
	}
	slices.Sort(tags)
	return slices.Compact(tags)
}

func joinShort(list []string) string { return strings.Join(short(list), ", ") }

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

// referrersIn finds the referrers of every manifest among the roots of an
// index.json, by their subjects and in the lists that other tools keep under a
// tag. A root that can't be read is nobody's referrer: reading it reports that.
func referrersIn(ctx context.Context, src Source, index *ocispec.Index) (map[digest.Digest][]ocispec.Descriptor, error) {
	found := map[digest.Digest][]ocispec.Descriptor{}
	add := func(subject digest.Digest, d ocispec.Descriptor) {
		if d.Digest != subject && !slices.ContainsFunc(found[subject], sameDigest(d)) {
			found[subject] = append(found[subject], d)
		}
	}
	for _, root := range index.Manifests {
		if !isManifest(root.MediaType) {
			continue
		}
		data, err := fetchSmall(ctx, src, root)
		if stopped := context.Cause(ctx); stopped != nil {
			return nil, stopped
		}
		if err != nil {
			continue
		}
		_, m, err := readManifest(root, data)
		if err != nil {
			continue
		}
		if m.Subject != nil {
			d := bare(root)
			d.ArtifactType, d.Annotations = artifactTypeOf(m), m.Annotations
			add(m.Subject.Digest, d)
		}
		algorithm, encoded, _ := strings.Cut(root.Annotations[ocispec.AnnotationRefName], "-")
		if subject, err := digest.Parse(algorithm + ":" + encoded); err == nil {
			for _, d := range m.children() {
				add(subject, d)
			}
		}
	}
	return found, nil
}

// referrerCache keeps what referrersIn found, as long as index.json stays as it
// is: reading every root for each image of a sync would take forever. The zero
// value is ready.
type referrerCache struct {
	mu    sync.Mutex
	of    digest.Digest
	found map[digest.Digest][]ocispec.Descriptor
}

func (c *referrerCache) list(ctx context.Context, src Source, index *ocispec.Index, subject digest.Digest) ([]ocispec.Descriptor, error) {
	data, err := json.Marshal(index)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if of := digest.FromBytes(data); c.found == nil || c.of != of {
		found, err := referrersIn(ctx, src, index)
		if err != nil {
			return nil, err
		}
		c.of, c.found = of, found
	}
	return slices.Clone(c.found[subject]), nil
}

// artifactTypeOf is the type that a referrers list shows for a manifest (OCI
// distribution-spec, "Listing Referrers").
func artifactTypeOf(m *manifest) string {
	if m.ArtifactType == "" && m.Config != nil {
		return m.Config.MediaType
	}
	return m.ArtifactType
}
