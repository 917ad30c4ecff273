package purge

import (
	"github.com/opencontainers/go-digest"

	"github.com/acrkit/azcontainerregistry/artifact"
)

// Sizes counts what deleting frees: a manifest's own bytes, and those of a blob
// when the last manifest that has it goes. A registry keeps a blob once, however
// many repositories have it.
type Sizes struct {
	manifests map[digest.Digest]int // repositories that have the manifest
	blobs     map[digest.Digest]int // manifests that have the blob, in all repositories
}

// NewSizes counts what the repositories hold.
func NewSizes(graphs []*artifact.RepositoryGraph) *Sizes {
	s := &Sizes{map[digest.Digest]int{}, map[digest.Digest]int{}}
	for _, g := range graphs {
		for d, m := range g.Manifests {
			s.manifests[d]++
			for _, b := range m.Blobs {
				s.blobs[b.Digest]++
			}
		}
	}
	return s
}

// Remove takes a manifest of a repository away, and tells the bytes that nothing
// needs any more.
func (s *Sizes) Remove(m *artifact.GraphManifest) int64 {
	var freed int64
	if s.manifests[m.Digest]--; s.manifests[m.Digest] == 0 {
		freed += m.Size
	}
	for _, b := range m.Blobs {
		if s.blobs[b.Digest]--; s.blobs[b.Digest] == 0 && len(b.URLs) == 0 {
			freed += b.Size
		}
	}
	return freed
}
