package artifact

import (
	"cmp"
	"context"
	"slices"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	azcontainerregistry "github.com/acrkit/azcontainerregistry"
	"github.com/acrkit/azcontainerregistry/internal/order"
)

// Relation says how a manifest needs another.
type Relation string

const (
	// RelationIndex: it is an index, and the other is one of its children.
	RelationIndex Relation = "index"
	// RelationReferrer: the other is its subject. It is a signature, an SBOM or
	// the like.
	RelationReferrer Relation = "referrer"
	// RelationDigestTag: it has a tag that is made of the other's digest, as
	// cosign's signatures have.
	RelationDigestTag Relation = "digest-tag"
)

// Dependent is a manifest that needs another.
type Dependent struct {
	Descriptor ocispec.Descriptor
	Relation   Relation
	Of         digest.Digest // what it needs
	Tags       []string      // its own tags, in lexical order
}

// Dependents finds what in the repository needs the manifests with the given
// digests and isn't one of them: the indexes that list them, and what refers to
// them. What is deleted while something needs it leaves a broken index, or a
// signature of nothing. It lists the repository's manifests, and reads the
// indexes among them; that needs the rights metadata_read and pull.
func (r *Repository) Dependents(ctx context.Context, digests ...digest.Digest) ([]Dependent, error) {
	gone := map[digest.Digest]bool{}
	for _, d := range digests {
		if err := checkDescriptor(ocispec.Descriptor{Digest: d}); err != nil {
			return nil, err
		}
		gone[d] = true
	}
	tags := map[digest.Digest][]string{}
	var indexes []ocispec.Descriptor
	for attributes, err := range r.client.Manifests(ctx, r.name, &azcontainerregistry.ClientListManifestsOptions{MaxNum: pageSize()}) {
		if err != nil {
			return nil, err
		}
		if attributes.Digest == nil {
			continue
		}
		desc := ocispec.Descriptor{Digest: digest.Digest(*attributes.Digest)}
		if attributes.MediaType != nil {
			desc.MediaType = *attributes.MediaType
		}
		for _, tag := range attributes.Tags {
			if tag != nil {
				tags[desc.Digest] = append(tags[desc.Digest], *tag)
			}
		}
		if !gone[desc.Digest] && (isIndex(desc.MediaType) || !isManifest(desc.MediaType)) {
			indexes = append(indexes, desc)
		}
	}
	found := make([][]Dependent, len(indexes)+len(digests))
	err := parallel(ctx, manifestFetches, len(found), func(ctx context.Context, i int) error {
		var err error
		if i < len(indexes) {
			found[i], err = r.parentOf(ctx, indexes[i].Digest, gone)
		} else {
			found[i], err = r.referrersTo(ctx, digests[i-len(indexes)], gone)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	list := slices.Concat(found...)
	for i := range list {
		list[i].Tags = tags[list[i].Descriptor.Digest]
		slices.Sort(list[i].Tags)
	}
	order.By(list, func(a, b Dependent) int {
		return cmp.Or(cmp.Compare(a.Of, b.Of), cmp.Compare(a.Relation, b.Relation), cmp.Compare(a.Descriptor.Digest, b.Descriptor.Digest))
	})
	return list, nil
}

// parentOf lists which of the digests an index has as a child. An index that has
// gone meanwhile has none.
func (r *Repository) parentOf(ctx context.Context, index digest.Digest, gone map[digest.Digest]bool) ([]Dependent, error) {
	desc, data, err := r.ResolveManifest(ctx, index.String())
	if isNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	desc, m, err := readManifest(desc, data)
	if err != nil {
		return nil, nil //nolint:nilerr // what can't be read as an index lists nothing
	}
	var list []Dependent
	for _, child := range m.children() {
		if gone[child.Digest] && !slices.ContainsFunc(list, func(d Dependent) bool { return d.Of == child.Digest }) {
			list = append(list, Dependent{Descriptor: desc, Relation: RelationIndex, Of: child.Digest})
		}
	}
	return list, nil
}

// referrersTo lists what refers to a digest.
func (r *Repository) referrersTo(ctx context.Context, subject digest.Digest, gone map[digest.Digest]bool) ([]Dependent, error) {
	referrers, err := r.Referrers(ctx, ocispec.Descriptor{Digest: subject})
	if err != nil {
		return nil, err
	}
	tagged, err := r.digestTags(ctx, subject)
	if err != nil {
		return nil, err
	}
	var list []Dependent
	for _, desc := range referrers {
		if !gone[desc.Digest] {
			list = append(list, Dependent{Descriptor: desc, Relation: RelationReferrer, Of: subject})
		}
	}
	for _, tag := range tagged {
		if !gone[tag.desc.Digest] {
			list = append(list, Dependent{Descriptor: tag.desc, Relation: RelationDigestTag, Of: subject})
		}
	}
	return list, nil
}
