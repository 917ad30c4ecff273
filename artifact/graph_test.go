package artifact

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

func TestChildrenComeBeforeParentsAndTheTagLast(t *testing.T) {
	b := newBuilder(t, 9)
	amd64, arm64 := b.image("linux/amd64", 100, 200), b.image("linux/arm64", 100)
	inner := b.index(arm64)
	root := b.index(amd64, inner)
	signature := b.signature(root)
	target := &recorder{Memory: NewMemory()}
	if _, err := Copy(t.Context(), target, "v1", b.store, root.Digest.String(), &Options{Referrers: ReferrersFollow}); err != nil {
		t.Fatal(err)
	}
	position := func(thing string) int {
		i := slices.Index(target.order, thing)
		if i < 0 {
			t.Fatalf("%s is not among %q", thing, target.order)
		}
		return i
	}
	last := len(target.order) - 1
	if position("tag v1") != last || position("push "+root.Digest.String()) != last-1 {
		t.Errorf("the root and its tag don't come last: %q", target.order)
	}
	var manifests []string
	for _, desc := range []ocispec.Descriptor{amd64, arm64, inner, signature, root} {
		manifests = append(manifests, "push "+desc.Digest.String())
	}
	for i, thing := range target.order[:last] {
		if slices.Contains(manifests, thing) {
			for _, later := range target.order[i:last] {
				if !slices.Contains(manifests, later) {
					t.Fatalf("blob %s comes after manifest %s", later, thing)
				}
			}
			break
		}
	}
	if position("push "+arm64.Digest.String()) > position("push "+inner.Digest.String()) {
		t.Error("the inner index comes before its child")
	}
	list, err := target.Referrers(t.Context(), root)
	if err != nil || len(list) != 1 || list[0].Digest != signature.Digest {
		t.Errorf("referrers %v, %v; want the signature", list, err)
	}
}

func TestReferrersOfReferrersAreFollowedUnlessSkipped(t *testing.T) {
	b := newBuilder(t, 10)
	image := b.image("linux/amd64", 10)
	root := b.index(image)
	sbom := b.signature(image)
	signed := b.signature(sbom)
	for mode, want := range map[ReferrersMode]bool{ReferrersAuto: true, ReferrersSkip: false, ReferrersFollow: true} {
		target := NewMemory()
		result, err := Copy(t.Context(), target, "v1", b.store, root.Digest.String(), &Options{Referrers: mode})
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := target.Exists(t.Context(), signed); got != want {
			t.Errorf("mode %d: the signature of the SBOM came along: %v, want %v", mode, got, want)
		}
		if (result.Referrers == 2) != want {
			t.Errorf("mode %d: %d referrers", mode, result.Referrers)
		}
	}
}

func TestPlatformIsPickedOutOfAnIndex(t *testing.T) {
	b := newBuilder(t, 11)
	amd64, v7, arm64 := b.image("linux/amd64", 1), b.image("linux/arm/v7", 2), b.image("linux/arm64", 3)
	attestation := b.image("unknown/unknown", 4)
	b.tag(b.index(amd64, v7, b.index(arm64), arm64, attestation), "v1")
	for platform, want := range map[string]digest.Digest{
		"linux/amd64": amd64.Digest, "linux/x86_64": amd64.Digest, "linux/arm": v7.Digest,
		"linux/arm/v7": v7.Digest, "linux/arm64": arm64.Digest, "linux/arm64/v8": arm64.Digest, "linux/aarch64": arm64.Digest,
	} {
		p, err := ParsePlatform(platform)
		if err != nil {
			t.Fatal(err)
		}
		target := NewMemory()
		result, err := Copy(t.Context(), target, "v1", b.store, "v1", &Options{Platforms: []ocispec.Platform{p}})
		if err != nil {
			t.Fatal(err)
		}
		if result.Root.Digest != want || result.ManifestsPushed != 1 {
			t.Errorf("%s: got %s with %d manifests, want %s", platform, result.Root.Digest, result.ManifestsPushed, want)
		}
	}
	p, _ := ParsePlatform("linux/s390x")
	_, err := Copy(t.Context(), NewMemory(), "v1", b.store, "v1", &Options{Platforms: []ocispec.Platform{p}})
	var missing *NotFoundError
	if !errors.As(err, &missing) || !slices.Contains(missing.Known, "linux/arm/v7") || slices.Contains(missing.Known, "unknown/unknown") {
		t.Errorf("error %v, want one that lists the platforms there are", err)
	}
	b.tag(v7, "single")
	if result, err := Copy(t.Context(), NewMemory(), "v1", b.store, "single", &Options{Platforms: []ocispec.Platform{{OS: "linux", Architecture: "arm"}}}); err != nil || result.Root.Digest != v7.Digest {
		t.Errorf("an image without an index, of the platform that was asked for: %v", err)
	}
	target := NewMemory()
	_, err = Copy(t.Context(), target, "v1", b.store, "single", &Options{Platforms: []ocispec.Platform{p}})
	if missing = nil; !errors.As(err, &missing) || !slices.Equal(missing.Known, []string{"linux/arm/v7"}) {
		t.Errorf("an image without an index, of another platform: %v", err)
	}
	if _, err := target.Resolve(t.Context(), "v1"); !errors.Is(err, ErrNotFound) {
		t.Errorf("it was copied all the same: %v", err)
	}
	for _, bad := range []string{"", "linux", "linux/", "a/b/c/d", "linux/am d64"} {
		if _, err := ParsePlatform(bad); !errors.Is(err, ErrInvalid) {
			t.Errorf("platform %q: %v", bad, err)
		}
	}
}

// liar serves whatever it is told, under whatever digest.
type liar struct {
	content   map[digest.Digest][]byte
	root      ocispec.Descriptor
	referrers func(ocispec.Descriptor) []ocispec.Descriptor
}

func (l *liar) Resolve(context.Context, string) (ocispec.Descriptor, error) { return l.root, nil }

func (l *liar) Fetch(_ context.Context, desc ocispec.Descriptor) (io.ReadCloser, error) {
	data, ok := l.content[desc.Digest]
	if !ok {
		return nil, &NotFoundError{Store: "liar", Thing: desc.Digest.String()}
	}
	return io.NopCloser(bytes.NewReader(data)), nil
}

func (l *liar) Referrers(_ context.Context, desc ocispec.Descriptor) ([]ocispec.Descriptor, error) {
	if l.referrers == nil {
		return nil, nil
	}
	return l.referrers(desc), nil
}

func (l *liar) add(mediaType string, v any) ocispec.Descriptor {
	data, ok := v.([]byte)
	if !ok {
		data, _ = json.Marshal(v)
	}
	desc := ocispec.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(data), Size: int64(len(data))}
	l.content[desc.Digest] = data
	return desc
}

func TestGraphThatCannotBeTrueIsRefusedBeforeAnythingIsWritten(t *testing.T) {
	type m = map[string]any
	config := func(l *liar) ocispec.Descriptor {
		return l.add(ocispec.MediaTypeImageConfig, []byte("{}"))
	}
	image := func(l *liar, layers ...any) ocispec.Descriptor {
		return l.add(ocispec.MediaTypeImageManifest, m{"schemaVersion": 2, "config": config(l), "layers": layers})
	}
	index := func(l *liar, children ...any) ocispec.Descriptor {
		return l.add(ocispec.MediaTypeImageIndex, m{"schemaVersion": 2, "manifests": children})
	}
	layer := func(digest string, size int64) m {
		return m{"mediaType": ocispec.MediaTypeImageLayer, "digest": digest, "size": size}
	}
	x := digest.FromString("x").String()
	cases := []struct {
		name  string
		build func(l *liar) ocispec.Descriptor
		says  string
	}{
		{"not JSON", func(l *liar) ocispec.Descriptor { return l.add(ocispec.MediaTypeImageManifest, []byte("<html>")) }, "not a JSON manifest"},
		{"unknown digest algorithm", func(l *liar) ocispec.Descriptor { return image(l, layer("blake3:"+strings.Repeat("a", 64), 1)) }, "blake3"},
		{"sha384", func(l *liar) ocispec.Descriptor { return image(l, layer("sha384:"+strings.Repeat("a", 96), 1)) }, "sha384"},
		{"malformed digest", func(l *liar) ocispec.Descriptor { return image(l, layer("sha256:../../x", 1)) }, "sha256:../../x"},
		{"no digest", func(l *liar) ocispec.Descriptor { return image(l, m{"size": 1}) }, "digest"},
		{"negative size", func(l *liar) ocispec.Descriptor { return image(l, layer(x, -1)) }, "-1"},
		{"absurd size", func(l *liar) ocispec.Descriptor { return image(l, layer(x, 1<<60)) }, "out of range"},
		{"two sizes for one blob", func(l *liar) ocispec.Descriptor { return image(l, layer(x, 1), layer(x, 2)) }, "another says"},
		{"another media type inside", func(l *liar) ocispec.Descriptor {
			return l.add(ocispec.MediaTypeImageManifest, m{"mediaType": ocispec.MediaTypeImageIndex, "config": config(l)})
		}, "no config and no layers"},
		{"image and index in one", func(l *liar) ocispec.Descriptor {
			return l.add(ocispec.MediaTypeImageIndex, m{"manifests": []any{}, "config": config(l), "layers": []any{}})
		}, "no config"},
		{"index and image in one", func(l *liar) ocispec.Descriptor {
			return l.add(ocispec.MediaTypeImageManifest, m{"config": config(l), "manifests": []any{image(l)}})
		}, "no manifests"},
		{"no config", func(l *liar) ocispec.Descriptor { return l.add(ocispec.MediaTypeImageManifest, m{"layers": []any{}}) }, "config"},
		{"child is missing", func(l *liar) ocispec.Descriptor {
			return index(l, m{"mediaType": ocispec.MediaTypeImageManifest, "digest": x, "size": 1})
		}, x},
		{"child has another size", func(l *liar) ocispec.Descriptor {
			child := image(l)
			child.Size--
			return index(l, child)
		}, "more than"},
		{"child has other bytes", func(l *liar) ocispec.Descriptor {
			child := image(l)
			l.content[child.Digest] = bytes.Replace(l.content[child.Digest], []byte("2"), []byte("3"), 1)
			return index(l, child)
		}, "does not match its digest"},
		{"child over 4 MiB", func(l *liar) ocispec.Descriptor {
			return index(l, m{"mediaType": ocispec.MediaTypeImageManifest, "digest": x, "size": 4<<20 + 1})
		}, "the limit is 4194304"},
		{"root over 4 MiB", func(l *liar) ocispec.Descriptor {
			return l.add(ocispec.MediaTypeImageIndex, bytes.Repeat([]byte(" "), 4<<20+1))
		}, "the limit is 4194304"},
		{"schema 1", func(l *liar) ocispec.Descriptor { return l.add(mediaTypeDockerSchema1JWS, []byte("{}")) }, "schema 1"},
		{"seventeen levels", func(l *liar) ocispec.Descriptor {
			root := image(l)
			for range maxDepth {
				root = index(l, root)
			}
			return root
		}, "levels deep"},
		{"referrer of something else", func(l *liar) ocispec.Descriptor {
			other := image(l)
			root := index(l, other)
			l.referrers = func(d ocispec.Descriptor) []ocispec.Descriptor {
				if d.Digest == root.Digest {
					return []ocispec.Descriptor{other}
				}
				return nil
			}
			return root
		}, "not its subject"},
		{"referrers without end", func(l *liar) ocispec.Descriptor {
			l.referrers = func(d ocispec.Descriptor) []ocispec.Descriptor {
				return []ocispec.Descriptor{l.add(ocispec.MediaTypeImageManifest, m{"config": config(l), "subject": d})}
			}
			return image(l)
		}, "are more than"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			l := &liar{content: map[digest.Digest][]byte{}}
			l.root = c.build(l)
			target := &recorder{Memory: NewMemory()}
			_, err := Copy(t.Context(), target, "v1", l, "v1", &Options{Referrers: ReferrersFollow})
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Fatalf("error %v doesn't say %q", err, c.says)
			}
			if !errors.Is(err, ErrInvalid) && !errors.Is(err, ErrNotFound) && !isMismatch(err) {
				t.Errorf("error %v is of no type that says it", err)
			}
			if len(target.order) > 0 {
				t.Errorf("written before the error: %q", target.order)
			}
		})
	}
}

func TestIndexesThatNameOneChildManyTimesAreReadOnce(t *testing.T) {
	// Each level names the next two thousand times: following every mention
	// would take 2000^5 descriptors.
	b := newBuilder(t, 13)
	root := b.image("linux/amd64", 10)
	for range 5 {
		root = b.index(slices.Repeat([]ocispec.Descriptor{bare(root)}, 2000)...)
	}
	result, err := Copy(t.Context(), NewMemory(), "v1", b.store, root.Digest.String(), nil)
	if err != nil || result.ManifestsPushed != 6 {
		t.Errorf("%+v, %v", result, err)
	}
}

func TestGraphIsRefusedBeforeItFillsTheMemory(t *testing.T) {
	l := &liar{content: map[digest.Digest][]byte{}}
	var children []ocispec.Descriptor
	for i := range 20 {
		// They don't exist: that this many may be read at all is what is wrong.
		children = append(children, ocispec.Descriptor{MediaType: ocispec.MediaTypeImageIndex, Digest: digest.FromString(fmt.Sprint(i)), Size: 4 << 20})
	}
	l.root = l.add(ocispec.MediaTypeImageIndex, ocispec.Index{Manifests: children})
	if _, err := Copy(t.Context(), NewMemory(), "v1", l, "v1", nil); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), "more than 67108864 bytes") {
		t.Errorf("80 MiB of manifests: %v", err)
	}

	huge := ocispec.Descriptor{MediaType: "application/x", Digest: digest.FromString("x"), Size: 1 << 39}
	l.root = l.add(ocispec.MediaTypeImageIndex, ocispec.Index{})
	l.referrers = func(ocispec.Descriptor) []ocispec.Descriptor { return []ocispec.Descriptor{huge} }
	if _, err := Copy(t.Context(), NewMemory(), "v1", l, "v1", &Options{Referrers: ReferrersFollow}); !errors.Is(err, ErrInvalid) {
		t.Errorf("a referrer of 512 GiB: %v", err)
	}
	l.root = huge
	if _, err := Copy(t.Context(), NewMemory(), "v1", l, "v1", nil); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), "too many to be read whole") {
		t.Errorf("a root of 512 GiB: %v", err)
	}
}

func TestGraphInACircleIsRefused(t *testing.T) {
	// No digest can be in its own content, so the circle is put together by
	// hand, behind the verification.
	a := ocispec.Descriptor{MediaType: ocispec.MediaTypeImageIndex, Digest: digest.FromString("a"), Size: 1}
	b := ocispec.Descriptor{MediaType: ocispec.MediaTypeImageIndex, Digest: digest.FromString("b"), Size: 1}
	w := &walker{src: NewMemory(), graph: &graph{root: a, nodes: map[digest.Digest]*node{
		a.Digest: {desc: a, parsed: &manifest{Manifests: []ocispec.Descriptor{b}}},
		b.Digest: {desc: b, parsed: &manifest{Manifests: []ocispec.Descriptor{a}}},
	}}}
	if err := w.descend(t.Context(), []ocispec.Descriptor{a}, false); err != nil {
		t.Fatal(err)
	}
	if err := w.arrange(); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), "contains itself") {
		t.Fatalf("error %v, want one that says that it contains itself", err)
	}
}

func TestWideIndexIsCopiedWhole(t *testing.T) {
	b := newBuilder(t, 12)
	var children []ocispec.Descriptor
	for i := range 200 {
		children = append(children, b.image(fmt.Sprintf("os%d/amd64", i), 10))
	}
	root := b.index(append(children, children...)...)
	target := NewMemory()
	result, err := Copy(t.Context(), target, "v1", b.store, root.Digest.String(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if result.ManifestsPushed != 201 || result.BlobsCopied != 400 {
		t.Errorf("%+v", result)
	}
	requireWhole(t, target, "v1", root.Digest)
}
