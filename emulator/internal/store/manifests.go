package store

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// Content is a manifest's bytes and the blobs that they name.
type Content struct {
	Raw   []byte
	Blobs []string // digests of config and layers that the registry holds
}

// Manifest returns a manifest's record; false when the repository has none of
// that digest.
func (t *Tx) Manifest(repository, digest string) (Manifest, bool, error) {
	return readManifest(digest, get(t.part(repository, bucketManifests), []byte(digest)))
}

func readManifest(digest string, record []byte) (m Manifest, ok bool, err error) {
	if record == nil {
		return m, false, nil
	}
	if err := json.Unmarshal(record, &m); err != nil {
		return m, false, fmt.Errorf("read manifest %s: record is damaged: %w", digest, err)
	}
	m.Digest = digest
	return m, true, nil
}

// ManifestContent returns a copy of a manifest's bytes.
func (t *Tx) ManifestContent(repository, digest string) []byte {
	return bytes.Clone(get(t.part(repository, bucketContents), []byte(digest)))
}

// AddManifest stores a manifest that the repository, whose record must exist,
// does not have yet.
func (t *Tx) AddManifest(repository string, m Manifest, content Content) error {
	contents, err := t.createPart(repository, bucketContents)
	if err != nil {
		return err
	}
	uses, err := t.createPart(repository, bucketUses)
	if err != nil {
		return err
	}
	if err := contents.Put([]byte(m.Digest), content.Raw); err != nil {
		return err
	}
	if err := uses.Put([]byte(m.Digest), []byte(strings.Join(content.Blobs, "\n"))); err != nil {
		return err
	}
	if err := t.PutManifest(repository, m); err != nil {
		return err
	}
	return t.updateRepository(repository, func(r *Repository) { r.Manifests++ })
}

// PutManifest stores the changed record of a manifest with its index.
func (t *Tx) PutManifest(repository string, m Manifest) error {
	manifests, err := t.createPart(repository, bucketManifests)
	if err != nil {
		return err
	}
	times, err := t.createPart(repository, bucketManifestTimes)
	if err != nil {
		return err
	}
	old, replaced, err := t.Manifest(repository, m.Digest)
	if err != nil {
		return err
	}
	if replaced && old.Updated != m.Updated {
		if err := times.Delete(timeKey(old.Updated, m.Digest)); err != nil {
			return err
		}
	}
	record, err := json.Marshal(m)
	if err != nil {
		return err
	}
	if err := times.Put(timeKey(m.Updated, m.Digest), nil); err != nil {
		return err
	}
	return manifests.Put([]byte(m.Digest), record)
}

// DeleteManifest removes a manifest and all its tags, which it returns.
func (t *Tx) DeleteManifest(repository string, m Manifest) ([]Tag, error) {
	var tags []Tag
	for _, name := range t.TagsOf(repository, m.Digest, "") {
		tag, ok, err := t.Tag(repository, name)
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		if err := t.dropTag(repository, tag); err != nil {
			return nil, err
		}
		tags = append(tags, tag)
	}
	digest := []byte(m.Digest)
	for _, part := range [][]byte{bucketManifests, bucketContents, bucketUses, bucketUntagged} {
		if err := t.remove(t.part(repository, part), digest); err != nil {
			return nil, err
		}
	}
	if err := t.remove(t.part(repository, bucketManifestTimes), timeKey(m.Updated, m.Digest)); err != nil {
		return nil, err
	}
	if m.Subject != "" {
		if err := t.remove(t.part(repository, bucketReferrers), pairKey(m.Subject, m.Digest)); err != nil {
			return nil, err
		}
	}
	return tags, t.updateRepository(repository, func(r *Repository) {
		r.Manifests--
		r.Tags -= len(tags)
	})
}

// Manifests yields a repository's manifests behind a cursor.
func (t *Tx) Manifests(repository string, order Order, after Cursor, yield func(Manifest) bool) error {
	manifests := t.part(repository, bucketManifests)
	var failure error
	each := func(digest string, record []byte) bool {
		m, ok, err := readManifest(digest, record)
		if failure = err; err != nil {
			return false
		}
		return !ok || yield(m)
	}
	if order == ByName {
		scan(manifests, order, after, func(key, value []byte) bool { return each(string(key), value) })
		return failure
	}
	scan(t.part(repository, bucketManifestTimes), order, after, func(key, _ []byte) bool {
		digest := key[8:]
		return each(string(digest), get(manifests, digest))
	})
	return failure
}

// AddReferrer records that a manifest has a subject, with the descriptor that
// a referrers listing shows.
func (t *Tx) AddReferrer(repository, subject, digest string, descriptor []byte) error {
	referrers, err := t.createPart(repository, bucketReferrers)
	if err != nil {
		return err
	}
	return referrers.Put(pairKey(subject, digest), descriptor)
}

// Referrers yields the digests and descriptors of a subject's referrers after
// a digest, in order. The descriptor's bytes are valid until the transaction
// ends.
func (t *Tx) Referrers(repository, subject, after string, yield func(digest string, descriptor []byte) bool) {
	scanPrefix(t.part(repository, bucketReferrers), pairKey(subject, ""), after, func(rest, value []byte) bool {
		return yield(string(rest), value)
	})
}
