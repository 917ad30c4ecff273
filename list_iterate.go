package azcontainerregistry

import (
	"context"
	"errors"
	"io"
	"iter"
)

// iterate yields the items of a listing, an error last if there is one. From
// the second page on it asks for the page after next while the next one is
// read: a loop that stops within the first page costs one request, and one that
// goes on waits for one answer less a page. Nothing of it is left when the loop
// ends.
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
var errStopped = errors.New("loop has ended")

func iteratePages[T any](ctx context.Context, l *listing, decode func([]byte) ([]T, string, error), yield func(T) bool) error {
	w := l.walk()
	ahead := &readAhead{walk: w}
	defer ahead.stop()
	p, err := w.open(ctx, l.start())
	for n := 1; ; n++ {
		if err != nil {
			return w.broken(err)
		}
		if n > 1 && p.next != "" && p.nextErr == nil {
			ahead.start(ctx, p.next)
		}
		if w.buf, err = l.read(ctx, p, w.buf); err != nil {
			return w.broken(err)
		}
		items, last, decodeErr := decode(w.buf)
		if decodeErr != nil {
			return w.broken(malformedAnswer(w.buf, decodeErr))
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
		switch {
		case p.nextErr != nil:
			return w.broken(p.nextErr)
		case p.next == "":
			return nil
		}
		p, err = ahead.take(ctx, p.next)
	}
}

// readAhead asks for one page in the background.
type readAhead struct {
	walk   *walk
	cancel context.CancelFunc
	done   chan struct{}
	page   *page
	err    error
	want   string
}

func (a *readAhead) start(ctx context.Context, address string) {
	// The caller's captured answer would otherwise be written behind its back.
	ctx, a.cancel = context.WithCancel(withoutCapture(ctx))
	a.done, a.want = make(chan struct{}), address
	go func() {
		defer close(a.done)
		a.page, a.err = a.walk.open(ctx, address)
	}()
}

// take returns the page, from the background if it was asked for there.
func (a *readAhead) take(ctx context.Context, address string) (*page, error) {
	if a.done == nil {
		return a.walk.open(ctx, address)
	}
	<-a.done
	p, err, asked := a.page, a.err, a.want
	cancel := a.cancel
	*a = readAhead{walk: a.walk}
	if err != nil || asked != address {
		cancel()
		if p != nil {
			p.resp.Body.Close()
			return a.walk.open(ctx, address)
		}
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		cancel()
		p.resp.Body.Close()
		return nil, err
	}
	// The context ends with the page's body.
	p.resp.Body = &cancelBody{ReadCloser: p.resp.Body, cancel: cancel}
	return p, nil
}

// stop ends what is under way and waits for it.
func (a *readAhead) stop() {
	if a.done == nil {
		return
	}
	a.cancel()
	<-a.done
	if a.page != nil {
		a.page.resp.Body.Close()
	}
}

// cancelBody ends a context together with a body.
type cancelBody struct {
	io.ReadCloser
	cancel context.CancelFunc
}

func (b *cancelBody) Close() error {
	defer b.cancel()
	return b.ReadCloser.Close()
}
