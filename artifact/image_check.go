package artifact

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// checkImages refuses images of folders and archives whose manifest has not the
// layers that the config lists: they would be copied without a word and not
// start. A registry has refused or taken such by its own rules.
func (c *copier) checkImages(ctx context.Context) error {
	if _, ok := c.src.(remote); ok {
		return nil
	}
	for _, n := range c.graph.sortedNodes() {
		if n.parsed.Config == nil || n.elsewhere || !isImageConfig(n.parsed.Config.MediaType) {
			continue
		}
		if err := checkLayers(ctx, c.src, n); err != nil {
			return err
		}
	}
	return nil
}

// checkLayers compares an image's layers with the diff ids of its config, as far
// as that needs no unpacking.
func checkLayers(ctx context.Context, src Source, n *node) error {
	invalid := func(rule string) error {
		return &InvalidError{Store: nameOf(src), Thing: thingOf(n.desc), Rule: rule}
	}
	diffIDs, err := diffIDsOf(ctx, src, *n.parsed.Config)
	if errors.Is(err, ErrNotFound) || errors.As(err, new(*json.SyntaxError)) {
		return nil // the target may have it; what is no config is no image either
	}
	if err != nil {
		return err
	}
	layers := n.parsed.Layers
	if len(layers) < len(diffIDs) {
		return invalid(fmt.Sprintf("it lists %d layers, and its config %d", len(layers), len(diffIDs)))
	}
	if len(layers) != len(diffIDs) {
		return nil // an artifact with a config of no account
	}
	for i, layer := range layers {
		if layer.MediaType != ocispec.MediaTypeImageLayer && layer.MediaType != mediaTypeDockerLayerPlain || layer.Digest == diffIDs[i] {
			continue
		}
		if packed, err := isPacked(ctx, src, layer); err != nil || packed {
			continue
		}
		return invalid(fmt.Sprintf("its layer %d is %s, and by its config %s", i+1, layer.Digest, diffIDs[i]))
	}
	return nil
}

// diffIDsOf reads the diff ids of an image's config.
func diffIDsOf(ctx context.Context, src Source, config ocispec.Descriptor) ([]digest.Digest, error) {
	data, err := fetchSmall(ctx, src, config)
	if err != nil {
		return nil, err
	}
	var parsed struct {
		RootFS ocispec.RootFS `json:"rootfs"`
	}
	err = json.Unmarshal(data, &parsed)
	return parsed.RootFS.DiffIDs, err
}

// isPacked reports whether content is compressed, whatever its type says.
func isPacked(ctx context.Context, src Source, desc ocispec.Descriptor) (bool, error) {
	r, err := src.Fetch(ctx, desc)
	if err != nil {
		return false, err
	}
	defer r.Close()
	var head bytes.Buffer
	if _, err := head.ReadFrom(io.LimitReader(r, magicLength)); err != nil {
		return false, err
	}
	return compressionOf(head.Bytes()) != nil, nil
}

// graphAdmitter is a Target that looks at a whole graph before anything of it is
// moved.
type graphAdmitter interface {
	admitGraph(ctx context.Context, src Source, g *graph) error
}

// admitToDocker refuses what docker load could not read: what is no image, an
// image without some of its layers, and signatures, which it cannot hold.
func admitToDocker(ctx context.Context, store string, src Source, g *graph) error {
	root := g.nodes[g.root.Digest]
	invalid := func(rule string) error {
		return &InvalidError{Code: codeNotForDocker, Store: store, Thing: thingOf(root.desc), Rule: rule}
	}
	const instead = ": write an OCI archive (oci:FILE.tar)"
	if isIndex(root.desc.MediaType) {
		return invalid("a docker archive holds images for one platform, and this is an index: choose a platform, or write an OCI archive")
	}
	if root.parsed.Config == nil || isSchema1(root.desc.MediaType) {
		return invalid("a docker archive holds images that have a config, and this has none" + instead)
	}
	diffIDs, err := diffIDsOf(ctx, src, *root.parsed.Config)
	switch {
	case errors.As(err, new(*json.SyntaxError)), errors.As(err, new(*json.UnmarshalTypeError)), err == nil && len(diffIDs) != len(root.parsed.Layers):
		return invalid("a docker archive holds images, and this is another artifact, whose config doesn't list its layers" + instead)
	case err != nil:
		return err
	}
	for _, layer := range g.foreign {
		return invalid("a docker archive needs every layer, and " + layer.Digest.String() + " is a foreign one that is left out" + instead + ", or have foreign layers copied")
	}
	for _, n := range g.nodes {
		if n.referrer {
			return invalid("a docker archive cannot hold signatures and other referrers" + instead + ", or leave them out")
		}
	}
	return nil
}
