package artifact

import (
	"slices"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// connect makes the edges, once all is read.
func (g *RepositoryGraph) connect() {
	g.parents, g.referrers = map[digest.Digest][]digest.Digest{}, map[digest.Digest][]digest.Digest{}
	g.signed, g.users = map[digest.Digest][]digest.Digest{}, map[digest.Digest][]digest.Digest{}
	for _, d := range g.digests() {
		node := g.Manifests[d]
		g.findHiddenChildren(node)
		for _, child := range node.Children {
			g.parents[child.Digest] = append(g.parents[child.Digest], d)
			g.describe(child)
		}
		for _, blob := range node.Blobs {
			g.users[blob.Digest] = append(g.users[blob.Digest], d)
		}
		if node.Subject != "" {
			g.referrers[node.Subject] = append(g.referrers[node.Subject], d)
		}
		for _, tag := range node.Tags {
			if subject, ok := SubjectOfTag(tag); ok && subject != d && !slices.Contains(g.signed[subject], d) {
				g.signed[subject] = append(g.signed[subject], d)
			}
		}
	}
}

// digests are those of all manifests, in order.
func (g *RepositoryGraph) digests() []digest.Digest {
	list := make([]digest.Digest, 0, len(g.Manifests))
	for d := range g.Manifests {
		list = append(list, d)
	}
	slices.Sort(list)
	return list
}

// findHiddenChildren counts as a child what an index names by a type that isn't
// a manifest's, and what is a manifest of the repository.
func (g *RepositoryGraph) findHiddenChildren(node *GraphManifest) {
	node.Blobs = slices.DeleteFunc(node.Blobs, func(d ocispec.Descriptor) bool {
		if g.Manifests[d.Digest] == nil || !isIndex(node.MediaType) {
			return false
		}
		node.Children = append(node.Children, d)
		return true
	})
}

// describe takes in what an index tells of a child.
func (g *RepositoryGraph) describe(desc ocispec.Descriptor) {
	child := g.Manifests[desc.Digest]
	if child == nil {
		return
	}
	if desc.Platform != nil && desc.Platform.OS != "" && desc.Platform.OS != "unknown" {
		child.Platform = desc.Platform
	}
	if desc.Annotations["vnd.docker.reference.type"] != "" {
		child.Attestation, child.Platform = true, nil
	}
}

// IsIndex reports whether the manifest is an index or a manifest list.
func (m *GraphManifest) IsIndex() bool { return isIndex(m.MediaType) }

// Needs lists what needs a manifest or a blob of the repository: the indexes
// that name it, what has it as its subject, what is under a tag that is made of
// its digest, and the manifests that have the blob.
func (g *RepositoryGraph) Needs(d digest.Digest) []GraphNeed {
	var list []GraphNeed
	for _, edge := range []struct {
		kind string
		from []digest.Digest
	}{{"index", g.parents[d]}, {"referrer", g.referrers[d]}, {"signature", g.signed[d]}, {"manifest", g.users[d]}} {
		for _, from := range edge.from {
			need := GraphNeed{Kind: edge.kind, Digest: from}
			if m := g.Manifests[from]; m != nil { // it may have been deleted since the reading
				need.Tags = m.Tags
			}
			list = append(list, need)
		}
	}
	return list
}

// Reach is everything that stays whole with the given manifests: themselves,
// what they name, what they refer to and what refers to any of it, tags made of
// its digests included. To delete a subject is to delete what refers to it (ACR
// protocol §7.2), so a referrer that stays keeps its subject.
func (g *RepositoryGraph) Reach(roots ...digest.Digest) map[digest.Digest]bool {
	reached := map[digest.Digest]bool{}
	for len(roots) > 0 {
		d := roots[len(roots)-1]
		roots = roots[:len(roots)-1]
		node := g.Manifests[d]
		if node == nil || reached[d] {
			continue
		}
		reached[d] = true
		for _, child := range node.Children {
			roots = append(roots, child.Digest)
		}
		if node.Subject != "" {
			roots = append(roots, node.Subject)
		}
		roots = append(append(roots, g.referrers[d]...), g.signed[d]...)
	}
	return reached
}

// DeletionOrder orders manifests so that deleting them can stop anywhere: indexes
// come before their children, so that no index lacks a child, and a
// subject before what refers to it, so that one that stays after all keeps its
// signatures.
func (g *RepositoryGraph) DeletionOrder(list []digest.Digest) []digest.Digest {
	chosen := map[digest.Digest]bool{}
	for _, d := range list {
		chosen[d] = true
	}
	ordered := make([]digest.Digest, 0, len(list))
	placed := map[digest.Digest]bool{}
	var place func(d digest.Digest)
	place = func(d digest.Digest) {
		if placed[d] || !chosen[d] {
			return
		}
		placed[d] = true
		for _, before := range g.goesBefore(d) {
			place(before)
		}
		ordered = append(ordered, d)
	}
	sorted := slices.Clone(list)
	slices.Sort(sorted)
	for _, d := range sorted {
		place(d)
	}
	return ordered
}

// goesBefore is what has to be deleted before a manifest.
func (g *RepositoryGraph) goesBefore(d digest.Digest) []digest.Digest {
	list := slices.Clone(g.parents[d])
	node := g.Manifests[d]
	if node == nil {
		return list
	}
	if node.Subject != "" {
		list = append(list, node.Subject)
	}
	for _, tag := range node.Tags {
		if subject, ok := SubjectOfTag(tag); ok {
			list = append(list, subject)
		}
	}
	return list
}

// Unread lists the manifests whose needs are not known.
func (g *RepositoryGraph) Unread() []*GraphManifest {
	var list []*GraphManifest
	for _, d := range g.digests() {
		if m := g.Manifests[d]; m.Unread != nil {
			list = append(list, m)
		}
	}
	return list
}

// Users are the manifests that have a blob, in order.
func (g *RepositoryGraph) Users(blob digest.Digest) []digest.Digest { return g.users[blob] }

// Include takes in a manifest that was pushed after the graph was read, with
// what it names.
func (g *RepositoryGraph) Include(m *GraphManifest) {
	g.Manifests[m.Digest] = m
	g.connect()
}
