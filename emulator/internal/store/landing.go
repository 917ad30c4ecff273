package store

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	bolt "go.etcd.io/bbolt"
)

// restoreLandings gives uploads their bytes back that a crash caught between
// being put in place and being linked: what a client was told it had sent is
// still there, and the upload can be finished again. It runs before orphans
// are swept.
func (s *Store) restoreLandings() error {
	entries, err := os.ReadDir(filepath.Join(s.dir, uploadsName))
	if err != nil {
		return err
	}
	for _, entry := range entries {
		meta, err := s.readUpload(entry.Name())
		if err != nil || meta.Landing == "" {
			// An upload without a record is removed when uploads are loaded.
			continue
		}
		if err := s.restoreLanding(s.newUpload(entry.Name(), meta), meta); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) restoreLanding(u *Upload, meta uploadMeta) error {
	path, err := s.blobPath(meta.Landing)
	if err != nil {
		return nil
	}
	if _, err := os.Stat(u.dataPath()); err == nil {
		return u.save("")
	}
	finished := false
	err = s.db.View(func(tx *bolt.Tx) error {
		key := (&Tx{tx: tx, registry: meta.Registry}).linkKey(meta.Landing, meta.Repository)
		finished = tx.Bucket(bucketBlobLinks).Get(key) != nil
		return nil
	})
	if err != nil {
		return err
	}
	if finished {
		// Only its end is missing.
		return os.RemoveAll(u.dir())
	}
	// A copy, as somebody else may have landed the same digest. What nobody
	// has linked is swept afterwards.
	err = copyFile(u.dataPath(), path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	s.logger.Info("an upload that a crash interrupted at its end continues", "upload", u.ID)
	return u.save("")
}

// copyFile makes a copy, whole or not at all.
func copyFile(to, from string) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	temporary := to + ".new"
	target, err := os.OpenFile(temporary, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(target, source)
	if err = errors.Join(err, target.Close()); err != nil {
		return errors.Join(err, os.Remove(temporary))
	}
	return os.Rename(temporary, to)
}
