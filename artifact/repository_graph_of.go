package artifact

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// GraphOf reads manifests and what indexes among them name, [GraphReads] at a
// time, and lists nothing: of the repository's other manifests, and of tags, the
// graph has none. With [GraphOptions.Referrers] it has what refers to them as
// well. A manifest that isn't there isn't in it, unless the cache has it.
func (r *Repository) GraphOf(ctx context.Context, roots []digest.Digest, o *GraphOptions) (*RepositoryGraph, error) {
	if o == nil {
		o = &GraphOptions{}
	}
	g := &RepositoryGraph{Repository: r.name, Manifests: map[digest.Digest]*GraphManifest{}}
	asked := map[digest.Digest]bool{}
	level := roots
	for range maxDepth {
		level = slices.DeleteFunc(slices.Sorted(slices.Values(level)), func(d digest.Digest) bool {
			known := asked[d] || d.Validate() != nil
			asked[d] = true
			return known
		})
		if len(level) == 0 {
			break
		}
		if o.Cache != nil {
			for _, d := range level {
				g.stub(d) // what the cache has counts as there
			}
		}
		if err := r.readGraph(ctx, g, level, o); err != nil {
			return nil, err
		}
		var next []digest.Digest
		for _, d := range level {
			if node := g.Manifests[d]; node != nil {
				for _, child := range node.Children {
					next = append(next, child.Digest)
				}
			}
		}
		if o.Referrers {
			found, err := r.referrersOf(ctx, g, level)
			if err != nil {
				return nil, err
			}
			next = append(next, found...)
		}
		level = next
	}
	g.connect()
	return g, nil
}

// stub is a manifest of the graph, which may still have to be read.
func (g *RepositoryGraph) stub(d digest.Digest) *GraphManifest {
	node := g.Manifests[d]
	if node == nil {
		node = &GraphManifest{Digest: d}
		g.Manifests[d] = node
	}
	return node
}

// referrersOf finds what refers to manifests, by the registry's list and by tags
// that are made of their digests, which it gives to the graph.
func (r *Repository) referrersOf(ctx context.Context, g *RepositoryGraph, subjects []digest.Digest) ([]digest.Digest, error) {
	var mu sync.Mutex
	var all []digest.Digest
	err := parallel(ctx, GraphReads, len(subjects), func(ctx context.Context, i int) error {
		list, err := r.Referrers(ctx, ocispec.Descriptor{Digest: subjects[i]})
		if err != nil {
			return fmt.Errorf("list the referrers of %s: %w", subjects[i], err)
		}
		tags, err := r.digestTags(ctx, subjects[i])
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		for _, desc := range list {
			all = append(all, desc.Digest)
		}
		for _, tag := range tags {
			all = append(all, tag.desc.Digest)
			g.Tags = append(g.Tags, GraphTag{Name: tag.tag, Digest: tag.desc.Digest})
			g.stub(tag.desc.Digest).Tags = append(g.stub(tag.desc.Digest).Tags, tag.tag)
		}
		return nil
	})
	return all, err
}
