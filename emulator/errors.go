package emulator

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// apiError is one entry of the registry's error envelope (ACR protocol §1.6).
type apiError struct {
	status  int
	code    string
	message string
	detail  any // nil leaves the key out; jsonNull writes null
}

// jsonNull is a detail that is present and null.
var jsonNull = json.RawMessage("null")

func (e *apiError) Error() string { return fmt.Sprintf("%d %s: %s", e.status, e.code, e.message) }

// withDetail returns a copy with another detail.
func (e *apiError) withDetail(detail any) *apiError {
	c := *e
	c.detail = detail
	return &c
}

// withMessage returns a copy with another message.
func (e *apiError) withMessage(format string, args ...any) *apiError {
	c := *e
	c.message = fmt.Sprintf(format, args...)
	return &c
}

// The registry's errors (ACR protocol §6). Where a code has several
// spellings, each has its name here and the route chooses.
var (
	errUnauthorized       = &apiError{http.StatusUnauthorized, "UNAUTHORIZED", "authentication required, visit https://aka.ms/acr/authorization for more information.", nil}
	errDenied             = &apiError{http.StatusForbidden, "DENIED", "requested access to the resource is denied", nil}
	errNameUnknown        = &apiError{http.StatusNotFound, "NAME_UNKNOWN", "repository name not known to registry", nil}
	errTagUnknown         = &apiError{http.StatusNotFound, "TAG_UNKNOWN", "the specified tag does not exist", nil}
	errManifestUnknown    = &apiError{http.StatusNotFound, "MANIFEST_UNKNOWN", "manifest unknown", nil}
	errBlobUnknown        = &apiError{http.StatusNotFound, "BLOB_UNKNOWN", "blob unknown to registry", nil}
	errUploadInvalid      = &apiError{http.StatusNotFound, "BLOB_UPLOAD_INVALID", "blob upload invalid", nil}
	errUploadUnknown      = &apiError{http.StatusNotFound, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry", nil}
	errUploadRange        = &apiError{http.StatusRequestedRangeNotSatisfiable, "BLOB_UPLOAD_RANGE_INVALID", "blob upload range invalid", nil}
	errManifestBlob       = &apiError{http.StatusBadRequest, "MANIFEST_BLOB_UNKNOWN", "blob unknown to registry", nil}
	errManifestInvalid    = &apiError{http.StatusBadRequest, "MANIFEST_INVALID", "manifest invalid", nil}
	errManifestUnverified = &apiError{http.StatusBadRequest, "MANIFEST_UNVERIFIED", "manifest failed signature verification", nil}
	errTagInvalid         = &apiError{http.StatusBadRequest, "TAG_INVALID", "manifest tag did not match URI", nil}
	errDigestInvalid      = &apiError{http.StatusBadRequest, "DIGEST_INVALID", "provided digest did not match uploaded content", nil}
	errSizeInvalid        = &apiError{http.StatusBadRequest, "SIZE_INVALID", "provided length did not match content length", nil}
	errNameInvalid        = &apiError{http.StatusBadRequest, "NAME_INVALID", "invalid repository name", nil}
	errPaginationInvalid  = &apiError{http.StatusBadRequest, "PAGINATION_NUMBER_INVALID", "invalid number of results requested", nil}
	errDeleteByDigestOnly = &apiError{http.StatusMethodNotAllowed, "UNSUPPORTED", "A manifest can only be deleted by digest.", nil}
	errUnsupported        = &apiError{http.StatusMethodNotAllowed, "UNSUPPORTED", "The operation is unsupported.", nil}
	errVersionUnsupported = &apiError{http.StatusBadRequest, "UNSUPPORTED", "The api-version is unsupported.", nil}
	errDisallowed         = &apiError{http.StatusMethodNotAllowed, "REGISTRY_DISALLOWED_OPERATION", "The operation is disallowed on this registry, repository or image. View troubleshooting steps at https://aka.ms/acr/faq/#why-does-my-pull-or-push-request-fail-with-disallowed-operation", struct{}{}}
	errTooManyRequests    = &apiError{http.StatusTooManyRequests, "TOOMANYREQUESTS", "Too many requests. Please visit https://aka.ms/acr/skus#sku-feature-matrix to view limits of all service tiers.", nil}
	errInternal           = &apiError{http.StatusInternalServerError, "UNKNOWN", "unknown error", nil}
)

// apiErrors are several entries of one envelope; the first one's status
// counts.
type apiErrors []*apiError

func (e apiErrors) Error() string { return e[0].Error() }

// errorBody returns the envelope: keys in the order code, message, detail, a
// newline at the end, and Go's escapes for <, > and &.
func errorBody(errs ...*apiError) []byte {
	type entry struct {
		Code    string           `json:"code"`
		Message string           `json:"message"`
		Detail  *json.RawMessage `json:"detail,omitempty"`
	}
	envelope := struct {
		Errors []entry `json:"errors"`
	}{make([]entry, len(errs))}
	for i, err := range errs {
		envelope.Errors[i] = entry{Code: err.code, Message: err.message}
		if err.detail != nil {
			// A detail is one of our own small values; one that cannot be
			// encoded is left out rather than losing the error itself.
			if b, failure := json.Marshal(err.detail); failure == nil {
				raw := json.RawMessage(b)
				envelope.Errors[i].Detail = &raw
			}
		}
	}
	var body bytes.Buffer
	json.NewEncoder(&body).Encode(envelope)
	return body.Bytes()
}

// writeError answers with the error envelope; the headers of the route must
// be set already.
func writeError(w http.ResponseWriter, errs ...*apiError) {
	body := errorBody(errs...)
	w.Header().Set("Content-Type", mediaTypeJSON)
	w.Header().Set("Content-Length", fmt.Sprint(len(body)))
	w.WriteHeader(errs[0].status)
	w.Write(body)
}

// routeNotFound answers a path that no route matches, before authentication
// (ACR protocol §1.5).
func (p *responder) routeNotFound(w http.ResponseWriter, r *http.Request) {
	p.setPlainHeaders(w, r)
	writePlain(w, http.StatusNotFound, "text/plain; charset=utf-8", "404 page not found\n")
}

// gatewayNotFound answers a path outside of /v2, /acr and /oauth2, as the
// gateway in front of the registry does (ACR protocol §1.5).
func (p *responder) gatewayNotFound(w http.ResponseWriter) {
	h := w.Header()
	h["Server"] = []string{p.quirks.value(quirkServerHeader)}
	h["Connection"] = []string{"keep-alive"}
	h["Strict-Transport-Security"] = []string{hstsValue}
	p.setDate(h)
	writePlain(w, http.StatusNotFound, "application/octet-stream", "Not found")
}

// writeInternal answers 500, with the registry's envelope or with what a
// gateway in front of it may send instead.
func (p *responder) writeInternal(w http.ResponseWriter, err *apiError) {
	switch p.quirks.value(quirkInternalBody) {
	case "html":
		writePlain(w, err.status, "text/html", htmlPage("500 Internal Server Error"))
	case "empty":
		w.Header()["Content-Length"] = []string{"0"}
		w.WriteHeader(err.status)
	default:
		writeError(w, err)
	}
}

// htmlPage is an error page of the gateway in front of the registry.
func htmlPage(title string) string {
	return "<html>\r\n<head><title>" + title + "</title></head>\r\n<body>\r\n<center><h1>" + title +
		"</h1></center>\r\n</body>\r\n</html>\r\n"
}

func writePlain(w http.ResponseWriter, status int, mediaType, body string) {
	w.Header().Set("Content-Type", mediaType)
	w.Header().Set("Content-Length", fmt.Sprint(len(body)))
	w.WriteHeader(status)
	w.Write([]byte(body))
}

// headerChallenge is spelt as the recordings do, which net/http would not.
const headerChallenge = "WWW-Authenticate"

// refusal is an answer that ends a request before its handler.
type refusal struct {
	err        *apiError
	challenge  string
	retryAfter int // seconds; 0 for none
}

func (x *refusal) setHeaders(w http.ResponseWriter) {
	if x.challenge != "" {
		w.Header()[headerChallenge] = []string{x.challenge}
	}
	if x.retryAfter > 0 {
		w.Header().Set("Retry-After", fmt.Sprint(x.retryAfter))
	}
}

func (x *refusal) write(w http.ResponseWriter) {
	x.setHeaders(w)
	if strings.Contains(x.err.message, "'") {
		writeEscapedError(w, x.err)
		return
	}
	writeError(w, x.err)
}

// writeEscapedError writes an error whose apostrophes the service sends as
// \u0027 (ACR protocol §1.7).
func writeEscapedError(w http.ResponseWriter, err *apiError) {
	body := strings.ReplaceAll(string(errorBody(err)), "'", `\u0027`)
	writePlain(w, err.status, mediaTypeJSON, body)
}
