package azcontainerregistry

import (
	"context"
	"io"
	"time"
)

// DownloadOptions are the options of [BlobClient.Download],
// [BlobClient.DownloadAt] and [BlobClient.DownloadFile]. The zero value is the
// default.
type DownloadOptions struct {
	// Size is the blob's size in bytes as its descriptor says, if it is known.
	// A blob of another size is a [SizeMismatchError].
	Size int64

	// Concurrency is the most connections that carry the blob at once; 16 when
	// 0. A download starts with one, and adds more while that brings something.
	Concurrency int

	// MaxRetries is how many failures in a row end the download; 8 when 0,
	// none is forgiven when negative. Bytes that move pay failures off.
	MaxRetries int

	// NoProgressTimeout is how long no byte may move on a connection before it
	// counts as broken; a minute when 0, no limit when negative.
	NoProgressTimeout time.Duration

	// Budget is shared with other transfers; without one, nothing limits this.
	Budget *TransferBudget

	// OnProgress is told what happens.
	OnProgress func(TransferEvent)

	// Resume goes on where an earlier download, of this process or another,
	// stood. Download expects dst to hold, or not to need, the first
	// Resume.Offset bytes; DownloadFile finds them in the partial file and
	// hashes them again before it trusts them.
	Resume *DownloadCheckpoint

	// OnCheckpoint is told where the download stands, every 16 MiB and at the
	// end when the download is given up. A DownloadFile with OnCheckpoint keeps
	// its partial file when it fails; one without removes it.
	OnCheckpoint func(DownloadCheckpoint)
}

// DownloadCheckpoint is where a download stands.
type DownloadCheckpoint struct {
	// Digest is the blob.
	Digest string

	// Size is the blob's size in bytes, -1 when it isn't known.
	Size int64

	// Offset is how many bytes were handed over and hashed, in order.
	Offset int64

	// HashState is the state of the SHA-256 over the first Offset bytes.
	HashState []byte

	// Path is the partial file that holds them, of DownloadFile.
	Path string
}

// DownloadResponse is the answer of [BlobClient.Download] and its siblings.
type DownloadResponse struct {
	// Digest is the blob's digest, which the bytes were verified against.
	Digest string

	// Size is the blob's size in bytes.
	Size int64

	// BytesReceived is how many bytes came, repetitions included.
	BytesReceived int64

	// Ranges is the most connections that were used at once.
	Ranges int

	// Retries is how many failures were survived.
	Retries int
}

// OpenOptions are the options of [BlobClient.Open]. The zero value is the
// default.
type OpenOptions struct {
	// Size is the blob's size in bytes as its descriptor says, if it is known.
	Size int64

	// MaxRetries is how many failures in a row end a read; 8 when 0, none is
	// forgiven when negative.
	MaxRetries int

	// NoProgressTimeout is how long no byte may move before the connection
	// counts as broken; a minute when 0, no limit when negative.
	NoProgressTimeout time.Duration

	// Budget is shared with other transfers; without one, nothing limits this.
	Budget *TransferBudget
}

// BlobReader reads a blob: an [io.ReadSeekCloser] and an [io.ReaderAt]. Read
// and Seek are for one goroutine at a time; ReadAt may be called by many, and
// beside them.
type BlobReader struct{}

// Read reads on from where the last Read or Seek ended. When the whole blob
// was read in order, from its first byte to its end, the end is reported as
// io.EOF only if the bytes have the blob's digest, and as a
// [DigestMismatchError] otherwise.
func (r *BlobReader) Read(p []byte) (int, error) { return 0, errPending }

// ReadAt reads len(p) bytes at off by a request of its own. What it returns
// was not verified against the digest, which covers the whole blob only.
func (r *BlobReader) ReadAt(p []byte, off int64) (int, error) { return 0, errPending }

// Seek sets where the next Read begins. It sends nothing.
func (r *BlobReader) Seek(offset int64, whence int) (int64, error) { return 0, errPending }

// Close ends the reading. It doesn't wait for the server.
func (r *BlobReader) Close() error { return nil }

// Size returns the blob's size in bytes.
func (r *BlobReader) Size() int64 { return 0 }

// Verified reports whether the whole blob was read in order and has its digest.
func (r *BlobReader) Verified() bool { return false }

// Download writes the blob to dst, in order, and verifies its digest. Behind
// it several connections may read ahead. dst has got bytes by the time a wrong
// digest is noticed: until Download returns nil, nothing in dst is to be
// trusted.
//
// Errors: [*DigestMismatchError], [*SizeMismatchError], [*RangeError] and
// [*RetriesExhaustedError], dst's own, or the registry's answer.
func (c *BlobClient) Download(ctx context.Context, repository, digest string, dst io.Writer, options *DownloadOptions) (DownloadResponse, error) {
	return DownloadResponse{}, errPending
}

// DownloadAt is [BlobClient.Download] to places instead of in order. Calls of
// dst.WriteAt don't overlap, but come from several goroutines.
func (c *BlobClient) DownloadAt(ctx context.Context, repository, digest string, dst io.WriterAt, options *DownloadOptions) (DownloadResponse, error) {
	return DownloadResponse{}, errPending
}

// DownloadFile writes the blob to a file beside path, verifies its digest, and
// only then renames it to path, replacing a file that is there. When it fails,
// nothing is at path that wasn't there before.
func (c *BlobClient) DownloadFile(ctx context.Context, repository, digest, path string, options *DownloadOptions) (DownloadResponse, error) {
	return DownloadResponse{}, errPending
}

// Open returns a reader of the blob, once the registry confirmed that it is
// there. ctx governs every later read. The caller closes the reader.
func (c *BlobClient) Open(ctx context.Context, repository, digest string, options *OpenOptions) (*BlobReader, error) {
	return nil, errPending
}
