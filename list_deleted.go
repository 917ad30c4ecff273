package azcontainerregistry

import (
	"encoding/json"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
)

// NewListDeletedRepositoriesPager returns a pager over the repositories in
// which soft delete keeps something (ACR protocol §3.10, a preview of ACR's). A
// page that is not a list, is truncated or was listed before is an *IncompleteListingError.
func (c *Client) NewListDeletedRepositoriesPager(options *ClientListDeletedRepositoriesOptions) *runtime.Pager[ClientListDeletedRepositoriesResponse] {
	var o ClientListDeletedRepositoriesOptions
	if options != nil {
		o = *options
	}
	l := c.apiListing("/acr/v1/_deleted/_catalog", pageQuery(given(o.Last), given(o.PageSize), nil), deletedCatalogScope)
	return newCheckedPager(l, nil, "Client.NewListDeletedRepositoriesPager", "list deleted repositories", "",
		func(r *ClientListDeletedRepositoriesResponse) string { return r.Link },
		func(body []byte, link string) (r ClientListDeletedRepositoriesResponse, n int, last string, err error) {
			r.Repositories, err = decodeDeletedRepositories(body)
			r.Link = link
			if n = len(r.Repositories); n > 0 {
				last = r.Repositories[n-1]
			}
			return r, n, last, err
		})
}

// NewListDeletedManifestsPager returns a pager over the manifests that soft
// delete keeps (ACR protocol §3.10, a preview of ACR's). Its errors are those of
// [Client.NewListDeletedRepositoriesPager].
func (c *Client) NewListDeletedManifestsPager(name string, options *ClientListDeletedManifestsOptions) *runtime.Pager[ClientListDeletedManifestsResponse] {
	var o ClientListDeletedManifestsOptions
	if options != nil {
		o = *options
	}
	l := c.apiListing(deletedPath(name)+"/_manifests", pageQuery(given(o.Last), given(o.PageSize), nil), deletedReadScope(name))
	return newCheckedPager(l, checkRepository("name", name), "Client.NewListDeletedManifestsPager", "list deleted manifests of", name,
		func(r *ClientListDeletedManifestsResponse) string { return r.Link },
		func(body []byte, link string) (r ClientListDeletedManifestsResponse, n int, last string, err error) {
			r.Manifests, err = decodeDeletedManifests(body)
			r.Link = link
			if n = len(r.Manifests); n > 0 {
				last = r.Manifests[n-1].Digest
			}
			return r, n, last, err
		})
}

// NewListDeletedTagsPager returns a pager over the tags that soft delete keeps
// (ACR protocol §3.10, a preview of ACR's). Its errors are those of
// [Client.NewListDeletedRepositoriesPager].
func (c *Client) NewListDeletedTagsPager(name string, options *ClientListDeletedTagsOptions) *runtime.Pager[ClientListDeletedTagsResponse] {
	var o ClientListDeletedTagsOptions
	if options != nil {
		o = *options
	}
	l := c.apiListing(deletedPath(name)+"/_tags", pageQuery(given(o.Last), given(o.PageSize), nil), deletedReadScope(name))
	return newCheckedPager(l, checkRepository("name", name), "Client.NewListDeletedTagsPager", "list deleted tags of", name,
		func(r *ClientListDeletedTagsResponse) string { return r.Link },
		func(body []byte, link string) (r ClientListDeletedTagsResponse, n int, last string, err error) {
			r.Tags, err = decodeDeletedTags(body)
			r.Link = link
			if n = len(r.Tags); n > 0 {
				t := r.Tags[n-1]
				// One tag may have been deleted several times.
				last = t.Name + "@" + t.Digest + t.DeletedOn.String()
			}
			return r, n, last, err
		})
}

func decodeDeletedRepositories(body []byte) (repositories []string, err error) {
	var list struct {
		Repositories []*string `json:"repositories"`
	}
	if err := json.Unmarshal(body, &list); err != nil {
		return nil, err
	}
	if err := checkPage(body, "repositories", list.Repositories, func(name *string) *string { return name }); err != nil {
		return nil, err
	}
	for _, name := range list.Repositories {
		repositories = append(repositories, *name)
	}
	return repositories, nil
}

type deletedManifest struct {
	Digest    *string  `json:"digest"`
	Tags      []string `json:"tags"`
	DeletedAt acrTime  `json:"deletedAt"`
}

func decodeDeletedManifests(body []byte) (manifests []DeletedManifest, err error) {
	var list struct {
		Manifests []*deletedManifest `json:"manifests"`
	}
	if err := json.Unmarshal(body, &list); err != nil {
		return nil, err
	}
	if err := checkPage(body, "manifests", list.Manifests, func(m *deletedManifest) *string { return m.Digest }); err != nil {
		return nil, err
	}
	for _, m := range list.Manifests {
		manifests = append(manifests, DeletedManifest{Digest: *m.Digest, Tags: m.Tags, DeletedOn: time.Time(m.DeletedAt)})
	}
	return manifests, nil
}

type deletedTag struct {
	Tag       *string `json:"tag"`
	Digest    string  `json:"digest"`
	DeletedAt acrTime `json:"deletedAt"`
}

func decodeDeletedTags(body []byte) (tags []DeletedTag, err error) {
	var list struct {
		Tags []*deletedTag `json:"tags"`
	}
	if err := json.Unmarshal(body, &list); err != nil {
		return nil, err
	}
	if err := checkPage(body, "tags", list.Tags, func(t *deletedTag) *string { return t.Tag }); err != nil {
		return nil, err
	}
	for _, t := range list.Tags {
		tags = append(tags, DeletedTag{Name: *t.Tag, Digest: t.Digest, DeletedOn: time.Time(t.DeletedAt)})
	}
	return tags, nil
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
