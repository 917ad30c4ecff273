// Package manifestcache keeps manifests by their digest: what a digest names
// never changes, so what was read once need not be read again.
package manifestcache

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/userfile"
	"github.com/acrkit/azcontainerregistry/internal/order"
)

const (
	maxMemory = 256 << 20 // bytes of manifests in memory: some kilobytes each
	maxFolder = 256 << 20 // bytes of manifests in the folder
	maxFile   = 16 << 20  // no manifest is larger
	// renewAfter is how old the time of a file becomes before a use renews it.
	renewAfter = 24 * time.Hour
)

// Cache keeps manifests in memory and, with a folder, for later commands as
// well. A cache is never a reason to fail: what can't be read or written isn't
// cached. It is safe for concurrent use; Close bounds the folder.
type Cache struct {
	folder string
	bound  int64

	mu      sync.Mutex
	kept    map[digest.Digest][]byte
	bytes   int
	written bool
}

// New makes a cache over a folder that only its owner can read, and that is
// made when something is kept. The empty name is a cache in memory alone.
func New(folder string) *Cache {
	return &Cache{folder: folder, bound: maxFolder, kept: map[digest.Digest][]byte{}}
}

// Manifest is the content of a digest, where the cache has it. A file whose
// content has another digest is removed.
func (c *Cache) Manifest(d digest.Digest) ([]byte, bool) {
	c.mu.Lock()
	data, ok := c.kept[d]
	c.mu.Unlock()
	if ok {
		return data, true
	}
	path, ok := c.path(d)
	if !ok {
		return nil, false
	}
	data, ok = readFile(path)
	if !ok {
		return nil, false
	}
	if d.Algorithm().FromBytes(data) != d {
		_ = os.Remove(path)
		return nil, false
	}
	if info, err := os.Lstat(path); err == nil && time.Since(info.ModTime()) > renewAfter {
		now := time.Now()
		_ = os.Chtimes(path, now, now)
	}
	c.remember(d, data)
	return data, true
}

// readFile reads a regular file of a manifest's size.
func readFile(path string) ([]byte, bool) {
	info, err := os.Lstat(path)
	if err != nil || !info.Mode().IsRegular() || info.Size() > maxFile {
		return nil, false
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, false
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxFile))
	return data, err == nil
}

// path is the file of a digest; false without a folder.
func (c *Cache) path(d digest.Digest) (string, bool) {
	if c.folder == "" || d.Validate() != nil {
		return "", false
	}
	hex := d.Encoded()
	return filepath.Join(c.folder, string(d.Algorithm()), hex[:2], hex), true
}

// remember keeps a manifest in memory while there is space.
func (c *Cache) remember(d digest.Digest, data []byte) (fresh bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, known := c.kept[d]; known {
		return false
	}
	if c.bytes+len(data) <= maxMemory {
		c.kept[d] = data
		c.bytes += len(data)
	}
	return true
}

// Keep keeps the content of a digest.
func (c *Cache) Keep(d digest.Digest, data []byte) {
	if !c.remember(d, data) {
		return
	}
	path, ok := c.path(d)
	if !ok || len(data) > maxFile {
		return
	}
	if writeFile(path, data) == nil {
		c.mu.Lock()
		c.written = true
		c.mu.Unlock()
	}
}

// writeFile writes a file for its owner, whole or not at all.
func writeFile(path string, data []byte) error {
	if _, err := os.Lstat(path); err == nil {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return userfile.Write(path, data)
}

// Close removes what was used longest ago until the folder is within its bound.
func (c *Cache) Close() error {
	c.mu.Lock()
	written := c.written
	c.mu.Unlock()
	if !written {
		return nil
	}
	type entry struct {
		path string
		size int64
		used time.Time
	}
	var entries []entry
	var sum int64
	_ = filepath.WalkDir(c.folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil // what isn't there any more, another command has removed
		}
		if info, err := d.Info(); err == nil {
			entries = append(entries, entry{path, info.Size(), info.ModTime()})
			sum += info.Size()
		}
		return nil
	})
	if sum <= c.bound {
		return nil
	}
	order.By(entries, func(a, b entry) int { return a.used.Compare(b.used) })
	for _, e := range entries {
		// Some space is freed, so that not every command has to.
		if sum <= c.bound-c.bound/8 {
			break
		}
		if os.Remove(e.path) == nil {
			sum -= e.size
		}
	}
	return nil
}
