package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"time"
)

// Link is a blob as a repository has it.
type Link struct {
	Digest string
	Size   int64
	Linked Ticks
}

// Blob returns a repository's link to a blob; false when it has none.
func (t *Tx) Blob(repository, digest string) (Link, bool) {
	record := get(t.part(repository, bucketBlobs), []byte(digest))
	if len(record) != 16 {
		return Link{}, false
	}
	return Link{
		Digest: digest,
		Size:   int64(binary.BigEndian.Uint64(record)),
		Linked: Ticks(binary.BigEndian.Uint64(record[8:])),
	}, true
}

// LinkBlob links a blob, whose bytes must be in place, to a repository.
func (t *Tx) LinkBlob(repository string, link Link) error {
	blobs, err := t.createPart(repository, bucketBlobs)
	if err != nil {
		return err
	}
	record := binary.BigEndian.AppendUint64(nil, uint64(link.Size))
	record = binary.BigEndian.AppendUint64(record, uint64(link.Linked))
	if err := blobs.Put([]byte(link.Digest), record); err != nil {
		return err
	}
	return t.tx.Bucket(bucketBlobLinks).Put(t.linkKey(link.Digest, repository), nil)
}

// UnlinkBlob removes a repository's link. The bytes are reclaimed by garbage
// collection once no repository links them.
func (t *Tx) UnlinkBlob(repository, digest string) error {
	if err := t.remove(t.part(repository, bucketBlobs), []byte(digest)); err != nil {
		return err
	}
	return t.remove(t.tx.Bucket(bucketBlobLinks), t.linkKey(digest, repository))
}

// FindBlob returns a link to a blob in any repository of the registry.
func (t *Tx) FindBlob(digest string) (repository string, link Link, ok bool) {
	prefix := pairKey(digest, t.registry+"\x00")
	scanPrefix(t.tx.Bucket(bucketBlobLinks), prefix, "", func(rest, _ []byte) bool {
		repository = string(rest)
		link, ok = t.Blob(repository, digest)
		return !ok
	})
	return repository, link, ok
}

// MarkWhole notes that a blob came whole, in one POST: what holds its bytes was
// not copied together. The note lasts as long as the bytes do.
func (t *Tx) MarkWhole(digest string) error {
	*t.writes++
	whole, err := t.tx.CreateBucketIfNotExists(bucketWhole)
	if err != nil {
		return err
	}
	return whole.Put([]byte(digest), nil)
}

// CameWhole reports whether a blob came in one POST.
func (t *Tx) CameWhole(digest string) bool {
	return get(t.tx.Bucket(bucketWhole), []byte(digest)) != nil
}

func (t *Tx) linkKey(digest, repository string) []byte {
	return pairKey(digest, t.registry+"\x00"+repository)
}

// Touched blobs are remembered up to this many; then those of this age are
// forgotten.
const (
	touchedLimit = 16 << 10
	touchedAge   = time.Hour
)

// Touch keeps a blob from garbage collection for another grace period; for
// one that a client was told of and may be about to use.
func (s *Store) Touch(digest string) {
	s.files.Lock()
	defer s.files.Unlock()
	if len(s.touched) >= touchedLimit {
		limit := s.now().Add(-touchedAge)
		maps.DeleteFunc(s.touched, func(_ string, at time.Time) bool { return at.Before(limit) })
	}
	s.touched[digest] = s.now()
}

// OpenBlob opens a blob's bytes. The caller closes the file. The error is
// fs.ErrNotExist when there are none.
func (s *Store) OpenBlob(digest string) (*os.File, error) {
	path, err := s.blobPath(digest)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("open blob %s: %w", digest, fs.ErrNotExist)
	}
	return f, err
}
