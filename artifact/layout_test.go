package artifact

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	azcontainerregistry "github.com/acrkit/azcontainerregistry"
)

// writtenLayout is a layout folder with one image, tagged v1.
func writtenLayout(t *testing.T) (dir string, root ocispec.Descriptor, b *builder) {
	t.Helper()
	b = newBuilder(t, 7)
	root = b.index(b.image("linux/amd64", 1000, 2000), b.image("linux/arm64", 3000))
	b.tag(root, "v1")
	dir = filepath.Join(t.TempDir(), "layout")
	l, err := CreateLayout(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if _, err := Copy(t.Context(), l, "v1", b.store, "v1", nil); err != nil {
		t.Fatal(err)
	}
	return dir, root, b
}

// blobFiles are the paths of a layout's blobs of at least that size.
func blobFiles(t *testing.T, dir string, least int64) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(filepath.Join(dir, "blobs"), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if info.Size() >= least {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestCorruptLayoutIsRefusedBeforeAnythingIsWritten(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(outside, make([]byte, 3000), 0o600); err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		name   string
		damage func(t *testing.T, dir string)
		says   string
	}{
		{"no oci-layout", func(t *testing.T, dir string) { remove(t, dir, "oci-layout") }, "oci-layout"},
		{"oci-layout of another version", func(t *testing.T, dir string) { write(t, dir, "oci-layout", `{"imageLayoutVersion":"9"}`) }, `"9"`},
		{"no index.json", func(t *testing.T, dir string) { remove(t, dir, "index.json") }, "index.json"},
		{"half an index.json", func(t *testing.T, dir string) { write(t, dir, "index.json", `{"schemaVersion":2,"manif`) }, "index.json"},
		{"index.json is HTML", func(t *testing.T, dir string) { write(t, dir, "index.json", `<html>`) }, "index.json"},
		{"a digest that climbs", func(t *testing.T, dir string) {
			write(t, dir, "index.json", `{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:../../../../etc/passwd","size":3}]}`)
		}, "etc/passwd"},
		{"an absurd size", func(t *testing.T, dir string) {
			write(t, dir, "index.json", `{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"`+digest.FromString("x").String()+`","size":9223372036854775807}]}`)
		}, "out of range"},
		{"a missing layer", func(t *testing.T, dir string) { removePath(t, blobFiles(t, dir, 3000)[0]) }, "blob sha256:"},
		{"a missing child", func(t *testing.T, dir string) {
			l, _ := OpenLayout(dir)
			defer l.Close()
			root, _ := l.Resolve(t.Context(), "v1")
			data, _ := fetchSmall(t.Context(), l, root)
			m, _ := parseManifest(root, data)
			removePath(t, filepath.Join(dir, blobPath(m.Manifests[1])))
		}, "manifest sha256:"},
		{"a truncated layer", func(t *testing.T, dir string) {
			if err := os.Truncate(blobFiles(t, dir, 3000)[0], 2999); err != nil {
				t.Fatal(err)
			}
		}, "2999 bytes"},
		{"a layer that is a link out of the folder", func(t *testing.T, dir string) {
			path := blobFiles(t, dir, 3000)[0]
			removePath(t, path)
			if err := os.Symlink(outside, path); err != nil {
				t.Fatal(err)
			}
		}, "outside"},
		{"a blobs folder that is a link out of the folder", func(t *testing.T, dir string) {
			elsewhere := filepath.Join(t.TempDir(), "blobs")
			if err := os.Rename(filepath.Join(dir, "blobs"), elsewhere); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(elsewhere, filepath.Join(dir, "blobs")); err != nil {
				t.Fatal(err)
			}
		}, "outside"},
		{"a layer that is a folder", func(t *testing.T, dir string) {
			path := blobFiles(t, dir, 3000)[0]
			removePath(t, path)
			if err := os.Mkdir(path, 0o755); err != nil {
				t.Fatal(err)
			}
		}, "regular file"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			dir, _, _ := writtenLayout(t)
			c.damage(t, dir)
			target := &recorder{Memory: NewMemory()}
			l, err := OpenLayout(dir)
			if err == nil {
				defer l.Close()
				_, err = Copy(t.Context(), target, "v1", l, "v1", nil)
				if isNotFound(err) && strings.Contains(c.name, "climbs") {
					_, err = Copy(t.Context(), target, "v1", l, "", nil)
				}
			}
			if !errors.Is(err, ErrInvalid) && !errors.Is(err, ErrNotFound) {
				t.Fatalf("error %v, want one that matches ErrInvalid or ErrNotFound", err)
			}
			if !strings.Contains(err.Error(), c.says) {
				t.Errorf("error %q doesn't say %q", err, c.says)
			}
			if len(target.order) > 0 {
				t.Errorf("written before the error: %q", target.order)
			}
		})
	}
}

func TestLayerWithOtherBytesLeavesNoTagAndNoFile(t *testing.T) {
	dir, _, _ := writtenLayout(t)
	path := blobFiles(t, dir, 3000)[0]
	if err := os.WriteFile(path, make([]byte, 3000), 0o644); err != nil {
		t.Fatal(err)
	}
	l, err := OpenLayout(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	into, err := CreateLayout(filepath.Join(t.TempDir(), "into"))
	if err != nil {
		t.Fatal(err)
	}
	defer into.Close()
	_, err = Copy(t.Context(), into, "v1", l, "v1", nil)
	var mismatch *azcontainerregistry.DigestMismatchError
	if !errors.As(err, &mismatch) || !strings.HasSuffix(mismatch.Expected, filepath.Base(path)) {
		t.Fatalf("error %v, want a DigestMismatchError for %s", err, filepath.Base(path))
	}
	if tags, err := into.Tags(t.Context()); err != nil || len(tags) > 0 {
		t.Errorf("tags %q, %v; want none", tags, err)
	}
	if _, err := os.Stat(filepath.Join(into.Dir(), "blobs", "sha256", filepath.Base(path))); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the wrong blob is there: %v", err)
	}
}

func TestCreateLayoutRefusesForeignFolder(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{"thesis.txt": "dear reader", "index.json": `{"name":"a web page"}`, "folder/x": ""} {
		foreign := filepath.Join(dir, "of", filepath.Base(name))
		write(t, foreign, name, content)
		if _, err := CreateLayout(foreign); !errors.Is(err, ErrInvalid) {
			t.Fatalf("folder with %s: error %v, want ErrInvalid", name, err)
		}
	}
	if _, err := OpenLayout(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("error %v, want fs.ErrNotExist", err)
	}
}

func TestLayoutGoesOnWithPartialBlob(t *testing.T) {
	data := newBuilder(t, 8).blob(1 << 20)
	desc := ocispec.Descriptor{MediaType: ocispec.MediaTypeImageLayer, Digest: digest.FromBytes(data), Size: int64(len(data))}
	for name, c := range map[string]struct {
		partial []byte
		resumes bool
	}{
		"half of it":              {data[:512<<10], true},
		"all of it":               {data, true},
		"bytes that never were":   {make([]byte, 512<<10), true}, // goes on, notices, starts again
		"more than there must be": {append(data[:len(data):len(data)], 1), false},
	} {
		t.Run(name, func(t *testing.T) {
			l, err := CreateLayout(filepath.Join(t.TempDir(), "layout"))
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			if err := os.Mkdir(filepath.Join(l.Dir(), partialDir), 0o755); err != nil {
				t.Fatal(err)
			}
			write(t, l.Dir(), filepath.Join(partialDir, "sha256-"+desc.Digest.Encoded()), string(c.partial))
			content := NewContent(fakeSource{data}, desc)
			resumed := false
			content.report = func(e Event) { resumed = resumed || e.Kind == EventBlobResumed }
			if err := l.Push(t.Context(), desc, content); err != nil {
				t.Fatal(err)
			}
			if resumed != c.resumes {
				t.Errorf("resumed: %v, want %v", resumed, c.resumes)
			}
			if err := NewContent(l, desc).WriteTo(t.Context(), discardAll{}); err != nil {
				t.Error(err)
			}
			if _, err := os.Stat(filepath.Join(l.Dir(), partialDir)); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the partial folder is left: %v", err)
			}
		})
	}
}

type discardAll struct{}

func (discardAll) Write(p []byte) (int, error) { return len(p), nil }

func TestLayoutKeepsIndexWhenManyTagAtOnce(t *testing.T) {
	dir, root, _ := writtenLayout(t)
	const processes, tags = 4, 10
	errs := make(chan error, processes)
	for p := range processes {
		go func() {
			// A Layout of its own locks the file as another process would.
			l, err := OpenLayout(dir)
			if err != nil {
				errs <- err
				return
			}
			defer l.Close()
			for n := range tags {
				if err := l.Tag(t.Context(), root, string(rune('a'+p))+string(rune('0'+n))); err != nil {
					errs <- err
					return
				}
			}
			errs <- nil
		}()
	}
	for range processes {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	l, err := OpenLayout(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if list, err := l.Tags(t.Context()); err != nil || len(list) != processes*tags+1 {
		t.Errorf("%d tags, %v; want %d", len(list), err, processes*tags+1)
	}
}

func write(t *testing.T, dir, name, data string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o644); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, dir, name string) {
	t.Helper()
	removePath(t, filepath.Join(dir, name))
}

func removePath(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

func TestLayoutOfAnInterruptedCreationIsTakenOver(t *testing.T) {
	for _, left := range []string{"index.json", "index.json.ABCDEF", "blobs/sha256/x", ".acrkit-partial/sha256-x"} {
		dir := t.TempDir()
		write(t, dir, left, "")
		if left == "index.json" {
			write(t, dir, left, `{"schemaVersion":2,"manifests":[]}`)
		}
		l, err := CreateLayout(dir)
		if err != nil {
			t.Errorf("%s: %v", left, err)
			continue
		}
		l.Close()
	}
}

func TestFileWithOtherContentIsReplaced(t *testing.T) {
	b := newBuilder(t, 14)
	b.tag(b.image("linux/amd64", 100_000, 10), "v1")
	dir := t.TempDir()
	open := func() *Layout {
		l, err := CreateLayout(dir)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		return l
	}
	l := open()
	first, err := Copy(t.Context(), l, "v1", b.store, "v1", nil)
	if err != nil {
		t.Fatal(err)
	}
	m, _ := imageIn(t, b.store, first.Root.Digest.String())
	for name, into := range map[string]*Layout{"the same process": l, "another process": open()} {
		file := filepath.Join(dir, blobPath(m.Layers[0]))
		if err := os.WriteFile(file, make([]byte, m.Layers[0].Size), 0o644); err != nil {
			t.Fatal(err)
		}
		// A clock may be too coarse for two writes in a row.
		if err := os.Chtimes(file, time.Time{}, time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		result, err := Copy(t.Context(), into, "v1", b.store, "v1", nil)
		if err != nil || result.BlobsCopied != 1 || result.BlobsExisted != 2 {
			t.Errorf("%s: %+v, %v; want the one damaged layer to be copied", name, result, err)
		}
		requireWhole(t, into, "v1", first.Root.Digest)
	}
}

// TestBlobsThatEndTogetherDoNotFailEachOther: whoever is done removes the
// folder of partial files while others are about to use it.
func TestBlobsThatEndTogetherDoNotFailEachOther(t *testing.T) {
	layout, err := CreateLayout(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer layout.Close()
	if err := parallel(t.Context(), 32, 2000, func(ctx context.Context, i int) error {
		desc, content := NewContentBytes(ocispec.MediaTypeImageLayer, []byte(strconv.Itoa(i)))
		return layout.Push(ctx, desc, content)
	}); err != nil {
		t.Error(err)
	}
}
