// Package redact decides what may be printed. Everything that reaches a log, an
// error or a report passes through it: addresses and headers by an allow-list,
// free text by the shapes that secrets have.
package redact

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/acrkit/azcontainerregistry/internal/pattern"
)

// Mark stands where something was taken out. It is azcore's own mark.
const Mark = "REDACTED"

// visibleQuery are the query parameters of the registry that hold no secret.
// An upload's _state and a signed address's sig are not among them.
var visibleQuery = map[string]bool{
	"api-version": true, "artifacttype": true, "digest": true, "force": true, "from": true,
	"last": true, "mount": true, "n": true, "orderby": true, "scope": true, "service": true,
	"_nouploadcache": true, "se": true, "sp": true, "spr": true, "sr": true, "sv": true,
}

// visibleHeaders are the headers that hold no secret, in canonical form.
// Location is shown as an address, by [URL].
var visibleHeaders = map[string]bool{
	"Accept": true, "Accept-Encoding": true, "Accept-Ranges": true, "Cache-Control": true, "Connection": true,
	"Content-Length": true, "Content-Range": true, "Content-Type": true, "Date": true,
	"Docker-Content-Digest": true, "Docker-Distribution-Api-Version": true, "Docker-Upload-Uuid": true,
	"Etag": true, "Last-Modified": true, "Link": true, "Oci-Filters-Applied": true, "Oci-Subject": true,
	"Range": true, "Request-Id": true, "Retry-After": true, "Server": true, "Strict-Transport-Security": true,
	"Traceparent": true, "Transfer-Encoding": true, "User-Agent": true, "Via": true, "Www-Authenticate": true,
	"X-Ms-Client-Request-Id": true, "X-Ms-Correlation-Request-Id": true, "X-Ms-Error-Code": true,
	"Warning": true, "X-Ms-Ratelimit-Remaining-Calls-Per-Second": true, "X-Ms-Request-Id": true, "X-Ms-Version": true,
}

// Headers returns the names of the headers that may be logged, lower case, as
// azcore's logging policy takes them. The caller may change the slice.
func Headers() []string {
	names := make([]string, 0, len(visibleHeaders))
	for name := range visibleHeaders {
		names = append(names, strings.ToLower(name))
	}
	return names
}

// QueryParameters returns the names of the query parameters that may be
// logged. The caller may change the slice.
func QueryParameters() []string {
	names := make([]string, 0, len(visibleQuery))
	for name := range visibleQuery {
		names = append(names, name)
	}
	return names
}

// VisibleHeader reports whether the header's value may be printed as it is.
func VisibleHeader(name string) bool { return visibleHeaders[http.CanonicalHeaderKey(name)] }

// VisibleQueryParameter reports whether the parameter's value may be printed.
func VisibleQueryParameter(name string) bool { return visibleQuery[strings.ToLower(name)] }

// anchor is a place within a page, such as those that ACR's messages link to. A
// fragment of another shape may be a token.
var anchor = pattern.New(`^(?:[A-Z]+|[a-z]+(?:-[a-z]+)*)$`)

// URL returns an address without user, fragment (unless it is an anchor) and
// the values of all query parameters that aren't known to be harmless. Text that is no address comes
// back as [Text] leaves it.
func URL(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		// What url.Parse refuses can still be somebody's password.
		head, _, cut := strings.Cut(raw, "?")
		if cut {
			head += "?" + Mark
		}
		return text(head)
	}
	u.User = nil
	if !anchor.MatchString(u.Fragment) {
		u.Fragment, u.RawFragment = "", ""
	}
	u.RawQuery = query(u.RawQuery)
	return u.String()
}

func query(raw string) string {
	if raw == "" {
		return ""
	}
	parts := strings.Split(raw, "&")
	for i, part := range parts {
		name, value, ok := strings.Cut(part, "=")
		switch {
		case !ok && part == "":
		case !ok:
			// A parameter without a value may itself be the secret.
			parts[i] = Mark
		case !VisibleQueryParameter(name):
			parts[i] = text(name) + "=" + Mark
		default:
			parts[i] = name + "=" + text(value)
		}
	}
	return strings.Join(parts, "&")
}

// Header returns a copy that may be printed: what isn't known to be harmless
// is there with [Mark] for its value.
func Header(h http.Header) http.Header {
	out := make(http.Header, len(h))
	for name, values := range h {
		for _, v := range values {
			switch {
			case http.CanonicalHeaderKey(name) == "Location":
				v = URL(v)
			case VisibleHeader(name):
				v = Text(v)
			default:
				v = Mark
			}
			out[name] = append(out[name], v)
		}
	}
	return out
}

// The shapes of secrets in free text. Each keeps what tells the reader what was
// there; RE2 matches them in linear time whatever a server sends.
var (
	address = pattern.New(`(?i)\bhttps?://[^\s"'<>\\^` + "`" + `{|}]+`)
	// A JSON web token: ACR's and Entra's alike begin with {" in base64url.
	jwt = pattern.New(`\beyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*){0,2}`)
	// Scheme and credentials, as an Authorization header has them.
	authorization = pattern.New(`(?i)\b(bearer|basic)(\s+)([A-Za-z0-9+/_~.-]{8,}=*)`)
	authHeader    = pattern.New(`(?i)\b((?:proxy-)?authorization|set-cookie|cookie)("?\s*[:=]\s*)[^\r\n,}]+`)
	// name=value and "name":"value" of what must not be read.
	pair = pattern.New(`(?i)((?:^|[^a-z0-9])"?(?:_state|sig|password|passwd|pwd|secret|client_secret|client_assertion|access_token|refresh_token|identitytoken|registrytoken|id_token|sas|sharedaccesskey|accountkey)"?\s*[:=]\s*)("(?:[^"\\]|\\.)*"?|[^\s&"',;<>)}\]]+)`)
	// A password of the admin user: 42 characters, +ACR, 6 characters
	// (ACR protocol §2.9).
	adminPassword = pattern.New(`[A-Za-z0-9+/]{42}\+ACR[A-Za-z0-9+/]{6}`)
)

// Text returns free text without the secrets that have a known shape: tokens,
// credentials in headers, signed addresses, upload states, passwords by their
// name or by ACR's pattern.
func Text(s string) string {
	if strings.Contains(s, "://") {
		s = address.ReplaceAllStringFunc(s, func(raw string) string {
			// An address in HTML has its ampersands escaped.
			return URL(strings.ReplaceAll(raw, "&amp;", "&"))
		})
	}
	return text(s)
}

// text is Text without the search for addresses, which URL itself needs.
func text(s string) string {
	if strings.Contains(s, "eyJ") {
		s = jwt.ReplaceAllString(s, Mark)
	}
	if strings.Contains(s, "+ACR") {
		s = adminPassword.ReplaceAllString(s, Mark)
	}
	if strings.ContainsAny(s, ":=") {
		s = authHeader.ReplaceAllString(s, "${1}${2}"+Mark)
		s = pair.ReplaceAllStringFunc(s, func(m string) string {
			at := pair.FindStringSubmatchIndex(m)
			if at[5]-at[4] >= 2 && m[at[4]] == '"' {
				return m[:at[3]] + `"` + Mark + `"`
			}
			return m[:at[3]] + Mark
		})
	}
	if len(s) > 13 {
		s = authorization.ReplaceAllStringFunc(s, bearer)
	}
	return s
}

// bearer spares prose such as "basic authentication is disabled".
func bearer(m string) string {
	at := authorization.FindStringSubmatchIndex(m)
	value := m[at[6]:at[7]]
	if !strings.ContainsAny(value, "0123456789+/_~.=") && value == strings.ToLower(value) {
		return m
	}
	return m[:at[6]] + Mark
}
