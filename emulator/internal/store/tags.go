package store

import "encoding/binary"

// Tag returns a tag; false when there is none of that name.
func (t *Tx) Tag(repository, name string) (Tag, bool, error) {
	record := get(t.part(repository, bucketTags), []byte(name))
	if record == nil {
		return Tag{}, false, nil
	}
	tag, err := decodeTag(name, record)
	return tag, err == nil, err
}

// PutTag stores a tag, new or changed, with its indexes, and counts it in its
// repository's record, which must exist.
func (t *Tx) PutTag(repository string, tag Tag) error {
	tags, err := t.createPart(repository, bucketTags)
	if err != nil {
		return err
	}
	times, err := t.createPart(repository, bucketTagTimes)
	if err != nil {
		return err
	}
	of, err := t.createPart(repository, bucketTagsOf)
	if err != nil {
		return err
	}
	old, replaced, err := t.Tag(repository, tag.Name)
	if err != nil {
		return err
	}
	if replaced && old.Updated != tag.Updated {
		if err := times.Delete(timeKey(old.Updated, tag.Name)); err != nil {
			return err
		}
	}
	if replaced && old.Digest != tag.Digest {
		if err := of.Delete(pairKey(old.Digest, tag.Name)); err != nil {
			return err
		}
		if err := t.noteUntagged(repository, old.Digest, tag.Updated); err != nil {
			return err
		}
	}
	if err := t.remove(t.part(repository, bucketUntagged), []byte(tag.Digest)); err != nil {
		return err
	}
	if err := times.Put(timeKey(tag.Updated, tag.Name), nil); err != nil {
		return err
	}
	if err := of.Put(pairKey(tag.Digest, tag.Name), nil); err != nil {
		return err
	}
	if err := tags.Put([]byte(tag.Name), encodeTag(tag)); err != nil {
		return err
	}
	if replaced {
		return nil
	}
	return t.updateRepository(repository, func(r *Repository) { r.Tags++ })
}

// DeleteTag removes a tag with its indexes. now is when its manifest lost it.
func (t *Tx) DeleteTag(repository string, tag Tag, now Ticks) error {
	if err := t.dropTag(repository, tag); err != nil {
		return err
	}
	if err := t.noteUntagged(repository, tag.Digest, now); err != nil {
		return err
	}
	return t.updateRepository(repository, func(r *Repository) { r.Tags-- })
}

// dropTag is DeleteTag without the repository's count.
func (t *Tx) dropTag(repository string, tag Tag) error {
	if err := t.remove(t.part(repository, bucketTags), []byte(tag.Name)); err != nil {
		return err
	}
	if err := t.remove(t.part(repository, bucketTagTimes), timeKey(tag.Updated, tag.Name)); err != nil {
		return err
	}
	return t.remove(t.part(repository, bucketTagsOf), pairKey(tag.Digest, tag.Name))
}

// noteUntagged notes when a manifest lost a tag, if that was its last.
func (t *Tx) noteUntagged(repository, digest string, now Ticks) error {
	if t.tagged(repository, digest) {
		return nil
	}
	untagged, err := t.createPart(repository, bucketUntagged)
	if err != nil {
		return err
	}
	return untagged.Put([]byte(digest), binary.BigEndian.AppendUint64(nil, uint64(now)))
}

// UntaggedSince returns since when a manifest has no tag; false when it has
// one. A manifest that never had one counts from its creation.
func (t *Tx) UntaggedSince(repository string, m Manifest) (Ticks, bool) {
	if t.tagged(repository, m.Digest) {
		return 0, false
	}
	if record := get(t.part(repository, bucketUntagged), []byte(m.Digest)); len(record) == 8 {
		return Ticks(binary.BigEndian.Uint64(record)), true
	}
	return m.Created, true
}

// tagged reports whether a tag points to a manifest.
func (t *Tx) tagged(repository, digest string) bool {
	found := false
	scanPrefix(t.part(repository, bucketTagsOf), pairKey(digest, ""), "", func(_, _ []byte) bool {
		found = true
		return false
	})
	return found
}

// Tags yields a repository's tags behind a cursor.
func (t *Tx) Tags(repository string, order Order, after Cursor, yield func(Tag) bool) error {
	tags := t.part(repository, bucketTags)
	var failure error
	each := func(name string, record []byte) bool {
		tag, err := decodeTag(name, record)
		if failure = err; err != nil {
			return false
		}
		return yield(tag)
	}
	if order == ByName {
		scan(tags, order, after, func(key, value []byte) bool { return each(string(key), value) })
		return failure
	}
	scan(t.part(repository, bucketTagTimes), order, after, func(key, _ []byte) bool {
		name := key[8:]
		return each(string(name), get(tags, name))
	})
	return failure
}

// TagNames yields the names of a repository's tags after a name, in order.
func (t *Tx) TagNames(repository, after string, yield func(string) bool) {
	scan(t.part(repository, bucketTags), ByName, Cursor{Name: after, Set: after != ""}, func(key, _ []byte) bool {
		return yield(string(key))
	})
}

// TagsOf lists the names of the tags that point to a manifest, in order,
// those after a name.
func (t *Tx) TagsOf(repository, digest, after string) []string {
	var names []string
	scanPrefix(t.part(repository, bucketTagsOf), pairKey(digest, ""), after, func(rest, _ []byte) bool {
		names = append(names, string(rest))
		return true
	})
	return names
}
