package azcontainerregistry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"github.com/acrkit/azcontainerregistry/internal/strict"
	"github.com/acrkit/azcontainerregistry/internal/wire"
)

const (
	// maxEmptyPages is how many pages without an item may follow each other
	// before a listing is taken to be endless.
	maxEmptyPages = 100

	// maxRepeats is how many pages may end as an earlier one did before a
	// listing is taken to go in circles. Some may: an order by time changes
	// while somebody pushes.
	maxRepeats = 100

	// pageAttempts is how often a page is asked for whose body breaks off.
	pageAttempts = 4

	// pagePause is how long to wait before asking again, times the attempt.
	pagePause = 200 * time.Millisecond
)

// listing is a paged list at the registry: where it begins, and what each page
// must keep of it.
type listing struct {
	registry *registry
	path     string
	first    url.Values
	// sticky are parameters that the registry's links leave out, though without
	// them the next page is another list's (ACR protocol §3.1).
	sticky url.Values
	scope  string
}

// page is an answer of a listing whose body hasn't been read yet.
type page struct {
	address string
	resp    *http.Response
	// link is the Link header as it came, if it leads on; next is the address
	// that it leads to, or nextErr why that is none.
	link    string
	next    string
	nextErr error
}

func (l *listing) start() string {
	query := url.Values{}
	for _, values := range []url.Values{l.first, l.sticky} {
		for k, v := range values {
			query[k] = v
		}
	}
	return l.registry.address(l.path, query.Encode())
}

// open asks for a page and reads the header of the answer.
func (l *listing) open(ctx context.Context, address string) (*page, error) {
	req, err := l.registry.newRequestTo(ctx, http.MethodGet, address, l.scope)
	if err != nil {
		return nil, err
	}
	req.Raw().Header.Set("Accept", "application/json")
	streamAnswer(req)
	resp, err := l.registry.send(l.registry.api, req, http.StatusOK)
	if err != nil {
		return nil, err
	}
	p := &page{address: address, resp: resp}
	target, err := wire.NextLink(resp.Header.Values("Link"))
	switch {
	case err != nil:
		p.nextErr = err
	case target != "":
		p.next, p.nextErr = l.follow(req.Raw().URL, target)
	}
	if p.next != "" || p.nextErr != nil {
		p.link = strings.Join(resp.Header.Values("Link"), ", ")
	}
	return p, nil
}

// read reads the body of a page into buf, whose memory it uses, and closes it.
// A body that breaks off is asked for again.
func (l *listing) read(ctx context.Context, p *page, buf []byte) ([]byte, error) {
	for attempt := 1; ; attempt++ {
		data, err := readPage(p.resp, buf[:0])
		if err == nil {
			return data, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if errors.Is(err, responseTooLargeError{}) {
			return nil, err
		}
		if attempt == pageAttempts {
			return nil, &RetriesExhaustedError{Attempts: attempt, Err: redactError(err)}
		}
		pause := time.NewTimer(time.Duration(attempt) * pagePause)
		select {
		case <-ctx.Done():
			pause.Stop()
			return nil, ctx.Err()
		case <-pause.C:
		}
		again, err := l.open(ctx, p.address)
		if err != nil {
			return nil, err
		}
		*p = *again
	}
}

func readPage(resp *http.Response, buf []byte) ([]byte, error) {
	defer resp.Body.Close()
	if n := resp.ContentLength; n > maxAnswer {
		return nil, responseTooLargeError{}
	} else if n > int64(cap(buf)) {
		// One more byte, so that the end is seen without growing.
		buf = make([]byte, 0, n+1)
	}
	for {
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
		n, err := resp.Body.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if err == io.EOF {
			return buf, nil
		}
		if err != nil {
			return nil, err
		}
		if len(buf) > maxAnswer {
			return nil, responseTooLargeError{}
		}
	}
}

// walk is one walk through a listing. It sees to it that the walk ends.
type walk struct {
	listing *listing
	visited map[string]bool
	pages   int
	items   int
	empty   int
	last    string
	ends    map[pageEnd]bool
	repeats int
	buf     []byte
}

// pageEnd is what two pages have in common that are likely to be the same one.
type pageEnd struct {
	items int
	last  string
}

func (l *listing) walk() *walk {
	return &walk{listing: l, visited: map[string]bool{}, ends: map[pageEnd]bool{}}
}

// open asks for a page unless the walk has been there.
func (w *walk) open(ctx context.Context, address string) (*page, error) {
	if w.visited[address] {
		return nil, errors.New("the listing leads back to a page that was read already")
	}
	w.visited[address] = true
	return w.listing.open(ctx, address)
}

// count takes note of a page's items; last names the last one.
func (w *walk) count(items int, last string) error {
	w.pages++
	w.items += items
	if items > 0 {
		w.empty = 0
		end := pageEnd{items, last}
		if w.ends[end] {
			w.repeats++
		}
		if last != "" && last == w.last || w.repeats > maxRepeats {
			return errors.New("the listing repeats itself")
		}
		w.last, w.ends[end] = last, true
		return nil
	}
	if w.empty++; w.empty > maxEmptyPages {
		return fmt.Errorf("%d pages without an item follow each other", w.empty)
	}
	return nil
}

// broken says that the walk ended early. On the very first request the cause
// says enough by itself: nothing was listed.
func (w *walk) broken(err error) error {
	if w.pages == 0 && w.items == 0 {
		return err
	}
	return &IncompleteListingError{Items: w.items, Err: err}
}

// checkedFetcher fetches the pages of one listing, which are checked as the
// iterators' are. decode reads a page's body and returns the number of its items
// and the name of the last one.
func checkedFetcher[T any](l *listing, invalid error, span, operation, repository string, decode func(body []byte, link string) (T, int, string, error)) func(context.Context, *T) (T, error) {
	w := l.walk()
	var next string
	var nextErr error
	return func(ctx context.Context, current *T) (result T, err error) {
		ctx, end := l.registry.begin(ctx, span, operation, repository, "")
		defer func() { end(&err) }()
		switch {
		case invalid != nil:
			return result, invalid
		case current == nil:
			next = l.start()
		case nextErr != nil:
			return result, w.broken(nextErr)
		}
		p, err := w.open(ctx, next)
		if err != nil {
			return result, w.broken(err)
		}
		if w.buf, err = l.read(ctx, p, w.buf); err != nil {
			return result, w.broken(err)
		}
		next, nextErr = p.next, p.nextErr
		result, items, last, err := decode(w.buf, p.link)
		if err != nil {
			return result, w.broken(malformedAnswer(w.buf, err))
		}
		if err := w.count(items, last); err != nil {
			return result, w.broken(err)
		}
		return result, nil
	}
}

// newCheckedPager makes a pager of a listing that v0.2.3 lacks.
func newCheckedPager[T any](l *listing, invalid error, span, operation, repository string, link func(*T) string, decode func(body []byte, link string) (T, int, string, error)) *runtime.Pager[T] {
	return runtime.NewPager(runtime.PagingHandler[T]{
		More:    func(page T) bool { return link(&page) != "" },
		Fetcher: checkedFetcher(l, invalid, span, operation, repository, decode),
		Tracer:  l.registry.tracer,
	})
}

// newPager makes a pager of a listing of v0.2.3's. A page goes through the
// pipeline with its body, is taken as it is, and may be asked for again: where
// the next one is follows from the page alone. read fills in the page.
func newPager[T any](l *listing, invalid error, span, operation, repository string, link func(*T) **string, read func(*T) json.Unmarshaler, decode func(body []byte, link string) (T, int, string, error)) *runtime.Pager[T] {
	checked := checkedFetcher(l, invalid, span, operation, repository, decode)
	return runtime.NewPager(runtime.PagingHandler[T]{
		More: func(page T) bool { return value(*link(&page)) != "" },
		Fetcher: func(ctx context.Context, current *T) (result T, err error) {
			if strict.Is(ctx) {
				return checked(ctx, current)
			}
			ctx, end := l.registry.beginPlain(ctx, span, operation, repository, "")
			defer func() { end(&err) }()
			if repository == "" && l.scope != catalogScope {
				return result, errors.New("parameter name cannot be empty")
			}
			address := l.start()
			if current != nil {
				if address, err = l.next(value(*link(current))); err != nil {
					return result, err
				}
			}
			req, err := l.registry.newRequestTo(ctx, http.MethodGet, address, l.scope)
			if err != nil {
				return result, err
			}
			resp, err := l.registry.call(req, http.StatusOK)
			if err != nil {
				return result, err
			}
			if err := unmarshalResponse(ctx, resp, read(&result)); err != nil {
				return result, err
			}
			*link(&result) = optional(l.link(resp))
			return result, nil
		},
		Tracer: l.registry.tracer,
	})
}

// link returns the address of the page after resp's, "" if it is the last one.
// A header that can't be read is returned as it is, so that the listing doesn't
// end there without a word.
func (l *listing) link(resp *http.Response) string {
	lines := resp.Header.Values("Link")
	target, err := wire.NextLink(lines)
	if err != nil {
		return strings.Join(lines, ", ")
	}
	if target == "" {
		return ""
	}
	if u, err := url.Parse(target); err == nil && (u.IsAbs() || u.Host != "") {
		return target
	}
	return runtime.JoinPaths(l.registry.endpoint, target)
}

// next turns a page's link into the address to ask.
func (l *listing) next(link string) (string, error) {
	if strings.HasPrefix(strings.TrimSpace(link), "<") {
		return "", wire.ErrMalformedLink
	}
	return l.follow(l.registry.base, link)
}

// checkPage refuses a page that is JSON and no list, and one with things in it
// that have no name: what is left would look like a shorter list.
func checkPage[T any](body []byte, member string, items []*T, name func(*T) *string) error {
	if len(items) == 0 {
		// A word anywhere in the body isn't yet the member.
		var members map[string]json.RawMessage
		if err := json.Unmarshal(body, &members); err != nil {
			return err
		}
		if _, ok := members[member]; !ok {
			return fmt.Errorf("it has no %s", member)
		}
	}
	for i, item := range items {
		if item == nil || name(item) == nil {
			return fmt.Errorf("number %d of its %s has no name", i+1, member)
		}
	}
	return nil
}

func decodeRepositories(body []byte) (r Repositories, err error) {
	if err = r.UnmarshalJSON(body); err == nil {
		err = checkPage(body, "repositories", r.Names, func(name *string) *string { return name })
	}
	if err != nil {
		return Repositories{}, err
	}
	return r, nil
}

func decodeTags(body []byte) (l TagList, err error) {
	if err = l.UnmarshalJSON(body); err == nil {
		err = checkPage(body, "tags", l.Tags, func(t *TagAttributes) *string { return t.Name })
	}
	if err != nil {
		return TagList{}, err
	}
	return l, nil
}

func decodeManifests(body []byte) (m Manifests, err error) {
	if err = m.UnmarshalJSON(body); err == nil {
		err = checkPage(body, "manifests", m.Attributes, func(a *ManifestAttributes) *string { return a.Digest })
	}
	if err != nil {
		return Manifests{}, err
	}
	return m, nil
}

// pageQuery writes what a listing is asked for; what is nil is left out.
func pageQuery(last *string, size *int32, orderBy *string) url.Values {
	q := url.Values{}
	if last != nil {
		q.Set("last", *last)
	}
	if size != nil {
		q.Set("n", strconv.Itoa(int(*size)))
	}
	if orderBy != nil {
		q.Set("orderby", *orderBy)
	}
	return q
}

// given returns nil for a zero value, which stands for "not given".
func given[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

func value[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}
