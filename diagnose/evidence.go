package diagnose

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
)

// phase is the step of the protocol that an HTTP exchange belongs to.
type phase int

const (
	phaseNone      phase = iota // no HTTP answer, or nothing known of its request
	phaseChallenge              // GET /v2/
	phaseExchange               // POST /oauth2/exchange: Entra token → refresh token
	phaseToken                  // /oauth2/token: refresh token or password → access token
	phaseResource               // /v2/… and /acr/v1/…
	phaseStorage                // the host that a blob's redirect leads to
	phaseEntra                  // the identity service
)

const (
	// maxChain bounds the walk over an error's tree: errors of our own have a
	// handful of links, and a value made to hurt may have any number.
	maxChain = 512
	// maxParsed is the size up to which a body is parsed. Error bodies of the
	// registry are below 1 KiB; a web page is known by its first bytes.
	maxParsed = 64 << 10
	// maxToken is the size up to which a token's claims are decoded.
	maxToken = 16 << 10
)

// exchange is the evidence of one failure: everything that the error's chain
// tells, parsed once. Rows match on it and take from it what they show.
type exchange struct {
	err   error
	chain []error

	response *http.Response
	request  *http.Request
	status   int
	phase    phase
	host     string // host of the request, with its port if it has one
	path     string
	method   string

	entries []errorEntry
	code    string // of the first entry
	message string // of the first entry
	body    []byte
	page    bool // the body is a web page

	date      time.Time // the answer's own
	challenge challenge
	auth      authorization
	transport transport
	entra     entra
	library   library

	repository, reference string

	// What the request needs and what the token sent grants and lacks, by the
	// challenge and the claims.
	asked, granted, missing []scope

	waited time.Duration // the time limit of a check, where it was over
}

// errorEntry is one member of ACR's error envelope (ACR protocol §1.6).
type errorEntry struct {
	Code    string          `json:"code"`
	Message string          `json:"message"`
	Detail  json.RawMessage `json:"detail"`
}

// detailAction is one action that a 401 asks for (ACR protocol §2.2).
type detailAction struct{ Type, Name, Action string }

// gather reads the evidence out of err's tree.
func gather(err error) (x *exchange) {
	x = &exchange{err: err}
	// The methods of a foreign error value are called here, and may do
	// anything. What was gathered before such a panic still counts.
	defer func() { _ = recover() }()
	x.chain = walk(err, nil)
	x.gatherLibrary()
	// What the library found by itself is the cause, whatever else it carries.
	if r, ok := find[*azcore.ResponseError](x); ok && r != nil && x.library.kind == "" {
		x.gatherResponse(r)
	}
	x.gatherScopes()
	x.gatherTransport()
	x.gatherEntra()
	return x
}

// walk lists err and everything it wraps, depth first.
func walk(err error, chain []error) []error {
	if err == nil || len(chain) >= maxChain {
		return chain
	}
	chain = append(chain, err)
	switch e := err.(type) {
	case interface{ Unwrap() error }:
		chain = walk(e.Unwrap(), chain)
	case interface{ Unwrap() []error }:
		for _, inner := range e.Unwrap() {
			chain = walk(inner, chain)
		}
	}
	return chain
}

// find returns the first error of type T in the chain.
func find[T error](x *exchange) (T, bool) {
	for _, e := range x.chain {
		if t, ok := e.(T); ok {
			return t, true
		}
	}
	var zero T
	return zero, false
}

// is reports whether target is in the chain.
func (x *exchange) is(target error) bool {
	for _, e := range x.chain {
		if e == target {
			return true
		}
		// errors.Is would walk by itself, without a bound.
		if m, ok := e.(interface{ Is(error) bool }); ok && m.Is(target) {
			return true
		}
	}
	return false
}

func (x *exchange) gatherResponse(r *azcore.ResponseError) {
	x.status, x.code = r.StatusCode, r.ErrorCode
	x.response = r.RawResponse
	if x.response == nil {
		return
	}
	if x.status == 0 {
		x.status = x.response.StatusCode
	}
	x.body = cachedBody(x.response)
	x.parseBody()
	x.challenge = parseChallenge(x.response.Header)
	// No date, or one that can't be read, is no evidence.
	x.date, _ = http.ParseTime(x.response.Header.Get("Date"))
	x.request = x.response.Request
	if x.request == nil {
		return
	}
	x.method = x.request.Method
	if x.request.URL != nil {
		x.host, x.path = x.request.URL.Host, x.request.URL.Path
	}
	if x.host == "" {
		x.host = x.request.Host
	}
	if x.phase = phaseOf(x.request.URL, x.response.Header); ofCredential(x) {
		x.phase = phaseEntra // whatever a credential asks, it is not the registry
	}
	repository, reference := splitPath(x.path)
	if x.repository == "" {
		x.repository = repository
	}
	if x.reference == "" {
		x.reference = reference
	}
	x.auth = parseAuthorization(x.request.Header.Get("Authorization"))
	if x.phase == phaseToken || x.phase == phaseExchange {
		x.readGrant()
	}
}

// cachedBody returns the body when it is in memory already, as it is after
// azcore made an error of the response. Anything else would be a read from the
// network.
func cachedBody(response *http.Response) []byte {
	if b, ok := response.Body.(interface{ Bytes() []byte }); ok {
		return b.Bytes()
	}
	return nil
}

func (x *exchange) parseBody() {
	trimmed := bytes.TrimLeft(x.body[:min(len(x.body), maxParsed)], " \t\r\n\ufeff")
	switch {
	case len(trimmed) == 0:
	case trimmed[0] == '{' && len(x.body) <= maxParsed:
		var envelope struct {
			Errors []errorEntry `json:"errors"`
		}
		// A body that does not parse is shown as it is; there is no error of
		// its own to report.
		_ = json.Unmarshal(trimmed, &envelope)
		x.entries = envelope.Errors
	case trimmed[0] == '<':
		head := strings.ToLower(string(trimmed[:min(len(trimmed), 512)]))
		x.page = strings.HasPrefix(head, "<!doctype html") || strings.Contains(head, "<html") || strings.Contains(head, "<head")
		if !x.page {
			if code := between(string(trimmed), "<Code>", "</Code>"); code != "" {
				x.code = code
				x.message = firstLine(between(string(trimmed), "<Message>", "</Message>"))
			}
		}
	}
	if len(x.entries) > 0 {
		x.code, x.message = x.entries[0].Code, x.entries[0].Message
	}
}

// actions returns the actions that the registry listed as needed, as scopes.
func (x *exchange) actions() []scope {
	var scopes []scope
	for _, e := range x.entries {
		var actions []detailAction
		if len(e.Detail) == 0 || e.Detail[0] != '[' || json.Unmarshal(e.Detail, &actions) != nil {
			continue
		}
		for _, a := range actions {
			if a.Type != "" && a.Name != "" && a.Action != "" {
				scopes = addScope(scopes, scope{a.Type, a.Name, []string{a.Action}})
			}
		}
	}
	return scopes
}

// gatherScopes compares what the request needs, by the challenge or else by the
// body, with what the token grants.
func (x *exchange) gatherScopes() {
	if x.asked = parseScopes(x.challenge.scope); len(x.asked) == 0 {
		x.asked = x.actions()
	}
	x.granted = x.auth.claims.scopes()
	x.missing = lacking(x.asked, x.granted)
}

// serverTime returns the registry's clock as the answer told it.
func (x *exchange) serverTime() (time.Time, bool) {
	return x.date, !x.date.IsZero()
}

// retryAfter returns the wait that the answer asked for.
func (x *exchange) retryAfter() (time.Duration, bool) {
	if x.response == nil {
		return 0, false
	}
	value := strings.TrimSpace(x.response.Header.Get("Retry-After"))
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second, true
	}
	at, err := http.ParseTime(value)
	now, ok := x.serverTime()
	if err != nil || !ok || at.Before(now) {
		return 0, false
	}
	return at.Sub(now), true
}

// correlationID returns the id to quote to the registry's support.
func (x *exchange) correlationID() string {
	if x.response == nil {
		return ""
	}
	return clean(x.response.Header.Get("X-Ms-Correlation-Request-Id"), 64)
}

// clientIP returns the address that the registry says it refused (ACR protocol
// §6, DENIED).
func (x *exchange) clientIP() (netip.Addr, bool) {
	ip, err := netip.ParseAddr(between(x.message, "client with IP '", "'"))
	return ip, err == nil
}

// phaseOf places a request in the protocol by its address alone.
func phaseOf(u *url.URL, answer http.Header) phase {
	if u == nil {
		return phaseNone
	}
	host := strings.ToLower(u.Hostname())
	switch path := u.Path; {
	case isEntraHost(host):
		return phaseEntra
	case isStorageHost(host):
		return phaseStorage
	case path == "/oauth2/exchange":
		return phaseExchange
	case path == "/oauth2/token":
		return phaseToken
	case path == "/v2/" || path == "/v2":
		return phaseChallenge
	case strings.HasPrefix(path, "/v2/"), strings.HasPrefix(path, "/acr/"):
		return phaseResource
	case u.Query().Has("sig"), answer.Get("X-Ms-Error-Code") != "":
		// Storage behind a host name of its own, such as an emulator's.
		return phaseStorage
	}
	return phaseNone
}

// isStorageHost reports whether host serves blobs' bytes: Azure storage, or a
// registry's dedicated data endpoint (ACR protocol §1.1).
func isStorageHost(host string) bool {
	return strings.Contains(host, ".blob.core.") || strings.Contains(host, ".blob.storage.") ||
		strings.Contains(host, ".data.azurecr.")
}

// identityEndpoint gives a virtual machine in Azure the tokens of its managed
// identity.
const identityEndpoint = "169.254.169.254"

// isEntraHost reports whether host gives Entra tokens: the login hosts of the
// clouds and the managed identity endpoint of a virtual machine.
func isEntraHost(host string) bool {
	switch host {
	case "login.microsoftonline.com", "login.microsoftonline.us", "login.chinacloudapi.cn",
		"login.partner.microsoftonline.cn", "login.windows.net", "login.microsoft.com", "sts.windows.net",
		identityEndpoint:
		return true
	}
	return false
}

// splitPath takes repository and reference out of a path of /v2 or /acr/v1.
// Names may contain the markers themselves, so the last one counts (ACR
// protocol §10).
func splitPath(path string) (repository, reference string) {
	markers := []string{"/manifests/", "/blobs/uploads", "/blobs/", "/tags/list", "/referrers/"}
	rest, ok := strings.CutPrefix(path, "/v2/")
	if !ok {
		if rest, ok = strings.CutPrefix(path, "/acr/v1/"); !ok {
			return "", ""
		}
		rest = strings.TrimPrefix(rest, "_deleted/")
		markers = []string{"/_manifests", "/_tags", "/_metadata"}
	}
	at, marker := -1, ""
	for _, m := range markers {
		if i := strings.LastIndex(rest, m); i > at {
			at, marker = i, m
		}
	}
	if at < 0 {
		if strings.HasPrefix(rest, "_") {
			return "", ""
		}
		return strings.TrimSuffix(rest, "/"), ""
	}
	if marker == "/blobs/uploads" || marker == "/tags/list" {
		return rest[:at], ""
	}
	return rest[:at], strings.Trim(rest[at+len(marker):], "/")
}

// challenge is a parsed WWW-Authenticate header (ACR protocol §2.2).
type challenge struct {
	scheme, realm, service, scope, err string
}

func parseChallenge(header http.Header) challenge {
	values := header.Values("Www-Authenticate")
	if len(values) == 0 {
		return challenge{}
	}
	scheme, rest, _ := strings.Cut(strings.TrimSpace(values[0]), " ")
	c := challenge{scheme: strings.ToLower(scheme)}
	for rest != "" {
		var key, value string
		key, rest, _ = strings.Cut(rest, "=")
		if strings.HasPrefix(rest, `"`) {
			value, rest, _ = strings.Cut(rest[1:], `"`)
			_, rest, _ = strings.Cut(rest, ",")
		} else {
			value, rest, _ = strings.Cut(rest, ",")
		}
		switch strings.ToLower(strings.TrimSpace(key)) {
		case "realm":
			c.realm = value
		case "service":
			c.service = value
		case "scope":
			c.scope = value
		case "error":
			c.err = value
		}
	}
	return c
}

func between(s, before, after string) string {
	_, rest, ok := strings.Cut(s, before)
	if !ok {
		return ""
	}
	inner, _, ok := strings.Cut(rest, after)
	if !ok {
		return ""
	}
	return inner
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return strings.TrimSpace(line)
}
