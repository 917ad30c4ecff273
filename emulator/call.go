package emulator

import (
	"encoding/json"
	"errors"
	"net/http"
)

// call is one admitted request on its way to an answer.
type call struct {
	*Emulator
	w        http.ResponseWriter
	r        *http.Request
	op       *operation
	caller   *caller
	registry *registry
}

// handlers maps operations to what answers them. A handler that returns an
// error has written nothing.
var handlers = map[opName]func(*call) error{
	opBase: (*call).base,
}

// serve answers the call.
func (c *call) serve() {
	c.setRegistryHeaders(c.w, c.r)
	handle, ok := handlers[c.op.name]
	if !ok {
		handle = func(*call) error { return errUnsupported }
	}
	if err := handle(c); err != nil {
		c.fail(err)
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
	default:
		c.logger.Error("request failed", "operation", c.op.name, "repository", c.op.repository, "error", err)
		writeError(c.w, errInternal)
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

// base answers GET /v2/, the one JSON body without a newline (ACR protocol
// §1.7).
func (c *call) base() error {
	writePlain(c.w, http.StatusOK, mediaTypeJSON, "{}")
	return nil
}
