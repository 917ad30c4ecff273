package wire

import (
	"net/http"

	"github.com/acrkit/azcontainerregistry/emulator/internal/protocol"
	"github.com/acrkit/azcontainerregistry/emulator/internal/quirk"
	"github.com/acrkit/azcontainerregistry/emulator/internal/store"
)

// tagHandler serves what concerns tags.
type tagHandler struct{ *Call }

// tagsList serves /v2/<name>/tags/list.
func (c tagHandler) tagsList() error {
	p, err := c.readPage()
	if err != nil {
		return err
	}
	names := collector[string]{size: p.size}
	err = c.data.View(func(tx *store.Tx) error {
		_, ok, err := tx.Repository(c.op.repository)
		if err != nil {
			return err
		}
		if !ok {
			return c.unknownRepositoryAs(quirk.TagsListUnknown)
		}
		return tx.Tags(c.op.repository, store.ByName, p.nameCursor(), func(tag store.Tag) bool {
			return tag.Attributes.ListDisabled || names.add(tag.Name, tag.Name)
		})
	})
	if err != nil {
		return err
	}
	if names.more && p.size > 0 {
		c.setNext(p, names.last)
	}
	if names.items == nil && c.Quirks.Is(quirk.TagsListEmpty, "array") {
		names.items = []string{}
	}
	return c.json(http.StatusOK, struct {
		Name string   `json:"name"`
		Tags []string `json:"tags"`
	}{c.op.repository, names.items})
}

// listTags serves GET /acr/v1/<name>/_tags.
func (c tagHandler) listTags() error {
	p, err := c.readPage()
	if err != nil {
		return err
	}
	digest := c.r.URL.Query().Get("digest")
	tags := collector[tagJSON]{size: p.size}
	err = c.data.View(func(tx *store.Tx) error {
		if _, ok, err := tx.Repository(c.op.repository); err != nil {
			return err
		} else if !ok {
			return c.unknownRepository()
		}
		add := func(tag store.Tag) bool {
			return tag.Attributes.ListDisabled || tags.add(newTag(tag), p.cursorOf(tag.Name, tag.Updated))
		}
		if digest != "" && p.order == store.ByName {
			return c.tagsOfDigest(tx, digest, p.last, add)
		}
		return tx.Tags(c.op.repository, p.order, p.cursor(), func(tag store.Tag) bool {
			return digest != "" && tag.Digest != digest || add(tag)
		})
	})
	if err != nil {
		return err
	}
	if tags.more {
		c.setNext(p, tags.last)
	}
	return c.json(http.StatusOK, struct {
		image
		Tags []tagJSON `json:"tags"`
	}{c.image(), tags.items})
}

// tagsOfDigest lists the tags of one manifest by their index.
func (c tagHandler) tagsOfDigest(tx *store.Tx, digest, after string, yield func(store.Tag) bool) error {
	for _, name := range tx.TagsOf(c.op.repository, digest, after) {
		tag, ok, err := tx.Tag(c.op.repository, name)
		if err != nil {
			return err
		}
		if ok && !yield(tag) {
			return nil
		}
	}
	return nil
}

// tagProperties is the response of GET and PATCH on a tag.
func (c tagHandler) tagProperties(tag store.Tag) error {
	return c.json(http.StatusOK, struct {
		image
		Tag tagJSON `json:"tag"`
	}{c.image(), newTag(tag)})
}

// knownTag returns the request's tag or a 404, which an unknown repository
// gets too.
func (c tagHandler) knownTag(tx *store.Tx) (store.Tag, error) {
	tag, ok, err := tx.Tag(c.op.repository, c.op.reference)
	if err == nil && !ok {
		err = protocol.ErrTagUnknown
	}
	return tag, err
}

// getTag serves GET /acr/v1/<name>/_tags/<tag>.
func (c tagHandler) getTag() error {
	var tag store.Tag
	err := c.data.View(func(tx *store.Tx) error {
		var err error
		tag, err = c.knownTag(tx)
		return err
	})
	if err != nil {
		return err
	}
	return c.tagProperties(tag)
}

// patchTag serves PATCH /acr/v1/<name>/_tags/<tag>.
func (c tagHandler) patchTag() error {
	change, err := c.readPatch()
	if err != nil {
		return err
	}
	var tag store.Tag
	err = c.data.Update(func(tx *store.Tx) error {
		var err error
		if tag, err = c.knownTag(tx); err != nil {
			return err
		}
		if err := checkPushAllowed(tx, c.op.repository); err != nil {
			return err
		}
		change.apply(&tag.Attributes)
		return tx.PutTag(c.op.repository, tag)
	})
	if err != nil {
		return err
	}
	return c.tagProperties(tag)
}

// deleteTag serves DELETE /acr/v1/<name>/_tags/<tag>: the manifest stays.
func (c tagHandler) deleteTag() error {
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
			return protocol.ErrDisallowed
		}
		digest = tag.Digest
		now := store.TicksOf(c.Clock.Now())
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
