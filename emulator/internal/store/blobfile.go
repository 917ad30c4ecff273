package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// blobPath is where a blob's bytes are: blobs/<algorithm>/<two digits>/<hex>.
// What is not a digest has no path, so that no name reaches outside.
func (s *Store) blobPath(digest string) (string, error) {
	algorithm, hex, ok := strings.Cut(digest, ":")
	if !ok || len(hex) < 4 || strings.Trim(hex, "0123456789abcdef") != "" ||
		algorithm == "" || strings.Trim(algorithm, "abcdefghijklmnopqrstuvwxyz0123456789") != "" {
		return "", fmt.Errorf("blob %q: not a digest", digest)
	}
	return filepath.Join(s.dir, blobsName, algorithm, hex[:2], hex), nil
}

// Land puts a flushed file in place as the bytes of a digest and then runs
// link, which is expected to link the digest in a transaction. Until it
// returns, garbage collection leaves the bytes alone.
func (s *Store) land(file, digest string, link func() error) error {
	path, err := s.blobPath(digest)
	if err != nil {
		return err
	}
	s.files.Lock()
	s.landing[digest]++
	s.files.Unlock()
	defer func() {
		s.files.Lock()
		defer s.files.Unlock()
		if s.landing[digest]--; s.landing[digest] == 0 {
			delete(s.landing, digest)
		}
	}()
	if err := s.makeBlobDir(filepath.Dir(path)); err != nil {
		return err
	}
	if err := os.Rename(file, path); err != nil {
		return err
	}
	if err := s.syncDir(filepath.Dir(path)); err != nil {
		return err
	}
	return link()
}

// makeBlobDir creates a blob's folder; one that is new is flushed in its
// parents.
func (s *Store) makeBlobDir(dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	algorithm := filepath.Dir(dir)
	return errors.Join(s.syncDir(algorithm), s.syncDir(filepath.Dir(algorithm)))
}

// eachBlobFile yields the digest of every blob file.
func (s *Store) eachBlobFile(yield func(digest string, entry fs.DirEntry) error) error {
	root := filepath.Join(s.dir, blobsName)
	return filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		algorithm := filepath.Base(filepath.Dir(filepath.Dir(path)))
		return yield(algorithm+":"+entry.Name(), entry)
	})
}
