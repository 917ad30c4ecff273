package artifact_test

import (
	"fmt"
	"testing"

	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/acrkit/azcontainerregistry/artifact"
	"github.com/acrkit/azcontainerregistry/emulator/emulatortest"
)

func TestSyncOf200ImagesSendsEachOf20LayersOnce(t *testing.T) {
	b := newBuilder(t, 64)
	const images, layers, size = 200, 20, 5000
	var shared []ocispec.Descriptor
	for range layers {
		shared = append(shared, b.add(ocispec.MediaTypeImageLayer, b.blob(size)))
	}
	src := memoryRegistry{}
	var configs int64
	for i := range images {
		config := b.addJSON("application/vnd.example.config", map[string]int{"image": i})
		configs += config.Size
		root := b.addJSON(ocispec.MediaTypeImageManifest, ocispec.Manifest{
			Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest, Config: config,
			Layers: []ocispec.Descriptor{shared[i%layers], shared[(i*7+1)%layers], shared[(i*3+2)%layers]},
		})
		repository := fmt.Sprintf("app%d", i%10)
		if src[repository] == nil {
			src[repository] = artifact.NewMemory()
		}
		if _, err := artifact.Copy(t.Context(), src[repository], fmt.Sprint("v", i), b.store, root.Digest.String(), nil); err != nil {
			t.Fatal(err)
		}
	}
	for _, together := range []int{1, 8} {
		r := emulatortest.Start(t)
		dst, err := artifact.NewRegistry(clientOf(t, r, r.Endpoint), nil)
		if err != nil {
			t.Fatal(err)
		}
		sent := map[string]int{}
		o := &artifact.SyncOptions{Images: together, Copy: artifact.Options{OnEvent: func(e artifact.Event) {
			if e.Kind == artifact.EventBlobDone {
				sent[e.Descriptor.Digest.String()]++
			}
		}}}
		result, err := artifact.Sync(t.Context(), dst, src, o)
		if err != nil || result.Copied != images {
			t.Fatalf("%d at a time: %+v, %v", together, result, err)
		}
		if want := int64(layers*size) + configs; result.Bytes != want {
			t.Errorf("%d at a time: %d bytes were sent, the layers and configs have %d", together, result.Bytes, want)
		}
		for _, layer := range shared {
			if n := sent[layer.Digest.String()]; n != 1 {
				t.Errorf("%d at a time: %s was sent %d times", together, layer.Digest, n)
			}
		}
	}
}
