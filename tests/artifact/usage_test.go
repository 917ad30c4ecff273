package artifact_test

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/acrkit/azcontainerregistry"
	"github.com/acrkit/azcontainerregistry/artifact"
	"github.com/acrkit/azcontainerregistry/emulator"
	"github.com/acrkit/azcontainerregistry/emulator/emulatortest"
	"github.com/acrkit/azcontainerregistry/internal/artifacttest"
)

// TestUsageIsWhatTheStoreHolds measures 200 random registries of three
// repositories, and holds the sums beside the files of the emulator's blobs and
// the manifests that it has.
func TestUsageIsWhatTheStoreHolds(t *testing.T) {
	worlds := 200
	if testing.Short() {
		worlds = 20
	}
	for seed := range uint64(worlds) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			usageOfWorld(t, seed)
		})
	}
}

func usageOfWorld(t *testing.T, seed uint64) {
	dir := t.TempDir()
	registry := emulatortest.Start(t, &emulator.Options{Dir: dir, NoSync: true})
	client, err := azcontainerregistry.NewClient(registry.Endpoint, registry.Credential, &azcontainerregistry.ClientOptions{ClientOptions: registry.ClientOptions()})
	if err != nil {
		t.Fatal(err)
	}
	// The same seed in two repositories: they share everything that the first has.
	var repositories []*artifact.Repository
	for name, seed := range map[string]uint64{"app": seed, "again": seed, "other": seed + 1000} {
		w := artifacttest.NewWorld(t, seed, client, name, registry.Advance)
		w.Fill()
		if tags := w.Tags(); len(tags) > 0 {
			repositories = append(repositories, w.Repository)
			if seed%2 == 0 { // a manifest that goes leaves what others have
				if _, err := client.DeleteTag(t.Context(), name, tags[len(tags)-1], nil); err != nil && !strings.Contains(err.Error(), "locked") {
					t.Fatal(err)
				}
			}
		}
	}
	// A deleted subject takes its referrers along, some time after.
	registry.Advance(time.Hour)
	if _, err := registry.Emulator.CollectGarbage(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	results, err := artifact.ReadGraphs(t.Context(), repositories, nil)
	if err != nil {
		t.Fatal(err)
	}
	var graphs []*artifact.RepositoryGraph
	for _, r := range results {
		if r.Err != nil {
			t.Fatal(r.Err)
		}
		graphs = append(graphs, r.Graph)
	}
	u := artifact.MeasureUsage(graphs...)

	manifests := map[string]int64{}
	listed := 0
	for _, repository := range registry.Snapshot(t).Repositories {
		for _, m := range repository.Manifests {
			manifests[m.Digest] = m.Size
			listed++
		}
	}
	var stored int64
	for _, size := range manifests {
		stored += size
	}
	stored += blobBytes(t, dir)
	if u.Sizes.Stored != stored {
		t.Errorf("%d bytes, the store holds %d", u.Sizes.Stored, stored)
	}
	var attributed, contents, weeks int64
	counted := 0
	for _, r := range u.Repositories {
		attributed += r.Sizes.Attributed
		counted += r.Manifests
		var entries int64
		for _, e := range r.Entries {
			entries += e.Sizes.Attributed
			if e.Sizes.Unique+e.Sizes.Shared != e.Sizes.Stored || e.Sizes.Logical < e.Sizes.Stored {
				t.Errorf("%s:%s: the parts don't make the whole: %+v", r.Name, e.Tag, e.Sizes)
			}
		}
		if entries != r.Sizes.Attributed {
			t.Errorf("%s: its entries have %d bytes, itself %d", r.Name, entries, r.Sizes.Attributed)
		}
		if r.Sizes.Unique+r.Sizes.Shared != r.Sizes.Stored || r.Sizes.Logical < r.Sizes.Stored {
			t.Errorf("%s: the parts don't make the whole: %+v", r.Name, r.Sizes)
		}
	}
	for _, c := range u.Contents {
		contents += c.Descriptor.Size
	}
	for _, w := range u.Weeks() {
		weeks += w.Added
		if w.Total != weeks {
			t.Errorf("week %s: %d in all, want %d", w.Week, w.Total, weeks)
		}
	}
	if attributed != stored || contents != stored || weeks != stored || counted != listed {
		t.Errorf("attributed %d, contents %d, weeks %d, want %d; %d manifests, want %d", attributed, contents, weeks, stored, counted, listed)
	}
}

// blobBytes adds up the files of an emulator's blobs.
func blobBytes(t *testing.T, dir string) int64 {
	t.Helper()
	var sum int64
	err := filepath.WalkDir(filepath.Join(dir, "blobs"), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		if _, err := digest.Parse("sha256:" + entry.Name()); err != nil {
			return fmt.Errorf("%s is no blob", path)
		}
		info, err := entry.Info()
		if err == nil {
			sum += info.Size()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return sum
}
