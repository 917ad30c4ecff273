package wire

import (
	"net/http"

	"github.com/acrkit/azcontainerregistry/emulator/internal/protocol"
	"github.com/acrkit/azcontainerregistry/emulator/internal/quirk"
	"github.com/acrkit/azcontainerregistry/emulator/internal/store"
)

// repositoryHandler serves what concerns whole repositories.
type repositoryHandler struct{ *Call }

// catalog serves /acr/v1/_catalog and /v2/_catalog.
func (c repositoryHandler) catalog() error {
	p, err := c.readPage()
	if err != nil {
		return err
	}
	if p.last != "" && !protocol.ValidRepository(c.Quirks, p.last) && c.Quirks.Is(quirk.InvalidLast, "refuse") {
		return protocol.ErrNameInvalid
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
	if names.items == nil && c.Quirks.Is(quirk.EmptyCatalog, "array") {
		names.items = []string{}
	}
	if names.more {
		c.setNext(p, names.last)
	}
	return c.json(http.StatusOK, struct {
		Repositories []string `json:"repositories"`
	}{names.items})
}

func (c repositoryHandler) repositoryJSON(r store.Repository) repositoryJSON {
	return repositoryJSON{
		Registry: c.op.access.Login, ImageName: c.op.repository, CreatedTime: timestamp(r.Created),
		LastUpdateTime: timestamp(r.Updated), ManifestCount: r.Manifests, TagCount: r.Tags,
		ChangeableAttributes: newAttributes(r.Attributes),
	}
}

// getRepository serves GET /acr/v1/<name>.
func (c repositoryHandler) getRepository() error {
	var r store.Repository
	err := c.data.View(func(tx *store.Tx) error {
		var err error
		r, err = c.knownRepository(tx)
		return err
	})
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, c.repositoryJSON(r))
}

// patchRepository serves PATCH /acr/v1/<name>.
func (c repositoryHandler) patchRepository() error {
	change, err := c.readPatch()
	if err != nil {
		return err
	}
	var r store.Repository
	err = c.data.Update(func(tx *store.Tx) error {
		var err error
		if r, err = c.knownRepository(tx); err != nil {
			return err
		}
		change.apply(&r.Attributes)
		return tx.PutRepository(c.op.repository, r)
	})
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, c.repositoryJSON(r))
}

// deleteRepository serves DELETE /acr/v1/<name>, whose 404 is spelled
// differently from that of GET (ACR protocol §3.4).
func (c repositoryHandler) deleteRepository() error {
	var response struct {
		Manifests []string `json:"manifestsDeleted"`
		Tags      []string `json:"tagsDeleted"`
	}
	var manifests []store.Manifest
	tags := map[string][]string{}
	err := c.data.Update(func(tx *store.Tx) error {
		response.Manifests, response.Tags, manifests = []string{}, nil, nil
		r, ok, err := tx.Repository(c.op.repository)
		switch {
		case err != nil:
			return err
		case !ok:
			return c.undeletedRepository()
		case r.Attributes.DeleteDisabled || r.Attributes.WriteDisabled:
			return protocol.ErrDisallowed
		}
		err = tx.Manifests(c.op.repository, store.ByName, store.Cursor{}, func(m store.Manifest) bool {
			manifests = append(manifests, m)
			response.Manifests = append(response.Manifests, m.Digest)
			return true
		})
		if err != nil {
			return err
		}
		tx.TagNames(c.op.repository, "", func(name string) bool {
			response.Tags = append(response.Tags, name)
			return true
		})
		for _, m := range manifests {
			if m.ConfigMediaType != typeHelmConfig {
				continue
			}
			tags[m.Digest] = tx.TagsOf(c.op.repository, m.Digest, "")
		}
		if c.op.registry.SoftDelete == 0 {
			return tx.DeleteRepository(c.op.repository)
		}
		// The blobs stay linked for as long as the manifests can come back.
		now := store.TicksOf(c.Clock.Now())
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
	for _, m := range manifests {
		c.tellDeleted(m, tags[m.Digest])
	}
	return c.json(http.StatusAccepted, response)
}
