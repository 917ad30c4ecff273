package azcontainerregistry

import (
	"fmt"
	"time"
)

// SizeMismatchError says that content is longer or shorter than was said.
type SizeMismatchError struct {
	// Expected is the size in bytes that was said, by the caller or the registry.
	Expected int64

	// Actual is the number of bytes there were. When there were more than
	// expected it may be only as many as it took to notice.
	Actual int64

	// Origin is what had the wrong size: "source" or "registry".
	Origin string
}

// Error names both sizes.
func (e *SizeMismatchError) Error() string {
	if e.Actual > e.Expected {
		return fmt.Sprintf("%s holds more than the %d bytes it should", e.Origin, e.Expected)
	}
	return fmt.Sprintf("%s holds %d bytes, not %d", e.Origin, e.Actual, e.Expected)
}

// SourceChangedError says that the source of an upload gave other bytes when
// it was read a second time, or other bytes than the digest given beforehand.
// The upload was abandoned; no blob was made of the mixture.
type SourceChangedError struct {
	// Offset is how far the two readings were compared, in bytes; -1 when it
	// was the registry that noticed.
	Offset int64

	// Err is the registry's answer, when it was the registry that noticed.
	Err error
}

// Error says where the change was noticed.
func (e *SourceChangedError) Error() string {
	if e.Offset < 0 {
		return "source changed while it was uploaded, or has another digest: " + describe(e.Err)
	}
	return fmt.Sprintf("source changed while it was uploaded: its first %d bytes were others when read again", e.Offset)
}

// Unwrap returns the registry's answer, or nil.
func (e *SourceChangedError) Unwrap() error { return e.Err }

// UploadNotResumableError says that an upload broke off and would have gone on
// with bytes that the source can't give a second time. Give Upload an
// [io.Seeker], or a Reopen function, and it goes on by itself.
type UploadNotResumableError struct {
	// Offset is where reading would have to start again, in bytes.
	Offset int64

	// Rewind is why the source couldn't be read again, nil when it offers no
	// way to do so.
	Rewind error

	// Err is what broke the upload off.
	Err error
}

// Error says why the upload can't go on.
func (e *UploadNotResumableError) Error() string {
	reason := "the source can't be read again"
	if e.Rewind != nil {
		reason = "reading the source again: " + e.Rewind.Error()
	}
	return fmt.Sprintf("upload can't go on at byte %d: %s, after: %s", e.Offset, reason, describe(e.Err))
}

// Unwrap returns what broke the upload off, and why the source couldn't be
// read again.
func (e *UploadNotResumableError) Unwrap() []error {
	if e.Rewind == nil {
		return []error{e.Err}
	}
	return []error{e.Err, e.Rewind}
}

// StalledError says that no byte moved for too long.
type StalledError struct {
	// After is how long nothing moved.
	After time.Duration
}

// Error says how long nothing moved.
func (e *StalledError) Error() string {
	return fmt.Sprintf("no progress for %s", e.After)
}

// Timeout says that this is a timeout, as [net.Error] has it.
func (e *StalledError) Timeout() bool { return true }

// RangeError says that a server answered a range with something else.
type RangeError struct {
	// Offset and Length are the range asked for, in bytes.
	Offset, Length int64

	// Got is what came instead.
	Got string
}

// Error names the range and what came instead.
func (e *RangeError) Error() string {
	return fmt.Sprintf("asked for %d bytes at %d, got %s", e.Length, e.Offset, e.Got)
}
