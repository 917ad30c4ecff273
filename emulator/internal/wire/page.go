package wire

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/acrkit/azcontainerregistry/emulator/internal/protocol"
	"github.com/acrkit/azcontainerregistry/emulator/internal/quirk"
	"github.com/acrkit/azcontainerregistry/emulator/internal/store"
)

const (
	defaultPageSize = 100
)

// page is what a listing's query asks for (ACR protocol §3.1).
type page struct {
	size    int
	last    string // as the query has it, decoded once
	orderBy string // echoed in the next page's Link
	order   store.Order
}

// readPage reads n, last and orderby. An n above the limit is clamped.
func (c *Call) readPage() (page, error) {
	query := c.r.URL.Query()
	p := page{size: defaultPageSize, last: query.Get("last"), orderBy: query.Get("orderby")}
	switch p.orderBy {
	case "timeasc":
		p.order = store.ByTime
	case "timedesc":
		p.order = store.ByTimeDescending
	}
	if c.op.row.route == protocol.RouteTagsList {
		p.size = c.Quirks.Number(quirk.TagsListPage)
	}
	if !query.Has("n") {
		return p, nil
	}
	value := query.Get("n")
	n, err := strconv.Atoi(value)
	switch {
	case err == nil && n > 0:
		p.size = min(n, quirk.MaxPageSize)
	case err == nil && n == 0 && c.op.row.route == protocol.RouteTagsList && c.Quirks.Is(quirk.InvalidPageSize, "specification"):
		p.size = 0
	case c.Quirks.Is(quirk.InvalidPageSize, "refuse"):
		return p, protocol.ErrPaginationInvalid.WithDetail(map[string]string{"n": value})
	}
	return p, nil
}

// cursor is where the page begins. In time order, last is ticks and name with
// an ampersand between.
func (p page) cursor() store.Cursor {
	if p.last == "" {
		return store.Cursor{}
	}
	if p.order == store.ByName {
		return store.Cursor{Name: p.last, Set: true}
	}
	value, name, ok := strings.Cut(p.last, "&")
	ticks, err := strconv.ParseInt(value, 10, 64)
	if !ok || err != nil || ticks < 0 {
		return store.Cursor{}
	}
	return store.Cursor{Ticks: store.Ticks(ticks), Name: name, Set: true}
}

// nameCursor is cursor for a listing that knows no other order.
func (p page) nameCursor() store.Cursor { return store.Cursor{Name: p.last, Set: p.last != ""} }

// cursorOf is the last of a page that ends with an item.
func (p page) cursorOf(name string, updated store.Ticks) string {
	if p.order == store.ByName {
		return name
	}
	return fmt.Sprintf("%d&%s", updated, name)
}

// setNext writes the Link to the next page: the path as it was sent, the
// query's keys in alphabetical order, everything else dropped.
func (c *Call) setNext(p page, last string) {
	c.w.Header().Set("Link", fmt.Sprintf("<%s?last=%s&n=%d&orderby=%s>; rel=\"next\"",
		c.r.URL.EscapedPath(), url.QueryEscape(last), p.size, url.QueryEscape(p.orderBy)))
}

// setReferrersNext is setNext for referrers, whose filter has to stay.
func (c *Call) setReferrersNext(p page, last, artifactType string) {
	query := "last=" + url.QueryEscape(last) + "&n=" + strconv.Itoa(p.size)
	if artifactType != "" {
		query = "artifactType=" + url.QueryEscape(artifactType) + "&" + query
	}
	c.w.Header().Set("Link", fmt.Sprintf("<%s?%s>; rel=\"next\"", c.r.URL.EscapedPath(), query))
}

// collector gathers one page of a listing and knows when more follows.
type collector[T any] struct {
	size  int
	items []T
	last  string // cursor of the last item
	more  bool
}

// add takes an item while there is space; it returns false when the scan can
// stop.
func (c *collector[T]) add(item T, cursor string) bool {
	if len(c.items) == c.size {
		c.more = true
		return false
	}
	c.items = append(c.items, item)
	c.last = cursor
	return true
}
