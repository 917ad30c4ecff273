package main

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// demoLayer is files of this machine that become a layer.
type demoLayer struct {
	what  string   // in words
	roots []string // files and folders
	dir   string   // where they are in the image
	zip   bool
}

// demoLayers chooses the files: this program, and the Go tree it was built with
// where there is one, otherwise what the system has.
func demoLayers(ctx context.Context, getenv func(string) string) ([]demoLayer, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program's file: %w", err)
	}
	layers := []demoLayer{{what: "this program", roots: []string{self}, dir: "usr/bin"}}
	if goroot := findGo(ctx, getenv); goroot != "" {
		return append(layers,
			demoLayer{what: "the tools of Go", roots: []string{filepath.Join(goroot, "bin"), filepath.Join(goroot, "pkg")}, dir: "usr/local/go"},
			demoLayer{what: "the sources of Go, gzipped", roots: []string{filepath.Join(goroot, "src")}, dir: "usr/local/go", zip: true},
		), nil
	}
	libraries, texts := []string{"/usr/lib", "/usr/libexec"}, []string{"/usr/share"}
	if windows := getenv("SystemRoot"); runtime.GOOS == "windows" && windows != "" {
		libraries, texts = []string{filepath.Join(windows, "System32")}, []string{filepath.Join(windows, "Fonts")}
	}
	return append(layers,
		demoLayer{what: "libraries of this machine", roots: libraries, dir: "usr/lib"},
		demoLayer{what: "shared files of this machine, gzipped", roots: texts, dir: "usr/share", zip: true},
	), nil
}

// goLimit bounds the question where Go is.
const goLimit = 5 * time.Second

// findGo finds the Go tree; "" when there is none.
func findGo(ctx context.Context, getenv func(string) string) string {
	candidates := []string{getenv("GOROOT")}
	ctx, cancel := context.WithTimeout(ctx, goLimit)
	defer cancel()
	if said, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output(); err == nil {
		candidates = append(candidates, strings.TrimSpace(string(said)))
	}
	for _, candidate := range candidates {
		if info, err := os.Stat(filepath.Join(candidate, "src")); candidate != "" && err == nil && info.IsDir() {
			return candidate
		}
	}
	return ""
}

// maxDemoLayer bounds a layer's files: the demo shall be a minute at most.
const maxDemoLayer = 160 << 20

// builtLayer is a layer that was written.
type builtLayer struct {
	what   string
	desc   ocispec.Descriptor
	diffID digest.Digest
	files  int
	bytes  int64 // of the files
}

// demoImage is an OCI layout folder with one image in it.
type demoImage struct {
	dir    string
	layers []builtLayer
	root   ocispec.Descriptor
}

// buildDemoImage writes an image of real files into a new layout folder, and
// tells each layer that is done.
func buildDemoImage(ctx context.Context, dir, tag string, layers []demoLayer, tell func(builtLayer)) (*demoImage, error) {
	i := &demoImage{dir: dir}
	if err := os.MkdirAll(filepath.Join(dir, "blobs", "sha256"), 0o755); err != nil {
		return nil, err
	}
	config := ocispec.Image{
		Platform: ocispec.Platform{OS: runtime.GOOS, Architecture: runtime.GOARCH},
		Config:   ocispec.ImageConfig{Entrypoint: []string{"/usr/bin/acrkit"}, Cmd: []string{"demo"}},
		RootFS:   ocispec.RootFS{Type: "layers"},
	}
	manifest := ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest,
		Annotations: map[string]string{ocispec.AnnotationTitle: "acrkit demo"},
	}
	for _, layer := range layers {
		built, err := i.layer(ctx, layer)
		if err != nil {
			return nil, fmt.Errorf("layer of %s: %w", layer.what, err)
		}
		tell(built)
		i.layers = append(i.layers, built)
		config.RootFS.DiffIDs = append(config.RootFS.DiffIDs, built.diffID)
		config.History = append(config.History, ocispec.History{CreatedBy: "acrkit demo", Comment: layer.what})
		manifest.Layers = append(manifest.Layers, built.desc)
	}
	var err error
	if manifest.Config, err = i.document(ocispec.MediaTypeImageConfig, config); err != nil {
		return nil, err
	}
	if i.root, err = i.document(ocispec.MediaTypeImageManifest, manifest); err != nil {
		return nil, err
	}
	named := i.root
	named.Annotations = map[string]string{ocispec.AnnotationRefName: tag}
	if err := writeJSON(filepath.Join(dir, ocispec.ImageLayoutFile), ocispec.ImageLayout{Version: ocispec.ImageLayoutVersion}); err != nil {
		return nil, err
	}
	return i, writeJSON(filepath.Join(dir, ocispec.ImageIndexFile), ocispec.Index{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex, Manifests: []ocispec.Descriptor{named},
	})
}

func writeJSON(path string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o644)
}

// document stores v as a JSON blob.
func (i *demoImage) document(mediaType string, v any) (ocispec.Descriptor, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	desc := ocispec.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(data), Size: int64(len(data))}
	return desc, os.WriteFile(i.blob(desc.Digest), data, 0o644)
}

func (i *demoImage) blob(d digest.Digest) string {
	return filepath.Join(i.dir, "blobs", "sha256", d.Encoded())
}

// layer writes one layer in one pass: files, tar, digest of the tar, gzip,
// digest of the blob.
func (i *demoImage) layer(ctx context.Context, l demoLayer) (builtLayer, error) {
	file, err := os.CreateTemp(i.dir, "layer-*")
	if err != nil {
		return builtLayer{}, err
	}
	defer os.Remove(file.Name())
	defer file.Close()
	built := builtLayer{what: l.what}
	blob, content := sha256.New(), sha256.New()
	buffered := bufio.NewWriterSize(io.MultiWriter(file, blob), 1<<20)
	if err := built.pack(ctx, l, buffered, content); err != nil {
		return builtLayer{}, err
	}
	if err := buffered.Flush(); err != nil {
		return builtLayer{}, err
	}
	info, err := file.Stat()
	if err != nil {
		return builtLayer{}, err
	}
	built.diffID = sum(content)
	built.desc = ocispec.Descriptor{MediaType: ocispec.MediaTypeImageLayer, Digest: sum(blob), Size: info.Size()}
	if l.zip {
		built.desc.MediaType = ocispec.MediaTypeImageLayerGzip
	}
	if err := file.Close(); err != nil {
		return builtLayer{}, err
	}
	return built, os.Rename(file.Name(), i.blob(built.desc.Digest))
}

func sum(h hash.Hash) digest.Digest {
	return digest.NewDigestFromEncoded(digest.SHA256, hex.EncodeToString(h.Sum(nil)))
}

// pack writes the files as a tar, its digest into content.
func (b *builtLayer) pack(ctx context.Context, l demoLayer, w io.Writer, content hash.Hash) error {
	out, finish := w, func() error { return nil }
	if l.zip {
		zipped, err := gzip.NewWriterLevel(w, gzip.BestSpeed)
		if err != nil {
			return err
		}
		out, finish = zipped, zipped.Close
	}
	archive := tar.NewWriter(io.MultiWriter(out, content))
	for _, root := range l.roots {
		if err := b.tree(ctx, archive, root, l.dir); err != nil {
			return err
		}
	}
	return errors.Join(archive.Close(), finish())
}

// tree packs the regular files under root, as far as they may be read and the
// layer may grow.
func (b *builtLayer) tree(ctx context.Context, archive *tar.Writer, root, dir string) error {
	above := filepath.Dir(root)
	return filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil || !entry.Type().IsRegular():
			return nil // what can't be read isn't needed for a demo
		}
		info, err := entry.Info()
		if err != nil || b.bytes+info.Size() > maxDemoLayer {
			return nil
		}
		file, err := os.Open(path)
		if err != nil {
			return nil
		}
		defer file.Close()
		name, err := filepath.Rel(above, path)
		if err != nil {
			return err
		}
		header := &tar.Header{
			Typeflag: tar.TypeReg, Name: dir + "/" + filepath.ToSlash(name), Size: info.Size(),
			Mode: int64(info.Mode().Perm()), Format: tar.FormatPAX,
		}
		if err := archive.WriteHeader(header); err != nil {
			return err
		}
		// A file that shrinks meanwhile is padded, one that grows is cut: the
		// header has promised its size.
		copied, err := io.Copy(archive, io.LimitReader(file, info.Size()))
		if err != nil {
			return err
		}
		if copied < info.Size() {
			if _, err := io.CopyN(archive, zeroes{}, info.Size()-copied); err != nil {
				return err
			}
		}
		b.files++
		b.bytes += info.Size()
		return nil
	})
}

type zeroes struct{}

func (zeroes) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// verified counts what was found to be as its digest says.
type verified struct {
	blobs, layers int
	bytes         int64
}

// verifyLayout hashes every blob of a layout folder, and every layer's content
// against the image's configuration. It trusts nothing that pull said.
func verifyLayout(ctx context.Context, dir string, root digest.Digest) (verified, error) {
	i := &demoImage{dir: dir}
	var manifest ocispec.Manifest
	var config ocispec.Image
	v := verified{}
	if err := v.document(i, root, &manifest); err != nil {
		return v, err
	}
	if err := v.document(i, manifest.Config.Digest, &config); err != nil {
		return v, err
	}
	if len(config.RootFS.DiffIDs) != len(manifest.Layers) {
		return v, fmt.Errorf("%d layers, but the configuration names %d", len(manifest.Layers), len(config.RootFS.DiffIDs))
	}
	for n, layer := range manifest.Layers {
		if ctx.Err() != nil {
			return v, context.Cause(ctx)
		}
		if err := v.layer(i, layer, config.RootFS.DiffIDs[n]); err != nil {
			return v, fmt.Errorf("layer %s: %w", layer.Digest, err)
		}
	}
	return v, nil
}

func (v *verified) document(i *demoImage, want digest.Digest, into any) error {
	data, err := os.ReadFile(i.blob(want))
	if err != nil {
		return err
	}
	if got := digest.FromBytes(data); got != want {
		return fmt.Errorf("%s has the digest %s", want, got)
	}
	v.blobs++
	v.bytes += int64(len(data))
	return json.Unmarshal(data, into)
}

func (v *verified) layer(i *demoImage, desc ocispec.Descriptor, diffID digest.Digest) error {
	file, err := os.Open(i.blob(desc.Digest))
	if err != nil {
		return err
	}
	defer file.Close()
	blob, content := sha256.New(), sha256.New()
	count := &counter{}
	raw := io.TeeReader(bufio.NewReaderSize(file, 1<<20), io.MultiWriter(blob, count))
	unpacked := raw
	if desc.MediaType == ocispec.MediaTypeImageLayerGzip {
		zipped, err := gzip.NewReader(raw)
		if err != nil {
			return err
		}
		unpacked = zipped
	}
	if _, err := io.Copy(content, unpacked); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, raw); err != nil {
		return err
	}
	switch {
	case sum(blob) != desc.Digest:
		return fmt.Errorf("its digest is %s", sum(blob))
	case count.bytes != desc.Size:
		return fmt.Errorf("it has %d bytes instead of %d", count.bytes, desc.Size)
	case sum(content) != diffID:
		return fmt.Errorf("its content has the digest %s instead of %s", sum(content), diffID)
	}
	v.blobs++
	v.layers++
	v.bytes += count.bytes
	return nil
}

type counter struct{ bytes int64 }

func (c *counter) Write(p []byte) (int, error) {
	c.bytes += int64(len(p))
	return len(p), nil
}

// layoutRoot is the digest of the only image of a layout folder.
func layoutRoot(dir string) (digest.Digest, error) {
	data, err := os.ReadFile(filepath.Join(dir, ocispec.ImageIndexFile))
	if err != nil {
		return "", err
	}
	var index ocispec.Index
	if err := json.Unmarshal(data, &index); err != nil {
		return "", err
	}
	if len(index.Manifests) != 1 {
		return "", fmt.Errorf("%s: %d images instead of one", dir, len(index.Manifests))
	}
	return index.Manifests[0].Digest, nil
}
