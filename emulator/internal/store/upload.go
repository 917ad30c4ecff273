package store

import (
	"context"
	"crypto/sha256"
	"encoding"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"
)

const (
	uploadDataName = "data"
	uploadMetaName = "upload.json"
)

// ErrUploadBusy says that another request is writing to the upload and did
// not finish in time.
var ErrUploadBusy = errors.New("upload is busy")

// ErrUploadEnded says that the upload was finished or cancelled meanwhile.
var ErrUploadEnded = errors.New("upload is complete or was cancelled")

// busyWait is how long a request waits for another one that writes to the
// same upload, such as one whose connection broke and that has not noticed.
const busyWait = 5 * time.Second

// Upload is an upload in progress. Its methods that change it need it
// acquired.
type Upload struct {
	ID         string
	Registry   string
	Repository string
	Started    time.Time

	store *Store
	turn  chan struct{} // holds one token while nobody has acquired it

	hash hash.Hash // over the first size bytes; nil after a restart

	mu        sync.Mutex
	size      int64
	gone      bool // finished or cancelled
	finishing bool // past the point where it could be cancelled
}

// uploadMeta is an upload as its file keeps it.
type uploadMeta struct {
	Registry   string    `json:"registry"`
	Repository string    `json:"repository"`
	Started    time.Time `json:"started"`
	Size       int64     `json:"size"`
	// Landing is the digest that the bytes are being put in place as. Until
	// that has been linked, they can come back.
	Landing string `json:"landing,omitempty"`
}

// StartUpload starts an upload. Its id must be new and a plain file name.
func (s *Store) StartUpload(registry, repository, id string, started time.Time) (*Upload, error) {
	u := s.newUpload(id, uploadMeta{Registry: registry, Repository: repository, Started: started})
	u.hash = sha256.New()
	if err := os.Mkdir(u.dir(), 0o700); err != nil {
		return nil, fmt.Errorf("start upload: %w", err)
	}
	data, err := os.OpenFile(u.dataPath(), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err == nil {
		err = data.Close()
	}
	if err == nil {
		err = u.save("")
	}
	if err != nil {
		return nil, fmt.Errorf("start upload: %w", errors.Join(err, os.RemoveAll(u.dir())))
	}
	s.sessions.Lock()
	defer s.sessions.Unlock()
	s.uploads[id] = u
	return u, nil
}

func (s *Store) newUpload(id string, meta uploadMeta) *Upload {
	u := &Upload{
		ID: id, Registry: meta.Registry, Repository: meta.Repository, Started: meta.Started,
		size: meta.Size, store: s, turn: make(chan struct{}, 1),
	}
	u.turn <- struct{}{}
	return u
}

// Upload returns an upload in progress, or nil.
func (s *Store) Upload(id string) *Upload {
	s.sessions.Lock()
	defer s.sessions.Unlock()
	return s.uploads[id]
}

// loadUploads brings back the uploads that an earlier process left, at the
// size it had acknowledged. What cannot be brought back is removed.
func (s *Store) loadUploads() error {
	entries, err := os.ReadDir(filepath.Join(s.dir, uploadsName))
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if err := s.loadUpload(entry.Name()); err != nil {
			s.logger.Info("removing an upload that a crash cut short", "upload", entry.Name(), "cause", err)
			if err := os.RemoveAll(filepath.Join(s.dir, uploadsName, entry.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Store) readUpload(id string) (meta uploadMeta, err error) {
	b, err := os.ReadFile(filepath.Join(s.dir, uploadsName, id, uploadMetaName))
	if err != nil {
		return meta, err
	}
	return meta, json.Unmarshal(b, &meta)
}

func (s *Store) loadUpload(id string) error {
	meta, err := s.readUpload(id)
	if err != nil {
		return err
	}
	u := s.newUpload(id, meta)
	info, err := os.Stat(u.dataPath())
	if err != nil {
		return err
	}
	if info.Size() < meta.Size {
		return fmt.Errorf("%d of %d bytes are there", info.Size(), meta.Size)
	}
	if err := os.Truncate(u.dataPath(), meta.Size); err != nil {
		return err
	}
	s.uploads[id] = u
	return nil
}

func (u *Upload) dir() string      { return filepath.Join(u.store.dir, uploadsName, u.ID) }
func (u *Upload) dataPath() string { return filepath.Join(u.dir(), uploadDataName) }

// save records the size, and what the bytes are becoming, which outlives the
// process.
func (u *Upload) save(landing string) error {
	b, err := json.Marshal(uploadMeta{u.Registry, u.Repository, u.Started, u.size, landing})
	if err != nil {
		return err
	}
	return replaceFile(filepath.Join(u.dir(), uploadMetaName), b)
}

// Size is the number of bytes that the upload has.
func (u *Upload) Size() int64 {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.size
}

// Acquire waits for the turn to change the upload; the caller ends it with
// Release. The error is ErrUploadBusy when another request holds on to it,
// and ErrUploadEnded when the upload ended meanwhile.
func (u *Upload) Acquire(ctx context.Context) error {
	wait := time.NewTimer(busyWait)
	defer wait.Stop()
	select {
	case <-u.turn:
	case <-wait.C:
		return ErrUploadBusy
	case <-ctx.Done():
		return ctx.Err()
	}
	if u.ended() {
		u.Release()
		return ErrUploadEnded
	}
	return nil
}

// Release gives the turn back. Whoever held the turn while the upload was
// cancelled removes its files now.
func (u *Upload) Release() {
	u.turn <- struct{}{}
	if err := u.sweep(); err != nil {
		u.store.logger.Error("files of a cancelled upload are left", "upload", u.ID, "error", err)
	}
}

// Append adds what a reader gives until it ends. When the reader fails, the
// error is a [ReadError] and what had arrived stays when keep is set. When
// the disk fails, nothing stays.
func (u *Upload) Append(r io.Reader, keep bool) error {
	f, err := os.OpenFile(u.dataPath(), os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("append to upload: %w", err)
	}
	defer f.Close()
	if err := u.restoreHash(f); err != nil {
		return fmt.Errorf("append to upload: %w", err)
	}
	before, err := u.hash.(encoding.BinaryMarshaler).MarshalBinary()
	if err != nil {
		return err
	}
	settled := false
	defer func() {
		// A reader that panicked left the hash ahead of what counts as
		// received; the next call hashes the file again.
		if !settled {
			u.hash = nil
		}
	}()
	n, err := u.copyHashed(f, r)
	settled = true
	var cut *ReadError
	if err != nil && (!keep || !errors.As(err, &cut)) {
		restore := u.hash.(encoding.BinaryUnmarshaler).UnmarshalBinary(before)
		return errors.Join(err, f.Truncate(u.size), restore)
	}
	u.mu.Lock()
	u.size += n
	gone := u.gone
	u.mu.Unlock()
	if gone {
		return ErrUploadEnded
	}
	return errors.Join(err, u.save(""))
}

// restoreHash hashes again what an earlier process received.
func (u *Upload) restoreHash(f *os.File) error {
	if u.hash != nil {
		return nil
	}
	h := sha256.New()
	if _, err := io.Copy(h, io.NewSectionReader(f, 0, u.size)); err != nil {
		return err
	}
	u.hash = h
	return nil
}

// DigestError says that an upload's bytes have another digest.
type DigestError struct{ Asked, Actual string }

func (e *DigestError) Error() string {
	return fmt.Sprintf("digest of the upload is %s, not %s", e.Actual, e.Asked)
}

// Finish checks the upload's digest, puts its bytes in place and runs link
// with their size, which is expected to link the digest in a transaction. The
// upload ends when all went well; after a [DigestError] or a refusal by check,
// which runs before anything moves, it continues.
func (u *Upload) Finish(digest string, check func() error, link func(size int64) error) error {
	f, err := os.OpenFile(u.dataPath(), os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("finish upload: %w", err)
	}
	defer f.Close()
	actual, err := u.digest(f, digest)
	if err != nil {
		return fmt.Errorf("finish upload: %w", err)
	}
	if actual != digest {
		return &DigestError{Asked: digest, Actual: actual}
	}
	if err := check(); err != nil {
		return err
	}
	if !u.store.noSync {
		if err := f.Sync(); err != nil {
			return fmt.Errorf("finish upload: %w", err)
		}
	}
	if !u.beginFinish() {
		return ErrUploadEnded
	}
	if err := u.save(digest); err != nil {
		u.mu.Lock()
		u.finishing = false
		u.mu.Unlock()
		return fmt.Errorf("finish upload: %w", err)
	}
	err = u.store.land(u.dataPath(), digest, func() error { return link(u.size) })
	// The bytes have moved, so the upload is over either way.
	return errors.Join(err, u.end())
}

// digest computes the digest of the upload in the algorithm of the one asked
// for.
func (u *Upload) digest(f *os.File, asked string) (string, error) {
	if h := newHash(asked); h != nil {
		if _, err := io.Copy(h, io.NewSectionReader(f, 0, u.size)); err != nil {
			return "", err
		}
		return "sha512:" + hex.EncodeToString(h.Sum(nil)), nil
	}
	if err := u.restoreHash(f); err != nil {
		return "", err
	}
	return "sha256:" + hex.EncodeToString(u.hash.Sum(nil)), nil
}

// beginFinish passes the point from which on an upload can't be cancelled. It
// returns false when it was.
func (u *Upload) beginFinish() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.finishing = !u.gone
	return u.finishing
}

// Cancel ends the upload and drops its bytes. It need not be acquired: a
// request that writes to it ends with [ErrUploadEnded], and its files go when
// that gives the turn back. The error is ErrUploadEnded for an upload that is
// complete or cancelled, or is being finished.
func (u *Upload) Cancel() error {
	u.mu.Lock()
	if u.gone || u.finishing {
		u.mu.Unlock()
		return ErrUploadEnded
	}
	u.gone = true
	u.mu.Unlock()
	u.forget()
	return u.sweep()
}

// forget takes the upload off the list of those in progress.
func (u *Upload) forget() {
	u.store.sessions.Lock()
	defer u.store.sessions.Unlock()
	delete(u.store.uploads, u.ID)
}

// sweep removes the files of an upload that is complete or cancelled, unless somebody holds
// the turn, who does it then.
func (u *Upload) sweep() error {
	if !u.ended() {
		return nil
	}
	select {
	case <-u.turn:
	default:
		return nil
	}
	defer func() { u.turn <- struct{}{} }()
	return os.RemoveAll(u.dir())
}

// ended reports whether the upload was finished or cancelled.
func (u *Upload) ended() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.gone
}

// end ends the upload; the caller has the turn.
func (u *Upload) end() error {
	u.mu.Lock()
	u.gone = true
	u.mu.Unlock()
	u.forget()
	return os.RemoveAll(u.dir())
}

// ExpireUploads ends the uploads that were started before a time, except
// those that are being written to.
func (s *Store) ExpireUploads(before time.Time) (int, error) {
	s.sessions.Lock()
	var old []*Upload
	for _, u := range s.uploads {
		if u.Started.Before(before) {
			old = append(old, u)
		}
	}
	s.sessions.Unlock()
	expired := 0
	var failure error
	for _, u := range old {
		select {
		case <-u.turn:
		default:
			continue
		}
		failure = errors.Join(failure, u.end())
		u.Release()
		expired++
	}
	return expired, failure
}
