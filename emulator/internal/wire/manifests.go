package wire

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/acrkit/azcontainerregistry/emulator/internal/protocol"
	"github.com/acrkit/azcontainerregistry/emulator/internal/quirk"
	"github.com/acrkit/azcontainerregistry/emulator/internal/store"
)

// manifestHandler serves what concerns manifests.
type manifestHandler struct{ *Call }

// quarantineStates of a manifest (ACR protocol §7.4).
const (
	quarantinePassed = "Passed"
	quarantineHeld   = "Quarantined"
)

// unknownManifest is the 404 for a reference on /v2 (ACR protocol §4.3).
func unknownManifest(reference string) *protocol.Error {
	if isDigest(reference) {
		return protocol.ErrManifestUnknown.WithMessage("manifest %s is not found", reference)
	}
	return protocol.ErrManifestUnknown.WithMessage("manifest tagged by %q is not found", reference).
		WithDetail(struct{ Tag string }{reference})
}

func isDigest(reference string) bool { return strings.Contains(reference, ":") }

// getManifest serves GET and HEAD of a manifest, which is never redirected.
func (c manifestHandler) getManifest() error {
	var m store.Manifest
	var raw []byte
	err := c.data.View(func(tx *store.Tx) error {
		var err error
		if m, err = c.readableManifest(tx); err != nil {
			return err
		}
		if m, err = c.negotiate(tx, m); err != nil {
			return err
		}
		raw = tx.ManifestContent(c.op.repository, m.Digest)
		return nil
	})
	if err != nil {
		return err
	}
	if c.wantsSchema1(m.MediaType) {
		signed, digest, err := c.asSchema1(raw)
		if err != nil {
			c.Logger.Debug("manifest not converted", "digest", m.Digest, "reason", err)
		} else {
			raw, m.Digest, m.MediaType = signed, digest, TypeDockerSigned
		}
	}
	h := c.w.Header()
	h.Set("Content-Type", m.MediaType)
	h.Set("Content-Length", strconv.Itoa(len(raw)))
	h.Set(protocol.HeaderContentDigest, m.Digest)
	h[protocol.HeaderETag] = []string{`"` + m.Digest + `"`}
	c.w.WriteHeader(http.StatusOK)
	if c.r.Method != http.MethodHead {
		c.w.Write(raw)
	}
	return nil
}

// readableManifest resolves the request's reference to a manifest that the
// caller may pull.
func (c manifestHandler) readableManifest(tx *store.Tx) (store.Manifest, error) {
	reference := c.op.reference
	r, known, err := tx.Repository(c.op.repository)
	if err != nil {
		return store.Manifest{}, err
	}
	if !known && c.Quirks.Is(quirk.ManifestNoRepo, "name") {
		return store.Manifest{}, c.undeletedRepository()
	}
	digest := reference
	unreadable := r.Attributes.ReadDisabled
	if !isDigest(reference) {
		tag, ok, err := tx.Tag(c.op.repository, reference)
		if err != nil {
			return store.Manifest{}, err
		}
		if !ok {
			return store.Manifest{}, unknownManifest(reference)
		}
		digest = tag.Digest
		unreadable = unreadable || tag.Attributes.ReadDisabled
	}
	m, ok, err := tx.Manifest(c.op.repository, digest)
	if err != nil {
		return m, err
	}
	if !ok {
		return m, c.unknownRevision()
	}
	switch {
	case c.hidden(m) && isDigest(reference):
		return m, protocol.ErrDisallowed
	case c.hidden(m):
		return m, unknownManifest(reference)
	case unreadable || m.Attributes.ReadDisabled:
		if c.Quirks.Is(quirk.ReadDisabled, "unknown") {
			return m, unknownManifest(reference)
		}
		return m, protocol.ErrDisallowed
	}
	return m, nil
}

// unknownRevision is the 404 of a pull by digest.
func (c manifestHandler) unknownRevision() error {
	err := unknownManifest(c.op.reference)
	if c.Quirks.Is(quirk.ManifestDetail, "revision") {
		return err.WithDetail(struct{ Name, Revision string }{c.op.repository, c.op.reference})
	}
	return err
}

// hidden reports whether quarantine keeps a manifest from the caller.
func (c manifestHandler) hidden(m store.Manifest) bool {
	return c.op.registry.Quarantine && m.QuarantineState != quarantinePassed && !c.caller.QuarantineReader
}

// negotiate checks the stored type against Accept (ACR protocol §4.3): OCI
// types must be named, Docker's are served anyway.
func (c manifestHandler) negotiate(tx *store.Tx, m store.Manifest) (store.Manifest, error) {
	lines := c.r.Header.Values("Accept")
	if accepts(lines, m.MediaType) || (len(lines) == 0 && c.Quirks.Is(quirk.MissingAccept, "accept")) {
		return m, nil
	}
	if message, ok := ociRefusals[m.MediaType]; ok {
		return m, protocol.ErrManifestUnknown.WithMessage("%s", message)
	}
	if m.MediaType == TypeDockerList && !isDigest(c.op.reference) && c.Quirks.Is(quirk.ManifestListFall, "linux-amd64") {
		for _, child := range m.References {
			if child.OS != "linux" || child.Architecture != "amd64" {
				continue
			}
			if found, ok, err := tx.Manifest(c.op.repository, child.Digest); ok || err != nil {
				return found, err
			}
		}
	}
	return m, nil
}

// deleteManifest serves DELETE by digest (ACR protocol §4.3, §7.2): the
// manifest goes with its tags and with what refers to it; children of an
// index stay.
func (c manifestHandler) deleteManifest() error {
	if !isDigest(c.op.reference) {
		if c.Quirks.Is(quirk.DeleteByTag, "untag") {
			return tagHandler(c).deleteTag()
		}
		return protocol.ErrDeleteByDigestOnly
	}
	var deleted store.Manifest
	var tags []string
	err := c.data.Update(func(tx *store.Tx) error {
		m, ok, err := tx.Manifest(c.op.repository, c.op.reference)
		if err != nil {
			return err
		}
		if !ok {
			return unknownManifest(c.op.reference)
		}
		if err := c.checkDeletable(tx, m); err != nil {
			return err
		}
		deleted, tags = m, tx.TagsOf(c.op.repository, m.Digest, "")
		return c.removeManifest(tx, m, c.Quirks.Is(quirk.ReferrersOnDelete, "delete"))
	})
	if err != nil {
		return err
	}
	c.tellDeleted(deleted, tags)
	if c.Quirks.Is(quirk.ReferrersOnDelete, "later") {
		c.orphans.add(orphans{registry: c.op.registry, repository: c.op.repository, subject: c.op.reference, due: c.Clock.Now().Add(orphanDelay)})
	}
	return c.empty(http.StatusAccepted)
}

// checkDeletable refuses what a lock on the repository, the manifest or one
// of its tags protects (ACR protocol §7.3).
func (c manifestHandler) checkDeletable(tx *store.Tx, m store.Manifest) error {
	if err := checkPushAllowed(tx, c.op.repository); err != nil {
		return err
	}
	locked, err := lockedManifest(tx, c.op.repository, m)
	if err != nil {
		return err
	}
	if locked {
		return protocol.ErrDisallowed
	}
	if c.Quirks.Is(quirk.IndexChildDelete, "refuse") {
		return c.checkNoParent(tx, m.Digest)
	}
	return nil
}

// lockedManifest reports whether the manifest or one of its tags is locked
// against deletion.
func lockedManifest(tx *store.Tx, repository string, m store.Manifest) (bool, error) {
	if m.Attributes.WriteDisabled || m.Attributes.DeleteDisabled {
		return true, nil
	}
	for _, name := range tx.TagsOf(repository, m.Digest, "") {
		tag, _, err := tx.Tag(repository, name)
		if err != nil || tag.Attributes.WriteDisabled || tag.Attributes.DeleteDisabled {
			return true, err
		}
	}
	return false, nil
}

func (c manifestHandler) checkNoParent(tx *store.Tx, digest string) error {
	named := false
	err := tx.Manifests(c.op.repository, store.ByName, store.Cursor{}, func(parent store.Manifest) bool {
		for _, child := range parent.References {
			named = named || child.Digest == digest
		}
		return !named
	})
	if err == nil && named {
		err = protocol.ErrDisallowed
	}
	return err
}

// removeManifest deletes a manifest and, with cascade, one after another
// everything that refers to it, to any depth. A referrer that is locked stays.
func (c manifestHandler) removeManifest(tx *store.Tx, m store.Manifest, cascade bool) error {
	now := store.TicksOf(c.Clock.Now())
	queue := []store.Manifest{m}
	gone := map[string]bool{m.Digest: true}
	for len(queue) > 0 {
		m := queue[0]
		queue = queue[1:]
		if cascade {
			referrers, err := c.unlockedReferrers(tx, m.Digest, gone)
			if err != nil {
				return err
			}
			queue = append(queue, referrers...)
		}
		var err error
		if c.op.registry.SoftDelete > 0 {
			_, err = tx.SoftDeleteManifest(c.op.repository, m, now)
		} else {
			_, err = tx.DeleteManifest(c.op.repository, m)
		}
		if err != nil {
			return err
		}
	}
	return c.touchRepository(tx, now)
}

func (c manifestHandler) unlockedReferrers(tx *store.Tx, subject string, gone map[string]bool) ([]store.Manifest, error) {
	var digests []string
	tx.Referrers(c.op.repository, subject, "", func(digest string, _ []byte) bool {
		if !gone[digest] {
			digests = append(digests, digest)
		}
		return true
	})
	var all []store.Manifest
	for _, digest := range digests {
		m, ok, err := tx.Manifest(c.op.repository, digest)
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		locked, err := lockedManifest(tx, c.op.repository, m)
		if err != nil {
			return nil, err
		}
		if !locked {
			gone[digest] = true
			all = append(all, m)
		}
	}
	return all, nil
}
