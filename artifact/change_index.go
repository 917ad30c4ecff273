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
				return &NotFoundError{Code: codeOptionInvalid, Store: "the index", Thing: "manifest " + want.String()}
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
		return nil, &InvalidError{Code: codeUnsuitable, Store: nameOf(src), Thing: thingOf(desc), Rule: "it is no index, but " + desc.MediaType}
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
