package azcontainerregistry

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/acrkit/azcontainerregistry/internal/strict"
)

// NewListRepositoriesPager returns a pager over the names of all repositories,
// in lexical order (ACR protocol §3.1). A page that is truncated, or whose link
// points back or to another origin is an [*IncompleteListingError]: a shorter list is never returned.
// [Client.Repositories] is the same as an iterator. A pager is
// not safe for concurrent use.
func (c *Client) NewListRepositoriesPager(options *ClientListRepositoriesOptions) *runtime.Pager[ClientListRepositoriesResponse] {
	list := func() (*listing, error) { return c.repositoryListing(options), nil }
	return newPager(c.registry(), list, "Client.NewListRepositoriesPager", "list repositories", "",
		func(r *ClientListRepositoriesResponse) **string { return &r.Link },
		func(r *ClientListRepositoriesResponse) model { return &r.Repositories },
		func(body []byte, link string) (r ClientListRepositoriesResponse, n int, last string, err error) {
			r.Repositories, err = decodeRepositories(body)
			r.Link = optional(link)
			if n = len(r.Names); n > 0 {
				last = value(r.Names[n-1])
			}
			return r, n, last, err
		})
}

// NewListTagsPager returns a pager over the tags of a repository (ACR protocol
// §3.5). Its errors are those of [Client.NewListRepositoriesPager].
// [Client.Tags] is the same as an iterator.
func (c *Client) NewListTagsPager(name string, options *ClientListTagsOptions) *runtime.Pager[ClientListTagsResponse] {
	list := func() (*listing, error) { return c.tagListing(name, options) }
	return newPager(c.registry(), list, "Client.NewListTagsPager", "list tags of", name,
		func(r *ClientListTagsResponse) **string { return &r.Link },
		func(r *ClientListTagsResponse) model { return &r.TagList },
		func(body []byte, link string) (r ClientListTagsResponse, n int, last string, err error) {
			r.TagList, err = decodeTags(body)
			r.Link = optional(link)
			return r, len(r.Tags), lastTag(r.Tags), err
		})
}

// NewListManifestsPager returns a pager over the manifests of a repository, the
// untagged ones included (ACR protocol §3.8). Its errors are those of
// [Client.NewListRepositoriesPager]. [Client.Manifests] is the same as an
// iterator.
func (c *Client) NewListManifestsPager(name string, options *ClientListManifestsOptions) *runtime.Pager[ClientListManifestsResponse] {
	list := func() (*listing, error) { return c.manifestListing(name, options) }
	return newPager(c.registry(), list, "Client.NewListManifestsPager", "list manifests of", name,
		func(r *ClientListManifestsResponse) **string { return &r.Link },
		func(r *ClientListManifestsResponse) model { return &r.Manifests },
		func(body []byte, link string) (r ClientListManifestsResponse, n int, last string, err error) {
			r.Manifests, err = decodeManifests(body)
			r.Link = optional(link)
			return r, len(r.Attributes), lastManifest(r.Attributes), err
		})
}

func lastTag(tags []*TagAttributes) string {
	if len(tags) == 0 {
		return ""
	}
	return value(tags[len(tags)-1].Name)
}

func lastManifest(manifests []*ManifestAttributes) string {
	if len(manifests) == 0 {
		return ""
	}
	return value(manifests[len(manifests)-1].Digest)
}

// newPager makes a pager of a listing of v0.2.3's. A page goes through the
// pipeline with its body, is taken as it is, and may be asked for again: where
// the next one is follows from the page alone. Options are looked at when a page
// is asked for, as in v0.2.3. read fills in the page.
func newPager[T any](r *registry, list func() (*listing, error), span, operation, repository string, link func(*T) **string, read func(*T) model, decode func(body []byte, link string) (T, int, string, error)) *runtime.Pager[T] {
	var checked func(context.Context, *T) (T, error)
	return runtime.NewPager(runtime.PagingHandler[T]{
		More: func(page T) bool { return value(*link(&page)) != "" },
		Fetcher: func(ctx context.Context, current *T) (result T, err error) {
			l, invalid := list()
			if strict.Is(ctx) {
				if checked == nil || current == nil {
					checked = checkedFetcher(l, invalid, span, operation, repository, decode)
				}
				return checked(ctx, current)
			}
			ctx, end := r.beginPlain(ctx, span, operation, repository, "")
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
		Tracer: r.tracer,
	})
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
