package azcontainerregistry

import (
	"encoding/json"
	"net/url"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
)

func (c *Client) apiListing(path string, first url.Values, scope string) *listing {
	first.Set("api-version", c.registry.apiVersion)
	return &listing{registry: c.registry, path: path, first: first, sticky: url.Values{}, scope: scope}
}

func (c *Client) repositoryListing(options *ClientListRepositoriesOptions) *listing {
	var o ClientListRepositoriesOptions
	if options != nil {
		o = *options
	}
	return c.apiListing("/acr/v1/_catalog", pageQuery(o.Last, o.MaxNum, nil), catalogScope)
}

func (c *Client) tagListing(name string, options *ClientListTagsOptions) (*listing, error) {
	var o ClientListTagsOptions
	if options != nil {
		o = *options
	}
	l := c.apiListing(repositoryPath(name)+"/_tags", pageQuery(o.Last, o.MaxNum, (*string)(o.OrderBy)), readScope(name))
	if o.Digest != nil {
		l.sticky.Set("digest", *o.Digest)
		return l, checkAll(checkRepository("name", name), checkDigest("Digest", *o.Digest))
	}
	return l, checkRepository("name", name)
}

func (c *Client) manifestListing(name string, options *ClientListManifestsOptions) (*listing, error) {
	var o ClientListManifestsOptions
	if options != nil {
		o = *options
	}
	l := c.apiListing(repositoryPath(name)+"/_manifests", pageQuery(o.Last, o.MaxNum, (*string)(o.OrderBy)), readScope(name))
	return l, checkRepository("name", name)
}

// NewListRepositoriesPager returns a pager over the names of all repositories,
// in lexical order (ACR protocol §3.1). A page that breaks off, leads back or
// to another origin is an [*IncompleteListingError]: there is no such thing as
// a shorter list. [Client.Repositories] is the same as an iterator. A pager is
// not safe for concurrent use.
func (c *Client) NewListRepositoriesPager(options *ClientListRepositoriesOptions) *runtime.Pager[ClientListRepositoriesResponse] {
	return newPager(c.repositoryListing(options), nil, "Client.NewListRepositoriesPager", "list repositories", "",
		func(r *ClientListRepositoriesResponse) **string { return &r.Link },
		func(r *ClientListRepositoriesResponse) json.Unmarshaler { return &r.Repositories },
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
	l, invalid := c.tagListing(name, options)
	return newPager(l, invalid, "Client.NewListTagsPager", "list tags of", name,
		func(r *ClientListTagsResponse) **string { return &r.Link },
		func(r *ClientListTagsResponse) json.Unmarshaler { return &r.TagList },
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
	l, invalid := c.manifestListing(name, options)
	return newPager(l, invalid, "Client.NewListManifestsPager", "list manifests of", name,
		func(r *ClientListManifestsResponse) **string { return &r.Link },
		func(r *ClientListManifestsResponse) json.Unmarshaler { return &r.Manifests },
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
