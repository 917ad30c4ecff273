package protocol

import (
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/netip"
	"strings"

	"github.com/acrkit/azcontainerregistry/emulator/internal/clock"
	"github.com/acrkit/azcontainerregistry/emulator/internal/quirk"
)

// Header names in the spelling of the recordings. Where that is not Go's
// canonical one, the header map is written directly, not with Set.
const (
	HeaderCorrelationID   = "X-Ms-Correlation-Request-Id"
	HeaderClientRequestID = "X-Ms-Client-Request-Id"
	HeaderRequestID       = "X-Ms-Request-Id"
	HeaderContentDigest   = "Docker-Content-Digest"
	HeaderUploadUUID      = "Docker-Upload-Uuid"
	HeaderRateRemaining   = "X-Ms-Ratelimit-Remaining-Calls-Per-Second"
	HeaderETag            = "ETag"
	HeaderOCISubject      = "OCI-Subject"
	HeaderOCIFilters      = "OCI-Filters-Applied"
	HeaderOCITag          = "OCI-Tag"

	MediaTypeJSON = "application/json; charset=utf-8"
	hstsValue     = "max-age=31536000; includeSubDomains"
)

// Responder writes what responses of every kind have in common.
type Responder struct {
	quirks quirk.Set
	clock  *clock.Clock
}

func NewResponder(quirks quirk.Set, clock *clock.Clock) *Responder {
	return &Responder{quirks: quirks, clock: clock}
}

// SetServiceHeaders writes what every response of the service in front of the
// registry and of the token endpoints carries (ACR protocol §1.4). The
// correlation id is the request's own when it sent one, else a new GUID.
func (p *Responder) SetServiceHeaders(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	id := ""
	if p.quirks.Is(quirk.CorrelationID, "echo") {
		id = r.Header.Get(HeaderCorrelationID)
	}
	if id == "" || len(id) > 256 {
		id = NewGUID()
	}
	h[HeaderCorrelationID] = []string{id}
	p.SetDate(h)
	h["Server"] = []string{p.quirks.Value(quirk.ServerHeader)}
	h["Connection"] = []string{"keep-alive"}
	h["Strict-Transport-Security"] = []string{hstsValue}
}

// SetDate writes the emulator's own time, as a service whose clock is wrong
// does.
func (p *Responder) SetDate(h http.Header) {
	h["Date"] = []string{p.clock.Now().UTC().Format(http.TimeFormat)}
}

// SetRegistryHeaders writes the headers common to the responses of /v2 and
// /acr/v1 (ACR protocol §1.3).
func (p *Responder) SetRegistryHeaders(w http.ResponseWriter, r *http.Request) {
	p.SetPlainHeaders(w, r)
	w.Header()["Access-Control-Expose-Headers"] = []string{
		HeaderContentDigest, "WWW-Authenticate", "Link", HeaderCorrelationID,
	}
}

// SetPlainHeaders writes the registry headers without the exposed ones, as a
// routing failure carries them (ACR protocol §1.5).
func (p *Responder) SetPlainHeaders(w http.ResponseWriter, r *http.Request) {
	p.SetServiceHeaders(w, r)
	h := w.Header()
	h["Docker-Distribution-Api-Version"] = []string{"registry/2.0"}
	h["Strict-Transport-Security"] = []string{hstsValue, hstsValue}
	h["X-Content-Type-Options"] = []string{"nosniff"}
}

// NewGUID returns a random GUID of version 4.
func NewGUID() string {
	var b [16]byte
	rand.Read(b[:])
	return formatGUID(b)
}

// StableGUID returns a GUID that is the same for the same parts.
func StableGUID(parts ...string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q", parts))
	return formatGUID([16]byte(sum[:16]))
}

func formatGUID(b [16]byte) string {
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// HeaderValue is the first value of a header in any spelling.
func HeaderValue(h http.Header, name string) string {
	for spelling, values := range h {
		if len(values) > 0 && strings.EqualFold(spelling, name) {
			return values[0]
		}
	}
	return ""
}

// DeleteHeader removes a header in any spelling.
func DeleteHeader(h http.Header, name string) {
	for spelling := range h {
		if strings.EqualFold(spelling, name) {
			delete(h, spelling)
		}
	}
}

// ClientAddress returns the address that a request came from.
func ClientAddress(r *http.Request) netip.Addr {
	if ap, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		return ap.Addr().Unmap()
	}
	address, _ := netip.ParseAddr(r.RemoteAddr)
	return address.Unmap()
}
