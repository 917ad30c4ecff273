package azcontainerregistry

import (
	"context"
	"errors"
	"iter"
)

// iterate yields the items of a listing, an error last if there is one. From
// the second page on it asks for the page after next while the next one is
// read, and receives a page while the items of the one before are decoded and
// yielded: a loop that stops within the first page costs one request, and one that
// continues waits for one response less a page. Nothing of it is left when the loop
// ends. Who captures responses has them one after the other: no page is asked for
// ahead then.
func iterate[T any](ctx context.Context, l *listing, invalid error, span, operation, repository, reference string, decode func(body []byte) (items []T, last string, err error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var zero T
		ctx, end := l.registry.begin(ctx, span, operation, repository, reference)
		err := invalid
		if err == nil {
			err = iteratePages(ctx, l, decode, func(item T) bool { return yield(item, nil) })
		}
		if err == errStopped {
			err = nil
		}
		end(&err)
		if err != nil {
			yield(zero, err)
		}
	}
}

// errStopped says that the loop over an iterator ended by itself.
var errStopped = errors.New("loop is over")

func iteratePages[T any](ctx context.Context, l *listing, decode func([]byte) ([]T, string, error), yield func(T) bool) error {
	w := l.walk()
	var spare []byte
	current := w.fetch(ctx, l.start(), nil)
	var ahead *pageFetch
	inTurn := captures(ctx)
	defer func() {
		current.stop()
		ahead.stop()
	}()
	for n := 1; ; n++ {
		next, err := current.next()
		if err != nil {
			return w.broken(err)
		}
		if n > 1 && next != "" && !inTurn {
			ahead = w.fetchAhead(ctx, next, spare)
		}
		p, data, err := current.read(ctx)
		if err != nil {
			return w.broken(err)
		}
		items, last, decodeErr := decode(data)
		if decodeErr != nil {
			return w.broken(malformedResponse(data, decodeErr))
		}
		for _, item := range items {
			w.items++
			if !yield(item) {
				return errStopped
			}
		}
		w.items -= len(items)
		if err := w.count(len(items), last); err != nil {
			return w.broken(err)
		}
		if p.nextErr != nil {
			return w.broken(p.nextErr)
		}
		if p.next == "" {
			return nil
		}
		if ahead != nil && ahead.address != p.next {
			ahead.stop() // the page was asked for again and has another link now
			ahead = nil
		}
		spare = data
		if current, ahead = ahead, nil; current == nil {
			current = w.fetch(ctx, p.next, spare)
			spare = nil
		}
	}
}

// pageFetch asks for one page and reads it, in the background or when its
// methods are called.
type pageFetch struct {
	address string
	walk    *walk
	cancel  context.CancelFunc
	buf     []byte

	page   *page
	err    error
	follow string        // the link of page as it came first
	opened chan struct{} // closed when the three above are known; nil in the foreground
	done   chan struct{} // closed when data and readErr are, too

	data    []byte
	readErr error
}

// fetch asks for a page now. buf is memory for its body.
func (w *walk) fetch(ctx context.Context, address string, buf []byte) *pageFetch {
	f := &pageFetch{address: address, walk: w, buf: buf}
	f.open(ctx)
	return f
}

// fetchAhead asks for a page and reads it in the background.
func (w *walk) fetchAhead(ctx context.Context, address string, buf []byte) *pageFetch {
	f := &pageFetch{address: address, walk: w, buf: buf, opened: make(chan struct{}), done: make(chan struct{})}
	// The caller's captured response would otherwise be overwritten after it returned.
	ctx, f.cancel = context.WithCancel(withoutCapture(ctx))
	go func() {
		defer close(f.done)
		f.open(ctx)
		close(f.opened)
		f.readBody(ctx)
	}()
	return f
}

func (f *pageFetch) open(ctx context.Context) {
	f.page, f.err = f.walk.open(ctx, f.address)
	if f.err == nil && f.page.nextErr == nil {
		f.follow = f.page.next
	}
}

func (f *pageFetch) readBody(ctx context.Context) {
	if f.err == nil {
		f.data, f.readErr = f.walk.listing.read(ctx, f.page, f.buf)
	}
}

// next waits for the header of the page and returns the address of the next one,
// "" where there is none that can be asked for yet.
func (f *pageFetch) next() (string, error) {
	if f.opened != nil {
		<-f.opened
	}
	return f.follow, f.err
}

// read returns the page and its body.
func (f *pageFetch) read(ctx context.Context) (*page, []byte, error) {
	if f.done == nil {
		f.readBody(ctx)
		return f.page, f.data, f.readErr
	}
	<-f.done
	f.cancel()
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	return f.page, f.data, f.readErr
}

// stop ends what is under way and waits for it.
func (f *pageFetch) stop() {
	if f == nil || f.done == nil {
		return
	}
	f.cancel()
	<-f.done
}
