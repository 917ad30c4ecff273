package purge

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/acrkit/azcontainerregistry"
	"github.com/acrkit/azcontainerregistry/artifact"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/manifestcache"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/plan"
	"github.com/acrkit/azcontainerregistry/emulator/emulatortest"
	"github.com/acrkit/azcontainerregistry/internal/artifacttest"
)

// held is what a root leads to, as a client finds it: every manifest and blob,
// with what refers to any of them.
func held(t *testing.T, from *artifact.Repository, reference string) (map[digest.Digest]bool, error) {
	seen := map[digest.Digest]bool{}
	copied := artifact.NewMemory()
	o := &artifact.Options{Referrers: artifact.ReferrersFollow, OnEvent: func(e artifact.Event) {
		if e.Descriptor.Digest != "" {
			seen[e.Descriptor.Digest] = true
		}
	}}
	_, err := artifact.Copy(t.Context(), copied, "x", from, reference, o)
	return seen, err
}

// TestPurgeNeverTakesWhatAKeptTagNeeds purges 200 random repositories while
// others push to them, and asks a client, which knows nothing of the rules,
// whether everything under the tags that must stay is still whole.
func TestPurgeNeverTakesWhatAKeptTagNeeds(t *testing.T) {
	deleted, worlds := 0, 200
	if testing.Short() {
		worlds = 20
	}
	for seed := range uint64(worlds) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			deleted += purgeWorld(t, seed)
		})
	}
	if deleted < worlds {
		t.Errorf("only %d things were deleted in all: the worlds have nothing to purge", deleted)
	}
}

func purgeWorld(t *testing.T, seed uint64) (deleted int) {
	registry := emulatortest.Start(t)
	client, err := azcontainerregistry.NewClient(registry.Endpoint, registry.Credential, &azcontainerregistry.ClientOptions{ClientOptions: registry.ClientOptions()})
	if err != nil {
		t.Fatal(err)
	}
	w := artifacttest.NewWorld(t, seed, client, "app", registry.Advance)
	w.Fill()
	keep := w.Rand.IntN(3)
	rules, err := Compile([]Rule{{Repository: "app", Tag: "ci-*", Keep: keep, Untagged: w.Rand.IntN(2) == 0}}, []string{"app:ci-1"})
	if err != nil {
		t.Fatal(err)
	}

	// What must stay, said without the rules: names that the pattern doesn't
	// match, those that are protected, and the newest of the others.
	before := w.Tags()
	var ci []string
	stays := map[string]map[digest.Digest]bool{}
	mustStay := func(tag string) {
		held, err := held(t, w.Repository, tag)
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

	graph, err := w.Repository.Graph(t.Context(), nil)
	if len(before) == 0 {
		return 0
	}
	if err != nil {
		t.Fatal(err)
	}
	steps := rules.Choose(graph, registry.Emulator.Clock().Now()).Steps("local", NewSizes([]*artifact.RepositoryGraph{graph}))
	checkFreed(t, w.Repository, graph, steps)
	guard, err := NewGuard(t.Context(), client, "app", manifestcache.New(""), steps)
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range steps {
		if i == len(steps)/2 {
			// Somebody pushes in the middle: a name, or an index, for anything.
			late := w.Any(w.Roots)
			if w.Rand.IntN(2) == 0 {
				late = w.Index(w.Any(w.Roots))
			}
			w.Push(late, "late")
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
		held, err := held(t, w.Repository, tag)
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

// checkFreed holds what the steps say that they free beside what is stored with
// and without what they delete.
func checkFreed(t *testing.T, from *artifact.Repository, before *artifact.RepositoryGraph, steps []plan.Step) {
	t.Helper()
	after, err := from.Graph(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var says int64
	for _, s := range steps {
		says += s.Frees
		if s.Action == plan.ActionDeleteManifest {
			delete(after.Manifests, digest.Digest(s.Digest))
		}
	}
	if is := artifact.MeasureUsage(before).Sizes.Stored - artifact.MeasureUsage(after).Sizes.Stored; is != says {
		t.Errorf("the plan says that it frees %d bytes, and it is %d", says, is)
	}
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
