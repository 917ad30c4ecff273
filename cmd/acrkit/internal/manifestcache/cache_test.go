package manifestcache

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func content(i int) (digest.Digest, []byte) {
	data := fmt.Appendf(nil, "%0100d", i)
	return digest.FromBytes(data), data
}

func TestAnotherCommandFindsWhatWasKept(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "manifests")
	first := New(dir)
	d, data := content(1)
	first.Keep(d, data)
	if got, ok := New(dir).Manifest(d); !ok || !bytes.Equal(got, data) {
		t.Errorf("%q, %v", got, ok)
	}
	if _, ok := New("").Manifest(d); ok {
		t.Error("a cache in memory has what it never saw")
	}
	_ = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			t.Fatal(err)
		}
		if info, err := entry.Info(); err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: others can read it (%v)", path, err)
		}
		return nil
	})
}

func TestDamagedFilesAreNotBelieved(t *testing.T) {
	dir := t.TempDir()
	c := New(dir)
	d, data := content(1)
	c.Keep(d, data)
	path, _ := c.path(d)
	if err := os.WriteFile(path, []byte("something else"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, ok := New(dir).Manifest(d); ok {
		t.Errorf("the cache gives %q", got)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("the damaged file is still there")
	}
	other, _ := content(2)
	elsewhere := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(elsewhere, data, 0o600); err != nil {
		t.Fatal(err)
	}
	link, _ := c.path(other)
	if err := os.MkdirAll(filepath.Dir(link), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(elsewhere, link); err == nil {
		if _, ok := New(dir).Manifest(other); ok {
			t.Error("the cache follows a link")
		}
	}
	if _, ok := c.Manifest("../../etc/passwd"); ok {
		t.Error("what is no digest is found")
	}
}

func TestTheFolderStaysWithinItsBound(t *testing.T) {
	dir := t.TempDir()
	c := New(dir)
	c.bound = 1000
	for i := range 30 {
		d, data := content(i)
		c.Keep(d, data)
		path, _ := c.path(d)
		used := time.Unix(int64(1000+i), 0)
		if err := os.Chtimes(path, used, used); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	left := 0
	for i := range 30 {
		d, _ := content(i)
		if _, ok := New(dir).Manifest(d); ok {
			left++
			if i < 20 {
				t.Errorf("%d is older than what was removed", i)
			}
		}
	}
	if left == 0 || left > 10 {
		t.Errorf("%d of 30 files of 100 bytes stay within 1000", left)
	}
}

func TestAFolderThatCannotBeMadeIsNoFailure(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c := New(filepath.Join(file, "below"))
	d, data := content(1)
	c.Keep(d, data)
	if got, ok := c.Manifest(d); !ok || !bytes.Equal(got, data) {
		t.Error("what is in memory is lost")
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}
