package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func openStore(t testing.TB, dir string) *Store {
	t.Helper()
	s, err := Open(dir, &Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil && !strings.Contains(err.Error(), "closed") {
			t.Error(err)
		}
	})
	return s
}

func update(t testing.TB, r *Registry, fn func(*Tx) error) {
	t.Helper()
	if err := r.Update(fn); err != nil {
		t.Fatal(err)
	}
}

func TestTicksAreThoseOfDotNet(t *testing.T) {
	at := time.Date(2026, 1, 13, 17, 34, 21, 147060123, time.UTC)
	if got := TicksOf(at); got != 639039224611470601 {
		t.Errorf("ticks %d", got)
	}
	if got := TicksOf(at).Time(); !got.Equal(at.Truncate(100)) {
		t.Errorf("time %s", got)
	}
	if got := TicksOf(time.Time{}); got != 0 || !got.Time().IsZero() {
		t.Errorf("ticks of the year 1: %d, %s", got, got.Time())
	}
}

// TestTagsMatchAModel does random writes and compares every index, order and
// cursor with a map.
func TestTagsMatchAModel(t *testing.T) {
	r := openStore(t, t.TempDir()).Registry("reg")
	source := rand.New(rand.NewPCG(3, 1))
	model := map[string]Tag{}
	update(t, r, func(tx *Tx) error { return tx.PutRepository("app", Repository{}) })
	for range 400 {
		name := fmt.Sprintf("t%d", source.IntN(40))
		update(t, r, func(tx *Tx) error {
			if old, ok := model[name]; ok && source.IntN(3) == 0 {
				delete(model, name)
				return tx.DeleteTag("app", old, old.Updated)
			}
			at := Ticks(source.IntN(20))
			tag := Tag{Name: name, Digest: fmt.Sprintf("sha256:%064d", source.IntN(5)), Created: at, Updated: at}
			tag.Attributes.ReadDisabled = source.IntN(2) == 0
			model[name] = tag
			return tx.PutTag("app", tag)
		})
	}
	var all []Tag
	for _, tag := range model {
		all = append(all, tag)
	}
	byName := func(a, b Tag) int { return strings.Compare(a.Name, b.Name) }
	byTime := func(a, b Tag) int {
		if a.Updated != b.Updated {
			return int(a.Updated - b.Updated)
		}
		return byName(a, b)
	}
	for order, compare := range map[Order]func(a, b Tag) int{
		ByName: byName, ByTime: byTime, ByTimeDescending: func(a, b Tag) int { return byTime(b, a) },
	} {
		slices.SortFunc(all, compare)
		for size := 1; size <= len(all)+1; size++ {
			if got := readTags(t, r, order, size); !slices.Equal(got, all) {
				t.Fatalf("order %d by %d:\n%v\nwant\n%v", order, size, got, all)
			}
		}
	}
	err := r.View(func(tx *Tx) error {
		repository, _, err := tx.Repository("app")
		if repository.Tags != len(model) {
			t.Errorf("counts %d tags of %d", repository.Tags, len(model))
		}
		for i := range 5 {
			digest := fmt.Sprintf("sha256:%064d", i)
			var want []string
			for _, tag := range model {
				if tag.Digest == digest {
					want = append(want, tag.Name)
				}
			}
			slices.Sort(want)
			if got := tx.TagsOf("app", digest, ""); !slices.Equal(got, want) {
				t.Errorf("tags of %s: %v, want %v", digest, got, want)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// readTags reads all tags in pages of a size.
func readTags(t *testing.T, r *Registry, order Order, size int) []Tag {
	t.Helper()
	var all []Tag
	var after Cursor
	for {
		n := 0
		err := r.View(func(tx *Tx) error {
			return tx.Tags("app", order, after, func(tag Tag) bool {
				all = append(all, tag)
				n++
				return n < size
			})
		})
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			return all
		}
		last := all[len(all)-1]
		after = Cursor{Ticks: last.Updated, Name: last.Name, Set: true}
	}
}

// TestFailedChangeSpoilsNoOther runs changes together of which some write and
// then fail, or panic.
func TestFailedChangeSpoilsNoOther(t *testing.T) {
	r := openStore(t, t.TempDir()).Registry("reg")
	update(t, r, func(tx *Tx) error { return tx.PutRepository("app", Repository{}) })
	refusal := errors.New("refused")
	var all sync.WaitGroup
	for i := range 60 {
		all.Go(func() {
			err := r.Update(func(tx *Tx) error {
				if i%6 == 1 {
					return refusal
				}
				if err := tx.PutTag("app", Tag{Name: fmt.Sprintf("t%02d", i), Digest: "d"}); err != nil {
					return err
				}
				switch i % 6 {
				case 2:
					return refusal
				case 3:
					panic("on purpose")
				}
				return nil
			})
			switch i % 6 {
			case 1, 2:
				if !errors.Is(err, refusal) {
					t.Errorf("change %d: %v", i, err)
				}
			case 3:
				if err == nil || !strings.Contains(err.Error(), "on purpose") {
					t.Errorf("change %d: %v", i, err)
				}
			default:
				if err != nil {
					t.Errorf("change %d: %v", i, err)
				}
			}
		})
	}
	all.Wait()
	for _, tag := range readTags(t, r, ByName, 1000) {
		var i int
		fmt.Sscanf(tag.Name, "t%d", &i)
		if i%6 >= 1 && i%6 <= 3 {
			t.Errorf("%s is there although its change failed", tag.Name)
		}
	}
	if n := len(readTags(t, r, ByName, 1000)); n != 30 {
		t.Errorf("%d tags, want 30", n)
	}
}

func upload(t *testing.T, s *Store, repository string, content []byte, link func(size int64) error) (string, error) {
	t.Helper()
	u, err := s.StartUpload("reg", repository, fmt.Sprintf("u%d", rand.Uint64()), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if err := u.Acquire(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer u.Release()
	if err := u.Append(bytes.NewReader(content), true); err != nil {
		t.Fatal(err)
	}
	digest, err := u.digestNow()
	if err != nil {
		t.Fatal(err)
	}
	return digest, u.Finish(digest, func() error { return nil }, link)
}

func (u *Upload) digestNow() (string, error) {
	f, err := os.Open(u.dataPath())
	if err != nil {
		return "", err
	}
	defer f.Close()
	return u.digest(f, "sha256:")
}

// TestCollectionSparesBytesThatAreBeingLinked collects, without any grace,
// between the moment that a blob's file is in place and its link.
func TestCollectionSparesBytesThatAreBeingLinked(t *testing.T) {
	s := openStore(t, t.TempDir())
	content := []byte("almost there")
	var seen Collected
	digest, err := upload(t, s, "app", content, func(int64) error {
		var err error
		seen, err = s.CollectGarbage(0)
		return err
	})
	if err != nil || seen.Blobs != 0 {
		t.Fatalf("%+v %v", seen, err)
	}
	if f, err := s.OpenBlob(digest); err != nil {
		t.Error(err)
	} else {
		f.Close()
	}
	// It was never linked, so the next one takes it.
	if seen, err := s.CollectGarbage(0); err != nil || seen.Blobs != 1 || seen.Bytes != int64(len(content)) {
		t.Errorf("%+v %v", seen, err)
	}
	if _, err := s.OpenBlob(digest); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

func TestCrashLeftoversAreSwept(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, dir)
	r := s.Registry("reg")
	kept, err := upload(t, s, "app", []byte("kept"), func(size int64) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	update(t, r, func(tx *Tx) error { return tx.LinkBlob("app", Link{Digest: kept, Size: 4}) })
	orphan, err := upload(t, s, "app", []byte("orphan"), func(size int64) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	owner, err := os.ReadFile(filepath.Join(dir, ownerName))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	half := filepath.Join(dir, uploadsName, "half")
	if err := errors.Join(
		// The owner's file is what a killed process leaves.
		os.WriteFile(filepath.Join(dir, ownerName), owner, 0o600),
		os.Mkdir(half, 0o700), os.WriteFile(filepath.Join(half, uploadMetaName+".new"), []byte(`{"re`), 0o600),
	); err != nil {
		t.Fatal(err)
	}
	s = openStore(t, dir)
	if _, err := s.OpenBlob(orphan); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("orphan: %v", err)
	}
	f, err := s.OpenBlob(kept)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := os.Stat(half); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("half an upload: %v", err)
	}
}

// TestCrashBetweenLandingAndLinkingLosesNoUpload leaves behind what a process
// does that is killed when an upload's bytes are in place and not yet linked.
func TestCrashBetweenLandingAndLinkingLosesNoUpload(t *testing.T) {
	for name, linkedElsewhere := range map[string]bool{"alone": false, "linked elsewhere": true} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := openStore(t, dir)
			u, err := s.StartUpload("reg", "app", "id", time.Now())
			if err != nil {
				t.Fatal(err)
			}
			content := []byte("acknowledged")
			if err := u.Append(bytes.NewReader(content), true); err != nil {
				t.Fatal(err)
			}
			sum := sha256.Sum256(content)
			digest := "sha256:" + hex.EncodeToString(sum[:])
			if err := u.save(digest); err != nil {
				t.Fatal(err)
			}
			if err := s.land(u.dataPath(), digest, func() error { return nil }); err != nil {
				t.Fatal(err)
			}
			if linkedElsewhere {
				update(t, s.Registry("reg"), func(tx *Tx) error { return tx.LinkBlob("other", Link{Digest: digest, Size: 12}) })
			}
			owner, err := os.ReadFile(filepath.Join(dir, ownerName))
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(s.Close(), os.WriteFile(filepath.Join(dir, ownerName), owner, 0o600)); err != nil {
				t.Fatal(err)
			}
			s = openStore(t, dir)
			u = s.Upload("id")
			if u == nil || u.Size() != int64(len(content)) {
				t.Fatalf("the upload is %+v", u)
			}
			f, err := s.OpenBlob(digest)
			if (err == nil) != linkedElsewhere {
				t.Errorf("the blob: %v", err)
			}
			if err == nil {
				f.Close()
			}
			// It can be finished after all.
			if err := u.Acquire(t.Context()); err != nil {
				t.Fatal(err)
			}
			none := func() error { return nil }
			if err := u.Finish(digest, none, func(int64) error { return nil }); err != nil {
				t.Error(err)
			}
			u.Release()
		})
	}
}

// brokenReader fails after some bytes.
type brokenReader struct{ left int }

func (b *brokenReader) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, io.ErrUnexpectedEOF
	}
	n := min(len(p), b.left)
	b.left -= n
	return n, nil
}

func TestCutAppendKeepsOrDropsWhatArrived(t *testing.T) {
	for keep, want := range map[bool]int64{true: 5 + 700_000, false: 5} {
		s := openStore(t, t.TempDir())
		u, err := s.StartUpload("reg", "app", "id", time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if err := u.Append(strings.NewReader("hello"), keep); err != nil {
			t.Fatal(err)
		}
		var cut *ReadError
		if err := u.Append(&brokenReader{700_000}, keep); !errors.As(err, &cut) || u.Size() != want {
			t.Errorf("keep %t: size %d, %v", keep, u.Size(), err)
		}
		if err := u.Append(strings.NewReader(" world"), keep); err != nil {
			t.Fatal(err)
		}
		running, err := u.digestNow()
		if err != nil {
			t.Fatal(err)
		}
		u.hash = nil
		if again, err := u.digestNow(); err != nil || again != running {
			t.Errorf("keep %t: the running digest %s is not that of the bytes, %s (%v)", keep, running, again, err)
		}
	}
}

func TestBusyUploadGivesTurnsInTime(t *testing.T) {
	s := openStore(t, t.TempDir())
	u, err := s.StartUpload("reg", "app", "id", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if err := u.Acquire(t.Context()); err != nil {
		t.Fatal(err)
	}
	waiting := make(chan error, 1)
	go func() { waiting <- u.Acquire(t.Context()) }()
	u.Release()
	if err := <-waiting; err != nil {
		t.Fatal(err)
	}
	if err := u.Cancel(); err != nil {
		t.Fatal(err)
	}
	u.Release()
	if err := u.Acquire(t.Context()); !errors.Is(err, ErrUploadEnded) {
		t.Errorf("%v", err)
	}
}

func TestNoNameLeavesTheBlobFolder(t *testing.T) {
	s := openStore(t, t.TempDir())
	for _, digest := range []string{"", ":", "sha256:", "sha256:../../..", "../x:aaaa", "sha256:aa/aa", "sha256:AAAA", "/:aaaa", "sha256:aaaa\x00"} {
		if path, err := s.blobPath(digest); err == nil {
			t.Errorf("%q has path %s", digest, path)
		}
	}
}

func TestLaterLayoutIsRefused(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, dir)
	tx, err := s.db.Begin(true)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(tx.Bucket(bucketMeta).Put(keyLayout, []byte("2")), tx.Commit(), s.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, nil); err == nil || !strings.Contains(err.Error(), `layout "2"`) || !strings.Contains(err.Error(), dir) {
		t.Errorf("%v", err)
	}
}

// TestADamagedRecordIsAnError: it must not pass for one that isn't there.
func TestADamagedRecordIsAnError(t *testing.T) {
	const digest = "sha256:" + "00"
	if _, ok, err := readDeletedManifest(digest, nil); ok || err != nil {
		t.Errorf("no record: %v, %v", ok, err)
	}
	for _, record := range []string{"", "{", `{"Manifest":7}`, "null x"} {
		if _, ok, err := readDeletedManifest(digest, []byte(record)); ok || err == nil || !strings.Contains(err.Error(), digest) {
			t.Errorf("%q is read as a deleted manifest: %v, %v", record, ok, err)
		}
	}
}

// TestAnUploadWhoseFileCantBeReadHasNoDigest: what an earlier process received is
// hashed again, or the upload fails.
func TestAnUploadWhoseFileCantBeReadHasNoDigest(t *testing.T) {
	path := filepath.Join(t.TempDir(), "upload")
	if err := os.WriteFile(path, []byte("received"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte("received"))
	if got, err := (&Upload{size: 8}).digest(f, "sha256:x"); err != nil || got != "sha256:"+hex.EncodeToString(sum[:]) {
		t.Errorf("%s, %v", got, err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	for _, asked := range []string{"sha256:x", "sha512:x"} {
		if got, err := (&Upload{size: 8}).digest(f, asked); !errors.Is(err, fs.ErrClosed) {
			t.Errorf("%s of a file that can't be read: %q, %v", asked, got, err)
		}
	}
}
