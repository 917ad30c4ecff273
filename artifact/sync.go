package artifact

import (
	"context"
	"errors"
	"fmt"
	"sync"

	azcontainerregistry "github.com/acrkit/azcontainerregistry"
)

// SyncOptions says what a sync takes along. The zero value, and nil, is
// everything.
type SyncOptions struct {
	// Repositories are the source's repositories to look at. Empty asks the
	// source for all of them, which at a registry needs the right to read the
	// catalog.
	Repositories []string
	// Include and Exclude are patterns for repository or repository:tag: "*"
	// is any run of characters but "/", "**" any run, "?" one character. What
	// is included by one (or there is none) and excluded by none is copied.
	Include, Exclude []string
	// Choose reports whether a tag is copied, of those that the patterns choose.
	// Nil chooses them all. It is called by one goroutine.
	Choose func(repository, tag string) bool
	// Tags names the tags of a repository, which is then not asked for its list;
	// for a repository that it names none of, and when it is nil, the source is
	// asked. A tag that isn't there fails as an image does.
	Tags func(repository string) []string
	// Rename gives a repository its name at the target. Nil keeps it.
	Rename func(repository string) string
	// Shard and Shards spread one sync over several processes: this one does
	// the images whose repository:tag hashes to Shard, 0 to Shards-1. 0 Shards
	// is one process. The shards need not know of each other.
	Shard, Shards int
	// Images is how many images are copied at a time; 0 means 4.
	Images int
	// Verify looks at every blob of images whose tag is right already. By
	// default such an image counts as done, since a tag is written last, and
	// only its referrers are looked at.
	Verify bool
	// Copy tunes each copy; its OnEvent observes the whole sync, Event.Image
	// tells the images apart.
	Copy Options

	expect map[string]SyncPlanItem // by repository:tag; set by SyncPlan.Apply
}

// SyncResult is what a sync did.
type SyncResult struct {
	Images  int   `json:"images"`  // chosen by the patterns and the shard
	Copied  int   `json:"copied"`  // something of them had to be written
	Skipped int   `json:"skipped"` // nothing had to be done
	Failed  int   `json:"failed"`  // images, and repositories whose tags could not be listed
	Bytes   int64 `json:"bytes"`   // of blobs that moved

	Referrers    int `json:"referrers"`    // of the images that were looked at, as in [Result]
	DigestTags   int `json:"digestTags"`   // likewise
	Attestations int `json:"attestations"` // likewise
	// LeftOut is what belongs to the images and was not copied.
	LeftOut []LeftOut `json:"leftOut,omitempty"`
}

// syncItem is one image.
type syncItem struct {
	repository, tag string
	digest          string // "" when the source didn't say
	target          string // repository at the target
	source          Source
	into            Target
	done            bool     // the target's tag has the same digest
	unlisted        bool     // the target doesn't let its tags be listed
	tags            []string // all tags of the source
}

// tagWritten reports whether a copy that moved nothing gave the image its tag at
// the target: another tag of the same image may have come first. With a choice of
// platforms the digests can't be compared.
func (i *syncItem) tagWritten(chosen bool) bool {
	return !chosen && !i.done && !i.unlisted && i.digest != ""
}

func (i *syncItem) name() string { return i.repository + ":" + i.tag }

// syncer is one sync.
type syncer struct {
	dst    SyncTarget
	src    SyncSource
	o      SyncOptions
	filter *filter
	mounts *mountMemory
	target func(repository string) (Target, error)

	mu      sync.Mutex
	result  SyncResult
	errs    []error
	unknown int                  // repositories whose images could not be listed
	totals  Totals               // of all images so far
	last    map[*syncItem]Totals // what each image that is under way has added to them
}

// Sync copies every chosen image of src to dst. An image that fails, or a
// repository that can't be read, doesn't stop the others: at the end there is a
// [*PartialError]. Running the same sync again does what is missing. Nothing is
// ever deleted at the target.
func Sync(ctx context.Context, dst SyncTarget, src SyncSource, o *SyncOptions) (SyncResult, error) {
	s, err := newSyncer(dst, src, o)
	if err != nil {
		if o != nil && o.Copy.Journal != nil {
			err = errors.Join(err, o.Copy.Journal.finish(ctx, err, false))
		}
		return SyncResult{}, err
	}
	err = s.each(ctx, s.copy)
	if err == nil && len(s.errs) > 0 {
		err = s.partial()
	}
	if err != nil {
		err = fmt.Errorf("sync %s to %s: %w", src.Name(), dst.Name(), err)
	}
	if j := s.o.Copy.Journal; j != nil {
		err = errors.Join(err, j.finish(ctx, err, s.result.Images > 0))
	}
	return s.result, err
}

// Validate says what is wrong with the options, as [Sync] would before it does
// anything: an [*InvalidError] that names the pattern or the number.
func (o *SyncOptions) Validate() error {
	if o == nil {
		return nil
	}
	if _, err := newFilter(o.Include, o.Exclude); err != nil {
		return err
	}
	if o.Shards < 0 || o.Shard < 0 || (o.Shards == 0 && o.Shard != 0) || (o.Shards > 0 && o.Shard >= o.Shards) {
		return &InvalidError{Code: codeOptionInvalid, Thing: fmt.Sprintf("shard %d of %d", o.Shard, o.Shards), Rule: "shards are counted from 0, up to one less than there are"}
	}
	if o.Images < 0 {
		return &InvalidError{Code: codeOptionInvalid, Thing: fmt.Sprintf("images %d", o.Images), Rule: "it must not be negative"}
	}
	return nil
}

func newSyncer(dst SyncTarget, src SyncSource, o *SyncOptions) (*syncer, error) {
	if dst == nil || src == nil {
		return nil, &InvalidError{Thing: "source and target", Rule: "neither may be nil"}
	}
	s := &syncer{dst: dst, src: src, mounts: newMountMemory(), target: dst.Target, last: map[*syncItem]Totals{}}
	if o != nil {
		s.o = *o
	}
	if err := s.o.Validate(); err != nil {
		return nil, err
	}
	var err error
	if s.filter, err = newFilter(s.o.Include, s.o.Exclude); err != nil {
		return nil, err
	}
	if s.o.Images == 0 {
		s.o.Images = 4
	}
	if s.o.Copy.Budget == nil {
		s.o.Copy.Budget = azcontainerregistry.NewTransferBudget(DefaultConnections, 0)
	}
	return s, nil
}

// each calls do for every chosen image, several at a time. What do fails with
// is kept, unless the sync was cancelled.
func (s *syncer) each(ctx context.Context, do func(context.Context, *syncItem) error) error {
	repositories := s.o.Repositories
	if len(repositories) == 0 {
		var err error
		if repositories, err = s.src.Repositories(ctx); isDenied(err) {
			// A token of single repositories may not list them all.
			if named := s.filter.repositories(); len(named) > 0 {
				repositories, err = named, nil
			}
		}
		if err != nil {
			return err
		}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	items := make(chan *syncItem)
	var workers sync.WaitGroup
	for range s.o.Images {
		workers.Go(func() {
			for item := range items {
				if ctx.Err() != nil {
					continue
				}
				if err := do(ctx, item); err != nil {
					s.failed(ctx, item.name(), err)
				}
			}
		})
	}
	var err error
	for _, repository := range repositories {
		err = s.list(ctx, repository, items)
		if err != nil && ctx.Err() == nil && ofOneRepository(err) {
			s.unlisted(repository, err)
			err = nil
		}
		if err != nil {
			break
		}
	}
	close(items)
	if err != nil {
		cancel(errStopped)
	}
	workers.Wait()
	if err == nil {
		err = context.Cause(ctx)
	}
	return err
}

func (s *syncer) failed(ctx context.Context, name string, err error) {
	if ctx.Err() != nil {
		return // the end of the whole sync, not of this image
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.result.Failed++
	s.errs = append(s.errs, fmt.Errorf("%s: %w", name, err))
}

func (s *syncer) partial() error {
	return &PartialError{Failed: len(s.errs), Total: s.result.Images + s.unknown, Errs: s.errs}
}

func (s *syncer) count(change func(*SyncResult)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.result)
}

// event passes on the event of one image, one at a time.
func (s *syncer) event(e Event, item *syncItem) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e.Image = item.name()
	ofCopy := e.Kind != EventImage && e.Kind != EventImageDone
	if ofCopy {
		before := s.last[item]
		s.last[item] = e.Totals
		s.totals.add(e.Totals, 1)
		s.totals.add(before, -1)
	}
	if e.Kind == EventTagged {
		delete(s.last, item)
	}
	e.Totals = s.totals
	if j := s.o.Copy.Journal; j != nil && ofCopy {
		// Only for whoever looks at the journal: what is done, the target knows.
		_ = j.note(e.Totals)
	}
	if s.o.Copy.OnEvent != nil {
		s.o.Copy.OnEvent(e)
	}
}
