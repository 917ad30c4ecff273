package artifact

import (
	"context"
	"io"
	"os"
	"sync"

	"github.com/opencontainers/go-digest"
)

// hashedFiles remembers which files of a layout were read and found to have
// their digest. The zero value is ready.
type hashedFiles struct {
	mu    sync.Mutex
	files map[digest.Digest]os.FileInfo
}

// check reports whether f has the digest.
func (h *hashedFiles) check(ctx context.Context, f *os.File, d digest.Digest) (bool, error) {
	before, err := f.Stat()
	if err != nil || h.has(d, before) {
		return err == nil, err
	}
	sum := d.Algorithm().Hash()
	if _, err := io.CopyBuffer(struct{ io.Writer }{sum}, contextReader{ctx, f}, make([]byte, bufferFor(before.Size()))); err != nil {
		return false, err
	}
	if digest.NewDigest(d.Algorithm(), sum) != d {
		return false, nil
	}
	h.add(d, before)
	return true, nil
}

// has reports whether the file was right when it was as it is now.
func (h *hashedFiles) has(d digest.Digest, now os.FileInfo) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	then, ok := h.files[d]
	return ok && os.SameFile(then, now) && then.Size() == now.Size() && then.ModTime().Equal(now.ModTime())
}

// add remembers a file that is right.
func (h *hashedFiles) add(d digest.Digest, as os.FileInfo) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.files == nil {
		h.files = map[digest.Digest]os.FileInfo{}
	}
	h.files[d] = as
}
