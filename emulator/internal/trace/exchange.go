package trace

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"sort"
	"strings"
	"sync"
	"unicode/utf8"
)

// Exchange is what a request and its response said, beside the record of it.
// Secrets are hidden, and only text is kept, up to maxKeptBody bytes of a body.
type Exchange struct {
	RequestHeaders, ResponseHeaders []Header
	RequestBody, ResponseBody       string
}

// Header is one line of a header.
type Header struct{ Name, Value string }

const (
	// maxKeptBody is how much of a body is kept: manifests and errors are
	// smaller, and blobs are no text.
	maxKeptBody = 64 << 10
	// maxExchanges and maxExchangeBytes bound what is kept for inspection.
	maxExchanges     = 1000
	maxExchangeBytes = 32 << 20

	hidden = "REDACTED"
)

// exchanges are those of the latest requests, and the pages that watch.
type exchanges struct {
	mu       sync.Mutex
	kept     map[int64]Exchange
	order    []int64
	bytes    int
	watchers map[*func(Request)]bool
}

// KeepExchanges makes the recorder keep headers and bodies from now on.
func (r *Recorder) KeepExchanges() {
	r.exchanges = &exchanges{kept: map[int64]Exchange{}, watchers: map[*func(Request)]bool{}}
}

// Exchange returns one request with what it said, false when it is no longer
// kept.
func (r *Recorder) Exchange(number int64) (Request, Exchange, bool) {
	r.mu.Lock()
	i := slices.IndexFunc(r.kept, func(request Request) bool { return request.Number == number })
	var request Request
	if i >= 0 {
		request = r.kept[i]
	}
	r.mu.Unlock()
	if i < 0 || r.exchanges == nil {
		return request, Exchange{}, i >= 0
	}
	r.exchanges.mu.Lock()
	defer r.exchanges.mu.Unlock()
	return request, r.exchanges.kept[number], true
}

// Before returns the records below a number, the latest first; 0 means all.
func (r *Recorder) Before(number int64, limit int) []Request {
	r.mu.Lock()
	defer r.mu.Unlock()
	var found []Request
	for i := len(r.kept) - 1; i >= 0 && len(found) < limit; i-- {
		if number == 0 || r.kept[i].Number < number {
			found = append(found, r.kept[i])
		}
	}
	return found
}

// Watch calls f with each request that ends, until ctx does. f must not block.
func (r *Recorder) Watch(ctx context.Context, f func(Request)) {
	if r.exchanges == nil {
		return
	}
	r.exchanges.mu.Lock()
	r.exchanges.watchers[&f] = true
	r.exchanges.mu.Unlock()
	<-ctx.Done()
	r.exchanges.mu.Lock()
	delete(r.exchanges.watchers, &f)
	r.exchanges.mu.Unlock()
}

// add keeps an exchange, and tells those who watch.
func (e *exchanges) add(request Request, x Exchange) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.kept[request.Number] = x
	e.order = append(e.order, request.Number)
	e.bytes += x.size()
	for len(e.order) > maxExchanges || e.bytes > maxExchangeBytes && len(e.order) > 1 {
		e.bytes -= e.kept[e.order[0]].size()
		delete(e.kept, e.order[0])
		e.order = e.order[1:]
	}
	for f := range e.watchers {
		(*f)(request)
	}
}

func (x Exchange) size() int {
	size := len(x.RequestBody) + len(x.ResponseBody)
	for _, list := range [][]Header{x.RequestHeaders, x.ResponseHeaders} {
		for _, h := range list {
			size += len(h.Name) + len(h.Value)
		}
	}
	return size
}

// keeper gathers one exchange while it is served.
type keeper struct {
	request           *http.Request
	received, written keptText
}

func (k *keeper) exchange(header http.Header) Exchange {
	return Exchange{
		RequestHeaders: headersOf(k.request.Header), ResponseHeaders: headersOf(header),
		RequestBody:  withoutSecrets(k.received.text(k.request.Header.Get("Content-Type"))),
		ResponseBody: withoutSecrets(k.written.text(header.Get("Content-Type"))),
	}
}

// keptText is the beginning of a body.
type keptText struct {
	mu   sync.Mutex
	data []byte
	more bool
}

func (t *keptText) add(p []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	room := maxKeptBody - len(t.data)
	if len(p) > room {
		p, t.more = p[:max(room, 0)], true
	}
	t.data = append(t.data, p...)
}

// text is what was kept, "" of what isn't text.
func (t *keptText) text(contentType string) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	kind := strings.ToLower(contentType)
	if !strings.Contains(kind, "json") && !strings.HasPrefix(kind, "text/") && !strings.Contains(kind, "xml") &&
		!strings.Contains(kind, "x-www-form-urlencoded") || !utf8.Valid(t.data) && !t.more {
		return ""
	}
	text := strings.ToValidUTF8(string(t.data), "\uFFFD")
	if t.more {
		text += "\n… (cut)"
	}
	return text
}

// keptBody is a request's body that is kept while it is read.
type keptBody struct {
	io.ReadCloser
	text *keptText
}

func (b keptBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.text.add(p[:n])
	return n, err
}

// secretHeaders are those whose value is a secret whatever it says.
var secretHeaders = []string{"Authorization", "Proxy-Authorization", "Cookie", "Set-Cookie", "X-Identity-Header"}

// headersOf lists headers by their names, without secrets.
func headersOf(header http.Header) []Header {
	var all []Header
	for name, values := range header {
		for _, value := range values {
			switch {
			case slices.Contains(secretHeaders, http.CanonicalHeaderKey(name)):
				scheme, _, found := strings.Cut(value, " ")
				value = hidden
				if found {
					value = scheme + " " + hidden
				}
			default:
				value = withoutSecrets(value)
			}
			all = append(all, Header{name, value})
		}
	}
	sort.SliceStable(all, func(i, j int) bool { return all[i].Name < all[j].Name })
	return all
}

// secretMembers are the members of forms, of JSON and of queries that hold
// secrets.
var secretMembers = []string{
	"access_token", "refresh_token", "id_token", "token", "password", "client_secret", "client_assertion", "assertion", "_state", "sig", "secret",
}

func isSecret(name string) bool { return slices.Contains(secretMembers, strings.ToLower(name)) }

// withoutSecrets hides the secret members of a form, of JSON, and of the query
// of an address.
func withoutSecrets(text string) string {
	trimmed := strings.TrimSpace(text)
	if strings.HasPrefix(trimmed, "{") {
		var value any
		if json.Unmarshal([]byte(trimmed), &value) == nil && hide(value) {
			if data, err := json.Marshal(value); err == nil {
				return string(data)
			}
		}
		return text
	}
	before, query, found := strings.Cut(text, "?")
	if !found {
		before, query = "", text
	}
	if !strings.Contains(query, "=") || strings.ContainsAny(query, " \n<") {
		return text
	}
	pairs := strings.Split(query, "&")
	for i, pair := range pairs {
		name, _, has := strings.Cut(pair, "=")
		plain, err := url.QueryUnescape(name)
		if has && (err != nil || isSecret(plain)) {
			pairs[i] = name + "=" + hidden
		}
	}
	if found {
		before += "?"
	}
	return before + strings.Join(pairs, "&")
}

// hide replaces the secret members of a JSON value, and reports whether there
// were any.
func hide(value any) bool {
	found := false
	switch v := value.(type) {
	case map[string]any:
		for name, member := range v {
			if _, text := member.(string); text && isSecret(name) {
				v[name], found = hidden, true
				continue
			}
			found = hide(member) || found
		}
	case []any:
		for _, member := range v {
			found = hide(member) || found
		}
	}
	return found
}
