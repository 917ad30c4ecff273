// Package image reads manifests and configurations for the commands that show
// them, from a registry, a layout or an archive.
package image

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/acrkit/azcontainerregistry"
	"github.com/acrkit/azcontainerregistry/artifact"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/location"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/reference"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/session"
)

// Image is a manifest or an index as it is stored, with what it refers to.
type Image struct {
	Place  location.Location // where it was read; its name is settled
	Ref    reference.Reference
	Source artifact.Source
	Desc   ocispec.Descriptor
	Data   []byte
	Body   Manifest
}

// Manifest is what the commands read of any manifest: an image, an index or
// another artifact, OCI's or docker's.
type Manifest struct {
	MediaType    string               `json:"mediaType,omitempty"`
	ArtifactType string               `json:"artifactType,omitempty"`
	Config       *ocispec.Descriptor  `json:"config,omitempty"`
	Layers       []ocispec.Descriptor `json:"layers,omitempty"`
	Blobs        []ocispec.Descriptor `json:"blobs,omitempty"`
	Manifests    []ocispec.Descriptor `json:"manifests,omitempty"`
	Subject      *ocispec.Descriptor  `json:"subject,omitempty"`
	Annotations  map[string]string    `json:"annotations,omitempty"`
}

// blobs are the contents that the manifest itself names, the config first.
func (m Manifest) blobs() []ocispec.Descriptor {
	var all []ocispec.Descriptor
	if m.Config != nil {
		all = append(all, *m.Config)
	}
	return append(append(all, m.Layers...), m.Blobs...)
}

// Size is the sum of the blobs' sizes.
func (m Manifest) Size() int64 {
	var sum int64
	for _, blob := range m.blobs() {
		sum += blob.Size
	}
	return sum
}

// OpenArgument reads the manifest that an argument names in a registry.
func OpenArgument(ctx context.Context, sess *session.Session, text string) (*Image, error) {
	ref, err := sess.Reference(text)
	if err != nil {
		return nil, err
	}
	return open(ctx, sess, location.Location{Kind: location.InRegistry, Ref: ref}, nil)
}

// OpenPlace is OpenArgument for a layout, an archive and standard input as well,
// and for the image of an index that is for a platform, where one is given.
func OpenPlace(ctx context.Context, sess *session.Session, text string, platform *ocispec.Platform) (*Image, error) {
	place, err := location.Parse(text, sess.Getenv("ACR_REGISTRY"))
	if err != nil {
		return nil, err
	}
	if place.Kind == location.InStream {
		if err := sess.StdinIsFree(); err != nil {
			return nil, err
		}
	}
	return open(ctx, sess, place, platform)
}

// open reads and verifies the manifest at a place; without tag and digest it is
// latest in a registry, elsewhere the only image there is.
func open(ctx context.Context, sess *session.Session, place location.Location, platform *ocispec.Platform) (*Image, error) {
	if place.Kind == location.InRegistry && place.Ref.Version() == "" {
		place.Ref.Tag = "latest"
	}
	src, err := location.OpenSource(ctx, sess, place)
	if err != nil {
		return nil, err
	}
	return read(ctx, src, place, place.Version(), platform)
}

func read(ctx context.Context, src artifact.Source, place location.Location, version string, platform *ocispec.Platform) (*Image, error) {
	desc, data, err := artifact.ReadManifest(ctx, src, version, platform)
	if err != nil {
		return nil, err
	}
	i := &Image{Place: place, Ref: place.Ref, Source: src, Desc: desc, Data: data}
	if err := json.Unmarshal(data, &i.Body); err != nil {
		return nil, fmt.Errorf("read manifest %s: %w", place, err)
	}
	i.Body.sortEntries()
	return i, nil
}

// sortEntries puts the blobs that an index names among the blobs: BuildKit's
// cache is an index of layers.
func (m *Manifest) sortEntries() {
	var children []ocispec.Descriptor
	for _, entry := range m.Manifests {
		if artifact.IsManifest(entry.MediaType) {
			children = append(children, entry)
		} else {
			m.Blobs = append(m.Blobs, entry)
		}
	}
	m.Manifests = children
}

// Named is something of the image as a person names it: by its place and digest.
func (i *Image) Named(of digest.Digest) string {
	if i.Place.Kind == location.InRegistry {
		return i.Ref.WithDigest(of.String()).String()
	}
	place := i.Place
	place.Name = of.String()
	return place.String()
}

// Child reads a manifest that this one names.
func (i *Image) Child(ctx context.Context, desc ocispec.Descriptor) (*Image, error) {
	place := i.Place
	if place.Kind == location.InRegistry {
		place.Ref = place.Ref.WithDigest(desc.Digest.String())
	} else {
		place.Name = desc.Digest.String()
	}
	return read(ctx, i.Source, place, desc.Digest.String(), nil)
}

// Referrers lists what refers to the image, where the place can tell.
func (i *Image) Referrers(ctx context.Context) ([]ocispec.Descriptor, error) {
	lister, ok := i.Source.(artifact.ReferrerLister)
	if !ok {
		return nil, nil
	}
	list, err := lister.Referrers(ctx, i.Desc)
	if azcontainerregistry.HasCode(err, azcontainerregistry.ErrorCodeManifestUnknown, azcontainerregistry.ErrorCodeNameUnknown) {
		return nil, nil
	}
	return list, err
}

// MissingChildren are the digests of the manifests that an index names and that
// aren't at its place.
func (i *Image) MissingChildren(ctx context.Context) ([]string, error) {
	var missing []string
	for _, child := range i.Body.Manifests {
		there, err := artifact.Has(ctx, i.Source, child)
		if err != nil {
			return nil, err
		}
		if !there {
			missing = append(missing, child.Digest.String())
		}
	}
	return missing, nil
}

// Config reads the image's configuration; nil where it has none that is an
// image's.
func (i *Image) Config(ctx context.Context) (*ocispec.Image, error) {
	if i.Body.Config == nil {
		return nil, nil
	}
	switch i.Body.Config.MediaType {
	case ocispec.MediaTypeImageConfig, "application/vnd.docker.container.image.v1+json":
	default:
		return nil, nil
	}
	const maxConfig = 4 << 20 // an image's configuration is some kilobytes
	if i.Body.Config.Size > maxConfig {
		return nil, fmt.Errorf("config %s: %d bytes are too many", i.Body.Config.Digest, i.Body.Config.Size)
	}
	var config ocispec.Image
	content := artifact.NewContent(i.Source, *i.Body.Config)
	var data bytes.Buffer
	if err := content.WriteTo(ctx, &data); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(data.Bytes(), &config); err != nil {
		return nil, fmt.Errorf("config %s: %w", i.Body.Config.Digest, err)
	}
	return &config, nil
}
