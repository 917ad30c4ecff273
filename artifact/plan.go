package artifact

import (
	"context"
	"encoding/json"
	"fmt"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// PlanSchema is the version of a plan's JSON.
const PlanSchema = "acrkit.plan/1"

// PlanAction is what a copy would do with one piece of content.
type PlanAction string

const (
	// PlanCopy: its bytes would move.
	PlanCopy PlanAction = "copy"
	// PlanMount: the registry would take it from another repository; should
	// it refuse, its bytes would move.
	PlanMount PlanAction = "mount"
	// PlanSkip: the target has it.
	PlanSkip PlanAction = "skip"
)

// PlanItem is one blob or manifest of a plan.
type PlanItem struct {
	Action    PlanAction `json:"action"`
	MediaType string     `json:"mediaType"`
	Digest    string     `json:"digest"`
	Size      int64      `json:"size"`
	Referrer  bool       `json:"referrer,omitempty"` // a signature, an SBOM or the like
}

// Plan is what a copy would do: its dry run. It can be kept as JSON, and
// applied later.
type Plan struct {
	Schema               string             `json:"schema"`
	Source               string             `json:"source"`
	SourceReference      string             `json:"sourceReference"`
	Destination          string             `json:"destination"`
	DestinationReference string             `json:"destinationReference"`
	Platform             string             `json:"platform,omitempty"` // several are separated by commas
	Root                 ocispec.Descriptor `json:"root"`
	Replaces             string             `json:"replaces,omitempty"` // what the tag points to now
	Tagged               bool               `json:"tagged,omitempty"`   // the tag points to the root already
	Blobs                []PlanItem         `json:"blobs"`
	Manifests            []PlanItem         `json:"manifests"`
	// Bytes is what would move, manifests included, if every mount succeeds;
	// BytesSkipped is what would not have to.
	Bytes        int64 `json:"bytes"`
	BytesSkipped int64 `json:"bytesSkipped"`
	// Requests is how many requests to the target registry that takes, token
	// requests and retries left out; 0 for a local target.
	Requests int `json:"requests"`
	// LeftOut is what belongs to the image and would not be copied.
	LeftOut []LeftOut `json:"leftOut,omitempty"`
}

// NewPlan finds out what [Copy] with the same arguments would do. It asks both
// sides the same questions, and writes nothing.
func NewPlan(ctx context.Context, dst Target, dstRef string, src Source, srcRef string, o *Options) (*Plan, error) {
	c, err := prepare(ctx, dst, dstRef, src, srcRef, o)
	if err != nil {
		return nil, fmt.Errorf("plan copy %s to %s: %w", describe(src, srcRef), describe(dst, dstRef), err)
	}
	return c.plan(dstRef, srcRef), nil
}

func (c *copier) plan(dstRef, srcRef string) *Plan {
	p := &Plan{
		Schema: PlanSchema,
		Source: nameOf(c.src), SourceReference: srcRef,
		Destination: nameOf(c.dst), DestinationReference: dstRef,
		Platform: formatPlatforms(c.o.Platforms),
		Root:     c.graph.root, Replaces: c.previous,
		LeftOut: c.leftOut,
	}
	if p.Replaces == p.Root.Digest.String() {
		p.Replaces, p.Tagged = "", true
	}
	// An upload whose digest is known is a POST and a PUT, a mount one POST
	// (ACR protocol §4.5).
	requests := map[PlanAction]int{PlanCopy: 2, PlanMount: 1}
	add := func(list *[]PlanItem, action PlanAction, desc ocispec.Descriptor, referrer bool) {
		*list = append(*list, PlanItem{Action: action, MediaType: desc.MediaType, Digest: desc.Digest.String(), Size: desc.Size, Referrer: referrer})
		switch action {
		case PlanCopy:
			p.Bytes += desc.Size
		default:
			p.BytesSkipped += desc.Size
		}
	}
	for _, blob := range c.missing {
		move := PlanCopy
		holder := holderOf(c.src, blob.Digest)
		if _, own := holder.(*Draft); !own {
			if m, ok := c.dst.(Mounter); ok {
				if _, ok := m.MountsFrom(holder); ok {
					move = PlanMount
				}
			}
		}
		add(&p.Blobs, move, blob, false)
		p.Requests += requests[move]
	}
	for _, blob := range c.existing {
		add(&p.Blobs, PlanSkip, blob, false)
	}
	manifests := append([][]*node{}, c.graph.levels...)
	for _, level := range append(manifests, []*node{c.graph.nodes[c.graph.root.Digest]}) {
		for _, n := range level {
			action := PlanCopy
			if c.has[n.desc.Digest] {
				action = PlanSkip
			} else {
				p.Requests++
			}
			p.Requests += len(n.tags)
			add(&p.Manifests, action, n.desc, n.referrer)
		}
	}
	if _, ok := c.dst.(remote); !ok {
		p.Requests = 0
	}
	return p
}

// Empty reports whether the copy would change nothing.
func (p *Plan) Empty() bool {
	tagless := p.DestinationReference == "" || isDigest(p.DestinationReference)
	return p.action() == PlanSkip && (p.Tagged || tagless)
}

// ParsePlan reads the JSON of a plan.
func ParsePlan(data []byte) (*Plan, error) {
	var p Plan
	if err := json.Unmarshal(data, &p); err != nil {
		return nil, &InvalidError{Code: codePlanUnreadable, Thing: "plan", Rule: "it is not JSON", Err: err}
	}
	if p.Schema != PlanSchema {
		return nil, &InvalidError{Code: codePlanUnreadable, Thing: "plan", Rule: fmt.Sprintf("its schema is %.40q, want %q", p.Schema, PlanSchema)}
	}
	if err := checkDescriptor(p.Root); err != nil {
		return nil, &InvalidError{Code: codePlanUnreadable, Thing: "plan", Rule: "its root is wrong", Err: err}
	}
	return &p, nil
}

// Apply does what the plan says, with the stores that it was made for: it
// copies the root that the plan names, and refuses with a [*ChangedError],
// before it writes anything, when the source's reference no longer means that
// root, or the target's tag points to something that the plan didn't see.
func (p *Plan) Apply(ctx context.Context, dst Target, src Source, o *Options) (Result, error) {
	options, err := p.options(dst, src, o)
	if err != nil {
		return Result{}, err
	}
	return Copy(ctx, dst, p.DestinationReference, src, p.SourceReference, options)
}

// Check refuses as [Plan.Apply] does, and writes nothing. It returns what a copy
// would do now.
func (p *Plan) Check(ctx context.Context, dst Target, src Source, o *Options) (*Plan, error) {
	options, err := p.options(dst, src, o)
	if err != nil {
		return nil, err
	}
	return NewPlan(ctx, dst, p.DestinationReference, src, p.SourceReference, options)
}

// options are those of the copy that the plan is of.
func (p *Plan) options(dst Target, src Source, o *Options) (*Options, error) {
	if nameOf(dst) != p.Destination || nameOf(src) != p.Source {
		return nil, &InvalidError{Code: codePlanUnreadable, Thing: "plan", Rule: fmt.Sprintf("it is for a copy from %s to %s", p.Source, p.Destination)}
	}
	options := Options{}
	if o != nil {
		options = *o
	}
	var err error
	if options.Platforms, err = parsePlatforms(p.Platform); err != nil {
		return nil, err
	}
	options.expect = p
	return &options, nil
}

// check compares the plan with what a copy found.
func (p *Plan) check(c *copier) error {
	if now := c.graph.root.Digest.String(); now != p.Root.Digest.String() {
		return &ChangedError{Reference: describe(c.src, p.SourceReference), Planned: p.Root.Digest.String(), Now: now}
	}
	// A tag that points to the root by now is what the plan asked for.
	if c.previous != p.Replaces && c.previous != p.Root.Digest.String() {
		return &ChangedError{Reference: describe(c.dst, p.DestinationReference), Planned: p.Replaces, Now: c.previous}
	}
	return nil
}
