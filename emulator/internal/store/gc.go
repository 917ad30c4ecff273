package store

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	bolt "go.etcd.io/bbolt"
)

// Collected says what a garbage collection removed.
type Collected struct {
	Links int   // links of repositories to blobs that no manifest names
	Blobs int   // blob files that no repository links
	Bytes int64 // their size
}

// sweepBatch is how many files are looked at in one transaction, during which
// other writers wait.
const sweepBatch = 256

// CollectGarbage removes the links to blobs that no manifest of their
// repository names, deleted ones that can be restored included, and then the
// files that no repository links. What is younger than the grace period
// stays, as does what a client was told of within it: an upload in progress
// has pushed its blobs before the manifest that names them.
func (s *Store) CollectGarbage(grace time.Duration) (Collected, error) {
	var collected Collected
	registries, err := s.registryNames()
	if err != nil {
		return collected, err
	}
	for _, name := range registries {
		n, err := s.Registry(name).unlinkUnused(grace)
		collected.Links += n
		if err != nil {
			return collected, err
		}
	}
	err = s.sweepFiles(grace, &collected)
	s.forgetTouched(grace)
	return collected, err
}

// unlinkUnused removes a registry's links to blobs that no manifest names,
// one repository a transaction.
func (r *Registry) unlinkUnused(grace time.Duration) (int, error) {
	var repositories []string
	err := r.View(func(tx *Tx) error {
		repositories = tx.repositoriesWithData()
		return nil
	})
	if err != nil {
		return 0, err
	}
	removed := 0
	for _, repository := range repositories {
		n := 0
		err := r.Update(func(tx *Tx) error {
			n = 0
			unused, err := tx.unusedBlobs(repository, r.store.now().Add(-grace), r.store.touchedSince(grace))
			if err != nil {
				return err
			}
			for _, digest := range unused {
				if err := tx.UnlinkBlob(repository, digest); err != nil {
					return err
				}
				n++
			}
			return nil
		})
		if err != nil {
			return removed, err
		}
		removed += n
	}
	return removed, nil
}

// unusedBlobs lists the blobs of a repository that were linked before a time
// and that no manifest names.
func (t *Tx) unusedBlobs(repository string, before time.Time, touched map[string]bool) ([]string, error) {
	used := map[string]bool{}
	scan(t.part(repository, bucketUses), ByName, Cursor{}, func(_, value []byte) bool {
		for digest := range bytes.SplitSeq(value, []byte("\n")) {
			used[string(digest)] = true
		}
		return true
	})
	err := t.DeletedManifests(repository, "", func(d DeletedManifest) bool {
		for _, digest := range d.Blobs {
			used[digest] = true
		}
		return true
	})
	if err != nil {
		return nil, err
	}
	var unused []string
	scan(t.part(repository, bucketBlobs), ByName, Cursor{}, func(key, _ []byte) bool {
		digest := string(key)
		link, ok := t.Blob(repository, digest)
		if ok && !used[digest] && !touched[digest] && link.Linked <= TicksOf(before) {
			unused = append(unused, digest)
		}
		return true
	})
	return unused, nil
}

func (s *Store) touchedSince(grace time.Duration) map[string]bool {
	s.files.Lock()
	defer s.files.Unlock()
	recent := map[string]bool{}
	limit := s.now().Add(-grace)
	for digest, at := range s.touched {
		if at.After(limit) {
			recent[digest] = true
		}
	}
	return recent
}

func (s *Store) forgetTouched(grace time.Duration) {
	s.files.Lock()
	defer s.files.Unlock()
	limit := s.now().Add(-grace)
	for digest, at := range s.touched {
		if !at.After(limit) {
			delete(s.touched, digest)
		}
	}
}

// sweepFiles removes the blob files without a link, unless a kept state may need
// them again.
func (s *Store) sweepFiles(grace time.Duration, collected *Collected) error {
	if states, err := s.States(); err != nil || len(states) > 0 {
		return err
	}
	var digests []string
	err := s.eachBlobFile(func(digest string, _ fs.DirEntry) error {
		digests = append(digests, digest)
		return nil
	})
	if err != nil {
		return err
	}
	for start := 0; start < len(digests); start += sweepBatch {
		batch := digests[start:min(start+sweepBatch, len(digests))]
		if err := s.sweepBatch(batch, s.touchedSince(grace), collected); err != nil {
			return err
		}
	}
	return nil
}

// sweepBatch removes those of some files that have no link. It holds the
// write lock of the database, so no link can come while it looks.
func (s *Store) sweepBatch(digests []string, touched map[string]bool, collected *Collected) error {
	tx, err := s.db.Begin(true)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	links, whole := tx.Bucket(bucketBlobLinks), tx.Bucket(bucketWhole)
	noted := false
	for _, digest := range digests {
		if touched[digest] || linked(links, digest) {
			continue
		}
		size, err := s.removeBlobFile(digest)
		if err != nil {
			return err
		}
		if size >= 0 {
			collected.Blobs++
			collected.Bytes += size
		}
		if get(whole, []byte(digest)) != nil {
			noted = true
			if err := whole.Delete([]byte(digest)); err != nil {
				return err
			}
		}
	}
	if noted {
		return tx.Commit()
	}
	return nil
}

func linked(links *bolt.Bucket, digest string) bool {
	found := false
	scanPrefix(links, pairKey(digest, ""), "", func(_, _ []byte) bool {
		found = true
		return false
	})
	return found
}

// removeBlobFile removes a file unless its digest is being landed, and
// returns its size, or -1.
func (s *Store) removeBlobFile(digest string) (int64, error) {
	path, err := s.blobPath(digest)
	if err != nil {
		// A foreign file in the folder is not ours to remove.
		return -1, nil
	}
	s.files.Lock()
	defer s.files.Unlock()
	if s.landing[digest] > 0 {
		return -1, nil
	}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return -1, nil
	}
	if err == nil {
		err = os.Remove(path)
	}
	if err != nil {
		return -1, err
	}
	return info.Size(), nil
}

// sweepOrphans removes the blob files that a crash left between landing and
// linking, and half-written small files.
func (s *Store) sweepOrphans() error {
	var collected Collected
	if err := s.sweepFiles(0, &collected); err != nil {
		return err
	}
	if collected.Blobs > 0 {
		s.logger.Info("removed blobs that a crash left without a link", "blobs", collected.Blobs, "bytes", collected.Bytes)
	}
	return filepath.WalkDir(s.dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && strings.HasSuffix(path, ".new") {
			return os.Remove(path)
		}
		return err
	})
}
