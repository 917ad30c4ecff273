package artifact

import (
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// EventKind says what an [Event] reports.
type EventKind string

// The kinds of events. New ones may be added; observers ignore what they don't
// know.
const (
	// EventPlanned comes once, first: Totals holds what is to be done.
	EventPlanned EventKind = "planned"
	// EventBlobStarted: the first byte of a blob is about to move.
	EventBlobStarted EventKind = "started"
	// EventBlobProgress: Bytes of the blob's Total have moved.
	EventBlobProgress EventKind = "progress"
	// EventBlobExists: the target has the blob already.
	EventBlobExists EventKind = "exists"
	// EventBlobMounted: the registry took the blob from the repository From.
	EventBlobMounted EventKind = "mounted"
	// EventBlobResumed: an earlier, interrupted transfer resumes at Bytes.
	EventBlobResumed EventKind = "resumed"
	// EventBlobRetrying: attempt Attempt starts in Wait, because of Err.
	EventBlobRetrying EventKind = "retrying"
	// EventBlobDone: the blob is stored and verified.
	EventBlobDone EventKind = "done"
	// EventManifestExists: the target has the manifest already.
	EventManifestExists EventKind = "manifest-exists"
	// EventManifestDone: the manifest is stored and verified.
	EventManifestDone EventKind = "manifest"
	// EventTagged: Reference points to the root now. It comes last.
	EventTagged EventKind = "tagged"
	// EventImage: a sync begins with the image Reference.
	EventImage EventKind = "image"
	// EventImageDone: a sync is done with the image Reference, which is at the
	// target now, or was.
	EventImageDone EventKind = "image-done"
)

// Event is one step of a copy. Copy calls its observer from one goroutine at a
// time, in an order that makes sense for each blob.
type Event struct {
	Kind       EventKind
	Descriptor ocispec.Descriptor // the blob or manifest; the root for planned and tagged
	Image      string             // in a sync, the image that this is about: repository:tag
	Reference  string             // the tag, for tagged; the image, for image
	From       string             // the repository that a blob was mounted from
	Bytes      int64              // bytes of this blob so far
	Confirmed  int64              // bytes of this blob that need not be moved again, at most Bytes
	Total      int64              // size of this blob
	Ranges     int                // connections that carry this blob now, 0 if unknown
	Attempt    int                // for retrying: which attempt comes next
	Wait       time.Duration      // for retrying: when
	Err        error              // for retrying: why
	Totals     Totals             // of the whole copy or sync so far, after this event
}

// Totals is how far a copy is.
type Totals struct {
	Blobs          int   `json:"blobs"`          // blobs that are finished: moved, mounted or there already
	BlobsTotal     int   `json:"blobsTotal"`     // blobs in all
	Manifests      int   `json:"manifests"`      // manifests that are finished
	ManifestsTotal int   `json:"manifestsTotal"` // manifests in all
	Bytes          int64 `json:"bytes"`          // bytes of blobs moved so far
	Confirmed      int64 `json:"confirmed"`      // those of them that need not be moved again, whatever happens
	BytesTotal     int64 `json:"bytesTotal"`     // bytes of blobs to be moved, as planned
}

func (t *Totals) add(other Totals, sign int) {
	t.Blobs += sign * other.Blobs
	t.BlobsTotal += sign * other.BlobsTotal
	t.Manifests += sign * other.Manifests
	t.ManifestsTotal += sign * other.ManifestsTotal
	t.Bytes += int64(sign) * other.Bytes
	t.Confirmed += int64(sign) * other.Confirmed
	t.BytesTotal += int64(sign) * other.BytesTotal
}

// Result is what a copy did.
type Result struct {
	Root      ocispec.Descriptor // what the reference pointed to, after the choice of a platform
	Reference string             // the tag that was written, if any

	BlobsCopied, BlobsMounted, BlobsExisted int
	ManifestsPushed, ManifestsExisted       int
	Referrers                               int   // manifests whose subject is part of the image: signatures, SBOMs
	DigestTags                              int   // tags made of a digest, as cosign's signatures have them
	Attestations                            int   // BuildKit's attestations inside the index
	BytesCopied                             int64 // bytes of blobs that moved

	// LeftOut is what belongs to the image and was not copied: foreign layers,
	// and what an archive names without holding it.
	LeftOut []LeftOut
}
