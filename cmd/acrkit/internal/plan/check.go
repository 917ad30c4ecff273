package plan

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/acrkit/azcontainerregistry"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/items"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/reference"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/session"
)

// changed is the refusal to do what was planned for another state.
func changed(s Step, what string, planned, now any) error {
	return &failure.Explained{
		Err:  failure.Coded(failure.ExitFailed, fmt.Errorf("%s has changed since the plan was made, nothing was done", s)),
		Code: "PLAN_OUTDATED",
		Why:  []string{fmt.Sprintf("%s: %v when the plan was made, %v now", what, planned, now)},
		Fix:  []string{"make the plan again and read it"},
	}
}

// RefuseLocked names a lock instead of taking it away.
func RefuseLocked(s Step, kind string, l *items.Locks) error {
	if l == nil || !l.Locked() {
		return nil
	}
	name := kind
	if kind == "repository" {
		name = "repo"
	}
	return &failure.Explained{
		Err:  failure.Coded(failure.ExitNotAllowed, fmt.Errorf("%s is locked, nothing was done", s)),
		Code: "LOCKED",
		Why:  []string{fmt.Sprintf("its %s attributes allow %s", kind, l.Word())},
		Fix:  []string{fmt.Sprintf("acrkit %s unlock %s", name, s)},
	}
}

func checkTag(ctx context.Context, r *session.Registry, s Step) error {
	got, err := r.Client.GetTagProperties(ctx, s.Repository, s.Tag, nil)
	if err != nil {
		return err
	}
	item := items.ToTag(reference.Reference{Registry: r.Host, Repository: s.Repository}, got.Tag)
	if item.Digest != s.Digest {
		return changed(s, "the tag's digest", s.Digest, item.Digest)
	}
	return RefuseLocked(Step{Registry: s.Registry, Repository: s.Repository, Tag: s.Tag}, "tag", item.Locks)
}

func checkManifest(ctx context.Context, r *session.Registry, s Step) error {
	item, err := items.ManifestOf(ctx, r, s.Repository, s.Digest)
	if err != nil {
		return err
	}
	if !slices.Equal(item.Tags, s.Tags) {
		return changed(s, "the list of its tags", strings.Join(s.Tags, ", "), strings.Join(item.Tags, ", "))
	}
	if err := checkTagsOf(ctx, r, s); err != nil {
		return err
	}
	return RefuseLocked(Step{Registry: s.Registry, Repository: s.Repository, Digest: s.Digest}, "manifest", item.Locks)
}

// checkTagsOf refuses when a tag of the manifest is locked: it keeps the manifest,
// too.
func checkTagsOf(ctx context.Context, r *session.Registry, s Step) error {
	if len(s.Tags) == 0 {
		return nil
	}
	at := reference.Reference{Registry: r.Host, Repository: s.Repository}
	for tag, err := range r.Client.Tags(ctx, s.Repository, &azcontainerregistry.ClientListTagsOptions{Digest: &s.Digest}) {
		if err != nil {
			return err
		}
		item := items.ToTag(at, tag)
		if err := RefuseLocked(Step{Registry: s.Registry, Repository: s.Repository, Tag: item.Name}, "tag", item.Locks); err != nil {
			return err
		}
	}
	return nil
}

func checkRepository(ctx context.Context, r *session.Registry, s Step) error {
	item, err := items.RepositoryOf(ctx, r, s.Repository)
	switch {
	case err != nil:
		return err
	case items.Value(item.ManifestCount) != s.Manifests:
		return changed(s, "the number of its manifests", s.Manifests, items.Value(item.ManifestCount))
	case s.LastUpdatedOn != nil && item.LastUpdatedOn != nil && !s.LastUpdatedOn.Equal(*item.LastUpdatedOn):
		return changed(s, "its last change", items.When(s.LastUpdatedOn), items.When(item.LastUpdatedOn))
	}
	return RefuseLocked(s, "repository", item.Locks)
}

func CheckBlob(ctx context.Context, r *session.Registry, s Step) error {
	_, err := r.Blobs.CheckBlobExists(ctx, s.Repository, s.Digest, nil)
	return err
}

func CheckMount(ctx context.Context, r *session.Registry, s Step) error {
	_, err := r.Blobs.CheckBlobExists(ctx, s.From, s.Digest, nil)
	return err
}

// checkLocks refuses when the locks are no longer those that the plan saw, or
// the tag that has them names another manifest.
func checkLocks(ctx context.Context, r *session.Registry, s Step) error {
	now, digest, err := LocksOf(ctx, r, s)
	switch {
	case err != nil:
		return err
	case s.Digest != digest && s.Digest != "":
		return changed(s, "the tag's digest", s.Digest, digest)
	case s.Locks == nil || now == nil || *s.Locks == *now:
		return nil
	}
	return changed(s, "its locks", s.Locks.OrAll(), now.OrAll())
}

// LocksOf reads the locks of what the step is about, and its digest where it
// has one.
func LocksOf(ctx context.Context, r *session.Registry, s Step) (*items.Locks, string, error) {
	switch s.Action {
	case ActionLockRepository:
		item, err := items.RepositoryOf(ctx, r, s.Repository)
		return item.Locks, "", err
	case ActionLockTag:
		got, err := r.Client.GetTagProperties(ctx, s.Repository, s.Tag, nil)
		if err != nil || got.Tag == nil {
			return nil, "", err
		}
		return items.ToTag(reference.Reference{}, got.Tag).Locks, items.Value(got.Tag.Digest), nil
	default:
		item, err := items.ManifestOf(ctx, r, s.Repository, s.Digest)
		return item.Locks, s.Digest, err
	}
}
