package purge

import (
	"time"

	"github.com/acrkit/azcontainerregistry/artifact"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/plan"
)

// Steps makes the steps that carry out a choice: names first, then manifests in
// the order in which they can go. sizes tells what each frees.
func (c *Choice) Steps(registry string, sizes *Sizes) []plan.Step {
	var steps []plan.Step
	updated := map[string]*time.Time{}
	for _, t := range c.Graph.Tags {
		updated[t.Name] = t.LastUpdatedOn
	}
	for _, t := range c.Tags {
		steps = append(steps, plan.Step{
			Action: plan.ActionUntag, Registry: registry, Repository: c.Graph.Repository, Tag: t.Name,
			Digest: t.Digest.String(), LastUpdatedOn: t.LastUpdatedOn, Reason: c.Why[t.Name],
		})
	}
	for _, m := range c.Manifests {
		steps = append(steps, plan.Step{
			Action: plan.ActionDeleteManifest, Registry: registry, Repository: c.Graph.Repository, Digest: m.Digest.String(),
			Tags: m.Tags, LastUpdatedOn: newest(m, updated), Frees: sizes.Remove(m), Reason: c.Why[m.Digest.String()],
		})
	}
	return steps
}

// newest is when the newest of a manifest's tags was pushed.
func newest(m *artifact.GraphManifest, updated map[string]*time.Time) *time.Time {
	var last *time.Time
	for _, tag := range m.Tags {
		if t := updated[tag]; t != nil && (last == nil || t.After(*last)) {
			last = t
		}
	}
	return last
}
