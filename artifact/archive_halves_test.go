package artifact

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/ulikunitz/xz"
)

// saved is an archive in the making: what docker 25 and later save.
type saved struct {
	*builder
	files  []tarFile
	roots  []ocispec.Descriptor
	images []dockerImage
}

// part is one image with its pieces.
type part struct {
	desc, config ocispec.Descriptor
	layers       []ocispec.Descriptor
	diffIDs      []digest.Digest
}

// make makes an image whose layers are compressed, or not.
func (s *saved) make(platform, mediaType string, contents ...string) part {
	s.t.Helper()
	p, err := ParsePlatform(platform)
	if err != nil {
		s.t.Fatal(err)
	}
	var made part
	for _, content := range contents {
		plain := makeTar(s.t, file("etc/"+content, content))
		made.diffIDs = append(made.diffIDs, digest.FromBytes(plain))
		data := plain
		if mediaType == ocispec.MediaTypeImageLayerGzip {
			data = zip(s.t, plain)
		}
		made.layers = append(made.layers, s.add(mediaType, data))
	}
	made.config = s.addJSON(ocispec.MediaTypeImageConfig, ocispec.Image{Platform: p, RootFS: ocispec.RootFS{Type: "layers", DiffIDs: made.diffIDs}})
	made.desc = s.addJSON(ocispec.MediaTypeImageManifest, ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest, Config: made.config, Layers: made.layers,
	})
	made.desc.Platform = &p
	return made
}

// attestation is BuildKit's, about an image.
func (s *saved) attestation(of part) ocispec.Descriptor {
	s.t.Helper()
	statement := s.add("application/vnd.in-toto+json", s.blob(50))
	config := s.addJSON(ocispec.MediaTypeImageConfig, ocispec.Image{
		Platform: ocispec.Platform{OS: "unknown", Architecture: "unknown"}, RootFS: ocispec.RootFS{Type: "layers", DiffIDs: []digest.Digest{statement.Digest}},
	})
	desc := s.addJSON(ocispec.MediaTypeImageManifest, ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest, Config: config, Layers: []ocispec.Descriptor{statement},
	})
	desc.Platform = &ocispec.Platform{OS: "unknown", Architecture: "unknown"}
	desc.Annotations = map[string]string{annotationReferenceType: "attestation-manifest", annotationReferenceDigest: of.desc.Digest.String()}
	return desc
}

// root names something in index.json.
func (s *saved) root(desc ocispec.Descriptor, name string) {
	desc = bare(desc)
	desc.Annotations = dockerAnnotations(name)
	s.roots = append(s.roots, desc)
}

// docker lists an image in manifest.json.
func (s *saved) docker(image part, names ...string) {
	listed := dockerImage{Config: blobPath(image.config), RepoTags: names}
	for _, layer := range image.layers {
		listed.Layers = append(listed.Layers, blobPath(layer))
	}
	s.images = append(s.images, listed)
}

// tar is the archive, without the content that lacks names.
func (s *saved) tar(lacks ...ocispec.Descriptor) []byte {
	s.t.Helper()
	files := slices.Concat([]tarFile{
		file(ocispec.ImageLayoutFile, ocispec.ImageLayout{Version: ocispec.ImageLayoutVersion}),
		file(ocispec.ImageIndexFile, map[string]any{"schemaVersion": 2, "manifests": s.roots}),
	}, s.files)
	if s.images != nil {
		files = append(files, file(dockerManifestFile, s.images))
	}
	for d, data := range s.store.blobs {
		if !slices.ContainsFunc(lacks, func(desc ocispec.Descriptor) bool { return desc.Digest == d }) {
			files = append(files, file(blobPath(ocispec.Descriptor{Digest: d}), data))
		}
	}
	return makeTar(s.t, files...)
}

// all is every piece of an image.
func (p part) all() []ocispec.Descriptor {
	return slices.Concat([]ocispec.Descriptor{p.desc, p.config}, p.layers)
}

// copied copies an image of an archive and gives the result and where it is.
func copied(t testing.TB, archive []byte, reference string, o *Options) (*Memory, Result, error) {
	t.Helper()
	a, err := openTar(t, archive)
	if err != nil {
		return nil, Result{}, err
	}
	into := NewMemory()
	result, err := Copy(t.Context(), into, "x", a, reference, o)
	return into, result, err
}

func TestSavedIndexWithOnePlatformGivesItsImageAndSaysWhatWasAbsent(t *testing.T) {
	s := newSaved(t, 81)
	here, absent := s.make("linux/amd64", plainLayer, "a"), s.make("linux/arm64", plainLayer, "b")
	statement := s.attestation(absent)
	s.root(s.index(here.desc, absent.desc, statement), "team/app:1")
	s.docker(here, "team/app:1")
	archive := s.tar(append(absent.all(), statement)...)
	for _, reference := range []string{"", "team/app:1", "1"} {
		_, result, err := copied(t, archive, reference, nil)
		if err != nil {
			t.Fatal(err)
		}
		if result.Root.Digest != here.desc.Digest {
			t.Errorf("%q: %s was copied, want the image for amd64", reference, result.Root.Digest)
		}
		if len(result.LeftOut) != 2 || result.LeftOut[0].Descriptor.Digest != absent.desc.Digest || !strings.Contains(result.LeftOut[0].String(), "linux/arm64") {
			t.Errorf("%q: left out %v; want the image for arm64 and its attestation", reference, result.LeftOut)
		}
	}
	arm64, _ := ParsePlatform("linux/arm64")
	if _, _, err := copied(t, archive, "", &Options{Platforms: []ocispec.Platform{arm64}}); !errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), "linux/amd64") {
		t.Errorf("the platform that is absent: %v", err)
	}
}

func TestSavedIndexWithSeveralPlatformsKeepsThoseWithTheirAttestations(t *testing.T) {
	s := newSaved(t, 82)
	one, two, absent := s.make("linux/amd64", ocispec.MediaTypeImageLayerGzip, "a"), s.make("linux/arm64", ocispec.MediaTypeImageLayerGzip, "b"), s.make("linux/s390x", plainLayer, "c")
	about, ofAbsent := s.attestation(one), s.attestation(absent)
	s.root(s.index(one.desc, two.desc, absent.desc, about, ofAbsent), "team/app:1")
	s.docker(one, "team/app:1")
	s.docker(two, "team/app:1")
	into, result, err := copied(t, s.tar(absent.all()...), "team/app:1", nil)
	if err != nil {
		t.Fatal(err)
	}
	var index ocispec.Index
	mustRead(t, into, result.Root, &index)
	var kept []digest.Digest
	for _, child := range index.Manifests {
		kept = append(kept, child.Digest)
	}
	if want := []digest.Digest{one.desc.Digest, two.desc.Digest, about.Digest}; !slices.Equal(kept, want) {
		t.Errorf("the index has %v, want %v", kept, want)
	}
	if result.Attestations != 1 || len(result.LeftOut) != 2 {
		t.Errorf("%d attestations, left out %v", result.Attestations, result.LeftOut)
	}
}

func TestWholeIndexOfAnArchiveIsCopiedAsItIs(t *testing.T) {
	s := newSaved(t, 83)
	one, two := s.make("linux/amd64", plainLayer, "a"), s.make("linux/arm64", plainLayer, "b")
	root := s.index(one.desc, two.desc, s.attestation(one))
	s.root(root, "app:1")
	s.docker(one, "app:1")
	_, result, err := copied(t, s.tar(), "", nil)
	if err != nil || result.Root.Digest != root.Digest || len(result.LeftOut) > 0 {
		t.Errorf("%s, left out %v, %v; want the index %s", result.Root.Digest, result.LeftOut, err, root.Digest)
	}
}

func TestBothHalvesOfAnArchiveAreRead(t *testing.T) {
	for name, c := range map[string]struct {
		build func(s *saved) (archive []byte, references map[string]digest.Digest)
		says  string // the error; "" for none
	}{
		"an index that is null": {build: func(s *saved) ([]byte, map[string]digest.Digest) {
			image := s.make("linux/amd64", plainLayer, "a")
			s.docker(image, "team/app:1")
			return s.tar(image.desc), map[string]digest.Digest{"team/app:1": image.config.Digest}
		}},
		"an index with one of two images": {build: func(s *saved) ([]byte, map[string]digest.Digest) {
			one, two := s.make("linux/amd64", plainLayer, "a"), s.make("linux/amd64", plainLayer, "b")
			s.root(one.desc, "app:1")
			s.docker(one, "app:1")
			s.docker(two, "app:2")
			return s.tar(), map[string]digest.Digest{"app:1": one.config.Digest, "app:2": two.config.Digest}
		}},
		"a manifest.json with one of two images": {build: func(s *saved) ([]byte, map[string]digest.Digest) {
			one, two := s.make("linux/amd64", plainLayer, "a"), s.make("linux/amd64", plainLayer, "b")
			s.root(one.desc, "app:1")
			s.root(two.desc, "app:2")
			s.docker(two, "app:2")
			return s.tar(), map[string]digest.Digest{"app:1": one.config.Digest, "app:2": two.config.Digest}
		}},
		"a second name in manifest.json": {build: func(s *saved) ([]byte, map[string]digest.Digest) {
			image := s.make("linux/amd64", plainLayer, "a")
			s.root(image.desc, "app:1")
			s.docker(image, "app:1", "reg.example:5000/other:2")
			return s.tar(), map[string]digest.Digest{"app:1": image.config.Digest, "reg.example:5000/other:2": image.config.Digest, "": image.config.Digest}
		}},
		"a manifest without layers, and manifest.json with them": {build: func(s *saved) ([]byte, map[string]digest.Digest) {
			image := s.make("linux/amd64", plainLayer, "a")
			s.root(s.without(image), "app:1")
			s.docker(image, "app:1")
			return s.tar(image.desc), map[string]digest.Digest{"app:1": image.config.Digest, "": image.config.Digest}
		}},
		"a manifest without layers in both": {build: func(s *saved) ([]byte, map[string]digest.Digest) {
			image := s.make("linux/amd64", plainLayer, "a")
			s.root(s.without(image), "app:1")
			image.layers = nil
			s.docker(image, "app:1")
			return s.tar(), nil
		}, says: "1 diff ids"},
		"a manifest without layers alone": {build: func(s *saved) ([]byte, map[string]digest.Digest) {
			image := s.make("linux/amd64", plainLayer, "a")
			s.root(s.without(image), "app:1")
			return s.tar(), nil
		}, says: "it lists 0 layers, and its config 1"},
		"a layer that isn't the config's": {build: func(s *saved) ([]byte, map[string]digest.Digest) {
			image, other := s.make("linux/amd64", plainLayer, "a"), s.make("linux/amd64", plainLayer, "b")
			image.layers = other.layers
			s.root(s.addJSON(ocispec.MediaTypeImageManifest, ocispec.Manifest{
				Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest, Config: image.config, Layers: other.layers,
			}), "app:1")
			return s.tar(), nil
		}, says: "by its config"},
		"one name for two images": {build: func(s *saved) ([]byte, map[string]digest.Digest) {
			one, two := s.make("linux/amd64", plainLayer, "a"), s.make("linux/amd64", plainLayer, "b")
			s.root(one.desc, "app:1")
			s.docker(two, "app:1")
			return s.tar(), nil
		}, says: "contradict one another: the name app:1"},
		"other layers in manifest.json": {build: func(s *saved) ([]byte, map[string]digest.Digest) {
			one, two := s.make("linux/amd64", plainLayer, "a"), s.make("linux/amd64", plainLayer, "b")
			s.root(one.desc, "app:1")
			one.layers = two.layers
			s.docker(one, "app:1")
			return s.tar(), nil
		}, says: "contradict one another: layer 1"},
		"the config's file is missing, the blob is there": {build: func(s *saved) ([]byte, map[string]digest.Digest) {
			image := s.make("linux/amd64", plainLayer, "a")
			s.root(image.desc, "app:1")
			s.images = []dockerImage{{Config: image.config.Digest.Encoded() + ".json", RepoTags: []string{"app:1"}, Layers: []string{"x/layer.tar"}}}
			return s.tar(), map[string]digest.Digest{"app:1": image.config.Digest}
		}},
		"an image that neither half has": {build: func(s *saved) ([]byte, map[string]digest.Digest) {
			one, two := s.make("linux/amd64", plainLayer, "a"), s.make("linux/amd64", plainLayer, "b")
			s.root(one.desc, "app:1")
			s.docker(two, "app:2")
			return s.tar(two.all()...), nil
		}, says: "no file blobs/sha256/"},
		"podman's name by digest": {build: func(s *saved) ([]byte, map[string]digest.Digest) {
			image := s.make("linux/amd64", plainLayer, "a")
			s.docker(image, "docker.io/library/app@"+image.desc.Digest.String())
			return s.tar(image.desc), map[string]digest.Digest{"": image.config.Digest}
		}},
		"a name without a tag": {build: func(s *saved) ([]byte, map[string]digest.Digest) {
			image := s.make("linux/amd64", plainLayer, "a")
			s.docker(image, "team/app")
			return s.tar(image.desc), map[string]digest.Digest{"": image.config.Digest, "team/app": image.config.Digest, "team/app:latest": image.config.Digest}
		}},
		"a manifest.json that names nothing": {build: func(s *saved) ([]byte, map[string]digest.Digest) {
			s.images = []dockerImage{}
			return s.tar(), nil
		}, says: "it names no image"},
	} {
		t.Run(name, func(t *testing.T) {
			archive, references := c.build(newSaved(t, 84))
			if c.says != "" {
				_, _, err := copied(t, archive, "app:1", nil)
				if err == nil || !strings.Contains(err.Error(), c.says) {
					t.Errorf("error %v doesn't say %q", err, c.says)
				}
				return
			}
			for reference, config := range references {
				into, result, err := copied(t, archive, reference, nil)
				if err != nil {
					t.Errorf("%q: %v", reference, err)
					continue
				}
				m, image := imageIn(t, into, "x")
				if m.Config.Digest != config || len(m.Layers) != len(image.RootFS.DiffIDs) {
					t.Errorf("%q: config %s with %d layers (%v), want %s", reference, m.Config.Digest, len(m.Layers), result, config)
				}
			}
		})
	}
}

// without is the manifest of an image that lists no layer, as docker 25's
// release candidates wrote it.
func (s *saved) without(image part) ocispec.Descriptor {
	s.t.Helper()
	return s.addJSON(ocispec.MediaTypeImageManifest, ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest, Config: image.config, Layers: []ocispec.Descriptor{},
	})
}

func TestUnpackedArchiveIsReadLikeTheArchive(t *testing.T) {
	s := newSaved(t, 85)
	here, absent := s.make("linux/amd64", plainLayer, "a"), s.make("linux/arm64", plainLayer, "b")
	s.root(s.index(here.desc, absent.desc), "team/app:1")
	s.docker(here, "team/app:1")
	modern := s.tar(absent.all()...)
	files, _ := classicSave(t, makeTar(t, file("a", "x")), makeTar(t, file("b", "y")), makeTar(t, file("a", "x")))
	for name, c := range map[string]struct {
		archive []byte
		want    func(*Archive) error
	}{
		"docker 29": {modern, func(a *Archive) error {
			root, err := a.Resolve(t.Context(), "team/app:1")
			if err == nil && root.Digest != here.desc.Digest {
				err = fmt.Errorf("the root is %s", root.Digest)
			}
			return err
		}},
		"docker 20": {makeTar(t, files...), func(a *Archive) error {
			_, err := Copy(t.Context(), NewMemory(), "x", a, "app:1", nil)
			return err
		}},
	} {
		dir := t.TempDir()
		unpack(t, c.archive, dir)
		a, err := OpenArchive(t.Context(), dir)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := errors.Join(c.want(a), a.Close()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	outside := t.TempDir()
	if err := os.WriteFile(filepath.Join(outside, "secret"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	unpack(t, modern, dir)
	if err := os.Symlink(filepath.Join(outside, "secret"), filepath.Join(dir, "blobs", "sha256", strings.Repeat("a", 64))); err != nil {
		t.Skip(err)
	}
	if _, err := OpenArchive(t.Context(), dir); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), "outside the folder") {
		t.Errorf("a link that leaves: %v", err)
	}
}

// packedFrom is the tar with folder before each name, as tar makes it when it
// packs a folder from outside.
func packedFrom(t testing.TB, folder string, archive []byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	r := tar.NewReader(bytes.NewReader(archive))
	for {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			header.Name = folder + header.Name
			err = w.WriteHeader(header)
		}
		if err == nil {
			_, err = io.Copy(w, r)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func TestTarOfAWholeFolderIsReadLikeTheFolder(t *testing.T) {
	s := newSaved(t, 87)
	s.root(s.make("linux/amd64", plainLayer, "a").desc, "app:1")
	classic, _ := classicSave(t, makeTar(t, file("a", "x")), makeTar(t, file("b", "y")), makeTar(t, file("a", "x")))
	for name, archive := range map[string][]byte{"a layout": s.tar(), "docker save, with links": makeTar(t, classic...)} {
		_, want, err := copied(t, archive, "", nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, folder := range []string{"image/", "./image/", "build/out/image/"} {
			_, got, err := copied(t, packedFrom(t, folder, archive), "", nil)
			if err != nil || got.Root.Digest != want.Root.Digest {
				t.Errorf("%s in %s: %v, %v, want %s", name, folder, got.Root.Digest, err, want.Root.Digest)
			}
		}
	}
}

func TestEntryTwiceInATar(t *testing.T) {
	s := newSaved(t, 86)
	image := s.make("linux/amd64", plainLayer, "a")
	s.root(image.desc, "app:1")
	s.docker(image, "app:1")
	again := file(blobPath(image.layers[0]), s.store.blobs[image.layers[0].Digest])
	s.files = append(s.files, again)
	if _, _, err := copied(t, s.tar(), "", nil); err != nil {
		t.Errorf("with the same bytes: %v", err)
	}
	changed := slices.Clone(again.data)
	changed[len(changed)-1] ^= 1
	s.files[0].data = changed
	if _, _, err := copied(t, s.tar(), "", nil); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), "it comes twice, with different content") {
		t.Errorf("with other bytes: %v", err)
	}
}

// packers compress in each way that archives come in.
func packers(t testing.TB) map[string]func([]byte) []byte {
	through := func(make func(io.Writer) (io.WriteCloser, error)) func([]byte) []byte {
		return func(data []byte) []byte {
			t.Helper()
			var buf bytes.Buffer
			w, err := make(&buf)
			if err == nil {
				_, err = w.Write(data)
			}
			if err = errors.Join(err, w.Close()); err != nil {
				t.Fatal(err)
			}
			return buf.Bytes()
		}
	}
	return map[string]func([]byte) []byte{
		"gzip": through(func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriter(w), nil }),
		"zstd": through(func(w io.Writer) (io.WriteCloser, error) { return zstd.NewWriter(w) }),
		"xz":   through(func(w io.Writer) (io.WriteCloser, error) { return xz.NewWriter(w) }),
		// The standard library reads bzip2 only, so an archive is kept.
		"bzip2": func([]byte) []byte {
			data, err := os.ReadFile(filepath.Join("testdata", "save.tar.bz2"))
			if err != nil {
				t.Fatal(err)
			}
			return data
		},
	}
}

func TestCompressedArchivesAreToldByTheirContent(t *testing.T) {
	files, _ := classicSave(t, makeTar(t, file("etc/a", "x")))
	plain := makeTar(t, files...)
	for name, pack := range packers(t) {
		t.Run(name, func(t *testing.T) {
			packed := pack(plain)
			if _, result, err := copied(t, packed, "app:1", nil); err != nil || result.BlobsCopied != 2 {
				t.Errorf("as a file: %+v, %v", result, err)
			}
			a, err := OpenArchiveStream(t.Context(), "standard input", bytes.NewReader(packed))
			if err != nil {
				t.Fatal(err)
			}
			defer a.Close()
			if _, err := Copy(t.Context(), NewMemory(), "x", a, "app:1", nil); err != nil {
				t.Errorf("as a stream: %v", err)
			}
			for _, bad := range [][]byte{packed[:len(packed)/2], append(slices.Clone(packed[:len(packed)/3]), bytes.Repeat([]byte{0xff}, 64)...)} {
				_, err := OpenArchiveStream(t.Context(), "standard input", bytes.NewReader(bad))
				if !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), "not a whole "+name+" file") {
					t.Errorf("cut or damaged: %v", err)
				}
			}
			broken := errors.New("the pipe broke")
			_, err = OpenArchiveStream(t.Context(), "standard input", io.MultiReader(bytes.NewReader(packed[:len(packed)/2]), failingReader{broken}))
			if !errors.Is(err, broken) || errors.Is(err, ErrInvalid) {
				t.Errorf("a stream that breaks is blamed on the content: %v", err)
			}
		})
	}
}

func TestLayersOfADockerArchiveCompressedInAnyWay(t *testing.T) {
	layer := makeTar(t, file("etc/a", strings.Repeat("x", 5000)))
	for name, want := range map[string]string{
		"gzip": ocispec.MediaTypeImageLayerGzip, "zstd": ocispec.MediaTypeImageLayerZstd, "xz": plainLayer,
	} {
		files, _ := classicSave(t, layer)
		for i := range files {
			if strings.HasSuffix(files[i].name, "layer.tar") {
				files[i].data = packers(t)[name](files[i].data)
			}
		}
		into, _, err := copied(t, makeTar(t, files...), "app:1", nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		m, image := imageIn(t, into, "x")
		if m.Layers[0].MediaType != want || (want == plainLayer) != (m.Layers[0].Digest == image.RootFS.DiffIDs[0]) {
			t.Errorf("%s: layer %+v of diff id %s", name, m.Layers[0], image.RootFS.DiffIDs[0])
		}
	}
}

func TestLegacyArchiveListsItsImagesInOrder(t *testing.T) {
	var files []tarFile
	tags := map[string]string{}
	for i := range 9 {
		id := digest.FromString(fmt.Sprint(i)).Encoded()
		files = append(files, file(id+"/json", map[string]string{"id": id}), file(id+"/layer.tar", makeTar(t, file("a", fmt.Sprint(i)))))
		tags[fmt.Sprintf("t%d", i)] = id
	}
	a, err := openTar(t, makeTar(t, append(files, file("repositories", map[string]any{"app": tags, "b": map[string]string{"x": tags["t0"]}}))...))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, root := range a.index.Manifests {
		names = append(names, root.Annotations[ocispec.AnnotationRefName])
	}
	if !slices.IsSorted(names) || len(names) != 10 {
		t.Errorf("the images come as %v", names)
	}
}

// FuzzSaved reads both halves of an archive that nobody made.
func FuzzSaved(f *testing.F) {
	s := newSaved(f, 87)
	here, absent := s.make("linux/amd64", plainLayer, "a"), s.make("linux/arm64", plainLayer, "b")
	s.root(s.index(here.desc, absent.desc), "team/app:1")
	f.Add([]byte(`{"schemaVersion":2,"manifests":null}`), []byte(`[{"Config":"`+blobPath(here.config)+`","RepoTags":["app:1"],"Layers":["`+blobPath(here.layers[0])+`"]}]`))
	f.Add([]byte(`{"schemaVersion":2}`), []byte(`[{"Config":"../x"}]`))
	f.Fuzz(func(t *testing.T, index, images []byte) {
		s := &saved{builder: s.builder}
		s.t = t
		files := []tarFile{file(ocispec.ImageLayoutFile, ocispec.ImageLayout{Version: ocispec.ImageLayoutVersion}), file(ocispec.ImageIndexFile, index), file(dockerManifestFile, images)}
		for d, data := range s.store.blobs {
			files = append(files, file(blobPath(ocispec.Descriptor{Digest: d}), data))
		}
		a, err := openTar(t, makeTar(t, files...))
		if err != nil {
			return
		}
		for _, root := range a.index.Manifests {
			if err := checkDescriptor(root); err != nil {
				t.Errorf("root %v: %v", root, err)
			}
		}
	})
}
