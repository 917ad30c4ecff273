package store

import (
	"encoding/json"
	"fmt"
	"strings"
)

// DeletedManifest is a soft-deleted manifest.
type DeletedManifest struct {
	Manifest   Manifest        `json:"manifest"`
	Raw        []byte          `json:"raw"`
	Blobs      []string        `json:"blobs,omitempty"`
	Descriptor json.RawMessage `json:"descriptor,omitempty"` // its entry among the referrers of its subject
	Tags       []string        `json:"tags,omitempty"`
	DeletedAt  Ticks           `json:"deletedAt"`
}

// DeletedTag is a soft-deleted tag.
type DeletedTag struct {
	Name      string `json:"-"`
	Digest    string `json:"-"`
	DeletedAt Ticks  `json:"deletedAt"`
}

// SoftDeleteManifest is DeleteManifest that keeps the manifest and its tags
// to be restored.
func (t *Tx) SoftDeleteManifest(repository string, m Manifest, now Ticks) ([]Tag, error) {
	kept := DeletedManifest{Manifest: m, Raw: t.ManifestContent(repository, m.Digest), DeletedAt: now}
	if uses := get(t.part(repository, bucketUses), []byte(m.Digest)); len(uses) > 0 {
		kept.Blobs = strings.Split(string(uses), "\n")
	}
	if m.Subject != "" {
		descriptor := get(t.part(repository, bucketReferrers), pairKey(m.Subject, m.Digest))
		kept.Descriptor = append(json.RawMessage(nil), descriptor...)
	}
	tags, err := t.DeleteManifest(repository, m)
	if err != nil {
		return nil, err
	}
	for _, tag := range tags {
		kept.Tags = append(kept.Tags, tag.Name)
		if err := t.KeepDeletedTag(repository, DeletedTag{tag.Name, m.Digest, now}); err != nil {
			return nil, err
		}
	}
	return tags, t.putDeletedManifest(repository, m.Digest, kept)
}

func (t *Tx) putDeletedManifest(repository, digest string, d DeletedManifest) error {
	b, err := t.createPart(repository, bucketDeletedManifests)
	if err != nil {
		return err
	}
	record, err := json.Marshal(d)
	if err != nil {
		return err
	}
	if err := b.Put([]byte(digest), record); err != nil {
		return err
	}
	catalog, err := t.create(bucketDeletedCatalog)
	if err != nil {
		return err
	}
	return catalog.Put([]byte(repository), nil)
}

// KeepDeletedTag records a soft-deleted tag.
func (t *Tx) KeepDeletedTag(repository string, tag DeletedTag) error {
	b, err := t.createPart(repository, bucketDeletedTags)
	if err != nil {
		return err
	}
	record, err := json.Marshal(tag)
	if err != nil {
		return err
	}
	if err := b.Put(pairKey(tag.Name, tag.Digest), record); err != nil {
		return err
	}
	catalog, err := t.create(bucketDeletedCatalog)
	if err != nil {
		return err
	}
	return catalog.Put([]byte(repository), nil)
}

// DeletedManifest returns a soft-deleted manifest.
func (t *Tx) DeletedManifest(repository, digest string) (DeletedManifest, bool, error) {
	return readDeletedManifest(digest, get(t.part(repository, bucketDeletedManifests), []byte(digest)))
}

func readDeletedManifest(digest string, record []byte) (d DeletedManifest, ok bool, err error) {
	if record == nil {
		return d, false, nil
	}
	if err := json.Unmarshal(record, &d); err != nil {
		return d, false, fmt.Errorf("read deleted manifest %s: record is damaged: %w", digest, err)
	}
	d.Manifest.Digest = digest
	return d, true, nil
}

// ForgetDeletedManifest removes a soft-deleted manifest and its deleted tags
// for good, or because it was restored.
func (t *Tx) ForgetDeletedManifest(repository, digest string) error {
	if err := t.remove(t.part(repository, bucketDeletedManifests), []byte(digest)); err != nil {
		return err
	}
	return t.tidyDeleted(repository)
}

// ForgetDeletedTag removes a soft-deleted tag.
func (t *Tx) ForgetDeletedTag(repository, name, digest string) error {
	if err := t.remove(t.part(repository, bucketDeletedTags), pairKey(name, digest)); err != nil {
		return err
	}
	return t.tidyDeleted(repository)
}

// tidyDeleted takes a repository without soft-deleted items out of their
// catalog.
func (t *Tx) tidyDeleted(repository string) error {
	for _, part := range [][]byte{bucketDeletedManifests, bucketDeletedTags} {
		if b := t.part(repository, part); b != nil {
			if key, _ := b.Cursor().First(); key != nil {
				return nil
			}
		}
	}
	return t.remove(t.lookup(bucketDeletedCatalog), []byte(repository))
}

// DeletedRepositories yields the repositories that have soft-deleted items,
// after a name, in order.
func (t *Tx) DeletedRepositories(after string, yield func(string) bool) {
	scan(t.lookup(bucketDeletedCatalog), ByName, Cursor{Name: after, Set: after != ""}, func(key, _ []byte) bool {
		return yield(string(key))
	})
}

// DeletedManifests yields a repository's soft-deleted manifests after a
// digest, in order.
func (t *Tx) DeletedManifests(repository, after string, yield func(DeletedManifest) bool) error {
	var failure error
	scan(t.part(repository, bucketDeletedManifests), ByName, Cursor{Name: after, Set: after != ""}, func(key, value []byte) bool {
		d, _, err := readDeletedManifest(string(key), value)
		if failure = err; err != nil {
			return false
		}
		return yield(d)
	})
	return failure
}

// DeletedTags yields a repository's soft-deleted tags after a name, in order.
func (t *Tx) DeletedTags(repository, after string, yield func(DeletedTag) bool) error {
	var failure error
	// The byte after the separator is behind every entry of that name.
	cursor := Cursor{Name: after + "\x01", Set: after != ""}
	scan(t.part(repository, bucketDeletedTags), ByName, cursor, func(key, value []byte) bool {
		name, digest, _ := strings.Cut(string(key), "\x00")
		tag := DeletedTag{Name: name, Digest: digest}
		if failure = json.Unmarshal(value, &tag); failure != nil {
			failure = fmt.Errorf("read deleted tag %q: record is damaged: %w", name, failure)
			return false
		}
		return yield(tag)
	})
	return failure
}
