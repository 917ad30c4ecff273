package artifact

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// streamed copies an image into a stream.
func streamed(t *testing.T, format ArchiveFormat, src Source, root ocispec.Descriptor, name string, o *Options) []byte {
	t.Helper()
	var buf bytes.Buffer
	w, err := NewArchiveStream(&buf, format)
	if err != nil {
		t.Fatal(err)
	}
	result, err := Copy(t.Context(), w, name, src, root.Digest.String(), o)
	if err != nil {
		t.Fatal(err)
	}
	if result.Root.Digest != root.Digest || result.BlobsCopied == 0 || result.ManifestsPushed == 0 {
		t.Errorf("result %+v", result)
	}
	return buf.Bytes()
}

func TestAStreamHasTheBytesOfTheFile(t *testing.T) {
	b := newBuilder(t, 151)
	image := b.image("linux/amd64", 100_000, 0, 700)
	index := b.index(image, b.image("linux/arm64", 100_000))
	signed := b.image("linux/amd64", 9)
	b.tag(b.signature(signed), "")
	for name, c := range map[string]struct {
		format ArchiveFormat
		root   ocispec.Descriptor
		name   string
		o      *Options
	}{
		"an index":                 {ArchiveOCI, index, "v1", nil},
		"an image without a name":  {ArchiveOCI, image, "", nil},
		"with referrers":           {ArchiveOCI, signed, "team/app:1", &Options{Referrers: ReferrersFollow}},
		"docker's":                 {ArchiveDocker, image, "team/app:1", nil},
		"docker's without a name":  {ArchiveDocker, image, "", nil},
		"docker's of another host": {ArchiveDocker, image, "reg.example/app", nil},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "out.tar")
			w, err := CreateArchive(path, c.format)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := Copy(t.Context(), w, c.name, b.store, c.root.Digest.String(), c.o); err != nil {
				t.Fatal(err)
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			file, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(file, streamed(t, c.format, b.store, c.root, c.name, c.o)) {
				t.Error("the stream differs from the file")
			}
		})
	}
}

// gated is a source that hands out no blob but the first before it is opened.
type gated struct {
	*Memory
	first chan struct{}
}

func (g gated) Fetch(ctx context.Context, desc ocispec.Descriptor) (io.ReadCloser, error) {
	r, err := g.Memory.Fetch(ctx, desc)
	if err == nil && desc.Size == 50_000 {
		r = io.NopCloser(io.MultiReader(io.LimitReader(r, 1), waiting{g.first, r}))
	}
	return r, err
}

type waiting struct {
	until chan struct{}
	r     io.Reader
}

func (w waiting) Read(p []byte) (int, error) {
	<-w.until
	return w.r.Read(p)
}

func TestAStreamBeginsBeforeTheLastByteCame(t *testing.T) {
	b := newBuilder(t, 152)
	root := b.image("linux/amd64", 50_000)
	src := gated{b.store, make(chan struct{})}
	r, w := io.Pipe()
	stream, err := NewArchiveStream(w, ArchiveOCI)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		_, err := Copy(t.Context(), stream, "v1", src, root.Digest.String(), nil)
		w.CloseWithError(err)
		done <- err
	}()
	// The list of images comes while the layer still can't.
	if _, err := io.ReadFull(r, make([]byte, 1024)); err != nil {
		t.Fatal(err)
	}
	close(src.first)
	if _, err := io.Copy(io.Discard, r); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestABrokenStreamHasNoEnd(t *testing.T) {
	b := newBuilder(t, 153)
	root := b.image("linux/amd64", 5000)
	var m ocispec.Manifest
	mustRead(t, b.store, root, &m)
	var buf bytes.Buffer
	w, err := NewArchiveStream(&buf, ArchiveOCI)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Copy(t.Context(), w, "v1", lying{b.store, m.Layers[0]}, root.Digest.String(), nil); err == nil {
		t.Fatal("another content than the digest's is no error")
	}
	if _, err := OpenArchiveStream(t.Context(), "stream", bytes.NewReader(buf.Bytes())); err == nil {
		t.Error("what came of it is read as an archive")
	}
	if _, err := Copy(t.Context(), w, "v1", b.store, root.Digest.String(), nil); !errors.Is(err, ErrInvalid) {
		t.Errorf("a second copy into one stream: %v", err)
	}
	if err := w.Tag(t.Context(), root, "v2"); !errors.Is(err, ErrInvalid) {
		t.Errorf("a tag of its own: %v", err)
	}
	if _, err := NewArchiveStream(&buf, "zip"); !errors.Is(err, ErrInvalid) {
		t.Errorf("another format: %v", err)
	}
}

// lying is a source with other bytes than it says.
type lying struct {
	*Memory
	about ocispec.Descriptor
}

func (l lying) Fetch(ctx context.Context, desc ocispec.Descriptor) (io.ReadCloser, error) {
	if desc.Digest == l.about.Digest {
		return io.NopCloser(bytes.NewReader(make([]byte, desc.Size))), nil
	}
	return l.Memory.Fetch(ctx, desc)
}
