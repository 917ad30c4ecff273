package artifact

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// editor makes a draft of an image, or of an index, by changing images of it.
type editor struct {
	draft *Draft
	src   Source
	// only is the image to change; "" for every one.
	only digest.Digest
	// change changes one image.
	change  func(ctx context.Context, e *imageEdit) error
	changed map[digest.Digest]ocispec.Descriptor
	seen    int // images that change was asked about
}

// imageEdit is an image while it is changed: its manifest and its config, whose
// other members stay as they are.
type imageEdit struct {
	draft    *Draft
	desc     ocispec.Descriptor
	manifest *object
	config   *object
	read     *manifest
	// configData is the config as it was.
	configData []byte
	layers     []json.RawMessage
	platform   ocispec.Platform
}

// editImages changes the images under a reference: all of an index, or the one
// for a platform. What doesn't change keeps its digest. Attestations of what
// changed are left out of an index: they are about something else.
func editImages(ctx context.Context, src Source, reference string, platform *ocispec.Platform, change func(ctx context.Context, e *imageEdit) error) (*Draft, error) {
	root, data, err := resolve(ctx, src, reference)
	if err != nil {
		return nil, err
	}
	root = bare(root)
	desc, m, err := readManifest(root, data)
	if err != nil {
		return nil, err
	}
	e := &editor{draft: newDraft(nameOf(src), src), src: src, change: change, changed: map[digest.Digest]ocispec.Descriptor{}}
	if platform != nil {
		c := &chooser{src: src, want: []ocispec.Platform{*platform}, known: map[digest.Digest][]byte{desc.Digest: data}}
		if !isIndex(desc.MediaType) {
			err = c.checkImage(ctx, desc, m)
		} else {
			var list []candidate
			if list, err = c.candidates(ctx, m, 0); err == nil {
				found, ok := best(list, *platform)
				if e.only = found.desc.Digest; !ok {
					err = c.none(desc, list, *platform)
				}
			}
		}
		if err != nil {
			return nil, err
		}
	}
	made, err := e.manifest(ctx, desc, data, 0)
	if err != nil {
		return nil, fmt.Errorf("change %s: %w", describe(src, reference), err)
	}
	if e.seen == 0 {
		return nil, &InvalidError{Code: codeUnsuitable, Store: nameOf(src), Thing: thingOf(desc), Rule: "it is no image, and has none"}
	}
	e.draft.root = made
	return e.draft, nil
}

// manifest changes an image, or the images of an index.
func (e *editor) manifest(ctx context.Context, desc ocispec.Descriptor, data []byte, depth int) (ocispec.Descriptor, error) {
	desc, m, err := readManifest(desc, data)
	if err != nil {
		return desc, err
	}
	switch {
	case isIndex(desc.MediaType):
		return e.index(ctx, desc, data, depth)
	case !isImage(desc, m):
		return desc, nil
	}
	e.seen++
	edit, err := newImageEdit(ctx, e.draft, e.src, desc, m, data)
	if err != nil {
		return desc, err
	}
	if err := e.change(ctx, edit); err != nil {
		return desc, err
	}
	return edit.finish(data)
}

// isImage reports a manifest with an image's config.
func isImage(desc ocispec.Descriptor, m *manifest) bool {
	return (desc.MediaType == ocispec.MediaTypeImageManifest || desc.MediaType == mediaTypeDockerManifest) && m.Config != nil && isImageConfig(m.Config.MediaType)
}

func (e *editor) index(ctx context.Context, desc ocispec.Descriptor, data []byte, depth int) (ocispec.Descriptor, error) {
	if depth >= maxDepth {
		return desc, &InvalidError{Thing: thingOf(desc), Rule: fmt.Sprintf("it is more than %d levels deep", maxDepth)}
	}
	index, err := parseObject(data)
	if err != nil {
		return desc, &InvalidError{Thing: thingOf(desc), Rule: "it cannot be changed", Err: err}
	}
	var entries []json.RawMessage
	if err := index.get("manifests", &entries); err != nil {
		return desc, err
	}
	children := make([]ocispec.Descriptor, len(entries))
	for k := range entries {
		if err := json.Unmarshal(entries[k], &children[k]); err != nil {
			return desc, err
		}
		child := children[k]
		if _, attestation := attestedBy(child); attestation || !isManifest(child.MediaType) || isSchema1(child.MediaType) {
			continue
		}
		if child.Platform != nil && e.only != "" && child.Digest != e.only && !isIndex(child.MediaType) {
			continue
		}
		made, known := e.changed[child.Digest]
		if !known {
			below, err := fetchSmall(ctx, e.src, child)
			if err != nil {
				return desc, err
			}
			read, _, err := readManifest(bare(child), below)
			if err != nil {
				return desc, err
			}
			if made = read; isIndex(read.MediaType) || e.only == "" || child.Digest == e.only {
				if made, err = e.manifest(ctx, read, below, depth+1); err != nil {
					return desc, err
				}
			}
			e.changed[child.Digest] = made
		}
		if made.Digest == child.Digest {
			continue
		}
		if entries[k], err = replaced(entries[k], made); err != nil {
			return desc, err
		}
	}
	var kept []json.RawMessage
	for k, child := range children {
		subject, attestation := attestedBy(child)
		if made, known := e.changed[subject]; attestation && known && made.Digest != subject {
			e.draft.left = append(e.draft.left, LeftOut{Descriptor: bare(child), Reason: "an attestation of an image that was changed"})
			continue
		}
		kept = append(kept, entries[k])
	}
	if err := index.set("manifests", kept); err != nil {
		return desc, err
	}
	return e.draft.addObject(desc, index, data)
}

// replaced is an entry of an index, or of a manifest, for other content.
func replaced(entry json.RawMessage, by ocispec.Descriptor) (json.RawMessage, error) {
	o, err := parseObject(entry)
	if err != nil {
		return nil, err
	}
	for name, value := range map[string]any{"mediaType": by.MediaType, "digest": by.Digest, "size": by.Size} {
		if _, there := o.values[name]; !there {
			continue
		}
		if err := o.set(name, value); err != nil {
			return nil, err
		}
	}
	o.remove("data") // the old content, where an entry has it
	return marshal(o)
}

// addObject adds a manifest or a config that was changed; what is the same but
// for its form is what it was.
func (d *Draft) addObject(was ocispec.Descriptor, o *object, data []byte) (ocispec.Descriptor, error) {
	changed, err := marshal(o)
	if err != nil {
		return was, err
	}
	if sameJSON(changed, data) {
		return was, nil
	}
	mediaType := was.MediaType
	if isManifest(mediaType) {
		// An image of docker's types may have become one of OCI's.
		if err := o.get("mediaType", &mediaType); err != nil {
			return was, err
		}
		if len(changed) > maxManifestSize {
			return was, &InvalidError{Thing: "manifest", Rule: fmt.Sprintf("it would have %d bytes, a registry takes %d", len(changed), maxManifestSize)}
		}
	}
	return d.addData(mediaType, changed), nil
}

func newImageEdit(ctx context.Context, d *Draft, src Source, desc ocispec.Descriptor, m *manifest, data []byte) (*imageEdit, error) {
	e := &imageEdit{draft: d, desc: desc, read: m}
	invalid := func(thing string, err error) error {
		return &InvalidError{Store: nameOf(src), Thing: thing, Rule: "it cannot be changed", Err: err}
	}
	config, err := fetchSmall(ctx, src, *m.Config)
	if err != nil {
		return nil, err
	}
	if e.manifest, err = parseObject(data); err == nil {
		err = e.manifest.get("layers", &e.layers)
	}
	if err != nil {
		return nil, invalid(thingOf(desc), err)
	}
	if e.config, err = parseObject(config); err == nil {
		e.configData, err = config, json.Unmarshal(config, &e.platform)
	}
	if err != nil {
		return nil, invalid("config "+m.Config.Digest.String(), err)
	}
	return e, nil
}

// finish adds the changed config and manifest to the draft.
func (e *imageEdit) finish(data []byte) (ocispec.Descriptor, error) {
	config, err := e.draft.addObject(*e.read.Config, e.config, e.configData)
	if err != nil {
		return e.desc, err
	}
	if config.Digest != e.read.Config.Digest {
		entry, err := replaced(e.manifest.values["config"], config)
		if err == nil {
			err = e.manifest.set("config", entry)
		}
		if err != nil {
			return e.desc, err
		}
	}
	if err := e.manifest.set("layers", e.layers); err != nil {
		return e.desc, err
	}
	return e.draft.addObject(e.desc, e.manifest, data)
}

// docker reports an image of docker's types.
func (e *imageEdit) docker() bool { return e.desc.MediaType == mediaTypeDockerManifest }

// diffIDs are the digests of the layers unpacked.
func (e *imageEdit) diffIDs() ([]digest.Digest, error) {
	rootfs, err := e.config.object("rootfs")
	if err != nil {
		return nil, err
	}
	var ids []digest.Digest
	if err := rootfs.get("diff_ids", &ids); err != nil {
		return nil, err
	}
	if len(ids) != len(e.layers) {
		return nil, &InvalidError{Thing: "config " + e.read.Config.Digest.String(), Rule: fmt.Sprintf("it names %d layers, and the manifest has %d", len(ids), len(e.layers))}
	}
	return ids, nil
}

// setLayers changes the layers, with what the config says of them.
func (e *imageEdit) setLayers(layers []json.RawMessage, ids []digest.Digest, history []json.RawMessage) error {
	rootfs, err := e.config.object("rootfs")
	if err != nil {
		return err
	}
	if err := rootfs.set("type", "layers"); err != nil {
		return err
	}
	if err := rootfs.set("diff_ids", ids); err != nil {
		return err
	}
	if err := e.config.set("rootfs", rootfs); err != nil {
		return err
	}
	e.layers = layers
	return e.config.setOr("history", history, len(history) == 0)
}

// history are the config's entries, and whether they tell of every layer.
func (e *imageEdit) history() (entries []json.RawMessage, whole bool, err error) {
	if err := e.config.get("history", &entries); err != nil {
		return nil, false, err
	}
	layers := 0
	for _, entry := range entries {
		var h ocispec.History
		if err := json.Unmarshal(entry, &h); err != nil {
			return nil, false, fmt.Errorf("its history: %w", err)
		}
		if !h.EmptyLayer {
			layers++
		}
	}
	return entries, layers == len(e.layers), nil
}

// toOCI is what an image of docker's types has to become to have annotations.
func toOCI(o *object) error {
	var mediaType string
	if err := o.get("mediaType", &mediaType); err != nil {
		return err
	}
	if other, known := ociTypes[mediaType]; known {
		if err := o.set("mediaType", other); err != nil {
			return err
		}
	}
	change := func(entry json.RawMessage) (json.RawMessage, error) {
		d, err := parseObject(entry)
		if err != nil {
			return nil, err
		}
		if err := toOCI(d); err != nil {
			return nil, err
		}
		return marshal(d)
	}
	if config := o.values["config"]; config != nil {
		changed, err := change(config)
		if err != nil {
			return err
		}
		o.values["config"] = changed
	}
	var layers []json.RawMessage
	if err := o.get("layers", &layers); err != nil || layers == nil {
		return err
	}
	for k := range layers {
		var err error
		if layers[k], err = change(layers[k]); err != nil {
			return err
		}
	}
	return o.set("layers", layers)
}

// ociTypes are OCI's names for docker's types. The content is the same.
var ociTypes = map[string]string{
	mediaTypeDockerManifest:     ocispec.MediaTypeImageManifest,
	mediaTypeDockerList:         ocispec.MediaTypeImageIndex,
	mediaTypeDockerConfig:       ocispec.MediaTypeImageConfig,
	mediaTypeDockerLayerPlain:   ocispec.MediaTypeImageLayer,
	mediaTypeDockerLayerGzip:    ocispec.MediaTypeImageLayerGzip,
	mediaTypeDockerForeignLayer: mediaTypeNonDistributablePrefix + "+gzip",
	mediaTypeDockerLayerZstd:    ocispec.MediaTypeImageLayerZstd,
}

const (
	mediaTypeDockerLayerGzip = "application/vnd.docker.image.rootfs.diff.tar.gzip"
	mediaTypeDockerLayerZstd = "application/vnd.docker.image.rootfs.diff.tar.zstd"
)

// layerType is the type of a layer for an image of docker's types, or of OCI's.
func layerType(docker bool, c *compression) (string, bool) {
	switch {
	case docker && c == nil:
		return mediaTypeDockerLayerPlain, true
	case docker && c == gzipCompression:
		return mediaTypeDockerLayerGzip, true
	case docker && c == zstdCompression:
		return mediaTypeDockerLayerZstd, true
	case c == nil:
		return ocispec.MediaTypeImageLayer, true
	}
	return c.mediaType, c.mediaType != ""
}

// envName is the name in NAME=VALUE.
func envName(s string) string {
	name, _, _ := strings.Cut(s, "=")
	return name
}
