package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/acrkit/azcontainerregistry"
)

// The names of the actions in a plan. Deleting a tag, untagging and deleting a
// manifest are three different things:
const (
	actionUntag          = "tag.untag"       // the name goes, the manifest stays
	actionDeleteTag      = "tag.delete"      // the name goes, and the manifest that has no other
	actionDeleteManifest = "manifest.delete" // the manifest goes, with all its names
)

// The other actions.
const (
	actionDeleteRepository = "repository.delete"
	actionDeleteBlob       = "blob.delete"
	actionLockRepository   = "repository.lock"
	actionLockTag          = "tag.lock"
	actionLockManifest     = "manifest.lock"
	actionRestore          = "manifest.restore"
	actionPutBlob          = "blob.put"
	actionMountBlob        = "blob.mount"
	actionPutManifest      = "manifest.put"
)

// actions gives each action its meaning.
func actions() map[string]action {
	return map[string]action{
		actionUntag: {
			says: "untag", done: "untagged", destroys: true, check: checkTag,
			do: func(ctx context.Context, r *registry, s step) error {
				_, err := r.client.DeleteTag(ctx, s.Repository, s.Tag, nil)
				return err
			},
		},
		actionDeleteTag: {
			says: "delete the tag, and the manifest under it,", done: "deleted", destroys: true,
			check: func(ctx context.Context, r *registry, s step) error {
				return errors.Join(checkTag(ctx, r, s), checkManifest(ctx, r, s))
			},
			do: deleteTag,
		},
		actionDeleteManifest: {
			says: "delete the manifest", done: "deleted", destroys: true, check: checkManifest,
			do: func(ctx context.Context, r *registry, s step) error {
				_, err := r.client.DeleteManifest(ctx, s.Repository, s.Digest, nil)
				return err
			},
		},
		actionDeleteRepository: {
			says: "delete the repository", done: "deleted", destroys: true, check: checkRepository,
			do: func(ctx context.Context, r *registry, s step) error {
				_, err := r.client.DeleteRepository(ctx, s.Repository, nil)
				return err
			},
		},
		actionDeleteBlob: {
			says: "delete the blob", done: "deleted", destroys: true, check: checkBlob,
			do: func(ctx context.Context, r *registry, s step) error {
				_, err := r.blobs.DeleteBlob(ctx, s.Repository, s.Digest, nil)
				return err
			},
		},
		actionPutBlob:        {says: "send the blob", done: "sent", check: checkFile, do: putBlob},
		actionMountBlob:      {says: "mount the blob", done: "mounted", check: checkMount, do: mountBlob},
		actionPutManifest:    {says: "store the manifest", done: "stored", check: checkPutManifest, do: putManifest},
		actionLockRepository: {says: "set the locks of", done: "set the locks of", check: checkLocks, do: setRepositoryLocks},
		actionLockTag:        {says: "set the locks of", done: "set the locks of", check: checkLocks, do: setTagLocks},
		actionLockManifest:   {says: "set the locks of", done: "set the locks of", check: checkLocks, do: setManifestLocks},
		actionRestore: {
			says: "restore", done: "restored", check: checkDeleted,
			do: func(ctx context.Context, r *registry, s step) error {
				_, err := r.client.RestoreManifest(ctx, s.Repository, s.Digest,
					&azcontainerregistry.ClientRestoreManifestOptions{Tag: s.Tag, Force: s.Force})
				return err
			},
		},
	}
}

// changed is the refusal to do what was planned for another state.
func changed(s step, what string, planned, now any) error {
	return &explained{
		err:  coded(exitFailed, fmt.Errorf("%s has changed since the plan was made, nothing was done", s)),
		code: "PLAN_OUTDATED",
		why:  []string{fmt.Sprintf("%s was %v, now it is %v", what, planned, now)},
		fix:  []string{"make the plan again and read it"},
	}
}

// refuseLocked names a lock instead of taking it away.
func refuseLocked(s step, kind string, l *locks) error {
	if l == nil || !l.locked() {
		return nil
	}
	name := kind
	if kind == "repository" {
		name = "repo"
	}
	return &explained{
		err:  coded(exitNotAllowed, fmt.Errorf("%s is locked, nothing was done", s)),
		code: "LOCKED",
		why:  []string{fmt.Sprintf("its %s attributes allow %s", kind, l.word())},
		fix:  []string{fmt.Sprintf("acrkit %s unlock %s", name, s)},
	}
}

func checkTag(ctx context.Context, r *registry, s step) error {
	got, err := r.client.GetTagProperties(ctx, s.Repository, s.Tag, nil)
	if err != nil {
		return err
	}
	item := toTagItem(reference{Registry: r.host, Repository: s.Repository}, got.Tag)
	if item.Digest != s.Digest {
		return changed(s, "the tag's digest", s.Digest, item.Digest)
	}
	return refuseLocked(step{Registry: s.Registry, Repository: s.Repository, Tag: s.Tag}, "tag", item.Locks)
}

func checkManifest(ctx context.Context, r *registry, s step) error {
	item, err := manifestOf(ctx, r, s.Repository, s.Digest)
	if err != nil {
		return err
	}
	if !slices.Equal(item.Tags, s.Tags) {
		return changed(s, "the list of its tags", strings.Join(s.Tags, ", "), strings.Join(item.Tags, ", "))
	}
	return refuseLocked(step{Registry: s.Registry, Repository: s.Repository, Digest: s.Digest}, "manifest", item.Locks)
}

func manifestOf(ctx context.Context, r *registry, repository, digest string) (manifestItem, error) {
	got, err := r.client.GetManifestProperties(ctx, repository, digest, nil)
	if err != nil {
		return manifestItem{}, err
	}
	if got.Manifest == nil {
		return manifestItem{}, fmt.Errorf("properties of %s@%s: the registry's answer holds no manifest", repository, digest)
	}
	item := toManifestItem(reference{Registry: r.host, Repository: repository}, got.Manifest)
	slices.Sort(item.Tags)
	return item, nil
}

func repositoryOf(ctx context.Context, r *registry, repository string) (repositoryItem, error) {
	got, err := r.client.GetRepositoryProperties(ctx, repository, nil)
	if err != nil {
		return repositoryItem{}, err
	}
	return toRepositoryItem(r.host, got.ContainerRepositoryProperties), nil
}

func checkRepository(ctx context.Context, r *registry, s step) error {
	item, err := repositoryOf(ctx, r, s.Repository)
	switch {
	case err != nil:
		return err
	case value(item.ManifestCount) != s.Manifests:
		return changed(s, "the number of its manifests", s.Manifests, value(item.ManifestCount))
	case s.LastUpdatedOn != nil && item.LastUpdatedOn != nil && !s.LastUpdatedOn.Equal(*item.LastUpdatedOn):
		return changed(s, "its last change", when(s.LastUpdatedOn), when(item.LastUpdatedOn))
	}
	return refuseLocked(s, "repository", item.Locks)
}

func checkBlob(ctx context.Context, r *registry, s step) error {
	_, err := r.blobs.CheckBlobExists(ctx, s.Repository, s.Digest, nil)
	return err
}

// checkLocks refuses when the locks are no longer those that the plan saw, or
// the tag that has them names another manifest.
func checkLocks(ctx context.Context, r *registry, s step) error {
	now, digest, err := locksOf(ctx, r, s)
	switch {
	case err != nil:
		return err
	case s.Digest != digest && s.Digest != "":
		return changed(s, "the tag's digest", s.Digest, digest)
	case s.Locks == nil || now == nil || *s.Locks == *now:
		return nil
	}
	return changed(s, "its locks", s.Locks.orAll(), now.orAll())
}

// locksOf reads the locks of what the step is about, and its digest where it
// has one.
func locksOf(ctx context.Context, r *registry, s step) (*locks, string, error) {
	switch s.Action {
	case actionLockRepository:
		item, err := repositoryOf(ctx, r, s.Repository)
		return item.Locks, "", err
	case actionLockTag:
		got, err := r.client.GetTagProperties(ctx, s.Repository, s.Tag, nil)
		if err != nil || got.Tag == nil {
			return nil, "", err
		}
		return toTagItem(reference{}, got.Tag).Locks, value(got.Tag.Digest), nil
	default:
		item, err := manifestOf(ctx, r, s.Repository, s.Digest)
		return item.Locks, s.Digest, err
	}
}

// deleteTag takes the name away first and looks again, so that a name that
// somebody gave to the manifest meanwhile keeps it alive.
func deleteTag(ctx context.Context, r *registry, s step) error {
	if _, err := r.client.DeleteTag(ctx, s.Repository, s.Tag, nil); err != nil {
		return err
	}
	item, err := manifestOf(ctx, r, s.Repository, s.Digest)
	if err == nil && len(item.Tags) > 0 {
		err = fmt.Errorf("it has been tagged %s meanwhile", strings.Join(item.Tags, ", "))
	}
	if err == nil {
		_, err = r.client.DeleteManifest(ctx, s.Repository, s.Digest, nil)
	}
	if err != nil {
		return coded(exitPartly, fmt.Errorf("the tag is gone, the manifest %s stays: %w", s.Digest, err))
	}
	return nil
}

func setRepositoryLocks(ctx context.Context, r *registry, s step) error {
	_, err := r.client.UpdateRepositoryProperties(ctx, s.Repository, &azcontainerregistry.ClientUpdateRepositoryPropertiesOptions{
		Value: &azcontainerregistry.RepositoryWriteableProperties{
			CanDelete: &s.Set.CanDelete, CanList: &s.Set.CanList, CanRead: &s.Set.CanRead, CanWrite: &s.Set.CanWrite,
		},
	})
	return err
}

func setTagLocks(ctx context.Context, r *registry, s step) error {
	_, err := r.client.UpdateTagProperties(ctx, s.Repository, s.Tag, &azcontainerregistry.ClientUpdateTagPropertiesOptions{
		Value: &azcontainerregistry.TagWriteableProperties{
			CanDelete: &s.Set.CanDelete, CanList: &s.Set.CanList, CanRead: &s.Set.CanRead, CanWrite: &s.Set.CanWrite,
		},
	})
	return err
}

func setManifestLocks(ctx context.Context, r *registry, s step) error {
	_, err := r.client.UpdateManifestProperties(ctx, s.Repository, s.Digest, &azcontainerregistry.ClientUpdateManifestPropertiesOptions{
		Value: &azcontainerregistry.ManifestWriteableProperties{
			CanDelete: &s.Set.CanDelete, CanList: &s.Set.CanList, CanRead: &s.Set.CanRead, CanWrite: &s.Set.CanWrite,
		},
	})
	return err
}
