package artifact

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

func TestSyncIsIdempotent(t *testing.T) {
	src, dst := filledRegistry(t, 4, 3), emptyRegistry()
	plan, err := PlanSync(t.Context(), dst, src, nil)
	if err != nil || len(plan.Items) != 12 {
		t.Fatalf("plan of %d items, %v", len(plan.Items), err)
	}
	first, err := Sync(t.Context(), dst, src, nil)
	if err != nil || first.Copied != 12 || first.Skipped != 0 {
		t.Fatalf("first: %+v, %v", first, err)
	}
	if diff := cmp.Diff(src.images(), dst.images()); diff != "" {
		t.Error(diff)
	}
	for _, verify := range []bool{false, true} {
		second, err := Sync(t.Context(), dst, src, &SyncOptions{Verify: verify})
		if err != nil || second.Copied != 0 || second.Skipped != 12 || second.Bytes != 0 {
			t.Errorf("second, verify %v: %+v, %v", verify, second, err)
		}
	}
}

func TestVerifyingSyncMendsWhatIsMissingBelowATag(t *testing.T) {
	src, dst := filledRegistry(t, 1, 1), emptyRegistry()
	if _, err := Sync(t.Context(), dst, src, nil); err != nil {
		t.Fatal(err)
	}
	m, _ := imageIn(t, src.repos["team0/app0"], "v0")
	dst.repos["team0/app0"].lose(m.Layers[0].Digest)
	result, err := Sync(t.Context(), dst, src, &SyncOptions{Verify: true})
	if err != nil || result.Copied != 1 {
		t.Fatalf("%+v, %v", result, err)
	}
	root, _ := src.repos["team0/app0"].Resolve(t.Context(), "v0")
	requireWhole(t, dst.repos["team0/app0"], "v0", root.Digest)
}

func TestShardsTogetherDoExactlyTheWhole(t *testing.T) {
	src := filledRegistry(t, 5, 8)
	for _, shards := range []int{1, 2, 3, 7, 64} {
		dst := emptyRegistry()
		seen := map[string]int{}
		total := 0
		for shard := range shards {
			o := &SyncOptions{Shard: shard, Shards: shards}
			o.Copy.OnEvent = func(e Event) {
				if e.Kind == EventImage {
					seen[e.Image]++
				}
			}
			result, err := Sync(t.Context(), dst, src, o)
			if err != nil {
				t.Fatal(err)
			}
			total += result.Images
		}
		if total != 40 || len(seen) != 40 {
			t.Errorf("%d shards did %d images, %d different ones, want 40", shards, total, len(seen))
		}
		for image, times := range seen {
			if times != 1 {
				t.Errorf("%d shards did %s %d times", shards, image, times)
			}
		}
		if diff := cmp.Diff(src.images(), dst.images()); diff != "" {
			t.Errorf("%d shards: %s", shards, diff)
		}
	}
}

func TestShardOfAnImageNeverChanges(t *testing.T) {
	// Machines with different versions may work on one sync: these are a
	// contract, not a snapshot.
	for name, want := range map[string]int{"app:v1": 4, "team/app:latest": 3, "team/app:v2": 4} {
		for shard := range 8 {
			if got := inShard(name, shard, 8); got != (shard == want) {
				t.Errorf("%s in shard %d of 8: %v", name, shard, got)
			}
		}
	}
}

func TestSyncTakesWhatThePatternsSay(t *testing.T) {
	src := filledRegistry(t, 4, 3)
	for _, c := range []struct {
		include, exclude []string
		want             int
	}{
		{nil, nil, 12},
		{[]string{"team0/*"}, nil, 6},
		{[]string{"*"}, nil, 0},
		{[]string{"**"}, nil, 12},
		{[]string{"team0/app0:v?"}, nil, 3},
		{[]string{"**:v1"}, nil, 4},
		{[]string{"team0/app0", "**:v2"}, []string{"team0/app0:v2"}, 5},
		{nil, []string{"team1/**"}, 6},
		{[]string{"team0"}, nil, 0},
	} {
		result, err := Sync(t.Context(), emptyRegistry(), src, &SyncOptions{Include: c.include, Exclude: c.exclude})
		if err != nil || result.Images != c.want {
			t.Errorf("include %q, exclude %q: %d images, %v; want %d", c.include, c.exclude, result.Images, err, c.want)
		}
	}
	for _, bad := range []string{"", "[a-z]", "a:b:c", `\d`} {
		dst := emptyRegistry()
		if _, err := Sync(t.Context(), dst, src, &SyncOptions{Include: []string{bad}}); !errors.Is(err, ErrInvalid) {
			t.Errorf("pattern %q: %v", bad, err)
		}
	}
	for _, bad := range []SyncOptions{{Shard: 1}, {Shard: 2, Shards: 2}, {Shard: -1, Shards: 2}, {Shards: -1}, {Images: -1}} {
		if _, err := Sync(t.Context(), emptyRegistry(), src, &bad); !errors.Is(err, ErrInvalid) {
			t.Errorf("options %+v: %v", bad, err)
		}
	}
}

func TestSyncGoesOnPastABrokenImage(t *testing.T) {
	src, dst := filledRegistry(t, 3, 2), emptyRegistry()
	m, _ := imageIn(t, src.repos["team0/app0"], "v1")
	src.repos["team0/app0"].lose(m.Layers[0].Digest)
	result, err := Sync(t.Context(), dst, src, &SyncOptions{Rename: func(name string) string { return "mirror/" + name }})
	var partial *PartialError
	if !errors.As(err, &partial) || partial.Failed != 1 || partial.Total != 6 || !strings.Contains(err.Error(), "team0/app0:v1") || !errors.Is(err, ErrNotFound) {
		t.Fatalf("error %v, want a PartialError that names the image", err)
	}
	if result.Copied != 5 || result.Failed != 1 || len(dst.images()) != 5 {
		t.Errorf("%+v, %d images", result, len(dst.images()))
	}
	if dst.repos["mirror/team0/app0"] == nil {
		t.Error("the repositories were not renamed")
	}
}

func TestSyncGoesOnPastARepositoryThatCannotBeListed(t *testing.T) {
	src, dst := filledRegistry(t, 3, 2), emptyRegistry()
	repositories := []string{"gone", "team0/app0", "team1/app1"}
	result, err := Sync(t.Context(), dst, src, &SyncOptions{Repositories: repositories})
	var partial *PartialError
	if !errors.As(err, &partial) || partial.Failed != 1 || partial.Total != 5 || !strings.Contains(err.Error(), "gone") {
		t.Fatalf("error %v, want a PartialError that names the repository", err)
	}
	if result.Copied != 4 || result.Failed != 1 || len(dst.images()) != 4 {
		t.Errorf("%+v, %d images", result, len(dst.images()))
	}
}

func TestSyncBringsSignaturesThatCameLater(t *testing.T) {
	b := newBuilder(t, 60)
	image := b.image("linux/amd64", 10)
	root := b.index(image, b.image("linux/arm64", 10))
	b.tag(root, "v1")
	src, dst := &memoryRegistry{repos: map[string]*Memory{"app": b.store}}, emptyRegistry()
	o := &SyncOptions{Copy: Options{Referrers: ReferrersFollow}}
	for _, subject := range []ocispec.Descriptor{{}, root, image} {
		var signature ocispec.Descriptor
		if subject.Digest != "" {
			signature = b.signature(subject)
		}
		first, err := Sync(t.Context(), dst, src, o)
		if err != nil || first.Copied != 1 {
			t.Fatalf("%+v, %v; want something to be copied", first, err)
		}
		if exists, err := dst.repos["app"].Exists(t.Context(), signature); signature.Digest != "" && (!exists || err != nil) {
			t.Errorf("the signature of %s didn't come along: %v", subject.Digest, err)
		}
		if again, err := Sync(t.Context(), dst, src, o); err != nil || again.Skipped != 1 {
			t.Errorf("again: %+v, %v", again, err)
		}
	}
}

func TestFoldersOfRepositoriesMayLieInEachOther(t *testing.T) {
	for _, order := range [][]string{{"team", "team/app"}, {"team/app", "team"}} {
		dir := t.TempDir()
		tree := NewLayoutTree(dir)
		defer tree.Close()
		for _, name := range order {
			if _, err := tree.Target(name); err != nil {
				t.Fatalf("%q: %v", order, err)
			}
		}
		got, err := tree.Repositories(t.Context())
		if err != nil || !slices.Equal(got, []string{"team", "team/app"}) {
			t.Errorf("%q: found %q, %v", order, got, err)
		}
	}
}

func TestLinkThatLeavesTheTreeIsRefused(t *testing.T) {
	outside, dir := t.TempDir(), t.TempDir()
	other, err := CreateLayout(filepath.Join(outside, "app"))
	if err != nil {
		t.Fatal(err)
	}
	other.Close()
	if err := os.Symlink(outside, filepath.Join(dir, "team")); err != nil {
		t.Skip(err)
	}
	tree := NewLayoutTree(dir)
	defer tree.Close()
	for name, open := range map[string]func() error{
		"to read":  func() error { _, err := tree.Source("team/app"); return err },
		"to write": func() error { _, err := tree.Target("team/new"); return err },
	} {
		if err := open(); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if entries, _ := os.ReadDir(outside); len(entries) != 1 {
		t.Errorf("something was written outside: %v", entries)
	}
}

func TestSyncIntoFoldersAndBack(t *testing.T) {
	src, dst := filledRegistry(t, 3, 2), emptyRegistry()
	tree := NewLayoutTree(t.TempDir())
	defer tree.Close()
	if _, err := Sync(t.Context(), tree, src, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := Sync(t.Context(), dst, tree, nil); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(src.images(), dst.images()); diff != "" {
		t.Error(diff)
	}
	for _, bad := range []string{"../x", "/x", "a/../../x", ""} {
		if _, err := tree.Target(bad); !errors.Is(err, ErrInvalid) {
			t.Errorf("repository %q: %v", bad, err)
		}
	}
}

func TestCancelledSyncStops(t *testing.T) {
	src, dst := filledRegistry(t, 4, 10), emptyRegistry()
	ctx, cancel := context.WithCancel(t.Context())
	done := 0
	o := &SyncOptions{Images: 1}
	o.Copy.OnEvent = func(e Event) {
		if e.Kind == EventTagged {
			if done++; done == 5 {
				cancel()
			}
		}
	}
	if _, err := Sync(ctx, dst, src, o); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if n := len(dst.images()); n != 5 {
		t.Errorf("%d images, want the 5 before the cancellation", n)
	}
	if _, err := Sync(t.Context(), dst, src, nil); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(src.images(), dst.images()); diff != "" {
		t.Error(diff)
	}
}
