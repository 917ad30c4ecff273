// Package artifacttest makes random repositories for tests.
package artifacttest

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/acrkit/azcontainerregistry"
	"github.com/acrkit/azcontainerregistry/artifact"
)

// World is one random repository: images, indexes over them, signatures of both
// kinds, locks, and layers that images share. One seed makes the same world
// every time.
type World struct {
	Rand       *rand.Rand
	Repository *artifact.Repository
	Roots      []ocispec.Descriptor // images and indexes

	t      testing.TB
	name   string
	store  *artifact.Memory
	client *azcontainerregistry.Client
	clock  func(time.Duration)
	layers []ocispec.Descriptor
	images []ocispec.Descriptor
}

// NewWorld makes an empty world in a repository. advance moves the registry's
// clock.
func NewWorld(t testing.TB, seed uint64, client *azcontainerregistry.Client, repository string, advance func(time.Duration)) *World {
	t.Helper()
	into, err := artifact.NewRepository(client, nil, repository)
	if err != nil {
		t.Fatal(err)
	}
	return &World{
		Rand: rand.New(rand.NewPCG(seed, 1)), Repository: into,
		t: t, name: repository, store: artifact.NewMemory(), client: client, clock: advance,
	}
}

func (w *World) add(mediaType string, v any) ocispec.Descriptor {
	w.t.Helper()
	data, ok := v.([]byte)
	if !ok {
		var err error
		if data, err = json.Marshal(v); err != nil {
			w.t.Fatal(err)
		}
	}
	desc, content := artifact.NewContentBytes(mediaType, data)
	if err := w.store.Push(w.t.Context(), desc, content); err != nil {
		w.t.Fatal(err)
	}
	return desc
}

func (w *World) image(subject *ocispec.Descriptor) ocispec.Descriptor {
	m := ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest, Subject: subject,
		Config:      w.add(ocispec.MediaTypeEmptyJSON, []byte("{}")),
		Annotations: map[string]string{"n": fmt.Sprint(w.Rand.Uint64())},
	}
	m.ArtifactType = "application/vnd.example"
	for range 1 + w.Rand.IntN(3) {
		m.Layers = append(m.Layers, w.layers[w.Rand.IntN(len(w.layers))])
	}
	return w.add(ocispec.MediaTypeImageManifest, m)
}

// Index stores an index over children, outside of the registry.
func (w *World) Index(children ...ocispec.Descriptor) ocispec.Descriptor {
	return w.add(ocispec.MediaTypeImageIndex, ocispec.Index{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex, Manifests: children,
		Annotations: map[string]string{"n": fmt.Sprint(w.Rand.Uint64())},
	})
}

// Push copies a root into the repository, an hour later, under a tag, or without
// one.
func (w *World) Push(root ocispec.Descriptor, tag string) {
	w.t.Helper()
	w.clock(time.Hour)
	if _, err := artifact.Copy(w.t.Context(), w.Repository, tag, w.store, root.Digest.String(), nil); err != nil {
		w.t.Fatal(err)
	}
}

// Any chooses one of a list.
func (w *World) Any(list []ocispec.Descriptor) ocispec.Descriptor {
	return list[w.Rand.IntN(len(list))]
}

// Fill makes between 4 and 12 roots with one to three names each.
func (w *World) Fill() {
	for i := range 6 {
		w.layers = append(w.layers, w.add(ocispec.MediaTypeImageLayer, []byte(fmt.Sprintf("layer %d %d", i, w.Rand.Uint64()))))
	}
	for range 4 + w.Rand.IntN(8) {
		w.images = append(w.images, w.image(nil))
	}
	w.Roots = slices.Clone(w.images)
	for range w.Rand.IntN(4) {
		index := w.Index(w.Any(w.Roots), w.Any(w.images))
		w.Roots = append(w.Roots, index)
	}
	n := 0
	for _, root := range w.Roots {
		for range w.Rand.IntN(3) {
			prefix := "ci-"
			if w.Rand.IntN(3) == 0 {
				prefix = "release-"
			}
			w.Push(root, fmt.Sprintf("%s%d", prefix, n))
			n++
		}
		if w.Rand.IntN(4) == 0 {
			w.Push(root, "") // without a name
		}
	}
	for range w.Rand.IntN(4) {
		subject := w.Any(w.Roots)
		if w.Rand.IntN(2) == 0 {
			subject = ocispec.Descriptor{MediaType: subject.MediaType, Digest: subject.Digest, Size: subject.Size}
			w.Push(w.image(&subject), "")
		} else {
			w.Push(w.image(nil), strings.Replace(subject.Digest.String(), ":", "-", 1)+".sig")
		}
	}
	if w.Rand.IntN(3) == 0 && n > 0 {
		_, err := w.client.UpdateTagProperties(w.t.Context(), w.name, w.Tags()[0], &azcontainerregistry.ClientUpdateTagPropertiesOptions{
			Value: &azcontainerregistry.TagWriteableProperties{CanDelete: to.Ptr(false)},
		})
		if err != nil {
			w.t.Fatal(err)
		}
	}
}

// Tags lists the names in the repository.
func (w *World) Tags() []string {
	w.t.Helper()
	var names []string
	for tag, err := range w.client.Tags(w.t.Context(), w.name, nil) {
		if err != nil {
			return names // nothing was pushed
		}
		names = append(names, *tag.Name)
	}
	return names
}
