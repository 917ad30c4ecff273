package artifact

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// writeTree writes files below dir; a name that ends in "/" is a folder.
func writeTree(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o640); err != nil {
			t.Fatal(err)
		}
	}
}

func TestFilesComeBackAsTheyWere(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	writeTree(t, dir, map[string]string{"a.txt": "one", "docs/sub/b.md": "two", "docs/c": "three"})
	if err := os.Symlink("sub/b.md", filepath.Join(dir, "docs/link")); err != nil {
		t.Fatal(err)
	}
	files := []FileSpec{
		{Path: filepath.Join(dir, "a.txt"), MediaType: "text/plain"},
		{Path: filepath.Join(dir, "docs"), Title: "the/docs"},
	}
	draft, err := PackFiles(ctx, files, &PackOptions{ArtifactType: "application/vnd.example", Annotations: map[string]string{"a": "b"}})
	if err != nil {
		t.Fatal(err)
	}
	defer draft.Close()
	again, err := PackFiles(ctx, files, &PackOptions{ArtifactType: "application/vnd.example", Annotations: map[string]string{"a": "b"}})
	if err != nil {
		t.Fatal(err)
	}
	if again.Root().Digest != draft.Root().Digest {
		t.Errorf("the same files give %s and %s", draft.Root().Digest, again.Root().Digest)
	}
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
	store := NewMemory()
	if _, err := Copy(ctx, store, "v1", draft, "", nil); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "new")
	got, err := UnpackFiles(ctx, store, "v1", out, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got.ArtifactType != "application/vnd.example" || len(got.Files) != 2 || !got.Files[1].Folder {
		t.Errorf("%+v", got)
	}
	for name, want := range map[string]string{"a.txt": "one", "the/docs/sub/b.md": "two", "the/docs/c": "three", "the/docs/link": "two"} {
		if data, err := os.ReadFile(filepath.Join(out, name)); err != nil || string(data) != want {
			t.Errorf("%s: %q, %v", name, data, err)
		}
	}
	if info, err := os.Stat(filepath.Join(out, "the/docs/c")); err != nil || info.Mode() != 0o640 {
		t.Errorf("the mode of a file in a folder: %v, %v", info, err)
	}
	if left, _ := filepath.Glob(filepath.Join(out, "*", ".acrkit*")); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
	var exists *ExistingFileError
	if _, err := UnpackFiles(ctx, store, "v1", out, &UnpackOptions{NoClobber: true}); !errors.As(err, &exists) {
		t.Errorf("NoClobber: %v", err)
	}
}

// artifactOf stores an artifact with one layer under v1.
func artifactOf(t *testing.T, data []byte, annotations map[string]string) *Memory {
	t.Helper()
	store := NewMemory()
	push := func(mediaType string, data []byte) ocispec.Descriptor {
		desc, content := NewContentBytes(mediaType, data)
		if err := store.Push(t.Context(), desc, content); err != nil {
			t.Fatal(err)
		}
		return desc
	}
	layer := push("application/x", data)
	layer.Annotations = annotations
	m := ocispec.Manifest{MediaType: ocispec.MediaTypeImageManifest, Config: push(ocispec.MediaTypeEmptyJSON, []byte("{}")), Layers: []ocispec.Descriptor{layer}}
	m.SchemaVersion = 2
	text, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Tag(t.Context(), push(m.MediaType, text), "v1"); err != nil {
		t.Fatal(err)
	}
	return store
}

func TestATitleThatLeavesTheFolderWritesNothing(t *testing.T) {
	for _, title := range []string{"../x", "/etc/passwd", "a/../../x", "..", ".", "a/\x00b"} {
		store := artifactOf(t, []byte("evil"), map[string]string{ocispec.AnnotationTitle: title})
		out := filepath.Join(t.TempDir(), "out")
		if _, err := UnpackFiles(t.Context(), store, "v1", out, nil); !errors.Is(err, ErrInvalid) {
			t.Errorf("%q: %v", title, err)
		}
		if _, err := os.Lstat(out); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%q: something was written", title)
		}
	}
}

func TestALinkThatIsThereIsNotFollowedOut(t *testing.T) {
	outside := t.TempDir()
	out := t.TempDir()
	if err := os.Symlink(outside, filepath.Join(out, "sub")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(outside, "target"), filepath.Join(out, "plain")); err != nil {
		t.Fatal(err)
	}
	store := artifactOf(t, []byte("evil"), map[string]string{ocispec.AnnotationTitle: "sub/file"})
	if _, err := UnpackFiles(t.Context(), store, "v1", out, nil); err == nil {
		t.Error("it was written through a link")
	}
	store = artifactOf(t, []byte("good"), map[string]string{ocispec.AnnotationTitle: "plain"})
	if _, err := UnpackFiles(t.Context(), store, "v1", out, nil); err != nil {
		t.Error(err)
	}
	if entries, err := os.ReadDir(outside); err != nil || len(entries) > 0 {
		t.Errorf("outside there is %v, %v", entries, err)
	}
	if info, err := os.Lstat(filepath.Join(out, "plain")); err != nil || !info.Mode().IsRegular() {
		t.Errorf("the link was not replaced: %v, %v", info, err)
	}
}

func tarOf(t *testing.T, headers ...tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range headers {
		data := ""
		if h.Typeflag == tar.TypeReg {
			data = "data"
			h.Size = int64(len(data))
		}
		if h.Mode == 0 {
			h.Mode = 0o755
		}
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(data)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestAHostileFolderStaysWithinItself(t *testing.T) {
	for name, headers := range map[string][]tar.Header{
		"a path upwards":        {{Name: "docs/../../x", Typeflag: tar.TypeReg}},
		"an absolute path":      {{Name: "/x", Typeflag: tar.TypeReg}},
		"another folder":        {{Name: "other/x", Typeflag: tar.TypeReg}},
		"an absolute link":      {{Name: "docs/l", Linkname: "/etc", Typeflag: tar.TypeSymlink}},
		"a link upwards":        {{Name: "docs/l", Linkname: "../..", Typeflag: tar.TypeSymlink}},
		"a link beside":         {{Name: "docs/l", Linkname: "../x", Typeflag: tar.TypeSymlink}},
		"a link through a link": {{Name: "docs/a/b/c", Typeflag: tar.TypeDir}, {Name: "docs/a/b/c/up", Linkname: "../../..", Typeflag: tar.TypeSymlink}, {Name: "docs/out", Linkname: "a/b/c/up/../../x", Typeflag: tar.TypeSymlink}},
		"a file over a link":    {{Name: "docs/l", Linkname: "sub", Typeflag: tar.TypeSymlink}, {Name: "docs/l/../../x", Typeflag: tar.TypeReg}},
		"a hard link":           {{Name: "docs/h", Linkname: "../secret", Typeflag: tar.TypeLink}},
		"a device":              {{Name: "docs/d", Typeflag: tar.TypeChar, Devmajor: 1, Devminor: 3}},
		"a pipe":                {{Name: "docs/p", Typeflag: tar.TypeFifo}},
	} {
		base := t.TempDir()
		writeTree(t, base, map[string]string{"secret": "secret"})
		out := filepath.Join(base, "out")
		store := artifactOf(t, tarOf(t, headers...), map[string]string{ocispec.AnnotationTitle: "docs", annotationUnpack: "true"})
		if _, err := UnpackFiles(t.Context(), store, "v1", out, nil); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
		if entries, _ := os.ReadDir(base); len(entries) != 2 {
			t.Errorf("%s: beside the folder there is %v", name, entries)
		}
	}
}

func TestAFolderOfOtherContentThanItsDigestIsRefused(t *testing.T) {
	store := artifactOf(t, tarOf(t, tar.Header{Name: "docs/a", Typeflag: tar.TypeReg}), map[string]string{
		ocispec.AnnotationTitle: "docs", annotationUnpack: "true", annotationTarDigest: digest.FromString("other").String(),
	})
	if _, err := UnpackFiles(t.Context(), store, "v1", t.TempDir(), nil); !isMismatch(err) {
		t.Errorf("%v", err)
	}
}

func TestAHelmChartIsNamedAsHelmNamesIt(t *testing.T) {
	m := &manifest{Config: &ocispec.Descriptor{MediaType: mediaTypeHelmConfig}, Annotations: map[string]string{
		ocispec.AnnotationTitle: "app", ocispec.AnnotationVersion: "1.2.0",
	}, Layers: []ocispec.Descriptor{{MediaType: mediaTypeHelmChart}, {MediaType: mediaTypeHelmProvenance}}}
	files, err := plannedFiles(NewMemory(), ocispec.Descriptor{}, m, false)
	if err != nil || files[0].Title != "app-1.2.0.tgz" || files[1].Title != "app-1.2.0.tgz.prov" {
		t.Errorf("%+v, %v", files, err)
	}
}

func FuzzUnpackFolder(f *testing.F) {
	f.Add([]byte("no tar at all"), "docs")
	f.Add(bytes.Repeat([]byte{0}, 1024), ".")
	f.Add([]byte("\x1f\x8b\x08"), "a/b")
	f.Fuzz(func(t *testing.T, data []byte, title string) {
		store := NewMemory()
		desc, content := NewContentBytes("application/x", data)
		if err := store.Push(context.Background(), desc, content); err != nil {
			t.Fatal(err)
		}
		desc.Annotations = map[string]string{ocispec.AnnotationTitle: title, annotationUnpack: "true"}
		base := t.TempDir()
		out := filepath.Join(base, "out")
		if err := os.Mkdir(out, 0o755); err != nil {
			t.Fatal(err)
		}
		files, err := plannedFiles(store, desc, &manifest{Layers: []ocispec.Descriptor{desc}}, false)
		if err != nil || len(files) == 0 || strings.Count(title, "/") > 100 {
			return
		}
		root, err := os.OpenRoot(out)
		if err != nil {
			t.Fatal(err)
		}
		defer root.Close()
		_ = (&unpacker{src: store, dir: root, o: &Options{}}).unpack(context.Background(), files[0])
		if entries, err := os.ReadDir(base); err != nil || len(entries) != 1 {
			t.Errorf("outside the folder there is %v, %v", entries, err)
		}
	})
}
