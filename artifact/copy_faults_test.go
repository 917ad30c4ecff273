package artifact

import (
	"bytes"
	"context"
	"errors"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	azcontainerregistry "github.com/acrkit/azcontainerregistry"
)

func TestTagThatFailsFailsTheCopy(t *testing.T) {
	b := newBuilder(t, 120)
	root := b.image("linux/amd64", 1)
	refused := errors.New("no tags today")
	target := &recorder{Memory: NewMemory(), fail: func(thing string, _ ocispec.Descriptor) error {
		if strings.HasPrefix(thing, "tag ") {
			return refused
		}
		return nil
	}}
	result, err := Copy(t.Context(), target, "v1", b.store, root.Digest.String(), nil)
	if !errors.Is(err, refused) {
		t.Errorf("error %v, result %+v; want that of the tag", err, result)
	}
}

// brokenOff gives the beginning of everything, and then an error.
type brokenOff struct {
	Source
	err error
}

func (b brokenOff) Fetch(ctx context.Context, desc ocispec.Descriptor) (io.ReadCloser, error) {
	r, err := b.Source.Fetch(ctx, desc)
	if err != nil {
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{io.MultiReader(io.LimitReader(r, desc.Size/2), failingReader{b.err}), r}, nil
}

func TestManifestThatBreaksOffFailsTheCopy(t *testing.T) {
	b := newBuilder(t, 121)
	root := b.image("linux/amd64", 1)
	broken := errors.New("the connection broke")
	src := brokenOff{b.store, broken}
	if data, err := fetchSmall(t.Context(), src, root); !errors.Is(err, broken) || data != nil {
		t.Errorf("%d bytes and %v, want the error alone", len(data), err)
	}
	if _, err := Copy(t.Context(), NewMemory(), "v1", src, root.Digest.String(), nil); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
}

// forgetful is a registry that loses what a manifest needs before it takes the
// manifest, once.
type forgetful struct {
	*recorder
	losing sync.Mutex
	lost   map[string][]ocispec.Descriptor // by manifest
}

func (f *forgetful) PushManifest(ctx context.Context, desc ocispec.Descriptor, data []byte, reference string) error {
	f.losing.Lock()
	for _, gone := range f.lost[desc.Digest.String()] {
		f.lose(gone.Digest)
	}
	delete(f.lost, desc.Digest.String())
	f.losing.Unlock()
	_, m, err := readManifest(desc, data)
	if err != nil {
		return err
	}
	for _, need := range m.all() {
		if exists, _ := f.Exists(ctx, need); !exists {
			return &azcore.ResponseError{StatusCode: 404, ErrorCode: string(azcontainerregistry.ErrorCodeManifestBlobUnknown)}
		}
	}
	if err := f.Push(ctx, desc, &Content{desc: desc, data: data, report: func(Event) {}}); err != nil || reference == "" {
		return err
	}
	return f.Tag(ctx, desc, reference)
}

func TestWhatARegistryLostIsPushedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBuilder(t, 122)
		image, other := b.image("linux/amd64", 100, 200), b.image("linux/arm64", 50)
		root := b.index(image, other)
		var m ocispec.Manifest
		mustRead(t, b.store, image, &m)
		target := &forgetful{recorder: &recorder{Memory: NewMemory()}, lost: map[string][]ocispec.Descriptor{
			image.Digest.String(): {m.Layers[1], m.Config}, // blobs
			root.Digest.String():  {other},                 // a child
		}}
		if _, err := Copy(t.Context(), target, "v1", b.store, root.Digest.String(), nil); err != nil {
			t.Fatal(err)
		}
		requireWhole(t, target, "v1", root.Digest)
		for _, again := range []ocispec.Descriptor{m.Layers[1], m.Config, other} {
			pushed := 0
			for _, thing := range target.order {
				if thing == "push "+again.Digest.String() {
					pushed++
				}
			}
			if pushed != 2 {
				t.Errorf("%s was pushed %d times, want twice", again.Digest, pushed)
			}
		}
		if pushed := slices.Index(target.order, "push "+m.Layers[0].Digest.String()); pushed < 0 {
			t.Error("the other layer was not pushed")
		}
	})
}

func TestArchiveHasItsFolders(t *testing.T) {
	b := newBuilder(t, 123)
	root := b.image("linux/amd64", 1)
	var out bytes.Buffer
	w, err := CreateArchiveStream(&out, filepath.Join(t.TempDir(), "staging"), ArchiveOCI)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Copy(t.Context(), w, "v1", b.store, root.Digest.String(), nil); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	var folders []string
	for _, header := range headersOf(t, out.Bytes()) {
		if strings.HasSuffix(header.Name, "/") {
			folders = append(folders, header.Name)
		}
	}
	if want := []string{"blobs/", "blobs/sha256/"}; !slices.Equal(folders, want) {
		t.Errorf("folders %v, want %v", folders, want)
	}
}

func TestTagWithADigestIsWrittenToThatDigestOnly(t *testing.T) {
	b := newBuilder(t, 124)
	root := b.image("linux/amd64", 1)
	into := NewMemory()
	if _, err := Copy(t.Context(), into, "v1@"+root.Digest.String(), b.store, root.Digest.String(), nil); err != nil {
		t.Fatal(err)
	}
	requireWhole(t, into, "v1", root.Digest)
	other := b.image("linux/amd64", 2)
	if _, err := Copy(t.Context(), into, "v1@"+root.Digest.String(), b.store, other.Digest.String(), nil); !errors.Is(err, ErrInvalid) {
		t.Errorf("another digest: %v", err)
	}
	requireWhole(t, into, "v1", root.Digest)
}
