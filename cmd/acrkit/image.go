package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/acrkit/azcontainerregistry/artifact"
)

// image is a manifest or an index as it is stored, with what it refers to.
type image struct {
	ref        reference
	repository *artifact.Repository
	desc       ocispec.Descriptor
	data       []byte
	body       manifestBody
}

// manifestBody is what the commands read of any manifest: an image, an index or
// another artifact, OCI's or docker's.
type manifestBody struct {
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
func (m manifestBody) blobs() []ocispec.Descriptor {
	var all []ocispec.Descriptor
	if m.Config != nil {
		all = append(all, *m.Config)
	}
	return append(append(all, m.Layers...), m.Blobs...)
}

// size is the sum of the blobs' sizes.
func (m manifestBody) size() int64 {
	var sum int64
	for _, blob := range m.blobs() {
		sum += blob.Size
	}
	return sum
}

// image reads and verifies the manifest that a reference names; without tag and
// digest it is latest.
func (a *app) image(ctx context.Context, ref reference) (*image, error) {
	if ref.Version() == "" {
		ref.Tag = "latest"
	}
	repository, err := a.repository(ctx, ref)
	if err != nil {
		return nil, err
	}
	desc, data, err := repository.ResolveManifest(ctx, ref.Version())
	if err != nil {
		return nil, err
	}
	i := &image{ref: ref, repository: repository, desc: desc, data: data}
	if err := json.Unmarshal(data, &i.body); err != nil {
		return nil, fmt.Errorf("read manifest %s: %w", ref, err)
	}
	return i, nil
}

// imageArgument is image of an argument.
func (a *app) imageArgument(ctx context.Context, text string) (*image, error) {
	ref, err := a.reference(text)
	if err != nil {
		return nil, err
	}
	return a.image(ctx, ref)
}

// child reads a manifest that this one names.
func (i *image) child(ctx context.Context, a *app, desc ocispec.Descriptor) (*image, error) {
	return a.image(ctx, i.ref.withDigest(desc.Digest.String()))
}

// config reads the image's configuration; nil where it has none that is an
// image's.
func (i *image) config(ctx context.Context) (*ocispec.Image, error) {
	if i.body.Config == nil {
		return nil, nil
	}
	switch i.body.Config.MediaType {
	case ocispec.MediaTypeImageConfig, "application/vnd.docker.container.image.v1+json":
	default:
		return nil, nil
	}
	const maxConfig = 4 << 20 // an image's configuration is some kilobytes
	if i.body.Config.Size > maxConfig {
		return nil, fmt.Errorf("config %s: %d bytes are too many", i.body.Config.Digest, i.body.Config.Size)
	}
	var config ocispec.Image
	content := artifact.NewContent(i.repository, *i.body.Config)
	var data bytes.Buffer
	if err := content.WriteTo(ctx, &data); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(data.Bytes(), &config); err != nil {
		return nil, fmt.Errorf("config %s: %w", i.body.Config.Digest, err)
	}
	return &config, nil
}
