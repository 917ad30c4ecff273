package diagnose

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
)

// errorEntry is one member of ACR's error envelope (ACR protocol §1.6).
type errorEntry struct {
	Code    string          `json:"code"`
	Message string          `json:"message"`
	Detail  json.RawMessage `json:"detail"`
}

// detailAction is one action that a 401 asks for (ACR protocol §2.2).
type detailAction struct{ Type, Name, Action string }

func (ev *evidence) gatherResponse(r *azcore.ResponseError) {
	ev.status, ev.code = r.StatusCode, r.ErrorCode
	ev.response = r.RawResponse
	if ev.response == nil {
		return
	}
	if ev.status == 0 {
		ev.status = ev.response.StatusCode
	}
	ev.body = cachedBody(ev.response)
	ev.parseBody()
	ev.challenge = parseChallenge(ev.response.Header)
	// No date, or one that can't be read, is no evidence.
	ev.date, _ = http.ParseTime(ev.response.Header.Get("Date"))
	ev.request = ev.response.Request
	if ev.request == nil {
		return
	}
	ev.method = ev.request.Method
	if ev.request.URL != nil {
		ev.host, ev.path = ev.request.URL.Host, ev.request.URL.Path
	}
	if ev.host == "" {
		ev.host = ev.request.Host
	}
	if ev.phase = phaseOf(ev.request.URL, ev.response.Header); ofCredential(ev) {
		ev.phase = phaseEntra // whatever a credential asks, it is not the registry
	}
	repository, reference := splitPath(ev.path)
	if ev.repository == "" {
		ev.repository = repository
	}
	if ev.reference == "" {
		ev.reference = reference
	}
	ev.auth = parseAuthorization(ev.request.Header.Get("Authorization"))
	if ev.phase == phaseToken || ev.phase == phaseExchange {
		ev.readGrant()
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

func (ev *evidence) parseBody() {
	trimmed := bytes.TrimLeft(ev.body[:min(len(ev.body), maxParsed)], " \t\r\n\ufeff")
	switch {
	case len(trimmed) == 0:
	case trimmed[0] == '{' && len(ev.body) <= maxParsed:
		var envelope struct {
			Errors []errorEntry `json:"errors"`
		}
		// A body that does not parse is shown as it is; there is no error of
		// its own to report.
		_ = json.Unmarshal(trimmed, &envelope)
		ev.entries = envelope.Errors
	case trimmed[0] == '<':
		head := strings.ToLower(string(trimmed[:min(len(trimmed), 512)]))
		ev.page = strings.HasPrefix(head, "<!doctype html") || strings.Contains(head, "<html") || strings.Contains(head, "<head")
		if !ev.page {
			if code := between(string(trimmed), "<Code>", "</Code>"); code != "" {
				ev.code = code
				ev.message = firstLine(between(string(trimmed), "<Message>", "</Message>"))
			}
		}
	}
	if len(ev.entries) > 0 {
		ev.code, ev.message = ev.entries[0].Code, ev.entries[0].Message
	}
}

// actions returns the actions that the registry listed as needed, as scopes.
func (ev *evidence) actions() []scope {
	var scopes []scope
	for _, e := range ev.entries {
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

// serverTime returns the registry's clock as the answer told it.
func (ev *evidence) serverTime() (time.Time, bool) {
	return ev.date, !ev.date.IsZero()
}

// retryAfter returns the wait that the answer asked for.
func (ev *evidence) retryAfter() (time.Duration, bool) {
	if ev.response == nil {
		return 0, false
	}
	value := strings.TrimSpace(ev.response.Header.Get("Retry-After"))
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second, true
	}
	at, err := http.ParseTime(value)
	now, ok := ev.serverTime()
	if err != nil || !ok || at.Before(now) {
		return 0, false
	}
	return at.Sub(now), true
}

// correlationID returns the id to quote to the registry's support.
func (ev *evidence) correlationID() string {
	if ev.response == nil {
		return ""
	}
	return clean(ev.response.Header.Get("X-Ms-Correlation-Request-Id"), 64)
}

// clientIP returns the address that the registry says it refused (ACR protocol
// §6, DENIED).
func (ev *evidence) clientIP() (netip.Addr, bool) {
	ip, err := netip.ParseAddr(between(ev.message, "client with IP '", "'"))
	return ip, err == nil
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
