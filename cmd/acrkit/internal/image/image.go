// Package image reads manifests and configurations for the commands that show
// them.
package image

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/acrkit/azcontainerregistry/artifact"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/reference"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/session"
)

// Image is a manifest or an index as it is stored, with what it refers to.
type Image struct {
	Ref        reference.Reference
	Repository *artifact.Repository
	Desc       ocispec.Descriptor
	Data       []byte
	Body       Manifest
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

// image reads and verifies the manifest that a reference names; without tag and
// digest it is latest.
func Open(ctx context.Context, sess *session.Session, ref reference.Reference) (*Image, error) {
	if ref.Version() == "" {
		ref.Tag = "latest"
	}
	repository, err := sess.Repository(ctx, ref)
	if err != nil {
		return nil, err
	}
	desc, data, err := repository.ResolveManifest(ctx, ref.Version())
	if err != nil {
		return nil, err
	}
	i := &Image{Ref: ref, Repository: repository, Desc: desc, Data: data}
	if err := json.Unmarshal(data, &i.Body); err != nil {
		return nil, fmt.Errorf("read manifest %s: %w", ref, err)
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

// imageArgument is image of an argument.
func OpenArgument(ctx context.Context, sess *session.Session, text string) (*Image, error) {
	ref, err := sess.Reference(text)
	if err != nil {
		return nil, err
	}
	return Open(ctx, sess, ref)
}

// Child reads a manifest that this one names.
func (i *Image) Child(ctx context.Context, sess *session.Session, desc ocispec.Descriptor) (*Image, error) {
	return Open(ctx, sess, i.Ref.WithDigest(desc.Digest.String()))
}

// MissingChildren are the digests of the manifests that an index names and that
// the registry doesn't have.
func (i *Image) MissingChildren(ctx context.Context) ([]string, error) {
	var missing []string
	for _, child := range i.Body.Manifests {
		there, err := i.Repository.Exists(ctx, child)
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
	content := artifact.NewContent(i.Repository, *i.Body.Config)
	var data bytes.Buffer
	if err := content.WriteTo(ctx, &data); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(data.Bytes(), &config); err != nil {
		return nil, fmt.Errorf("config %s: %w", i.Body.Config.Digest, err)
	}
	return &config, nil
}
