package azcontainerregistry

import (
	"context"
	"iter"
)

// Repositories yields the names of all repositories, in lexical order
// (ACR protocol §3.1). An error comes once, last, with an empty name. A loop
// that stops early stops the requests; ranging again starts afresh. The
// context must last as long as the loop.
func (c *Client) Repositories(ctx context.Context, options *ClientListRepositoriesOptions) iter.Seq2[string, error] {
	return iterate(ctx, c.repositoryListing(options), nil, "Client.Repositories", "list repositories", "", "",
		func(body []byte) (names []string, last string, err error) {
			r, err := decodeRepositories(body)
			for _, name := range r.Names {
				last = *name
				names = append(names, last)
			}
			return names, last, err
		})
}

// Tags yields the tags of a repository (ACR protocol §3.5). An error comes
// once, last, with a nil tag. See [Client.Repositories].
func (c *Client) Tags(ctx context.Context, name string, options *ClientListTagsOptions) iter.Seq2[*TagAttributes, error] {
	l, invalid := c.tagListing(name, options)
	return iterate(ctx, l, invalid, "Client.Tags", "list tags of", name, "",
		func(body []byte) ([]*TagAttributes, string, error) {
			r, err := decodeTags(body)
			return r.Tags, lastTag(r.Tags), err
		})
}

// Manifests yields the manifests of a repository, the untagged ones included
// (ACR protocol §3.8). An error comes once, last, with a nil manifest. See
// [Client.Repositories].
func (c *Client) Manifests(ctx context.Context, name string, options *ClientListManifestsOptions) iter.Seq2[*ManifestAttributes, error] {
	l, invalid := c.manifestListing(name, options)
	return iterate(ctx, l, invalid, "Client.Manifests", "list manifests of", name, "",
		func(body []byte) ([]*ManifestAttributes, string, error) {
			r, err := decodeManifests(body)
			return r.Attributes, lastManifest(r.Attributes), err
		})
}
