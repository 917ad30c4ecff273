package emulator

import (
	"net/http"
	"strings"
)

// dataPathMarker is what the path of every signed blob URL contains (ACR
// protocol §4.4), double slash included.
const dataPathMarker = "//docker/registry/v2/blobs/"

// isDataRequest reports whether a request is for the storage host. On a
// loopback server both hosts can be the same name, so the path decides.
func (e *Emulator) isDataRequest(r *http.Request) bool {
	return strings.Contains(r.URL.Path, dataPathMarker)
}

// serveData answers the storage host.
func (e *Emulator) serveData(w http.ResponseWriter, r *http.Request) {
	e.gatewayNotFound(w)
}
