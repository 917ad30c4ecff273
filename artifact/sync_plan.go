package artifact

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/acrkit/azcontainerregistry/internal/order"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// SyncPlanSchema is the version of a sync plan's JSON.
const SyncPlanSchema = "acrkit.syncplan/1"

// SyncPlan is what a sync would do: its dry run.
type SyncPlan struct {
	Schema      string         `json:"schema"`
	Source      string         `json:"source"`
	Destination string         `json:"destination"`
	Items       []SyncPlanItem `json:"items"`
	Bytes       int64          `json:"bytes"`    // of the blobs that would move, each counted once
	Requests    int            `json:"requests"` // to the target, token requests and retries left out
}

// SyncPlanItem is one image of a sync plan.
type SyncPlanItem struct {
	Repository string     `json:"repository"`
	Tag        string     `json:"tag"`
	Target     string     `json:"target"` // the repository at the target
	Action     PlanAction `json:"action"`
	Digest     string     `json:"digest"`
	Bytes      int64      `json:"bytes"`              // of its blobs that no item before it brings
	Replaces   string     `json:"replaces,omitempty"` // what the target's tag points to now
}

// PlanSync finds out what [Sync] with the same arguments would do. It writes
// nothing, and makes no folder.
func PlanSync(ctx context.Context, dst SyncTarget, src SyncSource, o *SyncOptions) (*SyncPlan, error) {
	s, err := newSyncer(dst, src, o)
	if err != nil {
		return nil, err
	}
	if planner, ok := dst.(syncPlanner); ok {
		s.target = planner.planTarget
	}
	p := &SyncPlan{Schema: SyncPlanSchema, Source: src.Name(), Destination: dst.Name(), Items: []SyncPlanItem{}}
	blobs := map[string]map[string]int64{} // by image, what it would move: sizes by place and digest
	err = s.each(ctx, func(ctx context.Context, item *syncItem) error {
		planned := SyncPlanItem{Repository: item.repository, Tag: item.tag, Target: item.target, Action: PlanSkip, Digest: item.digest}
		needed, err := s.needed(ctx, item)
		if err != nil {
			return err
		}
		requests, moves := 0, map[string]int64{}
		if needed {
			options := s.o.Copy
			options.Journal, options.tags = nil, item.tags
			one, err := NewPlan(ctx, item.into, item.tag, item.source, item.tag, &options)
			if err != nil {
				return err
			}
			requests = one.Requests
			planned.Action, planned.Digest, planned.Replaces = one.action(), one.Root.Digest.String(), one.Replaces
			for _, blob := range one.Blobs {
				if blob.Action == PlanCopy {
					moves[item.place()+blob.Digest] = blob.Size
				}
			}
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		p.Items = append(p.Items, planned)
		blobs[planned.name()] = moves
		p.Requests += requests
		return nil
	})
	if err == nil && len(s.errs) > 0 {
		err = s.partial()
	}
	order.By(p.Items, func(a, b SyncPlanItem) int {
		return cmp.Or(cmp.Compare(a.Repository, b.Repository), cmp.Compare(a.Tag, b.Tag))
	})
	counted := map[string]bool{}
	for i := range p.Items {
		for blob, size := range blobs[p.Items[i].name()] {
			if !counted[blob] {
				counted[blob] = true
				p.Items[i].Bytes += size
			}
		}
		p.Bytes += p.Items[i].Bytes
	}
	if err != nil {
		return p, fmt.Errorf("plan sync %s to %s: %w", src.Name(), dst.Name(), err)
	}
	return p, nil
}

// syncPlanner is a target that can open a repository without making it.
type syncPlanner interface {
	planTarget(repository string) (Target, error)
}

// place is where a blob counts once: a registry gives what one repository has
// to the others, and a folder of layouts has each layout's own.
func (i *syncItem) place() string {
	if _, ok := i.into.(remote); ok {
		return ""
	}
	return i.target + " "
}

// action is what the plan does to the image as a whole.
func (p *Plan) action() PlanAction {
	for _, items := range [][]PlanItem{p.Blobs, p.Manifests} {
		for _, item := range items {
			if item.Action != PlanSkip {
				return PlanCopy
			}
		}
	}
	return PlanSkip
}

// ParseSyncPlan reads the JSON of a sync plan.
func ParseSyncPlan(data []byte) (*SyncPlan, error) {
	var p SyncPlan
	if err := json.Unmarshal(data, &p); err != nil {
		return nil, &InvalidError{Code: codePlanUnreadable, Thing: "sync plan", Rule: "it is not JSON", Err: err}
	}
	if p.Schema != SyncPlanSchema {
		return nil, &InvalidError{Code: codePlanUnreadable, Thing: "sync plan", Rule: fmt.Sprintf("its schema is %.40q, want %q", p.Schema, SyncPlanSchema)}
	}
	for i, item := range p.Items {
		_, err := digest.Parse(item.Digest)
		switch {
		case item.Action != PlanCopy && item.Action != PlanSkip:
			return nil, &InvalidError{Code: codePlanUnreadable, Thing: fmt.Sprintf("sync plan: item %d", i), Rule: fmt.Sprintf("unknown action %.40q", item.Action)}
		case item.Repository == "" || item.Tag == "" || item.Target == "" || err != nil:
			return nil, &InvalidError{Code: codePlanUnreadable, Thing: fmt.Sprintf("sync plan: item %d", i), Rule: "it must name a repository, a tag, a target and a digest", Err: err}
		}
	}
	return &p, nil
}

// Apply does what the plan says and nothing else, with the stores and the
// options that it was made with. It refuses with a [*ChangedError], before it
// writes anything, when a sync would now do something else: an image has come,
// gone or changed at either side. An image that changes later, while the
// others are copied, fails by itself.
func (p *SyncPlan) Apply(ctx context.Context, dst SyncTarget, src SyncSource, o *SyncOptions) (SyncResult, error) {
	options := SyncOptions{}
	if o != nil {
		options = *o
	}
	if _, err := p.Check(ctx, dst, src, o); err != nil {
		if j := options.Copy.Journal; j != nil {
			err = errors.Join(err, j.finish(ctx, err, false))
		}
		return SyncResult{}, err
	}
	options.expect = make(map[string]SyncPlanItem, len(p.Items))
	for _, item := range p.Items {
		options.expect[item.name()] = item
	}
	return Sync(ctx, dst, src, &options)
}

// Check refuses as [SyncPlan.Apply] does before it writes anything, and writes
// nothing. It returns what a sync would do now.
func (p *SyncPlan) Check(ctx context.Context, dst SyncTarget, src SyncSource, o *SyncOptions) (*SyncPlan, error) {
	now, err := PlanSync(ctx, dst, src, o)
	if err == nil {
		err = p.compare(now)
	}
	return now, err
}

func (i SyncPlanItem) name() string { return i.Repository + ":" + i.Tag }

// state is all of the item that a plan must find again.
func (i SyncPlanItem) state() SyncPlanItem {
	i.Bytes = 0 // blobs may have come by another way
	return i
}

// plan is what a copy of the item has to find.
func (i SyncPlanItem) plan() *Plan {
	return &Plan{
		SourceReference: i.Tag, DestinationReference: i.Tag, Replaces: i.Replaces,
		Root: ocispec.Descriptor{Digest: digest.Digest(i.Digest)},
	}
}

// compare finds the first image that isn't as the plan says.
func (p *SyncPlan) compare(now *SyncPlan) error {
	if p.Source != now.Source || p.Destination != now.Destination {
		return &InvalidError{Code: codePlanUnreadable, Thing: "sync plan", Rule: fmt.Sprintf("it is for a sync from %s to %s", p.Source, p.Destination)}
	}
	found := make(map[string]SyncPlanItem, len(now.Items))
	for _, item := range now.Items {
		found[item.name()] = item
	}
	for _, item := range p.Items {
		is := found[item.name()]
		if item.state() != is.state() {
			return item.changed(is)
		}
		delete(found, item.name())
	}
	for _, item := range now.Items {
		if _, unplanned := found[item.name()]; unplanned {
			return SyncPlanItem{Repository: item.Repository, Tag: item.Tag}.changed(item)
		}
	}
	return nil
}

// changed says what is different: the image at the source, or the target's tag.
func (i SyncPlanItem) changed(now SyncPlanItem) error {
	if i.Digest == now.Digest {
		return &ChangedError{Reference: i.Target + ":" + i.Tag + " at the target", Planned: i.atTarget(), Now: now.atTarget()}
	}
	return &ChangedError{Reference: i.name() + " at the source", Planned: i.Digest, Now: now.Digest}
}

// atTarget is what the target's tag points to.
func (i SyncPlanItem) atTarget() string {
	if i.Action == PlanSkip {
		return i.Digest
	}
	return i.Replaces
}
