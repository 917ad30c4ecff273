package emulator

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"math"
	"mime"
	"net/http"
	"strings"

	"github.com/acrkit/azcontainerregistry/emulator/internal/store"
)

const (
	// maxManifestSize is 4 MiB (ACR protocol §5.2).
	maxManifestSize = 4 << 20
	// maxConfigSize bounds what is read of an image's config for its
	// architecture and system.
	maxConfigSize = 4 << 20
	// maxTagParameters bounds the tags that one push may set.
	maxTagParameters = 100
)

// manifestReason is the detail of MANIFEST_INVALID as recorded; the service
// names no reason.
var manifestReason = struct{ Reason struct{} }{}

// putManifest answers PUT of a manifest (ACR protocol §4.3).
func (c manifestHandler) putManifest() error {
	raw, err := c.readManifest()
	if err != nil {
		return err
	}
	mediaType, _, _ := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	m, why := parseManifest(mediaType, raw)
	if m == nil {
		c.logger.Debug("manifest refused", "repository", c.op.repository, "reference", c.op.reference, "reason", why)
		return errManifestInvalid.withDetail(manifestReason)
	}
	if m.v1 != nil {
		if err := c.checkSchema1(m.v1, raw); err != nil {
			return err
		}
	}
	push, err := c.newPush(m, mediaType, raw)
	if err != nil {
		return err
	}
	if err := c.data.Update(push.store); err != nil {
		return err
	}
	h := c.w.Header()
	h.Set(headerContentDigest, push.record.Digest)
	h.Set("Location", "/v2/"+c.op.repository+"/manifests/"+push.record.Digest)
	if m.Subject != nil {
		h[headerOCISubject] = []string{m.Subject.Digest}
	}
	if !c.quirks.is(quirkManifestTagParam, "ignore") {
		h[headerOCITag] = push.tags
	}
	return c.empty(http.StatusCreated)
}

// checkSchema1 checks what a manifest of schema 1 says of itself. The codes
// are those of the registry's catalogue (ACR protocol §6).
func (c manifestHandler) checkSchema1(m *schema1, raw []byte) error {
	if c.quirks.is(quirkSchema1Checks, "off") {
		return nil
	}
	if m.Name != c.op.repository {
		return errNameInvalid
	}
	if !isDigest(c.op.reference) && m.Tag != c.op.reference {
		return errTagInvalid
	}
	if err := m.verify(raw); err != nil {
		c.logger.Debug("manifest refused", "repository", c.op.repository, "reference", c.op.reference, "reason", err)
		return errManifestUnverified
	}
	return nil
}

// readManifest reads the body, at most 4 MiB of it.
func (c manifestHandler) readManifest() ([]byte, error) {
	tooLarge := errManifestInvalid.withDetail(manifestReason)
	if c.quirks.is(quirkManifestTooLarge, "413") {
		tooLarge.status = http.StatusRequestEntityTooLarge
	}
	if c.r.ContentLength > maxManifestSize {
		return nil, tooLarge
	}
	raw, err := io.ReadAll(http.MaxBytesReader(c.w, c.r.Body, maxManifestSize))
	var limit *http.MaxBytesError
	switch {
	case errors.As(err, &limit):
		return nil, tooLarge
	case err != nil:
		return nil, errSizeInvalid
	}
	return raw, nil
}

// push is a manifest on its way into a repository.
type push struct {
	call     *call
	manifest *manifest
	raw      []byte
	record   store.Manifest
	tags     []string
}

// newPush does everything about a push that needs no transaction.
func (c manifestHandler) newPush(m *manifest, mediaType string, raw []byte) (*push, error) {
	p := &push{call: c.call, manifest: m, raw: raw}
	algorithm := "sha256"
	if isDigest(c.op.reference) {
		if !c.storable(c.op.reference) {
			return nil, errDigestInvalid.withDetail("digest parsing failed")
		}
		algorithm, _, _ = strings.Cut(c.op.reference, ":")
	} else {
		p.tags = []string{c.op.reference}
	}
	content := raw
	if m.v1 != nil {
		content = m.v1.payload
	}
	digest := digestOf(algorithm, content)
	if isDigest(c.op.reference) && digest != c.op.reference {
		return nil, c.digestMismatch(digest)
	}
	if err := p.addTagParameters(); err != nil {
		return nil, err
	}
	now := store.TicksOf(c.clock.Now())
	p.record = store.Manifest{
		Digest: digest, MediaType: mediaType, Size: int64(len(raw)),
		Created: now, Updated: now, References: m.references(),
	}
	if m.Subject != nil {
		p.record.Subject = m.Subject.Digest
	}
	if c.op.registry.Quarantine {
		p.record.QuarantineState = quarantineHeld
	}
	switch m.kind {
	case kindImage:
		p.record.ConfigMediaType = m.Config.MediaType
		p.readConfig()
	case kindSchema1:
		// The form knows one system only.
		p.record.Architecture, p.record.OS = m.v1.Architecture, "linux"
	}
	return p, nil
}

// addTagParameters reads the query's tags, which the development version of
// the OCI specification has.
func (p *push) addTagParameters() error {
	if p.call.quirks.is(quirkManifestTagParam, "ignore") || !isDigest(p.call.op.reference) {
		return nil
	}
	tags := p.call.r.URL.Query()["tag"]
	if len(tags) > maxTagParameters {
		return errManifestInvalid.withDetail(manifestReason)
	}
	for _, tag := range tags {
		if !validTag(tag) {
			return errManifestInvalid.withDetail(manifestReason)
		}
	}
	p.tags = append(p.tags, tags...)
	return nil
}

func digestOf(algorithm string, raw []byte) string {
	if algorithm == "sha512" {
		sum := sha512.Sum512(raw)
		return "sha512:" + hex.EncodeToString(sum[:])
	}
	sum := sha256.Sum256(raw)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// readConfig takes architecture and system from the image's config, as far as
// it is one.
func (p *push) readConfig() {
	config := p.manifest.Config
	if config.MediaType != typeDockerConfig && config.MediaType != typeOCIConfig {
		return
	}
	blob, err := p.call.store.OpenBlob(config.Digest)
	if err != nil {
		// A missing config is the transaction's to refuse.
		return
	}
	defer blob.Close()
	var about platform
	if json.NewDecoder(io.LimitReader(blob, maxConfigSize)).Decode(&about) == nil {
		p.record.Architecture, p.record.OS = about.Architecture, about.OS
	}
}

// store is the transaction of a push: every check, then every change.
func (p *push) store(tx *store.Tx) error {
	c := p.call
	repository, known, err := tx.Repository(c.op.repository)
	if err != nil {
		return err
	}
	if repository.Attributes.WriteDisabled {
		return errDisallowed
	}
	existing, exists, err := tx.Manifest(c.op.repository, p.record.Digest)
	if err != nil {
		return err
	}
	tags, err := p.checkTags(tx, existing)
	if err != nil {
		return err
	}
	if !exists {
		if err := p.checkContent(tx); err != nil {
			return err
		}
		if err := p.checkDeleted(tx); err != nil {
			return err
		}
	}
	if exists && len(tags) == 0 {
		return nil
	}
	if !known {
		repository.Created = p.record.Created
	}
	repository.Updated = p.record.Created
	if err := tx.PutRepository(c.op.repository, repository); err != nil {
		return err
	}
	if !exists {
		if err := p.add(tx); err != nil {
			return err
		}
	}
	for _, tag := range tags {
		if err := tx.PutTag(c.op.repository, tag); err != nil {
			return err
		}
	}
	return nil
}

// checkTags returns the tags that the push changes; one that points to the
// manifest already is none of them.
func (p *push) checkTags(tx *store.Tx, existing store.Manifest) ([]store.Tag, error) {
	var changed []store.Tag
	for _, name := range p.tags {
		tag, ok, err := tx.Tag(p.call.op.repository, name)
		if err != nil {
			return nil, err
		}
		if tag.Attributes.WriteDisabled {
			return nil, errDisallowed
		}
		if ok && tag.Digest == p.record.Digest {
			continue
		}
		if !ok {
			tag = store.Tag{Name: name, Created: p.record.Created}
		}
		if p.call.quirks.is(quirkMovedTag, "renew") {
			tag.Created = p.record.Created
		}
		tag.Digest, tag.Updated = p.record.Digest, p.record.Created
		changed = append(changed, tag)
	}
	if len(changed) > 0 && existing.Attributes.WriteDisabled && p.call.quirks.is(quirkManifestLockTagged, "refuse") {
		return nil, errDisallowed
	}
	return changed, nil
}

// checkContent refuses a manifest that names what the repository lacks, with
// one error for each, and computes the image's size.
func (p *push) checkContent(tx *store.Tx) error {
	var missing apiErrors
	var children int64
	for _, digest := range p.manifest.blobs() {
		blob, ok := tx.Blob(p.call.op.repository, digest)
		if !ok {
			missing = append(missing, errManifestBlob.withDetail(digest))
		}
		if p.manifest.kind == kindSchema1 {
			// Its manifest says nothing of sizes.
			children = addSizes(children, blob.Size)
		}
	}
	absent := map[string]bool{}
	for _, d := range p.manifest.Manifests {
		child, ok, err := tx.Manifest(p.call.op.repository, d.Digest)
		if err != nil {
			return err
		}
		if !ok && !absent[d.Digest] {
			absent[d.Digest] = true
			missing = append(missing, errManifestBlob.withDetail(d.Digest))
		}
		children = addSizes(children, child.ImageSize)
	}
	if len(missing) > 0 && p.call.quirks.is(quirkSparseManifests, "refuse") {
		return missing
	}
	p.record.ImageSize = p.imageSize(children)
	return nil
}

// imageSize is the manifest's own bytes and those it names; 0 without layers
// (ACR protocol §7.1).
func (p *push) imageSize(children int64) int64 {
	size := addSizes(p.record.Size, children)
	parts := append(append([]descriptor{}, p.manifest.Layers...), p.manifest.Blobs...)
	if len(parts) == 0 && p.manifest.kind != kindIndex && p.manifest.v1 == nil && p.call.quirks.is(quirkArtifactSizeZero, "zero") {
		return 0
	}
	if p.manifest.Config != nil {
		parts = append(parts, *p.manifest.Config)
	}
	for _, d := range parts {
		size = addSizes(size, d.Size)
	}
	return size
}

// addSizes adds what a client claims without running over.
func addSizes(a, b int64) int64 {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}

// checkDeleted decides about a manifest that is soft-deleted: it is to be
// restored rather than pushed.
func (p *push) checkDeleted(tx *store.Tx) error {
	_, ok, err := tx.DeletedManifest(p.call.op.repository, p.record.Digest)
	if err != nil || !ok {
		return err
	}
	if p.call.quirks.is(quirkSoftDeletedPush, "refuse") {
		return errDisallowed
	}
	return tx.ForgetDeletedManifest(p.call.op.repository, p.record.Digest)
}

func (p *push) add(tx *store.Tx) error {
	c := p.call
	content := store.Content{Raw: p.raw, Blobs: p.manifest.blobs()}
	if err := tx.AddManifest(c.op.repository, p.record, content); err != nil {
		return err
	}
	if p.manifest.Subject == nil {
		return nil
	}
	entry, err := json.Marshal(p.manifest.referrer(p.record, c.quirks.is(quirkReferrerType, "config")))
	if err != nil {
		return err
	}
	return tx.AddReferrer(c.op.repository, p.record.Subject, p.record.Digest, entry)
}
