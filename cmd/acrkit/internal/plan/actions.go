package plan

import (
	"context"
	"errors"

	"github.com/acrkit/azcontainerregistry"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/session"
)

// The names of the actions in a plan. Deleting a tag, untagging and deleting a
// manifest are three different things:
const (
	ActionUntag          = "tag.untag"       // the name goes, the manifest stays
	ActionDeleteTag      = "tag.delete"      // the name goes, and the manifest that has no other
	ActionDeleteManifest = "manifest.delete" // the manifest goes, with all its names
)

// The other actions.
const (
	ActionDeleteRepository = "repository.delete"
	ActionDeleteBlob       = "blob.delete"
	ActionLockRepository   = "repository.lock"
	ActionLockTag          = "tag.lock"
	ActionLockManifest     = "manifest.lock"
	actionRestore          = "manifest.restore"
	actionPutBlob          = "blob.put"
	ActionMountBlob        = "blob.mount"
	actionPutManifest      = "manifest.put"
)

// action is what a step's name stands for.
type action struct {
	// says words the change: "delete the manifest", "deleted".
	says, done string
	// destroys is true when the change cannot be undone: it is asked for.
	destroys bool
	// check refuses when the registry is no longer as the plan found it.
	check func(ctx context.Context, r *session.Registry, s Step) error
	// do makes the change.
	do func(ctx context.Context, r *session.Registry, s Step) error
}

// actions gives each action its meaning.
func actions() map[string]action {
	return map[string]action{
		ActionUntag: {
			says: "untag", done: "untagged", destroys: true, check: checkTag,
			do: func(ctx context.Context, r *session.Registry, s Step) error {
				_, err := r.Client.DeleteTag(ctx, s.Repository, s.Tag, nil)
				return err
			},
		},
		ActionDeleteTag: {
			says: "delete the tag, and the manifest under it,", done: "deleted", destroys: true,
			check: func(ctx context.Context, r *session.Registry, s Step) error {
				return errors.Join(checkTag(ctx, r, s), checkManifest(ctx, r, s))
			},
			do: deleteTag,
		},
		ActionDeleteManifest: {
			says: "delete the manifest", done: "deleted", destroys: true, check: checkManifest,
			do: func(ctx context.Context, r *session.Registry, s Step) error {
				_, err := r.Client.DeleteManifest(ctx, s.Repository, s.Digest, nil)
				return err
			},
		},
		ActionDeleteRepository: {
			says: "delete the repository", done: "deleted", destroys: true, check: checkRepository,
			do: func(ctx context.Context, r *session.Registry, s Step) error {
				_, err := r.Client.DeleteRepository(ctx, s.Repository, nil)
				return err
			},
		},
		ActionDeleteBlob: {
			says: "delete the blob", done: "deleted", destroys: true, check: CheckBlob,
			do: func(ctx context.Context, r *session.Registry, s Step) error {
				_, err := r.Blobs.DeleteBlob(ctx, s.Repository, s.Digest, nil)
				return err
			},
		},
		actionPutBlob:        {says: "send the blob", done: "sent", check: checkFile, do: putBlob},
		ActionMountBlob:      {says: "mount the blob", done: "mounted", check: CheckMount, do: mountBlob},
		actionPutManifest:    {says: "store the manifest", done: "stored", check: checkPutManifest, do: putManifest},
		ActionLockRepository: {says: "set the locks of", done: "set the locks of", check: checkLocks, do: setRepositoryLocks},
		ActionLockTag:        {says: "set the locks of", done: "set the locks of", check: checkLocks, do: setTagLocks},
		ActionLockManifest:   {says: "set the locks of", done: "set the locks of", check: checkLocks, do: setManifestLocks},
		actionRestore: {
			says: "restore", done: "restored", check: checkDeleted,
			do: func(ctx context.Context, r *session.Registry, s Step) error {
				_, err := r.Client.RestoreManifest(ctx, s.Repository, s.Digest,
					&azcontainerregistry.ClientRestoreManifestOptions{Tag: s.Tag, Force: s.Force})
				return err
			},
		},
	}
}
