package artifact

import (
	"context"
	"encoding/json"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// ImageSize is what an image takes at the registry, and what it runs on.
type ImageSize struct {
	// Bytes are those of the manifest, of the manifests below an index, of their
	// configs and layers, each content once. Layers that are fetched from
	// elsewhere are not counted.
	Bytes int64
	// Platforms are those of an index's children, in its order, or that of the
	// image itself. Empty where nothing tells.
	Platforms []ocispec.Platform
	// Unread is why a manifest of it could not be read; then Bytes lacks that.
	Unread error
}

// Sizes measures manifests, [GraphReads] reads at a time. One that isn't there is
// not in the result.
func (r *Repository) Sizes(ctx context.Context, roots []digest.Digest, cache ManifestCache) (map[digest.Digest]ImageSize, error) {
	g, err := r.GraphOf(ctx, roots, &GraphOptions{Cache: cache})
	if err != nil {
		return nil, err
	}
	sizes := make(map[digest.Digest]ImageSize, len(roots))
	var singles []*GraphManifest
	for _, d := range roots {
		node := g.Manifests[d]
		if _, done := sizes[d]; done || node == nil {
			continue
		}
		size := ImageSize{}
		g.measure(node, map[digest.Digest]bool{}, &size)
		sizes[d] = size
		if imageConfig(node) != nil {
			singles = append(singles, node)
		}
	}
	platforms := make([]*ocispec.Platform, len(singles))
	err = parallel(ctx, GraphReads, len(singles), func(ctx context.Context, i int) error {
		var err error
		platforms[i], err = r.configPlatform(ctx, *imageConfig(singles[i]), cache)
		return err
	})
	if err != nil {
		return nil, err
	}
	for i, node := range singles {
		if platforms[i] != nil {
			size := sizes[node.Digest]
			size.Platforms = []ocispec.Platform{*platforms[i]}
			sizes[node.Digest] = size
		}
	}
	return sizes, nil
}

// measure adds a manifest and what it names to a size.
func (g *RepositoryGraph) measure(node *GraphManifest, counted map[digest.Digest]bool, size *ImageSize) {
	if counted[node.Digest] {
		return
	}
	counted[node.Digest] = true
	size.Bytes += node.Size
	if node.Unread != nil {
		size.Unread = node.Unread
	}
	for _, blob := range node.Blobs {
		if !counted[blob.Digest] && len(blob.URLs) == 0 && blob.Size > 0 {
			counted[blob.Digest] = true
			size.Bytes += blob.Size
		}
	}
	for _, desc := range node.Children {
		child := g.Manifests[desc.Digest]
		if desc.Platform != nil && desc.Platform.OS != "unknown" && (child == nil || !child.Attestation) {
			size.Platforms = append(size.Platforms, *desc.Platform)
		}
		if child != nil {
			g.measure(child, counted, size)
		}
	}
}

// imageConfig is the config of an image, nil for what is none.
func imageConfig(node *GraphManifest) *ocispec.Descriptor {
	if isIndex(node.MediaType) {
		return nil
	}
	for i, blob := range node.Blobs {
		if isImageConfig(blob.MediaType) {
			return &node.Blobs[i]
		}
	}
	return nil
}

// configPlatform reads what an image runs on. A config that isn't there, may not
// be read or is none tells nothing.
func (r *Repository) configPlatform(ctx context.Context, desc ocispec.Descriptor, cache ManifestCache) (*ocispec.Platform, error) {
	var data []byte
	if cache != nil {
		data, _ = cache.Manifest(desc.Digest)
	}
	if data == nil {
		var err error
		data, err = fetchSmall(ctx, r, desc)
		switch {
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case err != nil:
			return nil, nil //nolint:nilerr // the platform is a courtesy: the listing goes on
		}
		if cache != nil {
			cache.Keep(desc.Digest, data)
		}
	}
	var platform ocispec.Platform
	if json.Unmarshal(data, &platform) != nil || platform.OS == "" {
		return nil, nil
	}
	return &platform, nil
}
