package artifact

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// tarFile is one entry of an archive made by hand.
type tarFile struct {
	name, link string
	kind       byte
	data       []byte
}

func file(name string, data any) tarFile {
	switch data := data.(type) {
	case []byte:
		return tarFile{name: name, kind: tar.TypeReg, data: data}
	case string:
		return tarFile{name: name, kind: tar.TypeReg, data: []byte(data)}
	}
	encoded, err := json.Marshal(data)
	if err != nil {
		panic(err)
	}
	return tarFile{name: name, kind: tar.TypeReg, data: encoded}
}

func symlink(name, target string) tarFile {
	return tarFile{name: name, kind: tar.TypeSymlink, link: target}
}

func makeTar(t testing.TB, files ...tarFile) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, f := range files {
		header := &tar.Header{Name: f.name, Linkname: f.link, Typeflag: f.kind, Size: int64(len(f.data)), Mode: 0o644}
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
	return buf.Bytes()
}

func zip(t testing.TB, data []byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := gzip.NewWriter(&buf)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func openTar(t testing.TB, data []byte) (*Archive, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a.tar")
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	a, err := OpenArchive(t.Context(), path)
	if err == nil {
		t.Cleanup(func() { a.Close() })
	}
	return a, err
}

// imageIn reads the image that a reference means, config and layers.
func imageIn(t testing.TB, src Source, reference string) (ocispec.Manifest, ocispec.Image) {
	t.Helper()
	root, err := src.Resolve(t.Context(), reference)
	if err != nil {
		t.Fatal(err)
	}
	data, err := fetchSmall(t.Context(), src, root)
	if err != nil {
		t.Fatal(err)
	}
	var m ocispec.Manifest
	if err := json.Unmarshal(data, &m); err != nil {
		t.Fatal(err)
	}
	var config bytes.Buffer
	if err := NewContent(src, m.Config).WriteTo(t.Context(), &config); err != nil {
		t.Fatal(err)
	}
	var image ocispec.Image
	if err := json.Unmarshal(config.Bytes(), &image); err != nil {
		t.Fatal(err)
	}
	return m, image
}

// classicSave is what docker wrote from 1.10 to 24: a folder a layer, the
// second layer a link to the first where they are equal.
func classicSave(t testing.TB, layers ...[]byte) (files []tarFile, config []byte) {
	t.Helper()
	image := ocispec.Image{Platform: ocispec.Platform{OS: "linux", Architecture: "amd64"}, RootFS: ocispec.RootFS{Type: "layers"}}
	var names []string
	seen := map[digest.Digest]string{}
	for i, layer := range layers {
		d := digest.FromBytes(layer)
		image.RootFS.DiffIDs = append(image.RootFS.DiffIDs, d)
		id := digest.FromString(fmt.Sprint(i)).Encoded()
		name := id + "/layer.tar"
		files = append(files, tarFile{name: id + "/", kind: tar.TypeDir}, file(id+"/VERSION", "1.0"), file(id+"/json", `{"id":"`+id+`"}`))
		if first, ok := seen[d]; ok {
			files = append(files, symlink(name, "../"+first))
		} else {
			seen[d] = name
			files = append(files, file(name, layer))
		}
		names = append(names, name)
	}
	config, err := json.Marshal(image)
	if err != nil {
		t.Fatal(err)
	}
	configName := digest.FromBytes(config).Encoded() + ".json"
	files = append(files,
		file(configName, config),
		file("manifest.json", []dockerImage{{Config: configName, RepoTags: []string{"app:1", "reg.example/app:2"}, Layers: names}}),
		file("repositories", `{"app":{"1":"x"}}`))
	return files, config
}

// memoryRegistry is many repositories in memory.
type memoryRegistry struct {
	mu    sync.Mutex
	repos map[string]*Memory
}

func (*memoryRegistry) Name() string { return "memory registry" }

func (r *memoryRegistry) Repositories(context.Context) ([]string, error) {
	var names []string
	for name := range r.repos {
		names = append(names, name)
	}
	slices.Sort(names)
	return names, nil
}

func (r *memoryRegistry) Source(name string) (Source, error) {
	if r.repos[name] == nil {
		return nil, &NotFoundError{Store: r.Name(), Thing: "repository " + name}
	}
	return r.repos[name], nil
}

func (r *memoryRegistry) Target(name string) (Target, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.repos[name] == nil {
		r.repos[name] = NewMemory()
	}
	return r.repos[name], nil
}

func (r *memoryRegistry) images() map[string]string {
	all := map[string]string{}
	for name, repo := range r.repos {
		for _, desc := range repo.snapshot().Manifests {
			if tag := desc.Annotations[ocispec.AnnotationRefName]; tag != "" {
				all[name+":"+tag] = desc.Digest.String()
			}
		}
	}
	return all
}

func filledRegistry(t *testing.T, repositories, tags int) *memoryRegistry {
	t.Helper()
	r := &memoryRegistry{repos: map[string]*Memory{}}
	for i := range repositories {
		b := newBuilder(t, byte(i+1))
		for j := range tags {
			b.tag(b.image("linux/amd64", 10+j), fmt.Sprintf("v%d", j))
		}
		r.repos[fmt.Sprintf("team%d/app%d", i%2, i)] = b.store
	}
	return r
}

func emptyRegistry() *memoryRegistry { return &memoryRegistry{repos: map[string]*Memory{}} }

func newSaved(t testing.TB, seed byte) *saved { return &saved{builder: newBuilder(t, seed)} }

const plainLayer = ocispec.MediaTypeImageLayer

type failingReader struct{ err error }

func (f failingReader) Read([]byte) (int, error) { return 0, f.err }
