package wire

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"

	"github.com/acrkit/azcontainerregistry/emulator/internal/clock"
	"github.com/acrkit/azcontainerregistry/emulator/internal/protocol"
	"github.com/acrkit/azcontainerregistry/emulator/internal/quirk"
	"github.com/acrkit/azcontainerregistry/emulator/internal/signin"
	"github.com/acrkit/azcontainerregistry/emulator/internal/store"
	"github.com/acrkit/azcontainerregistry/emulator/internal/webhook"
)

// Services are what handlers hold.
type Services struct {
	Store     *store.Store
	Clock     *clock.Clock
	Quirks    quirk.Set
	Logger    *slog.Logger
	Responder *protocol.Responder
	SignIn    *signin.Service
	Webhooks  *webhook.Sender
	Signer    *signer
	storage   *StorageHost
	orphans   *orphanQueue
}

// Call is one request that was let in, on its way to a response.
type Call struct {
	*Services
	w      http.ResponseWriter
	r      *http.Request
	op     *operation
	caller *signin.Caller
	data   *store.Registry
}

// serve serves the call. A handler that returns an error has written
// nothing.
func (c *Call) serve() {
	c.Responder.SetRegistryHeaders(c.w, c.r)
	c.setRequestHeaders()
	if err := c.op.row.serve(c); err != nil {
		c.fail(err)
	}
}

// setRequestHeaders writes the headers that only admitted requests get, and
// not all of them (ACR protocol §1.3). The client's request id is echoed, as
// an empty value when there was none.
func (c *Call) setRequestHeaders() {
	h := c.w.Header()
	if c.op.row.requestIDs {
		h[protocol.HeaderClientRequestID] = []string{c.r.Header.Get(protocol.HeaderClientRequestID)}
		h[protocol.HeaderRequestID] = []string{protocol.NewGUID()}
	}
	if rate := c.Quirks.Value(quirk.RateRemaining); c.op.row.rate != nil && rate != "off" {
		if rate == "count" {
			rate = c.op.row.rate(c.SignIn, c.op.registry.Registry)
		}
		h[protocol.HeaderRateRemaining] = []string{rate}
	}
}

// fail responds with an error; one that is no apiError is a fault of ours or
// of the disk: it is logged, and the response is a 500.
func (c *Call) fail(err error) {
	var one *protocol.Error
	var several protocol.Errors
	switch {
	case errors.As(err, &several):
		protocol.WriteError(c.w, several...)
	case errors.As(err, &one):
		c.refuse(one)
	case c.r.Context().Err() != nil:
		// Nobody is there to read it, and nothing is wrong on this side.
		c.Responder.WriteInternal(c.w, protocol.ErrInternal)
	default:
		c.Logger.Error("request failed", "operation", c.op.row.route, "repository", c.op.repository, "error", err)
		c.Responder.WriteInternal(c.w, internal(err))
	}
}

// refuse responds with an error of the registry's. A disallowed operation has
// two spellings, and no request ids on /acr/v1 (ACR protocol §13).
func (c *Call) refuse(err *protocol.Error) {
	if err.Code == protocol.ErrDisallowed.Code {
		if c.Quirks.Is(quirk.DisallowedText, "plain") {
			err = err.WithMessage("%s", strings.TrimSuffix(err.Message, "-"))
		}
		if c.op.acr {
			delete(c.w.Header(), protocol.HeaderRequestID)
			delete(c.w.Header(), protocol.HeaderClientRequestID)
		}
	}
	protocol.WriteError(c.w, err)
}

// json responds with a compact JSON body and a newline. No Content-Length is
// set, so that larger bodies are chunked as the registry's are (ACR protocol
// §1.3).
func (c *Call) json(status int, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	c.w.Header().Set("Content-Type", protocol.MediaTypeJSON)
	c.w.WriteHeader(status)
	c.w.Write(append(body, '\n'))
	return nil
}

// empty responds without a body.
func (c *Call) empty(status int) error {
	if status != http.StatusNoContent {
		c.w.Header().Set("Content-Length", "0")
	}
	c.w.WriteHeader(status)
	return nil
}

// serveBase serves GET /v2/, the one JSON body without a newline (ACR protocol
// §1.7).
func serveBase(c *Call) error {
	protocol.WritePlain(c.w, http.StatusOK, protocol.MediaTypeJSON, "{}")
	return nil
}

func (c *Call) image() image { return image{c.op.access.Login, c.op.repository} }

// unknownRepository is the 404 of /acr/v1 in the wording of GET and PATCH
// (ACR protocol §3.2).
func (c *Call) unknownRepository() error {
	return protocol.ErrNameUnknown.WithMessage("repository %q is not found", c.op.repository)
}

// undeletedRepository is the same in the wording of DELETE (ACR protocol
// §3.4).
func (c *Call) undeletedRepository() error {
	return protocol.ErrNameUnknown.WithDetail(map[string]string{"name": c.op.repository})
}

// unknownRepositoryAs is the same in the wording that a quirk chooses.
func (c *Call) unknownRepositoryAs(quirk string) error {
	if c.Quirks.Is(quirk, "not-known") {
		return c.undeletedRepository()
	}
	return c.unknownRepository()
}

// touchRepository notes a write, and removes a repository that lost its last
// manifest.
func (c *Call) touchRepository(tx *store.Tx, now store.Ticks) error {
	r, ok, err := tx.Repository(c.op.repository)
	if err != nil || !ok {
		return err
	}
	if r.Manifests == 0 && c.Quirks.Is(quirk.EmptyRepository, "remove") {
		return tx.DropRepositoryRecord(c.op.repository)
	}
	r.Updated = now
	return tx.PutRepository(c.op.repository, r)
}

// digestMismatch is the response to content that has another digest.
func (c *Call) digestMismatch(actual string) error {
	if c.Quirks.Is(quirk.MismatchDetail, "absent") {
		return protocol.ErrDigestInvalid
	}
	return protocol.ErrDigestInvalid.WithDetail("content has digest " + actual)
}

// storable reports whether a digest is well-formed and of an algorithm that
// the registry stores.
func (c *Call) storable(digest string) bool {
	if !protocol.ValidDigest(digest) {
		return false
	}
	return digest[:len("sha256")] == "sha256" || c.Quirks.Is(quirk.SHA512, "on")
}

// knownRepository returns the request's repository or its 404.
func (c *Call) knownRepository(tx *store.Tx) (store.Repository, error) {
	r, ok, err := tx.Repository(c.op.repository)
	if err == nil && !ok {
		err = c.unknownRepository()
	}
	return r, err
}
