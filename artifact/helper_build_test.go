package artifact

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// builder makes images out of seeded random bytes.
type builder struct {
	t     testing.TB
	store *Memory
	rand  *rand.ChaCha8
}

func newBuilder(t testing.TB, seed byte) *builder {
	return &builder{t: t, store: NewMemory(), rand: rand.NewChaCha8([32]byte{seed})}
}

func (b *builder) add(mediaType string, data []byte) ocispec.Descriptor {
	b.t.Helper()
	desc, content := NewContentBytes(mediaType, data)
	if err := b.store.Push(b.t.Context(), desc, content); err != nil {
		b.t.Fatal(err)
	}
	return desc
}

func (b *builder) addJSON(mediaType string, v any) ocispec.Descriptor {
	b.t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.add(mediaType, data)
}

func (b *builder) blob(size int) []byte {
	data := make([]byte, size)
	b.rand.Read(data)
	return data
}

// image makes an image with layers of the given sizes.
func (b *builder) image(platform string, sizes ...int) ocispec.Descriptor {
	b.t.Helper()
	p, err := ParsePlatform(platform)
	if err != nil {
		b.t.Fatal(err)
	}
	config := ocispec.Image{Platform: p, RootFS: ocispec.RootFS{Type: "layers"}}
	layers := []ocispec.Descriptor{}
	for _, size := range sizes {
		layer := b.add(ocispec.MediaTypeImageLayer, b.blob(size))
		layers = append(layers, layer)
		config.RootFS.DiffIDs = append(config.RootFS.DiffIDs, layer.Digest)
	}
	desc := b.addJSON(ocispec.MediaTypeImageManifest, ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2},
		MediaType: ocispec.MediaTypeImageManifest,
		Config:    b.addJSON(ocispec.MediaTypeImageConfig, config),
		Layers:    layers,
	})
	desc.Platform = &p
	return desc
}

func (b *builder) index(children ...ocispec.Descriptor) ocispec.Descriptor {
	b.t.Helper()
	return b.addJSON(ocispec.MediaTypeImageIndex, ocispec.Index{
		Versioned: specs.Versioned{SchemaVersion: 2},
		MediaType: ocispec.MediaTypeImageIndex,
		Manifests: children,
	})
}

// signature makes a manifest that refers to subject.
func (b *builder) signature(subject ocispec.Descriptor) ocispec.Descriptor {
	b.t.Helper()
	s := bare(subject)
	s.Platform = nil
	return b.addJSON(ocispec.MediaTypeImageManifest, ocispec.Manifest{
		Versioned:    specs.Versioned{SchemaVersion: 2},
		MediaType:    ocispec.MediaTypeImageManifest,
		ArtifactType: "application/vnd.example.signature",
		Config:       b.add(ocispec.MediaTypeEmptyJSON, []byte("{}")),
		Layers:       []ocispec.Descriptor{b.add("application/vnd.example.signature.layer", b.blob(64))},
		Subject:      &s,
	})
}

func (b *builder) tag(desc ocispec.Descriptor, name string) {
	b.t.Helper()
	if err := b.store.Tag(b.t.Context(), desc, name); err != nil {
		b.t.Fatal(err)
	}
}

// requireWhole fails unless src holds the whole graph under reference, every
// byte of it with the right digest.
func requireWhole(t testing.TB, src Source, reference string, want digest.Digest) {
	t.Helper()
	if err := readWhole(t, src, reference, want); err != nil {
		t.Fatal(err)
	}
}

func readWhole(t testing.TB, src Source, reference string, want digest.Digest) error {
	t.Helper()
	root, err := src.Resolve(t.Context(), reference)
	if err != nil {
		return err
	}
	if root.Digest != want {
		return fmt.Errorf("%s has the digest %s, want %s", reference, root.Digest, want)
	}
	into := NewMemory()
	_, err = Copy(t.Context(), into, "x", src, reference, &Options{Referrers: ReferrersSkip})
	return err
}
