package wire

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/acrkit/azcontainerregistry/emulator/internal/protocol"
	"github.com/acrkit/azcontainerregistry/emulator/internal/quirk"
	"github.com/acrkit/azcontainerregistry/emulator/internal/store"
)

// referrersHandler serves the referrers API.
type referrersHandler struct{ *Call }

// maxReferrersBody is how many bytes of descriptors one page of referrers
// holds; an index over 4 MiB could not be pulled by most clients.
const maxReferrersBody = 4<<20 - 4096

// referrers serves /v2/<name>/referrers/<digest> (ACR protocol §4.6). The
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
		all, err := c.listed(tx, p)
		if err != nil {
			return err
		}
		for _, entry := range all {
			var d descriptor
			if err := json.Unmarshal(entry.raw, &d); err != nil {
				return err
			}
			if wanted != "" && d.ArtifactType != wanted {
				continue
			}
			if bytes += len(entry.raw) + 1; bytes > maxReferrersBody && len(found.items) > 0 {
				found.more = true
				break
			}
			if !found.add(entry.raw, entry.cursor) {
				break
			}
		}
		return nil
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

// referrer is an entry of a listing, with the cursor of the entry after it.
type referrer struct {
	raw    json.RawMessage
	pushed store.Ticks
	digest string
	cursor string
}

// listed returns the referrers from where a page begins: the newest first, or
// by digest.
func (c referrersHandler) listed(tx *store.Tx, p page) ([]referrer, error) {
	newest := c.Quirks.Is(quirk.ReferrersOrder, "newest-first")
	after := p.last
	if newest {
		after = ""
	}
	var all []referrer
	tx.Referrers(c.op.repository, c.op.reference, after, func(digest string, entry []byte) bool {
		all = append(all, referrer{raw: append(json.RawMessage(nil), entry...), digest: digest, cursor: digest})
		return true
	})
	if !newest {
		return all, nil
	}
	for i := range all {
		m, _, err := tx.Manifest(c.op.repository, all[i].digest)
		if err != nil {
			return nil, err
		}
		all[i].pushed = m.Created
		all[i].cursor = fmt.Sprintf("%d&%s", m.Created, all[i].digest)
	}
	sort.Slice(all, func(i, j int) bool {
		a, b := &all[i], &all[j]
		return cmp.Or(cmp.Compare(b.pushed, a.pushed), cmp.Compare(a.digest, b.digest)) < 0
	})
	ticks, digest, ok := strings.Cut(p.last, "&")
	pushed, err := strconv.ParseInt(ticks, 10, 64)
	if !ok || err != nil {
		return all, nil
	}
	// What follows an entry that is gone by now is found all the same.
	i := slices.IndexFunc(all, func(r referrer) bool {
		return int64(r.pushed) < pushed || int64(r.pushed) == pushed && r.digest > digest
	})
	if i < 0 {
		return nil, nil
	}
	return all[i:], nil
}
