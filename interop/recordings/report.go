package recordings

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// exchange is one exchange as a report has it.
type exchange struct {
	method, target string
	asked          http.Header
	manifest       []byte // the request's body, of a manifest
	size           int    // of the request's body, any other
	status         int
	header         http.Header
	body           []byte
	at             time.Time
}

var (
	headerLine = regexp.MustCompile(`(?m)^\t([\w-]+): ?(.*)$`)
	statusLine = regexp.MustCompile(`STATUS +: (\d+)`)
	timeLine   = regexp.MustCompile(`RECEIVED AT +: (\S+)`)
	sizeText   = regexp.MustCompile(`size - (\d+)`)
	quotedBody = regexp.MustCompile(`^"([A-Za-z0-9+/=]*)"$`)
)

func headers(text string) http.Header {
	h := http.Header{}
	for _, m := range headerLine.FindAllStringSubmatch(text, -1) {
		h.Add(m[1], strings.TrimSpace(m[2]))
	}
	return h
}

// parseReport finds the exchanges of a report.
func parseReport(report []byte) ([]exchange, error) {
	var all []exchange
	for n, block := range strings.Split(string(report), "~~~ REQUEST ~~~\n")[1:] {
		text, _, _ := strings.Cut(html.UnescapeString(block), "\n==============")
		request, response, ok := strings.Cut(text, "~~~ RESPONSE ~~~\n")
		if !ok {
			return nil, fmt.Errorf("exchange %d has no response", n)
		}
		requestHead, requestBody, _ := strings.Cut(request, "BODY   :\n")
		requestBody, _, _ = strings.Cut(requestBody, "\n-----")
		responseHead, responseBody, _ := strings.Cut(response, "BODY         :\n")
		first := strings.Fields(requestHead)
		status, at := statusLine.FindStringSubmatch(responseHead), timeLine.FindStringSubmatch(responseHead)
		if len(first) < 2 || status == nil || at == nil {
			return nil, fmt.Errorf("exchange %d: not in the report's form", n)
		}
		e := exchange{method: first[0], target: first[1], asked: headers(requestHead), header: headers(responseHead), body: []byte(responseBody)}
		e.status, _ = strconv.Atoi(status[1])
		var err error
		if e.at, err = time.Parse(time.RFC3339Nano, at[1]); err != nil {
			return nil, fmt.Errorf("exchange %d: %w", n, err)
		}
		if strings.Contains(responseBody, "*** Error: Unable to format") {
			e.body = nil
		}
		if err := e.readBody(requestBody); err != nil {
			return nil, fmt.Errorf("exchange %d: %w", n, err)
		}
		all = append(all, e)
	}
	if len(all) == 0 {
		return nil, errors.New("no exchange in it")
	}
	return all, nil
}

func (e *exchange) readBody(text string) error {
	if strings.Contains(text, "NO CONTENT") {
		return nil
	}
	if m := sizeText.FindStringSubmatch(text); m != nil {
		size, err := strconv.Atoi(m[1])
		e.size = size
		return err
	}
	if m := quotedBody.FindStringSubmatch(text); m != nil && strings.Contains(e.target, "/manifests/") {
		content, err := base64.StdEncoding.DecodeString(m[1])
		e.manifest, e.size = content, len(content)
		return err
	}
	content, err := base64.StdEncoding.DecodeString(text)
	e.size = len(content)
	return err
}

// writer turns the exchanges of one report into a session.
type writer struct {
	table    *Table
	session  *Session
	all      []exchange
	names    map[string]string // of contents, by digest
	replaced map[string]string // text of the report, by stand-ins of the same length
	uploads  map[string]*upload
}

// upload is an upload session of the recording.
type upload struct {
	locations []int // the exchanges that responded with a Location
	digest    string
	offset    int
}

// AddReport adds a report as one more session.
func (t *Table) AddReport(report []byte) error {
	all, err := parseReport(report)
	if err != nil {
		return err
	}
	w := &writer{table: t, all: all, names: map[string]string{}, replaced: map[string]string{}, uploads: map[string]*upload{}}
	w.session = &Session{Name: all[0].at.Format("2006-01"), Server: all[0].header.Get("Server")}
	if t.Headers == nil {
		t.Headers = map[string][]string{}
	}
	w.nameStandIns()
	w.nameContents()
	for i := range all {
		w.session.Rows = append(w.session.Rows, w.row(i))
	}
	for i, c := range w.session.Contents {
		if c.Size == 0 {
			w.session.Contents[i].Size = w.sizeOf(c.Name)
		}
	}
	w.findBefore()
	t.Sessions = append(t.Sessions, *w.session)
	return nil
}

// filler is a text of a length that the n-th text of a report gets. Their order
// is n's.
func filler(n, length int) string { return strings.Repeat(string(rune('a'+n%26)), length) }

var (
	repositoryPattern = regexp.MustCompile(`/v2/(.+)/(?:blobs|manifests|tags|referrers)/`)
	referencePattern  = regexp.MustCompile(`/manifests/([^?]+)`)
)

// nameStandIns chooses the names of the host, the repositories and the tags.
func (w *writer) nameStandIns() {
	service, _ := url.Parse(w.all[1].target)
	host := service.Query().Get("service")
	name, domain, _ := strings.Cut(host, ".")
	w.session.Host = ("acrkitreplay" + strings.Repeat("r", 50))[:len(name)] + "." + domain
	w.replaced[host] = w.session.Host
	var repositories, references []string
	for _, e := range w.all {
		if m := repositoryPattern.FindStringSubmatch(e.target); m != nil && !slices.Contains(repositories, m[1]) {
			repositories = append(repositories, m[1])
		}
		if m := referencePattern.FindStringSubmatch(e.target); m != nil && !digestPattern.MatchString(m[1]) {
			references = append(references, m[1])
		}
	}
	for i, r := range repositories {
		standIn := filler(i, len(r))
		if at := strings.IndexByte(r, '/'); at > 0 {
			standIn = standIn[:at] + "/" + standIn[at+1:]
		}
		w.replaced[r] = standIn
		w.replaced[strings.ReplaceAll(r, "/", "%2F")] = strings.ReplaceAll(standIn, "/", "%2F")
	}
	slices.Sort(references)
	for i, r := range slices.Compact(references) {
		// What makes a reference a malformed one stays.
		kept := 0
		if strings.HasPrefix(r, ".") {
			kept = 1
		} else if at := strings.IndexByte(r, ':'); at > 0 {
			kept = at + 1
		}
		w.replaced[r] = r[:kept] + filler(i, len(r)-kept)
	}
}

// standIn puts the stand-ins in the place of the report's text, the longest
// first.
func (w *writer) standIn(text string) string {
	var pairs []string
	for old := range w.replaced {
		pairs = append(pairs, old)
	}
	slices.SortFunc(pairs, func(a, b string) int {
		if len(a) != len(b) {
			return len(b) - len(a)
		}
		return strings.Compare(a, b)
	})
	for i, old := range pairs {
		text = strings.ReplaceAll(text, old, fmt.Sprintf("\x00%d\x00", i))
	}
	for i, old := range pairs {
		text = strings.ReplaceAll(text, fmt.Sprintf("\x00%d\x00", i), w.replaced[old])
	}
	return text
}

func digestOf(content []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(content)) }

func (w *writer) content(digest string) string {
	name, ok := w.names[digest]
	if !ok {
		name = fmt.Sprint("c", len(w.names))
		w.names[digest] = name
		w.session.Contents = append(w.session.Contents, Content{Name: name})
	}
	return name
}

// named reports whether a digest has a name.
func (w *writer) named(digest string) bool { return w.names[digest] != "" }

// nameContents names what the digests are of, blobs before the manifests that
// name them.
func (w *writer) nameContents() {
	for _, e := range w.all {
		if e.manifest == nil {
			if target, err := url.QueryUnescape(e.target); err == nil {
				for _, digest := range digestPattern.FindAllString(target, -1) {
					if strings.Contains(target, "digest="+digest) {
						w.content(digest)
					}
				}
			}
			continue
		}
		w.nameManifest(digestOf(e.manifest), e.manifest, len(e.manifest))
	}
	for _, e := range w.all {
		if digest := e.gotten(); digest != "" && e.status == http.StatusOK && e.method == http.MethodGet && strings.Contains(e.target, "/manifests/") && !w.named(digest) {
			size, _ := strconv.Atoi(e.header.Get("Content-Length"))
			w.nameManifest(digest, e.body, size)
		}
	}
	for _, e := range w.all {
		target, _ := url.PathUnescape(e.target)
		for _, digest := range digestPattern.FindAllString(target, -1) {
			w.content(digest)
		}
	}
}

func (w *writer) nameManifest(digest string, raw []byte, size int) {
	// What is no JSON has a stand-in like a blob's.
	manifest, _ := w.manifest(raw)
	name := w.content(digest)
	for i := range w.session.Contents {
		if c := &w.session.Contents[i]; c.Name == name {
			c.Manifest, c.Size = manifest, size
		}
	}
}

// manifest is a manifest with stand-ins for its text.
func (w *writer) manifest(raw []byte) (string, error) {
	return shapeJSON(json.NewDecoder(bytes.NewReader(raw)), func(key, value string) string {
		switch {
		case digestPattern.MatchString(value):
			return "{" + w.content(value) + "}"
		case key == "data":
			content, err := base64.StdEncoding.DecodeString(value)
			if err == nil {
				return "{data:" + w.content(digestOf(content)) + "}"
			}
		case strings.HasPrefix(value, "application/vnd.oci.") || key == "" && !strings.Contains(value, "."):
			return value // the specification's words
		}
		if _, ok := w.replaced[value]; !ok {
			kept := ""
			if strings.HasPrefix(value, "application/vnd.") {
				kept = "application/vnd."
			}
			w.replaced[value] = kept + filler(len(w.replaced), len(value)-len(kept))
			w.replaced[url.QueryEscape(value)] = url.QueryEscape(w.replaced[value])
		}
		return w.replaced[value]
	})
}

var uploadPattern = regexp.MustCompile(`^(/v2/.+/blobs/uploads/)([0-9a-f-]{36})\?_nouploadcache=false&_state=\*+`)

// row makes the row of an exchange.
func (w *writer) row(n int) Row {
	e := w.all[n]
	r := Row{N: n, Ms: e.at.Sub(w.all[0].at).Milliseconds(), Method: e.method, Status: e.status}
	r.Path = w.path(e, &r)
	for _, name := range []string{"Accept", "Content-Type", "Content-Range"} {
		if value := e.asked.Get(name); value != "" {
			if r.Asked == nil {
				r.Asked = map[string]string{}
			}
			r.Asked[name] = value
		}
	}
	r.Auth, _, _ = strings.Cut(e.asked.Get("Authorization"), " ")
	if e.manifest != nil {
		r.Body = w.names[digestOf(e.manifest)]
	}
	r.Length = e.header.Get("Content-Length")
	r.Challenge = Challenge(w.standIn(e.header.Get("Www-Authenticate")))
	mended := http.Header{}
	for name, values := range e.header {
		mended[name] = []string{w.standIn(strings.Join(values, ", "))}
	}
	r.Header = w.headerSet(HeaderLines(mended, w.names))
	if digest := e.gotten(); digest != "" && e.status == http.StatusOK {
		if e.method != http.MethodHead {
			r.Shape = w.names[digest]
		}
	} else if e.method != http.MethodHead {
		r.Shape = Shape([]byte(w.standIn(string(e.body))), w.names)
	}
	w.reasons(&r)
	return r
}

// gotten is the digest of the content that a GET asks for, by digest or by what
// the response says.
func (e exchange) gotten() string {
	if e.method != http.MethodGet && e.method != http.MethodHead || !strings.Contains(e.target, "/manifests/") && !strings.Contains(e.target, "/blobs/") {
		return ""
	}
	if digest := digestPattern.FindString(e.target); digest != "" {
		return digest
	}
	return e.header.Get("Docker-Content-Digest")
}

func (w *writer) headerSet(lines []string) string {
	for name, have := range w.table.Headers {
		if slices.Equal(have, lines) {
			return name
		}
	}
	name := fmt.Sprint("h", len(w.table.Headers))
	w.table.Headers[name] = lines
	return name
}

// path is the request's path, and for an upload the part of the content that
// the request has.
func (w *writer) path(e exchange, r *Row) string {
	target := strings.ReplaceAll(e.target, "sha256%3A", "sha256:")
	m := uploadPattern.FindStringSubmatch(target)
	if m == nil {
		if digest := digestPattern.FindString(target); strings.Contains(target, "/blobs/uploads/?digest=") {
			r.Body = w.names[digest]
			w.setSize(r.Body, e.size)
		}
		if location := uploadPattern.FindStringSubmatch(e.header.Get("Location")); location != nil {
			w.uploads[location[2]] = &upload{locations: []int{r.N}, digest: w.digestOfUpload(location[2])}
		}
		return w.standIn(withNames(target, w.names))
	}
	u := w.uploads[m[2]]
	at := u.locations[len(u.locations)-1]
	if e.size > 0 {
		r.Body = w.names[u.digest]
		r.From, r.To = u.offset, u.offset+e.size
		if asked := e.asked.Get("Content-Range"); asked != "" {
			from, _, _ := strings.Cut(asked, "-")
			r.From, _ = strconv.Atoi(from)
			r.To = r.From + e.size
			if r.From < u.offset {
				// What is there already is sent again, at the Location before.
				at = u.locations[len(u.locations)-2]
			}
		}
		w.setSize(r.Body, r.To)
	}
	if e.method == http.MethodGet && len(u.locations) > 1 {
		// The status is asked at the Location that a first chunk was sent to.
		at = u.locations[0]
	}
	if e.header.Get("Location") != "" && e.method != http.MethodPut {
		u.locations = append(u.locations, r.N)
		if e.status == http.StatusAccepted {
			u.offset = r.To
		}
	}
	return fmt.Sprintf("{at:%d}", at) + withNames(strings.TrimPrefix(target, m[0]), w.names)
}

// digestOfUpload is the digest that an upload ends with. One that never ends
// has content of its own.
func (w *writer) digestOfUpload(id string) string {
	for _, e := range w.all {
		if strings.Contains(e.target, id) && e.method == http.MethodPut {
			return digestPattern.FindString(strings.ReplaceAll(e.target, "sha256%3A", "sha256:"))
		}
	}
	w.content(id)
	return id
}

func (w *writer) setSize(name string, size int) {
	for i, c := range w.session.Contents {
		if c.Name == name && c.Manifest == "" {
			w.session.Contents[i].Size = max(c.Size, size)
		}
	}
}

// sizeOf is the size of a content that this session did not push.
func (w *writer) sizeOf(name string) int {
	for _, r := range w.session.Rows {
		if r.Shape == name {
			size, _ := strconv.Atoi(r.Length)
			return size
		}
	}
	return 0
}

// findBefore finds what the registry held before the session: what is gotten
// and was never pushed. The storage host's header lines tell whether a blob
// came in one POST.
func (w *writer) findBefore() {
	pushed := map[string]bool{}
	for _, r := range w.session.Rows {
		if r.Status == http.StatusCreated && r.Body != "" {
			pushed[r.Body] = true
		}
		if strings.Contains(r.Path, "&digest=") && r.Status == http.StatusCreated {
			pushed[strings.Trim(r.Path[strings.Index(r.Path, "&digest=")+8:], "{}")] = true
		}
		digest := w.all[r.N].gotten()
		if digest == "" || r.Status != http.StatusOK {
			continue
		}
		repository := repositoryPattern.FindStringSubmatch(r.Path)[1]
		before := Before{Content: w.names[digest], Repository: repository}
		lines := w.table.Headers[r.Header]
		starts := func(prefix string) bool {
			return slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, prefix) })
		}
		onePost := starts("X-Ms-Blob-Type") && !starts("X-Ms-Copy-")
		switch {
		case strings.Contains(r.Path, "/manifests/") && !pushed[before.Content]:
			before.Tag = w.tagOf(digest)
		case onePost && !slices.ContainsFunc(w.session.Rows[:r.N], func(o Row) bool { return o.Method == http.MethodPost && o.Body == before.Content }):
			before.OnePost = true
		case pushed[before.Content]:
			continue
		}
		if !slices.Contains(w.session.Before, before) {
			w.session.Before = append(w.session.Before, before)
		}
	}
	// Manifests come last.
	slices.SortStableFunc(w.session.Before, func(a, b Before) int { return strings.Compare(a.Tag, b.Tag) })
}

// tagOf is a tag that a manifest is gotten by.
func (w *writer) tagOf(digest string) string {
	for _, e := range w.all {
		if m := referencePattern.FindStringSubmatch(e.target); m != nil && !digestPattern.MatchString(m[1]) && e.gotten() == digest {
			return w.standIn(m[1])
		}
	}
	return ""
}
