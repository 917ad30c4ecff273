package artifact

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/acrkit/azcontainerregistry/internal/filelock"
)

// layoutOf is a layout with the given roots, and all that they need.
func layoutOf(t testing.TB, b *builder, roots ...ocispec.Descriptor) *Layout {
	t.Helper()
	l := makeLayout(t)
	for d, data := range b.store.blobs {
		desc := ocispec.Descriptor{MediaType: "application/octet-stream", Digest: d, Size: int64(len(data))}
		if err := l.Push(t.Context(), desc, NewContent(b.store, desc)); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.writeIndex(&ocispec.Index{Manifests: roots}); err != nil {
		t.Fatal(err)
	}
	return l
}

// called is a root with annotations.
func called(desc ocispec.Descriptor, annotations ...string) ocispec.Descriptor {
	desc.Annotations = map[string]string{}
	for i := 0; i < len(annotations); i += 2 {
		desc.Annotations[annotations[i]] = annotations[i+1]
	}
	return desc
}

func named(desc ocispec.Descriptor, name string) ocispec.Descriptor {
	return called(desc, ocispec.AnnotationRefName, name)
}

func TestOnlyImageOfALayoutIsFoundAmongWhatBelongsToIt(t *testing.T) {
	b := newBuilder(t, 100)
	amd64, arm64 := b.image("linux/amd64", 1), b.image("linux/arm64", 2)
	index := b.index(amd64, arm64)
	other := b.image("linux/amd64", 3)
	signature := b.signature(amd64)
	statement := called(b.image("unknown/unknown", 4), annotationReferenceType, "attestation-manifest", annotationReferenceDigest, amd64.Digest.String())
	for name, c := range map[string]struct {
		roots []ocispec.Descriptor
		want  digest.Digest
	}{
		"an index beside its children":               {[]ocispec.Descriptor{amd64, index, arm64}, index.Digest},
		"a named index beside its children":          {[]ocispec.Descriptor{amd64, named(index, "v1"), arm64}, index.Digest},
		"a named index beside named children":        {[]ocispec.Descriptor{named(amd64, "v1-amd64"), named(index, "v1"), named(arm64, "v1-arm64")}, index.Digest},
		"a named child beside its unnamed index":     {[]ocispec.Descriptor{index, named(amd64, "v1")}, amd64.Digest},
		"one image under two names":                  {[]ocispec.Descriptor{named(amd64, "v1"), named(amd64, "v2")}, amd64.Digest},
		"a signature":                                {[]ocispec.Descriptor{signature, amd64}, amd64.Digest},
		"a signature alone":                          {[]ocispec.Descriptor{signature}, signature.Digest},
		"an attestation":                             {[]ocispec.Descriptor{statement, named(amd64, "v1")}, amd64.Digest},
		"a list of referrers under its tag":          {[]ocispec.Descriptor{amd64, named(b.index(signature), fallbackTag(amd64.Digest))}, amd64.Digest},
		"cosign's signature under its tag":           {[]ocispec.Descriptor{named(amd64, "v1"), named(other, fallbackTag(amd64.Digest)+".sig")}, amd64.Digest},
		"cosign save":                                {[]ocispec.Descriptor{called(amd64, annotationKind, cosignKindImage), called(other, annotationKind, cosignKindSignature)}, amd64.Digest},
		"cosign save with a name on each":            {[]ocispec.Descriptor{called(other, annotationKind, "dev.cosignproject.cosign/atts", ocispec.AnnotationRefName, "reg.example/a:1"), called(index, annotationKind, cosignKindIndex, ocispec.AnnotationRefName, "reg.example/a:1")}, index.Digest},
		"two images":                                 {[]ocispec.Descriptor{amd64, other}, ""},
		"two named images":                           {[]ocispec.Descriptor{named(amd64, "v1"), named(other, "v2")}, ""},
		"a named image and one that nothing says of": {[]ocispec.Descriptor{named(amd64, "v1"), other}, ""},
	} {
		l := layoutOf(t, b, c.roots...)
		desc, err := l.Resolve(t.Context(), "")
		var ambiguous *AmbiguousError
		switch {
		case c.want == "" && (!errors.As(err, &ambiguous) || len(ambiguous.Known) != 2 || !errors.Is(err, ErrNotFound)):
			t.Errorf("%s: %v, want the choice", name, err)
		case c.want != "" && (err != nil || desc.Digest != c.want):
			t.Errorf("%s: %s, %v; want %s", name, desc.Digest, err, c.want)
		}
		if ambiguous == nil {
			continue
		}
		for _, offered := range ambiguous.Known { // what a message offers can be given
			if _, err := l.Resolve(t.Context(), offered); err != nil {
				t.Errorf("%s: offered %s: %v", name, offered, err)
			}
		}
	}
	both := layoutOf(t, b, called(amd64, annotationKind, cosignKindImage, ocispec.AnnotationRefName, "reg.example/a:1"), called(other, annotationKind, cosignKindSignature, ocispec.AnnotationRefName, "reg.example/a:1"))
	if desc, err := both.Resolve(t.Context(), "reg.example/a:1"); err != nil || desc.Digest != amd64.Digest {
		t.Errorf("cosign's name for image and signature: %s, %v", desc.Digest, err)
	}
}

func TestLayoutOfAnIndexHasOneRoot(t *testing.T) {
	b := newBuilder(t, 101)
	amd64 := b.image("linux/amd64", 1)
	// BuildKit's attestations may have a subject, and are children all the same.
	statement := b.signature(amd64)
	statement.Platform = &ocispec.Platform{OS: "unknown", Architecture: "unknown"}
	root := b.index(amd64, statement)
	l := makeLayout(t)
	if _, err := Copy(t.Context(), l, "v1", b.store, root.Digest.String(), &Options{Referrers: ReferrersSkip}); err != nil {
		t.Fatal(err)
	}
	index, err := l.readIndex()
	if err != nil || len(index.Manifests) != 1 || index.Manifests[0].Digest != root.Digest {
		t.Errorf("roots %v, %v", index.Manifests, err)
	}
}

func TestLayoutThroughLinks(t *testing.T) {
	b := newBuilder(t, 102)
	root := b.image("linux/amd64", 10)
	var m ocispec.Manifest
	mustRead(t, b.store, root, &m)
	blob := filepath.FromSlash(blobPath(m.Layers[0]))
	for name, c := range map[string]struct {
		link func(dir string) (string, error)
		says string
	}{
		"inside": {link: func(dir string) (string, error) {
			return filepath.Join("..", "..", "store"), os.Rename(filepath.Join(dir, blob), filepath.Join(dir, "store"))
		}},
		"inside, by an absolute path": {link: func(dir string) (string, error) {
			return filepath.Join(dir, "store"), os.Rename(filepath.Join(dir, blob), filepath.Join(dir, "store"))
		}},
		"out of it": {says: "cp -rL", link: func(dir string) (string, error) {
			outside := filepath.Join(t.TempDir(), "store")
			return outside, os.Rename(filepath.Join(dir, blob), outside)
		}},
	} {
		l := layoutOf(t, b, named(root, "v1"))
		target, err := c.link(l.Dir())
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(target, filepath.Join(l.Dir(), blob)); err != nil {
			t.Skip(err)
		}
		_, err = Copy(t.Context(), NewMemory(), "v1", l, "v1", nil)
		if c.says == "" && err != nil || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestReferrersOfALayoutSurviveARootThatCannotBeRead(t *testing.T) {
	b := newBuilder(t, 103)
	image, other := b.image("linux/amd64", 1), b.image("linux/amd64", 2)
	signature := b.signature(image)
	l := layoutOf(t, b, named(image, "v1"), named(other, "v2"), signature)
	if err := os.Remove(filepath.Join(l.Dir(), filepath.FromSlash(blobPath(other)))); err != nil {
		t.Fatal(err)
	}
	list, err := l.Referrers(t.Context(), image)
	if err != nil || len(list) != 1 || list[0].Digest != signature.Digest {
		t.Errorf("%v, %v", list, err)
	}
	// The list is looked up again once index.json has changed.
	if err := l.writeIndex(&ocispec.Index{Manifests: []ocispec.Descriptor{named(image, "v1")}}); err != nil {
		t.Fatal(err)
	}
	if list, err := l.Referrers(t.Context(), image); err != nil || len(list) != 0 {
		t.Errorf("after the change: %v, %v", list, err)
	}
}

func TestCosignsTagsComeAlongAndAreCounted(t *testing.T) {
	b := newBuilder(t, 104)
	image := b.image("linux/amd64", 1)
	root := b.index(image)
	b.tag(root, "v1")
	sign := func(subject ocispec.Descriptor, suffix string) digest.Digest {
		s := b.addJSON(ocispec.MediaTypeImageManifest, ocispec.Manifest{
			Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest,
			Config: b.add(ocispec.MediaTypeImageConfig, b.blob(10)), Layers: []ocispec.Descriptor{b.add("application/vnd.dev.cosign.simplesigning.v1+json", b.blob(5))},
		})
		b.tag(s, fallbackTag(subject.Digest)+suffix)
		return s.Digest
	}
	want := map[string]digest.Digest{
		fallbackTag(root.Digest) + ".sig": sign(root, ".sig"), fallbackTag(image.Digest) + ".sig": sign(image, ".sig"),
		fallbackTag(root.Digest) + ".att": sign(root, ".att"), fallbackTag(root.Digest) + ".sbom": sign(root, ".sbom"),
	}
	b.signature(image)
	for name, c := range map[string]struct {
		o         *Options
		tags, oci int
	}{
		"all":                   {nil, 4, 1},
		"none":                  {&Options{Referrers: ReferrersSkip}, 0, 0},
		"cosign's":              {&Options{ReferrerKinds: []string{ReferrersCosign}}, 4, 0},
		"those with a subject":  {&Options{ReferrerKinds: []string{ReferrersOCI}}, 0, 1},
		"of one type":           {&Options{ReferrerKinds: []string{"application/vnd.example.*"}}, 0, 1},
		"of another type":       {&Options{ReferrerKinds: []string{"application/vnd.cncf.notary.signature"}}, 0, 0},
		"of a type or cosign's": {&Options{ReferrerKinds: []string{"application/vnd.cncf.notary.signature", ReferrersCosign}}, 4, 0},
	} {
		into := makeLayout(t)
		result, err := Copy(t.Context(), into, "v1", b.store, "v1", c.o)
		if err != nil || result.DigestTags != c.tags || result.Referrers != c.oci {
			t.Errorf("%s: %d tags and %d referrers, %v; want %d and %d", name, result.DigestTags, result.Referrers, err, c.tags, c.oci)
			continue
		}
		if c.tags == 0 {
			continue
		}
		for tag, d := range want {
			if desc, err := into.Resolve(t.Context(), tag); err != nil || desc.Digest != d {
				t.Errorf("%s: %s is %s, %v; want %s", name, tag, desc.Digest, err, d)
			}
		}
	}
	if _, err := Copy(t.Context(), NewMemory(), "v1", b.store, "v1", &Options{ReferrerKinds: []string{"signatures"}}); !errors.Is(err, ErrInvalid) {
		t.Errorf("a kind that there isn't: %v", err)
	}
}

func TestImagesOfAnArchiveAreSyncedUnderTheirOwnNames(t *testing.T) {
	b := newBuilder(t, 105)
	one, two, three := b.image("linux/amd64", 1), b.image("linux/amd64", 2), b.image("linux/amd64", 3)
	l := layoutOf(t, b, named(one, "team/app:1"), named(one, "reg.example:5000/team/app:latest"), called(two, annotationContainerdName, "docker.io/library/tool:2", ocispec.AnnotationRefName, "2"), named(three, "v3"))
	source, err := Images(l, "rest")
	if err != nil {
		t.Fatal(err)
	}
	tree := NewLayoutTree(t.TempDir())
	defer tree.Close()
	result, err := Sync(t.Context(), tree, source, nil)
	if err != nil || result.Images != 4 || result.Copied != 4 {
		t.Fatalf("%+v, %v", result, err)
	}
	for name, want := range map[string]digest.Digest{"team/app:1": one.Digest, "team/app:latest": one.Digest, "tool:2": two.Digest, "rest:v3": three.Digest} {
		repository, tag, _ := strings.Cut(name, ":")
		into, err := tree.Source(repository)
		if err != nil {
			t.Fatal(err)
		}
		requireWhole(t, into, tag, want)
	}
	// What has no name fails, by its digest, and stops nobody.
	l = layoutOf(t, b, named(one, "app:1"), two, named(three, "v3"))
	if source, err = Images(l, ""); err != nil {
		t.Fatal(err)
	}
	result, err = Sync(t.Context(), tree, source, nil)
	var partial *PartialError
	if !errors.As(err, &partial) || result.Failed != 2 || !strings.Contains(errors.Join(partial.Errs...).Error(), two.Digest.String()) {
		t.Errorf("%+v, %v", result, err)
	}
}

func TestSyncOfALayoutSaysWhichImagesHaveNoName(t *testing.T) {
	b := newBuilder(t, 106)
	image, other := b.image("linux/amd64", 1), b.image("linux/amd64", 2)
	dir := t.TempDir()
	l := layoutOf(t, b, called(image, annotationKind, cosignKindImage), called(other, annotationKind, cosignKindSignature))
	if err := os.Rename(l.Dir(), filepath.Join(dir, "app")); err != nil {
		t.Fatal(err)
	}
	from, into := NewLayoutTree(dir), NewLayoutTree(t.TempDir())
	defer from.Close()
	defer into.Close()
	result, err := Sync(t.Context(), into, from, nil)
	if !errors.As(err, new(*PartialError)) || result.Failed != 1 || !strings.Contains(err.Error(), image.Digest.String()) {
		t.Errorf("%+v, %v", result, err)
	}
}

func TestStrangeTagOfALayoutStopsNoOther(t *testing.T) {
	b := newBuilder(t, 107)
	good := b.image("linux/amd64", 1)
	bad := b.add("application/octet-stream", []byte(`{"mediaType":"application/vnd.nobody.knows+json"}`))
	bad.MediaType = ocispec.MediaTypeImageManifest
	dir := t.TempDir()
	l := layoutOf(t, b, named(bad, "a"), named(good, "b"), named(good, "c"), named(bad, "c"))
	if err := os.Rename(l.Dir(), filepath.Join(dir, "app")); err != nil {
		t.Fatal(err)
	}
	from, into := NewLayoutTree(dir), NewLayoutTree(t.TempDir())
	defer from.Close()
	defer into.Close()
	result, err := Sync(t.Context(), into, from, nil)
	if !errors.As(err, new(*PartialError)) || result.Copied != 1 || result.Failed != 2 || result.Images != 3 {
		t.Fatalf("%+v, %v", result, err)
	}
	if target, err := into.Source("app"); err != nil {
		t.Error(err)
	} else {
		requireWhole(t, target, "b", good.Digest)
	}
}

func TestRemovePartialLeavesWhatIsWhole(t *testing.T) {
	b := newBuilder(t, 108)
	root := b.image("linux/amd64", 10)
	l := layoutOf(t, b, named(root, "v1"))
	part := filepath.Join(l.Dir(), partialDir, "sha256-"+digest.FromString("x").Encoded())
	write := func() {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(part), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(part, []byte("half"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write()
	held, err := os.OpenFile(part, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if locked, err := filelock.Try(held); err != nil || !locked {
		t.Fatal(locked, err)
	}
	if err := RemovePartial(l.Dir()); !errors.As(err, new(*InUseError)) {
		t.Errorf("a part that somebody writes: %v", err)
	}
	held.Close()
	if err := RemovePartial(l.Dir()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Dir(part)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the parts' folder: %v", err)
	}
	requireWhole(t, l, "v1", root.Digest)
	if err := RemovePartial(l.Dir()); err != nil {
		t.Errorf("the second time: %v", err)
	}

	path := filepath.Join(t.TempDir(), "a.tar")
	if err := RemovePartial(path); err != nil {
		t.Errorf("without anything there: %v", err)
	}
	w, err := CreateArchive(path, ArchiveOCI)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Push(t.Context(), root, NewContent(b.store, root)); err != nil {
		t.Fatal(err)
	}
	if err := RemovePartial(path); !errors.As(err, new(*InUseError)) {
		t.Errorf("an archive that somebody writes: %v", err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path + stagingSuffix); err != nil {
		t.Fatalf("the part is gone already: %v", err)
	}
	if err := RemovePartial(path); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path + stagingSuffix); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the archive's part: %v", err)
	}
}

// FuzzRoots reads index.json files that nobody made.
func FuzzRoots(f *testing.F) {
	b := newBuilder(f, 109)
	image := b.image("linux/amd64", 1)
	index := b.index(image)
	for _, roots := range [][]ocispec.Descriptor{{image, index}, {named(image, "a/b:1"), b.signature(image)}, {called(image, annotationKind, cosignKindImage)}} {
		data, err := json.Marshal(ocispec.Index{Versioned: specs.Versioned{SchemaVersion: 2}, Manifests: roots})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data, "a/b:1")
	}
	f.Fuzz(func(t *testing.T, data []byte, reference string) {
		parsed, err := parseIndexFile("fuzz", data)
		if err != nil {
			return
		}
		roots := imageRoots(t.Context(), b.store, parsed)
		for _, root := range roots {
			if !slices.ContainsFunc(parsed.Manifests, sameDigest(root)) {
				t.Errorf("root %s is none", root.Digest)
			}
		}
		_, _ = resolveIndex(t.Context(), b.store, "fuzz", parsed, reference)
	})
}

// TestALayoutWithoutATagMeansItsOnlyImage holds what a reference without a name
// means where there is none, one, or several images, and where the only entry has
// a type that tells nothing.
func TestALayoutWithoutATagMeansItsOnlyImage(t *testing.T) {
	b := newBuilder(t, 102)
	one, other := b.image("linux/amd64", 1), b.image("linux/amd64", 2)
	untyped := one
	untyped.MediaType = "application/octet-stream"
	inline := one
	inline.Data = b.store.blobs[one.Digest]

	for name, root := range map[string]ocispec.Descriptor{"an image": one, "a type that tells nothing": untyped, "inline data": inline} {
		got, err := layoutOf(t, b, root).Resolve(t.Context(), "")
		if err != nil || got.Digest != one.Digest || got.MediaType != one.MediaType {
			t.Errorf("%s: %s of type %s, %v", name, got.Digest, got.MediaType, err)
		}
	}
	unfetched := b.image("linux/amd64", 3)
	unfetched.Data = b.store.blobs[unfetched.Digest]
	delete(b.store.blobs, unfetched.Digest)
	if got, err := layoutOf(t, b, unfetched).Resolve(t.Context(), ""); err != nil || len(got.Data) == 0 {
		t.Errorf("inline data without the blob: %d bytes of data, %v", len(got.Data), err)
	}
	var missing *NotFoundError
	if got, err := layoutOf(t, b).Resolve(t.Context(), ""); !errors.As(err, &missing) || missing.DiagnosisCode() != codeTagMissing {
		t.Errorf("an empty layout: %s, %v", got.Digest, err)
	}
	odd := ocispec.Descriptor{MediaType: "application/octet-stream", Digest: digest.FromString("nothing"), Size: 7}
	if got, err := layoutOf(t, b, odd).Resolve(t.Context(), ""); !errors.Is(err, ErrNotFound) {
		t.Errorf("an entry that is not there: %s, %v", got.Digest, err)
	}
	var ambiguous *AmbiguousError
	if got, err := layoutOf(t, b, named(one, "a"), other).Resolve(t.Context(), ""); !errors.As(err, &ambiguous) || !slices.Equal(ambiguous.Known, []string{"a", other.Digest.String()}) {
		t.Errorf("two images: %s, %v (%+v)", got.Digest, err, ambiguous)
	}
}
