package demo

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
	"path/filepath"
	"runtime"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// BuiltLayer is a layer that was written.
type BuiltLayer struct {
	What   string
	Desc   ocispec.Descriptor
	diffID digest.Digest
	Files  int
	bytes  int64 // of the files
}

// Image is an OCI layout folder with one image in it.
type Image struct {
	dir    string
	Layers []BuiltLayer
	root   ocispec.Descriptor
}

// BuildImage writes an image of real files into a new layout folder, and
// tells each layer that is done.
func BuildImage(ctx context.Context, dir, tag string, layers []Layer, tell func(BuiltLayer)) (*Image, error) {
	i := &Image{dir: dir}
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
			return nil, fmt.Errorf("layer of %s: %w", layer.What, err)
		}
		tell(built)
		i.Layers = append(i.Layers, built)
		config.RootFS.DiffIDs = append(config.RootFS.DiffIDs, built.diffID)
		config.History = append(config.History, ocispec.History{CreatedBy: "acrkit demo", Comment: layer.What})
		manifest.Layers = append(manifest.Layers, built.Desc)
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
func (i *Image) document(mediaType string, v any) (ocispec.Descriptor, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	desc := ocispec.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(data), Size: int64(len(data))}
	return desc, os.WriteFile(i.blob(desc.Digest), data, 0o644)
}

func (i *Image) blob(d digest.Digest) string {
	return filepath.Join(i.dir, "blobs", "sha256", d.Encoded())
}

// layer writes one layer in one pass: files, tar, digest of the tar, gzip,
// digest of the blob.
func (i *Image) layer(ctx context.Context, l Layer) (BuiltLayer, error) {
	file, err := os.CreateTemp(i.dir, "layer-*")
	if err != nil {
		return BuiltLayer{}, err
	}
	defer os.Remove(file.Name())
	defer file.Close()
	built := BuiltLayer{What: l.What}
	blob, content := sha256.New(), sha256.New()
	buffered := bufio.NewWriterSize(io.MultiWriter(file, blob), 1<<20)
	if err := built.pack(ctx, l, buffered, content); err != nil {
		return BuiltLayer{}, err
	}
	if err := buffered.Flush(); err != nil {
		return BuiltLayer{}, err
	}
	info, err := file.Stat()
	if err != nil {
		return BuiltLayer{}, err
	}
	built.diffID = sum(content)
	built.Desc = ocispec.Descriptor{MediaType: ocispec.MediaTypeImageLayer, Digest: sum(blob), Size: info.Size()}
	if l.Zip {
		built.Desc.MediaType = ocispec.MediaTypeImageLayerGzip
	}
	if err := file.Close(); err != nil {
		return BuiltLayer{}, err
	}
	return built, os.Rename(file.Name(), i.blob(built.Desc.Digest))
}

func sum(h hash.Hash) digest.Digest {
	return digest.NewDigestFromEncoded(digest.SHA256, hex.EncodeToString(h.Sum(nil)))
}

// pack writes the files as a tar, its digest into content.
func (b *BuiltLayer) pack(ctx context.Context, l Layer, w io.Writer, content hash.Hash) error {
	out, finish := w, func() error { return nil }
	if l.Zip {
		zipped, err := gzip.NewWriterLevel(w, gzip.BestSpeed)
		if err != nil {
			return err
		}
		out, finish = zipped, zipped.Close
	}
	archive := tar.NewWriter(io.MultiWriter(out, content))
	for _, root := range l.Roots {
		if err := b.tree(ctx, archive, root, l.Dir); err != nil {
			return err
		}
	}
	return errors.Join(archive.Close(), finish())
}

// tree packs the regular files under root, as far as they may be read and the
// layer may grow.
func (b *BuiltLayer) tree(ctx context.Context, archive *tar.Writer, root, dir string) error {
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
		// header states its size.
		copied, err := io.Copy(archive, io.LimitReader(file, info.Size()))
		if err != nil {
			return err
		}
		if copied < info.Size() {
			if _, err := io.CopyN(archive, zeroes{}, info.Size()-copied); err != nil {
				return err
			}
		}
		b.Files++
		b.bytes += info.Size()
		return nil
	})
}

type zeroes struct{}

func (zeroes) Read(p []byte) (int, error) { clear(p); return len(p), nil }
