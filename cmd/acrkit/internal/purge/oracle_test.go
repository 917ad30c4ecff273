package purge

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"

	"github.com/acrkit/azcontainerregistry"
	"github.com/acrkit/azcontainerregistry/artifact"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/plan"
	"github.com/acrkit/azcontainerregistry/emulator/emulatortest"
)

// world is one random repository: images, indexes over them, signatures of both
// kinds, locks, and layers that images share.
type world struct {
	t      *testing.T
	rand   *rand.Rand
	store  *artifact.Memory
	client *azcontainerregistry.Client
	into   *artifact.Repository
	clock  func(time.Duration)

	layers []ocispec.Descriptor
	images []ocispec.Descriptor
	roots  []ocispec.Descriptor // images and indexes
}

func (w *world) add(mediaType string, v any) ocispec.Descriptor {
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

func (w *world) image(subject *ocispec.Descriptor) ocispec.Descriptor {
	m := ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest, Subject: subject,
		Config:      w.add(ocispec.MediaTypeEmptyJSON, []byte("{}")),
		Annotations: map[string]string{"n": fmt.Sprint(w.rand.Uint64())},
	}
	m.ArtifactType = "application/vnd.example"
	for range 1 + w.rand.IntN(3) {
		m.Layers = append(m.Layers, w.layers[w.rand.IntN(len(w.layers))])
	}
	return w.add(ocispec.MediaTypeImageManifest, m)
}

func (w *world) index(children ...ocispec.Descriptor) ocispec.Descriptor {
	return w.add(ocispec.MediaTypeImageIndex, ocispec.Index{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex, Manifests: children,
		Annotations: map[string]string{"n": fmt.Sprint(w.rand.Uint64())},
	})
}

func (w *world) push(root ocispec.Descriptor, tag string) {
	w.t.Helper()
	w.clock(time.Hour)
	if _, err := artifact.Copy(w.t.Context(), w.into, tag, w.store, root.Digest.String(), nil); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) any(list []ocispec.Descriptor) ocispec.Descriptor {
	return list[w.rand.IntN(len(list))]
}

// fill makes between 4 and 12 roots with one to three names each.
func (w *world) fill() {
	for i := range 6 {
		w.layers = append(w.layers, w.add(ocispec.MediaTypeImageLayer, []byte(fmt.Sprintf("layer %d %d", i, w.rand.Uint64()))))
	}
	for range 4 + w.rand.IntN(8) {
		w.images = append(w.images, w.image(nil))
	}
	w.roots = slices.Clone(w.images)
	for range w.rand.IntN(4) {
		index := w.index(w.any(w.roots), w.any(w.images))
		w.roots = append(w.roots, index)
	}
	n := 0
	for _, root := range w.roots {
		for range w.rand.IntN(3) {
			prefix := "ci-"
			if w.rand.IntN(3) == 0 {
				prefix = "release-"
			}
			w.push(root, fmt.Sprintf("%s%d", prefix, n))
			n++
		}
		if w.rand.IntN(4) == 0 {
			w.push(root, "") // without a name
		}
	}
	for range w.rand.IntN(4) {
		subject := w.any(w.roots)
		if w.rand.IntN(2) == 0 {
			subject = ocispec.Descriptor{MediaType: subject.MediaType, Digest: subject.Digest, Size: subject.Size}
			w.push(w.image(&subject), "")
		} else {
			w.push(w.image(nil), strings.Replace(subject.Digest.String(), ":", "-", 1)+".sig")
		}
	}
	if w.rand.IntN(3) == 0 && n > 0 {
		_, err := w.client.UpdateTagProperties(w.t.Context(), "app", w.tags()[0], &azcontainerregistry.ClientUpdateTagPropertiesOptions{
			Value: &azcontainerregistry.TagWriteableProperties{CanDelete: to.Ptr(false)},
		})
		if err != nil {
			w.t.Fatal(err)
		}
	}
}

func (w *world) tags() []string {
	w.t.Helper()
	var names []string
	for tag, err := range w.client.Tags(w.t.Context(), "app", nil) {
		if err != nil {
			return names // nothing was pushed
		}
		names = append(names, *tag.Name)
	}
	return names
}

// held is what a root leads to, as a client finds it: every manifest and blob,
// with what refers to any of them.
func (w *world) held(reference string) (map[digest.Digest]bool, error) {
	seen := map[digest.Digest]bool{}
	copied := artifact.NewMemory()
	o := &artifact.Options{Referrers: artifact.ReferrersFollow, OnEvent: func(e artifact.Event) {
		if e.Descriptor.Digest != "" {
			seen[e.Descriptor.Digest] = true
		}
	}}
	_, err := artifact.Copy(w.t.Context(), copied, "x", w.into, reference, o)
	return seen, err
}

// TestPurgeNeverTakesWhatAKeptTagNeeds purges 200 random repositories while
// others push to them, and asks a client, which knows nothing of the rules,
// whether everything under the tags that must stay is still whole.
func TestPurgeNeverTakesWhatAKeptTagNeeds(t *testing.T) {
	deleted := 0
	for seed := range uint64(200) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			deleted += purgeWorld(t, seed)
		})
	}
	if deleted < 200 {
		t.Errorf("only %d things were deleted in all: the worlds have nothing to purge", deleted)
	}
}

func purgeWorld(t *testing.T, seed uint64) (deleted int) {
	registry := emulatortest.Start(t)
	client, err := azcontainerregistry.NewClient(registry.Endpoint, registry.Credential, &azcontainerregistry.ClientOptions{ClientOptions: registry.ClientOptions()})
	if err != nil {
		t.Fatal(err)
	}
	into, err := artifact.NewRepository(client, nil, "app")
	if err != nil {
		t.Fatal(err)
	}
	w := &world{
		t: t, rand: rand.New(rand.NewPCG(seed, 1)), store: artifact.NewMemory(), client: client, into: into,
		clock: func(d time.Duration) { registry.Emulator.Clock().Advance(d) },
	}
	w.fill()
	keep := w.rand.IntN(3)
	rules, err := Compile([]Rule{{Repository: "app", Tag: "ci-*", Keep: keep, Untagged: w.rand.IntN(2) == 0}}, []string{"app:ci-1"})
	if err != nil {
		t.Fatal(err)
	}

	// What must stay, said without the rules: names that the pattern doesn't
	// match, those that are protected, and the newest of the others.
	before := w.tags()
	var ci []string
	stays := map[string]map[digest.Digest]bool{}
	mustStay := func(tag string) {
		held, err := w.held(tag)
		if err != nil {
			t.Fatalf("%s before the purge: %v", tag, err)
		}
		stays[tag] = held
	}
	for _, tag := range before {
		switch {
		case strings.HasPrefix(tag, "ci-") && tag != "ci-1":
			ci = append(ci, tag)
		case !strings.HasPrefix(tag, "sha256-"):
			mustStay(tag)
		}
	}
	slices.SortFunc(ci, func(a, b string) int { return number(b) - number(a) })
	for _, tag := range ci[:min(keep, len(ci))] {
		mustStay(tag)
	}

	graph, err := into.Graph(t.Context(), nil)
	if len(before) == 0 {
		return 0
	}
	if err != nil {
		t.Fatal(err)
	}
	steps := rules.Choose(graph, registry.Emulator.Clock().Now()).Steps("local", NewSizes([]*artifact.RepositoryGraph{graph}))
	guard, err := NewGuard(t.Context(), client, "app", &Cache{}, steps)
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range steps {
		if i == len(steps)/2 {
			// Somebody pushes in the middle: a name, or an index, for anything.
			late := w.any(w.roots)
			if w.rand.IntN(2) == 0 {
				late = w.index(w.any(w.roots))
			}
			w.push(late, "late")
			mustStay("late")
		}
		why, gone, err := guard.Check(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		if why != "" || gone {
			continue
		}
		if err := remove(t.Context(), client, s); err != nil {
			guard.Finish(s, false)
			continue // a lock that came between
		}
		guard.Finish(s, true)
		deleted++
	}
	registry.Emulator.Clock().Advance(time.Hour) // referrers of deleted subjects go by the clock
	for tag, want := range stays {
		held, err := w.held(tag)
		if err != nil {
			t.Errorf("%s, which stays, is broken: %v", tag, err)
		}
		for d := range want {
			if !held[d] {
				t.Errorf("%s, which stays, lacks %s", tag, d)
			}
		}
	}
	return deleted
}

func remove(ctx context.Context, client *azcontainerregistry.Client, s plan.Step) error {
	if s.Action == plan.ActionUntag {
		_, err := client.DeleteTag(ctx, s.Repository, s.Tag, nil)
		return err
	}
	_, err := client.DeleteManifest(ctx, s.Repository, s.Digest, nil)
	return err
}

func number(tag string) int {
	var n int
	_, _ = fmt.Sscanf(tag, "ci-%d", &n)
	return n
}
