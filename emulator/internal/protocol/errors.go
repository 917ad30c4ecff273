// Package protocol holds what every part of the emulator says in the same way: the registry's
// errors, headers, names, scopes and routes.
package protocol

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/acrkit/azcontainerregistry/emulator/internal/quirk"
)

// Error is one entry of the registry's error envelope (ACR protocol §1.6).
type Error struct {
	Status  int
	Code    string
	Message string
	Detail  any // nil leaves the key out; jsonNull writes null
}

// jsonNull is a detail that is present and null.
var JsonNull = json.RawMessage("null")

func (e *Error) Error() string { return fmt.Sprintf("%d %s: %s", e.Status, e.Code, e.Message) }

// WithDetail returns a copy with another detail.
func (e *Error) WithDetail(detail any) *Error {
	c := *e
	c.Detail = detail
	return &c
}

// WithMessage returns a copy with another message.
func (e *Error) WithMessage(format string, args ...any) *Error {
	c := *e
	c.Message = fmt.Sprintf(format, args...)
	return &c
}

// The registry's errors (ACR protocol §6). Where a code has several
// spellings, each has its name here and the route chooses.
var (
	ErrUnauthorized       = &Error{http.StatusUnauthorized, "UNAUTHORIZED", "authentication required, visit https://aka.ms/acr/authorization for more information.", nil}
	ErrDenied             = &Error{http.StatusForbidden, "DENIED", "requested access to the resource is denied", nil}
	ErrNameUnknown        = &Error{http.StatusNotFound, "NAME_UNKNOWN", "repository name not known to registry", nil}
	ErrTagUnknown         = &Error{http.StatusNotFound, "TAG_UNKNOWN", "the specified tag does not exist", nil}
	ErrManifestUnknown    = &Error{http.StatusNotFound, "MANIFEST_UNKNOWN", "manifest unknown", nil}
	ErrBlobUnknown        = &Error{http.StatusNotFound, "BLOB_UNKNOWN", "blob unknown to registry", nil}
	ErrUploadInvalid      = &Error{http.StatusNotFound, "BLOB_UPLOAD_INVALID", "blob upload invalid", nil}
	ErrUploadUnknown      = &Error{http.StatusNotFound, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry", nil}
	ErrUploadRange        = &Error{http.StatusRequestedRangeNotSatisfiable, "BLOB_UPLOAD_RANGE_INVALID", "blob upload range invalid", nil}
	ErrManifestBlob       = &Error{http.StatusBadRequest, "MANIFEST_BLOB_UNKNOWN", "blob unknown to registry", nil}
	ErrManifestInvalid    = &Error{http.StatusBadRequest, "MANIFEST_INVALID", "manifest invalid", nil}
	ErrManifestUnverified = &Error{http.StatusBadRequest, "MANIFEST_UNVERIFIED", "manifest failed signature verification", nil}
	ErrTagInvalid         = &Error{http.StatusBadRequest, "TAG_INVALID", "manifest tag did not match URI", nil}
	ErrDigestInvalid      = &Error{http.StatusBadRequest, "DIGEST_INVALID", "provided digest did not match uploaded content", nil}
	ErrSizeInvalid        = &Error{http.StatusBadRequest, "SIZE_INVALID", "provided length did not match content length", nil}
	ErrNameInvalid        = &Error{http.StatusBadRequest, "NAME_INVALID", "invalid repository name", nil}
	ErrPaginationInvalid  = &Error{http.StatusBadRequest, "PAGINATION_NUMBER_INVALID", "invalid number of results requested", nil}
	ErrDeleteByDigestOnly = &Error{http.StatusMethodNotAllowed, "UNSUPPORTED", "A manifest can only be deleted by digest.", nil}
	ErrUnsupported        = &Error{http.StatusMethodNotAllowed, "UNSUPPORTED", "The operation is unsupported.", nil}
	ErrVersionUnsupported = &Error{http.StatusBadRequest, "UNSUPPORTED", "The api-version is unsupported.", nil}
	ErrDisallowed         = &Error{http.StatusMethodNotAllowed, "REGISTRY_DISALLOWED_OPERATION", "The operation is disallowed on this registry, repository or image. View troubleshooting steps at https://aka.ms/acr/faq/#why-does-my-pull-or-push-request-fail-with-disallowed-operation-", struct{}{}}
	ErrTooManyRequests    = &Error{http.StatusTooManyRequests, "TOOMANYREQUESTS", "Too many requests. Please visit https://aka.ms/acr/skus#sku-feature-matrix to view limits of all service tiers.", nil}
	ErrInternal           = &Error{http.StatusInternalServerError, "UNKNOWN", "unknown error", nil}
)

// Errors are several entries of one envelope; the first one's status
// counts.
type Errors []*Error

func (e Errors) Error() string { return e[0].Error() }

// ErrorBody returns the envelope: keys in the order code, message, detail, a
// newline at the end, and Go's escapes for <, > and &.
func ErrorBody(errs ...*Error) []byte {
	type entry struct {
		Code    string           `json:"code"`
		Message string           `json:"message"`
		Detail  *json.RawMessage `json:"detail,omitempty"`
	}
	envelope := struct {
		Errors []entry `json:"errors"`
	}{make([]entry, len(errs))}
	for i, err := range errs {
		envelope.Errors[i] = entry{Code: err.Code, Message: err.Message}
		if err.Detail != nil {
			// A detail is one of our own small values; one that cannot be
			// encoded is left out rather than losing the error itself.
			if b, failure := json.Marshal(err.Detail); failure == nil {
				raw := json.RawMessage(b)
				envelope.Errors[i].Detail = &raw
			}
		}
	}
	var body bytes.Buffer
	json.NewEncoder(&body).Encode(envelope)
	return body.Bytes()
}

// WriteError responds with the error envelope; the headers of the route must
// be set already.
func WriteError(w http.ResponseWriter, errs ...*Error) {
	body := ErrorBody(errs...)
	w.Header().Set("Content-Type", MediaTypeJSON)
	w.Header().Set("Content-Length", fmt.Sprint(len(body)))
	w.WriteHeader(errs[0].Status)
	w.Write(body)
}

// RouteNotFound responds to a path that no route matches, before authentication
// (ACR protocol §1.5).
func (p *Responder) RouteNotFound(w http.ResponseWriter, r *http.Request) {
	p.SetPlainHeaders(w, r)
	WritePlain(w, http.StatusNotFound, "text/plain; charset=utf-8", "404 page not found\n")
}

// GatewayNotFound responds to a path outside of /v2, /acr and /oauth2, as the
// gateway in front of the registry does (ACR protocol §1.5).
func (p *Responder) GatewayNotFound(w http.ResponseWriter) {
	h := w.Header()
	h["Server"] = []string{p.quirks.Value(quirk.ServerHeader)}
	h["Connection"] = []string{"keep-alive"}
	h["Strict-Transport-Security"] = []string{hstsValue}
	p.SetDate(h)
	WritePlain(w, http.StatusNotFound, "application/octet-stream", "Not found")
}

// WriteInternal returns an internal error, with the registry's envelope or with what a
// gateway in front of it may send instead.
func (p *Responder) WriteInternal(w http.ResponseWriter, err *Error) {
	switch p.quirks.Value(quirk.InternalBody) {
	case "html":
		WritePlain(w, err.Status, "text/html", HtmlPage("500 Internal Server Error"))
	case "empty":
		w.Header()["Content-Length"] = []string{"0"}
		w.WriteHeader(err.Status)
	default:
		WriteError(w, err)
	}
}

// HtmlPage is an error page of the gateway in front of the registry.
func HtmlPage(title string) string {
	return "<html>\r\n<head><title>" + title + "</title></head>\r\n<body>\r\n<center><h1>" + title +
		"</h1></center>\r\n</body>\r\n</html>\r\n"
}

func WritePlain(w http.ResponseWriter, status int, mediaType, body string) {
	w.Header().Set("Content-Type", mediaType)
	w.Header().Set("Content-Length", fmt.Sprint(len(body)))
	w.WriteHeader(status)
	w.Write([]byte(body))
}

// headerChallenge is spelt as the recordings do, which net/http would not.
const HeaderChallenge = "WWW-Authenticate"

// Refusal is a response that ends a request before its handler.
type Refusal struct {
	Err        *Error
	Challenge  string
	RetryAfter int  // seconds; 0 for none
	Firewall   bool // the client's address is shut out
}

func (x *Refusal) SetHeaders(w http.ResponseWriter) {
	if x.Challenge != "" {
		w.Header()[HeaderChallenge] = []string{x.Challenge}
	}
	if x.RetryAfter > 0 {
		w.Header().Set("Retry-After", fmt.Sprint(x.RetryAfter))
	}
}

func (x *Refusal) Write(w http.ResponseWriter) {
	x.SetHeaders(w)
	if strings.Contains(x.Err.Message, "'") {
		writeEscapedError(w, x.Err)
		return
	}
	WriteError(w, x.Err)
}

// writeEscapedError writes an error whose apostrophes the service sends as
// \u0027 (ACR protocol §1.7).
func writeEscapedError(w http.ResponseWriter, err *Error) {
	body := strings.ReplaceAll(string(ErrorBody(err)), "'", `\u0027`)
	WritePlain(w, err.Status, MediaTypeJSON, body)
}

// WriteJSON responds with JSON outside of ACR's own paths.
func WriteJSON(w http.ResponseWriter, status int, value any) {
	body, err := json.Marshal(value)
	if err != nil {
		status, body = http.StatusInternalServerError, []byte(`{"error":"encoding failed"}`)
	}
	w.Header().Set("Cache-Control", "no-store")
	WritePlain(w, status, MediaTypeJSON, string(body)+"\n")
}

// FirewallError is the response to an address that is shut out (ACR protocol
// §6).
func FirewallError(address string) *Error {
	return ErrDenied.WithMessage("client with IP '%s' is not allowed access. Refer https://aka.ms/acr/firewall to grant access.", address)
}
