package azcontainerregistry

import (
	"context"
	"errors"
	"fmt"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
)

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
		return nil, errors.New("the listing points back to a page that was read already")
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
			return result, w.broken(malformedResponse(w.buf, err))
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
