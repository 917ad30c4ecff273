package artifact_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"path/filepath"
	"sync"
	"testing"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	azcontainerregistry "github.com/acrkit/azcontainerregistry"
	"github.com/acrkit/azcontainerregistry/artifact"
)

// implementation is a store that the suite runs over: every Source and Target
// of this package is one.
type implementation struct {
	name string
	// create makes an empty store.
	create func(t *testing.T) artifact.Target
	// reopen turns what was written into a Source, as another process would
	// find it.
	reopen func(t *testing.T, target artifact.Target) artifact.Source
	// singleImages: the format holds no indexes.
	singleImages bool
}

func implementations() []implementation {
	same := func(_ *testing.T, target artifact.Target) artifact.Source { return target.(artifact.Source) }
	archive := func(format artifact.ArchiveFormat) (func(*testing.T) artifact.Target, func(*testing.T, artifact.Target) artifact.Source) {
		paths := map[artifact.Target]string{}
		return func(t *testing.T) artifact.Target {
				path := filepath.Join(t.TempDir(), "a.tar")
				w, err := artifact.CreateArchive(path, format)
				if err != nil {
					t.Fatal(err)
				}
				paths[w] = path
				t.Cleanup(func() { w.Discard() })
				return w
			}, func(t *testing.T, target artifact.Target) artifact.Source {
				w := target.(*artifact.ArchiveWriter)
				if err := w.Close(); err != nil {
					t.Fatal(err)
				}
				a, err := artifact.OpenArchive(t.Context(), paths[w])
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { a.Close() })
				return a
			}
	}
	createOCI, reopenOCI := archive(artifact.ArchiveOCI)
	createDocker, reopenDocker := archive(artifact.ArchiveDocker)
	return []implementation{
		{name: "memory", create: func(*testing.T) artifact.Target { return artifact.NewMemory() }, reopen: same},
		{
			name: "layout",
			create: func(t *testing.T) artifact.Target {
				l, err := artifact.CreateLayout(filepath.Join(t.TempDir(), "layout"))
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { l.Close() })
				return l
			},
			reopen: func(t *testing.T, target artifact.Target) artifact.Source {
				l, err := artifact.OpenLayout(target.(*artifact.Layout).Dir())
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { l.Close() })
				return l
			},
		},
		{name: "archive-oci", create: createOCI, reopen: reopenOCI},
		{name: "archive-docker", create: createDocker, reopen: reopenDocker, singleImages: true},
	}
}

func eachImplementation(t *testing.T, test func(t *testing.T, impl implementation)) {
	for _, impl := range append(implementations(), remoteImplementations()...) {
		t.Run(impl.name, func(t *testing.T) { test(t, impl) })
	}
}

func (impl implementation) sample(b *builder) ocispec.Descriptor {
	if impl.singleImages {
		return b.image("linux/amd64", 5, 0, 70_000)
	}
	return b.index(b.image("linux/amd64", 5, 0, 70_000), b.image("linux/arm/v7", 5, 300_000))
}

func TestStoreGivesBackWhatWasCopied(t *testing.T) {
	eachImplementation(t, func(t *testing.T, impl implementation) {
		b := newBuilder(t, 2)
		root := impl.sample(b)
		b.tag(root, "v1")
		target := impl.create(t)
		name := "app:v1"
		if _, ok := target.(*artifact.Repository); ok {
			name = "v1"
		}
		first, err := artifact.Copy(t.Context(), target, name, b.store, "v1", nil)
		if err != nil {
			t.Fatal(err)
		}
		if first.BlobsExisted != 0 || first.BytesCopied == 0 {
			t.Errorf("first copy: %+v", first)
		}
		again, err := artifact.Copy(t.Context(), target, name, b.store, "v1", nil)
		if err != nil {
			t.Fatal(err)
		}
		if again.BlobsCopied != 0 || again.BlobsExisted != first.BlobsCopied || again.BytesCopied != 0 {
			t.Errorf("second copy moved something: %+v", again)
		}
		src := impl.reopen(t, target)
		requireWhole(t, src, name, root.Digest)
		requireWhole(t, src, root.Digest.String(), root.Digest)
		if lister, ok := src.(artifact.TagLister); ok {
			tags, err := lister.Tags(t.Context())
			if err != nil || len(tags) != 1 {
				t.Errorf("tags %q, %v; want one", tags, err)
			}
		}
	})
}

func TestStoreRefusesWrongContent(t *testing.T) {
	data := bytes.Repeat([]byte("0123456789"), 10_000)
	right := ocispec.Descriptor{MediaType: ocispec.MediaTypeImageLayer, Digest: digest.FromBytes(data), Size: int64(len(data))}
	flipped := bytes.Clone(data)
	flipped[len(flipped)-1]++
	eachImplementation(t, func(t *testing.T, impl implementation) {
		for _, c := range []struct {
			name    string
			content []byte
		}{
			{"another byte", flipped},
			{"a byte too few", data[:len(data)-1]},
			{"a byte too many", append(bytes.Clone(data), 0)},
			{"nothing", nil},
		} {
			t.Run(c.name, func(t *testing.T) {
				target := impl.create(t)
				err := target.Push(t.Context(), right, artifact.NewContent(fakeSource{c.content}, right))
				var size *azcontainerregistry.SizeMismatchError
				var changed *azcontainerregistry.SourceChangedError
				if !errors.Is(err, azcontainerregistry.ErrMismatchedHash) && !errors.Is(err, artifact.ErrInvalid) && !errors.As(err, &size) && !errors.As(err, &changed) {
					t.Errorf("error %v is of no type that says it", err)
				}
				if exists, err := target.Exists(t.Context(), right); exists || err != nil {
					t.Errorf("it exists (%v, %v) although it was refused", exists, err)
				}
			})
		}
		t.Run("unknown algorithm", func(t *testing.T) {
			desc := ocispec.Descriptor{MediaType: ocispec.MediaTypeImageLayer, Digest: "md5:d41d8cd98f00b204e9800998ecf8427e"}
			if err := impl.create(t).Push(t.Context(), desc, artifact.NewContent(fakeSource{nil}, desc)); !errors.Is(err, artifact.ErrInvalid) {
				t.Errorf("error %v, want ErrInvalid", err)
			}
		})
	})
}

// fakeSource has the same bytes for everything, and can't seek.
type fakeSource struct{ data []byte }

func (f fakeSource) Resolve(context.Context, string) (ocispec.Descriptor, error) {
	return ocispec.Descriptor{}, errors.ErrUnsupported
}

func (f fakeSource) Fetch(context.Context, ocispec.Descriptor) (io.ReadCloser, error) {
	return io.NopCloser(io.MultiReader(bytes.NewReader(f.data))), nil
}

func TestStoreTakesOneBlobFromManyAtOnce(t *testing.T) {
	eachImplementation(t, func(t *testing.T, impl implementation) {
		target := impl.create(t)
		data := newBuilder(t, 3).blob(200_000)
		desc, content := artifact.NewContentBytes(ocispec.MediaTypeImageLayer, data)
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				if err := target.Push(t.Context(), desc, content); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if exists, err := target.Exists(t.Context(), desc); !exists || err != nil {
			t.Errorf("exists: %v, %v", exists, err)
		}
	})
}

func TestStoreStopsWhenCancelled(t *testing.T) {
	eachImplementation(t, func(t *testing.T, impl implementation) {
		target := impl.create(t)
		data := newBuilder(t, 4).blob(2 << 20)
		desc := ocispec.Descriptor{MediaType: ocispec.MediaTypeImageLayer, Digest: digest.FromBytes(data), Size: int64(len(data))}
		ctx, cancel := context.WithCancelCause(t.Context())
		stop := errors.New("enough")
		src := cancellingSource{fakeSource{data}, func() { cancel(stop) }}
		err := target.Push(ctx, desc, artifact.NewContent(src, desc))
		if !errors.Is(err, stop) && !errors.Is(err, context.Canceled) {
			t.Errorf("error %v, want the cancellation", err)
		}
		if exists, err := target.Exists(t.Context(), desc); exists || err != nil {
			t.Errorf("it exists (%v, %v) although it was cancelled", exists, err)
		}
	})
}

// cancellingSource cancels after a megabyte.
type cancellingSource struct {
	fakeSource
	cancel func()
}

func (s cancellingSource) Fetch(context.Context, ocispec.Descriptor) (io.ReadCloser, error) {
	return io.NopCloser(io.MultiReader(
		bytes.NewReader(s.data[:1<<20]),
		readerFunc(func([]byte) (int, error) { s.cancel(); return 0, io.EOF }),
		bytes.NewReader(s.data[1<<20:]))), nil
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestStoreMovesATag(t *testing.T) {
	eachImplementation(t, func(t *testing.T, impl implementation) {
		b := newBuilder(t, 5)
		old, next := b.image("linux/amd64", 5), b.image("linux/amd64", 6)
		target := impl.create(t)
		name := "app:v1"
		if _, ok := target.(*artifact.Repository); ok {
			name = "v1"
		}
		for _, root := range []ocispec.Descriptor{old, next} {
			if _, err := artifact.Copy(t.Context(), target, name, b.store, root.Digest.String(), nil); err != nil {
				t.Fatal(err)
			}
		}
		requireWhole(t, impl.reopen(t, target), name, next.Digest)
	})
}

func TestStoreSaysWhatIsMissing(t *testing.T) {
	eachImplementation(t, func(t *testing.T, impl implementation) {
		b := newBuilder(t, 6)
		target := impl.create(t)
		name := "app:v1"
		if _, ok := target.(*artifact.Repository); ok {
			name = "v1"
		}
		if _, err := artifact.Copy(t.Context(), target, name, b.store, b.image("linux/amd64", 5).Digest.String(), nil); err != nil {
			t.Fatal(err)
		}
		src := impl.reopen(t, target)
		if _, err := src.Resolve(t.Context(), "v2"); !isNotFound(err) {
			t.Errorf("unknown tag: %v", err)
		}
		if _, err := src.Resolve(t.Context(), digest.FromString("x").String()); !isNotFound(err) {
			t.Errorf("unknown digest: %v", err)
		}
		desc := ocispec.Descriptor{MediaType: ocispec.MediaTypeImageLayer, Digest: digest.FromString("x"), Size: 1}
		if r, err := src.Fetch(t.Context(), desc); err == nil {
			_, err = io.ReadAll(r)
			r.Close()
			if !isNotFound(err) {
				t.Errorf("unknown blob: %v", err)
			}
		} else if !isNotFound(err) {
			t.Errorf("unknown blob: %v", err)
		}
	})
}
