// Package listing prints listings that may be long and may be cut short.
package listing

import (
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/artifact"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
)

// pageSize is what a listing asks for: the registry's maximum, so that long
// listings take the fewest requests.
const pageSize = 1000

// Flags are the flags of every listing.
type Flags struct {
	limit int
	size  int
	last  string
	order string
	top   int
	sizes artifact.ManifestCache // nil for no sizes
}

// Measure makes a listing of tags tell their sizes and platforms; what is read
// for that goes through a cache.
func (f *Flags) Measure(cache artifact.ManifestCache) { f.sizes = cache }

// Add adds the flags; listings by time have --order.
func (f *Flags) Add(command *cobra.Command, ordered bool) {
	f.AddLimit(command)
	command.Flags().IntVar(&f.size, "page-size", pageSize, "items to ask for in one request, 1 to 1000")
	command.Flags().StringVar(&f.last, "last", "", "begin after this `NAME` or digest")
	if ordered {
		command.Flags().StringVar(&f.order, "order", "name", "order: name, oldest, newest, or time, which is newest")
		command.Flags().IntVar(&f.top, "top", 0, "show the first `N` only, as --limit does (0: all)")
	}
}

// AddLimit adds only the limit, for listings whose pages the registry decides.
func (f *Flags) AddLimit(command *cobra.Command) {
	command.Flags().IntVar(&f.limit, "limit", 0, "stop after `N` items (0: list all)")
}

func (f *Flags) CheckLimit() error {
	if f.top < 0 {
		return failure.Usagef("--top %d: must not be negative", f.top)
	}
	if f.top > 0 {
		if f.limit != 0 && f.limit != f.top {
			return failure.Usagef("--top and --limit are the same: give one")
		}
		f.limit = f.top
	}
	if f.limit < 0 {
		return failure.Usagef("--limit %d: must not be negative", f.limit)
	}
	return nil
}

func (f *Flags) check() error {
	if err := f.CheckLimit(); err != nil {
		return err
	}
	if f.size < 1 || f.size > pageSize {
		return failure.Usagef("--page-size %d: must be 1 to %d", f.size, pageSize)
	}
	if f.order == "time" {
		f.order = "newest"
	}
	switch f.order {
	case "", "name", "oldest", "newest":
		return nil
	}
	return failure.Usagef("--order %q: must be one of name, oldest, newest, time", f.order)
}

// page is the size of the pages: no more than needed.
func (f *Flags) page() *int32 {
	size := pageSize
	if f.size > 0 {
		size = f.size
	}
	if f.limit > 0 {
		size = min(size, f.limit)
	}
	return to.Ptr(int32(size))
}

func (f *Flags) after() *string {
	if f.last == "" {
		return nil
	}
	return &f.last
}
