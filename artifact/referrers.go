package artifact

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Kinds of what refers to an image, for [Options.ReferrerKinds].
const (
	// ReferrersOCI is every manifest whose subject is part of the image
	// (Notary signatures, SBOMs, attestations of ORAS and cosign 3).
	ReferrersOCI = "oci"
	// ReferrersCosign is what cosign 1 and 2 keep under tags that are made of
	// the image's digest: sha256-<hex>.sig, .att and .sbom.
	ReferrersCosign = "cosign"
)

// cosignSuffixes are what cosign puts behind the digest of what it signs.
var cosignSuffixes = []string{".sig", ".att", ".sbom"}

// CheckReferrerKind refuses what [Options.ReferrerKinds] doesn't know: a kind,
// or an artifact type, which has a slash, and may have * in it.
func CheckReferrerKind(kind string) error {
	if kind == ReferrersOCI || kind == ReferrersCosign {
		return nil
	}
	if !strings.Contains(kind, "/") {
		return &InvalidError{Code: codeOptionInvalid, Thing: fmt.Sprintf("kind of referrers %.100q", kind), Rule: "want oci, cosign, or an artifact type such as application/vnd.cncf.notary.signature"}
	}
	_, err := newFilter([]string{kind}, nil)
	return err
}

// referrerChoice says what of the manifests that refer to an image is copied.
type referrerChoice struct {
	oci    ReferrerLister  // nil for none
	cosign digestTagLister // nil for none
	types  *filter         // of artifact types, nil for all
	tags   []string        // all of the source's tags, where they are known; nil where not
}

// digestTag is a tag that is made of a digest, and the manifest that it names.
type digestTag struct {
	tag  string
	desc ocispec.Descriptor
}

// digestTagLister is a Source that finds the tags that cosign makes of a
// digest.
type digestTagLister interface {
	digestTags(ctx context.Context, subject digest.Digest) ([]digestTag, error)
}

// chooseReferrers makes of the options what a walk follows; nil is nothing.
func (o *Options) chooseReferrers(dst Target, src Source) (*referrerChoice, error) {
	if !followsReferrers(o.Referrers, dst, src) {
		return nil, nil
	}
	c := &referrerChoice{tags: o.tags}
	var types []string
	oci, cosign := len(o.ReferrerKinds) == 0, len(o.ReferrerKinds) == 0
	for _, kind := range o.ReferrerKinds {
		if err := CheckReferrerKind(kind); err != nil {
			return nil, err
		}
		switch kind {
		case ReferrersOCI:
			oci = true
		case ReferrersCosign:
			cosign = true
		default:
			types = append(types, kind)
		}
	}
	if len(types) > 0 && !oci {
		var err error
		if c.types, err = newFilter(types, nil); err != nil {
			return nil, err
		}
		oci = true
	}
	if cosign {
		c.cosign, _ = src.(digestTagLister)
	}
	if oci {
		var ok bool
		if c.oci, ok = src.(ReferrerLister); !ok && o.Referrers == ReferrersFollow {
			return nil, &InvalidError{Store: nameOf(src), Thing: "referrers", Rule: "this source cannot list them"}
		}
	}
	return c, nil
}

// followsReferrers reports whether a copy takes referrers along. A registry is
// asked for them only on behalf of another registry; a folder or an archive
// tells them at no cost.
func followsReferrers(mode ReferrersMode, dst Target, src Source) bool {
	switch mode {
	case ReferrersFollow:
		return true
	case ReferrersSkip:
		return false
	}
	if w, ok := dst.(interface{ imagesOnly() bool }); ok && w.imagesOnly() {
		return false
	}
	_, from := src.(remote)
	_, to := dst.(remote)
	_, lists := src.(ReferrerLister)
	return lists && (to || !from)
}

// of lists the referrers of one manifest, and the digest tags where the
// manifest is no referrer itself.
func (c *referrerChoice) of(ctx context.Context, n *node) (list []ocispec.Descriptor, tags []digestTag, err error) {
	if c.oci != nil {
		if list, err = c.oci.Referrers(ctx, n.desc); err != nil {
			return nil, nil, err
		}
		if c.types != nil {
			list = slices.DeleteFunc(list, func(d ocispec.Descriptor) bool { return !c.types.image(d.ArtifactType, "") })
		}
	}
	if c.cosign != nil && !n.referrer && !n.attestation && c.mayHaveTags(n.desc.Digest) {
		tags, err = c.cosign.digestTags(ctx, n.desc.Digest)
	}
	return list, tags, err
}

// mayHaveTags saves the asking where all tags are known.
func (c *referrerChoice) mayHaveTags(d digest.Digest) bool {
	if c.tags == nil {
		return true
	}
	return slices.ContainsFunc(cosignSuffixes, func(suffix string) bool {
		_, found := slices.BinarySearch(c.tags, fallbackTag(d)+suffix)
		return found
	})
}

// isDigestTag reports whether a tag is one that cosign makes, and of which
// digest.
func isDigestTag(tag string) (subject digest.Digest, ok bool) {
	for _, suffix := range cosignSuffixes {
		if name, found := strings.CutSuffix(tag, suffix); found {
			algorithm, encoded, _ := strings.Cut(name, "-")
			d, err := digest.Parse(algorithm + ":" + encoded)
			return d, err == nil
		}
	}
	return "", false
}

// follow adds the referrers of every manifest, and theirs.
func (w *walker) follow(ctx context.Context) error {
	asked := map[digest.Digest]bool{}
	for range maxDepth {
		var subjects []*node
		for _, n := range w.sorted() {
			if !asked[n.desc.Digest] && !n.elsewhere {
				asked[n.desc.Digest] = true
				subjects = append(subjects, n)
			}
		}
		if len(subjects) == 0 {
			return nil
		}
		found := make([][]ocispec.Descriptor, len(subjects))
		tags := make([][]digestTag, len(subjects))
		err := parallel(ctx, manifestFetches, len(subjects), func(ctx context.Context, i int) error {
			var err error
			found[i], tags[i], err = w.referrers.of(ctx, subjects[i])
			return err
		})
		if err != nil {
			return err
		}
		for i, subject := range subjects {
			if err := w.addReferrers(ctx, subject, found[i]); err != nil {
				return err
			}
			if err := w.addTagged(ctx, tags[i]); err != nil {
				return err
			}
		}
	}
	return w.invalid(w.graph.root, fmt.Sprintf("referrers of referrers are more than %d levels deep", maxDepth))
}

func (w *walker) addReferrers(ctx context.Context, of *node, list []ocispec.Descriptor) error {
	for j := range list {
		list[j] = bare(list[j])
	}
	level, err := w.unread(list)
	if err != nil {
		return err
	}
	if err := w.descend(ctx, level, true); err != nil {
		return err
	}
	for _, desc := range list {
		subject := w.graph.nodes[desc.Digest].parsed.Subject
		if subject == nil || subject.Digest != of.desc.Digest {
			return w.invalid(desc, fmt.Sprintf("it is listed as a referrer of %s, which is not its subject", of.desc.Digest))
		}
	}
	return nil
}

// addTagged adds what digest tags name.
func (w *walker) addTagged(ctx context.Context, tags []digestTag) error {
	for _, found := range tags {
		level, err := w.unread([]ocispec.Descriptor{found.desc})
		if err != nil {
			return err
		}
		if err := w.descend(ctx, level, true); err != nil {
			return err
		}
		n := w.graph.nodes[found.desc.Digest]
		n.tags = append(n.tags, found.tag)
	}
	return nil
}

// digestTags asks for each tag that cosign may have made.
func (r *Repository) digestTags(ctx context.Context, subject digest.Digest) ([]digestTag, error) {
	found := make([]digestTag, len(cosignSuffixes))
	err := parallel(ctx, len(cosignSuffixes), len(cosignSuffixes), func(ctx context.Context, i int) error {
		tag := fallbackTag(subject) + cosignSuffixes[i]
		desc, err := r.Resolve(ctx, tag)
		if isNotFound(err) {
			return nil
		}
		found[i] = digestTag{tag, desc}
		return err
	})
	return slices.DeleteFunc(found, func(t digestTag) bool { return t.tag == "" }), err
}

func (l *Layout) digestTags(_ context.Context, subject digest.Digest) ([]digestTag, error) {
	index, err := l.readIndex()
	if err != nil {
		return nil, err
	}
	return digestTagsIn(index, subject), nil
}

func (a *Archive) digestTags(_ context.Context, subject digest.Digest) ([]digestTag, error) {
	return digestTagsIn(a.index, subject), nil
}

func (m *Memory) digestTags(_ context.Context, subject digest.Digest) ([]digestTag, error) {
	return digestTagsIn(m.snapshot(), subject), nil
}

// What "cosign save" writes into the layout of a signed image, instead of
// names: which root is the image, and which are its signatures.
const (
	annotationKind      = "kind"
	cosignKindImage     = "dev.cosignproject.cosign/image"
	cosignKindIndex     = "dev.cosignproject.cosign/imageIndex"
	cosignKindSuffixed  = "dev.cosignproject.cosign/"
	cosignKindSignature = cosignKindSuffixed + "sigs"
)

// cosignKinds says which tag a kind of root would have at a registry.
var cosignKinds = map[string]string{
	cosignKindSignature:          ".sig",
	cosignKindSuffixed + "atts":  ".att",
	cosignKindSuffixed + "sboms": ".sbom",
}

// digestTagsIn finds the digest tags among the roots of an index.json.
func digestTagsIn(index *ocispec.Index, subject digest.Digest) []digestTag {
	var found []digestTag
	image := cosignImage(index)
	for _, root := range index.Manifests {
		if !isManifest(root.MediaType) {
			continue
		}
		name := root.Annotations[ocispec.AnnotationRefName]
		if tag := tagPart(name); tag != "" {
			name = tag
		}
		if of, ok := isDigestTag(name); ok && of == subject {
			found = append(found, digestTag{name, bare(root)})
		} else if suffix := cosignKinds[root.Annotations[annotationKind]]; suffix != "" && image == subject {
			found = append(found, digestTag{fallbackTag(subject) + suffix, bare(root)})
		}
	}
	return found
}

// cosignImage is the image of a layout that "cosign save" wrote, "" for others.
func cosignImage(index *ocispec.Index) digest.Digest {
	for _, root := range index.Manifests {
		if kind := root.Annotations[annotationKind]; kind == cosignKindImage || kind == cosignKindIndex {
			return root.Digest
		}
	}
	return ""
}
