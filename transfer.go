package azcontainerregistry

import "time"

// TransferEventKind says what a [TransferEvent] reports.
type TransferEventKind string

const (
	// TransferStarted comes first. Total is set when it is known.
	TransferStarted TransferEventKind = "started"
	// TransferProgress comes as bytes move, some ten times a second at most.
	TransferProgress TransferEventKind = "progress"
	// TransferRetrying says that something failed (Err), and that the transfer
	// goes on after Wait.
	TransferRetrying TransferEventKind = "retrying"
	// TransferResumed says that the transfer goes on at Bytes.
	TransferResumed TransferEventKind = "resumed"
	// TransferRestarted says that an upload begins again at its first byte,
	// because the registry dropped it.
	TransferRestarted TransferEventKind = "restarted"
	// TransferRanges says that a download uses another number of connections.
	TransferRanges TransferEventKind = "ranges"
	// TransferMounted says that the registry took the blob from another
	// repository; no bytes were sent.
	TransferMounted TransferEventKind = "mounted"
	// TransferExists says that the blob was there; no bytes were sent.
	TransferExists TransferEventKind = "exists"
	// TransferDone comes last, after the digest was verified.
	TransferDone TransferEventKind = "done"
)

// TransferEvent is what happened to a transfer. Events of one transfer come one
// at a time, in order, on whatever goroutine moves the bytes: a callback that
// blocks holds the transfer up.
type TransferEvent struct {
	// Kind is what happened.
	Kind TransferEventKind

	// Bytes is how far the transfer is: for an upload what was sent, for a
	// download what was hashed and handed over, in order. It goes back when an
	// upload starts again.
	Bytes int64

	// Total is the blob's size in bytes, -1 while it isn't known.
	Total int64

	// Ranges is the number of connections that carry the blob.
	Ranges int

	// Attempt counts the failures so far, of TransferRetrying.
	Attempt int

	// Wait is how long the transfer pauses before it goes on, of TransferRetrying.
	Wait time.Duration

	// Err is what failed, of TransferRetrying.
	Err error
}
