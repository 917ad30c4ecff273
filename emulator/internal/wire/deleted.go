package wire

import (
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/acrkit/azcontainerregistry/emulator/internal/protocol"
	"github.com/acrkit/azcontainerregistry/emulator/internal/quirk"
	"github.com/acrkit/azcontainerregistry/emulator/internal/store"
)

// restoreHandler serves what concerns soft-deleted artifacts.
type restoreHandler struct{ *Call }

// deletedCatalog serves GET /acr/v1/_deleted/_catalog (ACR protocol §3.10).
func (c restoreHandler) deletedCatalog() error {
	p, err := c.readPage()
	if err != nil {
		return err
	}
	names := collector[string]{size: p.size, items: []string{}}
	err = c.data.View(func(tx *store.Tx) error {
		tx.DeletedRepositories(p.last, func(name string) bool { return names.add(name, name) })
		return nil
	})
	if err != nil {
		return err
	}
	if names.more {
		c.setNext(p, names.last)
	}
	return c.json(http.StatusOK, struct {
		Repositories []string `json:"repositories"`
	}{names.items})
}

// deletedManifestJSON is a soft-deleted manifest.
type deletedManifestJSON struct {
	Digest    string    `json:"digest"`
	Tags      []string  `json:"tags,omitempty"`
	ImageSize int64     `json:"imageSize"`
	MediaType string    `json:"mediaType"`
	DeletedAt timestamp `json:"deletedAt"`
}

// deletedManifests serves GET /acr/v1/_deleted/<name>/_manifests.
func (c restoreHandler) deletedManifests() error {
	p, err := c.readPage()
	if err != nil {
		return err
	}
	manifests := collector[deletedManifestJSON]{size: p.size, items: []deletedManifestJSON{}}
	err = c.data.View(func(tx *store.Tx) error {
		return tx.DeletedManifests(c.op.repository, p.last, func(d store.DeletedManifest) bool {
			return manifests.add(deletedManifestJSON{
				d.Manifest.Digest, d.Tags, d.Manifest.ImageSize, d.Manifest.MediaType, timestamp(d.DeletedAt),
			}, d.Manifest.Digest)
		})
	})
	if err != nil {
		return err
	}
	if manifests.more {
		c.setNext(p, manifests.last)
	}
	return c.json(http.StatusOK, struct {
		Manifests []deletedManifestJSON `json:"manifests"`
	}{manifests.items})
}

// deletedTagJSON is a soft-deleted tag.
type deletedTagJSON struct {
	Tag       string    `json:"tag"`
	Digest    string    `json:"digest"`
	DeletedAt timestamp `json:"deletedAt"`
}

// deletedTags serves GET /acr/v1/_deleted/<name>/_tags. A tag that was
// deleted from several manifests is listed with each, on one page.
func (c restoreHandler) deletedTags() error {
	p, err := c.readPage()
	if err != nil {
		return err
	}
	tags := collector[deletedTagJSON]{size: p.size, items: []deletedTagJSON{}}
	err = c.data.View(func(tx *store.Tx) error {
		return tx.DeletedTags(c.op.repository, p.last, func(d store.DeletedTag) bool {
			if len(tags.items) == tags.size && tags.last == d.Name {
				tags.size++
			}
			return tags.add(deletedTagJSON{d.Name, d.Digest, timestamp(d.DeletedAt)}, d.Name)
		})
	})
	if err != nil {
		return err
	}
	if tags.more {
		c.setNext(p, tags.last)
	}
	return c.json(http.StatusOK, struct {
		Tags []deletedTagJSON `json:"tags"`
	}{tags.items})
}

// restoreManifest serves POST /acr/v1/_deleted/<name>/_manifests/<digest>:
// the manifest comes back, with one of its deleted tags when the body names
// it. A tag that points elsewhere by now is moved only with force.
func (c restoreHandler) restoreManifest() error {
	var body struct {
		Tag string `json:"tag"`
	}
	if err := c.readJSON(&body); err != nil {
		return err
	}
	if body.Tag != "" && !protocol.ValidTag(body.Tag) {
		return errBodyInvalid
	}
	force, _ := strconv.ParseBool(c.r.URL.Query().Get("force"))
	err := c.data.Update(func(tx *store.Tx) error {
		if err := checkPushAllowed(tx, c.op.repository); err != nil {
			return err
		}
		tag, err := c.restorableTag(tx, body.Tag, force)
		if err != nil {
			return err
		}
		if err := c.restore(tx); err != nil {
			return err
		}
		if body.Tag == "" {
			return nil
		}
		if err := tx.ForgetDeletedTag(c.op.repository, tag.Name, tag.Digest); err != nil {
			return err
		}
		return tx.PutTag(c.op.repository, tag)
	})
	if err != nil {
		return err
	}
	status, err := strconv.Atoi(c.Quirks.Value(quirk.RestoreStatus))
	if err != nil {
		return err
	}
	return c.empty(status)
}

// restorableTag checks the tag of a restore and returns it as it will be.
func (c restoreHandler) restorableTag(tx *store.Tx, name string, force bool) (store.Tag, error) {
	now := store.TicksOf(c.Clock.Now())
	tag := store.Tag{Name: name, Digest: c.op.reference, Created: now, Updated: now}
	if name == "" {
		return tag, nil
	}
	known := false
	// The entries of a name are those after the name before it.
	err := tx.DeletedTags(c.op.repository, "", func(d store.DeletedTag) bool {
		known = d.Name == name && d.Digest == c.op.reference
		return !known && d.Name <= name
	})
	if err != nil {
		return tag, err
	}
	if !known {
		return tag, protocol.ErrTagUnknown
	}
	present, ok, err := tx.Tag(c.op.repository, name)
	if err != nil {
		return tag, err
	}
	if ok && present.Digest != tag.Digest && (!force || present.Attributes.WriteDisabled) {
		return tag, protocol.ErrDisallowed
	}
	if ok {
		tag.Created, tag.Attributes = present.Created, present.Attributes
	}
	return tag, nil
}

// restore brings a manifest back; one that is not deleted is left alone, so
// that its deleted tags can be restored.
func (c restoreHandler) restore(tx *store.Tx) error {
	_, present, err := tx.Manifest(c.op.repository, c.op.reference)
	if err != nil {
		return err
	}
	if present {
		return nil
	}
	deleted, ok, err := tx.DeletedManifest(c.op.repository, c.op.reference)
	if err != nil {
		return err
	}
	if !ok {
		return protocol.ErrManifestUnknown
	}
	now := store.TicksOf(c.Clock.Now())
	r, known, err := tx.Repository(c.op.repository)
	if err != nil {
		return err
	}
	if !known {
		r = store.Repository{Created: now}
	}
	r.Updated = now
	if err := tx.PutRepository(c.op.repository, r); err != nil {
		return err
	}
	if err := tx.ForgetDeletedManifest(c.op.repository, c.op.reference); err != nil {
		return err
	}
	m := deleted.Manifest
	if err := tx.AddManifest(c.op.repository, m, store.Content{Raw: deleted.Raw, Blobs: deleted.Blobs}); err != nil {
		return err
	}
	if m.Subject == "" || len(deleted.Descriptor) == 0 {
		return nil
	}
	return tx.AddReferrer(c.op.repository, m.Subject, m.Digest, json.RawMessage(deleted.Descriptor))
}

// PurgeDeleted forgets what was soft-deleted longer ago than the registry
// keeps it, and returns how many manifests that were.
func (h *Handler) PurgeDeleted(reg *Registry) (int, error) {
	if reg.SoftDelete == 0 {
		return 0, nil
	}
	limit := store.TicksOf(h.Clock.Now().Add(-reg.SoftDelete))
	purged := 0
	err := reg.Data.Update(func(tx *store.Tx) error {
		purged = 0
		var repositories []string
		tx.DeletedRepositories("", func(name string) bool {
			repositories = append(repositories, name)
			return true
		})
		for _, name := range repositories {
			n, err := purgeRepository(tx, name, limit)
			purged += n
			if err != nil {
				return err
			}
		}
		return nil
	})
	return purged, err
}

func purgeRepository(tx *store.Tx, repository string, limit store.Ticks) (int, error) {
	var digests []string
	err := tx.DeletedManifests(repository, "", func(d store.DeletedManifest) bool {
		if d.DeletedAt <= limit {
			digests = append(digests, d.Manifest.Digest)
		}
		return true
	})
	if err != nil {
		return 0, err
	}
	var tags []store.DeletedTag
	err = tx.DeletedTags(repository, "", func(d store.DeletedTag) bool {
		if d.DeletedAt <= limit {
			tags = append(tags, d)
		}
		return true
	})
	if err != nil {
		return 0, err
	}
	for _, digest := range digests {
		if err := tx.ForgetDeletedManifest(repository, digest); err != nil {
			return 0, err
		}
	}
	for _, tag := range tags {
		if err := tx.ForgetDeletedTag(repository, tag.Name, tag.Digest); err != nil {
			return 0, err
		}
	}
	return len(digests), nil
}
