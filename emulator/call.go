package emulator

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"

	"github.com/acrkit/azcontainerregistry/emulator/internal/store"
)

// services are what handlers hold.
type services struct {
	store     *store.Store
	clock     *Clock
	quirks    quirkSet
	logger    *slog.Logger
	responder *responder
	signIn    *signInService
	signer    *signer
	storage   *storageHost
}

// call is one request that was let in, on its way to a response.
type call struct {
	*services
	w      http.ResponseWriter
	r      *http.Request
	op     *operation
	caller *caller
	data   *store.Registry
}

// serve answers the call. A handler that returns an error has written
// nothing.
func (c *call) serve() {
	c.responder.setRegistryHeaders(c.w, c.r)
	c.setRequestHeaders()
	if err := c.op.row.serve(c); err != nil {
		c.fail(err)
	}
}

// setRequestHeaders writes the headers that only admitted requests get, and
// not all of them (ACR protocol §1.3). The client's request id is echoed, as
// an empty value when there was none.
func (c *call) setRequestHeaders() {
	h := c.w.Header()
	if c.op.row.requestIDs {
		h[headerClientRequestID] = []string{c.r.Header.Get(headerClientRequestID)}
		h[headerRequestID] = []string{newGUID()}
	}
	if rate := c.quirks.value(quirkRateRemaining); c.op.row.rate && rate != "off" {
		h[headerRateRemaining] = []string{rate}
	}
}

// fail answers with an error; one that is no apiError is a fault of ours or
// of the disk, logged and answered 500.
func (c *call) fail(err error) {
	var one *apiError
	var several apiErrors
	switch {
	case errors.As(err, &several):
		writeError(c.w, several...)
	case errors.As(err, &one):
		writeError(c.w, one)
	case c.r.Context().Err() != nil:
		// Nobody is there to read it, and nothing is wrong on this side.
		c.responder.writeInternal(c.w, errInternal)
	default:
		c.logger.Error("request failed", "operation", c.op.row.route, "repository", c.op.repository, "error", err)
		c.responder.writeInternal(c.w, errInternal.withDetail(diskCause(err)))
	}
}

// json answers with a compact JSON body and a newline. No Content-Length is
// set, so that larger bodies are chunked as the registry's are (ACR protocol
// §1.3).
func (c *call) json(status int, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	c.w.Header().Set("Content-Type", mediaTypeJSON)
	c.w.WriteHeader(status)
	c.w.Write(append(body, '\n'))
	return nil
}

// empty answers without a body.
func (c *call) empty(status int) error {
	if status != http.StatusNoContent {
		c.w.Header().Set("Content-Length", "0")
	}
	c.w.WriteHeader(status)
	return nil
}

// answerBase answers GET /v2/, the one JSON body without a newline (ACR protocol
// §1.7).
func answerBase(c *call) error {
	writePlain(c.w, http.StatusOK, mediaTypeJSON, "{}")
	return nil
}

func (c *call) image() image { return image{c.op.access.login, c.op.repository} }

// unknownRepository is the 404 of /acr/v1 in the wording of GET and PATCH
// (ACR protocol §3.2).
func (c *call) unknownRepository() error {
	return errNameUnknown.withMessage("repository %q is not found", c.op.repository)
}

// undeletedRepository is the same in the wording of DELETE (ACR protocol
// §3.4).
func (c *call) undeletedRepository() error {
	return errNameUnknown.withDetail(map[string]string{"name": c.op.repository})
}

// unknownRepositoryAs is the same in the wording that a quirk chooses.
func (c *call) unknownRepositoryAs(quirk string) error {
	if c.quirks.is(quirk, "not-known") {
		return c.undeletedRepository()
	}
	return c.unknownRepository()
}

// touchRepository notes a write, and removes a repository that lost its last
// manifest.
func (c *call) touchRepository(tx *store.Tx, now store.Ticks) error {
	r, ok, err := tx.Repository(c.op.repository)
	if err != nil || !ok {
		return err
	}
	if r.Manifests == 0 && c.quirks.is(quirkEmptyRepository, "remove") {
		return tx.DropRepositoryRecord(c.op.repository)
	}
	r.Updated = now
	return tx.PutRepository(c.op.repository, r)
}

// digestMismatch is the answer to content that has another digest.
func (c *call) digestMismatch(actual string) error {
	if c.quirks.is(quirkMismatchDetail, "absent") {
		return errDigestInvalid
	}
	return errDigestInvalid.withDetail("content has digest " + actual)
}

// storable reports whether a digest is well-formed and of an algorithm that
// the registry stores.
func (c *call) storable(digest string) bool {
	if !validDigest(digest) {
		return false
	}
	return digest[:len("sha256")] == "sha256" || c.quirks.is(quirkSHA512, "on")
}

// knownRepository returns the request's repository or its 404.
func (c *call) knownRepository(tx *store.Tx) (store.Repository, error) {
	r, ok, err := tx.Repository(c.op.repository)
	if err == nil && !ok {
		err = c.unknownRepository()
	}
	return r, err
}
