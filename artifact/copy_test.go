package artifact

import (
	"path/filepath"
	"testing"
)

func TestCopyIndexBetweenLocalStores(t *testing.T) {
	b := newBuilder(t, 1)
	root := b.index(b.image("linux/amd64", 10, 2000, 0), b.image("linux/arm64", 10, 300_000))
	b.tag(root, "app:1")
	dir := t.TempDir()
	layout, err := CreateLayout(filepath.Join(dir, "layout"))
	if err != nil {
		t.Fatal(err)
	}
	defer layout.Close()
	result, err := Copy(t.Context(), layout, "app:1", b.store, "app:1", nil)
	if err != nil {
		t.Fatal(err)
	}
	if result.BlobsCopied != 7 || result.ManifestsPushed != 3 {
		t.Errorf("copied %d blobs and %d manifests, want 7 and 3", result.BlobsCopied, result.ManifestsPushed)
	}
	requireWhole(t, layout, "app:1", root.Digest)
	writer, err := CreateArchive(filepath.Join(dir, "app.tar"), ArchiveOCI)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Copy(t.Context(), writer, "app:1", layout, "app:1", nil); err != nil {
		t.Fatal(err)
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	archive, err := OpenArchive(filepath.Join(dir, "app.tar"))
	if err != nil {
		t.Fatal(err)
	}
	defer archive.Close()
	requireWhole(t, archive, "app:1", root.Digest)
}
