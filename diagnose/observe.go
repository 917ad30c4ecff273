package diagnose

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"time"
)

// sight takes observations from an exchange: facts only, in the words of who
// said them.
type sight func(x *exchange, see func(Origin, string, ...any))

// add appends what the sight sees. Each value put into a text is cleaned of
// secrets and control characters, and a text is shown once.
func (s sight) add(seen []Observation, x *exchange) []Observation {
	// The values shown come from foreign errors' own methods in some sights.
	defer func() { _ = recover() }()
	s(x, func(origin Origin, format string, args ...any) {
		for i, arg := range args {
			switch arg := arg.(type) {
			case string:
				args[i] = clean(arg, maxSeen)
			case []byte:
				args[i] = clean(string(arg), maxSeen)
			}
		}
		text := format
		if len(args) > 0 {
			text = fmt.Sprintf(format, args...)
		}
		for _, o := range seen {
			if o.Text == text {
				return
			}
		}
		if text != "" {
			seen = append(seen, Observation{origin, text})
		}
	})
	return seen
}

// maxSeen is how much of one observation is shown, in bytes: a line or two.
const maxSeen = 400

// sawAnswer shows what was asked and the answer's status.
var sawAnswer sight = func(x *exchange, see func(Origin, string, ...any)) {
	if x.status == 0 {
		return
	}
	status := fmt.Sprintf("%d %s", x.status, http.StatusText(x.status))
	if x.method == "" {
		see(FromRegistry, "answered %s", status)
		return
	}
	see(x.origin(), "%s %s%s answered %s", x.method, x.host, x.path, strings.TrimSpace(status))
}

// sawMessage shows the registry's own words.
var sawMessage sight = func(x *exchange, see func(Origin, string, ...any)) {
	for i, e := range x.entries {
		// More entries than this are one per missing blob, of the same kind.
		if i == 3 {
			see(x.origin(), "and %d more errors of the same answer", len(x.entries)-i)
			return
		}
		detail := string(e.Detail)
		if len(detail) == 0 || detail == "null" || detail == "{}" || detail[0] == '[' {
			detail = ""
		} else {
			detail = ", detail " + detail
		}
		see(x.origin(), "%s answered: %s (%s)%s", x.speaker(), e.Message, e.Code, detail)
	}
	if len(x.entries) == 0 && x.message != "" {
		see(x.origin(), "%s answered: %s (%s)", x.speaker(), x.message, x.code)
	}
}

// sawBody shows the beginning of a body that is not the registry's envelope.
var sawBody sight = func(x *exchange, see func(Origin, string, ...any)) {
	if len(x.entries) > 0 || x.response == nil || x.message != "" {
		return
	}
	if len(x.body) == 0 {
		see(x.origin(), "the answer had no body")
		return
	}
	if x.page {
		see(x.origin(), "the answer was a web page%s", pageTitle(x.body))
		return
	}
	see(x.origin(), "the answer's body: %s", x.body[:min(len(x.body), maxSeen)])
}

// sawEmpty says that an answer had no body, where that is the way this failure
// is recognised.
var sawEmpty sight = func(x *exchange, see func(Origin, string, ...any)) {
	if x.response != nil && len(x.body) == 0 {
		see(x.origin(), "the answer had no body")
	}
}

// sawText shows the error's own text, when there was no HTTP answer.
var sawText sight = func(x *exchange, see func(Origin, string, ...any)) {
	if x.status == 0 {
		see(FromClient, "%s", x.err.Error())
	}
}

// sawScopes shows what was asked for and what the token grants.
var sawScopes sight = func(x *exchange, see func(Origin, string, ...any)) {
	if asked := x.asked; len(asked) > 0 {
		see(FromRegistry, "the registry asked for %s", scopeText(asked))
	}
	if !x.auth.claims.ok {
		return
	}
	see(FromToken, "the token sent grants %s", scopeText(x.granted))
	if missing := x.missing; len(missing) > 0 {
		see(FromToken, "not granted: %s", scopeText(missing))
	}
}

// sawIdentity shows whom the token was issued to.
var sawIdentity sight = func(x *exchange, see func(Origin, string, ...any)) {
	c := x.auth.claims
	switch {
	case c.UPN != "":
		see(FromToken, "the token belongs to %s", c.UPN)
	case c.AppID != "" && c.ObjectID != "":
		see(FromToken, "the token belongs to the application %s, object id %s", c.AppID, c.ObjectID)
	case c.AppID != "":
		see(FromToken, "the token belongs to the application %s", c.AppID)
	case c.Subject != "":
		see(FromToken, "the token belongs to %s", c.Subject)
	}
	if c.Tenant != "" {
		see(FromToken, "the token comes from the tenant %s", c.Tenant)
	}
	if x.auth.scheme == "basic" {
		see(FromRequest, "the request named the user %q", x.auth.user)
	}
}

// sawExpiry shows when the token ended, by the registry's clock.
var sawExpiry sight = func(x *exchange, see func(Origin, string, ...any)) {
	end := x.auth.claims.expiry()
	if end.IsZero() {
		return
	}
	now, ok := x.serverTime()
	switch {
	case ok && now.After(end):
		see(FromToken, "the token ended at %s, %s before the registry answered", end.Format(time.RFC3339), now.Sub(end))
	default:
		see(FromToken, "the token ends at %s", end.Format(time.RFC3339))
	}
}

// sawAudience shows for whom the token was issued and by whom.
var sawAudience sight = func(x *exchange, see func(Origin, string, ...any)) {
	if c := x.auth.claims; c.ok {
		see(FromToken, "the token was issued by %q for %q", c.Issuer, c.audience())
	}
}

// sawNoCredentials says that the request carried none.
var sawNoCredentials sight = func(x *exchange, see func(Origin, string, ...any)) {
	if x.request != nil && x.auth.scheme == "" {
		see(FromRequest, "the request carried no credentials")
	}
}

// sawWait shows the wait that was asked for.
var sawWait sight = func(x *exchange, see func(Origin, string, ...any)) {
	if wait, ok := x.retryAfter(); ok {
		see(x.origin(), "the answer asks for a wait of %s", wait)
	} else if x.response != nil {
		see(x.origin(), "the answer named no wait")
	}
}

// sawAddress says what kind of address the registry saw, and by which of its
// own it was reached.
var sawAddress sight = func(x *exchange, see func(Origin, string, ...any)) {
	if ip, ok := x.clientIP(); ok {
		see(FromRegistry, "the registry saw %s, %s", ip.String(), kindOfAddress(ip))
	}
	at, err := netip.ParseAddrPort(x.library.address)
	if err != nil || strings.HasPrefix(strings.Trim(x.host, "["), at.Addr().String()) {
		return // the host is an address itself
	}
	see(FromNetwork, "%s resolved to %s, %s", x.host, at.Addr().String(), kindOfAddress(at.Addr()))
}

func kindOfAddress(ip netip.Addr) string {
	switch {
	case ip.Unmap().IsLoopback():
		return "an address of this machine"
	case isPrivate(ip):
		return "an address of a private network"
	}
	return "a public address"
}

// sawRedirect shows where a redirect led.
var sawRedirect sight = func(x *exchange, see func(Origin, string, ...any)) {
	if x.response == nil {
		return
	}
	if to := hostOf(x.response.Header.Get("Location")); to != "" {
		see(x.origin(), "the answer leads to %s", to)
	}
	if x.request != nil && x.request.Response != nil && x.request.Response.Request != nil && x.request.Response.Request.URL != nil {
		see(FromRegistry, "%s sent the request on to %s", x.request.Response.Request.URL.Host, x.host)
	}
}

// sawServer shows the header by which a machine in between gives itself away.
var sawServer sight = func(x *exchange, see func(Origin, string, ...any)) {
	if x.response == nil {
		return
	}
	for _, name := range []string{"Server", "Via", "Proxy-Authenticate", "X-Cache", "X-Squid-Error"} {
		if value := x.response.Header.Get(name); value != "" {
			see(x.origin(), "the answer's %s header: %s", name, value)
		}
	}
	if x.response.Header.Get("Docker-Distribution-Api-Version") == "" {
		see(x.origin(), "the answer has none of a registry's headers")
	}
}

// sawEnd closes every diagnosis with what concerns the operation as a whole.
var sawEnd sight = func(x *exchange, see func(Origin, string, ...any)) {
	if x.library.attempts > 0 {
		see(FromClient, "the library tried %d times", x.library.attempts)
	}
	if x.waited > 0 {
		see(FromClient, "the limit of %s was over", x.waited)
	}
	if x.library.listed > 0 {
		see(FromClient, "%d items had been listed before", x.library.listed)
	}
}

// origin says who the HTTP answer came from.
func (x *exchange) origin() Origin {
	if x.phase == phaseEntra {
		return FromEntra
	}
	return FromRegistry
}

func (x *exchange) speaker() string {
	switch x.phase {
	case phaseEntra:
		if x.host != "" && !isEntraHost(hostnameOf(x.host)) {
			return x.host // what a credential of the caller's own asks
		}
		return "the identity service"
	case phaseStorage:
		return "the storage host"
	}
	return "the registry"
}

// pageTitle returns a web page's title, to be put after a noun.
func pageTitle(body []byte) string {
	head := string(body[:min(len(body), 4096)])
	lower := strings.ToLower(head)
	// Lower-casing may change the length outside ASCII; such a title is left out.
	if len(lower) != len(head) {
		return ""
	}
	start := strings.Index(lower, "<title>")
	end := strings.Index(lower, "</title>")
	if start < 0 || end < start+len("<title>") {
		return ""
	}
	return fmt.Sprintf(" with the title %q", strings.TrimSpace(head[start+len("<title>"):end]))
}
