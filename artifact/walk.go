package artifact

import (
	"context"
	"fmt"
	"slices"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// manifestFetches is how many manifests of one graph are read at a time: they
// are small, the round trip is what they cost.
const manifestFetches = 16

// node is one manifest of a graph, with its bytes.
type node struct {
	desc     ocispec.Descriptor
	data     []byte
	parsed   *manifest
	referrer bool // reached through a subject, not from the root
}

// graph is everything under one root.
type graph struct {
	root  ocispec.Descriptor
	nodes map[digest.Digest]*node
	// levels holds the manifests by height: those of one level only need
	// blobs and manifests of the levels before. The root is not in it.
	levels [][]*node
	blobs  []ocispec.Descriptor // each digest once, foreign layers left out
}

// walker reads a graph, one level after the other.
type walker struct {
	src   Source
	graph *graph
	bytes int64
}

// walk reads every manifest under root. data is the root's own, if it is known
// already.
func walk(ctx context.Context, src Source, root ocispec.Descriptor, data []byte, referrers bool) (*graph, error) {
	w := &walker{src: src, graph: &graph{root: root, nodes: map[digest.Digest]*node{}}}
	if data != nil {
		if err := w.add(root, data, false); err != nil {
			return nil, err
		}
	}
	if err := w.descend(ctx, []ocispec.Descriptor{root}, false); err != nil {
		return nil, err
	}
	if referrers {
		lister, ok := src.(ReferrerLister)
		if !ok {
			return nil, &InvalidError{Store: nameOf(src), Thing: "referrers", Rule: "this source cannot list them"}
		}
		if err := w.follow(ctx, lister); err != nil {
			return nil, err
		}
	}
	return w.graph, w.arrange()
}

// descend reads the manifests of a level, then the level below.
func (w *walker) descend(ctx context.Context, level []ocispec.Descriptor, referrer bool) error {
	for depth := 0; len(level) > 0; depth++ {
		if depth >= maxDepth {
			return w.invalid(level[0], fmt.Sprintf("it lies more than %d levels deep", maxDepth))
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
		err := parallel(ctx, manifestFetches, len(missing), func(ctx context.Context, i int) error {
			var err error
			fetched[i], err = fetchSmall(ctx, w.src, missing[i])
			return err
		})
		if err != nil {
			return err
		}
		for i, desc := range missing {
			if err := w.add(desc, fetched[i], referrer); err != nil {
				return err
			}
		}
		var lists [][]ocispec.Descriptor
		for _, desc := range level {
			lists = append(lists, w.graph.nodes[desc.Digest].parsed.Manifests)
		}
		if level, err = w.unread(lists...); err != nil {
			return err
		}
	}
	return nil
}

// unread leaves of the lists what has not been read yet, each once: an index
// can name one child many thousand times, and that child the next, so that
// following every mention would never end. A graph that leads back to itself
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
			case known.Size != desc.Size || known.MediaType != desc.MediaType:
				return nil, w.invalid(desc, "two descriptors of it differ in size or media type")
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

func (w *walker) add(desc ocispec.Descriptor, data []byte, referrer bool) error {
	if w.bytes += int64(len(data)); w.bytes > maxManifestBytes {
		return w.tooLarge()
	}
	m, err := parseManifest(desc, data)
	if err != nil {
		return fmt.Errorf("%s: %w", nameOf(w.src), err)
	}
	w.graph.nodes[desc.Digest] = &node{desc: desc, data: data, parsed: m, referrer: referrer}
	return nil
}

// follow adds the referrers of every manifest, and theirs.
func (w *walker) follow(ctx context.Context, lister ReferrerLister) error {
	asked := map[digest.Digest]bool{}
	for range maxDepth {
		var subjects []ocispec.Descriptor
		for _, n := range w.sorted() {
			if !asked[n.desc.Digest] {
				asked[n.desc.Digest] = true
				subjects = append(subjects, n.desc)
			}
		}
		if len(subjects) == 0 {
			return nil
		}
		found := make([][]ocispec.Descriptor, len(subjects))
		err := parallel(ctx, manifestFetches, len(subjects), func(ctx context.Context, i int) error {
			var err error
			found[i], err = lister.Referrers(ctx, subjects[i])
			return err
		})
		if err != nil {
			return err
		}
		for i, list := range found {
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
				if subject == nil || subject.Digest != subjects[i].Digest {
					return w.invalid(desc, fmt.Sprintf("it is listed as a referrer of %s, which is not its subject", subjects[i].Digest))
				}
			}
		}
	}
	return w.invalid(w.graph.root, fmt.Sprintf("referrers of referrers go on for more than %d levels", maxDepth))
}

func (w *walker) sorted() []*node {
	list := make([]*node, 0, len(w.graph.nodes))
	for _, n := range w.graph.nodes {
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
		for _, child := range w.graph.nodes[d].parsed.Manifests {
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
				continue
			}
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
