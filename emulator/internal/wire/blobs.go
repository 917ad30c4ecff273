package wire

import (
	"net/http"
	"strconv"

	"github.com/acrkit/azcontainerregistry/emulator/internal/protocol"
	"github.com/acrkit/azcontainerregistry/emulator/internal/quirk"
	"github.com/acrkit/azcontainerregistry/emulator/internal/store"
)

// blobHandler serves what concerns blobs, but for their upload.
type blobHandler struct{ *Call }

// linked finds the blob that a request names.
func (c blobHandler) linked() (store.Link, bool, error) {
	var link store.Link
	var ok bool
	err := c.data.View(func(tx *store.Tx) error {
		link, ok = tx.Blob(c.op.repository, c.op.reference)
		return nil
	})
	return link, ok && c.storable(c.op.reference), err
}

// unknownBlob is the 404 of a pull.
func (c blobHandler) unknownBlob() error {
	c.w.Header().Set("Cache-Control", "no-cache")
	if c.Quirks.Is(quirk.UnknownBlobDetail, "digest") {
		return protocol.ErrBlobUnknown.WithDetail(c.op.reference)
	}
	return protocol.ErrBlobUnknown
}

// headBlob serves HEAD directly, whatever the range (ACR protocol §4.4).
func (c blobHandler) headBlob() error {
	link, ok, err := c.linked()
	if err != nil {
		return err
	}
	if !ok {
		return c.unknownBlob()
	}
	c.Store.Touch(link.Digest)
	h := c.w.Header()
	h.Set("Content-Length", strconv.FormatInt(link.Size, 10))
	h.Set("Content-Type", "application/octet-stream")
	h.Set(protocol.HeaderContentDigest, link.Digest)
	c.w.WriteHeader(http.StatusOK)
	return nil
}

// getBlob redirects to a signed URL on the storage host, whatever the size.
func (c blobHandler) getBlob() error {
	link, ok, err := c.linked()
	if err != nil {
		return err
	}
	if !ok {
		return c.unknownBlob()
	}
	c.Store.Touch(link.Digest)
	h := c.w.Header()
	delete(h, protocol.HeaderRequestID)
	delete(h, protocol.HeaderClientRequestID)
	h.Set(protocol.HeaderContentDigest, link.Digest)
	http.Redirect(c.w, c.r, c.storage.signedURL(c.r, c.op.registry, link.Digest), http.StatusTemporaryRedirect)
	return nil
}

// deleteBlob removes the repository's link, even when manifests name it.
func (c blobHandler) deleteBlob() error {
	err := c.data.Update(func(tx *store.Tx) error {
		if _, ok := tx.Blob(c.op.repository, c.op.reference); !ok {
			return protocol.ErrBlobUnknown
		}
		if err := checkPushAllowed(tx, c.op.repository); err != nil {
			return err
		}
		return tx.UnlinkBlob(c.op.repository, c.op.reference)
	})
	if err != nil {
		return err
	}
	if c.Quirks.Is(quirk.BlobDigestHeader, "on") {
		c.w.Header().Set(protocol.HeaderContentDigest, c.op.reference)
	}
	return c.empty(http.StatusAccepted)
}
