package artifact

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/acrkit/azcontainerregistry/internal/filelock"
	"github.com/acrkit/azcontainerregistry/internal/order"
	"github.com/acrkit/azcontainerregistry/internal/pattern"
)

// JournalSchema is the version of what a journal's files look like. A journal
// of another version is refused.
const JournalSchema = "acrkit.journal/1"

// Journal is a folder that records the transfers that are not complete, so that
// another process can resume them. An entry is there from the beginning of
// a transfer until its success; a lock that ends with the process says whether
// somebody works on it. Only their owner can read its files, since an
// upload's location in them is all that it takes to continue the upload.
type Journal struct {
	dir string
}

// TransferSpec is what a transfer is to do, in the words of whoever began it.
// It identifies the entry: beginning the same transfer again resumes it.
type TransferSpec struct {
	Verb        string   `json:"verb"`                // push, pull, copy, sync
	Source      string   `json:"source"`              // as the user wrote it
	Sources     []string `json:"sources,omitempty"`   // further ones
	Destination string   `json:"destination"`         // as the user wrote it
	Arguments   []string `json:"arguments,omitempty"` // flags that change what is done; no secrets
}

// ID identifies a transfer of this kind: 12 hexadecimal digits.
func (s TransferSpec) ID() string {
	h := sha256.New()
	parts := append([]string{s.Verb, s.Source}, s.Sources...)
	for _, part := range append(append(parts, s.Destination), s.Arguments...) {
		fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	return hex.EncodeToString(h.Sum(nil))[:12]
}

// TransferState says how a transfer is.
type TransferState string

const (
	// TransferRunning: a process works on it now.
	TransferRunning TransferState = "running"
	// TransferInterrupted: it was cancelled, or its process ended.
	TransferInterrupted TransferState = "interrupted"
	// TransferFailed: it ended with an error.
	TransferFailed TransferState = "failed"
	// TransferUnreadable: its file is damaged or of another version.
	TransferUnreadable TransferState = "unreadable"
)

// TransferRecord is what the journal knows of one transfer.
type TransferRecord struct {
	Schema  string        `json:"schema"`
	ID      string        `json:"id"`
	Spec    TransferSpec  `json:"spec"`
	State   TransferState `json:"state"`
	Started time.Time     `json:"started"`
	Updated time.Time     `json:"updated"`
	Root    string        `json:"root,omitempty"` // digest of what is copied
	Totals  Totals        `json:"totals"`
	Error   string        `json:"error,omitempty"`
}

const (
	recordFile   = "transfer.json"
	progressFile = "progress.json"
	lockName     = "lock"
	// maxRecordSize bounds what is read back.
	maxRecordSize = 1 << 20
	// lockTries is how often the lock of an entry is asked for.
	lockTries = 5
)

var idGrammar = pattern.New(`^[0-9a-f]{12}$`)

// OpenJournal opens the journal in dir, and makes the folder when it isn't
// there.
func OpenJournal(dir string) (*Journal, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	return &Journal{dir: dir}, nil
}

// List gives the transfers that are not done, the oldest first. An entry that
// cannot be read is in the list, as such.
func (j *Journal) List() ([]TransferRecord, error) {
	entries, err := os.ReadDir(j.dir)
	if err != nil {
		return nil, fmt.Errorf("list journal: %w", err)
	}
	var list []TransferRecord
	for _, entry := range entries {
		if !idGrammar.MatchString(entry.Name()) {
			continue
		}
		record, err := j.Get(entry.Name())
		if errors.Is(err, ErrNotFound) {
			continue // done since
		}
		if err != nil {
			return nil, err
		}
		list = append(list, record)
	}
	order.By(list, func(a, b TransferRecord) int { return a.Started.Compare(b.Started) })
	return list, nil
}

// Get is one transfer, by its identity.
func (j *Journal) Get(id string) (TransferRecord, error) {
	if !idGrammar.MatchString(id) {
		return TransferRecord{}, &InvalidError{Code: codeOptionInvalid, Store: "journal", Thing: fmt.Sprintf("transfer %.40q", id), Rule: "want 12 hexadecimal digits, as the list shows them"}
	}
	data, err := readSmall(filepath.Join(j.dir, id, recordFile))
	if errors.Is(err, fs.ErrNotExist) {
		return TransferRecord{}, &NotFoundError{Code: codeTransferMissing, Store: "journal", Thing: "transfer " + id}
	}
	var record TransferRecord
	if err == nil {
		record, err = parseRecord(id, data)
	}
	if err != nil {
		return TransferRecord{Schema: JournalSchema, ID: id, State: TransferUnreadable, Error: err.Error()}, nil
	}
	j.progressSince(&record)
	if record.State == TransferRunning && !j.locked(id) {
		record.State = TransferInterrupted
	}
	return record, nil
}

// parseRecord reads transfer.json.
func parseRecord(id string, data []byte) (TransferRecord, error) {
	var record TransferRecord
	if err := json.Unmarshal(data, &record); err != nil {
		return TransferRecord{}, &InvalidError{Code: codeJournalDamaged, Store: "journal", Thing: "transfer " + id, Rule: "its file is not JSON", Err: err}
	}
	if record.Schema != JournalSchema {
		return TransferRecord{}, &InvalidError{Code: codeJournalDamaged, Store: "journal", Thing: "transfer " + id, Rule: fmt.Sprintf("its file is of version %.40q, want %q", record.Schema, JournalSchema)}
	}
	if record.ID != id || record.Spec.ID() != id {
		return TransferRecord{}, &InvalidError{Code: codeJournalDamaged, Store: "journal", Thing: "transfer " + id, Rule: "its file describes another transfer"}
	}
	switch record.State {
	case TransferRunning, TransferInterrupted, TransferFailed:
	default:
		return TransferRecord{}, &InvalidError{Code: codeJournalDamaged, Store: "journal", Thing: "transfer " + id, Rule: fmt.Sprintf("its state %.40q is unknown", record.State)}
	}
	return record, nil
}

func readSmall(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxRecordSize+1))
	if err == nil && len(data) > maxRecordSize {
		err = &InvalidError{Code: codeJournalDamaged, Store: "journal", Thing: path, Rule: fmt.Sprintf("it has more than %d bytes", maxRecordSize)}
	}
	return data, err
}

// locked reports whether a process works on a transfer.
func (j *Journal) locked(id string) bool {
	f, err := os.OpenFile(filepath.Join(j.dir, id, lockName), os.O_RDWR, 0)
	if err != nil {
		return false
	}
	defer f.Close()
	free, err := filelock.Try(f)
	return err == nil && !free
}

// Remove deletes the entry of a transfer. One that a process works on is an
// [*InUseError].
func (j *Journal) Remove(id string) error {
	if _, err := j.Get(id); err != nil {
		return err
	}
	entry, err := j.open(id)
	if err != nil {
		return err
	}
	return entry.remove()
}

// Begin opens the entry of a transfer for this process alone, and makes it if
// the transfer is new. When another process works on it, it is an
// [*InUseError]. The caller closes the entry.
func (j *Journal) Begin(spec TransferSpec) (*JournalEntry, error) {
	id := spec.ID()
	entry, err := j.open(id)
	if err != nil {
		return nil, err
	}
	now := time.Now().UTC()
	entry.record = TransferRecord{Schema: JournalSchema, ID: id, Spec: spec, State: TransferRunning, Started: now, Updated: now}
	if data, err := readSmall(filepath.Join(entry.dir, recordFile)); err == nil {
		if old, err := parseRecord(id, data); err == nil {
			entry.record.Started, entry.record.Root, entry.record.Totals = old.Started, old.Root, old.Totals
			entry.resumed = true
		}
	}
	if err := entry.save(); err != nil {
		entry.Close()
		return nil, err
	}
	return entry, nil
}

// open locks the folder of an entry.
func (j *Journal) open(id string) (*JournalEntry, error) {
	dir := filepath.Join(j.dir, id)
	for tries := 1; ; tries++ {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, fmt.Errorf("open transfer %s: %w", id, err)
		}
		lock, err := os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR|os.O_CREATE, 0o600)
		if errors.Is(err, fs.ErrNotExist) {
			continue // its owner finished and removed the folder just now
		}
		if err != nil {
			return nil, fmt.Errorf("open transfer %s: %w", id, err)
		}
		ours, err := filelock.Try(lock)
		if err != nil || !ours {
			lock.Close()
			if err == nil && tries < lockTries {
				// Somebody who lists the journal holds it for a moment only.
				time.Sleep(filelock.Poll)
				continue
			}
			if err == nil {
				err = &InUseError{Thing: "transfer " + id}
			}
			return nil, err
		}
		held, err1 := lock.Stat()
		named, err2 := os.Stat(lock.Name())
		if err1 == nil && err2 == nil && os.SameFile(held, named) {
			return &JournalEntry{dir: dir, lock: lock}, nil
		}
		lock.Close()
	}
}

// JournalEntry is one transfer in the journal, locked for this process.
// [Options.Journal] takes it.
type JournalEntry struct {
	dir     string
	lock    *os.File
	resumed bool

	mu     sync.Mutex
	record TransferRecord
	noted  time.Time // when progress was last written
	closed bool
	gone   bool // removed from the journal
}

// Resumed reports whether an earlier process began the transfer.
func (e *JournalEntry) Resumed() bool { return e.resumed }

// Record is what the journal knows of the transfer now.
func (e *JournalEntry) Record() TransferRecord {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.record
}

// Close releases the entry. A transfer that has not succeeded stays in the
// journal.
func (e *JournalEntry) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil
	}
	e.closed = true
	return e.lock.Close()
}

// Fail records why the transfer failed before it began. That leaves no entry, unless
// an earlier process had begun it: then the journal says so too.
func (e *JournalEntry) Fail(err error) error {
	return e.finish(context.Background(), err, false)
}

// update changes the record and writes it.
func (e *JournalEntry) update(change func(*TransferRecord)) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil
	}
	change(&e.record)
	e.record.Updated = time.Now().UTC()
	return e.save()
}

// observe keeps the record up to date: at the start and after each blob.
// Between those how far it is goes into a file of its own, at most once a
// second, for whoever looks at the journal meanwhile.
func (e *JournalEntry) observe(event Event) error {
	switch event.Kind {
	case EventPlanned, EventBlobDone, EventBlobMounted:
		return e.update(func(r *TransferRecord) {
			if event.Kind == EventPlanned {
				r.Root = event.Descriptor.Digest.String()
			}
			r.Totals = event.Totals
		})
	case EventBlobProgress, EventBlobResumed:
		return e.note(event.Totals)
	}
	return nil
}

// note writes how far the transfer is, if that was not done this second.
func (e *JournalEntry) note(totals Totals) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := time.Now().UTC()
	e.record.Totals = totals
	if e.closed || now.Sub(e.noted) < time.Second {
		return nil
	}
	e.noted = now
	return e.writeJSON(progressFile, savedProgress{Updated: now, Totals: totals}, false)
}

// savedProgress is how far a transfer is while it runs.
type savedProgress struct {
	Updated time.Time `json:"updated"`
	Totals  Totals    `json:"totals"`
}

// progressSince brings a record up to date with what was noted after it.
func (j *Journal) progressSince(record *TransferRecord) {
	data, err := readSmall(filepath.Join(j.dir, record.ID, progressFile))
	var saved savedProgress
	if err != nil || json.Unmarshal(data, &saved) != nil || !saved.Updated.After(record.Updated) {
		return // the record is what counts
	}
	record.Updated, record.Totals = saved.Updated, saved.Totals
}

// finish writes how the transfer ended. What succeeded leaves the journal, and
// so does what never began: there is nothing to resume.
func (e *JournalEntry) finish(ctx context.Context, err error, began bool) error {
	if err == nil || (!began && !e.resumed) {
		return e.remove()
	}
	return e.update(func(r *TransferRecord) {
		r.State, r.Error = TransferFailed, err.Error()
		if ctx.Err() != nil || errors.Is(err, context.Canceled) {
			r.State = TransferInterrupted
		}
	})
}

// Kept reports whether the journal has the transfer, so that it can be resumed:
// one that succeeded, or ended before anything was moved, is removed.
func (e *JournalEntry) Kept() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return !e.gone
}

// remove forgets the transfer. The lock is given back last.
func (e *JournalEntry) remove() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil
	}
	e.closed, e.gone = true, true
	// Away at once: another process may begin the same transfer meanwhile, and what
	// it writes under the name is not this one's to remove.
	dir := e.dir
	if away := fmt.Sprintf("%s.%d.%d", e.dir, os.Getpid(), time.Now().UnixNano()); os.Rename(e.dir, away) == nil {
		dir = away
	}
	return errors.Join(os.RemoveAll(dir), e.lock.Close())
}

func (e *JournalEntry) save() error { return e.writeJSON(recordFile, e.record, true) }

// writeJSON replaces a file of the entry in one step; one that is durable
// outlives a power cut, not only the process.
func (e *JournalEntry) writeJSON(name string, v any, durable bool) error {
	var data bytes.Buffer
	encoder := json.NewEncoder(&data)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return fmt.Errorf("write journal: %w", err)
	}
	path := filepath.Join(e.dir, name)
	temp := path + "." + rand.Text()
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("write journal: %w", err)
	}
	_, err = f.Write(data.Bytes())
	if durable {
		err = errors.Join(err, f.Sync())
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(temp, path)
	}
	if err != nil {
		os.Remove(temp)
		return fmt.Errorf("write journal: %w", err)
	}
	return nil
}
