package wire

import (
	"net/http"

	"github.com/acrkit/azcontainerregistry/emulator/internal/protocol"
	"github.com/acrkit/azcontainerregistry/emulator/internal/quirk"
	"github.com/acrkit/azcontainerregistry/emulator/internal/store"
	"github.com/acrkit/azcontainerregistry/emulator/internal/webhook"
)

// listManifests serves GET /acr/v1/<name>/_manifests.
func (c manifestHandler) listManifests() error {
	p, err := c.readPage()
	if err != nil {
		return err
	}
	manifests := collector[manifestJSON]{size: p.size}
	err = c.data.View(func(tx *store.Tx) error {
		if _, err := c.knownRepository(tx); err != nil {
			return err
		}
		return tx.Manifests(c.op.repository, p.order, p.cursor(), func(m store.Manifest) bool {
			return m.Attributes.ListDisabled ||
				manifests.add(newManifest(tx, c.op.repository, m), p.cursorOf(m.Digest, m.Updated))
		})
	})
	if err != nil {
		return err
	}
	if manifests.more {
		c.setNext(p, manifests.last)
	}
	if manifests.items == nil && c.Quirks.Is(quirk.EmptyManifests, "array") {
		manifests.items = []manifestJSON{}
	}
	return c.json(http.StatusOK, struct {
		image
		Manifests []manifestJSON `json:"manifests"`
	}{c.image(), manifests.items})
}

// manifestProperties is the response of GET and PATCH on a manifest, which has
// the references that listings lack.
func (c manifestHandler) manifestProperties(described manifestJSON) error {
	return c.json(http.StatusOK, struct {
		image
		Manifest manifestJSON `json:"manifest"`
	}{c.image(), described})
}

func (c manifestHandler) knownManifest(tx *store.Tx) (store.Manifest, error) {
	m, ok, err := tx.Manifest(c.op.repository, c.op.reference)
	if err == nil && !ok {
		err = protocol.ErrManifestUnknown
	}
	return m, err
}

// getManifestInfo serves GET /acr/v1/<name>/_manifests/<digest>.
func (c manifestHandler) getManifestInfo() error {
	var described manifestJSON
	err := c.data.View(func(tx *store.Tx) error {
		m, err := c.knownManifest(tx)
		if err != nil {
			return err
		}
		described = newManifest(tx, c.op.repository, m)
		described.References = m.References
		return nil
	})
	if err != nil {
		return err
	}
	return c.manifestProperties(described)
}

// patchManifest serves PATCH /acr/v1/<name>/_manifests/<digest>. The state of
// quarantine is for those who may release; all others lack a permission, which
// a resource never responds with 403 (ACR protocol §2.2).
func (c manifestHandler) patchManifest() error {
	change, err := c.readPatch()
	if err != nil {
		return err
	}
	if (change.QuarantineState != nil || change.QuarantineDetails != nil) && !c.caller.QuarantineReleaser {
		refused := c.SignIn.Lacking(c.r, &c.op.access)
		refused.SetHeaders(c.w)
		return refused.Err
	}
	var described manifestJSON
	var released store.Manifest
	var tags []string
	err = c.data.Update(func(tx *store.Tx) error {
		released = store.Manifest{}
		m, err := c.knownManifest(tx)
		if err != nil {
			return err
		}
		if err := checkPushAllowed(tx, c.op.repository); err != nil {
			return err
		}
		change.apply(&m.Attributes)
		if change.QuarantineState != nil {
			if *change.QuarantineState == quarantinePassed && m.QuarantineState != quarantinePassed {
				released, tags = m, tx.TagsOf(c.op.repository, m.Digest, "")
			}
			m.QuarantineState = *change.QuarantineState
		}
		if change.QuarantineDetails != nil {
			m.QuarantineDetails = *change.QuarantineDetails
		}
		described = newManifest(tx, c.op.repository, m)
		described.References = m.References
		return tx.PutManifest(c.op.repository, m)
	})
	if err != nil {
		return err
	}
	if released.Digest != "" {
		c.tellPushed(webhook.Push, released, tags)
	}
	return c.manifestProperties(described)
}
