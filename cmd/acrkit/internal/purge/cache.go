package purge

import (
	"sync"

	"github.com/opencontainers/go-digest"
)

// maxCached bounds what a [Cache] holds: manifests are some kilobytes each.
const maxCached = 256 << 20

// Cache keeps the manifests of one run in memory, so that the guard, which reads
// the repository again, asks for none twice. It is safe for concurrent use.
type Cache struct {
	mu    sync.Mutex
	kept  map[digest.Digest][]byte
	bytes int
}

// Manifest is the content of a digest, where the cache has it.
func (c *Cache) Manifest(d digest.Digest) ([]byte, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	data, ok := c.kept[d]
	return data, ok
}

// Keep keeps the content of a digest while there is room.
func (c *Cache) Keep(d digest.Digest, data []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.kept == nil {
		c.kept = map[digest.Digest][]byte{}
	}
	if _, known := c.kept[d]; known || c.bytes+len(data) > maxCached {
		return
	}
	c.kept[d] = data
	c.bytes += len(data)
}
