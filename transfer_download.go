package azcontainerregistry

import (
	"context"
	"errors"
	"io"
	"strconv"
	"time"

	"github.com/acrkit/azcontainerregistry/internal/transfer"
)

// DownloadOptions are the options of [BlobClient.Download],
// [BlobClient.DownloadAt] and [BlobClient.DownloadFile]. The zero value is the
// default.
type DownloadOptions struct {
	// Size is the blob's size in bytes as its descriptor says, if it is known.
	// A blob of another size is a [SizeMismatchError].
	Size int64

	// Concurrency is the most connections that carry the blob at once; 0 means
	// 16. Where what was written can't be read back, as DownloadFile's can, each
	// takes some 3 MiB of memory. A download starts with one, and adds more while
	// that brings something; a blob of less than 32 MiB stays with one. Where a
	// round trip takes 5 ms and more, a connection's next range is asked for over
	// another one while its present range is still being received.
	Concurrency int

	// MaxRetries is how many failures of one connection are retried: 0 means 8;
	// negative disables retries. Progress restores the retry budget, by one
	// retry for each 256 KiB received.
	MaxRetries int

	// NoProgressTimeout is how long no byte may move on a connection before it
	// is given up and the range retried: 0 means a minute; negative disables the
	// limit.
	NoProgressTimeout time.Duration

	// Budget limits the connections and the rate of this and of all other
	// transfers that it is given to; nil means no limit.
	Budget *TransferBudget

	// OnProgress is called for each event of the download, one at a time.
	OnProgress func(TransferEvent)

	// Resume continues an earlier download, of this process or another, from its
	// checkpoint. Download expects dst to hold, or not to need, the first
	// Resume.Offset bytes; DownloadFile finds them in the partial file and
	// hashes them again before it trusts them.
	Resume *DownloadCheckpoint

	// OnCheckpoint is called with the state that another process can resume
	// from: every 16 MiB and when the download fails. A DownloadFile with OnCheckpoint keeps
	// its partial file when it fails; one without removes it.
	OnCheckpoint func(DownloadCheckpoint)
}

// DownloadCheckpoint is the state of a download.
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

// DownloadResponse is the result of [BlobClient.Download] and its siblings.
type DownloadResponse struct {
	// Digest is the blob's digest, which the bytes were verified against.
	Digest string

	// Size is the blob's size in bytes.
	Size int64

	// BytesReceived is how many bytes came, repetitions included.
	BytesReceived int64

	// Ranges is the most connections that were used at once.
	Ranges int

	// Retries is how many failed requests were retried.
	Retries int
}

// Download writes the blob to dst, in order, and verifies its digest. Behind
// it several connections may read ahead. dst has received bytes by the time a wrong
// digest is noticed: until Download returns nil, nothing in dst is to be
// trusted.
//
// Errors: [*DigestMismatchError], [*SizeMismatchError], [*RangeError] and
// [*RetriesExhaustedError], dst's own, or the registry's response.
func (c *BlobClient) Download(ctx context.Context, repository, digest string, dst io.Writer, options *DownloadOptions) (DownloadResponse, error) {
	return c.download(ctx, "BlobClient.Download", repository, digest, dst, options, func(context.Context, *DownloadOptions) (transfer.Destination, error) {
		return transfer.Destination{Writer: dst}, nil
	})
}

// DownloadAt is [BlobClient.Download] that writes at offsets, instead of in order. Several
// goroutines may call dst.WriteAt at once, for ranges that don't overlap. If
// dst is an [io.ReaderAt] too, what was written is read back to be hashed,
// which saves memory. Bytes of dst after the blob's end are not changed.
func (c *BlobClient) DownloadAt(ctx context.Context, repository, digest string, dst io.WriterAt, options *DownloadOptions) (DownloadResponse, error) {
	return c.download(ctx, "BlobClient.DownloadAt", repository, digest, dst, options, func(context.Context, *DownloadOptions) (transfer.Destination, error) {
		return transfer.Destination{WriterAt: dst, ReaderAt: readBack(dst)}, nil
	})
}

// readBack returns dst as a reader if it is one that works: a file may be open
// for writing only.
func readBack(dst io.WriterAt) io.ReaderAt {
	r, ok := dst.(io.ReaderAt)
	if !ok {
		return nil
	}
	var one [1]byte
	if _, err := r.ReadAt(one[:], 0); err != nil && !errors.Is(err, io.EOF) {
		return nil
	}
	return r
}

// download runs the engine. open is called once the arguments are known to be
// right, and may change the options.
func (c *BlobClient) download(ctx context.Context, span, repository, digest string, dst any, options *DownloadOptions, open func(context.Context, *DownloadOptions) (transfer.Destination, error)) (resp DownloadResponse, err error) {
	var o DownloadOptions
	if options != nil {
		o = *options
	}
	ctx, end := c.registry().begin(ctx, span, "download blob", repository, digest)
	defer func() { end(&err) }()
	if err := o.check(repository, digest, dst); err != nil {
		return resp, err
	}
	to, err := open(ctx, &o)
	if err != nil {
		return resp, err
	}
	result, err := transfer.Download(withoutCapture(ctx), newBlobRanges(c.registry(), repository, digest), to, o.transferOptions(digest))
	if err != nil {
		return resp, fromTransfer(err)
	}
	return DownloadResponse{
		Digest: digest, Size: result.Size, BytesReceived: result.BytesReceived,
		Ranges: result.Ranges, Retries: result.Retries,
	}, nil
}

// check refuses what can't be right before anything is sent.
func (o *DownloadOptions) check(repository, digest string, dst any) error {
	if err := checkAll(checkRepository("repository", repository), checkTransferDigest("digest", digest)); err != nil {
		return err
	}
	switch {
	case isNil(dst):
		return &ArgumentError{Argument: "dst", Value: "nil", Rule: "must be where the blob goes"}
	case o.Size < 0:
		return &ArgumentError{Argument: "Size", Value: strconv.FormatInt(o.Size, 10), Rule: "must not be negative; 0 means unknown"}
	case o.Concurrency < 0:
		return &ArgumentError{Argument: "Concurrency", Value: strconv.Itoa(o.Concurrency), Rule: "must not be negative; 0 means the default"}
	}
	if r := o.Resume; r != nil {
		switch {
		case r.Digest != digest:
			return &ArgumentError{Argument: "Resume", Value: shorten(r.Digest), Rule: "must be a checkpoint of " + digest}
		case r.Offset < 0, r.Size >= 0 && r.Offset > r.Size:
			return &ArgumentError{Argument: "Resume.Offset", Value: strconv.FormatInt(r.Offset, 10), Rule: "must be within the blob"}
		}
	}
	return nil
}

func (o *DownloadOptions) transferOptions(digest string) transfer.DownloadOptions {
	e := transfer.DownloadOptions{
		Digest: digest, Size: o.Size, Concurrency: o.Concurrency, MaxRetries: o.MaxRetries,
		NoProgress: o.NoProgressTimeout, Budget: o.Budget.shared(), OnEvent: o.OnProgress,
	}
	if r := o.Resume; r != nil {
		e.Resume = &transfer.DownloadState{Size: r.Size, Offset: r.Offset, HashState: r.HashState}
	}
	if onCheckpoint := o.OnCheckpoint; onCheckpoint != nil {
		e.OnCheckpoint = func(s transfer.DownloadState) {
			onCheckpoint(DownloadCheckpoint{Digest: digest, Size: s.Size, Offset: s.Offset, HashState: s.HashState})
		}
	}
	return e
}
