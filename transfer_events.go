package azcontainerregistry

import "github.com/acrkit/azcontainerregistry/internal/transfer"

// TransferEvent is what happened to a transfer: Kind says what, Bytes and Total
// its progress (Total is -1 while it isn't known), Ranges how many connections
// carry it; Attempt, Wait and Err belong to TransferRetrying. Confirmed is how
// many bytes won't have to be sent or received again. Bytes counts what
// was sent, for an upload, or hashed and handed over in order, for a download;
// it goes back when an upload starts again. Events of one transfer come one at
// a time, in order, on whatever goroutine moves the bytes: a callback that
// blocks holds the transfer up.
type TransferEvent = transfer.Event

// TransferEventKind says what a [TransferEvent] reports.
type TransferEventKind = transfer.EventKind

const (
	// TransferStarted comes first. Total is set when it is known.
	TransferStarted = transfer.Started
	// TransferProgress comes as bytes move, ten times a second at most.
	TransferProgress = transfer.Progress
	// TransferRetrying says that something failed (Err), and that the transfer
	// continues after Wait.
	TransferRetrying = transfer.Retrying
	// TransferResumed says that an upload continues at Bytes, after a failure
	// or from a checkpoint.
	TransferResumed = transfer.Resumed
	// TransferRestarted says that an upload begins again at its first byte,
	// because the registry dropped it.
	TransferRestarted = transfer.Restarted
	// TransferRanges says that a download uses another number of connections.
	TransferRanges = transfer.RangeCount
	// TransferMounted says that the registry took the blob from another
	// repository; no bytes were sent.
	TransferMounted = transfer.Mounted
	// TransferExists says that the blob was there; no bytes were sent.
	TransferExists = transfer.Exists
	// TransferDone comes last, after the digest was verified.
	TransferDone = transfer.Done
)
