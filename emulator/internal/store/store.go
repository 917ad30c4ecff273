// Package store keeps what a registry holds in one folder: metadata and
// manifests in a bbolt file, blobs in files named by their digest, uploads in
// progress in folders of their own.
//
// Everything that belongs together changes in one transaction: a manifest,
// its tags, their indexes by time and digest, its referrers and the counts of
// its repository. A blob's bytes are written, flushed and renamed into place
// before the transaction that links them to a repository, so a link never
// names missing bytes; bytes without a link are swept at the next start after
// a crash.
//
// The package knows no HTTP and none of ACR's rules; its caller checks them
// inside the transactions.
package store

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

const (
	databaseName = "registry.db"
	ownerName    = "owner.json"
	blobsName    = "blobs"
	uploadsName  = "uploads"

	// layoutVersion is the form of the data; a folder of a later form is
	// refused rather than misread.
	layoutVersion = "1"

	// initialMmapSize is mapped at once, so that growing to it needs no
	// remapping, for which bbolt waits until every reader is done. It is
	// address space, not memory.
	initialMmapSize = 256 << 20
)

// The buckets at the top of the database.
var (
	bucketMeta       = []byte("meta")
	bucketRegistries = []byte("registries")
	bucketBlobLinks  = []byte("bloblinks") // digest 0 registry 0 repository
	bucketWhole      = []byte("whole")     // digest, of blobs that came in one POST
	keyLayout        = []byte("layout")
	keySecret        = []byte("secret")
)

// Options configures a Store. The zero value is durable.
type Options struct {
	// NoSync leaves out the flushes to the disk.
	NoSync bool
	// Now is the clock for ages and grace periods; nil means time.Now.
	Now func() time.Time
	// Logger receives what a sweep removed; nil discards it.
	Logger *slog.Logger
}

// Store is an open folder. It is safe for concurrent use.
type Store struct {
	dir    string
	db     *bolt.DB
	noSync bool
	now    func() time.Time
	logger *slog.Logger
	owner  Owner

	queue    sync.Mutex
	pending  []*change
	commit   sync.Mutex
	files    sync.Mutex     // guards landing and touched
	landing  map[string]int // digests whose file is in place but not yet linked
	touched  map[string]time.Time
	sessions sync.Mutex
	uploads  map[string]*Upload
}

// Owner is the process that has a folder open.
type Owner struct {
	PID      int       `json:"pid"`
	Since    time.Time `json:"since"`
	Endpoint string    `json:"endpoint,omitempty"` // where it listens, when it said so
}

// InUseError says that another process has the folder open.
type InUseError struct {
	Dir   string
	Owner Owner // zero when it left no trace
}

func (e *InUseError) Error() string {
	message := fmt.Sprintf("folder %s is in use by another process", e.Dir)
	if e.Owner.PID != 0 {
		message = fmt.Sprintf("folder %s is in use by process %d", e.Dir, e.Owner.PID)
		if e.Owner.Endpoint != "" {
			message += ", which listens at " + e.Owner.Endpoint
		}
	}
	return message
}

// Open opens a folder, creating it when missing, and sweeps what a crash left
// behind. Its errors name the folder; that of a folder that another process
// has open is an [InUseError].
func Open(dir string, o *Options) (*Store, error) {
	var options Options
	if o != nil {
		options = *o
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("open data folder %s: %w", dir, err)
	}
	s := &Store{
		dir: dir, noSync: options.NoSync, now: options.Now, logger: options.Logger,
		landing: map[string]int{}, touched: map[string]time.Time{}, uploads: map[string]*Upload{},
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.logger == nil {
		s.logger = slog.New(slog.DiscardHandler)
	}
	if err := s.open(); err != nil {
		var inUse *InUseError
		if errors.As(err, &inUse) {
			return nil, err
		}
		return nil, fmt.Errorf("open data folder %s: %w", dir, err)
	}
	return s, nil
}

func (s *Store) open() error {
	for _, name := range []string{"", blobsName, uploadsName} {
		if err := os.MkdirAll(filepath.Join(s.dir, name), 0o700); err != nil {
			return err
		}
	}
	db, err := bolt.Open(filepath.Join(s.dir, databaseName), 0o600, &bolt.Options{
		// The folder is free or it is not; a nanosecond means one try.
		Timeout:         time.Nanosecond,
		NoSync:          s.noSync,
		NoFreelistSync:  true,
		FreelistType:    bolt.FreelistMapType,
		InitialMmapSize: initialMmapSize,
	})
	if errors.Is(err, bolterrors.ErrTimeout) {
		owner, _ := s.readOwner()
		return &InUseError{Dir: s.dir, Owner: owner}
	}
	if err != nil {
		return err
	}
	s.db = db
	if err := s.start(); err != nil {
		return errors.Join(err, db.Close())
	}
	return nil
}

// start prepares an opened database: it checks the layout, sweeps after a
// crash and leaves the name of the new owner.
func (s *Store) start() error {
	if err := s.prepareLayout(); err != nil {
		return err
	}
	_, err := s.readOwner()
	crashed := err == nil
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		crashed = true
	}
	if crashed {
		if err := errors.Join(s.restoreLandings(), s.sweepOrphans()); err != nil {
			return err
		}
	}
	if err := s.loadUploads(); err != nil {
		return err
	}
	s.owner = Owner{PID: os.Getpid(), Since: s.now()}
	return s.writeOwner()
}

func (s *Store) prepareLayout() error {
	var layout string
	err := s.db.View(func(tx *bolt.Tx) error {
		if b := tx.Bucket(bucketMeta); b != nil {
			layout = string(b.Get(keyLayout))
		}
		return nil
	})
	switch {
	case err != nil:
		return err
	case layout == layoutVersion:
		return nil
	case layout != "":
		return fmt.Errorf("its data has layout %q, and this program reads layout %q", layout, layoutVersion)
	}
	return s.db.Update(func(tx *bolt.Tx) error {
		for _, name := range [][]byte{bucketMeta, bucketRegistries, bucketBlobLinks} {
			if _, err := tx.CreateBucketIfNotExists(name); err != nil {
				return err
			}
		}
		secret := make([]byte, 32)
		rand.Read(secret)
		meta := tx.Bucket(bucketMeta)
		return errors.Join(meta.Put(keySecret, secret), meta.Put(keyLayout, []byte(layoutVersion)))
	})
}

// Secret is a random key of 32 bytes that belongs to the folder, for
// signatures that outlive the process.
func (s *Store) Secret() ([]byte, error) {
	var secret []byte
	err := s.db.View(func(tx *bolt.Tx) error {
		secret = bytes.Clone(tx.Bucket(bucketMeta).Get(keySecret))
		return nil
	})
	if err == nil && len(secret) == 0 {
		err = fmt.Errorf("open data folder %s: it has no secret", s.dir)
	}
	return secret, err
}

func (s *Store) readOwner() (Owner, error) {
	var owner Owner
	b, err := os.ReadFile(filepath.Join(s.dir, ownerName))
	if err != nil {
		return owner, err
	}
	return owner, json.Unmarshal(b, &owner)
}

func (s *Store) writeOwner() error {
	b, err := json.Marshal(s.owner)
	if err != nil {
		return err
	}
	return replaceFile(filepath.Join(s.dir, ownerName), b)
}

// SetEndpoint tells other processes that find the folder in use where its
// owner listens.
func (s *Store) SetEndpoint(endpoint string) error {
	s.files.Lock()
	defer s.files.Unlock()
	s.owner.Endpoint = endpoint
	if err := s.writeOwner(); err != nil {
		return fmt.Errorf("name the owner of data folder %s: %w", s.dir, err)
	}
	return nil
}

// Dir is the folder's absolute path.
func (s *Store) Dir() string { return s.dir }

// Close closes the folder. Transactions that run are waited for.
func (s *Store) Close() error {
	s.commit.Lock()
	defer s.commit.Unlock()
	// A folder without an owner's file was closed in good order, and needs
	// no sweep when it is opened again.
	err := os.Remove(filepath.Join(s.dir, ownerName))
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if err = errors.Join(err, s.db.Close()); err != nil {
		return fmt.Errorf("close data folder %s: %w", s.dir, err)
	}
	return nil
}

// replaceFile writes a small file in whole or not at all.
func replaceFile(path string, content []byte) error {
	temporary := path + ".new"
	if err := os.WriteFile(temporary, content, 0o600); err != nil {
		return err
	}
	return os.Rename(temporary, path)
}

// syncDir flushes a folder, so that a rename in it outlives a loss of power.
func (s *Store) syncDir(dir string) error {
	if s.noSync {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
