package artifact

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// ImageRef is an image in a store.
type ImageRef struct {
	Source    Source
	Reference string
}

// RebaseOptions say how [Rebase] changes the base of an image.
type RebaseOptions struct {
	// OldBase and NewBase are images, or indexes that have one for the platform.
	OldBase, NewBase ImageRef
	// NewBaseName is what the annotation org.opencontainers.image.base.name says of
	// the new base; "" leaves the annotations as they are.
	NewBaseName string
	// Platform chooses an image of an index; nil changes every one.
	Platform *ocispec.Platform
}

// Rebase puts the layers that an image has on top of its old base on a new one.
// The layers of the old base must be the image's first ones. The config stays the
// image's own; architecture, operating system, and the first part of the layers
// and of the history are the new base's. No layer is unpacked: whether what is on
// top works with the new base is not checked. The draft is stored by [Copy].
func Rebase(ctx context.Context, src Source, reference string, o *RebaseOptions) (*Draft, error) {
	if o == nil || o.OldBase.Source == nil || o.NewBase.Source == nil {
		return nil, &InvalidError{Code: codeOptionInvalid, Thing: "options", Rule: "the old base and the new one must be given"}
	}
	return editImages(ctx, src, reference, o.Platform, func(ctx context.Context, e *imageEdit) error {
		oldBase, _, err := readBase(ctx, e, o.OldBase)
		if err != nil {
			return fmt.Errorf("old base: %w", err)
		}
		newBase, base, err := readBase(ctx, e, o.NewBase)
		if err != nil {
			return fmt.Errorf("new base: %w", err)
		}
		for _, blob := range base.blobs() {
			e.draft.adoptBlob(o.NewBase.Source, blob.Digest)
		}
		return e.rebase(oldBase, newBase, o.NewBaseName)
	})
}

// readBase reads a base for the platform of an image.
func readBase(ctx context.Context, e *imageEdit, ref ImageRef) (*imageEdit, *manifest, error) {
	var platform *ocispec.Platform
	if e.platform.OS != "" && e.platform.Architecture != "" {
		platform = &e.platform
	}
	desc, data, err := ResolvePlatform(ctx, ref.Source, ref.Reference, platform)
	if err != nil {
		return nil, nil, err
	}
	desc, m, err := readManifest(bare(desc), data)
	if err != nil {
		return nil, nil, err
	}
	if !isImage(desc, m) {
		return nil, nil, &InvalidError{Code: codeUnsuitable, Store: nameOf(ref.Source), Thing: thingOf(desc), Rule: "it is no image"}
	}
	base, err := newImageEdit(ctx, e.draft, ref.Source, desc, m, data)
	return base, m, err
}

func (e *imageEdit) rebase(oldBase, newBase *imageEdit, name string) error {
	below := len(oldBase.read.Layers)
	if below > len(e.read.Layers) || !slices.EqualFunc(oldBase.read.Layers, e.read.Layers[:min(below, len(e.read.Layers))], func(a, b ocispec.Descriptor) bool { return a.Digest == b.Digest }) {
		return &InvalidError{
			Code: codeOptionInvalid, Thing: "old base " + oldBase.desc.Digest.String(),
			Rule: fmt.Sprintf("its %d layers are not the first ones of image %s: it was not built on it", below, e.desc.Digest),
		}
	}
	ids, err := e.diffIDs()
	if err != nil {
		return err
	}
	baseIDs, err := newBase.diffIDs()
	if err != nil {
		return err
	}
	history, err := rebasedHistory(e, oldBase, newBase)
	if err != nil {
		return err
	}
	layers := make([]json.RawMessage, 0, len(newBase.layers)+len(e.layers)-below)
	for k, entry := range newBase.layers {
		if entry, err = sameKind(entry, newBase.read.Layers[k], e.docker()); err != nil {
			return err
		}
		layers = append(layers, entry)
	}
	layers = append(layers, e.layers[below:]...)
	for _, name := range []string{"architecture", "os", "os.version", "os.features", "variant"} {
		value := newBase.config.values[name]
		if err := e.config.setOr(name, value, value == nil); err != nil {
			return err
		}
	}
	if err := e.setLayers(layers, append(slices.Clone(baseIDs), ids[below:]...), history); err != nil {
		return err
	}
	if name == "" || e.docker() {
		return nil
	}
	return setMap(e.manifest, "annotations", map[string]string{
		ocispec.AnnotationBaseImageName: name, ocispec.AnnotationBaseImageDigest: newBase.desc.Digest.String(),
	}, nil)
}

// sameKind is a layer with docker's type in an image of docker's types, and with
// OCI's in one of OCI's.
func sameKind(entry json.RawMessage, desc ocispec.Descriptor, docker bool) (json.RawMessage, error) {
	for from, to := range ociTypes {
		switch {
		case docker && desc.MediaType == to:
			desc.MediaType = from
		case !docker && desc.MediaType == from:
			desc.MediaType = to
		default:
			continue
		}
		return replaced(entry, desc)
	}
	return entry, nil
}

// rebasedHistory is the history of the new base, and of what is on the old one;
// none where one of the three doesn't tell of all its layers.
func rebasedHistory(e, oldBase, newBase *imageEdit) ([]json.RawMessage, error) {
	own, whole, err := e.history()
	if err != nil {
		return nil, err
	}
	base, baseWhole, err := newBase.history()
	if err != nil || !whole || !baseWhole || own == nil {
		return nil, err
	}
	// What is on the old base begins behind its last layer's entry, and behind
	// those without a layer that are the base's too.
	old, _, err := oldBase.history()
	if err != nil {
		return nil, err
	}
	at, layers := 0, 0
	for at < len(own) && layers < len(oldBase.layers) {
		if !emptyLayer(own[at]) {
			layers++
		}
		at++
	}
	for at < len(own) && at < len(old) && sameJSON(own[at], old[at]) {
		at++
	}
	return append(slices.Clone(base), own[at:]...), nil
}

func emptyLayer(entry json.RawMessage) bool {
	var h ocispec.History
	return json.Unmarshal(entry, &h) == nil && h.EmptyLayer
}
