package emulator

import (
	"net/http"

	"github.com/acrkit/azcontainerregistry/emulator/internal/store"
)

// deleteTag answers DELETE /acr/v1/<name>/_tags/<tag>: the manifest stays.
func (c *call) deleteTag() error {
	var digest string
	err := c.data.Update(func(tx *store.Tx) error {
		tag, err := c.knownTag(tx)
		if err != nil {
			return err
		}
		if err := checkPushAllowed(tx, c.op.repository); err != nil {
			return err
		}
		if tag.Attributes.WriteDisabled || tag.Attributes.DeleteDisabled {
			return errDisallowed
		}
		digest = tag.Digest
		now := store.TicksOf(c.now())
		if err := tx.DeleteTag(c.op.repository, tag, now); err != nil {
			return err
		}
		if c.op.registry.SoftDelete > 0 {
			if err := tx.KeepDeletedTag(c.op.repository, store.DeletedTag{Name: tag.Name, Digest: digest, DeletedAt: now}); err != nil {
				return err
			}
		}
		return c.touchRepository(tx, now)
	})
	if err != nil {
		return err
	}
	c.w.Header().Set("X-Ms-Int-Docker-Content-Digest", digest)
	return c.empty(http.StatusAccepted)
}

// deleteRepository answers DELETE /acr/v1/<name>, whose 404 is spelled
// differently from that of GET (ACR protocol §3.4).
func (c *call) deleteRepository() error {
	var answer struct {
		Manifests []string `json:"manifestsDeleted"`
		Tags      []string `json:"tagsDeleted"`
	}
	err := c.data.Update(func(tx *store.Tx) error {
		answer.Manifests, answer.Tags = []string{}, nil
		r, ok, err := tx.Repository(c.op.repository)
		switch {
		case err != nil:
			return err
		case !ok:
			return c.undeletedRepository()
		case r.Attributes.DeleteDisabled || r.Attributes.WriteDisabled:
			return errDisallowed
		}
		var manifests []store.Manifest
		err = tx.Manifests(c.op.repository, store.ByName, store.Cursor{}, func(m store.Manifest) bool {
			manifests = append(manifests, m)
			answer.Manifests = append(answer.Manifests, m.Digest)
			return true
		})
		if err != nil {
			return err
		}
		tx.TagNames(c.op.repository, "", func(name string) bool {
			answer.Tags = append(answer.Tags, name)
			return true
		})
		if c.op.registry.SoftDelete == 0 {
			return tx.DeleteRepository(c.op.repository)
		}
		// The blobs stay linked for as long as the manifests can come back.
		now := store.TicksOf(c.now())
		for _, m := range manifests {
			if _, err := tx.SoftDeleteManifest(c.op.repository, m, now); err != nil {
				return err
			}
		}
		return tx.DropRepositoryRecord(c.op.repository)
	})
	if err != nil {
		return err
	}
	return c.json(http.StatusAccepted, answer)
}
