package azcontainerregistry

import (
	"encoding/json"
	"net/url"
	"time"

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

// NewListDeletedRepositoriesPager returns a pager over the repositories in
// which soft delete keeps something (ACR protocol §3.10, a preview of ACR's).
func (c *Client) NewListDeletedRepositoriesPager(options *ClientListDeletedRepositoriesOptions) *runtime.Pager[ClientListDeletedRepositoriesResponse] {
	var o ClientListDeletedRepositoriesOptions
	if options != nil {
		o = *options
	}
	l := c.apiListing("/acr/v1/_deleted/_catalog", pageQuery(given(o.Last), given(o.PageSize), nil), deletedCatalogScope)
	return newCheckedPager(l, nil, "Client.NewListDeletedRepositoriesPager", "list deleted repositories", "",
		func(r *ClientListDeletedRepositoriesResponse) string { return r.Link },
		func(body []byte, link string) (r ClientListDeletedRepositoriesResponse, n int, last string, err error) {
			r.Link = link
			if err = json.Unmarshal(body, &r); err == nil && len(r.Repositories) > 0 {
				last = r.Repositories[len(r.Repositories)-1]
			}
			r.Link = link
			return r, len(r.Repositories), last, err
		})
}

// NewListDeletedManifestsPager returns a pager over the manifests that soft
// delete keeps (ACR protocol §3.10, a preview of ACR's).
func (c *Client) NewListDeletedManifestsPager(name string, options *ClientListDeletedManifestsOptions) *runtime.Pager[ClientListDeletedManifestsResponse] {
	var o ClientListDeletedManifestsOptions
	if options != nil {
		o = *options
	}
	l := c.apiListing(deletedPath(name)+"/_manifests", pageQuery(given(o.Last), given(o.PageSize), nil), deletedReadScope(name))
	return newCheckedPager(l, checkRepository("name", name), "Client.NewListDeletedManifestsPager", "list deleted manifests of", name,
		func(r *ClientListDeletedManifestsResponse) string { return r.Link },
		func(body []byte, link string) (r ClientListDeletedManifestsResponse, n int, last string, err error) {
			var list struct {
				Manifests []struct {
					Digest    string   `json:"digest"`
					Tags      []string `json:"tags"`
					DeletedAt acrTime  `json:"deletedAt"`
				} `json:"manifests"`
			}
			err = json.Unmarshal(body, &list)
			r.Link = link
			for _, m := range list.Manifests {
				r.Manifests = append(r.Manifests, DeletedManifest{Digest: m.Digest, Tags: m.Tags, DeletedOn: time.Time(m.DeletedAt)})
				last = m.Digest
			}
			return r, len(r.Manifests), last, err
		})
}

// NewListDeletedTagsPager returns a pager over the tags that soft delete keeps
// (ACR protocol §3.10, a preview of ACR's).
func (c *Client) NewListDeletedTagsPager(name string, options *ClientListDeletedTagsOptions) *runtime.Pager[ClientListDeletedTagsResponse] {
	var o ClientListDeletedTagsOptions
	if options != nil {
		o = *options
	}
	l := c.apiListing(deletedPath(name)+"/_tags", pageQuery(given(o.Last), given(o.PageSize), nil), deletedReadScope(name))
	return newCheckedPager(l, checkRepository("name", name), "Client.NewListDeletedTagsPager", "list deleted tags of", name,
		func(r *ClientListDeletedTagsResponse) string { return r.Link },
		func(body []byte, link string) (r ClientListDeletedTagsResponse, n int, last string, err error) {
			var list struct {
				Tags []struct {
					Tag       string  `json:"tag"`
					Digest    string  `json:"digest"`
					DeletedAt acrTime `json:"deletedAt"`
				} `json:"tags"`
			}
			err = json.Unmarshal(body, &list)
			r.Link = link
			for _, t := range list.Tags {
				r.Tags = append(r.Tags, DeletedTag{Name: t.Tag, Digest: t.Digest, DeletedOn: time.Time(t.DeletedAt)})
				// One tag may have been deleted several times.
				last = t.Tag + "@" + t.Digest + time.Time(t.DeletedAt).String()
			}
			return r, len(r.Tags), last, err
		})
}

// acrTime is a time as the registry writes it.
type acrTime time.Time

// UnmarshalJSON reads a timestamp or null.
func (t *acrTime) UnmarshalJSON(data []byte) error {
	return decode(data, func(s *modelReader) {
		if !s.Null() {
			*t = acrTime(s.Time())
		}
	})
}
