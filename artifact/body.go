package artifact

import (
	"context"
	"fmt"
	"io"
	"sync"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// body is a blob's content as an upload needs it: it can seek, and it opens
// its source when the first byte is asked for, since a mount needs none. A
// source that cannot seek is opened again instead.
type body struct {
	ctx     context.Context
	content *Content
	desc    ocispec.Descriptor
	offset  int64 // where the next Read begins

	mu     sync.Mutex // an upload that was given up may close while it reads
	r      io.ReadCloser
	at     int64 // where r stands
	closed bool
}

// Read opens the source where it has to. It gives nothing any more once the copy
// is cancelled, so that no upload completes after it.
func (b *body) Read(p []byte) (int, error) {
	if err := context.Cause(b.ctx); err != nil {
		return 0, err
	}
	r, err := b.reader()
	if err != nil {
		return 0, err
	}
	n, err := r.Read(p)
	b.offset += int64(n)
	b.mu.Lock()
	b.at = b.offset
	b.mu.Unlock()
	return n, err
}

func (b *body) reader() (io.ReadCloser, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil, io.ErrClosedPipe
	}
	if b.r != nil && b.at == b.offset {
		return b.r, nil
	}
	if seeker, ok := b.r.(io.Seeker); ok {
		if _, err := seeker.Seek(b.offset, io.SeekStart); err != nil {
			return nil, err
		}
		b.at = b.offset
		return b.r, nil
	}
	if b.r != nil {
		b.r.Close()
		b.r = nil
	}
	r, err := b.content.Open(b.ctx)
	if err != nil {
		return nil, err
	}
	if seeker, ok := r.(io.Seeker); ok {
		_, err = seeker.Seek(b.offset, io.SeekStart)
	} else {
		_, err = io.CopyN(io.Discard, contextReader{b.ctx, r}, b.offset)
	}
	if err != nil {
		r.Close()
		return nil, fmt.Errorf("read %s from byte %d: %w", b.desc.Digest, b.offset, err)
	}
	b.r, b.at = r, b.offset
	return r, nil
}

// Seek sets where the next Read begins.
func (b *body) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += b.offset
	case io.SeekEnd:
		offset += b.desc.Size
	}
	if offset < 0 {
		return 0, fmt.Errorf("seek in %s: byte %d is before the first", b.desc.Digest, offset)
	}
	b.offset = offset
	return offset, nil
}

// Close closes the source, if it was opened.
func (b *body) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	if b.r == nil {
		return nil
	}
	return b.r.Close()
}
