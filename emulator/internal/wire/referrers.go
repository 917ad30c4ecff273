package wire

import (
	"encoding/json"
	"net/http"

	"github.com/acrkit/azcontainerregistry/emulator/internal/protocol"
	"github.com/acrkit/azcontainerregistry/emulator/internal/store"
)

// referrersHandler answers the referrers API.
type referrersHandler struct{ *Call }

// maxReferrersBody is how many bytes of descriptors one page of referrers
// holds; an index over 4 MiB could not be pulled by most clients.
const maxReferrersBody = 4<<20 - 4096

// referrers answers /v2/<name>/referrers/<digest> (ACR protocol §4.6). The
// page ends after n descriptors, or before it gets too long for a manifest.
func (c referrersHandler) referrers() error {
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
		h[protocol.HeaderOCIFilters] = []string{"artifactType"}
	}
	h.Set("Content-Type", TypeOCIIndex)
	body, err := json.Marshal(struct {
		SchemaVersion int               `json:"schemaVersion"`
		MediaType     string            `json:"mediaType"`
		Manifests     []json.RawMessage `json:"manifests"`
	}{2, TypeOCIIndex, found.items})
	if err != nil {
		return err
	}
	c.w.WriteHeader(http.StatusOK)
	c.w.Write(append(body, '\n'))
	return nil
}
