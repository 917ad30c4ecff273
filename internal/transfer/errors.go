package transfer

import (
	"errors"
	"fmt"
	"time"
)

// SizeOrigin is what had another size than was said.
type SizeOrigin string

// The origins of a [SizeMismatchError].
const (
	// OriginSource is the content that the caller gave.
	OriginSource SizeOrigin = "source"
	// OriginRegistry is what the registry sent.
	OriginRegistry SizeOrigin = "registry"
)

// SizeMismatchError says that content is longer or shorter than was said.
type SizeMismatchError struct {
	// Expected is the size in bytes that was said, by the caller or the registry.
	Expected int64

	// Actual is the number of bytes there were. When there were more than
	// expected it is only as many as it took to notice.
	Actual int64

	// Origin is what had the wrong size.
	Origin SizeOrigin
}

// Error names both sizes.
func (e *SizeMismatchError) Error() string {
	if e.Actual > e.Expected {
		return fmt.Sprintf("%s holds more than the %d bytes it should", e.Origin, e.Expected)
	}
	return fmt.Sprintf("%s holds %d bytes, not %d", e.Origin, e.Actual, e.Expected)
}

// DigestMismatchError says that content doesn't have the digest expected.
type DigestMismatchError struct {
	// Expected is the digest expected, Actual the one there is.
	Expected, Actual string

	// Size is how many bytes were hashed.
	Size int64
}

// Error names both digests.
func (e *DigestMismatchError) Error() string {
	return fmt.Sprintf("content of %d bytes has digest %s, not %s", e.Size, e.Actual, e.Expected)
}

// SourceChangedError says that the source of an upload gave other bytes when
// it was read a second time. The upload was sourceBlocked: no blob was made of the
// mixture.
type SourceChangedError struct {
	// Offset is how far the two readings were compared, in bytes.
	Offset int64
}

// Error says where the change was noticed.
func (e *SourceChangedError) Error() string {
	return fmt.Sprintf("source changed while it was uploaded: its first %d bytes were others when read again", e.Offset)
}

// NotResumableError says that an upload broke off and would have continued with bytes
// that the source can't give a second time.
type NotResumableError struct {
	// Offset is where reading would have to start again, in bytes.
	Offset int64

	// Rewind is why the source couldn't be read again, nil when it offers no
	// way to do so.
	Rewind error

	// Err is what broke the upload off.
	Err error
}

// Error says why the upload can't be resumed.
func (e *NotResumableError) Error() string {
	reason := "the source can't be read again"
	if e.Rewind != nil {
		reason = "reading the source again: " + e.Rewind.Error()
	}
	if e.Err == nil {
		return fmt.Sprintf("upload can't be resumed at byte %d: %s", e.Offset, reason)
	}
	return fmt.Sprintf("upload can't be resumed at byte %d: %s, after: %v", e.Offset, reason, e.Err)
}

// Unwrap returns what broke the upload off, and why the source couldn't be
// read again.
func (e *NotResumableError) Unwrap() []error {
	var errs []error
	for _, err := range []error{e.Err, e.Rewind} {
		if err != nil {
			errs = append(errs, err)
		}
	}
	return errs
}

// StalledError says that no byte moved for too long.
type StalledError struct {
	// After is how long nothing moved.
	After time.Duration
}

// Error says how long nothing moved.
func (e *StalledError) Error() string { return fmt.Sprintf("no progress for %s", e.After) }

// Timeout says that this is a timeout, as [net.Error] has it.
func (e *StalledError) Timeout() bool { return true }

// RangeError says that a server responded to a range request with something else.
type RangeError struct {
	// Offset and Length are the range asked for, in bytes; Length is -1 for
	// the rest of the blob.
	Offset, Length int64

	// Got is what came instead.
	Got string
}

// Error names the range and what came instead.
func (e *RangeError) Error() string {
	if e.Length < 0 {
		return fmt.Sprintf("asked for the bytes from %d on, got %s", e.Offset, e.Got)
	}
	return fmt.Sprintf("asked for %d bytes at %d, got %s", e.Length, e.Offset, e.Got)
}

// RetriesExhaustedError says that a transfer failed too often in a row.
type RetriesExhaustedError struct {
	// Attempts is how many failures there were.
	Attempts int

	// Err is the last.
	Err error
}

// Error says how many failures there were, and the last.
func (e *RetriesExhaustedError) Error() string {
	return fmt.Sprintf("gave up after %d failures: %v", e.Attempts, e.Err)
}

// Unwrap returns the last failure.
func (e *RetriesExhaustedError) Unwrap() error { return e.Err }

// localError says that the source or the destination on this side failed:
// reading it, or writing to it.
type localError struct {
	operation string
	err       error
}

func (e *localError) Error() string { return e.operation + ": " + e.err.Error() }
func (e *localError) Unwrap() error { return e.err }

// asType finds the first error of type E in err's tree. It is errors.AsType of
// Go 1.26, for the older of the two releases that the module supports.
func asType[E error](err error) (E, bool) {
	var found E
	ok := errors.As(err, &found)
	return found, ok
}
