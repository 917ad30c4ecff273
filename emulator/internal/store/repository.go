package store

import (
	"encoding/json"
	"fmt"

	bolt "go.etcd.io/bbolt"
)

// Repository returns a repository's record; false when no manifest was ever
// pushed to it, or it was deleted.
func (t *Tx) Repository(name string) (Repository, bool, error) {
	return t.readRepository(name, get(t.lookup(bucketCatalog), []byte(name)))
}

func (t *Tx) readRepository(name string, record []byte) (r Repository, ok bool, err error) {
	if record == nil {
		return r, false, nil
	}
	if err := json.Unmarshal(record, &r); err != nil {
		return r, false, fmt.Errorf("read repository %q: record is damaged: %w", name, err)
	}
	return r, true, nil
}

// PutRepository stores a repository's record. The counts are kept by the
// calls that add and remove tags and manifests.
func (t *Tx) PutRepository(name string, r Repository) error {
	catalog, err := t.create(bucketCatalog)
	if err != nil {
		return err
	}
	record, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return catalog.Put([]byte(name), record)
}

// updateRepository changes a repository's record in place.
func (t *Tx) updateRepository(name string, change func(*Repository)) error {
	r, ok, err := t.Repository(name)
	if err != nil || !ok {
		return err
	}
	change(&r)
	return t.PutRepository(name, r)
}

// Repositories yields the repositories after a name, in order of their names.
func (t *Tx) Repositories(after string, yield func(string, Repository) bool) error {
	var failure error
	scan(t.lookup(bucketCatalog), ByName, Cursor{Name: after, Set: after != ""}, func(key, value []byte) bool {
		r, _, err := t.readRepository(string(key), value)
		if failure = err; err != nil {
			return false
		}
		return yield(string(key), r)
	})
	return failure
}

// DeleteRepository removes a repository with its tags, manifests and blob
// links. Its soft-deleted manifests and tags stay.
func (t *Tx) DeleteRepository(name string) error {
	if err := t.remove(t.lookup(bucketCatalog), []byte(name)); err != nil {
		return err
	}
	return t.dropContents(name)
}

// DropRepositoryRecord removes a repository from the catalog and leaves its
// blob links, for one whose last manifest was deleted.
func (t *Tx) DropRepositoryRecord(name string) error {
	return t.remove(t.lookup(bucketCatalog), []byte(name))
}

// dropContents removes every bucket of a repository but those of soft-deleted
// items.
func (t *Tx) dropContents(name string) error {
	repository := t.lookup(bucketRepositories, []byte(name))
	if repository == nil {
		return nil
	}
	if err := t.dropLinks(name); err != nil {
		return err
	}
	for _, part := range [][]byte{
		bucketTags, bucketTagTimes, bucketTagsOf, bucketUntagged, bucketManifests, bucketManifestTimes,
		bucketContents, bucketUses, bucketReferrers, bucketBlobs,
	} {
		if repository.Bucket(part) == nil {
			continue
		}
		*t.writes++
		if err := repository.DeleteBucket(part); err != nil {
			return err
		}
	}
	if first, _ := repository.Cursor().First(); first != nil {
		return nil
	}
	*t.writes++
	return t.lookup(bucketRepositories).DeleteBucket([]byte(name))
}

// dropLinks takes a repository out of what keeps the bytes of its blobs.
func (t *Tx) dropLinks(name string) error {
	links := t.tx.Bucket(bucketBlobLinks)
	var failure error
	scan(t.part(name, bucketBlobs), ByName, Cursor{}, func(key, _ []byte) bool {
		*t.writes++
		failure = links.Delete(t.linkKey(string(key), name))
		return failure == nil
	})
	return failure
}

// Clear removes everything that the registry holds, soft-deleted contents and
// blobs that no manifest names included.
func (t *Tx) Clear() error {
	for _, name := range t.repositoriesWithData() {
		if err := t.dropLinks(name); err != nil {
			return err
		}
	}
	registries := t.tx.Bucket(bucketRegistries)
	if registries.Bucket([]byte(t.registry)) == nil {
		return nil
	}
	*t.writes++
	return registries.DeleteBucket([]byte(t.registry))
}

// repositoriesWithData lists every repository that holds anything, blobs
// alone included.
func (t *Tx) repositoriesWithData() []string {
	var names []string
	scan(t.lookup(bucketRepositories), ByName, Cursor{}, func(key, _ []byte) bool {
		names = append(names, string(key))
		return true
	})
	return names
}

// registryNames lists the registries that hold anything.
func (s *Store) registryNames() ([]string, error) {
	var names []string
	err := s.db.View(func(tx *bolt.Tx) error {
		return tx.Bucket(bucketRegistries).ForEachBucket(func(name []byte) error {
			names = append(names, string(name))
			return nil
		})
	})
	return names, err
}
