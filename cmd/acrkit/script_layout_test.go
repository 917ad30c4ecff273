package main

import (
	"encoding/json"
	"os"
	"path/filepath"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/rogpeppe/go-internal/testscript"
)

// layoutWriter writes a small OCI layout for a script.
type layoutWriter struct {
	ts  *testscript.TestScript
	dir string
}

func newLayoutWriter(ts *testscript.TestScript, dir string) layoutWriter {
	w := layoutWriter{ts, ts.MkAbs(dir)}
	ts.Check(os.MkdirAll(filepath.Join(w.dir, "blobs", "sha256"), 0o755))
	return w
}

func (w layoutWriter) blob(mediaType string, data []byte) ocispec.Descriptor {
	d := digest.FromBytes(data)
	w.ts.Check(os.WriteFile(filepath.Join(w.dir, "blobs", "sha256", d.Encoded()), data, 0o644))
	return ocispec.Descriptor{MediaType: mediaType, Digest: d, Size: int64(len(data))}
}

func (w layoutWriter) json(mediaType string, v any) ocispec.Descriptor {
	data, err := json.Marshal(v)
	w.ts.Check(err)
	return w.blob(mediaType, data)
}

// image is an image for linux on an architecture, whose one layer is the text.
func (w layoutWriter) image(architecture, text string) ocispec.Descriptor {
	layer := w.blob(ocispec.MediaTypeImageLayer, []byte(text))
	config := ocispec.Image{Platform: ocispec.Platform{OS: "linux", Architecture: architecture}}
	config.RootFS = ocispec.RootFS{Type: "layers", DiffIDs: []digest.Digest{layer.Digest}}
	m := ocispec.Manifest{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest, Layers: []ocispec.Descriptor{layer}}
	m.Config = w.json(ocispec.MediaTypeImageConfig, config)
	desc := w.json(ocispec.MediaTypeImageManifest, m)
	desc.Platform = &config.Platform
	return desc
}

func (w layoutWriter) finish(roots ...ocispec.Descriptor) {
	data, err := json.Marshal(ocispec.Index{Versioned: specs.Versioned{SchemaVersion: 2}, Manifests: roots})
	w.ts.Check(err)
	w.ts.Check(os.WriteFile(filepath.Join(w.dir, "index.json"), data, 0o644))
	w.ts.Check(os.WriteFile(filepath.Join(w.dir, "oci-layout"), []byte(`{"imageLayoutVersion":"1.0.0"}`), 0o644))
}

func layoutTagged(d ocispec.Descriptor, tag string) ocispec.Descriptor {
	d.Annotations = map[string]string{ocispec.AnnotationRefName: tag}
	return d
}
