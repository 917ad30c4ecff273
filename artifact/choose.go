package artifact

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// chooser finds the images of an index that are for some platforms.
type chooser struct {
	src     Source
	want    []ocispec.Platform
	known   map[digest.Digest][]byte // manifests that were read or made
	made    map[digest.Digest]bool   // those that were made
	chosen  map[digest.Digest]bool   // images that were chosen
	leftOut []LeftOut
}

// choose goes from a root to what of it is for the requested platforms: the image
// for a single one, an index of a part of the images for several. An image that
// no index tells the platform of is looked up in its config.
func choose(ctx context.Context, src Source, root ocispec.Descriptor, data []byte, want []ocispec.Platform) (ocispec.Descriptor, *chooser, error) {
	c := &chooser{
		src: src, want: want, known: map[digest.Digest][]byte{root.Digest: data},
		made: map[digest.Digest]bool{}, chosen: map[digest.Digest]bool{},
	}
	root, m, err := readManifest(root, data)
	if err != nil {
		return root, nil, err
	}
	switch {
	case !isIndex(root.MediaType):
		if err = c.checkImage(ctx, root, m); err != nil {
			return root, nil, err
		}
		return root, c, nil
	case len(want) == 1:
		root, err = c.one(ctx, root, m, 0)
	default:
		root, err = c.several(ctx, root, m)
	}
	return root, c, err
}

// read reads a manifest below the root.
func (c *chooser) read(ctx context.Context, desc ocispec.Descriptor) (ocispec.Descriptor, *manifest, error) {
	data, err := c.known[desc.Digest], error(nil)
	if data == nil {
		if data, err = fetchSmall(ctx, c.src, desc); err != nil {
			return desc, nil, err
		}
		c.known[desc.Digest] = data
	}
	return readManifest(desc, data)
}

// candidate is a child of an index that has a platform.
type candidate struct {
	desc     ocispec.Descriptor
	platform ocispec.Platform
}

// candidates are the images of an index with their platforms. Attestations and
// what has none are left out, and an index inside gives its own.
func (c *chooser) candidates(ctx context.Context, m *manifest, depth int) ([]candidate, error) {
	var list []candidate
	for _, child := range m.children() {
		if _, attestation := attestedBy(child); attestation {
			continue
		}
		if child.Platform != nil && child.Platform.OS != "" && child.Platform.Architecture != "" {
			list = append(list, candidate{child, *child.Platform})
			continue
		}
		if depth >= maxDepth {
			return nil, &InvalidError{Store: nameOf(c.src), Thing: thingOf(child), Rule: fmt.Sprintf("it is more than %d levels deep", maxDepth)}
		}
		read, inner, err := c.read(ctx, child)
		if err != nil {
			return nil, err
		}
		if isIndex(read.MediaType) {
			below, err := c.candidates(ctx, inner, depth+1)
			if err != nil {
				return nil, err
			}
			list = append(list, below...)
			continue
		}
		platform, err := c.configPlatform(ctx, inner)
		if err != nil {
			return nil, err
		}
		if platform != nil {
			list = append(list, candidate{read, *platform})
		}
	}
	return list, nil
}

// best is the candidate that fits a platform best: the newest variant that runs
// there, of Windows' builds the last revision, and among equals the first, as
// the image index specification asks.
func best(list []candidate, want ocispec.Platform) (candidate, bool) {
	var chosen candidate
	most := -1
	for _, one := range list {
		fit, ok := matchesPlatform(want, one.platform)
		if !ok {
			continue
		}
		newer := fit == most && want.OSVersion != "" && compareVersions(one.platform.OSVersion, chosen.platform.OSVersion) > 0
		if fit > most || newer {
			chosen, most = one, fit
		}
	}
	return chosen, most >= 0
}

// one goes down to the image for the only platform.
func (c *chooser) one(ctx context.Context, root ocispec.Descriptor, m *manifest, depth int) (ocispec.Descriptor, error) {
	list, err := c.candidates(ctx, m, depth)
	if err != nil {
		return root, err
	}
	found, ok := best(list, c.want[0])
	if !ok {
		return root, c.none(root, list, c.want[0])
	}
	for _, child := range m.children() {
		if subject, _ := attestedBy(child); subject == found.desc.Digest {
			c.leftOut = append(c.leftOut, LeftOut{Descriptor: bare(child), Reason: "an attestation of the chosen image, which only an index can hold"})
		}
	}
	desc, inner, err := c.read(ctx, bare(found.desc))
	if err != nil || !isIndex(desc.MediaType) {
		return desc, err
	}
	if depth >= maxDepth {
		return desc, &InvalidError{Store: nameOf(c.src), Thing: thingOf(desc), Rule: fmt.Sprintf("it is more than %d levels deep", maxDepth)}
	}
	return c.one(ctx, desc, inner, depth+1)
}

// several makes an index of the images for the platforms, with the attestations
// that belong to them. When that is all there is, it is the index itself.
func (c *chooser) several(ctx context.Context, root ocispec.Descriptor, m *manifest) (ocispec.Descriptor, error) {
	list, err := c.candidates(ctx, m, 0)
	if err != nil {
		return root, err
	}
	for _, want := range c.want {
		found, ok := best(list, want)
		if !ok {
			return root, c.none(root, list, want)
		}
		c.chosen[found.desc.Digest] = true
	}
	return c.part(ctx, root, m, 0)
}

// part leaves of an index what was chosen.
func (c *chooser) part(ctx context.Context, root ocispec.Descriptor, m *manifest, depth int) (ocispec.Descriptor, error) {
	var kept []ocispec.Descriptor
	same := true
	for _, child := range m.Manifests {
		subject, attestation := attestedBy(child)
		keep := c.chosen[child.Digest] || (attestation && c.chosen[subject])
		if !keep && !attestation && isManifest(child.MediaType) && depth < maxDepth {
			if _, read := c.known[child.Digest]; read {
				desc, inner, err := c.read(ctx, child)
				if err != nil {
					return root, err
				}
				if isIndex(desc.MediaType) {
					reduced, err := c.part(ctx, desc, inner, depth+1)
					if err != nil {
						return root, err
					}
					keep = reduced.Size > 0
					if keep && reduced.Digest != child.Digest {
						same = false
						reduced.Platform, reduced.Annotations = child.Platform, child.Annotations
						child = reduced
					}
				}
			}
		}
		if keep {
			kept = append(kept, child)
		} else {
			same = false
		}
	}
	switch {
	case same:
		return root, nil
	case len(kept) == 0:
		return ocispec.Descriptor{}, nil
	}
	made, data, err := subsetIndex(root, c.known[root.Digest], kept)
	if err != nil {
		return root, err
	}
	c.known[made.Digest], c.made[made.Digest] = data, true
	return made, nil
}

// none says that a platform is not there, and which are, each once.
func (c *chooser) none(root ocispec.Descriptor, list []candidate, want ocispec.Platform) error {
	var known []string
	for _, one := range list {
		if text := FormatPlatform(&one.platform); !slices.Contains(known, text) {
			known = append(known, text)
		}
	}
	return &NotFoundError{
		Code:  codePlatformMissing,
		Store: "index " + root.Digest.String(),
		Thing: "platform " + FormatPlatform(&want),
		Known: known,
	}
}

// checkImage refuses an image whose config names another platform than one of
// the requested. What isn't an image has none, and passes.
func (c *chooser) checkImage(ctx context.Context, root ocispec.Descriptor, m *manifest) error {
	have, err := c.configPlatform(ctx, m)
	if err != nil || have == nil {
		return err
	}
	for _, want := range c.want {
		if _, ok := matchesPlatform(want, *have); !ok {
			return &NotFoundError{
				Code:  codePlatformMissing,
				Store: "image " + root.Digest.String(),
				Thing: "platform " + FormatPlatform(&want),
				Known: []string{FormatPlatform(have)},
			}
		}
	}
	return nil
}

// configPlatform is what an image's config says of its platform; nil for what
// isn't an image, or has a config that says nothing of it.
func (c *chooser) configPlatform(ctx context.Context, m *manifest) (*ocispec.Platform, error) {
	if m.Config == nil || !isImageConfig(m.Config.MediaType) {
		return nil, nil
	}
	data, err := fetchSmall(ctx, c.src, *m.Config)
	if err != nil {
		return nil, err
	}
	var have ocispec.Platform
	if err := json.Unmarshal(data, &have); err != nil {
		return nil, &InvalidError{Thing: "config " + m.Config.Digest.String(), Rule: "it is not a JSON image config", Err: err}
	}
	if have.OS == "" && have.Architecture == "" {
		return nil, nil
	}
	return &have, nil
}

func isImageConfig(mediaType string) bool {
	return mediaType == ocispec.MediaTypeImageConfig || mediaType == mediaTypeDockerConfig
}
