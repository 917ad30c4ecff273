package store

import (
	"errors"
	"fmt"
	"strings"
	"syscall"

	bolt "go.etcd.io/bbolt"
)

// Registry is one registry's part of a Store.
type Registry struct {
	store *Store
	name  string
}

// Registry returns the part of the store that belongs to a registry. Blob
// files are shared between registries, links to them are not.
func (s *Store) Registry(name string) *Registry { return &Registry{s, name} }

// Store returns the store that the registry is part of.
func (r *Registry) Store() *Store { return r.store }

// Tx is a transaction on one registry. It may not be used after the function
// that received it returned, nor by another goroutine.
type Tx struct {
	tx       *bolt.Tx
	registry string
	writes   *int
}

// View runs a function on one state of the registry. It must not wait for
// anything: a writer that needs more space waits for all readers.
func (r *Registry) View(fn func(*Tx) error) error {
	return r.store.db.View(func(tx *bolt.Tx) error {
		return fn(&Tx{tx: tx, registry: r.name})
	})
}

// change is one Update waiting for its turn.
type change struct {
	registry string
	fn       func(*Tx) error
	done     bool
	err      error
}

// Update runs a function that may change the registry and makes its changes
// durable before it returns. Functions of several goroutines share one flush
// to the disk, one after another in one transaction. A function that returns
// an error changes nothing; its error is returned. When it wrote before, the
// whole batch is run again without it, so it may run more than once.
func (r *Registry) Update(fn func(*Tx) error) error {
	s := r.store
	c := &change{registry: r.name, fn: fn}
	s.queue.Lock()
	s.pending = append(s.pending, c)
	s.queue.Unlock()

	s.commit.Lock()
	defer s.commit.Unlock()
	if c.done {
		return c.err
	}
	s.queue.Lock()
	batch := s.pending
	s.pending = nil
	s.queue.Unlock()
	s.run(batch)
	return c.err
}

// run executes a batch, leaving out in the next round whatever spoiled one.
func (s *Store) run(batch []*change) {
	for len(batch) > 0 {
		spoiler, err := s.tryBatch(batch)
		if spoiler < 0 {
			for _, c := range batch {
				if err != nil {
					c.err = err
				}
				c.done = true
			}
			return
		}
		batch[spoiler].err, batch[spoiler].done = err, true
		batch = append(batch[:spoiler:spoiler], batch[spoiler+1:]...)
	}
}

// tryBatch runs the changes in one transaction. It returns the index of the
// change that wrote and then failed, after which nothing is kept, or -1 with
// the error of the transaction itself.
func (s *Store) tryBatch(batch []*change) (int, error) {
	tx, err := s.db.Begin(true)
	if err != nil {
		return -1, fmt.Errorf("write to %s: %w", s.dir, err)
	}
	defer tx.Rollback()
	writes := 0
	for i, c := range batch {
		before := writes
		c.err = call(c.fn, &Tx{tx: tx, registry: c.registry, writes: &writes})
		if c.err != nil && writes != before {
			return i, c.err
		}
	}
	if writes == 0 {
		return -1, nil
	}
	if err := tx.Commit(); err != nil {
		return -1, fmt.Errorf("write to %s: %w", s.dir, withErrno(err))
	}
	return -1, nil
}

// withErrno gives an error back the system's error that its text ends with:
// bbolt keeps the text only when the file cannot grow.
func withErrno(err error) error {
	for _, errno := range []syscall.Errno{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG, syscall.EROFS} {
		if !errors.Is(err, errno) && strings.HasSuffix(err.Error(), errno.Error()) {
			return errors.Join(err, errno)
		}
	}
	return err
}

// call turns a panic of one change into its error: the goroutine that runs a
// batch is not the one whose function it is.
func call(fn func(*Tx) error, tx *Tx) (err error) {
	defer func() {
		if p := recover(); p != nil {
			*tx.writes++
			err = fmt.Errorf("transaction panicked: %v", p)
		}
	}()
	return fn(tx)
}

// The buckets of a registry and, below its "repositories", of a repository.
var (
	bucketCatalog        = []byte("catalog")
	bucketDeletedCatalog = []byte("deletedcatalog")
	bucketRepositories   = []byte("repositories")

	bucketTags             = []byte("tags")          // tag → record
	bucketTagTimes         = []byte("tagtimes")      // ticks tag
	bucketTagsOf           = []byte("tagsof")        // digest 0 tag
	bucketUntagged         = []byte("untagged")      // digest → ticks, of manifests that lost their last tag
	bucketManifests        = []byte("manifests")     // digest → record
	bucketManifestTimes    = []byte("manifesttimes") // ticks digest
	bucketContents         = []byte("contents")      // digest → manifest bytes
	bucketUses             = []byte("uses")          // digest → digests of its blobs
	bucketReferrers        = []byte("referrers")     // subject 0 digest → descriptor
	bucketBlobs            = []byte("blobs")         // digest → link
	bucketDeletedManifests = []byte("deletedmanifests")
	bucketDeletedTags      = []byte("deletedtags") // tag 0 digest
)

// lookup walks down nested buckets; nil when one is missing.
func (t *Tx) lookup(path ...[]byte) *bolt.Bucket {
	b := t.tx.Bucket(bucketRegistries).Bucket([]byte(t.registry))
	for _, name := range path {
		if b == nil {
			return nil
		}
		b = b.Bucket(name)
	}
	return b
}

// create walks down nested buckets and creates those that are missing.
func (t *Tx) create(path ...[]byte) (*bolt.Bucket, error) {
	*t.writes++
	b, err := t.tx.Bucket(bucketRegistries).CreateBucketIfNotExists([]byte(t.registry))
	for _, name := range path {
		if err != nil {
			return nil, err
		}
		b, err = b.CreateBucketIfNotExists(name)
	}
	return b, err
}

// part is a bucket of a repository, nil when missing.
func (t *Tx) part(repository string, name []byte) *bolt.Bucket {
	return t.lookup(bucketRepositories, []byte(repository), name)
}

func (t *Tx) createPart(repository string, name []byte) (*bolt.Bucket, error) {
	return t.create(bucketRepositories, []byte(repository), name)
}

// remove deletes a key from a bucket that may be missing.
func (t *Tx) remove(b *bolt.Bucket, key []byte) error {
	if b == nil {
		return nil
	}
	*t.writes++
	return b.Delete(key)
}

// get reads a key from a bucket that may be missing. The bytes are valid
// until the transaction ends.
func get(b *bolt.Bucket, key []byte) []byte {
	if b == nil {
		return nil
	}
	return b.Get(key)
}
