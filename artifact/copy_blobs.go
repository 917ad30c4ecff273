package artifact

import (
	"context"
	"fmt"
	"sync"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// pushBlobs moves the missing blobs, in their order, as many at a time as the
// limiter lets. After a failure it starts no more, and stops those that run.
func (c *copier) pushBlobs(ctx context.Context) error {
	c.limiter = newLimiter(c.o.Concurrency)
	defer c.limiter.watch(ctx)()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var (
		wg    sync.WaitGroup
		mu    sync.Mutex
		first error
	)
	fail := func(err error) {
		mu.Lock()
		defer mu.Unlock()
		if first == nil {
			first = err
		}
		cancel(errStopped)
	}
	for _, blob := range c.missing {
		if err := c.limiter.acquire(ctx); err != nil {
			fail(err)
			break
		}
		wg.Go(func() {
			defer c.limiter.release()
			if err := c.pushBlob(ctx, blob); err != nil {
				fail(err)
			}
		})
	}
	wg.Wait()
	return first
}

func (c *copier) pushBlob(ctx context.Context, desc ocispec.Descriptor) error {
	state := &blobState{copier: c, desc: desc}
	content := &Content{source: c.src, desc: desc, data: c.graph.inline[desc.Digest], report: state.report}
	content.tuning = c.o.tuning()
	content.tuning.mountFrom = c.mountsFor(desc)
	content.tuning.ranges = c.rangesFor(desc)
	c.observer.emit(Event{Kind: EventBlobStarted, Descriptor: desc, Total: desc.Size})
	if err := c.dst.Push(ctx, desc, content); err != nil {
		return fmt.Errorf("blob %s: %w", desc.Digest, err)
	}
	state.finish()
	return nil
}

// rangesFor is a blob's share of the parallel ranges, by its size: one large
// layer gets them all, and of many equal ones each gets a single connection.
func (c *copier) rangesFor(desc ocispec.Descriptor) int {
	if c.moving == 0 {
		return 1
	}
	if _, ok := c.dst.(graphWriter); ok {
		return sharedRanges // one blob moves at a time
	}
	return max(1, int((desc.Size*sharedRanges+c.moving-1)/c.moving))
}

// blobState sees to it that each blob ends in exactly one of done, mounted and
// exists, whatever the target reported.
type blobState struct {
	copier *copier
	desc   ocispec.Descriptor

	mu    sync.Mutex
	end   EventKind
	from  string
	moved int64
}

func (s *blobState) report(e Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e.Descriptor, e.Total = s.desc, s.desc.Size
	switch e.Kind {
	case EventBlobStarted, EventBlobDone:
		return // those two are the copy's own to say
	case EventBlobMounted, EventBlobExists:
		s.end, s.from = e.Kind, e.From
		return
	case EventBlobProgress:
		s.copier.limiter.moved(e.Bytes - s.moved)
		s.moved = e.Bytes
	case EventBlobResumed:
		s.moved = e.Bytes
	case EventBlobRetrying:
		if isThrottled(e.Err) {
			s.copier.limiter.throttled()
		}
	}
	s.copier.observer.emit(e)
}

func (s *blobState) finish() {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := Event{Kind: EventBlobDone, Descriptor: s.desc, Bytes: s.desc.Size, Total: s.desc.Size}
	if s.end != "" {
		e.Kind, e.From = s.end, s.from
	}
	if e.Kind == EventBlobMounted && e.From == "" {
		e.From = s.copier.mountFrom
	}
	s.copier.observer.emit(e)
}
