package wire

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

	"github.com/acrkit/azcontainerregistry/emulator/internal/protocol"
	"github.com/acrkit/azcontainerregistry/emulator/internal/quirk"
	"github.com/acrkit/azcontainerregistry/emulator/internal/store"
	"github.com/acrkit/azcontainerregistry/emulator/internal/webhook"
)

const (
	// maxManifestSize is 4 MiB (ACR protocol §5.2).
	MaxManifestSize = 4 << 20
	// maxConfigSize bounds what is read of an image's config for its
	// architecture and system.
	maxConfigSize = 4 << 20
	// maxTagParameters bounds the tags that one push may set.
	maxTagParameters = 100
)

// manifestReason is the detail of MANIFEST_INVALID as recorded; the service
// names no reason.
var manifestReason = struct{ Reason struct{} }{}

// putManifest serves PUT of a manifest (ACR protocol §4.3).
func (c manifestHandler) putManifest() error {
	raw, err := c.readManifest()
	if err != nil {
		return err
	}
	mediaType, _, _ := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	m, why := ParseManifest(mediaType, raw)
	if m == nil {
		c.Logger.Debug("manifest refused", "repository", c.op.repository, "reference", c.op.reference, "reason", why)
		return protocol.ErrManifestInvalid.WithDetail(manifestReason)
	}
	if m.V1 != nil {
		if err := c.checkSchema1(m.V1, raw); err != nil {
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
	action := webhook.Push
	if push.held {
		action = webhook.Quarantine
	}
	c.tellPushed(action, push.record, push.tags)
	h := c.w.Header()
	h.Set(protocol.HeaderContentDigest, push.record.Digest)
	h.Set("Location", "/v2/"+c.op.repository+"/manifests/"+push.record.Digest)
	if m.Subject != nil {
		h[protocol.HeaderOCISubject] = []string{m.Subject.Digest}
	}
	if !c.Quirks.Is(quirk.ManifestTagParam, "ignore") {
		h[protocol.HeaderOCITag] = push.tags
	}
	return c.empty(http.StatusCreated)
}

// checkSchema1 checks what a manifest of schema 1 says of itself. The codes
// are those of the registry's catalogue (ACR protocol §6).
func (c manifestHandler) checkSchema1(m *schema1, raw []byte) error {
	if c.Quirks.Is(quirk.Schema1Checks, "off") {
		return nil
	}
	if m.Name != c.op.repository {
		return protocol.ErrNameInvalid
	}
	if !isDigest(c.op.reference) && m.Tag != c.op.reference {
		return protocol.ErrTagInvalid
	}
	if err := m.Verify(raw); err != nil {
		c.Logger.Debug("manifest refused", "repository", c.op.repository, "reference", c.op.reference, "reason", err)
		return protocol.ErrManifestUnverified
	}
	return nil
}

// readManifest reads the body, at most 4 MiB of it.
func (c manifestHandler) readManifest() ([]byte, error) {
	tooLarge := protocol.ErrManifestInvalid.WithDetail("http: request body too large")
	if c.Quirks.Is(quirk.ManifestTooLarge, "413") {
		tooLarge.Status = http.StatusRequestEntityTooLarge
	}
	if c.r.ContentLength > MaxManifestSize {
		return nil, tooLarge
	}
	raw, err := io.ReadAll(http.MaxBytesReader(c.w, c.r.Body, MaxManifestSize))
	var limit *http.MaxBytesError
	switch {
	case errors.As(err, &limit):
		return nil, tooLarge
	case err != nil:
		return nil, protocol.ErrSizeInvalid
	}
	return raw, nil
}

// Push is a manifest on its way into a repository.
type Push struct {
	Call     *Call
	Manifest *manifest
	Raw      []byte
	record   store.Manifest
	tags     []string
	blobs    []string // what an index names that is no manifest
	held     bool     // in quarantine
}

// newPush does everything about a push that needs no transaction.
func (c manifestHandler) newPush(m *manifest, mediaType string, raw []byte) (*Push, error) {
	p := &Push{Call: c.Call, Manifest: m, Raw: raw}
	algorithm := "sha256"
	if isDigest(c.op.reference) {
		if !c.storable(c.op.reference) {
			return nil, protocol.ErrDigestInvalid.WithDetail("digest parsing failed")
		}
		algorithm, _, _ = strings.Cut(c.op.reference, ":")
	} else {
		p.tags = []string{c.op.reference}
	}
	content := raw
	if m.V1 != nil {
		content = m.V1.Payload
	}
	digest := DigestOf(algorithm, content)
	if isDigest(c.op.reference) && digest != c.op.reference {
		return nil, c.digestMismatch(digest)
	}
	if err := p.addTagParameters(); err != nil {
		return nil, err
	}
	now := store.TicksOf(c.Clock.Now())
	p.record = store.Manifest{
		Digest: digest, MediaType: mediaType, Size: int64(len(raw)),
		Created: now, Updated: now, References: m.References(),
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
		p.record.Architecture, p.record.OS = m.V1.Architecture, "linux"
	}
	return p, nil
}

// addTagParameters reads the query's tags, which the development version of
// the OCI specification has.
func (p *Push) addTagParameters() error {
	if p.Call.Quirks.Is(quirk.ManifestTagParam, "ignore") || !isDigest(p.Call.op.reference) {
		return nil
	}
	tags := p.Call.r.URL.Query()["tag"]
	if len(tags) > maxTagParameters {
		return protocol.ErrManifestInvalid.WithDetail(manifestReason)
	}
	for _, tag := range tags {
		if !protocol.ValidTag(tag) {
			return protocol.ErrManifestInvalid.WithDetail(manifestReason)
		}
	}
	p.tags = append(p.tags, tags...)
	return nil
}

func DigestOf(algorithm string, raw []byte) string {
	if algorithm == "sha512" {
		sum := sha512.Sum512(raw)
		return "sha512:" + hex.EncodeToString(sum[:])
	}
	sum := sha256.Sum256(raw)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// readConfig takes architecture and system from the image's config, as far as
// it is one.
func (p *Push) readConfig() {
	config := p.Manifest.Config
	if config.MediaType != TypeDockerConfig && config.MediaType != TypeOCIConfig {
		return
	}
	blob, err := p.Call.Store.OpenBlob(config.Digest)
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
func (p *Push) store(tx *store.Tx) error {
	c := p.Call
	repository, known, err := tx.Repository(c.op.repository)
	if err != nil {
		return err
	}
	if repository.Attributes.WriteDisabled {
		return protocol.ErrDisallowed
	}
	existing, exists, err := tx.Manifest(c.op.repository, p.record.Digest)
	if err != nil {
		return err
	}
	p.held = c.op.registry.Quarantine && (!exists || existing.QuarantineState != quarantinePassed)
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
	if len(tags) > 0 {
		repository.Updated = tags[0].Updated
	}
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
func (p *Push) checkTags(tx *store.Tx, existing store.Manifest) ([]store.Tag, error) {
	var changed []store.Tag
	// The manifest comes first, and its tags a moment later (ACR protocol §13).
	now := store.TicksOf(p.Call.Clock.Now())
	for _, name := range p.tags {
		tag, ok, err := tx.Tag(p.Call.op.repository, name)
		if err != nil {
			return nil, err
		}
		if tag.Attributes.WriteDisabled {
			return nil, protocol.ErrDisallowed
		}
		if ok && tag.Digest == p.record.Digest {
			continue
		}
		if !ok {
			tag = store.Tag{Name: name, Created: now}
		}
		if p.Call.Quirks.Is(quirk.MovedTag, "renew") {
			tag.Created = now
		}
		tag.Digest, tag.Updated = p.record.Digest, now
		changed = append(changed, tag)
	}
	if len(changed) > 0 && existing.Attributes.WriteDisabled && p.Call.Quirks.Is(quirk.ManifestLockTagged, "refuse") {
		return nil, protocol.ErrDisallowed
	}
	return changed, nil
}

// checkContent refuses a manifest that names what the repository lacks, with
// one error for each, and computes the image's size.
func (p *Push) checkContent(tx *store.Tx) error {
	p.blobs = nil
	var missing protocol.Errors
	var children int64
	for _, digest := range p.Manifest.BlobDigests() {
		blob, ok := tx.Blob(p.Call.op.repository, digest)
		if !ok {
			missing = append(missing, protocol.ErrManifestBlob.WithDetail(digest))
		}
		if p.Manifest.kind == kindSchema1 {
			// Its manifest says nothing of sizes.
			children = addSizes(children, blob.Size)
		}
	}
	absent := map[string]bool{}
	for _, d := range p.Manifest.Manifests {
		child, ok, err := tx.Manifest(p.Call.op.repository, d.Digest)
		if err != nil {
			return err
		}
		if blob, isBlob := tx.Blob(p.Call.op.repository, d.Digest); !ok && isBlob {
			// An index may name blobs, as BuildKit's cache does.
			p.blobs = append(p.blobs, d.Digest)
			children = addSizes(children, blob.Size)
			continue
		}
		if !ok && !absent[d.Digest] {
			absent[d.Digest] = true
			missing = append(missing, protocol.ErrManifestBlob.WithDetail(d.Digest))
		}
		children = addSizes(children, child.ImageSize)
	}
	if len(missing) > 0 && p.Call.Quirks.Is(quirk.SparseManifests, "refuse") {
		return missing
	}
	p.record.ImageSize = p.ImageSize(children)
	return nil
}

// ImageSize is the manifest's own bytes and those it names; 0 without layers
// (ACR protocol §7.1).
func (p *Push) ImageSize(children int64) int64 {
	size := addSizes(p.record.Size, children)
	parts := append(append([]descriptor{}, p.Manifest.Layers...), p.Manifest.Blobs...)
	if len(parts) == 0 && p.Manifest.kind != kindIndex && p.Manifest.V1 == nil && p.Call.Quirks.Is(quirk.ArtifactSizeZero, "zero") {
		return 0
	}
	if p.Manifest.Config != nil {
		parts = append(parts, *p.Manifest.Config)
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
func (p *Push) checkDeleted(tx *store.Tx) error {
	_, ok, err := tx.DeletedManifest(p.Call.op.repository, p.record.Digest)
	if err != nil || !ok {
		return err
	}
	switch p.Call.Quirks.Value(quirk.SoftDeletedPush) {
	case "invalid":
		return protocol.ErrManifestInvalid
	case "refuse":
		return protocol.ErrDisallowed
	}
	return tx.ForgetDeletedManifest(p.Call.op.repository, p.record.Digest)
}

func (p *Push) add(tx *store.Tx) error {
	c := p.Call
	content := store.Content{Raw: p.Raw, Blobs: append(p.Manifest.BlobDigests(), p.blobs...)}
	if err := tx.AddManifest(c.op.repository, p.record, content); err != nil {
		return err
	}
	if p.Manifest.Subject == nil {
		return nil
	}
	entry, err := json.Marshal(p.Manifest.Referrer(p.record, c.Quirks.Is(quirk.ReferrerType, "config")))
	if err != nil {
		return err
	}
	return tx.AddReferrer(c.op.repository, p.record.Subject, p.record.Digest, entry)
}
