package plan

import (
	"context"
	"fmt"

	"github.com/acrkit/azcontainerregistry"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/listing"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/reference"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/session"
)

// restorable names a soft-deleted manifest, with one of its tags or none.
type restorable struct{ digest, tag string }

// restorables is the key of what a repository has soft-deleted.
type restorables struct{ repository string }

// checkDeleted refuses when what shall be restored is no longer there to be.
// The registry is asked once for all the steps of a repository.
func checkDeleted(ctx context.Context, r *session.Registry, s Step) error {
	found, err := r.Remember(restorables{s.Repository}, func() (any, error) { return findRestorable(ctx, r, s.Repository) })
	if err != nil {
		return err
	}
	if !found.(map[restorable]bool)[restorable{s.Digest, s.Tag}] {
		return changed(s, "it", "soft-deleted", "not")
	}
	return nil
}

// findRestorable lists what a repository has soft-deleted.
func findRestorable(ctx context.Context, r *session.Registry, repository string) (map[restorable]bool, error) {
	ref := reference.Reference{Repository: repository}
	found := map[restorable]bool{}
	for m, err := range listing.DeletedManifests(ctx, r, ref, listing.Flags{}) {
		if err != nil {
			return nil, err
		}
		for _, tag := range append(m.Tags, "") {
			found[restorable{m.Digest, tag}] = true
		}
	}
	// A tag that was taken away alone has left its manifest where it was.
	for t, err := range listing.DeletedTags(ctx, r, ref, listing.Flags{}) {
		if err != nil {
			return nil, err
		}
		found[restorable{t.Digest, t.Name}] = true
	}
	return found, nil
}

// RestoreSteps plans to restore the chosen soft-deleted manifests with all
// their tags; one call restores one tag (ACR protocol §3.10).
func RestoreSteps(ctx context.Context, sess *session.Session, ref reference.Reference, choose func(azcontainerregistry.DeletedManifest) bool, force bool) ([]Step, error) {
	r, err := sess.OpenFor(ctx, ref)
	if err != nil {
		return nil, err
	}
	var steps []Step
	for m, err := range listing.DeletedManifests(ctx, r, ref, listing.Flags{}) {
		if err != nil {
			return nil, err
		}
		if !choose(m) {
			continue
		}
		s := Step{Action: ActionRestore, Registry: ref.Registry.String(), Repository: ref.Repository, Digest: m.Digest, Force: force}
		if len(m.Tags) == 0 {
			steps = append(steps, s)
		}
		for _, tag := range m.Tags {
			s.Tag = tag
			steps = append(steps, s)
		}
	}
	if len(steps) == 0 {
		return nil, nothingDeleted(ref)
	}
	return steps, nil
}

func RestoreTagSteps(ctx context.Context, sess *session.Session, ref reference.Reference, force bool) ([]Step, error) {
	r, err := sess.OpenFor(ctx, ref)
	if err != nil {
		return nil, err
	}
	for t, err := range listing.DeletedTags(ctx, r, ref, listing.Flags{}) {
		if err != nil {
			return nil, err
		}
		if t.Name == ref.Tag {
			return []Step{{
				Action: ActionRestore, Registry: ref.Registry.String(), Repository: ref.Repository,
				Tag: t.Name, Digest: t.Digest, Force: force,
			}}, nil
		}
	}
	return nil, nothingDeleted(ref)
}

// nothingDeleted says that there is nothing to restore.
func nothingDeleted(ref reference.Reference) error {
	return &failure.Explained{
		Err:  failure.Coded(failure.ExitNotFound, fmt.Errorf("%s: nothing soft-deleted there", ref)),
		Code: "NOTHING_DELETED",
		Why:  []string{"the registry lists no soft-deleted manifest or tag that fits"},
		Fix:  []string{"acrkit manifest list --deleted " + reference.Reference{Registry: ref.Registry, Repository: ref.Repository}.String()},
	}
}

// EachStep makes a step of each argument; all must be right before the first
// is done.
func EachStep(args []string, makeStep func(string) (Step, error)) ([]Step, error) {
	steps := make([]Step, 0, len(args))
	seen := map[string]bool{}
	for _, text := range args {
		s, err := makeStep(text)
		if err != nil {
			return nil, err
		}
		if name := s.String(); !seen[name] { // the same thing twice is one thing
			seen[name] = true
			steps = append(steps, s)
		}
	}
	return steps, nil
}
