package transfers

import (
	"github.com/acrkit/azcontainerregistry"
	"github.com/acrkit/azcontainerregistry/artifact"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/term"
)

// update turns the library's event into a step of the display.
func update(e artifact.Event) term.Update {
	u := term.Update{
		Step: steps[e.Kind], Digest: e.Descriptor.Digest.String(), Name: e.Reference, From: e.From,
		Bytes: e.Bytes, Total: e.Total, Ranges: e.Ranges, Attempt: e.Attempt, Wait: e.Wait,
		AllBlobs: e.Totals.BlobsTotal, DoneBlobs: e.Totals.Blobs, AllBytes: e.Totals.BytesTotal, DoneBytes: e.Totals.Bytes,
	}
	if e.Err != nil {
		u.Reason = failure.Reason(e.Err)
	}
	return u
}

// steps says which event is which step; the others aren't shown.
var steps = map[artifact.EventKind]term.Step{
	artifact.EventPlanned:      term.Planned,
	artifact.EventBlobStarted:  term.Started,
	artifact.EventBlobProgress: term.Moving,
	artifact.EventBlobExists:   term.Exists,
	artifact.EventBlobMounted:  term.Mounted,
	artifact.EventBlobResumed:  term.Resumed,
	artifact.EventBlobRetrying: term.Retrying,
	artifact.EventBlobDone:     term.Done,
	artifact.EventManifestDone: term.Manifest,
	artifact.EventTagged:       term.Tagged,
	artifact.EventImageDone:    term.Image,
}

// blobUpdate turns an event of one blob into a step of the display.
func blobUpdate(digest string, e azcontainerregistry.TransferEvent) term.Update {
	u := term.Update{
		Digest: digest, Bytes: e.Bytes, Total: max(e.Total, 0), Ranges: e.Ranges, Attempt: e.Attempt, Wait: e.Wait,
		AllBlobs: 1, AllBytes: max(e.Total, 0), DoneBytes: e.Bytes,
	}
	switch e.Kind {
	case azcontainerregistry.TransferStarted:
		u.Step = term.Started
	case azcontainerregistry.TransferRetrying:
		u.Step = term.Retrying
	case azcontainerregistry.TransferResumed:
		u.Step = term.Resumed
	case azcontainerregistry.TransferExists:
		u.Step = term.Exists
	case azcontainerregistry.TransferDone:
		u.Step, u.DoneBlobs = term.Done, 1
	default:
		u.Step = term.Moving
	}
	if e.Err != nil {
		u.Reason = failure.Reason(e.Err)
	}
	return u
}

// syncUpdate is the step of a sync: what a copy plans for one image is nothing
// to show, and digests are shown with the image they belong to.
func syncUpdate(e artifact.Event) term.Update {
	u := update(e)
	switch e.Kind {
	case artifact.EventPlanned:
		u.Step = ""
	case artifact.EventImageDone, artifact.EventTagged:
		u.Name = e.Image
	}
	return u
}
