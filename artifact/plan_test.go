package artifact

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPlanSaysWhatCopyDoes(t *testing.T) {
	b := newBuilder(t, 21)
	old, root := b.image("linux/amd64", 1000), b.image("linux/amd64", 2000, 3000)
	target := NewMemory()
	if _, err := Copy(t.Context(), target, "v1", b.store, old.Digest.String(), nil); err != nil {
		t.Fatal(err)
	}
	m, _ := imageIn(t, b.store, root.Digest.String())
	if err := target.Push(t.Context(), m.Layers[0], NewContent(b.store, m.Layers[0])); err != nil {
		t.Fatal(err)
	}
	b.tag(root, "v1")
	p, err := NewPlan(t.Context(), target, "v1", b.store, "v1", nil)
	if err != nil {
		t.Fatal(err)
	}
	if p.Replaces != old.Digest.String() || p.Bytes != 3000+m.Config.Size+root.Size || p.BytesSkipped != 2000 || p.Requests != 0 {
		t.Errorf("plan %+v", p)
	}
	if exists, _ := target.Exists(t.Context(), root); exists {
		t.Fatal("planning wrote something")
	}
	data, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	kept, err := ParsePlan(data)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(p, kept); diff != "" {
		t.Error(diff)
	}
	result, err := kept.Apply(t.Context(), target, b.store, nil)
	if err != nil {
		t.Fatal(err)
	}
	if result.BytesCopied+root.Size != p.Bytes || result.BlobsCopied != 2 {
		t.Errorf("result %+v, plan %+v", result, p)
	}
	requireWhole(t, target, "v1", root.Digest)
}

func TestPlanRefusesWhenThingsHaveChanged(t *testing.T) {
	b := newBuilder(t, 22)
	one, two := b.image("linux/amd64", 1000), b.image("linux/amd64", 2000)
	b.tag(one, "v1")
	target := &recorder{Memory: NewMemory()}
	p, err := NewPlan(t.Context(), target, "v1", b.store, "v1", nil)
	if err != nil {
		t.Fatal(err)
	}
	b.tag(two, "v1")
	var changed *ChangedError
	if _, err := p.Apply(t.Context(), target, b.store, nil); !errors.As(err, &changed) || changed.Now != two.Digest.String() {
		t.Errorf("the source has changed: %v", err)
	}
	b.tag(one, "v1")
	if _, err := Copy(t.Context(), target.Memory, "v1", b.store, two.Digest.String(), nil); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Apply(t.Context(), target, b.store, nil); !errors.As(err, &changed) || changed.Now != two.Digest.String() || changed.Planned != "" {
		t.Errorf("the target has changed: %v", err)
	}
	if len(target.order) > 0 {
		t.Errorf("written all the same: %q", target.order)
	}
	for _, bad := range []string{"", "{}", `{"schema":"acrkit.plan/9"}`} {
		if _, err := ParsePlan([]byte(bad)); !errors.Is(err, ErrInvalid) {
			t.Errorf("plan %q: %v", bad, err)
		}
	}
}

func TestNoClobberLeavesTheTag(t *testing.T) {
	b := newBuilder(t, 23)
	one, two := b.image("linux/amd64", 1000), b.image("linux/amd64", 2000)
	target := NewMemory()
	if _, err := Copy(t.Context(), target, "v1", b.store, one.Digest.String(), &Options{NoClobber: true}); err != nil {
		t.Fatal(err)
	}
	if _, err := Copy(t.Context(), target, "v1", b.store, one.Digest.String(), &Options{NoClobber: true}); err != nil {
		t.Errorf("the same image again: %v", err)
	}
	var exists *ExistsError
	if _, err := Copy(t.Context(), target, "v1", b.store, two.Digest.String(), &Options{NoClobber: true}); !errors.As(err, &exists) || exists.Digest != one.Digest.String() {
		t.Errorf("error %v, want an ExistsError", err)
	}
	requireWhole(t, target, "v1", one.Digest)
}
