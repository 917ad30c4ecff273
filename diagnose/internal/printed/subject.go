package printed

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/acrkit/azcontainerregistry/internal/pattern"
)

// isRegistry reports whether a place is where images are.
func (p place) isRegistry() bool {
	switch p.kind {
	case azure, masked, public, local, other, unknown:
		return true
	}
	return false
}

// subject finds which registry a failure is about, and the image: in its own
// clause first, then in the messages beside it. Without any, the kind of what is
// returned is service.
func (a *analysis) subject(f *Finding, c clause, own []place) place {
	s := pick(own, c)
	if f.Code == "IMPORT_SOURCE_REFUSED" && s.kind == service {
		s = a.source(f.record)
	}
	if s.kind == service {
		if host := dataRegistry(own); host != "" {
			s = place{kind: azure, host: host}
		}
	}
	if s.kind == service {
		s = pick(a.of(f.record), clause{c.record, 0, c.record.text, c.record.lower})
	}
	if name := commanded(c.record); s.kind == service && name != "" {
		s = place{kind: azure, host: name}
	}
	if s.kind == service && !selfContained[f.Code] && (strings.HasPrefix(f.Code, "AADSTS") || !a.elsewhere(c)) {
		s = a.beside(f.record)
	}
	if s.kind == masked && s.repository == "" {
		if name := commanded(c.record); name != "" {
			s = place{kind: azure, host: name}
		} else if next := a.beside(f.record); next.kind == azure {
			s = next
		}
	}
	if s.repository == "" {
		s.repository, s.tag = a.repository(f.record, c, own, s)
	}
	if s.kind != masked && s.kind != service {
		f.Registry = canonical(s.host)
	}
	f.Repository, f.Reference = s.repository, s.tag
	return s
}

// selfContained are failures that no registry has a part in, though one may
// stand somewhere in the log.
var selfContained = codes(`MANAGED_IDENTITY_UNREACHABLE MANAGED_IDENTITY_UNKNOWN NO_CREDENTIAL_AVAILABLE WORKLOAD_IDENTITY_INCOMPLETE UPSTREAM_THROTTLED`)

// canonical names a registry as people do.
func canonical(host string) string {
	switch host {
	case "auth.docker.io", "index.docker.io", "registry-1.docker.io", "registry.docker.io", "production.cloudflare.docker.com":
		return "docker.io"
	}
	if name, rest, found := strings.Cut(host, ".privatelink."); found {
		return name + "." + rest
	}
	return host
}

// pick chooses the registry of several that a clause names.
func pick(list []place, c clause) place {
	var registries []place
	for _, p := range list {
		if p.isRegistry() && !passed(c.lower, p.at) {
			registries = append(registries, p)
		}
	}
	if len(registries) == 0 {
		return place{kind: service}
	}
	if first, last := registries[0], registries[len(registries)-1]; first.host != last.host && required.MatchString(c.text) {
		// Two registries, and what is missing says which refuses.
		switch m := actions.FindStringSubmatch(c.text); {
		case m == nil:
		case lower(m[1]) == "pull":
			return first
		case lower(m[1]) == "push":
			return last
		}
	}
	best, score := registries[0], -1
	for _, p := range registries {
		if n := p.score(); n > score {
			best, score = p, n
		}
	}
	// The same registry may be named with its image elsewhere.
	for _, p := range registries {
		if canonical(p.host) == canonical(best.host) && (best.repository == "" && p.repository != "" ||
			best.repository == p.repository && best.tag == "" && p.tag != "") {
			best.repository, best.tag = p.repository, p.tag
		}
	}
	return best
}

// score says how much a place looks like what the message is about.
func (p place) score() int {
	n := 0
	switch {
	case p.url && p.repository != "":
		n = 6
	case p.repository != "":
		n = 4
	case p.url:
		n = 3
	}
	if p.kind == azure || p.kind == masked {
		n++
	}
	return n
}

// passed reports whether a name stands in what a check calls in order.
func passed(text string, at int) bool {
	line := text[at:min(len(text), at+160)]
	return strings.Contains(line, "' : ok") && strings.LastIndex(text[:at], "docker pull of") >= 0
}

// dataRegistry returns the registry of a dedicated data endpoint.
func dataRegistry(list []place) string {
	for _, p := range list {
		if name, rest, found := strings.Cut(p.host, "."); found && p.kind == data {
			if _, suffix, dedicated := strings.Cut(rest, ".data."); dedicated {
				return name + "." + suffix
			}
		}
	}
	return ""
}

// commanded returns the registry that a command line of az names, or a message
// of Azure Resource Manager.
func commanded(r *record) string {
	text := r.text
	for _, by := range []struct {
		word    string
		pattern *pattern.Pattern
	}{{"az acr", azCommand}, {"microsoft.containerregistry", namedInARM}, {"registry", inWords}} {
		if !strings.Contains(r.lower, by.word) {
			continue
		}
		if m := by.pattern.FindStringSubmatch(text); m != nil {
			for _, name := range m[1:] {
				if name := loginServer(name); name != "" {
					return name
				}
			}
		}
	}
	return ""
}

var sourceFlag = pattern.New(`--source[ =]+['"]?(\S+)`)

// source returns what a command line of az imports from.
func (a *analysis) source(i int) place {
	for k := i; k >= max(0, i-lookBack); k-- {
		if m := sourceFlag.FindStringSubmatch(a.records[k].text); m != nil {
			for _, p := range places("image " + m[1]) {
				if p.isRegistry() {
					return p
				}
			}
		}
	}
	return place{kind: service}
}

// How far names are looked for around a failure, in messages.
const (
	lookBack  = 60
	lookAhead = 20
)

// beside finds the registry in the messages before a failure, the nearest
// first, or else in those after it.
func (a *analysis) beside(i int) place {
	look := func(k int) place {
		r := &a.records[k]
		s := pick(a.of(k), clause{r, 0, r.text, r.lower})
		if s.kind == unknown && s.score() < 4 || s.kind == masked && s.repository == "" {
			s = place{kind: service}
		}
		if name := commanded(r); s.kind == service && name != "" {
			return place{kind: azure, host: name}
		}
		return s
	}
	for k := i - 1; k >= max(0, i-lookBack); k-- {
		if s := look(k); s.kind != service {
			return s
		}
	}
	for k := i + 1; k < min(len(a.records), i+lookAhead); k++ {
		if s := look(k); s.kind != service {
			return s
		}
	}
	return place{kind: service}
}

// repository finds the image of a failure whose registry is named without it.
func (a *analysis) repository(i int, c clause, own []place, s place) (repository, tag string) {
	for _, list := range [][]place{own, a.of(i)} {
		for _, p := range list {
			if p.repository != "" && p.isRegistry() && (s.kind == service || canonical(p.host) == canonical(s.host)) {
				return p.repository, p.tag
			}
		}
	}
	for _, text := range []string{c.text, c.record.text} {
		if name := named(text); name != "" {
			return name, ""
		}
	}
	for k := i - 1; k >= max(0, i-lookBack); k-- {
		for _, p := range a.of(k) {
			if p.repository != "" && p.isRegistry() && (s.kind == service || canonical(p.host) == canonical(s.host)) {
				return p.repository, p.tag
			}
		}
		if s.kind == service {
			if m := inMessage.FindStringSubmatch(a.records[k].text); m != nil {
				return first(m[1:]), ""
			}
		}
	}
	return "", ""
}

// named returns a repository that a message names without its registry.
func named(text string) string {
	for _, m := range scopes.FindAllStringSubmatch(text, 8) {
		if m[1] != helmPlaceholder {
			return m[1]
		}
	}
	lowered := lower(text)
	if m := inMessage.FindStringSubmatch(lowered); m != nil {
		return strings.TrimRight(first(inMessage.FindStringSubmatch(text)[1:]), ".-_")
	}
	if strings.Contains(lowered, `"repository"`) && strings.Contains(lowered, `"action"`) {
		if m := nameMember.FindStringSubmatch(text); m != nil {
			return m[1]
		}
	}
	return ""
}

func first(list []string) string {
	for _, s := range list {
		if s != "" {
			return s
		}
	}
	return ""
}

var (
	anyAddress = pattern.New(`(?i)https?://([a-z0-9.-]+\.[a-z]{2,24})`)
	// pages are what messages link to.
	pages = []string{"aka.ms", "docs.docker.com", "learn.microsoft.com", "docs.microsoft.com", "go.microsoft.com", "www.docker.com", "sts.windows.net", "token.actions.githubusercontent.com"}
	// imageWords are in messages about images, charts and registries.
	imageWords = pattern.New(`image|manifest|registry|docker|container|helm|oras\b|buildkit|blob|layer|\bacr\b|repository|"errors":|http \d+ response body|` +
		`unexpected http status|azure|authorization status|\(unauthorized\)|authentication required|requested resource|failed to authorize|oauth token`)
)

// elsewhere reports whether a clause is about an address that is no registry's.
func (a *analysis) elsewhere(c clause) bool {
	for _, m := range anyAddress.FindAllStringSubmatch(c.lower, 16) {
		host := m[1]
		if slices.Contains(pages, host) || slices.ContainsFunc(azureSuffixes, func(s string) bool { return strings.HasSuffix(host, s) }) {
			continue
		}
		switch kindOf(host, "") {
		case data, identity, machine:
		default:
			return true
		}
	}
	return false
}

// aboutImages reports whether a message, or one beside it, is about images.
func (a *analysis) aboutImages(i int) bool {
	for k := max(0, i-beside); k <= min(len(a.records)-1, i+beside); k++ {
		if imageWords.MatchString(a.records[k].lower) {
			return true
		}
	}
	return false
}

// refine chooses the code that fits the place of a failure: what cannot be
// reached, which kind of thing is missing, which way was forbidden.
func (a *analysis) refine(f *Finding, c clause, own []place, s place) {
	if noConnection[f.Code] || brokenConnection[f.Code] {
		if m := dialled.FindStringSubmatch(c.lower); m != nil {
			f.Dialled = m[1]
		}
	}
	for _, p := range own {
		switch p.kind {
		case data:
			f.Data = p.host
		case identity, machine:
			f.Peer = p.host
		}
	}
	switch {
	case f.Code == "DISALLOWED":
		f.Code = a.forbidden(f.record, c)
	case f.Code == "TAG_NOT_FOUND" && !f.Proven:
		f.Code = missing(c, s)
	case f.Code == "UPLOAD_RANGE_INVALID" && strings.Contains(c.lower, "get"):
		if !strings.Contains(c.lower, "uploads") {
			f.Code = "RANGE_NOT_SATISFIABLE"
		}
	case f.Peer == "169.254.169.254" && (noConnection[f.Code] || brokenConnection[f.Code]):
		f.Code, f.Proven, f.Registry, f.Repository, f.Reference = "MANAGED_IDENTITY_UNREACHABLE", true, "", "", ""
	case f.Peer != "" && (noConnection[f.Code] || brokenConnection[f.Code]):
		f.Code, f.Proven = "ENTRA_UNREACHABLE", true
	case f.Data != "" && noConnection[f.Code]:
		f.Code = "DATA_HOST_UNREACHABLE"
	case f.Data != "" && brokenConnection[f.Code]:
		f.Code = "DATA_CONNECTION_BROKEN"
	case f.Code == "CONNECT_TIMEOUT" || f.Code == "NETWORK_UNREACHABLE":
		if address, err := netip.ParseAddr(f.Dialled); err == nil && address.IsPrivate() {
			f.Code = "PRIVATE_ADDRESS_UNREACHABLE"
		}
	case f.Code == "UNAUTHORIZED" && a.crossRegistry(f):
		f.Code, f.Weight = "TASK_WITHOUT_IDENTITY", Said
	}
	if s.kind == service && f.Peer == "" && strings.Contains(c.lower, "lookup ") {
		if m := looked.FindStringSubmatch(c.lower); m != nil {
			f.Peer = m[1]
		}
	}
}

// missing says what is not there, by how it was asked for.
func missing(c clause, s place) string {
	switch {
	case strings.Contains(c.lower, "/tags/list"):
		return "REPOSITORY_NOT_FOUND"
	case strings.Contains(c.lower, "/blobs/sha256"):
		return "BLOB_NOT_FOUND"
	case strings.HasPrefix(s.tag, "sha256:"):
		return "MANIFEST_NOT_FOUND"
	}
	return "TAG_NOT_FOUND"
}

// The words by which a message tells what was tried.
var (
	writes  = pattern.New(`\b(?:put|patch|post) "?https?:|docker push|push refers|pushing|pushed|failed to push|updat|crane (?:push|tag|copy)|uploading|blobs/uploads|\btag \b`)
	deletes = pattern.New(`\bdelete "?https?:|\bdelet|untag|purge`)
	reads   = pattern.New(`\b(?:get|head) "?https?:|\bpull|failed to resolve|copying blob`)
)

// forbidden says which way the registry disallows.
func (a *analysis) forbidden(i int, c clause) string {
	texts := []string{c.lower}
	for k := i; k >= max(0, i-lookBack); k-- {
		texts = append(texts, a.records[k].lower)
	}
	for n, text := range texts {
		if n < 2 {
			// The registry's own sentence names a page about pull and push.
			text = strings.ReplaceAll(text, "why-does-my-pull-or-push-request-fail", "")
		}
		switch {
		case deletes.MatchString(text):
			return "DELETE_DISALLOWED"
		case writes.MatchString(text):
			return "WRITE_DISALLOWED"
		case reads.MatchString(text):
			return "READ_DISALLOWED"
		}
	}
	return "DISALLOWED"
}

var loggedInto = pattern.New(`(?:logging in to registry:|successfully logged into|logged in to registry:?) ([a-z0-9.-]+)`)

// crossRegistry reports whether a task that runs in one registry was refused by
// another.
func (a *analysis) crossRegistry(f *Finding) bool {
	if f.Registry == "" {
		return false
	}
	home := ""
	for k := max(0, f.record-lookBack); k < min(len(a.records), f.record+lookAhead); k++ {
		if m := loggedInto.FindStringSubmatch(a.records[k].lower); m != nil {
			if m[1] == f.Registry {
				return false
			}
			home = m[1]
		}
	}
	return home != ""
}
