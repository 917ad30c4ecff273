package artifact_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"

	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/acrkit/azcontainerregistry/artifact"
	"github.com/acrkit/azcontainerregistry/emulator/emulatortest"
)

// sharedLayers makes images in 4 repositories out of 20 layers, with a
// config of its own each. It returns how many bytes their blobs have, each
// counted once in the registry, and once a repository.
func sharedLayers(t *testing.T, images int) (src memoryRegistry, blobs int, inRegistry, inRepositories int64) {
	t.Helper()
	const repositories, layers = 4, 20
	random := rand.New(rand.NewPCG(15, 2))
	src = memoryRegistry{}
	pool := make([][]byte, layers)
	for i := range pool {
		pool[i] = make([]byte, 1000+random.IntN(5000))
		for j := range pool[i] {
			pool[i][j] = byte(random.Uint32())
		}
	}
	seen := map[string]bool{}
	count := func(repository int, desc ocispec.Descriptor) ocispec.Descriptor {
		if !seen[desc.Digest.String()] {
			seen[desc.Digest.String()] = true
			blobs++
			inRegistry += desc.Size
		}
		if own := fmt.Sprint(repository, desc.Digest); !seen[own] {
			seen[own] = true
			inRepositories += desc.Size
		}
		return desc
	}
	for r := range repositories {
		b := newBuilder(t, byte(r))
		for i := r; i < images; i += repositories {
			m := ocispec.Manifest{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest}
			config := ocispec.Image{Author: fmt.Sprint(i), Platform: ocispec.Platform{OS: "linux", Architecture: "amd64"}}
			for _, layer := range random.Perm(layers)[:1+random.IntN(6)] {
				m.Layers = append(m.Layers, count(r, b.add(ocispec.MediaTypeImageLayer, pool[layer])))
			}
			m.Config = count(r, b.addJSON(ocispec.MediaTypeImageConfig, config))
			b.tag(b.addJSON(ocispec.MediaTypeImageManifest, m), fmt.Sprintf("v%d", i))
		}
		src[fmt.Sprintf("team/app%d", r)] = b.store
	}
	return src, blobs, inRegistry, inRepositories
}

func TestLayersThatImagesShareMoveOnceInASync(t *testing.T) {
	for atATime, images := range map[int]int{1: 20, 4: 200, 16: 40} {
		t.Run(fmt.Sprintf("%d of %d at a time", atATime, images), func(t *testing.T) {
			src, blobs, inRegistry, inRepositories := sharedLayers(t, images)
			o := &artifact.SyncOptions{Images: atATime}
			r := emulatortest.Start(t)
			dst, err := artifact.NewRegistry(clientOf(t, r, r.Endpoint), nil)
			if err != nil {
				t.Fatal(err)
			}
			check := func(dst artifact.SyncTarget, bytes int64) {
				t.Helper()
				plan, err := artifact.PlanSync(t.Context(), dst, src, o)
				if err != nil {
					t.Fatal(err)
				}
				result, err := artifact.Sync(t.Context(), dst, src, o)
				if err != nil || result.Copied != images || result.Bytes != bytes || plan.Bytes != bytes {
					t.Errorf("planned %d, moved %d bytes of %d images, %v; want %d bytes of %d", plan.Bytes, result.Bytes, result.Copied, err, bytes, images)
				}
			}
			check(dst, inRegistry)
			uploads := 0
			for _, request := range r.Emulator.Requests() {
				if request.Method == http.MethodPut && strings.Contains(string(request.Route), "upload") {
					uploads++
				}
			}
			if uploads != blobs {
				t.Errorf("%d uploads of %d blobs", uploads, blobs)
			}
			if images > 100 {
				return // layouts show the same with fewer
			}
			tree := artifact.NewLayoutTree(t.TempDir())
			defer tree.Close()
			check(tree, inRepositories)
		})
	}
}
