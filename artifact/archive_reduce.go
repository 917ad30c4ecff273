package artifact

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// reduceRoots replaces each root whose index names more than the archive holds
// by what is whole of it: the image, if there is one, and otherwise an index of
// those that are. docker's containerd store saves like that: the index as it
// came from the registry, and the content of one platform.
func (a *Archive) reduceRoots() {
	r := &reducer{archive: a, done: map[digest.Digest]*reduced{}}
	for i, root := range a.index.Manifests {
		result := r.reduce(root)
		if !result.whole || result.desc.Digest == root.Digest {
			continue
		}
		became := bare(result.desc)
		became.Annotations = root.Annotations
		a.index.Manifests[i] = became
		a.absent[became.Digest] = append(a.absent[became.Digest], result.absent...)
	}
}

// reducer finds out what of the archive's manifests is whole. It looks at each
// once.
type reducer struct {
	archive *Archive
	done    map[digest.Digest]*reduced
}

// reduced is what is whole of a manifest. Where nothing is, it is the manifest
// as it was: the target may have the rest.
type reduced struct {
	desc   ocispec.Descriptor
	absent []LeftOut // each digest once
	whole  bool
}

func (r *reducer) reduce(desc ocispec.Descriptor) *reduced {
	if known := r.done[desc.Digest]; known != nil {
		return known
	}
	result := r.look(desc)
	r.done[desc.Digest] = result
	return result
}

func (r *reducer) look(desc ocispec.Descriptor) *reduced {
	lacking := func(reason string) *reduced {
		return &reduced{desc: desc, absent: []LeftOut{{Descriptor: bare(desc), Reason: reason}}}
	}
	if len(desc.Data) == 0 && !r.archive.holds(desc) {
		return lacking("the archive doesn't hold it")
	}
	m, err := r.archive.manifest(desc)
	switch {
	case err != nil:
		return lacking(fmt.Sprintf("the archive's copy of it cannot be read: %v", err))
	case !r.archive.holdsBlobs(m):
		return lacking("the archive holds its manifest, but not all of its blobs")
	case len(m.Manifests) == 0:
		return &reduced{desc: desc, whole: true}
	}
	kept, absent := r.children(m)
	switch {
	case len(absent) == 0:
		return &reduced{desc: desc, whole: true}
	case len(kept) == 0:
		return &reduced{desc: desc, absent: absent}
	case len(kept) == 1:
		return &reduced{desc: kept[0], absent: absent, whole: true}
	}
	data, err := fetchSmall(context.Background(), r.archive, desc)
	if err != nil {
		return &reduced{desc: desc, absent: absent}
	}
	made, data, err := subsetIndex(desc, data, kept)
	if err != nil {
		return &reduced{desc: desc, absent: absent}
	}
	r.archive.made[made.Digest] = data
	return &reduced{desc: made, absent: absent, whole: true}
}

// children leaves of an index what is whole, attestations only with what they
// are about. It keeps none when no image is whole.
func (r *reducer) children(m *manifest) (kept []ocispec.Descriptor, absent []LeftOut) {
	whole, seen := map[digest.Digest]bool{}, map[digest.Digest]bool{}
	leave := func(list ...LeftOut) {
		for _, l := range list {
			if !seen[l.Descriptor.Digest] {
				seen[l.Descriptor.Digest] = true
				absent = append(absent, l)
			}
		}
	}
	images := 0
	for _, child := range m.Manifests {
		if !isManifest(child.MediaType) {
			whole[child.Digest] = true // a blob, which was looked at before
			images++
			continue
		}
		result := r.reduce(child)
		leave(result.absent...)
		whole[child.Digest] = result.whole
		if _, attestation := attestedBy(child); result.whole && !attestation {
			images++
		}
	}
	if images == 0 || len(absent) == 0 {
		return nil, absent
	}
	for _, child := range m.Manifests {
		subject, _ := attestedBy(child)
		switch {
		case !whole[child.Digest]:
		case subject != "" && !whole[subject]:
			leave(LeftOut{Descriptor: bare(child), Reason: "it is about " + subject.String() + ", which is left out"})
		default:
			entry := child
			if isManifest(child.MediaType) {
				entry = r.reduce(child).desc
				entry.Platform, entry.Annotations = child.Platform, child.Annotations
			}
			kept = append(kept, entry)
		}
	}
	return kept, absent
}

// Annotations that BuildKit gives the attestations in an index.
const (
	annotationReferenceType   = "vnd.docker.reference.type"
	annotationReferenceDigest = "vnd.docker.reference.digest"
)

// attestedBy reports whether a child of an index is an attestation, and of
// which other child, "" if it doesn't say.
func attestedBy(desc ocispec.Descriptor) (subject digest.Digest, ok bool) {
	if desc.Annotations[annotationReferenceType] != "" {
		d, err := digest.Parse(desc.Annotations[annotationReferenceDigest])
		if err != nil {
			return "", true
		}
		return d, true
	}
	return "", desc.Platform != nil && isUnknown(*desc.Platform)
}

// isUnknown reports the platform that nobody can ask for.
func isUnknown(p ocispec.Platform) bool { return p.OS == "unknown" }

// subsetIndex makes an index with other children of one, and keeps everything
// else of it.
func subsetIndex(desc ocispec.Descriptor, data []byte, children []ocispec.Descriptor) (ocispec.Descriptor, []byte, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(data, &fields); err != nil {
		return desc, nil, &InvalidError{Thing: "index " + desc.Digest.String(), Rule: "it is not a JSON object", Err: err}
	}
	list, err := json.Marshal(children)
	if err != nil {
		return desc, nil, err
	}
	fields["manifests"] = list
	made, err := json.Marshal(fields)
	if err != nil {
		return desc, nil, err
	}
	return ocispec.Descriptor{MediaType: desc.MediaType, Digest: digest.FromBytes(made), Size: int64(len(made)), ArtifactType: desc.ArtifactType}, made, nil
}
