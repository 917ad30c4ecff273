package emulator

import (
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"net/http"
	"strings"
)

// Header names in the spelling of the recordings. Where that is not Go's
// canonical one, the header map is written directly, not with Set.
const (
	headerCorrelationID   = "X-Ms-Correlation-Request-Id"
	headerClientRequestID = "X-Ms-Client-Request-Id"
	headerRequestID       = "X-Ms-Request-Id"
	headerContentDigest   = "Docker-Content-Digest"
	headerUploadUUID      = "Docker-Upload-Uuid"
	headerRateRemaining   = "X-Ms-Ratelimit-Remaining-Calls-Per-Second"
	headerETag            = "ETag"
	headerOCISubject      = "OCI-Subject"
	headerOCIFilters      = "OCI-Filters-Applied"
	headerOCITag          = "OCI-Tag"

	mediaTypeJSON = "application/json; charset=utf-8"
	hstsValue     = "max-age=31536000; includeSubDomains"
)

// responder writes what responses of every kind have in common.
type responder struct {
	quirks quirkSet
	clock  *Clock
}

func newResponder(quirks quirkSet, clock *Clock) *responder {
	return &responder{quirks: quirks, clock: clock}
}

// setServiceHeaders writes what every answer of the service in front of the
// registry and of the token endpoints carries (ACR protocol §1.4). The
// correlation id is the request's own when it sent one, else a new GUID.
func (p *responder) setServiceHeaders(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	id := ""
	if p.quirks.is(quirkCorrelationID, "echo") {
		id = r.Header.Get(headerCorrelationID)
	}
	if id == "" || len(id) > 256 {
		id = newGUID()
	}
	h[headerCorrelationID] = []string{id}
	p.setDate(h)
	h["Server"] = []string{p.quirks.value(quirkServerHeader)}
	h["Connection"] = []string{"keep-alive"}
	h["Strict-Transport-Security"] = []string{hstsValue}
}

// setDate writes the emulator's own time, as a service whose clock is wrong
// does.
func (p *responder) setDate(h http.Header) {
	h["Date"] = []string{p.clock.Now().UTC().Format(http.TimeFormat)}
}

// setRegistryHeaders writes the headers common to the answers of /v2 and
// /acr/v1 (ACR protocol §1.3).
func (p *responder) setRegistryHeaders(w http.ResponseWriter, r *http.Request) {
	p.setPlainHeaders(w, r)
	w.Header()["Access-Control-Expose-Headers"] = []string{
		headerContentDigest, "WWW-Authenticate", "Link", headerCorrelationID,
	}
}

// setPlainHeaders writes the registry headers without the exposed ones, as a
// routing failure carries them (ACR protocol §1.5).
func (p *responder) setPlainHeaders(w http.ResponseWriter, r *http.Request) {
	p.setServiceHeaders(w, r)
	h := w.Header()
	h["Docker-Distribution-Api-Version"] = []string{"registry/2.0"}
	h["Strict-Transport-Security"] = []string{hstsValue, hstsValue}
	h["X-Content-Type-Options"] = []string{"nosniff"}
}

// newGUID returns a random GUID of version 4.
func newGUID() string {
	var b [16]byte
	rand.Read(b[:])
	return formatGUID(b)
}

// stableGUID returns a GUID that is the same for the same parts.
func stableGUID(parts ...string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q", parts))
	return formatGUID([16]byte(sum[:16]))
}

func formatGUID(b [16]byte) string {
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// headerValue is the first value of a header in any spelling.
func headerValue(h http.Header, name string) string {
	for spelling, values := range h {
		if len(values) > 0 && strings.EqualFold(spelling, name) {
			return values[0]
		}
	}
	return ""
}

// deleteHeader removes a header in any spelling.
func deleteHeader(h http.Header, name string) {
	for spelling := range h {
		if strings.EqualFold(spelling, name) {
			delete(h, spelling)
		}
	}
}

// validHeader keeps answers from being split by what a rule says.
func validHeader(name, value string) bool {
	control := func(r rune) bool { return r < ' ' || r == 0x7f }
	return name != "" && !strings.ContainsFunc(value, control) &&
		!strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r) })
}
