package artifact

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"

	"github.com/opencontainers/go-digest"
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
// and of the history are the new base's. No layer is unpacked: that what lies on
// top fits the new base is for the caller to know. The draft is stored by [Copy].
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
		return nil, nil, &InvalidError{Store: nameOf(ref.Source), Thing: thingOf(desc), Rule: "it is no image"}
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

// rebasedHistory is the history of the new base, and of what lies on the old one;
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
	// What lies on the old base begins behind its last layer's entry, and behind
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

// IndexOptions say what an index that [IndexCreate] and [IndexAdd] make is like.
type IndexOptions struct {
	// Annotations are the index's own; IndexAdd leaves those that there are.
	Annotations map[string]string
	// Replace lets IndexAdd put an image in the place of one for the same platform.
	Replace bool
}

// IndexEntry is what goes into an index: an image, or all that another index has.
type IndexEntry struct {
	ImageRef
	// Platform is the image's; nil is what its config says.
	Platform *ocispec.Platform
}

// IndexCreate makes an OCI image index of images. The draft is stored by [Copy]:
// images of other repositories of a registry are mounted, and those of the
// repository itself, which base is, stay where they are; base may be nil.
func IndexCreate(ctx context.Context, base Source, entries []IndexEntry, o *IndexOptions) (*Draft, error) {
	index := &object{values: map[string]json.RawMessage{}}
	for _, member := range []struct {
		name  string
		value any
	}{{"schemaVersion", 2}, {"mediaType", ocispec.MediaTypeImageIndex}, {"manifests", []string{}}} {
		if err := index.set(member.name, member.value); err != nil {
			return nil, err
		}
	}
	if len(entries) == 0 {
		return nil, nothingToChange()
	}
	name := "index"
	if base != nil {
		name = nameOf(base)
	}
	d := newDraft(name, base)
	err := d.fillIndex(ctx, index, entries, o)
	if err == nil {
		d.root, err = d.addJSON(ocispec.MediaTypeImageIndex, index)
	}
	return d, err
}

// IndexAdd adds images to an index, which keeps its media type. An image for a
// platform that the index has already is refused, unless it is to be replaced.
func IndexAdd(ctx context.Context, src Source, reference string, entries []IndexEntry, o *IndexOptions) (*Draft, error) {
	if len(entries) == 0 && (o == nil || len(o.Annotations) == 0) {
		return nil, nothingToChange()
	}
	return editIndex(ctx, src, reference, func(d *Draft, index *object) error { return d.fillIndex(ctx, index, entries, o) })
}

// IndexRemove takes images out of an index, by their digests or platforms, and
// with an image its attestations. It refuses to leave an index empty.
func IndexRemove(ctx context.Context, src Source, reference string, digests []digest.Digest, platforms []ocispec.Platform) (*Draft, error) {
	if len(digests)+len(platforms) == 0 {
		return nil, nothingToChange()
	}
	return editIndex(ctx, src, reference, func(d *Draft, index *object) error {
		list, err := readEntries(index)
		if err != nil {
			return err
		}
		gone := map[digest.Digest]bool{}
		var have []string
		for _, one := range list {
			have = append(have, FormatPlatform(one.desc.Platform))
		}
		for _, want := range digests {
			gone[want] = true
			if !slices.ContainsFunc(list, func(e rawEntry) bool { return e.desc.Digest == want }) {
				return &NotFoundError{Store: "the index", Thing: "manifest " + want.String()}
			}
		}
		for _, want := range platforms {
			found := false
			for _, one := range list {
				if _, attestation := attestedBy(one.desc); !attestation && one.desc.Platform != nil && FormatPlatform(one.desc.Platform) == FormatPlatform(&want) {
					gone[one.desc.Digest], found = true, true
				}
			}
			if !found {
				return &NotFoundError{Code: codePlatformMissing, Store: "the index", Thing: "platform " + FormatPlatform(&want), Known: short(have)}
			}
		}
		var kept []json.RawMessage
		for _, one := range list {
			subject, attestation := attestedBy(one.desc)
			if !gone[one.desc.Digest] && (!attestation || !gone[subject]) {
				kept = append(kept, one.raw)
			}
		}
		if len(kept) == 0 {
			return &InvalidError{Code: codeOptionInvalid, Thing: "index", Rule: "nothing would be left in it: delete it instead"}
		}
		return index.set("manifests", kept)
	})
}

// editIndex changes an index itself.
func editIndex(ctx context.Context, src Source, reference string, change func(d *Draft, index *object) error) (*Draft, error) {
	desc, _, data, err := resolveManifest(ctx, src, reference)
	if err != nil {
		return nil, err
	}
	if !isIndex(desc.MediaType) {
		return nil, &InvalidError{Store: nameOf(src), Thing: thingOf(desc), Rule: "it is no index, but " + desc.MediaType}
	}
	index, err := parseObject(data)
	if err != nil {
		return nil, &InvalidError{Store: nameOf(src), Thing: thingOf(desc), Rule: "it cannot be changed", Err: err}
	}
	d := newDraft(nameOf(src), src)
	if err := change(d, index); err != nil {
		return nil, err
	}
	d.root, err = d.addObject(desc, index, data)
	return d, err
}

// rawEntry is an entry of an index with whatever it says.
type rawEntry struct {
	raw  json.RawMessage
	desc ocispec.Descriptor
}

func readEntries(index *object) ([]rawEntry, error) {
	var raw []json.RawMessage
	if err := index.get("manifests", &raw); err != nil {
		return nil, err
	}
	list := make([]rawEntry, len(raw))
	for k := range raw {
		list[k].raw = raw[k]
		if err := json.Unmarshal(raw[k], &list[k].desc); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// fillIndex adds entries to an index.
func (d *Draft) fillIndex(ctx context.Context, index *object, entries []IndexEntry, o *IndexOptions) error {
	list, err := readEntries(index)
	if err != nil {
		return err
	}
	var options IndexOptions
	if o != nil {
		options = *o
	}
	for _, entry := range entries {
		add, err := d.indexEntries(ctx, entry)
		if err != nil {
			return err
		}
		for _, desc := range add {
			if list, err = insertEntry(list, desc, options.Replace); err != nil {
				return err
			}
		}
	}
	raw := make([]json.RawMessage, len(list))
	for k := range list {
		raw[k] = list[k].raw
	}
	if err := index.set("manifests", raw); err != nil {
		return err
	}
	if len(options.Annotations) == 0 {
		return nil
	}
	var mediaType string
	if err := index.get("mediaType", &mediaType); err != nil {
		return err
	}
	if mediaType == mediaTypeDockerList {
		d.notes = append(d.notes, fmt.Sprintf("docker's lists have no annotations: it is %s now", ocispec.MediaTypeImageIndex))
		if err := toOCI(index); err != nil {
			return err
		}
	}
	return setMap(index, "annotations", options.Annotations, nil)
}

// insertEntry puts an entry behind the others, or in the place of one for the
// same platform, whose attestations go with it.
func insertEntry(list []rawEntry, desc ocispec.Descriptor, replace bool) ([]rawEntry, error) {
	raw, err := marshal(desc)
	if err != nil {
		return nil, err
	}
	made := rawEntry{raw, desc}
	if k := slices.IndexFunc(list, func(e rawEntry) bool { return e.desc.Digest == desc.Digest }); k >= 0 {
		switch have := list[k].desc.Platform; {
		case have == nil, desc.Platform == nil, FormatPlatform(have) == FormatPlatform(desc.Platform):
			return list, nil
		case !replace:
			return nil, &ExistsError{Reference: "platform " + FormatPlatform(have), Digest: desc.Digest.String()}
		}
		list[k] = made
		return list, nil
	}
	_, attestation := attestedBy(desc)
	k := slices.IndexFunc(list, func(e rawEntry) bool {
		return !attestation && desc.Platform != nil && e.desc.Platform != nil && FormatPlatform(e.desc.Platform) == FormatPlatform(desc.Platform)
	})
	if k < 0 {
		return append(list, made), nil
	}
	if !replace {
		return nil, &ExistsError{Reference: "platform " + FormatPlatform(desc.Platform), Digest: list[k].desc.Digest.String()}
	}
	old := list[k].desc.Digest
	list[k] = made
	return slices.DeleteFunc(list, func(e rawEntry) bool {
		subject, attestation := attestedBy(e.desc)
		return attestation && subject == old
	}), nil
}

// indexEntries are the descriptors that an entry stands for.
func (d *Draft) indexEntries(ctx context.Context, entry IndexEntry) ([]ocispec.Descriptor, error) {
	desc, m, _, err := resolveManifest(ctx, entry.Source, entry.Reference)
	if err != nil {
		return nil, err
	}
	var list []ocispec.Descriptor
	if isIndex(desc.MediaType) {
		if entry.Platform != nil {
			return nil, &InvalidError{Code: codeOptionInvalid, Store: nameOf(entry.Source), Thing: thingOf(desc), Rule: "it is an index, whose images have platforms of their own"}
		}
		list = m.children()
	} else {
		if desc.Platform = entry.Platform; desc.Platform == nil {
			c := &chooser{src: entry.Source}
			if desc.Platform, err = c.configPlatform(ctx, m); err != nil {
				return nil, err
			}
		}
		list = []ocispec.Descriptor{desc}
	}
	if d.base != nil && sameHolder(d.base, entry.Source) {
		return list, nil
	}
	for _, child := range list {
		if err := d.adopt(ctx, entry.Source, bare(child), 0); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// sameHolder reports that two sources are one store.
func sameHolder(a, b Source) bool {
	if same, ok := a.(interface{ sameStore(Source) bool }); ok {
		return same.sameStore(b)
	}
	return reflect.ValueOf(a).Comparable() && reflect.ValueOf(b).Comparable() && a == b
}
