package artifact

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Content is the bytes of one descriptor on their way from a [Source] to a
// [Target]. A Target reads it as often as it needs to.
type Content struct {
	source Source
	desc   ocispec.Descriptor
	data   []byte // set for manifests, which are in memory anyway
	tuning tuning
	report func(Event) // never nil
}

// NewContent is the content of desc as src has it, for programs that call
// [Target.Push] themselves.
func NewContent(src Source, desc ocispec.Descriptor) *Content {
	return &Content{source: src, desc: desc, report: func(Event) {}}
}

// NewContentBytes is content that is in memory, with its descriptor.
func NewContentBytes(mediaType string, data []byte) (ocispec.Descriptor, *Content) {
	desc := ocispec.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(data), Size: int64(len(data))}
	return desc, &Content{desc: desc, data: data, report: func(Event) {}}
}

// Source is the store that the content comes from, nil for bytes in memory.
func (c *Content) Source() Source { return c.source }

// Open gives the bytes from the first on, unverified; the caller closes it.
// It may be called again.
func (c *Content) Open(ctx context.Context) (io.ReadCloser, error) {
	if c.source == nil || c.data != nil {
		return readSeekNopCloser{bytes.NewReader(c.data)}, nil
	}
	return c.source.Fetch(ctx, c.desc)
}

// WriteTo writes the whole content to w, verified: when it returns nil, w holds
// exactly the bytes that the descriptor describes. When it fails, w holds
// some of them, and they must not be used.
func (c *Content) WriteTo(ctx context.Context, w io.Writer) error {
	return c.writeRest(ctx, w, 0, c.desc.Digest.Algorithm().Hash())
}

// writeRest writes what comes after offset, whose bytes h has seen already.
func (c *Content) writeRest(ctx context.Context, w io.Writer, offset int64, h hash.Hash) error {
	if d, ok := c.source.(Downloader); ok && c.data == nil && !isManifest(c.desc.MediaType) {
		return d.Download(ctx, c.desc, w, offset, h, c)
	}
	r, err := c.Open(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	if offset > 0 {
		if s, ok := r.(io.Seeker); ok {
			_, err = s.Seek(offset, io.SeekStart)
		} else {
			_, err = io.CopyN(io.Discard, contextReader{ctx, r}, offset)
		}
		if err != nil {
			return fmt.Errorf("read %s from byte %d: %w", c.desc.Digest, offset, err)
		}
	}
	// One byte more than announced is enough to know that there are too many.
	limited := io.LimitReader(contextReader{ctx, r}, c.desc.Size-offset+1)
	buf := make([]byte, bufferFor(c.desc.Size-offset+1))
	done := offset
	for {
		n, readErr := limited.Read(buf)
		if n > 0 {
			done += int64(n)
			if done > c.desc.Size {
				return c.sizeError(done)
			}
			h.Write(buf[:n])
			if _, err := w.Write(buf[:n]); err != nil {
				return fmt.Errorf("write %s: %w", c.desc.Digest, err)
			}
			c.progress(done)
		}
		if errors.Is(readErr, io.EOF) {
			break
		}
		if readErr != nil {
			return fmt.Errorf("read %s: %w", c.desc.Digest, readErr)
		}
	}
	if done != c.desc.Size {
		return c.sizeError(done)
	}
	if got := digest.NewDigest(c.desc.Digest.Algorithm(), h); got != c.desc.Digest {
		return mismatch(c.desc, got.String(), done)
	}
	return nil
}

// bufferFor is how much to read at a time of so many bytes: 256 KiB stay in
// the L2 cache of one core between writing and hashing, and most blobs of a
// large graph are a few bytes.
func bufferFor(n int64) int64 { return min(max(n, 1), 256<<10) }

func (c *Content) sizeError(got int64) error {
	rule := fmt.Sprintf("the content has %d bytes, its descriptor says %d", got, c.desc.Size)
	if got > c.desc.Size {
		rule = fmt.Sprintf("the content has more than the %d bytes that its descriptor says", c.desc.Size)
	}
	return &InvalidError{Store: c.sourceName(), Thing: c.desc.Digest.String(), Rule: rule}
}

func (c *Content) sourceName() string {
	if c.source == nil {
		return ""
	}
	return nameOf(c.source)
}

func (c *Content) progress(done int64) {
	c.report(Event{Kind: EventBlobProgress, Descriptor: c.desc, Bytes: done, Total: c.desc.Size})
}

// readSeekNopCloser makes bytes in memory look like an opened file.
type readSeekNopCloser struct{ *bytes.Reader }

func (readSeekNopCloser) Close() error { return nil }

// contextReader stops between two reads once its context is done.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (r contextReader) Read(p []byte) (int, error) {
	if err := context.Cause(r.ctx); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}
