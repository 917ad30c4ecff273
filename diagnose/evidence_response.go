package diagnose

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/acrkit/azcontainerregistry/internal/wire"
)

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
	ev.challenge = chooseChallenge(ev.response.Header)
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
	case trimmed[0] == '{':
		ev.entries = wire.ParseErrors(trimmed)
	case trimmed[0] == '<':
		head := strings.ToLower(string(trimmed[:min(len(trimmed), 512)]))
		ev.page = strings.HasPrefix(head, "<!doctype html") || strings.Contains(head, "<html") || strings.Contains(head, "<head")
		if !ev.page {
			if all := wire.ParseErrors(trimmed); len(all) > 0 && all[0].Code != "" {
				ev.code, ev.message = all[0].Code, firstLine(all[0].Message)
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

// serverTime returns the registry's clock as the response told it.
func (ev *evidence) serverTime() (time.Time, bool) {
	return ev.date, !ev.date.IsZero()
}

// retryAfter returns the wait that the response asked for.
func (ev *evidence) retryAfter() (time.Duration, bool) {
	if ev.response == nil {
		return 0, false
	}
	value := ev.response.Header.Get("Retry-After")
	now, dated := ev.serverTime()
	if _, err := http.ParseTime(value); err == nil && !dated {
		return 0, false // a date means nothing without the one it is counted from
	}
	return wire.RetryAfter(value, now)
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

// challenge is what a WWW-Authenticate header asks for (ACR protocol §2.2).
type challenge struct {
	scheme, realm, service, scope, err string
}

// chooseChallenge reads the challenge that a client of a registry follows:
// Bearer where it is offered, otherwise the first one.
func chooseChallenge(header http.Header) challenge {
	all := wire.ParseChallenges(header.Values("Www-Authenticate"))
	c, bearer := wire.FindChallenge(all, "bearer")
	if !bearer && len(all) > 0 {
		c = all[0]
	}
	return challenge{
		scheme: c.Scheme, realm: c.Params["realm"], service: c.Params["service"], scope: c.Params["scope"], err: c.Params["error"],
	}
}
