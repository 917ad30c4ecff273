package artifact

import (
	"sync"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// blobBytes is how much of a blob moved, and how much of that is confirmed.
type blobBytes struct{ moved, confirmed int64 }

// observer turns what the parts of a copy report into the caller's events,
// one at a time, and keeps the totals.
type observer struct {
	onEvent func(Event)
	journal *JournalEntry // may be nil

	mu     sync.Mutex
	totals Totals
	moved  map[digest.Digest]blobBytes // of each blob, as they count in the totals
	ended  map[digest.Digest]bool      // what is finished counts once, even when it is repaired later
	result Result
}

func newObserver(onEvent func(Event)) *observer {
	return &observer{onEvent: onEvent, moved: map[digest.Digest]blobBytes{}, ended: map[digest.Digest]bool{}}
}

func (o *observer) emit(e Event) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.count(&e)
	e.Totals = o.totals
	if o.journal != nil {
		// A journal that cannot be written costs the resumption, not the copy;
		// a full disk shows itself soon enough.
		_ = o.journal.observe(e)
	}
	if o.onEvent != nil {
		o.onEvent(e)
	}
}

func (o *observer) count(e *Event) {
	d := e.Descriptor.Digest
	first := func() int {
		if o.ended[d] {
			return 0
		}
		o.ended[d] = true
		return 1
	}
	switch e.Kind {
	case EventBlobProgress, EventBlobResumed:
		// A transfer that starts again goes back; the sum follows it.
		o.account(d, blobBytes{e.Bytes, e.Confirmed})
	case EventBlobDone:
		o.account(d, blobBytes{e.Descriptor.Size, e.Descriptor.Size})
		e.Bytes, e.Total = e.Descriptor.Size, e.Descriptor.Size
		o.totals.Blobs += first()
		o.result.BlobsCopied++
		o.result.BytesCopied += e.Descriptor.Size
	case EventBlobMounted, EventBlobExists:
		if e.Kind == EventBlobMounted {
			o.result.BlobsMounted++
		} else {
			o.result.BlobsExisted++
		}
		o.account(d, blobBytes{})
		o.totals.Blobs += first()
	case EventManifestDone:
		o.totals.Manifests += first()
		o.result.ManifestsPushed++
	case EventManifestExists:
		o.totals.Manifests += first()
		o.result.ManifestsExisted++
	}
}

// account replaces what a blob adds to the totals.
func (o *observer) account(d digest.Digest, b blobBytes) {
	before := o.moved[d]
	o.totals.Bytes += b.moved - before.moved
	o.totals.Confirmed += b.confirmed - before.confirmed
	o.moved[d] = b
}

// expect sets what is to be done.
func (o *observer) expect(root ocispec.Descriptor, totals Totals) {
	o.mu.Lock()
	o.totals = totals
	o.mu.Unlock()
	o.emit(Event{Kind: EventPlanned, Descriptor: root})
}

func (o *observer) finish(root ocispec.Descriptor, reference string) Result {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.result.Root, o.result.Reference = root, reference
	return o.result
}
