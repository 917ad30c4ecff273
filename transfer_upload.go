package azcontainerregistry

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/acrkit/azcontainerregistry/internal/names"
	"github.com/acrkit/azcontainerregistry/internal/transfer"
)

// UploadOptions are the options of [BlobClient.Upload]. The zero value is the
// default.
type UploadOptions struct {
	// Digest is the content's digest, if it is known beforehand. Two requests
	// are then enough, and the registry does the comparing. When it is empty
	// the digest is computed while the content is sent.
	Digest string

	// Size is the content's size in bytes, if it is known beforehand. At 0 it
	// is taken from the body where that is an [io.Seeker], and found out by
	// reading otherwise. Content of another size is a [SizeMismatchError].
	Size int64

	// CheckExists asks first whether the repository has the blob already. It
	// needs Digest, and costs a request when the blob isn't there.
	CheckExists bool

	// MountFrom names repositories of the same registry that may hold the
	// blob; the registry then takes it from the first that does, without
	// moving bytes. It needs Digest. A mount that fails is no error.
	MountFrom []string

	// Reopen returns a fresh reader at the content's first byte, for bodies
	// that can't seek. It is called when the upload has to start again; the
	// reader is closed by Upload.
	Reopen func() (io.ReadCloser, error)

	// ChunkSize is the most that one request carries, in bytes; 0 means no fixed
	// limit. A request carries what takes about a second and a half at the rate
	// measured before, at most 256 MiB, and less when the registry or the network
	// asks for it: a connection that breaks costs no more than that. The first
	// carries 16 MiB, or 1 MiB with OnCheckpoint, unless Budget knows a rate.
	ChunkSize int64

	// MaxRetries is how many failures are retried: 0 means 8; negative disables
	// retries. Progress restores the retry budget, by one retry for each 256 KiB
	// of the content that were not sent before.
	MaxRetries int

	// NoProgressTimeout is how long no byte may move before the connection is
	// given up and the request retried: 0 means a minute; negative disables the
	// limit. Time that body.Read takes doesn't count.
	NoProgressTimeout time.Duration

	// Budget limits the connections and the rate of this and of all other
	// transfers that it is given to; nil means no limit.
	Budget *TransferBudget

	// OnProgress is called for each event of the upload, one at a time.
	OnProgress func(TransferEvent)

	// Resume continues an earlier upload, of this process or another, from its
	// checkpoint. The body must be the same content, from its first byte, and an
	// [io.Seeker] or come with Reopen.
	Resume *UploadCheckpoint

	// OnCheckpoint is called with the state that another process can resume
	// from: after each request that the registry acknowledged, and when the
	// upload fails. An upload with OnCheckpoint is left at the registry when it
	// fails; one without is cancelled there.
	OnCheckpoint func(UploadCheckpoint)

	// StopGrace is how long the request that carries bytes when ctx ends may
	// still take, so that they need not be sent again by who resumes the upload;
	// no other is begun. 0 means that it is ended at once. Three seconds are
	// enough for requests of the default size on a link whose rate is steady.
	StopGrace time.Duration
}

// UploadCheckpoint is the state of an upload. It holds the upload's location,
// with which whoever may push to the repository can continue it: keep it
// where others can't read it.
type UploadCheckpoint struct {
	// Repository is where the upload goes.
	Repository string

	// Location is the upload's latest URL (ACR protocol §4.5).
	Location string

	// Offset is how many bytes the registry has.
	Offset int64

	// Hashed is how many bytes HashState covers.
	Hashed int64

	// HashState is the state of the SHA-256 over the first Hashed bytes.
	HashState []byte
}

// Format prints the repository and the offset and hides its location, whatever the verb.
func (c UploadCheckpoint) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "upload to %s at byte %d", c.Repository, c.Offset)
}

// UploadResponse is the result of [BlobClient.Upload].
type UploadResponse struct {
	// Digest is the blob's digest, computed from the content or given
	// beforehand, and confirmed by the registry.
	Digest string

	// Size is the blob's size in bytes, 0 when it was mounted or there already
	// and the size isn't known.
	Size int64

	// Existed says that the blob was there already.
	Existed bool

	// MountedFrom is the repository that the blob was mounted from.
	MountedFrom string

	// BytesSent is how many bytes were sent, repetitions included.
	BytesSent int64

	// Retries is how many failed requests were retried.
	Retries int
}

// Upload stores a blob in the repository, reading body to its end. It computes
// the digest while it sends, in one pass, and resumes by itself after broken
// connections, throttling, faults of the service and uploads that the registry
// has dropped, as long as the body can be read again: an [io.Seeker], or with
// UploadOptions.Reopen. A body that can't is kept up to 16 MiB back. Beside that an
// upload takes 1 MiB of memory, whatever the blob's size.
//
// After a failure it resumes at the offset that the registry reports: by the
// upload's status at its latest location, by the Range of a 416, or by sending a
// chunk with its offset; it begins again only when none of these helps.
//
// Upload doesn't close body. When ctx ends while body.Read blocks, Upload
// returns and that one call of Read is left to end by itself.
//
// Errors: [*SizeMismatchError], [*SourceChangedError],
// [*UploadNotResumableError], [*DigestMismatchError] and
// [*RetriesExhaustedError], or the registry's response.
func (c *BlobClient) Upload(ctx context.Context, repository string, body io.Reader, options *UploadOptions) (resp UploadResponse, err error) {
	var o UploadOptions
	if options != nil {
		o = *options
	}
	ctx, end := c.registry().begin(ctx, "BlobClient.Upload", "upload blob", repository, o.Digest)
	defer func() { end(&err) }()
	if err := o.check(repository, body); err != nil {
		return resp, err
	}
	u := uploads{client: c, repository: repository}
	engineOptions, err := o.transferOptions(u)
	if err != nil {
		return resp, err
	}
	result, err := transfer.Upload(withoutCapture(ctx), u, body, engineOptions)
	if err != nil {
		return resp, fromTransfer(err)
	}
	return UploadResponse{
		Digest: result.Digest, Size: result.Size, Existed: result.Existed,
		MountedFrom: result.MountedFrom, BytesSent: result.BytesSent, Retries: result.Retries,
	}, nil
}

// check refuses what can't be right before anything is sent.
func (o *UploadOptions) check(repository string, body io.Reader) error {
	if err := checkRepository("repository", repository); err != nil {
		return err
	}
	switch {
	case isNil(body):
		return &ArgumentError{Argument: "body", Value: "nil", Rule: "must be the blob's content"}
	case o.Size < 0:
		return &ArgumentError{Argument: "Size", Value: strconv.FormatInt(o.Size, 10), Rule: "must not be negative; 0 means unknown"}
	case o.ChunkSize < 0:
		return &ArgumentError{Argument: "ChunkSize", Value: strconv.FormatInt(o.ChunkSize, 10), Rule: "must not be negative; 0 means as much as goes"}
	case o.Digest != "":
		if err := checkTransferDigest("Digest", o.Digest); err != nil {
			return err
		}
	case o.CheckExists:
		return &ArgumentError{Argument: "CheckExists", Value: "true", Rule: "needs Digest"}
	case len(o.MountFrom) > 0:
		return &ArgumentError{Argument: "MountFrom", Value: shorten(o.MountFrom[0]), Rule: "needs Digest"}
	}
	for _, from := range o.MountFrom {
		if err := checkRepository("MountFrom", from); err != nil {
			return err
		}
	}
	if o.Resume != nil && o.Resume.Repository != repository {
		return &ArgumentError{Argument: "Resume", Value: shorten(o.Resume.Repository), Rule: "must be a checkpoint of an upload to " + repository}
	}
	return nil
}

func (o *UploadOptions) transferOptions(u uploads) (transfer.UploadOptions, error) {
	e := transfer.UploadOptions{
		Digest: o.Digest, Size: o.Size, CheckExists: o.CheckExists, MountFrom: slices.Clone(o.MountFrom),
		Reopen: o.Reopen, ChunkSize: o.ChunkSize, MaxRetries: o.MaxRetries, NoProgress: o.NoProgressTimeout,
		Budget: o.Budget.shared(), OnEvent: o.OnProgress, StopGrace: max(o.StopGrace, 0),
	}
	if r := o.Resume; r != nil {
		session, err := u.resume(r.Location)
		if err != nil {
			return e, err
		}
		e.Resume = &transfer.UploadState{Session: session, Offset: r.Offset, Hashed: r.Hashed, HashState: r.HashState}
	}
	if onCheckpoint := o.OnCheckpoint; onCheckpoint != nil {
		e.OnCheckpoint = func(s transfer.UploadState) {
			onCheckpoint(UploadCheckpoint{Repository: u.repository, Location: s.Location, Offset: s.Offset, Hashed: s.Hashed, HashState: s.HashState})
		}
	}
	return e, nil
}

// checkTransferDigest refuses what can't be verified here.
func checkTransferDigest(argument, digest string) error {
	if err := checkDigest(argument, digest); err != nil {
		return err
	}
	if !names.IsSHA256(digest) {
		return ErrDigestAlgNotSupported
	}
	return nil
}
