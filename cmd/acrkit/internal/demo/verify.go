package demo

import (
	"bufio"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// verified counts what was found to be as its digest says.
type verified struct {
	Blobs, Layers int
	Bytes         int64
}

// VerifyLayout hashes every blob of a layout folder, and every layer's content
// against the image's configuration. It trusts nothing that pull said.
func VerifyLayout(ctx context.Context, dir string, root digest.Digest) (verified, error) {
	i := &Image{dir: dir}
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

func (v *verified) document(i *Image, want digest.Digest, into any) error {
	data, err := os.ReadFile(i.blob(want))
	if err != nil {
		return err
	}
	if got := digest.FromBytes(data); got != want {
		return fmt.Errorf("%s has the digest %s", want, got)
	}
	v.Blobs++
	v.Bytes += int64(len(data))
	return json.Unmarshal(data, into)
}

func (v *verified) layer(i *Image, desc ocispec.Descriptor, diffID digest.Digest) error {
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
	v.Blobs++
	v.Layers++
	v.Bytes += count.bytes
	return nil
}

type counter struct{ bytes int64 }

func (c *counter) Write(p []byte) (int, error) {
	c.bytes += int64(len(p))
	return len(p), nil
}

// LayoutRoot is the digest of the only image of a layout folder.
func LayoutRoot(dir string) (digest.Digest, error) {
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
