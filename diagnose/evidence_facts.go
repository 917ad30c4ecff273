package diagnose

import (
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// expand replaces the words in braces by the exchange's facts. A fact that the
// exchange does not tell becomes a placeholder in angle brackets, which a
// person sees is to be filled in.
func expand(template string, x *exchange) string {
	if !strings.Contains(template, "{") {
		return template
	}
	var b strings.Builder
	b.Grow(len(template) + 32)
	for {
		before, rest, ok := strings.Cut(template, "{")
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		name, after, ok := strings.Cut(rest, "}")
		if !ok {
			b.WriteString("{" + rest)
			return b.String()
		}
		if value := clean(x.fact(name), 255); value != "" {
			b.WriteString(value)
		} else {
			b.WriteString("<" + or(placeholders[name], name) + ">")
		}
		template = after
	}
}

// placeholders say what to fill in where a fact's own name would not.
var placeholders = map[string]string{"app": "app-id", "host": "registry", "rights": "actions"}

// factNames are the words that a template may hold.
var factNames = []string{
	"host", "registry", "repository", "reference", "image", "thing", "ip", "action", "scope", "granted",
	"rights", "status", "code", "realm", "user", "app", "tenant", "audience", "digest", "method", "link",
	"subject", "argument", "helper", "path", "file", "proxy", "issuer", "address", "aadsts", "kind", "wait", "data",
}

// fact returns one fact of the exchange, empty when it is not known.
func (x *exchange) fact(name string) string {
	switch name {
	case "host":
		return x.loginServer()
	case "registry":
		if name, azure := registryName(x.loginServer()); azure {
			return name
		}
	case "repository":
		return x.repository
	case "reference":
		return x.reference
	case "image":
		return imageName(x.repository, x.reference)
	case "thing":
		return or(imageName(x.repository, x.reference), x.path)
	case "ip":
		if ip, ok := x.clientIP(); ok {
			return ip.String()
		}
	case "action":
		return actionText(x.missingOrAsked())
	case "rights":
		return scopeMapRights(x.missingOrAsked())
	case "scope":
		if scopes := x.asked; len(scopes) > 0 {
			return scopeText(scopes)
		}
	case "granted":
		return scopeText(x.granted)
	case "status":
		if x.status != 0 {
			return strconv.Itoa(x.status)
		}
	case "code":
		return x.code
	case "wait":
		if wait, ok := x.retryAfter(); ok {
			return wait.String()
		}
		return "a minute"
	case "realm":
		return hostOf(x.challenge.realm)
	case "user":
		return x.auth.user
	case "subject":
		return or(x.auth.claims.ObjectID, x.auth.claims.Subject)
	case "app":
		return x.entra.app
	case "tenant":
		return or(x.entra.tenant, x.auth.claims.Tenant)
	case "audience":
		return x.auth.claims.audience()
	case "method":
		return x.method
	case "path":
		return x.path
	case "data":
		return x.dataHost()
	case "aadsts":
		return x.entra.code
	case "digest":
		if strings.Contains(x.reference, ":") {
			return x.reference
		}
	default:
		if value, ok := x.transport.fact(name); ok {
			return value
		}
		return x.library.fact(name)
	}
	return ""
}

// loginServer returns the registry's host, as far as the evidence tells it: the
// host that was asked, or that of the call when another one was asked for it.
func (x *exchange) loginServer() string {
	switch {
	case x.phase == phaseStorage || x.phase == phaseEntra:
		return x.library.host
	case x.host != "":
		return x.host
	case x.transport.host == "" || toEntra(x) || toData(x):
		return x.library.host
	}
	return x.transport.host
}

// registryName returns the name that a registry has in the Azure CLI: the first
// label of its login server, without the suffix that one may carry after a
// hyphen (ACR protocol §1.1). It reports whether the host is one of Azure's.
func registryName(host string) (name string, azure bool) {
	name, domain, _ := strings.Cut(hostnameOf(host), ".")
	for _, suffix := range azureSuffixes {
		if strings.HasSuffix("."+domain, suffix) {
			name, _, _ = strings.Cut(name, "-")
			return name, true
		}
	}
	return name, false
}

// azureSuffixes end the login servers of Azure's clouds.
var azureSuffixes = []string{".azurecr.io", ".azurecr.cn", ".azurecr.us"}

// wholeDigest finds the digests that make a line too long to read. What was
// seen and the commands to paste have them whole.
var wholeDigest = regexp.MustCompile(`(sha256:[0-9a-f]{12})[0-9a-f]{52}`)

func shortDigests(title string) string {
	if !strings.Contains(title, "sha256:") {
		return title
	}
	return wholeDigest.ReplaceAllString(title, "$1…")
}

// dataHost returns the host that serves blobs' bytes, if the failure was there.
func (x *exchange) dataHost() string {
	if x.phase == phaseStorage {
		return or(x.host, x.transport.host)
	}
	if isStorageHost(x.transport.hostname()) {
		return x.transport.host
	}
	return ""
}

// missingOrAsked returns the actions that the token lacks, or those asked for
// when no token says what it grants.
func (x *exchange) missingOrAsked() []scope {
	if missing := x.missing; len(missing) > 0 {
		return missing
	}
	return x.asked
}

func actionText(scopes []scope) string {
	var words []string
	for _, s := range scopes {
		words = append(words, s.actions...)
	}
	return strings.Join(words, ",")
}

// scopeMapRights names the actions as scope maps do (ACR protocol §2.9).
func scopeMapRights(scopes []scope) string {
	var rights []string
	for _, s := range scopes {
		for _, action := range s.actions {
			rights = append(rights, rightsOf[action]...)
		}
	}
	slices.Sort(rights)
	return strings.Join(slices.Compact(rights), " ")
}

var rightsOf = map[string][]string{
	"pull": {"content/read"},
	// Writing needs reading.
	"push":           {"content/read", "content/write"},
	"delete":         {"content/delete"},
	"metadata_read":  {"metadata/read"},
	"metadata_write": {"metadata/write"},
}

// imageName writes repository:tag or repository@digest.
func imageName(repository, reference string) string {
	switch {
	case reference == "" || repository == "":
		return repository
	case strings.Contains(reference, ":"):
		return repository + "@" + reference
	}
	return repository + ":" + reference
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Host
}
