package artifact

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

func TestIndexOfBlobsIsCopiedWithItsBlobs(t *testing.T) {
	b := newBuilder(t, 90)
	one, two := b.add("application/vnd.oci.image.layer.v1.tar+gzip", b.blob(100)), b.add("application/vnd.oci.image.layer.v1.tar+zstd", b.blob(50))
	cache := b.add("application/vnd.buildkit.cacheconfig.v0", []byte(`{"layers":[]}`))
	root := b.index(one, two, cache)
	into := NewMemory()
	result, err := Copy(t.Context(), into, "buildcache", b.store, root.Digest.String(), nil)
	if err != nil || result.BlobsCopied != 3 || result.ManifestsPushed != 1 {
		t.Fatalf("%+v, %v", result, err)
	}
	requireWhole(t, into, "buildcache", root.Digest)
}

func TestContentThatComesInItsDescriptorNeedsNoBlob(t *testing.T) {
	b := newBuilder(t, 91)
	config := b.add(ocispec.MediaTypeEmptyJSON, []byte("{}"))
	config.Data = []byte("{}")
	layer := b.add("text/plain", []byte("inline"))
	layer.Data = []byte("inline")
	inner := b.addJSON(ocispec.MediaTypeImageManifest, ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest,
		ArtifactType: "application/vnd.example", Config: config, Layers: []ocispec.Descriptor{layer},
	})
	inner.Data = b.store.blobs[inner.Digest]
	root := b.index(inner)
	for _, desc := range []ocispec.Descriptor{config, layer, inner} {
		b.store.lose(desc.Digest)
	}
	into := NewMemory()
	if _, err := Copy(t.Context(), into, "v1", b.store, root.Digest.String(), nil); err != nil {
		t.Fatal(err)
	}
	requireWhole(t, into, "v1", root.Digest)

	layer.Data = []byte("not it")
	lie := b.addJSON(ocispec.MediaTypeImageManifest, ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest, Config: config, Layers: []ocispec.Descriptor{layer},
	})
	if _, err := Copy(t.Context(), NewMemory(), "v1", b.store, lie.Digest.String(), nil); !errors.Is(err, ErrNotFound) {
		t.Errorf("inline content of another digest: %v", err)
	}
}

func TestTypeInsideAManifestBeatsItsDescriptor(t *testing.T) {
	b := newBuilder(t, 92)
	image := b.image("linux/amd64", 10)
	root := b.index(image)
	l := makeLayout(t)
	if _, err := Copy(t.Context(), l, "v1", b.store, root.Digest.String(), nil); err != nil {
		t.Fatal(err)
	}
	for _, wrong := range []string{ocispec.MediaTypeImageManifest, mediaTypeDockerList, "application/octet-stream"} {
		index := ocispec.Index{Manifests: []ocispec.Descriptor{{MediaType: wrong, Digest: root.Digest, Size: root.Size}}}
		if err := l.writeIndex(&index); err != nil {
			t.Fatal(err)
		}
		into := NewMemory()
		result, err := Copy(t.Context(), into, "v1", l, "", nil)
		if err != nil || result.Root.MediaType != ocispec.MediaTypeImageIndex {
			t.Errorf("%s: %+v, %v", wrong, result.Root, err)
		}
	}
}

func TestForeignLayersAreLeftOutAndNamedUnlessAskedFor(t *testing.T) {
	b := newBuilder(t, 93)
	held := b.add(mediaTypeDockerForeignLayer, b.blob(30))
	held.URLs = []string{"https://mcr.example/held"}
	gone := ocispec.Descriptor{
		MediaType: mediaTypeNonDistributablePrefix + "+gzip", Digest: digest.FromString("gone"), Size: 4, URLs: []string{"https://mcr.example/gone"},
	}
	own := b.add(mediaTypeDockerForeignLayer, b.blob(20)) // there is nowhere else to get it from
	config := b.addJSON(mediaTypeDockerConfig, ocispec.Image{RootFS: ocispec.RootFS{Type: "layers", DiffIDs: []digest.Digest{"sha256:" + digest.Digest(strings.Repeat("1", 64)), held.Digest, own.Digest}}})
	root := b.addJSON(mediaTypeDockerManifest, map[string]any{
		"schemaVersion": 2, "mediaType": mediaTypeDockerManifest, "config": config, "layers": []ocispec.Descriptor{gone, held, own},
	})
	for asked, want := range map[bool]struct {
		copied  int
		leftOut []digest.Digest
	}{
		false: {2, []digest.Digest{gone.Digest, held.Digest}},
		true:  {3, []digest.Digest{gone.Digest}},
	} {
		o := &Options{ForeignLayers: asked}
		plan, err := NewPlan(t.Context(), NewMemory(), "v1", b.store, root.Digest.String(), o)
		if err != nil {
			t.Fatal(err)
		}
		result, err := Copy(t.Context(), NewMemory(), "v1", b.store, root.Digest.String(), o)
		if err != nil {
			t.Fatal(err)
		}
		for what, list := range map[string][]LeftOut{"copy": result.LeftOut, "plan": plan.LeftOut} {
			var named []digest.Digest
			for _, left := range list {
				named = append(named, left.Descriptor.Digest)
				if !strings.Contains(left.String(), "https://mcr.example/") || left.Foreign == asked {
					t.Errorf("asked %v, %s: %+v", asked, what, left)
				}
			}
			if !slices.Equal(named, want.leftOut) {
				t.Errorf("asked %v, %s: left out %v, want %v", asked, what, named, want.leftOut)
			}
		}
		if result.BlobsCopied != want.copied {
			t.Errorf("asked %v: %d blobs copied, want %d", asked, result.BlobsCopied, want.copied)
		}
	}
	w, err := CreateArchiveStream(&bytes.Buffer{}, filepath.Join(t.TempDir(), "staging"), ArchiveDocker)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Copy(t.Context(), w, "win:1", b.store, root.Digest.String(), nil); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), "needs every layer") {
		t.Errorf("a docker archive without a layer: %v", err)
	}
	if err := w.Discard(); err != nil {
		t.Fatal(err)
	}
}

func TestDockerArchiveTakesImagesOnly(t *testing.T) {
	b := newBuilder(t, 94)
	other := b.addJSON(ocispec.MediaTypeImageManifest, ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest,
		Config: b.add("application/vnd.example", nil), Layers: []ocispec.Descriptor{b.add("text/plain", nil), b.add("text/plain", []byte("x"))},
	})
	empty := b.addJSON(ocispec.MediaTypeImageManifest, ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest,
		Config: b.add(ocispec.MediaTypeEmptyJSON, []byte("{}")), Layers: []ocispec.Descriptor{b.add("text/plain", []byte("x"))},
	})
	signed := b.image("linux/amd64", 3)
	b.signature(signed)
	for name, c := range map[string]struct {
		root ocispec.Descriptor
		o    *Options
		says string
	}{
		"an artifact":                        {other, nil, "another artifact"},
		"an empty config":                    {empty, nil, "another artifact"},
		"an index":                           {b.index(signed), nil, "choose a platform"},
		"signatures that were asked for":     {signed, &Options{Referrers: ReferrersFollow}, "cannot hold signatures"},
		"an image whose signatures were not": {signed, nil, ""},
	} {
		w, err := CreateArchive(filepath.Join(t.TempDir(), "a.tar"), ArchiveDocker)
		if err != nil {
			t.Fatal(err)
		}
		_, err = Copy(t.Context(), w, "app:1", b.store, c.root.Digest.String(), c.o)
		into, err2 := PlanArchive("a.tar", ArchiveDocker)
		if err2 != nil {
			t.Fatal(err2)
		}
		_, planned := NewPlan(t.Context(), into, "app:1", b.store, c.root.Digest.String(), c.o)
		for what, err := range map[string]error{"copy": err, "plan": planned} {
			if c.says == "" && err != nil || c.says != "" && (!errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), c.says)) {
				t.Errorf("%s, %s: %v, want %q", name, what, err, c.says)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestSignedSchema1HasTheDigestOfWhatIsSigned(t *testing.T) {
	payload := []byte(`{"schemaVersion":1,"name":"app","tag":"v1","fsLayers":[{"blobSum":"` + digest.FromString("layer").String() + `"}],"history":[{"v1Compatibility":"{}"}]`)
	tail := []byte("}")
	protected, err := json.Marshal(map[string]any{"formatLength": len(payload), "formatTail": base64.RawURLEncoding.EncodeToString(tail)})
	if err != nil {
		t.Fatal(err)
	}
	data := fmt.Appendf(slices.Clone(payload), `,"signatures":[{"protected":%q}]}`, base64.RawURLEncoding.EncodeToString(protected))
	desc := ocispec.Descriptor{MediaType: mediaTypeDockerSchema1JWS, Digest: digest.FromBytes(slices.Concat(payload, tail)), Size: int64(len(data))}
	if err := verifyBytes("x", desc, data); err != nil {
		t.Error(err)
	}
	if err := verifyBytes("x", desc, bytes.Replace(data, []byte("v1"), []byte("v2"), 1)); !isMismatch(err) {
		t.Errorf("changed: %v", err)
	}
	desc.MediaType = ocispec.MediaTypeImageManifest
	if err := verifyBytes("x", desc, data); !isMismatch(err) {
		t.Errorf("called another type: %v", err)
	}
	if own, err := sniffMediaType(data); err != nil || own != mediaTypeDockerSchema1JWS {
		t.Errorf("told as %q, %v", own, err)
	}
}

func TestSchema1IsCopiedWithItsLayers(t *testing.T) {
	b := newBuilder(t, 95)
	layers := []ocispec.Descriptor{b.add("application/octet-stream", b.blob(30)), b.add("application/octet-stream", b.blob(20))}
	root := b.addJSON(mediaTypeDockerSchema1, map[string]any{
		"schemaVersion": 1, "name": "app", "tag": "v1",
		"fsLayers": []map[string]any{{"blobSum": layers[0].Digest}, {"blobSum": layers[1].Digest}, {"blobSum": layers[0].Digest}},
		"history":  []any{m1{}, m1{}, m1{}},
	})
	b.tag(root, "v1")
	into := NewMemory()
	result, err := Copy(t.Context(), into, "v1", b.store, "v1", nil)
	if err != nil || result.BlobsCopied != 2 || result.BytesCopied != 50 {
		t.Fatalf("%+v, %v", result, err)
	}
	requireWhole(t, into, "v1", root.Digest)
}

type m1 struct {
	V1Compatibility string `json:"v1Compatibility"`
}

func TestLayoutWithoutWhatTheTargetHasIsCopied(t *testing.T) {
	b := newBuilder(t, 96)
	root := b.image("linux/amd64", 100, 200)
	b.tag(root, "v1")
	var m ocispec.Manifest
	mustRead(t, b.store, root, &m)
	sparse, into := makeLayout(t), NewMemory()
	if _, err := Copy(t.Context(), sparse, "v1", b.store, "v1", nil); err != nil {
		t.Fatal(err)
	}
	base := m.Layers[0]
	if err := os.Remove(filepath.Join(sparse.Dir(), filepath.FromSlash(blobPath(base)))); err != nil {
		t.Fatal(err)
	}
	recorded := &recorder{Memory: into}
	if _, err := Copy(t.Context(), recorded, "v1", sparse, "v1", nil); !errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), base.Digest.String()) {
		t.Errorf("neither side has the layer: %v", err)
	}
	if len(recorded.order) > 0 {
		t.Errorf("written before that was known: %v", recorded.order)
	}
	if err := into.Push(t.Context(), base, NewContent(b.store, base)); err != nil {
		t.Fatal(err)
	}
	if result, err := Copy(t.Context(), into, "v1", sparse, "v1", nil); err != nil || result.BlobsExisted != 1 {
		t.Errorf("the target has it: %+v, %v", result, err)
	}
	requireWhole(t, into, "v1", root.Digest)
}
