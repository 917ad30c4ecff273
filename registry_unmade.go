package azcontainerregistry

import (
	"errors"
	"net/url"
	"sync"
)

// errUnmade is for the calls of a client that no constructor made, such as a
// zero value: it has no registry.
var errUnmade = errors.New("client has no registry: make it with a constructor, such as NewClient")

// unmadeRegistry is what such clients have: no request to it can be made.
var unmadeRegistry = sync.OnceValue(func() *registry {
	r := &registry{base: &url.URL{}, unmade: true}
	r.tokens = newTokenSource(r, nil, anonymousGrant{})
	return r
})

func (c *Client) registry() *registry {
	if c == nil || c.made == nil {
		return unmadeRegistry()
	}
	return c.made
}

func (c *BlobClient) registry() *registry {
	if c == nil || c.made == nil {
		return unmadeRegistry()
	}
	return c.made
}

func (c *AuthenticationClient) registry() *registry {
	if c == nil || c.made == nil {
		return unmadeRegistry()
	}
	return c.made
}
