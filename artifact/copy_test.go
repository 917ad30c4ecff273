package artifact

import (
	"path/filepath"
	"testing"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
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
	archive, err := OpenArchive(t.Context(), filepath.Join(dir, "app.tar"))
	if err != nil {
		t.Fatal(err)
	}
	defer archive.Close()
	requireWhole(t, archive, "app:1", root.Digest)
}

func TestRangesAreSharedBySize(t *testing.T) {
	const mb = 1 << 20
	sized := func(sizes ...int64) *copier {
		c := &copier{}
		for _, size := range sizes {
			c.missing = append(c.missing, ocispec.Descriptor{Size: size})
			c.moving += size
		}
		return c
	}
	equal := make([]int64, 20)
	for i := range equal {
		equal[i] = 32 * mb
	}
	for name, c := range map[string]struct {
		sizes []int64
		want  []int // of the first ones
	}{
		"one layer":                      {[]int64{900 * mb}, []int{sharedRanges}},
		"two equal ones":                 {[]int64{100 * mb, 100 * mb}, []int{sharedRanges / 2, sharedRanges / 2}},
		"a large one among small":        {[]int64{9000 * mb, mb, mb}, []int{sharedRanges, 1, 1}},
		"twenty equal ones":              {equal, []int{1, 1, 1}},
		"an empty one is one connection": {[]int64{0}, []int{1}},
	} {
		t.Run(name, func(t *testing.T) {
			copier := sized(c.sizes...)
			for i, want := range c.want {
				if got := copier.rangesFor(copier.missing[i]); got != want {
					t.Errorf("blob %d gets %d ranges, want %d", i, got, want)
				}
			}
		})
	}
}
