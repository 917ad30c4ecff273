package artifact

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

var someSpec = TransferSpec{Verb: "pull", Source: "reg/app:1", Destination: "oci:out", Arguments: []string{"--platform", "linux/amd64"}}

func openJournal(t *testing.T) *Journal {
	t.Helper()
	j, err := OpenJournal(filepath.Join(t.TempDir(), "journal"))
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func TestInterruptedCopyStaysInTheJournalUntilItIsDone(t *testing.T) {
	j := openJournal(t)
	b := newBuilder(t, 20)
	root := b.image("linux/amd64", 1000, 2000)
	target := &recorder{Memory: NewMemory()}
	ctx, cancel := context.WithCancel(t.Context())
	target.fail = func(_ string, desc ocispec.Descriptor) error {
		if desc.Size == 1000 {
			cancel()
			return ctx.Err()
		}
		return nil
	}
	entry, err := j.Begin(someSpec)
	if err != nil {
		t.Fatal(err)
	}
	if entry.Resumed() {
		t.Error("a new transfer counts as resumed")
	}
	if _, err := Copy(ctx, target, "v1", b.store, root.Digest.String(), &Options{Journal: entry, Concurrency: 1}); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if err := entry.Close(); err != nil {
		t.Fatal(err)
	}
	list, err := j.List()
	if err != nil || len(list) != 1 {
		t.Fatalf("list %v, %v; want one", list, err)
	}
	r := list[0]
	if r.State != TransferInterrupted || r.Root != root.Digest.String() || r.Totals.Blobs != 1 || r.Totals.BlobsTotal != 3 || r.Spec.Source != someSpec.Source {
		t.Errorf("record %+v", r)
	}
	entry, err = j.Begin(someSpec)
	if err != nil {
		t.Fatal(err)
	}
	if !entry.Resumed() || !entry.Record().Started.Equal(r.Started) {
		t.Errorf("the transfer is not gone on with: %+v", entry.Record())
	}
	target.fail = nil
	if _, err := Copy(t.Context(), target, "v1", b.store, root.Digest.String(), &Options{Journal: entry}); err != nil {
		t.Fatal(err)
	}
	if err := entry.Close(); err != nil {
		t.Fatal(err)
	}
	if list, err := j.List(); err != nil || len(list) != 0 {
		t.Errorf("list %v, %v; want none", list, err)
	}
}

func TestFailedCopySaysWhyInTheJournal(t *testing.T) {
	j := openJournal(t)
	b := newBuilder(t, 24)
	root := b.image("linux/amd64", 1000)
	refused := errors.New("refused")
	target := &recorder{Memory: NewMemory(), fail: func(string, ocispec.Descriptor) error { return refused }}
	entry, err := j.Begin(someSpec)
	if err != nil {
		t.Fatal(err)
	}
	_, failure := Copy(t.Context(), target, "v1", b.store, root.Digest.String(), &Options{Journal: entry})
	if !errors.Is(failure, refused) {
		t.Fatal(failure)
	}
	entry.Close()
	r, err := j.Get(someSpec.ID())
	if err != nil || r.State != TransferFailed || r.Error != failure.Error() {
		t.Errorf("record %+v, %v", r, err)
	}
}

func TestCopyThatNeverBeganLeavesNoTrace(t *testing.T) {
	j := openJournal(t)
	entry, err := j.Begin(someSpec)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Copy(t.Context(), NewMemory(), "v1", NewMemory(), "v9", &Options{Journal: entry}); !errors.Is(err, ErrNotFound) {
		t.Fatal(err)
	}
	entry.Close()
	if list, err := j.List(); err != nil || len(list) != 0 {
		t.Errorf("journal %v, %v; want it empty", list, err)
	}
}

func TestTransferThatFailsBeforeItBegins(t *testing.T) {
	j := openJournal(t)
	cause := errors.New("the target is a mountain")
	entry, err := j.Begin(someSpec)
	if err != nil {
		t.Fatal(err)
	}
	if err := entry.Fail(cause); err != nil {
		t.Fatal(err)
	}
	if list, err := j.List(); err != nil || len(list) != 0 {
		t.Errorf("a new one leaves %v, %v", list, err)
	}
	for range 2 {
		if entry, err = j.Begin(someSpec); err != nil {
			t.Fatal(err)
		}
		entry.Close()
	}
	if entry, err = j.Begin(someSpec); err != nil {
		t.Fatal(err)
	}
	defer entry.Close()
	if err := entry.Fail(cause); err != nil {
		t.Fatal(err)
	}
	if r, err := j.Get(someSpec.ID()); err != nil || r.State != TransferFailed || r.Error != cause.Error() {
		t.Errorf("one of an earlier process: %+v, %v", r, err)
	}
}

func TestTwoProcessesDoNotShareATransfer(t *testing.T) {
	j := openJournal(t)
	entry, err := j.Begin(someSpec)
	if err != nil {
		t.Fatal(err)
	}
	defer entry.Close()
	other, err := OpenJournal(j.dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Begin(someSpec); !errors.As(err, new(*InUseError)) {
		t.Errorf("begin: %v, want an InUseError", err)
	}
	if err := other.Remove(someSpec.ID()); !errors.As(err, new(*InUseError)) {
		t.Errorf("remove: %v, want an InUseError", err)
	}
	if r, err := other.Get(someSpec.ID()); err != nil || r.State != TransferRunning {
		t.Errorf("record %+v, %v; want running", r, err)
	}
	elsewhere := someSpec
	elsewhere.Destination = "oci:elsewhere"
	second, err := other.Begin(elsewhere)
	if err != nil {
		t.Fatal(err)
	}
	second.Close()
	if err := other.Remove(elsewhere.ID()); err != nil {
		t.Error(err)
	}
	if _, err := other.Get(elsewhere.ID()); !errors.Is(err, ErrNotFound) {
		t.Errorf("removed, and yet: %v", err)
	}
}

func TestJournalOfDeadProcessCountsAsInterrupted(t *testing.T) {
	j := openJournal(t)
	entry, err := j.Begin(someSpec)
	if err != nil {
		t.Fatal(err)
	}
	// What kill -9 leaves: the record says running, the lock is gone.
	entry.lock.Close()
	if r, err := j.Get(someSpec.ID()); err != nil || r.State != TransferInterrupted {
		t.Errorf("record %+v, %v; want interrupted", r, err)
	}
}

func TestJournalTellsHowFarATransferIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := openJournal(t)
		entry, err := j.Begin(someSpec)
		if err != nil {
			t.Fatal(err)
		}
		defer entry.Close()
		if err := entry.observe(Event{Kind: EventPlanned, Totals: Totals{BytesTotal: 900}}); err != nil {
			t.Fatal(err)
		}
		var seen []int64
		for i := range int64(30) {
			time.Sleep(100 * time.Millisecond)
			if err := entry.observe(Event{Kind: EventBlobProgress, Totals: Totals{Bytes: i + 1, BytesTotal: 900}}); err != nil {
				t.Fatal(err)
			}
			r, err := j.Get(someSpec.ID())
			if err != nil || r.Totals.BytesTotal != 900 || r.State != TransferRunning {
				t.Fatalf("%+v, %v", r, err)
			}
			if len(seen) == 0 || seen[len(seen)-1] != r.Totals.Bytes {
				seen = append(seen, r.Totals.Bytes)
			}
		}
		if !slices.Equal(seen, []int64{1, 11, 21}) {
			t.Errorf("the journal said %v: want it brought up to date once a second", seen)
		}
		if err := os.WriteFile(filepath.Join(j.dir, someSpec.ID(), progressFile), []byte(`{"upd`), 0o600); err != nil {
			t.Fatal(err)
		}
		if r, err := j.Get(someSpec.ID()); err != nil || r.State != TransferRunning || r.Totals.BytesTotal != 900 {
			t.Errorf("with a broken note: %+v, %v", r, err)
		}
	})
}

func TestDamagedJournalIsNamedAndDoesNotHideTheRest(t *testing.T) {
	for name, data := range map[string]string{
		"half":            `{"schema":"acrkit.jour`,
		"empty":           "",
		"another version": `{"schema":"acrkit.journal/99"}`,
		"another entry":   `{"schema":"acrkit.journal/1","id":"000000000000","state":"running"}`,
		"endless":         strings.Repeat(" ", maxRecordSize+1),
		"unknown state":   `{"schema":"acrkit.journal/1","id":"ID","state":"x","spec":{"verb":"pull","source":"reg/app:1","destination":"oci:out","arguments":["--platform","linux/amd64"]}}`,
	} {
		t.Run(name, func(t *testing.T) {
			j := openJournal(t)
			entry, err := j.Begin(someSpec)
			if err != nil {
				t.Fatal(err)
			}
			entry.Close()
			good := someSpec
			good.Verb = "push"
			healthy, err := j.Begin(good)
			if err != nil {
				t.Fatal(err)
			}
			healthy.Close()
			data := strings.ReplaceAll(data, `"ID"`, `"`+someSpec.ID()+`"`)
			if err := os.WriteFile(filepath.Join(j.dir, someSpec.ID(), recordFile), []byte(data), 0o600); err != nil {
				t.Fatal(err)
			}
			list, err := j.List()
			if err != nil || len(list) != 2 {
				t.Fatalf("list %v, %v; want both", list, err)
			}
			if r, _ := j.Get(someSpec.ID()); r.State != TransferUnreadable || r.Error == "" {
				t.Errorf("record %+v, want unreadable", r)
			}
			again, err := j.Begin(someSpec)
			if err != nil {
				t.Fatal(err)
			}
			defer again.Close()
			if again.Resumed() {
				t.Error("a damaged entry was gone on with")
			}
		})
	}
}

func TestJournalIsForItsOwnersEyesOnly(t *testing.T) {
	if runtime.GOOS == "windows" {
		return // which has no such bits
	}
	j := openJournal(t)
	entry, err := j.Begin(someSpec)
	if err != nil {
		t.Fatal(err)
	}
	defer entry.Close()
	err = filepath.WalkDir(j.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has the mode %v", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func FuzzJournalRecord(f *testing.F) {
	f.Add([]byte(`{"schema":"acrkit.journal/1","id":"` + someSpec.ID() + `","state":"running","spec":{"verb":"pull","source":"reg/app:1","destination":"oci:out","arguments":["--platform","linux/amd64"]}}`))
	f.Add([]byte(`{"schema":"acrkit.journal/1","started":"x"}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := parseRecord(someSpec.ID(), data)
		if err == nil && (r.ID != someSpec.ID() || r.Schema != JournalSchema) {
			t.Errorf("accepted %+v", r)
		}
	})
}

func FuzzUploadCheckpoint(f *testing.F) {
	d := digest.FromString("x").String()
	f.Add([]byte(`{"schema":"acrkit.journal/1","registry":"r","repository":"a","digest":"` + d + `","location":"/v2/","offset":7}`))
	f.Add([]byte(`{"schema":"acrkit.journal/1","offset":-1}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		u, err := parseUpload(data, savedUpload{Registry: "r", Repository: "a", Digest: d}, 10)
		if err == nil && (u.Offset < 0 || u.Offset > 10 || u.Location == "" || u.Digest != d) {
			t.Errorf("accepted %+v", u)
		}
	})
}

func TestJournalKnowsWhatHadMovedWhenTheTransferEnded(t *testing.T) {
	j, err := OpenJournal(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	entry, err := j.Begin(someSpec)
	if err != nil {
		t.Fatal(err)
	}
	defer entry.Close()
	for _, event := range []Event{
		{Kind: EventPlanned, Totals: Totals{BytesTotal: 100}},
		{Kind: EventBlobProgress, Totals: Totals{Bytes: 60, BytesTotal: 100}},
	} {
		if err := entry.observe(event); err != nil {
			t.Fatal(err)
		}
	}
	if err := entry.finish(t.Context(), context.Canceled, true); err != nil {
		t.Fatal(err)
	}
	if r, err := j.Get(someSpec.ID()); err != nil || r.Totals.Bytes != 60 {
		t.Errorf("%d bytes, %v; want 60", r.Totals.Bytes, err)
	}
}

// TestRemovingAnEntryLeavesTheOneThatIsBegunMeanwhile begins and ends one transfer
// from two sides: neither removes what the other has begun, or stumbles over it.
func TestRemovingAnEntryLeavesTheOneThatIsBegunMeanwhile(t *testing.T) {
	j, err := OpenJournal(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	var sides sync.WaitGroup
	for range 2 {
		sides.Go(func() {
			for range 100 {
				entry, err := j.Begin(someSpec)
				if errors.As(err, new(*InUseError)) {
					continue
				}
				if err != nil {
					t.Errorf("begin: %v", err)
					return
				}
				if _, err := j.Get(someSpec.ID()); err != nil {
					t.Errorf("an entry that is worked on: %v", err)
				}
				if err := entry.remove(); err != nil {
					t.Errorf("remove: %v", err)
				}
			}
		})
	}
	sides.Wait()
	if left, err := os.ReadDir(j.dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
