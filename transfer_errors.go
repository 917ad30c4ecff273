package azcontainerregistry

import "github.com/acrkit/azcontainerregistry/internal/transfer"

// SizeMismatchError says that content is longer or shorter than was said:
// Expected and Actual are bytes, Origin is [SizeOriginSource] or
// [SizeOriginRegistry].
type SizeMismatchError = transfer.SizeMismatchError

// SizeOrigin is what had the wrong size.
type SizeOrigin = transfer.SizeOrigin

const (
	// SizeOriginSource is the content that the caller gave.
	SizeOriginSource = transfer.OriginSource
	// SizeOriginRegistry is what the registry sent.
	SizeOriginRegistry = transfer.OriginRegistry
)

// SourceChangedError says that the source of an upload gave other bytes when
// it was read a second time, somewhere in its first Offset bytes. No blob was
// made of the mixture.
type SourceChangedError = transfer.SourceChangedError

// UploadNotResumableError says that an upload broke off (Err) and would have
// continued at byte Offset, which the source can't give a second time; Rewind is
// why. Give [BlobClient.Upload] an [io.Seeker] or a Reopen function, and it
// resumes by itself.
type UploadNotResumableError = transfer.NotResumableError

// StalledError says that no byte moved for too long.
type StalledError = transfer.StalledError

// RangeError says that a server responded to a range request of Length bytes at Offset
// with something else.
type RangeError = transfer.RangeError

// fromTransfer gives an error of the engine the type that the rest of this
// package has for it.
func fromTransfer(err error) error {
	switch e := err.(type) {
	case *transfer.DigestMismatchError:
		return &DigestMismatchError{Expected: e.Expected, Actual: e.Actual, Size: e.Size}
	case *transfer.RetriesExhaustedError:
		return &RetriesExhaustedError{Attempts: e.Attempts, Err: fromTransfer(e.Err)}
	}
	return err
}
