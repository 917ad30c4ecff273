package interop

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// form is one way in which images come. write makes it in a folder, and gives
// the location for acrkit and the digest that the image must have.
type form struct {
	name    string
	noImage bool // it is an artifact of another kind
	index   bool // it is an index
	write   func(t *testing.T, dir string) (location, digest string)
}

// imageContent is the content of a form in the making.
type imageContent struct {
	t     *testing.T
	blobs map[digest.Digest][]byte
	roots []ocispec.Descriptor
	files []file
}

type file struct {
	name, link string
	data       []byte
}

func newContent(t *testing.T) *imageContent {
	return &imageContent{t: t, blobs: map[digest.Digest][]byte{}}
}

func (c *imageContent) json(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		c.t.Fatal(err)
	}
	return data
}

func (c *imageContent) add(mediaType string, data []byte) ocispec.Descriptor {
	d := digest.FromBytes(data)
	c.blobs[d] = data
	return ocispec.Descriptor{MediaType: mediaType, Digest: d, Size: int64(len(data))}
}

// made is an image with its pieces.
type made struct {
	manifest, config, layer ocispec.Descriptor
}

// image makes an image of one layer. pack compresses the layer.
func (c *imageContent) image(architecture, what, mediaType string, pack func([]byte) []byte) made {
	plain := tarOf(c.t, []file{{name: "etc/" + what, data: []byte(what)}})
	data := plain
	if pack != nil {
		data = pack(plain)
	}
	m := made{layer: c.add(mediaType, data)}
	m.config = c.add(ocispec.MediaTypeImageConfig, c.json(ocispec.Image{
		Platform: ocispec.Platform{OS: "linux", Architecture: architecture}, RootFS: ocispec.RootFS{Type: "layers", DiffIDs: []digest.Digest{digest.FromBytes(plain)}},
	}))
	m.manifest = c.add(ocispec.MediaTypeImageManifest, c.json(ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest, Config: m.config, Layers: []ocispec.Descriptor{m.layer},
	}))
	m.manifest.Platform = &ocispec.Platform{OS: "linux", Architecture: architecture}
	return m
}

func (c *imageContent) index(children ...ocispec.Descriptor) ocispec.Descriptor {
	return c.add(ocispec.MediaTypeImageIndex, c.json(ocispec.Index{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex, Manifests: children}))
}

func (c *imageContent) root(desc ocispec.Descriptor, annotations ...string) {
	desc.Platform = nil
	for i := 0; i < len(annotations); i += 2 {
		if desc.Annotations == nil {
			desc.Annotations = map[string]string{}
		}
		desc.Annotations[annotations[i]] = annotations[i+1]
	}
	c.roots = append(c.roots, desc)
}

// docker lists images in manifest.json.
func (c *imageContent) docker(name string, images ...made) {
	var list []map[string]any
	for _, m := range images {
		list = append(list, map[string]any{"Config": blobName(m.config), "RepoTags": []string{name}, "Layers": []string{blobName(m.layer)}})
	}
	c.files = append(c.files, file{name: "manifest.json", data: c.json(list)})
}

func blobName(d ocispec.Descriptor) string { return "blobs/sha256/" + d.Digest.Encoded() }

// all is the files of the layout, without what lacks names.
func (c *imageContent) all(lacks ...ocispec.Descriptor) []file {
	files := append([]file{
		{name: "oci-layout", data: []byte(`{"imageLayoutVersion":"1.0.0"}`)},
		{name: "index.json", data: c.json(map[string]any{"schemaVersion": 2, "manifests": c.roots})},
	}, c.files...)
	for d, data := range c.blobs {
		lacking := false
		for _, l := range lacks {
			lacking = lacking || l.Digest == d
		}
		if !lacking {
			files = append(files, file{name: "blobs/sha256/" + d.Encoded(), data: data})
		}
	}
	return files
}

func tarOf(t *testing.T, files []file) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, f := range files {
		header := &tar.Header{Name: f.name, Size: int64(len(f.data)), Mode: 0o644, Linkname: f.link, Typeflag: tar.TypeReg}
		if f.link != "" {
			header.Typeflag = tar.TypeSymlink
		}
		if err := w.WriteHeader(header); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(f.data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func gzipped(t *testing.T) func([]byte) []byte {
	return func(data []byte) []byte {
		var out bytes.Buffer
		w := gzip.NewWriter(&out)
		if _, err := w.Write(data); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return out.Bytes()
	}
}

func zstandard(t *testing.T) func([]byte) []byte {
	return func(data []byte) []byte {
		var out bytes.Buffer
		w, err := zstd.NewWriter(&out)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(data); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return out.Bytes()
	}
}

// writeTar writes the files as an archive and gives its location.
func writeTar(t *testing.T, dir, scheme string, files []file, pack func([]byte) []byte) string {
	t.Helper()
	data := tarOf(t, files)
	if pack != nil {
		data = pack(data)
	}
	path := filepath.Join(dir, "source.tar")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return scheme + ":" + path
}

// writeFolder writes the files as a folder and gives its location.
func writeFolder(t *testing.T, dir string, files []file) string {
	t.Helper()
	folder := filepath.Join(dir, "source")
	for _, f := range files {
		path := filepath.Join(folder, filepath.FromSlash(f.name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, f.data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return "oci:" + folder
}

const (
	refName     = ocispec.AnnotationRefName
	gzipLayer   = ocispec.MediaTypeImageLayerGzip
	plainLayer  = ocispec.MediaTypeImageLayer
	cosignKind  = "dev.cosignproject.cosign/"
	containerd  = "io.containerd.image.name"
	attestation = "vnd.docker.reference.type"
)

// forms are the archives and folders of tools that are not on every machine, in
// small.
func forms() []form {
	return []form{
		{name: "docker save 1.10 to 24", write: func(t *testing.T, dir string) (string, string) {
			c := newContent(t)
			m := c.image("amd64", "classic", plainLayer, nil)
			config, layer := m.config.Digest.Encoded()+".json", strings.Repeat("a", 64)+"/layer.tar"
			again := strings.Repeat("b", 64) + "/layer.tar"
			return writeTar(t, dir, "docker", []file{
				{name: layer, data: c.blobs[m.layer.Digest]},
				{name: again, link: "../" + layer},
				{name: config, data: c.blobs[m.config.Digest]},
				{name: "manifest.json", data: c.json([]map[string]any{{"Config": config, "RepoTags": []string{"app:1"}, "Layers": []string{layer}}})},
				{name: "repositories", data: []byte(`{"app":{"1":"` + strings.Repeat("b", 64) + `"}}`)},
			}, nil), m.manifest.Digest.String()
		}},
		{name: "docker save 25 to 28", write: func(t *testing.T, dir string) (string, string) {
			c := newContent(t)
			m := c.image("amd64", "both", plainLayer, nil)
			c.root(m.manifest, containerd, "docker.io/library/app:1", refName, "1")
			c.docker("app:1", m)
			return writeTar(t, dir, "docker", c.all(), nil), m.manifest.Digest.String()
		}},
		{name: "docker save 29, one platform of an index", write: func(t *testing.T, dir string) (string, string) {
			c := newContent(t)
			m, absent := c.image("amd64", "here", gzipLayer, gzipped(t)), c.image("arm64", "absent", gzipLayer, gzipped(t))
			c.root(c.index(m.manifest, absent.manifest), containerd, "docker.io/library/app:1", refName, "1")
			c.docker("app:1", m)
			return writeTar(t, dir, "docker", c.all(absent.manifest, absent.config, absent.layer), nil), m.manifest.Digest.String()
		}},
		{name: "docker save, index without manifests", write: func(t *testing.T, dir string) (string, string) {
			c := newContent(t)
			m := c.image("amd64", "null", plainLayer, nil)
			c.docker("app:1", m)
			return writeTar(t, dir, "docker", c.all(m.manifest), nil), m.manifest.Digest.String()
		}},
		{name: "docker save, compressed by zstd", write: func(t *testing.T, dir string) (string, string) {
			c := newContent(t)
			m := c.image("amd64", "packed", plainLayer, nil)
			c.root(m.manifest, refName, "1")
			c.docker("app:1", m)
			return writeTar(t, dir, "docker", c.all(), zstandard(t)), m.manifest.Digest.String()
		}},
		{name: "buildx, index with an attestation", index: true, write: func(t *testing.T, dir string) (string, string) {
			c := newContent(t)
			m, about := c.image("amd64", "built", gzipLayer, gzipped(t)), c.image("unknown", "statement", gzipLayer, gzipped(t))
			about.manifest.Platform = &ocispec.Platform{OS: "unknown", Architecture: "unknown"}
			about.manifest.Annotations = map[string]string{attestation: "attestation-manifest", "vnd.docker.reference.digest": m.manifest.Digest.String()}
			index := c.index(m.manifest, about.manifest)
			c.root(index, refName, "1")
			return writeTar(t, dir, "oci", c.all(), nil), index.Digest.String()
		}},
		{name: "buildx, layers by zstd", write: func(t *testing.T, dir string) (string, string) {
			c := newContent(t)
			m := c.image("amd64", "zstd", ocispec.MediaTypeImageLayerZstd, zstandard(t))
			c.root(m.manifest, refName, "1")
			return writeFolder(t, dir, c.all()), m.manifest.Digest.String()
		}},
		{name: "ko, index beside its children", index: true, write: func(t *testing.T, dir string) (string, string) {
			c := newContent(t)
			one, two := c.image("amd64", "one", gzipLayer, gzipped(t)), c.image("arm64", "two", gzipLayer, gzipped(t))
			index := c.index(one.manifest, two.manifest)
			c.root(one.manifest)
			c.root(index)
			c.root(two.manifest)
			return writeFolder(t, dir, c.all()), index.Digest.String()
		}},
		{name: "cosign save", write: func(t *testing.T, dir string) (string, string) {
			c := newContent(t)
			m, signature := c.image("amd64", "signed", gzipLayer, gzipped(t)), c.image("", "signature", gzipLayer, gzipped(t))
			c.root(m.manifest, "kind", cosignKind+"image", refName, "reg.example/app:1")
			c.root(signature.manifest, "kind", cosignKind+"sigs", refName, "reg.example/app:1")
			return writeFolder(t, dir, c.all()), m.manifest.Digest.String()
		}},
		{name: "helm, a chart", noImage: true, write: func(t *testing.T, dir string) (string, string) {
			c := newContent(t)
			chart := c.add(ocispec.MediaTypeImageManifest, c.json(ocispec.Manifest{
				Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest,
				Config: c.add("application/vnd.cncf.helm.config.v1+json", []byte(`{"name":"app","version":"1.0.0"}`)),
				Layers: []ocispec.Descriptor{c.add("application/vnd.cncf.helm.chart.content.v1.tar+gzip", gzipped(t)(tarOf(t, nil)))},
			}))
			c.root(chart, refName, "1")
			return writeFolder(t, dir, c.all()), chart.Digest.String()
		}},
		{name: "oras, an artifact with an empty config", noImage: true, write: func(t *testing.T, dir string) (string, string) {
			c := newContent(t)
			root := c.add(ocispec.MediaTypeImageManifest, c.json(ocispec.Manifest{
				Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest, ArtifactType: "application/vnd.example",
				Config: c.add(ocispec.MediaTypeEmptyJSON, []byte("{}")), Layers: []ocispec.Descriptor{c.add("text/plain", []byte("hello")), c.add("text/plain", nil)},
			}))
			c.root(root, refName, "1")
			return writeFolder(t, dir, c.all()), root.Digest.String()
		}},
		{name: "bazel, blobs through links", write: func(t *testing.T, dir string) (string, string) {
			c := newContent(t)
			m := c.image("amd64", "linked", gzipLayer, gzipped(t))
			c.root(m.manifest)
			location := writeFolder(t, dir, c.all())
			folder := strings.TrimPrefix(location, "oci:")
			layer := filepath.Join(folder, filepath.FromSlash(blobName(m.layer)))
			if err := os.Rename(layer, filepath.Join(folder, "layer")); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(filepath.Join("..", "..", "layer"), layer); err != nil {
				t.Fatal(err)
			}
			return location, m.manifest.Digest.String()
		}},
	}
}

// maker is a tool that takes an image out of a registry in its own form.
type maker struct {
	name    string
	program string // what has to be installed, "" for the built ones
	config  bool   // only the config survives the form
	// own is the config's digest of an image that isn't the registry's.
	make func(m *matrix, dir string) (location, own string, err error)
}

func makers() []maker {
	origin := func(m *matrix) string { return m.s.repository("matrix/origin:v1") }
	return []maker{
		{name: "skopeo copy, oci", program: "skopeo", make: func(m *matrix, dir string) (string, string, error) {
			_, err := m.do("", "skopeo", "--insecure-policy", "copy", "--src-tls-verify=false", "docker://"+origin(m), "oci:"+dir+"/l:team/app:1")
			return "oci:" + dir + "/l:team/app:1", "", err
		}},
		{name: "skopeo copy, oci-archive", program: "skopeo", make: func(m *matrix, dir string) (string, string, error) {
			_, err := m.do("", "skopeo", "--insecure-policy", "copy", "--src-tls-verify=false", "docker://"+origin(m), "oci-archive:"+dir+"/a.tar:app:1")
			return "oci:" + dir + "/a.tar", "", err
		}},
		{name: "skopeo copy, docker-archive", program: "skopeo", config: true, make: func(m *matrix, dir string) (string, string, error) {
			_, err := m.do("", "skopeo", "--insecure-policy", "copy", "--src-tls-verify=false", "docker://"+origin(m), "docker-archive:"+dir+"/a.tar:app:1")
			return "docker:" + dir + "/a.tar", "", err
		}},
		{name: "crane pull, oci", make: func(m *matrix, dir string) (string, string, error) {
			_, err := m.do("", client("crane"), "pull", "--format=oci", origin(m), dir+"/l")
			return "oci:" + dir + "/l", "", err
		}},
		{name: "crane pull, tarball", config: true, make: func(m *matrix, dir string) (string, string, error) {
			_, err := m.do("", client("crane"), "pull", origin(m), dir+"/a.tar")
			return "docker:" + dir + "/a.tar", "", err
		}},
		{name: "oras cp, oci-layout", make: func(m *matrix, dir string) (string, string, error) {
			_, err := m.do("", client("oras"), "cp", "--from-plain-http", origin(m), "--to-oci-layout", dir+"/l:v1")
			return "oci:" + dir + "/l", "", err
		}},
		{name: "regctl image copy, ocidir", make: func(m *matrix, dir string) (string, string, error) {
			_, err := m.do("", client("regctl"), "image", "copy", origin(m), "ocidir://"+dir+"/l:v1")
			return "oci:" + dir + "/l", "", err
		}},
		{name: "regctl image export", make: func(m *matrix, dir string) (string, string, error) {
			_, err := m.do("", client("regctl"), "image", "export", origin(m), dir+"/a.tar")
			return "oci:" + dir + "/a.tar", "", err
		}},
		{name: "umoci, a layout of its own", program: "umoci", make: func(m *matrix, dir string) (string, string, error) {
			// umoci reads no registry: it gets the image from skopeo, and gives it a
			// second name.
			if _, err := m.do("", "skopeo", "--insecure-policy", "copy", "--src-tls-verify=false", "docker://"+origin(m), "oci:"+dir+"/l:v1"); err != nil {
				return "", "", err
			}
			_, err := m.do("", "umoci", "tag", "--image", dir+"/l:v1", "second")
			return "oci:" + dir + "/l:second", "", err
		}},
		{name: "buildah push, docker-archive", program: "buildah", make: func(m *matrix, dir string) (string, string, error) {
			store := []string{"--root", dir + "/root", "--runroot", dir + "/run", "--storage-driver", "vfs"}
			if _, err := m.do("", "buildah", append(store, "pull", "--tls-verify=false", origin(m))...); err != nil {
				return "", "", err
			}
			_, err := m.do("", "buildah", append(store, "push", "--disable-compression=false", origin(m), "docker-archive:"+dir+"/a.tar:app:1")...)
			return "docker:" + dir + "/a.tar", "", err
		}, config: true},
	}
}
