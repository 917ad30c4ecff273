package image

import (
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Part is something that a manifest names.
type Part struct {
	Role string
	Desc ocispec.Descriptor
}

func (m Manifest) Parts() []Part {
	var all []Part
	if m.Config != nil {
		all = append(all, Part{"config", *m.Config})
	}
	for _, layer := range append(m.Layers, m.Blobs...) {
		all = append(all, Part{"layer", layer})
	}
	for _, child := range m.Manifests {
		all = append(all, Part{"manifest", child})
	}
	return all
}

// MaxTree bounds the depth of what a registry may make us follow: real images
// are three deep, signatures of them four.
const MaxTree = 16

// Title is the name of the file that a blob holds, where it is one; names may
// come from anybody, so they are shown and never used as paths.
func Title(desc ocispec.Descriptor) string { return desc.Annotations[ocispec.AnnotationTitle] }
