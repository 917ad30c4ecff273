package artifact_test

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/acrkit/azcontainerregistry/artifact"
	"github.com/acrkit/azcontainerregistry/emulator"
	"github.com/acrkit/azcontainerregistry/emulator/emulatortest"
	"github.com/acrkit/azcontainerregistry/internal/artifacttest"
)

// TestOneImageIsReadWithoutItsRepository holds what is read from a root alone
// beside what the graph of the whole repository has below that root: the same
// manifests, without a listing.
func TestOneImageIsReadWithoutItsRepository(t *testing.T) {
	for seed := range uint64(8) {
		registry := emulatortest.Start(t)
		client := clientOf(t, registry, registry.Endpoint)
		w := artifacttest.NewWorld(t, seed, client, "app", registry.Advance)
		w.Fill()
		if len(w.Tags()) == 0 {
			continue
		}
		whole, err := w.Repository.Graph(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		listed := len(registry.Requests(emulator.RouteListManifests)) + len(registry.Requests(emulator.RouteListTags))
		for _, tag := range whole.Tags {
			for _, follow := range []bool{false, true} {
				g, err := w.Repository.GraphOf(t.Context(), []digest.Digest{tag.Digest}, &artifact.GraphOptions{Referrers: follow})
				if err != nil {
					t.Fatal(err)
				}
				want := childrenOf(whole, tag.Digest)
				if follow {
					want = whole.Below(tag.Digest)
					if diff := cmp.Diff(slices.Sorted(slices.Values(want)), slices.Sorted(slices.Values(g.Below(tag.Digest)))); diff != "" {
						t.Errorf("seed %d, %s: below the root (-whole +alone):\n%s", seed, tag.Name, diff)
					}
				}
				if diff := cmp.Diff(slices.Sorted(slices.Values(want)), slices.Sorted(maps.Keys(g.Manifests))); diff != "" {
					t.Errorf("seed %d, %s, referrers %v (-whole +alone):\n%s", seed, tag.Name, follow, diff)
				}
			}
		}
		sizes, err := w.Repository.Sizes(t.Context(), rootsOf(whole), nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, tag := range whole.Tags {
			var want int64
			counted := map[digest.Digest]bool{}
			for _, d := range childrenOf(whole, tag.Digest) {
				want += whole.Manifests[d].Size
				for _, blob := range whole.Manifests[d].Blobs {
					if !counted[blob.Digest] {
						counted[blob.Digest] = true
						want += blob.Size
					}
				}
			}
			if got := sizes[tag.Digest]; got.Bytes != want || got.Unread != nil {
				t.Errorf("seed %d, %s: %d bytes, %v, want %d", seed, tag.Name, got.Bytes, got.Unread, want)
			}
		}
		if now := len(registry.Requests(emulator.RouteListManifests)) + len(registry.Requests(emulator.RouteListTags)); now != listed {
			t.Errorf("seed %d: %d listings", seed, now-listed)
		}
	}
}

// childrenOf are a manifest and what indexes below it name.
func childrenOf(g *artifact.RepositoryGraph, root digest.Digest) []digest.Digest {
	var all []digest.Digest
	for todo := []digest.Digest{root}; len(todo) > 0; todo = todo[1:] {
		if node := g.Manifests[todo[0]]; node != nil && !slices.Contains(all, node.Digest) {
			all = append(all, node.Digest)
			for _, child := range node.Children {
				todo = append(todo, child.Digest)
			}
		}
	}
	return all
}

func rootsOf(g *artifact.RepositoryGraph) (roots []digest.Digest) {
	for _, tag := range g.Tags {
		roots = append(roots, tag.Digest)
	}
	return roots
}

// memoryCache keeps all.
type memoryCache struct{ kept sync.Map }

func (c *memoryCache) Manifest(d digest.Digest) ([]byte, bool) {
	data, ok := c.kept.Load(d)
	if !ok {
		return nil, false
	}
	return data.([]byte), true
}

func (c *memoryCache) Keep(d digest.Digest, data []byte) { c.kept.Store(d, data) }

// TestSizesTellPlatformsAndAreReadOnce measures an index and its child, and again
// from the cache, which takes no request.
func TestSizesTellPlatformsAndAreReadOnce(t *testing.T) {
	registry := emulatortest.Start(t)
	repository := repositoryOf(t, clientOf(t, registry, registry.Endpoint), "app")
	b := newBuilder(t, 1)
	amd64, arm64 := b.image("linux/amd64", 1000, 2000), b.image("linux/arm64/v8", 3000)
	index := b.index(amd64, arm64)
	b.tag(index, "1")
	if _, err := artifact.Copy(t.Context(), repository, "1", b.store, "1", nil); err != nil {
		t.Fatal(err)
	}
	cache := &memoryCache{}
	gone := digest.FromString("nothing")
	for round := range 2 {
		if round == 1 {
			registry.SetFaults(t, emulator.Fault{Preset: "unavailable"})
		}
		sizes, err := repository.Sizes(t.Context(), []digest.Digest{index.Digest, arm64.Digest}, cache)
		if err != nil {
			t.Fatal(err)
		}
		platforms := func(d ocispec.Descriptor) string {
			var all []string
			for _, p := range sizes[d.Digest].Platforms {
				all = append(all, artifact.FormatPlatform(&p))
			}
			return fmt.Sprint(all)
		}
		if platforms(index) != "[linux/amd64 linux/arm64/v8]" || platforms(arm64) != "[linux/arm64/v8]" {
			t.Errorf("platforms %s and %s", platforms(index), platforms(arm64))
		}
		if sizes[arm64.Digest].Bytes <= 3000 || sizes[index.Digest].Bytes <= 6000+sizes[arm64.Digest].Bytes-3000 {
			t.Errorf("sizes %+v", sizes)
		}
	}
	registry.SetFaults(t)
	sizes, err := repository.Sizes(t.Context(), []digest.Digest{gone}, nil)
	if _, there := sizes[gone]; err != nil || there {
		t.Errorf("what isn't there has the size %+v, %v", sizes, err)
	}
}
