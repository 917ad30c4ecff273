package azcontainerregistry

import (
	"context"
	"strconv"
	"time"

	"github.com/acrkit/azcontainerregistry/internal/transfer"
)

// OpenOptions are the options of [BlobClient.Open]. The zero value is the
// default.
type OpenOptions struct {
	// Size is the blob's size in bytes as its descriptor says, if it is known.
	Size int64

	// MaxRetries is how many failures in a row are retried: 0 means 8; negative
	// disables retries. Progress restores the retry budget, by one retry for
	// each 256 KiB received.
	MaxRetries int

	// NoProgressTimeout is how long no byte may move before the connection is
	// given up and the rest requested again: 0 means a minute; negative disables
	// the limit.
	NoProgressTimeout time.Duration

	// Budget limits the rate of this and of all other transfers that it is given
	// to; nil means no limit.
	Budget *TransferBudget
}

// BlobReader reads a blob: an [io.ReadSeekCloser] and an [io.ReaderAt]. Read
// and Seek are for one goroutine at a time; ReadAt may be called by many, and
// beside them. Reads resume by themselves after faults.
type BlobReader struct {
	reader *transfer.Reader
}

// Read reads on from where the last Read or Seek ended. When the whole blob
// was read in order, from its first byte to its end, the end is reported as
// io.EOF only if the bytes have the blob's digest, and as a
// [*DigestMismatchError] otherwise.
func (r *BlobReader) Read(p []byte) (int, error) {
	n, err := r.reader.Read(p)
	return n, fromTransfer(err)
}

// ReadAt reads len(p) bytes at off by a request of its own. What it returns is
// not verified: the digest covers the whole blob only.
func (r *BlobReader) ReadAt(p []byte, off int64) (int, error) {
	n, err := r.reader.ReadAt(p, off)
	return n, fromTransfer(err)
}

// Seek sets where the next Read begins. It sends nothing.
func (r *BlobReader) Seek(offset int64, whence int) (int64, error) {
	return r.reader.Seek(offset, whence)
}

// Close ends all reading, that which is under way too. It returns nil.
func (r *BlobReader) Close() error { return r.reader.Close() }

// Size returns the blob's size in bytes.
func (r *BlobReader) Size() int64 { return r.reader.Size() }

// Verified reports whether the whole blob was read in order and has its digest.
func (r *BlobReader) Verified() bool { return r.reader.Verified() }

// Open returns a reader of the blob, once the registry has confirmed that the
// blob is there: one HEAD request. ctx governs every later read. The caller
// closes the reader.
func (c *BlobClient) Open(ctx context.Context, repository, digest string, options *OpenOptions) (reader *BlobReader, err error) {
	var o OpenOptions
	if options != nil {
		o = *options
	}
	spanCtx, end := c.registry().begin(ctx, "BlobClient.Open", "open blob", repository, digest)
	defer func() { end(&err) }()
	if err := checkAll(checkRepository("repository", repository), checkTransferDigest("digest", digest)); err != nil {
		return nil, err
	}
	if o.Size < 0 {
		return nil, &ArgumentError{Argument: "Size", Value: strconv.FormatInt(o.Size, 10), Rule: "must not be negative; 0 means unknown"}
	}
	found, err := c.CheckBlobExists(spanCtx, repository, digest, nil)
	if err != nil {
		return nil, err
	}
	switch {
	case found.ContentLength == nil && o.Size == 0:
		return nil, &ArgumentError{Argument: "Size", Value: "0", Rule: "must be given: the registry doesn't say how large the blob is"}
	case found.ContentLength != nil && o.Size > 0 && *found.ContentLength != o.Size:
		return nil, &SizeMismatchError{Expected: o.Size, Actual: *found.ContentLength, Origin: SizeOriginRegistry}
	case found.ContentLength != nil:
		o.Size = *found.ContentLength
	}
	return &BlobReader{reader: transfer.NewReader(withoutCapture(ctx), newBlobRanges(c.registry(), repository, digest), transfer.ReaderOptions{
		Digest: digest, Size: o.Size, MaxRetries: o.MaxRetries, NoProgress: o.NoProgressTimeout, Budget: o.Budget.shared(),
	})}, nil
}
