package artifact

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// manifestFetches is how many manifests of one graph are read at a time: they
// are small, the round trip is what they cost.
const manifestFetches = 16

// node is one manifest of a graph, with its bytes.
type node struct {
	desc        ocispec.Descriptor // with the media type that the manifest has itself
	data        []byte
	parsed      *manifest
	referrer    bool     // reached through a subject or a digest tag, not from the root
	attestation bool     // BuildKit's, among the children of an index
	elsewhere   bool     // not at the source, but whole at the target: it has no data
	tags        []string // the digest tags that it was found under, such as cosign's
}

// graph is everything under one root.
type graph struct {
	root  ocispec.Descriptor
	nodes map[digest.Digest]*node
	// levels holds the manifests by height: those of one level only need
	// blobs and manifests of the levels before. The root is not in it.
	levels  [][]*node
	blobs   []ocispec.Descriptor       // each digest once, foreign layers left out
	foreign []ocispec.Descriptor       // the foreign layers, each once
	inline  map[digest.Digest][]byte   // blobs that came in their descriptors
	origins map[digest.Digest][]string // registry/repository that blobs are said to be from
}

// walkOptions say what belongs to a graph.
type walkOptions struct {
	referrers *referrerChoice          // nil for none
	known     map[digest.Digest][]byte // manifests that need not be read
	// atTarget tells whether the target has a manifest that the source lacks;
	// nil when nothing may be lacking.
	atTarget func(context.Context, ocispec.Descriptor) (bool, error)
}

// walker reads a graph, one level after the other.
type walker struct {
	walkOptions
	src   Source
	graph *graph
	bytes int64
}

// readGraph reads every manifest under root.
func readGraph(ctx context.Context, src Source, root ocispec.Descriptor, o walkOptions) (*graph, error) {
	w := &walker{walkOptions: o, src: src, graph: &graph{root: root, nodes: map[digest.Digest]*node{}, inline: map[digest.Digest][]byte{}, origins: map[digest.Digest][]string{}}}
	if err := w.descend(ctx, []ocispec.Descriptor{root}, false); err != nil {
		return nil, err
	}
	w.graph.root.MediaType = w.graph.nodes[root.Digest].desc.MediaType
	if w.referrers != nil {
		if err := w.follow(ctx); err != nil {
			return nil, err
		}
	}
	return w.graph, w.arrange()
}

// descend reads the manifests of a level, then the level below.
func (w *walker) descend(ctx context.Context, level []ocispec.Descriptor, referrer bool) error {
	for depth := 0; len(level) > 0; depth++ {
		if depth >= maxDepth {
			return w.invalid(level[0], fmt.Sprintf("it is more than %d levels deep", maxDepth))
		}
		var missing []ocispec.Descriptor
		for _, desc := range level {
			if err := checkDescriptor(desc); err != nil {
				return err
			}
			if w.graph.nodes[desc.Digest] == nil {
				missing = append(missing, desc)
			}
		}
		if len(w.graph.nodes)+len(missing) > maxNodes {
			return w.invalid(w.graph.root, fmt.Sprintf("there are more than %d manifests under it", maxNodes))
		}
		promised := w.bytes
		for _, desc := range missing {
			if promised += desc.Size; promised > maxManifestBytes {
				return w.tooLarge()
			}
		}
		fetched := make([][]byte, len(missing))
		elsewhere := make([]bool, len(missing))
		err := parallel(ctx, manifestFetches, len(missing), func(ctx context.Context, i int) error {
			var err error
			if fetched[i] = w.known[missing[i].Digest]; fetched[i] != nil {
				return nil
			}
			fetched[i], err = fetchSmall(ctx, w.src, missing[i])
			if errors.Is(err, ErrNotFound) && w.atTarget != nil && missing[i].Digest != w.graph.root.Digest {
				there, asked := w.atTarget(ctx, missing[i])
				if elsewhere[i] = there; there || asked != nil {
					return asked
				}
			}
			return err
		})
		if err != nil {
			return err
		}
		for i, desc := range missing {
			if elsewhere[i] {
				w.graph.nodes[desc.Digest] = &node{desc: desc, parsed: &manifest{}, referrer: referrer, elsewhere: true}
				continue
			}
			if err := w.add(ctx, desc, fetched[i], referrer); err != nil {
				return err
			}
		}
		var lists [][]ocispec.Descriptor
		for _, desc := range level {
			lists = append(lists, w.graph.nodes[desc.Digest].parsed.children())
		}
		if level, err = w.unread(lists...); err != nil {
			return err
		}
	}
	return nil
}

// unread leaves of the lists what has not been read yet, each once: an index
// can name one child many thousand times, and that child the next, so that
// following every mention would never end. A graph with a cycle
// ends here too; arrange finds the circle.
func (w *walker) unread(lists ...[]ocispec.Descriptor) ([]ocispec.Descriptor, error) {
	var level []ocispec.Descriptor
	seen := map[digest.Digest]ocispec.Descriptor{}
	for _, list := range lists {
		for _, desc := range list {
			known, ok := seen[desc.Digest]
			if n := w.graph.nodes[desc.Digest]; n != nil {
				known, ok = n.desc, true
			}
			switch {
			case !ok:
				seen[desc.Digest] = desc
				level = append(level, desc)
			case known.Size != desc.Size:
				return nil, w.invalid(desc, "two descriptors of it differ in size")
			}
		}
	}
	return level, nil
}

func (w *walker) invalid(desc ocispec.Descriptor, rule string) error {
	return &InvalidError{Store: nameOf(w.src), Thing: thingOf(desc), Rule: rule}
}

func (w *walker) tooLarge() error {
	return w.invalid(w.graph.root, fmt.Sprintf("the manifests under it have more than %d bytes", maxManifestBytes))
}

func (w *walker) add(ctx context.Context, desc ocispec.Descriptor, data []byte, referrer bool) error {
	if w.bytes += int64(len(data)); w.bytes > maxManifestBytes {
		return w.tooLarge()
	}
	desc, m, err := readManifest(desc, data)
	if err != nil {
		return fmt.Errorf("%s: %w", nameOf(w.src), err)
	}
	if isSchema1(desc.MediaType) {
		if err := w.size(ctx, desc, m); err != nil {
			return err
		}
	}
	desc.Data = nil
	w.graph.nodes[desc.Digest] = &node{desc: desc, data: data, parsed: m, referrer: referrer}
	return nil
}

// size asks for the sizes of the layers of a manifest that doesn't tell them.
func (w *walker) size(ctx context.Context, desc ocispec.Descriptor, m *manifest) error {
	source, ok := w.src.(sizer)
	if !ok {
		return w.invalid(desc, "docker's schema 1 doesn't tell the sizes of layers, and neither does this source")
	}
	return parallel(ctx, manifestFetches, len(m.Layers), func(ctx context.Context, i int) error {
		var err error
		m.Layers[i].Size, err = source.blobSize(ctx, m.Layers[i].Digest)
		return err
	})
}

func (w *walker) sorted() []*node { return w.graph.sortedNodes() }

// sortedNodes lists the manifests in an order that is always the same.
func (g *graph) sortedNodes() []*node {
	list := make([]*node, 0, len(g.nodes))
	for _, n := range g.nodes {
		list = append(list, n)
	}
	slices.SortFunc(list, func(a, b *node) int {
		switch {
		case a.desc.Digest < b.desc.Digest:
			return -1
		case a.desc.Digest > b.desc.Digest:
			return 1
		}
		return 0
	})
	return list
}

// arrange orders the manifests by height and collects the blobs.
func (w *walker) arrange() error {
	heights := map[digest.Digest]int{}
	const visiting = -1
	var height func(d digest.Digest) (int, error)
	height = func(d digest.Digest) (int, error) {
		if h, ok := heights[d]; ok {
			if h == visiting {
				return 0, w.invalid(w.graph.nodes[d].desc, "it contains itself")
			}
			return h, nil
		}
		heights[d] = visiting
		most := 0
		for _, child := range w.graph.nodes[d].parsed.children() {
			if _, attestation := attestedBy(child); attestation {
				w.graph.nodes[child.Digest].attestation = true
			}
			h, err := height(child.Digest)
			if err != nil {
				return 0, err
			}
			most = max(most, h+1)
		}
		heights[d] = most
		return most, nil
	}
	sizes := map[digest.Digest]int64{}
	for _, n := range w.sorted() {
		h, err := height(n.desc.Digest)
		if err != nil {
			return err
		}
		if n.desc.Digest != w.graph.root.Digest {
			for len(w.graph.levels) <= h {
				w.graph.levels = append(w.graph.levels, nil)
			}
			w.graph.levels[h] = append(w.graph.levels[h], n)
		}
		for _, blob := range n.parsed.blobs() {
			if isForeign(blob) {
				if !slices.ContainsFunc(w.graph.foreign, sameDigest(blob)) {
					w.graph.foreign = append(w.graph.foreign, blob)
				}
				continue
			}
			if len(blob.Data) > 0 && verifyBytes("", blob, blob.Data) == nil {
				w.graph.inline[blob.Digest] = blob.Data
			}
			w.graph.origins[blob.Digest] = append(w.graph.origins[blob.Digest], originsOf(n.parsed, blob)...)
			size, known := sizes[blob.Digest]
			switch {
			case !known:
				sizes[blob.Digest] = blob.Size
				w.graph.blobs = append(w.graph.blobs, ocispec.Descriptor{MediaType: blob.MediaType, Digest: blob.Digest, Size: blob.Size})
			case size != blob.Size:
				return w.invalid(blob, fmt.Sprintf("one manifest says that it has %d bytes, another says %d", size, blob.Size))
			}
		}
	}
	return nil
}

// Annotations that say where a layer, or what an image was built on, is to be
// found.
const (
	annotationDistributionSource = "containerd.io/distribution.source."
	annotationBaseName           = "org.opencontainers.image.base.name"
)

// maxOrigins bounds the repositories that are tried for one blob.
const maxOrigins = 4

// originsOf lists the registry/repository that a blob is said to come from: by
// containerd's annotation of its descriptor, or as a part of the image's base.
func originsOf(m *manifest, blob ocispec.Descriptor) []string {
	var origins []string
	for key, names := range blob.Annotations {
		if host, ok := strings.CutPrefix(key, annotationDistributionSource); ok {
			for name := range strings.SplitSeq(names, ",") {
				origins = append(origins, host+"/"+strings.TrimSpace(name))
			}
		}
	}
	if base, _, _ := strings.Cut(m.Annotations[annotationBaseName], "@"); base != "" {
		if tag := tagPart(base); tag != "" {
			base = strings.TrimSuffix(base, ":"+tag)
		}
		origins = append(origins, base)
	}
	slices.Sort(origins)
	return origins[:min(len(origins), maxOrigins)]
}
