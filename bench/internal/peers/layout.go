package peers

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/acrkit/azcontainerregistry/bench/internal/work"
)

// layoutManifest reads the only image of a layout, for the clients that know
// no layouts.
func layoutManifest(layout string) ([]byte, ocispec.Manifest, error) {
	var manifest ocispec.Manifest
	index, err := os.ReadFile(filepath.Join(layout, "index.json"))
	if err != nil {
		return nil, manifest, err
	}
	var root ocispec.Index
	if err := json.Unmarshal(index, &root); err != nil {
		return nil, manifest, err
	}
	if len(root.Manifests) != 1 {
		return nil, manifest, fmt.Errorf("read layout: %d manifests: %w", len(root.Manifests), work.ErrIncomplete)
	}
	body, err := os.ReadFile(blobPath(layout, root.Manifests[0].Digest.String()))
	if err != nil {
		return nil, manifest, err
	}
	return body, manifest, json.Unmarshal(body, &manifest)
}

func blobPath(layout, digest string) string {
	return filepath.Join(layout, "blobs", "sha256", strings.TrimPrefix(digest, "sha256:"))
}
