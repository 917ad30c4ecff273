package emulator

import (
	"encoding/json"
	"net/http"

	"github.com/acrkit/azcontainerregistry/emulator/internal/store"
)

// collector gathers one page of a listing and knows when more follows.
type collector[T any] struct {
	size  int
	items []T
	last  string // cursor of the last item
	more  bool
}

// add takes an item while there is room; it returns false when the scan can
// stop.
func (c *collector[T]) add(item T, cursor string) bool {
	if len(c.items) == c.size {
		c.more = true
		return false
	}
	c.items = append(c.items, item)
	c.last = cursor
	return true
}

// catalog answers /acr/v1/_catalog and /v2/_catalog.
func (c *call) catalog() error {
	p, err := c.readPage()
	if err != nil {
		return err
	}
	if p.last != "" && !c.quirks.validRepository(p.last) && c.quirks.is(quirkInvalidLast, "refuse") {
		return errNameInvalid
	}
	names := collector[string]{size: p.size}
	err = c.data.View(func(tx *store.Tx) error {
		return tx.Repositories(p.last, func(name string, r store.Repository) bool {
			return r.Attributes.ListDisabled || names.add(name, name)
		})
	})
	if err != nil {
		return err
	}
	if names.items == nil && c.quirks.is(quirkEmptyCatalog, "array") {
		names.items = []string{}
	}
	if names.more {
		c.setNext(p, names.last)
	}
	return c.json(http.StatusOK, struct {
		Repositories []string `json:"repositories"`
	}{names.items})
}

// tagsList answers /v2/<name>/tags/list.
func (c *call) tagsList() error {
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
			return c.unknownRepositoryAs(quirkTagsListUnknown)
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
	if names.items == nil && c.quirks.is(quirkTagsListEmpty, "array") {
		names.items = []string{}
	}
	return c.json(http.StatusOK, struct {
		Name string   `json:"name"`
		Tags []string `json:"tags"`
	}{c.op.repository, names.items})
}

// maxReferrersBody is how many bytes of descriptors one page of referrers
// holds; an index over 4 MiB could not be pulled by most clients.
const maxReferrersBody = 4<<20 - 4096

// referrers answers /v2/<name>/referrers/<digest> (ACR protocol §4.6). The
// page ends after n descriptors, or before it gets too long for a manifest.
func (c *call) referrers() error {
	p, err := c.readPage()
	if err != nil {
		return err
	}
	wanted := c.r.URL.Query().Get("artifactType")
	found := collector[json.RawMessage]{size: p.size}
	bytes := 0
	err = c.data.View(func(tx *store.Tx) error {
		var failure error
		tx.Referrers(c.op.repository, c.op.reference, p.last, func(digest string, entry []byte) bool {
			var d descriptor
			if failure = json.Unmarshal(entry, &d); failure != nil {
				return false
			}
			if wanted != "" && d.ArtifactType != wanted {
				return true
			}
			if bytes += len(entry) + 1; bytes > maxReferrersBody && len(found.items) > 0 {
				found.more = true
				return false
			}
			return found.add(append(json.RawMessage(nil), entry...), digest)
		})
		return failure
	})
	if err != nil {
		return err
	}
	if found.more {
		c.setReferrersNext(p, found.last, wanted)
	}
	if found.items == nil {
		found.items = []json.RawMessage{}
	}
	h := c.w.Header()
	if wanted != "" {
		h[headerOCIFilters] = []string{"artifactType"}
	}
	h.Set("Content-Type", typeOCIIndex)
	body, err := json.Marshal(struct {
		SchemaVersion int               `json:"schemaVersion"`
		MediaType     string            `json:"mediaType"`
		Manifests     []json.RawMessage `json:"manifests"`
	}{2, typeOCIIndex, found.items})
	if err != nil {
		return err
	}
	c.w.WriteHeader(http.StatusOK)
	c.w.Write(append(body, '\n'))
	return nil
}
