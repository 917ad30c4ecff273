package listing

import (
	"context"
	"errors"
	"iter"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"github.com/acrkit/azcontainerregistry"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/output"
)

// take ends a sequence after limit items; 0 means never. An item that was asked
// for is not missing, so this is no incomplete listing.
func take[T any](items iter.Seq2[T, error], limit int) iter.Seq2[T, error] {
	if limit <= 0 {
		return items
	}
	return func(yield func(T, error) bool) {
		count := 0
		for item, err := range items {
			if !yield(item, err) || err != nil {
				return
			}
			if count++; count == limit {
				return
			}
		}
	}
}

// Mapped changes each item of a sequence.
func Mapped[T, U any](items iter.Seq2[T, error], change func(T) U) iter.Seq2[U, error] {
	return func(yield func(U, error) bool) {
		for item, err := range items {
			if err != nil {
				var zero U
				yield(zero, err)
				return
			}
			if !yield(change(item), nil) {
				return
			}
		}
	}
}

// whole makes sure that an error behind the first item is known as what it is:
// a listing that was cut short.
func whole[T any](items iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		count := 0
		for item, err := range items {
			if err != nil && count > 0 && !errors.As(err, new(*azcontainerregistry.IncompleteListingError)) {
				err = &azcontainerregistry.IncompleteListingError{Items: count, Err: err}
			}
			if !yield(item, err) || err != nil {
				return
			}
			count++
		}
	}
}

// Print prints a listing.
func Print[T any](p *output.Printer, f Flags, view output.View[T], items iter.Seq2[T, error]) error {
	return output.List(p, view, whole(take(items, f.limit)))
}

// paged ranges over the items of a pager's pages.
func paged[P, T any](ctx context.Context, pager *runtime.Pager[P], items func(P) []T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for pager.More() {
			page, err := pager.NextPage(ctx)
			if err != nil {
				var zero T
				yield(zero, err)
				return
			}
			for _, item := range items(page) {
				if !yield(item, nil) {
					return
				}
			}
		}
	}
}
