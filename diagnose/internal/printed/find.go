package printed

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/acrkit/azcontainerregistry/internal/order"
	"github.com/acrkit/azcontainerregistry/internal/pattern"
)

// Finding is one failure in a text.
type Finding struct {
	// Code is the catalogue's, or one of the identity service's.
	Code string
	// Tool names whose phrasing it is.
	Tool   string
	Weight Weight
	// Proven reports that the text proves what the catalogue calls certain.
	Proven bool
	Causes []Cause
	// Registry is the login server, as far as the text names it, and Repository
	// and Reference (a tag or a digest) the image.
	Registry, Repository, Reference string
	// Scope is what was asked for: repository:NAME:ACTIONS.
	Scope string
	// Actions are what the registry says is missing.
	Actions []string
	// Address is the caller's as the registry saw it, Dialled the one that was
	// connected to, Data the host of the blobs' bytes.
	Address, Dialled, Data string
	// Peer is the host that was asked, where it is no registry.
	Peer          string
	CorrelationID string
	// Status is the response's, where the text tells one.
	Status int
	// Lines are the numbers of the lines, in order.
	Lines []int
	// Text is what those lines say, joined where they were broken, and At where
	// in it the phrasing begins.
	Text string
	At   int

	record int // where it was found
	length int // of the phrasing
	again  bool
}

// Findings are the failures of a text, the cause before its consequences.
type Findings struct {
	List []Finding
	// Unknown are the numbers of lines that say that something failed, and that
	// no phrasing covers.
	Unknown []int
}

// The bounds of what is returned.
const (
	maxFindings = 32
	maxUnknown  = 10
	maxLines    = 100
)

// Find looks for failures in the lines of a text.
func Find(lines []Line) Findings {
	list, glued, broken := reading{glue: " "}.records(lines)
	best := analyse(list)
	// Where lines were broken, and whether within words or between them, is
	// seen by what then makes sense.
	for _, how := range []reading{{glue: ""}, {glue: " ", joined: true}, {glue: "", joined: true}} {
		if how.glue == "" && !glued && !broken || how.joined && !broken {
			continue
		}
		list, _, _ = how.records(lines)
		if other := analyse(list); other.sense() > best.sense() {
			best = other
		}
	}
	return best
}

// sense says how much of a text was understood.
func (f Findings) sense() (sum int) {
	if len(f.List) == 0 {
		return 0
	}
	first := f.List[0]
	sum = int(first.Weight)*1000 + first.length
	for _, name := range []string{first.Registry, first.Repository, first.Reference, first.CorrelationID, first.Address, first.Data} {
		if name != "" {
			sum += 20
		}
	}
	return sum
}

// general are the codes that hold whoever's registry it is, or none at all.
var general = codes(`
	DNS_NOT_FOUND DNS_FAILED DNS_TIMEOUT CONNECTION_REFUSED CONNECTION_RESET CONNECTION_CLOSED NETWORK_UNREACHABLE CONNECT_TIMEOUT
	RESPONSE_TIMEOUT DEADLINE_EXCEEDED PROXY_AUTHENTICATION PROXY_REFUSED PROXY_UNREACHABLE PRIVATE_ADDRESS_UNREACHABLE
	TLS_UNKNOWN_AUTHORITY TLS_EXPIRED TLS_NOT_YET_VALID TLS_NAME_MISMATCH TLS_ALERT TLS_TIMEOUT NOT_TLS
	ENTRA_UNREACHABLE MANAGED_IDENTITY_UNREACHABLE MANAGED_IDENTITY_UNKNOWN WORKLOAD_IDENTITY_INCOMPLETE NO_CREDENTIAL_AVAILABLE
	CLI_NOT_FOUND CLI_NOT_SIGNED_IN
	DOCKER_NOT_RUNNING DOCKER_HELPER_FAILED DOCKER_CONFIG_DAMAGED FILE_DENIED IN_USE DISK_FULL TOO_MANY_FILES
	DOCKER_VERSION_ERROR DOCKER_PULL_ERROR HELM_COMMAND_ERROR HELM_VERSION_ERROR
	NOTARY_COMMAND_ERROR NOTARY_VERSION_ERROR
	UPSTREAM_THROTTLED LOCAL_IMAGE_MISSING REFERENCE_INVALID NAME_NOT_ROUTABLE PLATFORM_NOT_IN_IMAGE SIGNATURE_NOT_FOUND
	DIGEST_MISMATCH SIZE_MISMATCH IMPORT_SOURCE_REFUSED TASK_WITHOUT_IDENTITY TASKS_NOT_ALLOWED UNEXPECTED_ERROR`)

// noConnection keep a connection from coming about, and brokenConnection end one.
var (
	noConnection     = codes(`DNS_NOT_FOUND DNS_FAILED DNS_TIMEOUT CONNECTION_REFUSED NETWORK_UNREACHABLE CONNECT_TIMEOUT TLS_TIMEOUT`)
	brokenConnection = codes(`CONNECTION_RESET CONNECTION_CLOSED RESPONSE_TIMEOUT DEADLINE_EXCEEDED SIZE_MISMATCH`)
)

func codes(list string) map[string]bool {
	set := map[string]bool{}
	for code := range strings.FieldsSeq(list) {
		set[code] = true
	}
	return set
}

// attempts divide a message into what was tried one after the other.
var attempts = pattern.New(`, (?:rpc error: |failed to pull and unpack image |failed to pull image )`)

// clause is one attempt within a message.
type clause struct {
	record      *record
	at          int // where it begins in the record
	text, lower string
}

func clauses(r *record) []clause {
	var list []clause
	from := 0
	for _, at := range attempts.FindAllStringIndex(r.lower, 64) {
		list = append(list, clause{r, from, r.text[from:at[0]], r.lower[from:at[0]]})
		from = at[0] + 2
	}
	return append(list, clause{r, from, r.text[from:], r.lower[from:]})
}

// text is what is being analysed.
type analysis struct {
	records []record
	places  [][]place // of each record, once they were looked for
	looked  []bool
	found   []Finding
}

func analyse(list []record) Findings {
	a := &analysis{records: list, places: make([][]place, len(list)), looked: make([]bool, len(list))}
	var unknown []int
	for i := range list {
		r := &list[i]
		before := len(a.found)
		known := false
		for _, c := range clauses(r) {
			known = a.clause(i, c) || known
		}
		if len(a.found) == before && !known && failure.MatchString(r.lower) && len(unknown) < maxUnknown {
			unknown = append(unknown, r.marks[0].line)
		}
	}
	return Findings{choose(a.found), unknown}
}

// failure is how lines say that something failed.
var failure = pattern.New(`^(?:error\b|err:|fatal|failed|failure|denied|exception|panic:|e\d{4} |[a-z.]+(?:error|exception):)|\berror:|\bfailed:|level=(?:error|fatal)`)

// clause looks for a failure in one clause. It reports whether the clause is
// understood, be it as somebody else's failure or a mere consequence.
func (a *analysis) clause(i int, c clause) bool {
	if !words().in([]byte(c.lower)) && !strings.Contains(c.lower, "aadsts") {
		return false
	}
	if m := entraCode.FindStringSubmatchIndex(c.lower); m != nil {
		f := Finding{Code: strings.ToUpper(c.text[m[0]:m[1]]), Tool: "Microsoft Entra", Weight: Said, Proven: true, record: i}
		a.add(f, c, m[0], m[1])
		return true
	}
	var best *Phrasing
	var start, end int
	for p := range phrasings {
		p := &phrasings[p]
		if best != nil && (p.Weight <= best.Weight || best.Code == "" && best.Weight == Said) {
			continue
		}
		s, e, found := p.in(c.lower)
		if !found || p.With != "" && !a.near(i, p.With) {
			continue
		}
		if p.Reference && !a.names(c) {
			continue
		}
		best, start, end = p, s, e
	}
	if best == nil {
		return false
	}
	if best.Code == "" {
		return best.Weight == Consequence
	}
	f := Finding{
		Code: best.Code, Tool: best.Tool, Weight: best.Weight, Proven: best.Proven, Causes: best.Causes,
		record: i, again: best.Again, length: len(best.Text),
	}
	a.add(f, c, start, end)
	return true
}

var entraCode = pattern.New(`\baadsts\d{5,8}\b`)

// names reports whether a clause names an image.
func (a *analysis) names(c clause) bool {
	for _, p := range places(c.text) {
		if p.repository != "" || p.kind == azure || p.kind == masked {
			return true
		}
	}
	return false
}

// beside is how many messages before and after one belong to its surroundings.
const beside = 4

// near reports whether a text is in a message or in those beside it.
func (a *analysis) near(i int, text string) bool {
	for k := max(0, i-beside); k <= min(len(a.records)-1, i+beside); k++ {
		if strings.Contains(a.records[k].lower, text) {
			return true
		}
	}
	return false
}

// of returns the places of a whole message.
func (a *analysis) of(i int) []place {
	if !a.looked[i] {
		a.looked[i] = true
		a.places[i] = places(a.records[i].text)
	}
	return a.places[i]
}

// add completes a finding by the names around it, and keeps it unless they show
// that it is none.
func (a *analysis) add(f Finding, c clause, start, end int) {
	own := places(c.text)
	s := a.subject(&f, c, own)
	if f.Weight <= Status && !general[f.Code] && s.kind == service && (a.elsewhere(c) || !a.aboutImages(f.record)) {
		return
	}
	a.refine(&f, c, own, s)
	if s.kind == other || s.kind == unknown {
		if !general[f.Code] {
			f.Code, f.Proven, f.Causes, f.Weight = "NOT_AZURE_REGISTRY", false, nil, Said
		}
	}
	if s.kind == service && foreignShort.MatchString(c.lower) && !general[f.Code] {
		f.Code, f.Proven, f.Causes, f.Weight = "NOT_AZURE_REGISTRY", false, nil, Said
	}
	f.lines(c, start, end)
	f.details(c)
	a.found = append(a.found, f)
	if doubled(f.Registry) {
		mistyped := f
		mistyped.Code, mistyped.Proven, mistyped.Causes = "LOGIN_SERVER_MISTYPED", false, nil
		a.found = append(a.found, mistyped)
	}
}

// foreignShort is the name of an image without that of a registry, where docker
// then goes to Docker Hub.
var foreignShort = pattern.New(`pull access denied for [a-z0-9][a-z0-9_-]*(?:/[a-z0-9._-]+)?[,: ]`)

// doubled reports whether a login server has two suffixes, or one that is none.
func doubled(host string) bool {
	n := 0
	for _, suffix := range azureSuffixes {
		n += strings.Count(host+".", suffix+".")
	}
	return n > 1 || mistypedSuffix(host)
}

func (f *Finding) lines(c clause, start, end int) {
	first, last := c.record.line(c.at+start), c.record.line(c.at+max(start, end-1))
	from, to := c.record.span(first, last)
	f.Text, f.At = c.record.text[from:to], c.at+start-from
	for n := first; n <= last && len(f.Lines) < maxLines; n++ {
		f.Lines = append(f.Lines, n)
	}
}

// details takes the facts that a message tells beside names. Each is looked for
// only where its word is: most messages have none of them.
func (f *Finding) details(c clause) {
	has := func(word string) bool { return strings.Contains(c.lower, word) }
	if m := statusOf.FindStringSubmatch(c.lower); m != nil {
		f.Status, _ = strconv.Atoi(first(m[1:]))
	}
	if has("client with ip") {
		f.caller(c.text)
	}
	if strings.Contains(c.record.lower, "correlation") {
		if m := correlated.FindStringSubmatch(c.record.text); m != nil {
			f.CorrelationID = m[1]
		}
	}
	if has("scope=") {
		for _, m := range scopes.FindAllStringSubmatch(c.text, 8) {
			if m[1] != helmPlaceholder {
				f.Scope = "repository:" + m[1] + ":" + m[2]
				break
			}
		}
	}
	if has("action") && required.MatchString(c.text) {
		for _, m := range actions.FindAllStringSubmatch(c.text, 8) {
			f.Actions = append(f.Actions, lower(m[1]))
		}
	}
}

// caller takes the address that the registry saw.
func (f *Finding) caller(text string) {
	m := clientIP.FindStringSubmatch(text)
	if m == nil {
		return
	}
	f.Address = m[1]
	if address, err := netip.ParseAddr(m[1]); err == nil && address.IsPrivate() && f.Code == "FIREWALL_DENIED" {
		f.Code = "FIREWALL_DENIED_PRIVATE"
	}
}

var statusOf = pattern.New(`(?:status(?: ?code)?[:=]? ?|response code: |\[?http )(4\d\d|5\d\d)\b|\b(4\d\d|5\d\d) (?:unauthorized|forbidden|not found|too many|internal|service|bad)`)

// helmPlaceholder is a repository that containerd's client adds to every token
// request.
const helmPlaceholder = "user/image"

// choose orders the findings and drops what only follows from others.
func choose(found []Finding) []Finding {
	var merged []Finding
	for _, f := range found {
		i := slices.IndexFunc(merged, func(m Finding) bool {
			return m.Code == f.Code && alike(m.Registry, f.Registry) && alike(m.Repository, f.Repository) && alike(m.Peer, f.Peer)
		})
		if i < 0 {
			merged = append(merged, f)
			continue
		}
		merged[i].absorb(f)
	}
	kept := slices.DeleteFunc(slices.Clone(merged), func(f Finding) bool {
		return slices.ContainsFunc(merged, func(m Finding) bool { return follows(f, m) })
	})
	order.By(kept, func(a, b Finding) int { return int(b.Weight) - int(a.Weight) })
	return kept[:min(len(kept), maxFindings)]
}

// alike reports whether two names may be of one thing: a text does not repeat
// them everywhere.
func alike(a, b string) bool { return a == b || a == "" || b == "" }

// follows reports whether f tells nothing beside m: what is repeated without
// credentials after a failure, and what says the same with less reason.
func follows(f, m Finding) bool {
	if f.Code == m.Code || !alike(f.Registry, m.Registry) || !alike(f.Peer, m.Peer) {
		return false
	}
	same := alike(f.Repository, m.Repository)
	switch {
	case f.again && !m.again && (f.record == m.record || same && m.Weight > Vague):
		return true
	case m.again && f.Weight > Vague:
		return false
	}
	return same && f.Weight < m.Weight
}

// absorb adds what another finding of the same failure tells.
func (f *Finding) absorb(other Finding) {
	for _, n := range other.Lines {
		if at, found := slices.BinarySearch(f.Lines, n); !found && len(f.Lines) < maxLines {
			f.Lines = slices.Insert(f.Lines, at, n)
		}
	}
	for _, fill := range []struct{ to, from *string }{
		{&f.Registry, &other.Registry},
		{&f.Repository, &other.Repository},
		{&f.Reference, &other.Reference},
		{&f.Scope, &other.Scope},
		{&f.Address, &other.Address},
		{&f.Dialled, &other.Dialled},
		{&f.Data, &other.Data},
		{&f.CorrelationID, &other.CorrelationID},
	} {
		if *fill.to == "" {
			*fill.to = *fill.from
		}
	}
	if f.Weight < other.Weight {
		f.Weight, f.Text, f.At = other.Weight, other.Text, other.At
	}
	f.Proven = f.Proven || other.Proven
	f.again = f.again && other.again
}
