package wire

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"time"

	"github.com/acrkit/azcontainerregistry/emulator/internal/protocol"
	"github.com/acrkit/azcontainerregistry/emulator/internal/quirk"
	"github.com/acrkit/azcontainerregistry/emulator/internal/store"
)

// uploadHandler serves what concerns uploads.
type uploadHandler struct{ *Call }

// checkPushAllowed refuses pushes to a repository whose writeEnabled is
// false.
func checkPushAllowed(tx *store.Tx, repository string) error {
	r, _, err := tx.Repository(repository)
	if err == nil && r.Attributes.WriteDisabled {
		err = protocol.ErrDisallowed
	}
	return err
}

// startUpload serves POST …/blobs/uploads/ (ACR protocol §4.5).
func (c uploadHandler) startUpload() error {
	query := c.r.URL.Query()
	if digest := query.Get("mount"); digest != "" && c.Quirks.Is(quirk.AnonymousMount, "on") {
		if done, err := c.mountFrom("", digest); done || err != nil {
			return err
		}
	}
	u, err := c.newUpload()
	if err != nil {
		return err
	}
	if digest := query.Get("digest"); digest != "" && c.Quirks.Is(quirk.MonolithicPost, "accept") {
		return c.uploadAtOnce(u, digest)
	}
	return c.respondStarted(u)
}

// checkUploadAllowed refuses uploads to a repository that is write-locked, or
// leaves that to the manifest.
func (c uploadHandler) checkUploadAllowed(tx *store.Tx) error {
	if c.Quirks.Is(quirk.UploadLock, "manifest") {
		return nil
	}
	return checkPushAllowed(tx, c.op.repository)
}

func (c uploadHandler) newUpload() (*store.Upload, error) {
	if err := c.data.View(c.checkUploadAllowed); err != nil {
		return nil, err
	}
	return c.Store.StartUpload(c.op.registry.Name, c.op.repository, protocol.NewGUID(), c.Clock.Now())
}

func (c uploadHandler) respondStarted(u *store.Upload) error {
	c.setUploadHeaders(u, u.Started)
	c.w.Header().Set("Range", "0-0")
	return c.empty(http.StatusAccepted)
}

// setUploadHeaders writes the session's headers. Only the response to POST has
// its start with fractions of a second.
func (c uploadHandler) setUploadHeaders(u *store.Upload, startedAt time.Time) {
	h := c.w.Header()
	h.Set("Location", c.Signer.uploadLocation(c.op.registry.Registry, u, startedAt))
	h.Set(protocol.HeaderUploadUUID, u.ID)
	h.Set("Range", fmt.Sprintf("0-%d", max(u.Size()-1, 0)))
}

// uploadAtOnce is the whole upload in one POST, as the OCI specification has
// it. What fails leaves no session behind.
func (c uploadHandler) uploadAtOnce(u *store.Upload, digest string) error {
	err := c.acquire(u)
	if err == nil {
		defer u.Release()
		err = c.complete(u, digest)
	}
	if err != nil {
		if ended := u.Cancel(); !errors.Is(ended, store.ErrUploadEnded) {
			err = errors.Join(err, ended)
		}
		return err
	}
	return nil
}

// mountBlob serves POST with mount and from.
func (c uploadHandler) mountBlob() error {
	query := c.r.URL.Query()
	from := query.Get("from")
	switch {
	case protocol.ValidRepository(c.Quirks, from):
		if done, err := c.mountFrom(from, query.Get("mount")); done || err != nil {
			return err
		}
	case c.Quirks.Is(quirk.MalformedMount, "refuse"):
		return protocol.ErrNameInvalid
	}
	u, err := c.newUpload()
	if err != nil {
		return err
	}
	return c.respondStarted(u)
}

// mountFrom links a blob of another repository, or of any when from is empty.
// It returns false when there is no such blob, or cannot be: then an upload starts
// instead (ACR protocol §4.5).
func (c uploadHandler) mountFrom(from, digest string) (bool, error) {
	if !c.storable(digest) {
		return false, nil
	}
	mounted := false
	err := c.data.Update(func(tx *store.Tx) error {
		mounted = false
		if err := c.checkUploadAllowed(tx); err != nil {
			return err
		}
		source, ok := tx.Blob(from, digest)
		if from == "" {
			_, source, ok = tx.FindBlob(digest)
		}
		if !ok {
			return nil
		}
		mounted = true
		source.Linked = store.TicksOf(c.Clock.Now())
		return c.link(tx, source)
	})
	if !mounted || err != nil {
		return false, err
	}
	return true, c.respondStored(digest)
}

func (c uploadHandler) respondStored(digest string) error {
	h := c.w.Header()
	h.Set(protocol.HeaderContentDigest, digest)
	h.Set("Location", "/v2/"+c.op.repository+"/blobs/"+digest)
	return c.empty(http.StatusCreated)
}

// session finds the upload that a request names and checks its _state. A
// state that does not verify is refused. One that is not that of the upload's
// present size is stale, which is the second result; a state that was used by
// a request that changed nothing is not.
func (c uploadHandler) session() (u *store.Upload, stale bool, err error) {
	state, ok := c.Signer.readUploadState(c.op.registry.Registry, c.r.URL.Query().Get("_state"))
	if !ok || state.Name != c.op.repository || state.UUID != c.op.reference {
		return nil, false, protocol.ErrUploadInvalid
	}
	u = c.Store.Upload(c.op.reference)
	if u == nil || u.Repository != c.op.repository || u.Registry != c.op.registry.Name {
		return nil, false, c.uploadUnknown()
	}
	stale = u.Size() != state.Offset
	if stale && c.Quirks.Is(quirk.StaleUpload, "invalid") {
		return nil, true, protocol.ErrUploadInvalid
	}
	return u, stale, nil
}

func (c uploadHandler) uploadUnknown() error {
	if c.Quirks.Is(quirk.UploadDetail, "empty") {
		return protocol.ErrUploadUnknown.WithDetail(struct{}{})
	}
	return protocol.ErrUploadUnknown.WithDetail(map[string]string{"UUID": c.op.reference})
}

// acquiredSession is session with the turn to change it; the caller releases
// it.
func (c uploadHandler) acquiredSession() (u *store.Upload, stale bool, err error) {
	u, _, err = c.session()
	if err != nil {
		return nil, false, err
	}
	if err := c.acquire(u); err != nil {
		return nil, false, err
	}
	// Another request may have had the turn in between.
	if _, stale, err = c.session(); err != nil {
		u.Release()
		return nil, false, err
	}
	return u, stale, nil
}

func (c uploadHandler) acquire(u *store.Upload) error {
	err := u.Acquire(c.r.Context())
	switch {
	case errors.Is(err, store.ErrUploadBusy):
		return protocol.ErrUploadInvalid
	case errors.Is(err, store.ErrUploadEnded):
		return c.uploadUnknown()
	}
	return err
}

// uploadStatus serves GET on a session. A stale state is accepted too: that
// is how a client finds out where to continue (ACR protocol §4.5).
func (c uploadHandler) uploadStatus() error {
	u, _, err := c.session()
	if err != nil {
		return err
	}
	c.setUploadHeaders(u, u.Started.Truncate(time.Second))
	return c.empty(http.StatusNoContent)
}

// uploadChunk serves PATCH on a session.
func (c uploadHandler) uploadChunk() error {
	return c.goOn(func(u *store.Upload) error {
		if err := c.receive(u); err != nil {
			return err
		}
		c.setUploadHeaders(u, u.Started.Truncate(time.Second))
		return c.empty(http.StatusAccepted)
	})
}

// resumeUpload is the 416 for a chunk that the upload has already, in part or
// as a whole: it says where to continue, and has a JSON type but no body (ACR
// protocol §4.5).
func (c uploadHandler) resumeUpload(u *store.Upload) error {
	c.setUploadHeaders(u, u.Started.Truncate(time.Second))
	c.w.Header().Set("Content-Type", protocol.MediaTypeJSON)
	return c.empty(http.StatusRequestedRangeNotSatisfiable)
}

// receive appends the request's body to the upload.
func (c uploadHandler) receive(u *store.Upload) error {
	err := u.Append(c.r.Body, c.Quirks.Is(quirk.PartialChunk, "keep"))
	var cut *store.ReadError
	switch {
	case errors.As(err, &cut):
		// The sender stopped before the length it had announced.
		return protocol.ErrSizeInvalid
	case errors.Is(err, store.ErrUploadEnded):
		return c.uploadUnknown()
	}
	return err
}

var contentRange = regexp.MustCompile(`^([0-9]{1,18})-([0-9]{1,18})$`)

// checkContentRange checks where a chunk begins: its optional Content-Range,
// which has neither unit nor total, and its state. Chunks come in order. The
// first result says that the client has to be told where to continue, since what
// it sends is there already or its state is stale.
func (c uploadHandler) checkContentRange(u *store.Upload, stale bool) (resend bool, err error) {
	value := c.r.Header.Get("Content-Range")
	if value == "" {
		if stale && c.Quirks.Is(quirk.StaleChunk, "404") {
			return false, protocol.ErrUploadInvalid
		}
		return stale, nil
	}
	start, end, ok := parseContentRange(value)
	refuse := func(reason string) error {
		return protocol.ErrUploadRange.WithDetail(struct{ Range, Reason string }{value, reason})
	}
	size := u.Size()
	switch {
	case !ok:
		return false, refuse("the Content-Range header format is invalid")
	case start != size && c.Quirks.Is(quirk.ChunkOrder, "404"):
		return false, protocol.ErrUploadInvalid
	case start > size:
		return false, refuse(fmt.Sprintf("out of order chunk: content range should start at %d", size))
	case start < size && c.Quirks.Is(quirk.StaleUpload, "invalid"):
		return false, refuse(fmt.Sprintf("out of order chunk: content range should start at %d", size))
	case start < size || stale:
		return true, nil
	case c.r.ContentLength >= 0 && end-start+1 != c.r.ContentLength:
		return false, protocol.ErrSizeInvalid
	}
	return false, nil
}

func parseContentRange(value string) (start, end int64, ok bool) {
	match := contentRange.FindStringSubmatch(value)
	if match == nil {
		return 0, 0, false
	}
	start, _ = strconv.ParseInt(match[1], 10, 64)
	end, _ = strconv.ParseInt(match[2], 10, 64)
	return start, end, start <= end
}

// finishUpload serves PUT on a session, with or without the last data.
func (c uploadHandler) finishUpload() error {
	return c.goOn(func(u *store.Upload) error { return c.complete(u, c.r.URL.Query().Get("digest")) })
}

// goOn does something with a session whose turn this request has, if its data
// begins where the session ends; if not, it says where that is.
func (c uploadHandler) goOn(do func(*store.Upload) error) error {
	u, stale, err := c.acquiredSession()
	if err != nil {
		return err
	}
	defer u.Release()
	resend, err := c.checkContentRange(u, stale)
	if err != nil {
		return err
	}
	if resend {
		return c.resumeUpload(u)
	}
	return do(u)
}

// complete receives the request's body and makes the upload a blob.
func (c uploadHandler) complete(u *store.Upload, digest string) error {
	if !c.storable(digest) {
		return protocol.ErrDigestInvalid.WithDetail("digest parsing failed")
	}
	if c.r.ContentLength != 0 {
		if err := c.receive(u); err != nil {
			return err
		}
	}
	check := func() error { return c.data.View(c.checkUploadAllowed) }
	err := u.Finish(digest, check, func(size int64) error { return c.linkBlob(digest, size) })
	var mismatch *store.DigestError
	if errors.As(err, &mismatch) {
		// The content is not what the client meant to send, and no further
		// chunk can mend it.
		if err := u.Cancel(); err != nil && !errors.Is(err, store.ErrUploadEnded) {
			return err
		}
		return c.digestMismatch(mismatch.Actual)
	}
	if errors.Is(err, store.ErrUploadEnded) {
		return c.uploadUnknown()
	}
	if err != nil {
		return err
	}
	return c.respondStored(digest)
}

func (c uploadHandler) linkBlob(digest string, size int64) error {
	return c.data.Update(func(tx *store.Tx) error {
		if c.r.Method == http.MethodPost {
			if err := tx.MarkWhole(digest); err != nil {
				return err
			}
		}
		return c.link(tx, store.Link{Digest: digest, Size: size, Linked: store.TicksOf(c.Clock.Now())})
	})
}

// link gives the repository a blob. That alone does not make it exist.
func (c uploadHandler) link(tx *store.Tx, link store.Link) error {
	if err := tx.LinkBlob(c.op.repository, link); err != nil || c.Quirks.Is(quirk.BlobRepository, "unlisted") {
		return err
	}
	_, known, err := tx.Repository(c.op.repository)
	if err != nil || known {
		return err
	}
	return tx.PutRepository(c.op.repository, store.Repository{Created: link.Linked, Updated: link.Linked})
}

// cancelUpload serves DELETE on a session.
func (c uploadHandler) cancelUpload() error {
	u, _, err := c.session()
	if err != nil {
		return err
	}
	if err := u.Cancel(); errors.Is(err, store.ErrUploadEnded) {
		return c.uploadUnknown()
	} else if err != nil {
		return err
	}
	c.w.Header().Set(protocol.HeaderUploadUUID, u.ID)
	return c.empty(http.StatusNoContent)
}
