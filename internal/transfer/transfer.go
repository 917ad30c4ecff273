package transfer

import (
	"context"
	"io"
	"time"
)

// Uploads begins uploads of one repository. Its errors are [*Fault]s where
// something can be done about them; any other error is final.
type Uploads interface {
	// Start opens an upload.
	Start(ctx context.Context) (Session, error)

	// Mount asks for the blob from another repository. A nil Session says that
	// the blob is there now, another is an upload opened instead.
	Mount(ctx context.Context, from, digest string) (Session, error)

	// Exists reports whether the repository has the blob, and its size.
	Exists(ctx context.Context, digest string) (size int64, ok bool, err error)
}

// Session is one open upload. Its calls never overlap.
type Session interface {
	// Write appends the chunk, telling the registry its offset where its size is
	// known. The body may still be read for a moment after Write returned. After
	// a [Fault] with a Status the session is at the location that came with it.
	Write(ctx context.Context, chunk Chunk) (UploadStatus, error)

	// Status asks how many bytes the registry has, at the latest location.
	Status(ctx context.Context) (UploadStatus, error)

	// Complete makes a blob of what was written and of the chunk, if its Body
	// isn't nil. It returns the digest that the registry says the blob has, ""
	// when it says none.
	Complete(ctx context.Context, digest string, last Chunk) (string, error)

	// Cancel gives the upload up.
	Cancel(ctx context.Context) error

	// Location is where another process can continue.
	Location() string
}

// Chunk is a part of a blob on its way to the registry.
type Chunk struct {
	// Offset is where the part begins.
	Offset int64

	// Size is its length in bytes, -1 when only its end will tell.
	Size int64

	// Body is its content, an io.WriterTo too where that saves copying.
	Body io.Reader
}

// UploadStatus is how much of an upload the registry has.
type UploadStatus struct {
	// Offset is how many bytes the registry has, which is where the next chunk begins.
	Offset int64

	// Known is false when the registry didn't say.
	Known bool

	// Ambiguous says that Offset is 1 and may be 0: "Range: 0-0" stands for both
	// (ACR protocol §4.5).
	Ambiguous bool
}

// Ranges opens parts of one blob. It is safe for concurrent use. Its errors are
// [*Fault]s where something can be done about them.
type Ranges interface {
	// Open returns the blob's bytes from offset on, length of them, or all to
	// the end when length is -1. The body ends when ctx does.
	Open(ctx context.Context, offset, length int64) (*Body, error)
}

// Body is a part of a blob on its way from the registry.
type Body struct {
	io.ReadCloser

	// Offset is where the part begins: what was asked for, or 0 from a server
	// that has no ranges.
	Offset int64

	// Length is the part's length in bytes, -1 when the server didn't say.
	Length int64

	// Size is the whole blob's size in bytes, -1 when the server didn't say.
	Size int64
}

// EventKind says what an [Event] reports.
type EventKind string

// The kinds of events.
const (
	Started    EventKind = "started"
	Progress   EventKind = "progress"
	Retrying   EventKind = "retrying"
	Resumed    EventKind = "resumed"
	Restarted  EventKind = "restarted"
	RangeCount EventKind = "ranges"
	Mounted    EventKind = "mounted"
	Exists     EventKind = "exists"
	Done       EventKind = "done"
)

// Event is what happened to a transfer. Events of one transfer come one at a
// time, in order, on whatever goroutine moves the bytes: a callback that blocks
// holds the transfer up.
type Event struct {
	// Kind is what happened.
	Kind EventKind

	// Bytes is how far the transfer is: for an upload what was sent, for a
	// download what was hashed and handed over, in order. It goes back when an
	// upload starts again.
	Bytes int64

	// Confirmed is how many bytes need not be sent or received again: for an
	// upload those that the registry acknowledged, for a download Bytes. It is at
	// most Bytes.
	Confirmed int64

	// Total is the blob's size in bytes, -1 while it isn't known.
	Total int64

	// Ranges is the number of connections that carry the blob.
	Ranges int

	// Attempt counts the failures so far, of Retrying.
	Attempt int

	// Wait is how long the transfer pauses before it continues, of Retrying.
	Wait time.Duration

	// Err is what failed, of Retrying.
	Err error
}
