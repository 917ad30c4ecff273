package plan

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/acrkit/azcontainerregistry"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/arm"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/session"
	"github.com/acrkit/azcontainerregistry/internal/names"
)

// Action names a change in a plan.
type Action string

// The actions. Deleting a tag, untagging and deleting a
// manifest are three different things:
const (
	ActionUntag          Action = "tag.untag"       // removes the tag, keeps the manifest
	ActionDeleteTag      Action = "tag.delete"      // removes the tag, and the manifest if it has no other
	ActionDeleteManifest Action = "manifest.delete" // removes the manifest, with all its tags
)

// The other actions.
const (
	ActionDeleteRepository Action = "repository.delete"
	ActionDeleteBlob       Action = "blob.delete"
	ActionLockRepository   Action = "repository.lock"
	ActionLockTag          Action = "tag.lock"
	ActionLockManifest     Action = "manifest.lock"
	ActionRestore          Action = "manifest.restore"
	ActionPutBlob          Action = "blob.put"
	ActionMountBlob        Action = "blob.mount"
	ActionPutManifest      Action = "manifest.put"
	ActionImport           Action = "image.import"
)

// action is what a step's name stands for.
type action struct {
	// needs are the fields without which a step can't be done.
	needs []need
	// says words the change: "delete the manifest", "deleted".
	says, done string
	// rights are what the change needs in the repository; empty where a token
	// doesn't tell.
	rights []string
	// inside says that the repository's own lock forbids it.
	inside bool
	// destroys is true when the change cannot be undone: it is asked for.
	destroys bool
	// breaks is true when what stays may need what goes: that is looked at.
	breaks bool
	// check refuses when the registry is no longer as the plan found it.
	check func(ctx context.Context, r *session.Registry, s Step) error
	// do makes the change.
	do func(ctx context.Context, r *session.Registry, s Step) error
}

// actions gives each action its meaning. A new action is one row here.
var actions = map[Action]action{
	ActionUntag: {
		needs: []need{needTag, needDigest}, rights: []string{"delete"}, inside: true, says: "untag", done: "untagged", destroys: true, check: checkTag,
		do: func(ctx context.Context, r *session.Registry, s Step) error {
			_, err := r.Client.DeleteTag(ctx, s.Repository, s.Tag, nil)
			return err
		},
	},
	ActionDeleteTag: {
		needs: []need{needTag, needDigest}, rights: []string{"delete"}, inside: true, says: "delete the tag, and the manifest under it,", done: "deleted", destroys: true, breaks: true,
		check: func(ctx context.Context, r *session.Registry, s Step) error {
			return errors.Join(checkTag(ctx, r, s), checkManifest(ctx, r, s))
		},
		do: deleteTag,
	},
	ActionDeleteManifest: {
		needs: []need{needDigest}, rights: []string{"delete"}, inside: true, says: "delete the manifest", done: "deleted", destroys: true, breaks: true, check: checkManifest,
		do: func(ctx context.Context, r *session.Registry, s Step) error {
			_, err := r.Client.DeleteManifest(ctx, s.Repository, s.Digest, nil)
			return err
		},
	},
	ActionDeleteRepository: {
		rights: []string{"delete"}, says: "delete the repository", done: "deleted", destroys: true, check: checkRepository,
		do: func(ctx context.Context, r *session.Registry, s Step) error {
			_, err := r.Client.DeleteRepository(ctx, s.Repository, nil)
			return err
		},
	},
	ActionDeleteBlob: {
		needs: []need{needDigest}, rights: []string{"delete"}, inside: true, says: "delete the blob", done: "deleted", destroys: true, breaks: true, check: CheckBlob,
		do: func(ctx context.Context, r *session.Registry, s Step) error {
			_, err := r.Blobs.DeleteBlob(ctx, s.Repository, s.Digest, nil)
			return err
		},
	},
	ActionPutBlob:     {needs: []need{needDigest, needFile}, rights: []string{"pull", "push"}, inside: true, says: "send the blob", done: "sent", check: checkFile, do: putBlob},
	ActionMountBlob:   {needs: []need{needDigest, needFrom}, rights: []string{"pull", "push"}, inside: true, says: "mount the blob", done: "mounted", check: CheckMount, do: mountBlob},
	ActionPutManifest: {needs: []need{needDigest, needFile}, rights: []string{"pull", "push"}, inside: true, says: "store the manifest", done: "stored", check: checkPutManifest, do: putManifest},
	ActionImport: {
		needs: []need{needDigest, needImage, needResource}, inside: true, says: "have ACR import", done: "imported", check: checkImport, do: importImage,
	},
	ActionLockRepository: {needs: []need{needSet}, rights: []string{"metadata_write"}, says: "set the locks of", done: "set the locks of", check: checkLocks, do: setRepositoryLocks},
	ActionLockTag:        {needs: []need{needTag, needSet}, rights: []string{"metadata_write"}, inside: true, says: "set the locks of", done: "set the locks of", check: checkLocks, do: setTagLocks},
	ActionLockManifest:   {needs: []need{needDigest, needSet}, rights: []string{"metadata_write"}, inside: true, says: "set the locks of", done: "set the locks of", check: checkLocks, do: setManifestLocks},
	ActionRestore: {
		needs: []need{needDigest}, says: "restore", done: "restored", check: checkDeleted,
		do: func(ctx context.Context, r *session.Registry, s Step) error {
			_, err := r.Client.RestoreManifest(ctx, s.Repository, s.Digest,
				&azcontainerregistry.ClientRestoreManifestOptions{Tag: s.Tag, Force: s.Force})
			return err
		},
	},
}

// need is a field that a step must have, and what is wrong without it.
type need struct {
	lacks string
	has   func(Step) bool
}

var (
	needTag      = need{"a tag", func(s Step) bool { return s.Tag != "" }}
	needDigest   = need{"a digest", func(s Step) bool { return s.Digest != "" }}
	needFile     = need{"the path of a file", func(s Step) bool { return filepath.IsAbs(s.File) }}
	needFrom     = need{"the repository that has it", func(s Step) bool { return names.IsRepository(s.From) }}
	needImage    = need{"the repository that it comes from", func(s Step) bool { return isRepositoryReference(s.From) }}
	needResource = need{"the registry's resource", func(s Step) bool {
		return arm.IsRegistryID(s.Resource) && (s.FromResource == "" || arm.IsRegistryID(s.FromResource))
	}}
	needSet = need{"the locks to set", func(s Step) bool { return s.Set != nil }}
)

// complete reports what the step lacks to be done.
func (s Step) complete() error {
	for _, n := range actions[s.Action].needs {
		if !n.has(s) {
			return fmt.Errorf("%s without %s", s.Action, n.lacks)
		}
	}
	return nil
}
