package artifact

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// keptSync makes a sync's plan, and reads it back as another process would.
func keptSync(t *testing.T, dst SyncTarget, src SyncSource, o *SyncOptions) *SyncPlan {
	t.Helper()
	plan, err := PlanSync(t.Context(), dst, src, o)
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(plan)
	if err != nil {
		t.Fatal(err)
	}
	kept, err := ParseSyncPlan(data)
	if err != nil {
		t.Fatal(err)
	}
	return kept
}

// retag makes a tag point to what another one points to.
func retag(t *testing.T, r *memoryRegistry, repository, tag, to string) {
	t.Helper()
	if _, err := Copy(t.Context(), r.repos[repository], tag, r.repos[repository], to, nil); err != nil {
		t.Fatal(err)
	}
}

func TestSyncPlanIsAppliedAsItWasMade(t *testing.T) {
	src, dst := filledRegistry(t, 2, 3), emptyRegistry()
	o := &SyncOptions{Include: []string{"team0/**"}}
	plan := keptSync(t, dst, src, o)
	result, err := plan.Apply(t.Context(), dst, src, o)
	if err != nil || result.Copied != 3 || result.Images != 3 {
		t.Fatalf("%+v, %v", result, err)
	}
	want := map[string]string{}
	for _, item := range plan.Items {
		want[item.name()] = item.Digest
	}
	if diff := cmp.Diff(want, dst.images()); diff != "" {
		t.Error(diff)
	}
	// Again: what the plan wanted is there, so it is outdated.
	if _, err := plan.Apply(t.Context(), dst, src, o); !errors.As(err, new(*ChangedError)) {
		t.Errorf("a second time: %v", err)
	}
}

func TestSyncPlanIsRefusedWhenSomethingHasChanged(t *testing.T) {
	for name, change := range map[string]func(t *testing.T, src, dst *memoryRegistry){
		"an image moved": func(t *testing.T, src, _ *memoryRegistry) { retag(t, src, "team0/app0", "v0", "v1") },
		"an image came":  func(t *testing.T, src, _ *memoryRegistry) { retag(t, src, "team0/app0", "new", "v1") },
		"an image went": func(t *testing.T, src, _ *memoryRegistry) {
			src.repos["team0/app0"] = filledRegistry(t, 1, 1).repos["team0/app0"]
		},
		"the target's tag moved": func(t *testing.T, src, dst *memoryRegistry) {
			into, _ := dst.Target("team0/app0")
			if _, err := Copy(t.Context(), into, "v1", src.repos["team0/app0"], "v2", nil); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			src, dst := filledRegistry(t, 1, 3), emptyRegistry()
			plan := keptSync(t, dst, src, nil)
			change(t, src, dst)
			before := dst.images()
			_, err := plan.Apply(t.Context(), dst, src, nil)
			if !errors.As(err, new(*ChangedError)) {
				t.Errorf("%v; want a ChangedError", err)
			}
			if diff := cmp.Diff(before, dst.images()); diff != "" {
				t.Errorf("something was done: %s", diff)
			}
		})
	}
	src, dst := filledRegistry(t, 1, 1), emptyRegistry()
	plan := keptSync(t, dst, src, nil)
	plan.Source = "elsewhere"
	if _, err := plan.Apply(t.Context(), dst, src, nil); !errors.Is(err, ErrInvalid) {
		t.Errorf("another source's plan: %v", err)
	}
}

// lateRegistry changes when it is listed for the second time: when its plan
// has been compared, and is being carried out.
type lateRegistry struct {
	*memoryRegistry
	listed int
	change func()
}

func (r *lateRegistry) Repositories(ctx context.Context) ([]string, error) {
	if r.listed++; r.listed == 2 {
		r.change()
	}
	return r.memoryRegistry.Repositories(ctx)
}

func TestSyncPlanCopiesNothingThatItHasNotSeen(t *testing.T) {
	filled, dst := filledRegistry(t, 1, 3), emptyRegistry()
	plan := keptSync(t, dst, filled, nil)
	src := &lateRegistry{memoryRegistry: filled, change: func() {
		retag(t, filled, "team0/app0", "v0", "v1")
		retag(t, filled, "team0/app0", "new", "v1")
	}}
	result, err := plan.Apply(t.Context(), dst, src, nil)
	var changed *ChangedError
	if !errors.As(err, new(*PartialError)) || !errors.As(err, &changed) || result.Copied != 2 || result.Failed != 1 {
		t.Fatalf("%+v, %v", result, err)
	}
	for _, name := range []string{"team0/app0:v0", "team0/app0:new"} {
		if digest := dst.images()[name]; digest != "" {
			t.Errorf("%s was copied: %s", name, digest)
		}
	}
}

func FuzzSyncPlan(f *testing.F) {
	f.Add([]byte(`{"schema":"acrkit.syncplan/1","items":[{"repository":"a","tag":"v1","target":"b","action":"copy","digest":"sha256:0000000000000000000000000000000000000000000000000000000000000001"}]}`))
	f.Add([]byte(`{"schema":"acrkit.syncplan/1","items":[{"action":"format"}]}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := ParseSyncPlan(data)
		if err != nil {
			return
		}
		for _, item := range p.Items {
			if item.Tag == "" || item.plan().Root.Digest.Validate() != nil {
				t.Errorf("accepted %+v", item)
			}
		}
	})
}
