package emulator

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/acrkit/azcontainerregistry/emulator/internal/store"
)

// call is one admitted request on its way to an answer.
type call struct {
	*Emulator
	w      http.ResponseWriter
	r      *http.Request
	op     *operation
	caller *caller
	data   *store.Registry
}

// handlers maps operations to what answers them. A handler that returns an
// error has written nothing.
var handlers = map[opName]func(*call) error{
	opBase:           (*call).base,
	opCatalog:        (*call).catalog,
	opTagsList:       (*call).tagsList,
	opGetManifest:    (*call).getManifest,
	opPutManifest:    (*call).putManifest,
	opDeleteManifest: (*call).deleteManifest,
	opGetBlob:        (*call).getBlob,
	opHeadBlob:       (*call).headBlob,
	opDeleteBlob:     (*call).deleteBlob,
	opStartUpload:    (*call).startUpload,
	opMountBlob:      (*call).mountBlob,
	opUploadStatus:   (*call).uploadStatus,
	opUploadChunk:    (*call).uploadChunk,
	opFinishUpload:   (*call).finishUpload,
	opCancelUpload:   (*call).cancelUpload,
	opReferrers:      (*call).referrers,

	opListRepositories: (*call).catalog,
	opGetRepository:    (*call).getRepository,
	opPatchRepository:  (*call).patchRepository,
	opDeleteRepository: (*call).deleteRepository,
	opListTags:         (*call).listTags,
	opGetTag:           (*call).getTag,
	opPatchTag:         (*call).patchTag,
	opDeleteTag:        (*call).deleteTag,
	opListManifests:    (*call).listManifests,
	opGetManifestInfo:  (*call).getManifestInfo,
	opPatchManifest:    (*call).patchManifest,

	opDeletedCatalog:   (*call).deletedCatalog,
	opDeletedManifests: (*call).deletedManifests,
	opDeletedTags:      (*call).deletedTags,
	opRestoreManifest:  (*call).restoreManifest,
}

// withRateHeader are the operations whose answers count down a rate (ACR
// protocol §1.3).
var withRateHeader = map[opName]bool{
	opDeleteBlob: true, opDeleteManifest: true, opDeleteTag: true, opDeleteRepository: true,
}

// serve answers the call.
func (c *call) serve() {
	c.setRegistryHeaders(c.w, c.r)
	c.setRequestHeaders()
	handle, ok := handlers[c.op.name]
	if !ok {
		handle = func(*call) error { return errUnsupported }
	}
	if err := handle(c); err != nil {
		c.fail(err)
	}
}

// setRequestHeaders writes the headers that only admitted requests get, and
// not all of them (ACR protocol §1.3). The client's request id is echoed, as
// an empty value when there was none.
func (c *call) setRequestHeaders() {
	h := c.w.Header()
	if c.op.name != opBase && (c.op.family == familyV2 || c.r.Method == http.MethodDelete) {
		h[headerClientRequestID] = []string{c.r.Header.Get(headerClientRequestID)}
		h[headerRequestID] = []string{newGUID()}
	}
	if rate := c.quirks.value(quirkRateRemaining); withRateHeader[c.op.name] && rate != "off" {
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
		c.writeInternal(c.w, errInternal)
	default:
		c.logger.Error("request failed", "operation", c.op.name, "repository", c.op.repository, "error", err)
		c.writeInternal(c.w, errInternal.withDetail(diskCause(err)))
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

// base answers GET /v2/, the one JSON body without a newline (ACR protocol
// §1.7).
func (c *call) base() error {
	writePlain(c.w, http.StatusOK, mediaTypeJSON, "{}")
	return nil
}
