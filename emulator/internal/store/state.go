package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	bolt "go.etcd.io/bbolt"
)

const (
	statesName  = "states"
	stateSuffix = ".db"
	// maxStates bounds what is kept; each is a copy of the database.
	maxStates = 100
)

// maxStateName bounds a state's name. As a count in the expression it would cost
// every command half a millisecond.
const maxStateName = 100

var stateName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]*$`)

// SaveState keeps what every registry holds under a name, and replaces a state
// of that name. While any state is kept, no blob file is removed, since a state
// may need it again.
func (s *Store) SaveState(name string) error {
	if len(name) > maxStateName || !stateName.MatchString(name) {
		return fmt.Errorf("state %q: want 1 to 100 letters, digits, '.', '_' and '-', and none of '.' and '-' at the start", name)
	}
	kept, err := s.States()
	if err != nil {
		return err
	}
	if len(kept) >= maxStates && !slices.Contains(kept, name) {
		return fmt.Errorf("state %q: %d states are kept already, the most there can be", name, maxStates)
	}
	dir := filepath.Join(s.dir, statesName)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	path := filepath.Join(dir, name+stateSuffix)
	temporary := path + ".new"
	if err := s.db.View(func(tx *bolt.Tx) error { return tx.CopyFile(temporary, 0o600) }); err != nil {
		return errors.Join(err, os.Remove(temporary))
	}
	return os.Rename(temporary, path)
}

// States lists the names of the states that are kept, in lexical order.
func (s *Store) States() ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(s.dir, statesName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var names []string
	for _, entry := range entries {
		if name, found := strings.CutSuffix(entry.Name(), stateSuffix); found {
			names = append(names, name)
		}
	}
	return names, err
}

// RestoreState makes every registry hold what it held when the state was saved.
// Uploads that are running stay. The state is kept.
func (s *Store) RestoreState(name string) error {
	kept, err := s.States()
	if err != nil {
		return err
	}
	if !slices.Contains(kept, name) {
		return fmt.Errorf("no state is named %q", name)
	}
	state, err := bolt.Open(filepath.Join(s.dir, statesName, name+stateSuffix), 0o600, &bolt.Options{ReadOnly: true, Timeout: time.Second})
	if err != nil {
		return fmt.Errorf("state %q: %w", name, err)
	}
	defer state.Close()
	s.commit.Lock()
	defer s.commit.Unlock()
	return s.db.Update(func(tx *bolt.Tx) error {
		return state.View(func(from *bolt.Tx) error {
			for _, top := range [][]byte{bucketRegistries, bucketBlobLinks} {
				if err := tx.DeleteBucket(top); err != nil {
					return err
				}
				to, err := tx.CreateBucket(top)
				if err != nil {
					return err
				}
				if err := copyBucket(to, from.Bucket(top)); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

// copyBucket copies a bucket with those below it.
func copyBucket(to, from *bolt.Bucket) error {
	return from.ForEach(func(key, value []byte) error {
		if value != nil {
			return to.Put(slices.Clone(key), slices.Clone(value))
		}
		below, err := to.CreateBucket(slices.Clone(key))
		if err != nil {
			return err
		}
		if err := below.SetSequence(from.Bucket(key).Sequence()); err != nil {
			return err
		}
		return copyBucket(below, from.Bucket(key))
	})
}
