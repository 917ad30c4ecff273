package artifact

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

func FuzzManifest(f *testing.F) {
	b := newBuilder(f, 30)
	image := b.image("linux/amd64", 1)
	for _, desc := range []ocispec.Descriptor{image, b.index(image), b.signature(image)} {
		data, err := fetchSmall(f.Context(), b.store, desc)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(desc.MediaType, data)
	}
	f.Add(mediaTypeDockerManifest, []byte(`{"config":{"digest":"sha256:x","size":-1}}`))
	f.Add(mediaTypeOCIArtifact, []byte(`{"blobs":[{}]}`))
	f.Add(ocispec.MediaTypeImageIndex, []byte(`{"manifests":[null]}`))
	f.Fuzz(func(t *testing.T, mediaType string, data []byte) {
		desc := ocispec.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(data), Size: int64(len(data))}
		m, err := parseManifest(desc, data)
		if err != nil {
			if !errors.Is(err, ErrInvalid) {
				t.Errorf("error %v is not ErrInvalid", err)
			}
			return
		}
		for _, child := range m.all() {
			if child.Digest.Validate() != nil || child.Size < 0 || child.Size > maxBlobSize {
				t.Errorf("accepted the descriptor %+v", child)
			}
		}
		_, _ = sniffMediaType(data)
	})
}

func FuzzLayoutIndex(f *testing.F) {
	f.Add([]byte(`{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"`+digest.FromString("x").String()+`","size":3,"annotations":{"org.opencontainers.image.ref.name":"v1"}}]}`), "v1")
	f.Add([]byte(`{"schemaVersion":2,"manifests":[null,{}]}`), "")
	f.Add([]byte(`{"schemaVersion":2}`), "sha256:../..")
	f.Fuzz(func(t *testing.T, data []byte, reference string) {
		index, err := parseIndexFile("fuzz", data)
		if err != nil {
			return
		}
		desc, err := resolveIndex(context.Background(), NewMemory(), "fuzz", index, reference)
		if err == nil && checkDescriptor(desc) != nil {
			t.Errorf("resolved to %+v", desc)
		}
		tagsOf(index)
	})
}

// FuzzTar reads archives that nobody made: nothing panics, and what is found
// lies inside the file.
func FuzzTar(f *testing.F) {
	layer := makeTar(f, file("etc/a", "x"))
	classic, _ := classicSave(f, layer)
	f.Add(makeTar(f, classic...))
	f.Add(makeTar(f, symlink("a", "b"), symlink("b", "a"), file("oci-layout", `{"imageLayoutVersion":"1.0.0"}`), file("index.json", `{"schemaVersion":2}`)))
	f.Add(makeTar(f, file("repositories", `{"a":{"b":"c"}}`)))
	f.Add([]byte("not a tar"))
	f.Fuzz(func(t *testing.T, data []byte) {
		index, err := scanTar("fuzz", bytes.NewReader(data), int64(len(data)))
		if err != nil {
			return
		}
		for name, entry := range index.entries {
			found, err := index.lookup(name)
			if err != nil {
				continue
			}
			if found.offset < 0 || found.size < 0 || found.offset+found.size > int64(len(data)) {
				t.Errorf("%q leads to %+v in %d bytes", name, found, len(data))
			}
			if entry.link == "" {
				if n, err := io.Copy(io.Discard, index.section(found)); err != nil || n != found.size {
					t.Errorf("%q: %d of %d bytes, %v", name, n, found.size, err)
				}
			}
		}
		for _, open := range []func(*Archive) error{
			func(a *Archive) error { return a.openOCI(t.Context()) },
			func(a *Archive) error { return a.addDockerHalf(t.Context()) },
			func(a *Archive) error { return a.openLegacyDocker(t.Context()) },
		} {
			_ = open(&Archive{
				name: "fuzz", tar: index, index: &ocispec.Index{}, sections: map[digest.Digest]tarEntry{},
				made: map[digest.Digest][]byte{}, absent: map[digest.Digest][]LeftOut{},
			})
		}
	})
}

func FuzzPlan(f *testing.F) {
	f.Add([]byte(`{"schema":"acrkit.plan/1","root":{"digest":"` + digest.FromString("x").String() + `"}}`))
	f.Add([]byte(`{"schema":"acrkit.plan/2"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if p, err := ParsePlan(data); err == nil && (p.Schema != PlanSchema || checkDescriptor(p.Root) != nil) {
			t.Errorf("accepted %+v", p)
		}
	})
}

func FuzzPattern(f *testing.F) {
	f.Add("team/*:v?", "team/app", "v1")
	f.Add("**", "a/b", "c")
	f.Add("[", "", "")
	f.Fuzz(func(t *testing.T, pattern, repository, tag string) {
		filter, err := newFilter([]string{pattern}, nil)
		if err == nil {
			filter.image(repository, tag)
		}
	})
}
