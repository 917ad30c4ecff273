package main

import (
	"context"
	"errors"
	"iter"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/output"
)

// pageSize is what a listing asks for: the registry's maximum, so that long
// listings take the fewest requests.
const pageSize = 1000

// listFlags are the flags of every listing.
type listFlags struct {
	limit int
	size  int
	last  string
	order string
}

// add adds the flags; listings by time have --order.
func (f *listFlags) add(command *cobra.Command, ordered bool) {
	f.addLimit(command)
	command.Flags().IntVar(&f.size, "page-size", pageSize, "ask for so many items a request, 1 to 1000")
	command.Flags().StringVar(&f.last, "last", "", "begin after this `name` or digest")
	if ordered {
		command.Flags().StringVar(&f.order, "order", "name", "order: name, oldest, newest")
	}
}

// addLimit adds only the limit, for listings whose pages the registry decides.
func (f *listFlags) addLimit(command *cobra.Command) {
	command.Flags().IntVar(&f.limit, "limit", 0, "stop after this `number` of items (0: list all)")
}

func (f *listFlags) checkLimit() error {
	if f.limit < 0 {
		return usagef("--limit %d: must not be negative", f.limit)
	}
	return nil
}

func (f *listFlags) check() error {
	if err := f.checkLimit(); err != nil {
		return err
	}
	if f.size < 1 || f.size > pageSize {
		return usagef("--page-size %d: must be 1 to %d", f.size, pageSize)
	}
	switch f.order {
	case "", "name", "oldest", "newest":
		return nil
	}
	return usagef("--order %q: must be one of name, oldest, newest", f.order)
}

// page is the size of the pages: no more than wanted.
func (f *listFlags) page() *int32 {
	size := pageSize
	if f.size > 0 {
		size = f.size
	}
	if f.limit > 0 {
		size = min(size, f.limit)
	}
	return to.Ptr(int32(size))
}

func (f *listFlags) after() *string {
	if f.last == "" {
		return nil
	}
	return &f.last
}

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

// mapped changes each item of a sequence.
func mapped[T, U any](items iter.Seq2[T, error], change func(T) U) iter.Seq2[U, error] {
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

// list prints a listing.
func list[T any](a *app, f listFlags, view output.View[T], items iter.Seq2[T, error]) error {
	return output.List(a.printer, view, whole(take(items, f.limit)))
}

func (a *app) listRepositories(ctx context.Context, h host, f listFlags) error {
	if err := f.check(); err != nil {
		return err
	}
	r, err := a.open(ctx, h)
	if err != nil {
		return err
	}
	names := r.client.Repositories(ctx, &azcontainerregistry.ClientListRepositoriesOptions{MaxNum: f.page(), Last: f.after()})
	return list(a, f, a.repositoryView(), mapped(names, func(name string) repositoryItem {
		return repositoryItem{Name: name, Reference: reference{Registry: h, Repository: name}.String()}
	}))
}

func (a *app) listTags(ctx context.Context, ref reference, f listFlags) error {
	if err := f.check(); err != nil {
		return err
	}
	r, err := a.open(ctx, ref.Registry)
	if err != nil {
		return err
	}
	options := &azcontainerregistry.ClientListTagsOptions{MaxNum: f.page(), Last: f.after()}
	switch f.order {
	case "oldest":
		options.OrderBy = to.Ptr(azcontainerregistry.ArtifactTagOrderByLastUpdatedOnAscending)
	case "newest":
		options.OrderBy = to.Ptr(azcontainerregistry.ArtifactTagOrderByLastUpdatedOnDescending)
	}
	if ref.Digest != "" {
		options.Digest = &ref.Digest
	}
	tags := r.client.Tags(ctx, ref.Repository, options)
	return list(a, f, a.tagView(), mapped(tags, func(t *azcontainerregistry.TagAttributes) tagItem {
		return toTagItem(ref, t)
	}))
}

func (a *app) listManifests(ctx context.Context, ref reference, f listFlags) error {
	if err := f.check(); err != nil {
		return err
	}
	r, err := a.open(ctx, ref.Registry)
	if err != nil {
		return err
	}
	options := &azcontainerregistry.ClientListManifestsOptions{MaxNum: f.page(), Last: f.after()}
	switch f.order {
	case "oldest":
		options.OrderBy = to.Ptr(azcontainerregistry.ArtifactManifestOrderByLastUpdatedOnAscending)
	case "newest":
		options.OrderBy = to.Ptr(azcontainerregistry.ArtifactManifestOrderByLastUpdatedOnDescending)
	}
	manifests := r.client.Manifests(ctx, ref.Repository, options)
	return list(a, f, a.manifestView(), mapped(manifests, func(m *azcontainerregistry.ManifestAttributes) manifestItem {
		return toManifestItem(ref, m)
	}))
}
