package rootfs

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/acrkit/azcontainerregistry/artifact"
)

// found lists what is below a folder of this machine.
func onDisk(t *testing.T, dir string) map[string]string {
	t.Helper()
	got := map[string]string{}
	err := filepath.WalkDir(dir, func(at string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(dir, at)
		name = filepath.ToSlash(name)
		switch info, _ := d.Info(); {
		case d.IsDir():
			got[name] = "folder"
		case d.Type()&fs.ModeSymlink != 0:
			target, _ := os.Readlink(at)
			got[name] = "-> " + target
		default:
			data, err := os.ReadFile(at)
			if err != nil {
				return err
			}
			got[name] = info.Mode().String() + " " + string(data)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// hostile is what an image could try on a machine that unpacks it.
func hostile(t testing.TB) []packed {
	return []packed{
		gzipLayer(
			t, folder("etc/"), file("etc/a", "1"), hardlink("etc/b", "etc/a"), symlink("etc/rel", "a"), symlink("etc/abs", "/etc/passwd"),
			symlink("etc/up", "../../outside"), symlink("etc/twice", "sub/../../../x"), device("etc/null"),
			item{tar.Header{Typeflag: tar.TypeReg, Name: "etc/su", Mode: 0o4755}, "su"}, file("../../escape", "x"),
		),
		layer(t, symlink("way", "/tmp"), file("way/through", "y"), file("etc/.wh.gone", ""), item{tar.Header{Typeflag: tar.TypeDir, Name: "etc/closed/", Mode: 0o500}, ""}, file("etc/closed/x", "in")),
	}
}

func TestCopyWritesNothingOutsideOfItsFolder(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("links and modes are another system's")
	}
	tree := readTree(t, hostile(t)...)
	parent := t.TempDir()
	dir := filepath.Join(parent, "in", "out")
	got, err := tree.CopyTo(t.Context(), "/", dir)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		".": "folder", "in": "folder", "in/out": "folder", "in/out/etc": "folder", "in/out/etc/a": "-rw-r--r-- 1", "in/out/etc/b": "-rw-r--r-- 1",
		"in/out/etc/rel": "-> a", "in/out/etc/su": "-rwxr-xr-x su", "in/out/escape": "-rw-r--r-- x", "in/out/tmp": "folder",
		"in/out/tmp/through": "-rw-r--r-- y", "in/out/etc/closed": "folder", "in/out/etc/closed/x": "-rw-r--r-- in",
	}
	if diff := cmp.Diff(want, onDisk(t, parent)); diff != "" {
		t.Error(diff)
	}
	var skipped []string
	for _, s := range got.Skipped {
		skipped = append(skipped, s.Path)
	}
	if diff := cmp.Diff([]string{"/etc/abs", "/etc/null", "/etc/twice", "/etc/up", "/way"}, skipped); diff != "" {
		t.Error(diff)
	}
	if got.Files != 5 || got.Links != 2 || got.Folders != 4 || got.Path != dir {
		t.Errorf("%+v", got)
	}
}

func TestCopyNamesAsCpDoes(t *testing.T) {
	tree := readTree(t, layer(t, folder("etc/"), file("etc/a", "1"), symlink("e", "etc"), symlink("etc/l", "a"), symlink("etc/out", "../x")))
	for name, c := range map[string]struct {
		from, to, made string
		want           map[string]string
	}{
		"a file below a folder that is there": {"/etc/a", "there", "there/a", map[string]string{"there/a": "-rw-r--r-- 1"}},
		"a file under a new name":             {"/etc/a", "new", "new", map[string]string{"new": "-rw-r--r-- 1"}},
		"a file below a new folder":           {"/etc/a", "new/", "new/a", map[string]string{"new": "folder", "new/a": "-rw-r--r-- 1"}},
		"a file by a link":                    {"/etc/l", "new", "new", map[string]string{"new": "-rw-r--r-- 1"}},
		"a file that replaces one":            {"/etc/a", "old", "old", map[string]string{"old": "-rw-r--r-- 1"}},
		"a folder under a new name":           {"/etc", "new", "new", map[string]string{"new": "folder", "new/a": "-rw-r--r-- 1", "new/l": "-> a"}},
		"a folder by a link":                  {"/e", "there", "there/e", map[string]string{"there/e": "folder", "there/e/a": "-rw-r--r-- 1", "there/e/l": "-> a"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			want := map[string]string{".": "folder", "there": "folder", "old": "-rw------- old"}
			for at, what := range c.want {
				want[at] = what
			}
			if err := errors.Join(os.Mkdir(filepath.Join(dir, "there"), 0o755), os.WriteFile(filepath.Join(dir, "old"), []byte("old"), 0o600)); err != nil {
				t.Fatal(err)
			}
			to := filepath.Join(dir, c.to)
			if strings.HasSuffix(c.to, "/") {
				to += "/"
			}
			got, err := tree.CopyTo(t.Context(), c.from, to)
			if err != nil || got.Path != filepath.Join(dir, filepath.FromSlash(c.made)) {
				t.Errorf("%s, %v", got.Path, err)
			}
			if diff := cmp.Diff(want, onDisk(t, dir)); diff != "" && runtime.GOOS != "windows" {
				t.Error(diff)
			}
		})
	}
	if _, err := tree.CopyTo(t.Context(), "/none", t.TempDir()); !errors.Is(err, artifact.ErrNotFound) {
		t.Error(err)
	}
}

func TestCopyIntoAFolderWithLinksStaysInIt(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("links need a right there")
	}
	tree := readTree(t, layer(t, folder("etc/"), file("etc/a", "image's")))
	dir := t.TempDir()
	outside, inside := filepath.Join(dir, "outside"), filepath.Join(dir, "inside")
	if err := errors.Join(os.MkdirAll(outside, 0o755), os.MkdirAll(inside, 0o755), os.Symlink(outside, filepath.Join(inside, "etc"))); err != nil {
		t.Fatal(err)
	}
	if _, err := tree.CopyTo(t.Context(), "/", inside); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{".": "folder"}, onDisk(t, outside)); diff != "" {
		t.Error(diff)
	}
}

// TestAnExportIsTheSameFileSystem reads what Export writes as a layer again.
func TestAnExportIsTheSameFileSystem(t *testing.T) {
	for name, layers := range map[string][]packed{
		"hostile": hostile(t),
		"ordinary": {
			zstdLayer(t, folder("d/"), file("d/a", "1"), hardlink("z", "d/a"), symlink("l", "d/a"), device("null"), file("empty", "")),
			chunkedLayer(t, file(".wh.l", ""), file("d/b", "2"), item{tar.Header{Typeflag: tar.TypeReg, Name: "cap", Mode: 0o4711, Uid: 1 << 30, PAXRecords: map[string]string{"SCHILY.xattr.user.x": "\x00\xff"}}, "3"}),
		},
	} {
		tree := readTree(t, layers...)
		var first, second bytes.Buffer
		if err := tree.Export(t.Context(), &first); err != nil {
			t.Fatal(err)
		}
		if err := tree.Export(t.Context(), &second); err != nil || !bytes.Equal(first.Bytes(), second.Bytes()) {
			t.Errorf("%s: a second export differs (%v)", name, err)
		}
		again := readTree(t, pack("application/vnd.oci.image.layer.v1.tar", first.Bytes(), first.Bytes()))
		changes, err := Diff(tree, again, "/")
		if err != nil || len(changes) > 0 {
			t.Errorf("%s: %+v, %v", name, changes, err)
		}
		for reader := tar.NewReader(&first); ; {
			h, err := reader.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil || strings.HasPrefix(h.Name, "/") || strings.Contains(h.Name, "..") {
				t.Fatalf("%s: %v, %v", name, h, err)
			}
		}
	}
}

type brokenWriter struct{ after int }

var errBroken = errors.New("disk full")

func (w *brokenWriter) Write(p []byte) (int, error) {
	if w.after -= len(p); w.after < 0 {
		return 0, errBroken
	}
	return len(p), nil
}

func TestAFullDiskIsNotTheImagesFault(t *testing.T) {
	s := newImage(t, gzipLayer(t, file("a", noise(1<<16))))
	tree, err := openImage(t, s, nil).Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, after := range []int{0, 600, 20000} {
		if err := tree.Export(t.Context(), &brokenWriter{after}); !errors.Is(err, errBroken) || errors.Is(err, artifact.ErrInvalid) {
			t.Errorf("export after %d: %v", after, err)
		}
		if _, err := openImage(t, s, nil).Cat(t.Context(), "a", &brokenWriter{after}); !errors.Is(err, errBroken) || errors.Is(err, artifact.ErrInvalid) {
			t.Errorf("cat after %d: %v", after, err)
		}
	}
}

func TestDiffTellsWhatChanged(t *testing.T) {
	base := []packed{layer(t, folder("d/"), file("d/a", "1"), file("d/same", "1"), file("gone", "1"), symlink("l", "x"), file("m", "1"), folder("f/"), file("f/x", "1"))}
	top := layer(t, file("d/a", "2"), file(".wh.gone", ""), symlink("l", "y"), item{tar.Header{Typeflag: tar.TypeReg, Name: "m", Mode: 0o600, Uid: 5}, "1"}, file("f", "file now"), folder("new/"), file("new/n", ""))
	i := openImage(t, newImage(t, append(base, top)...), nil)
	below, with, err := i.ReadBelow(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	changes, err := Diff(below, with, "/")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range changes {
		got = append(got, strings.TrimSpace(string(c.Kind)+" "+c.Path+" "+strings.Join(c.What, ",")))
	}
	want := []string{
		"changed /d/a content", "changed /f type", "removed /f/x", "removed /gone", "changed /l link", "changed /m mode,owner", "added /new", "added /new/n",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if changes, err = Diff(below, with, "/d"); err != nil || len(changes) != 1 {
		t.Errorf("of /d: %+v, %v", changes, err)
	}
	if _, err = Diff(below, with, "/none"); !errors.Is(err, artifact.ErrNotFound) {
		t.Errorf("of nothing: %v", err)
	}
	if _, _, err = i.ReadBelow(t.Context(), 2); !errors.Is(err, artifact.ErrNotFound) {
		t.Errorf("a layer that isn't there: %v", err)
	}
}

func TestAFlatImageIsTheSameFileSystem(t *testing.T) {
	s := newImage(t, gzipLayer(t, folder("d/"), file("d/a", "1"), file("gone", strings.Repeat("x", 100))), zstdLayer(t, file(".wh.gone", ""), hardlink("b", "d/a"), device("null")))
	draft, err := Flatten(t.Context(), s, "x", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer draft.Close()
	flat, err := Open(t.Context(), draft, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	after, err := flat.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	before, err := openImage(t, s, nil).Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if changes, err := Diff(before, after, "/"); err != nil || len(changes) > 0 || len(flat.Layers()) != 1 {
		t.Errorf("%+v, %v, %d layers", changes, err, len(flat.Layers()))
	}
	again, err := Flatten(t.Context(), s, "x", nil)
	if err != nil || again.Root().Digest != draft.Root().Digest {
		t.Errorf("the same image has another digest (%v)", err)
	}
	again.Close()
}
