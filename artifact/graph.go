package artifact

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Media types that the image-spec module doesn't name.
const (
	mediaTypeDockerManifest     = "application/vnd.docker.distribution.manifest.v2+json"
	mediaTypeDockerList         = "application/vnd.docker.distribution.manifest.list.v2+json"
	mediaTypeDockerSchema1      = "application/vnd.docker.distribution.manifest.v1+json"
	mediaTypeDockerSchema1JWS   = "application/vnd.docker.distribution.manifest.v1+prettyjws"
	mediaTypeOCIArtifact        = "application/vnd.oci.artifact.manifest.v1+json"
	mediaTypeORASArtifact       = "application/vnd.cncf.oras.artifact.manifest.v1+json"
	mediaTypeDockerConfig       = "application/vnd.docker.container.image.v1+json"
	mediaTypeDockerLayerPlain   = "application/vnd.docker.image.rootfs.diff.tar"
	mediaTypeDockerForeignLayer = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"

	// The image specification's non-distributable layers, plain or compressed:
	// deprecated, and still in images of old.
	mediaTypeNonDistributablePrefix = "application/vnd.oci.image.layer.nondistributable.v1.tar"
)

// Limits against graphs that no honest tool makes.
const (
	// maxManifestSize is ACR's limit, and what the distribution specification
	// asks registries to accept at least (ACR protocol §5.2).
	maxManifestSize = 4 << 20
	// maxBlobSize is five times the largest layer that ACR takes (200 GiB, ACR
	// protocol §5.2); a size beyond it is wrong or an overflow.
	maxBlobSize = 1 << 40
	// maxDepth bounds indexes inside indexes; real ones have two levels.
	maxDepth = 16
	// maxNodes and maxManifestBytes bound what a walk keeps in memory.
	maxNodes         = 100_000
	maxManifestBytes = 64 << 20
)

// isManifest reports whether content of this type is a manifest or an index,
// which a registry keeps apart from blobs.
func isManifest(mediaType string) bool {
	switch mediaType {
	case ocispec.MediaTypeImageManifest, ocispec.MediaTypeImageIndex,
		mediaTypeDockerManifest, mediaTypeDockerList,
		mediaTypeDockerSchema1, mediaTypeDockerSchema1JWS,
		mediaTypeOCIArtifact, mediaTypeORASArtifact:
		return true
	}
	return false
}

// IsManifest reports whether content of a media type is a manifest or an index,
// which a registry keeps apart from blobs.
func IsManifest(mediaType string) bool { return isManifest(mediaType) }

func isIndex(mediaType string) bool {
	return mediaType == ocispec.MediaTypeImageIndex || mediaType == mediaTypeDockerList
}

// manifest is the part of any manifest or index that refers to other content.
type manifest struct {
	MediaType    string               `json:"mediaType"`
	ArtifactType string               `json:"artifactType"`
	Config       *ocispec.Descriptor  `json:"config"`
	Layers       []ocispec.Descriptor `json:"layers"`
	Manifests    []ocispec.Descriptor `json:"manifests"`
	Blobs        []ocispec.Descriptor `json:"blobs"`
	Subject      *ocispec.Descriptor  `json:"subject"`
	Annotations  map[string]string    `json:"annotations"`
}

// resolveManifest finds the manifest of a reference and decodes it; the
// descriptor is without what an index said of it.
func resolveManifest(ctx context.Context, src Source, reference string) (ocispec.Descriptor, *manifest, []byte, error) {
	desc, data, err := resolve(ctx, src, reference)
	if err != nil {
		return desc, nil, nil, err
	}
	desc, m, err := readManifest(bare(desc), data)
	return desc, m, data, err
}

// readManifest reads data as what it says itself to be, and gives the
// descriptor with that media type: what an index or a layout says about its
// entry may be wrong, and a registry goes by the manifest.
func readManifest(desc ocispec.Descriptor, data []byte) (ocispec.Descriptor, *manifest, error) {
	if own, err := sniffMediaType(data); err == nil && own != desc.MediaType && !(isSchema1(own) && isSchema1(desc.MediaType)) {
		desc.MediaType = own
	}
	m, err := parseManifest(desc, data)
	return desc, m, err
}

// parseManifest reads data as what desc says it is, and refuses what cannot be
// copied faithfully.
func parseManifest(desc ocispec.Descriptor, data []byte) (*manifest, error) {
	invalid := func(rule string, err error) error {
		return &InvalidError{Thing: "manifest " + desc.Digest.String(), Rule: rule, Err: err}
	}
	if !isManifest(desc.MediaType) {
		return nil, invalid(fmt.Sprintf("media type %q is not a manifest's", desc.MediaType), nil)
	}
	if isSchema1(desc.MediaType) {
		return parseSchema1(desc, data)
	}
	var m manifest
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, invalid("it is not a JSON manifest", err)
	}
	if m.MediaType != "" && m.MediaType != desc.MediaType {
		return nil, invalid(fmt.Sprintf("its own media type is %q, its descriptor says %q", m.MediaType, desc.MediaType), nil)
	}
	// One document that reads as an image and as an index means different
	// things to different readers (CVE-2021-41190).
	if isIndex(desc.MediaType) {
		if m.Config != nil || len(m.Layers) > 0 {
			return nil, invalid("an index must have no config and no layers", nil)
		}
	} else if len(m.Manifests) > 0 {
		return nil, invalid("an image manifest must have no manifests", nil)
	}
	switch desc.MediaType {
	case ocispec.MediaTypeImageManifest, mediaTypeDockerManifest:
		if m.Config == nil {
			return nil, invalid("an image manifest must have a config", nil)
		}
	}
	for _, child := range m.all() {
		if err := checkDescriptor(child); err != nil {
			return nil, invalid("a descriptor in it is wrong", err)
		}
	}
	return &m, nil
}

// all is every descriptor in the manifest, its subject included.
func (m *manifest) all() []ocispec.Descriptor {
	list := append(m.blobs(), m.children()...)
	if m.Subject != nil {
		list = append(list, *m.Subject)
	}
	return list
}

// blobs is what has to be stored before the manifest, without its child
// manifests.
func (m *manifest) blobs() []ocispec.Descriptor {
	var list []ocispec.Descriptor
	if m.Config != nil {
		list = append(list, *m.Config)
	}
	list = append(append(list, m.Layers...), m.Blobs...)
	for _, entry := range m.Manifests {
		if !isManifest(entry.MediaType) {
			list = append(list, entry)
		}
	}
	return list
}

// children is the manifests that an index names. BuildKit's cache is an index
// of layers: those are blobs.
func (m *manifest) children() []ocispec.Descriptor {
	var list []ocispec.Descriptor
	for _, entry := range m.Manifests {
		if isManifest(entry.MediaType) {
			list = append(list, entry)
		}
	}
	return list
}

// isForeign reports a layer that is fetched from elsewhere and that registries
// need not hold: Windows base layers of old. One that names no place to fetch it
// from is a layer like any other.
func isForeign(desc ocispec.Descriptor) bool {
	return len(desc.URLs) > 0 && (desc.MediaType == mediaTypeDockerForeignLayer ||
		strings.HasPrefix(desc.MediaType, mediaTypeNonDistributablePrefix))
}

// checkDescriptor applies the rules that hold for every descriptor.
func checkDescriptor(desc ocispec.Descriptor) error {
	invalid := func(rule string) error {
		return &InvalidError{Thing: fmt.Sprintf("digest %.100q", desc.Digest.String()), Rule: rule}
	}
	switch err := desc.Digest.Validate(); err {
	case nil:
	case digest.ErrDigestUnsupported:
		return invalid(fmt.Sprintf("the algorithm %q is not supported, only sha256 and sha512 are", desc.Digest.Algorithm()))
	default:
		return invalid("it is not of the form sha256: and 64 lower-case hexadecimal digits")
	}
	switch desc.Digest.Algorithm() {
	case digest.SHA256, digest.SHA512:
	default:
		return invalid(fmt.Sprintf("the algorithm %q is not supported, only sha256 and sha512 are", desc.Digest.Algorithm()))
	}
	limit := int64(maxBlobSize)
	if isManifest(desc.MediaType) {
		limit = maxManifestSize
	}
	if desc.Size < 0 || desc.Size > limit {
		return &InvalidError{
			Thing: desc.Digest.String(),
			Rule:  fmt.Sprintf("a size of %d bytes is out of range, the limit is %d", desc.Size, limit),
		}
	}
	return nil
}

// fetchSmall reads content whole, verified.
func fetchSmall(ctx context.Context, src Source, desc ocispec.Descriptor) ([]byte, error) {
	if err := checkDescriptor(desc); err != nil {
		return nil, err
	}
	if desc.Size > maxManifestSize {
		// A descriptor of another type may state any size, but this goes into
		// memory.
		return nil, &InvalidError{Store: nameOf(src), Thing: thingOf(desc), Rule: fmt.Sprintf("its %d bytes are too many to be read whole, the limit is %d", desc.Size, int64(maxManifestSize))}
	}
	if len(desc.Data) > 0 && verifyBytes("", desc, desc.Data) == nil {
		return desc.Data, nil // comes with its descriptor
	}
	r, err := src.Fetch(ctx, desc)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	data, err := io.ReadAll(io.LimitReader(contextReader{ctx, r}, desc.Size+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", desc.Digest, err)
	}
	return data, verifyBytes(nameOf(src), desc, data)
}

// verifyBytes checks size and digest of content in memory.
func verifyBytes(store string, desc ocispec.Descriptor, data []byte) error {
	if int64(len(data)) != desc.Size {
		c := Content{desc: desc}
		err := c.sizeError(int64(len(data))).(*InvalidError)
		err.Store = store
		return err
	}
	got := desc.Digest.Algorithm().FromBytes(data)
	if got != desc.Digest && desc.MediaType == mediaTypeDockerSchema1JWS {
		got = desc.Digest.Algorithm().FromBytes(signedPart(data))
	}
	if got != desc.Digest {
		return mismatch(desc, got.String(), desc.Size)
	}
	return nil
}

// sniffMediaType says what a manifest is whose media type is not known, as for
// one that is looked up by digest alone in a layout.
func sniffMediaType(data []byte) (string, error) {
	var m struct {
		manifest
		SchemaVersion int             `json:"schemaVersion"`
		FSLayers      json.RawMessage `json:"fsLayers"`
		Signatures    json.RawMessage `json:"signatures"`
	}
	if err := json.Unmarshal(bytes.TrimSpace(data), &m); err != nil {
		return "", err
	}
	switch {
	case isManifest(m.MediaType):
		return m.MediaType, nil
	case m.FSLayers != nil && m.Signatures != nil:
		return mediaTypeDockerSchema1JWS, nil
	case m.FSLayers != nil:
		return mediaTypeDockerSchema1, nil
	case m.MediaType != "":
		return "", fmt.Errorf("media type %q is not a manifest's", m.MediaType)
	case m.Manifests != nil && m.Config == nil:
		return ocispec.MediaTypeImageIndex, nil
	case m.Config != nil && m.Manifests == nil:
		return ocispec.MediaTypeImageManifest, nil
	}
	return "", fmt.Errorf("neither an image manifest nor an index")
}
