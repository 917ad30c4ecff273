package artifact

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"sync"
	"sync/atomic"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

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

// inShard reports whether an image belongs to this process. The hash is part
// of the contract: machines of different versions may share one sync.
func inShard(name string, shard, shards int) bool {
	if shards <= 1 {
		return true
	}
	sum := sha256.Sum256([]byte(name))
	return binary.BigEndian.Uint64(sum[:8])%uint64(shards) == uint64(shard)
}

// each calls do for every chosen image, several at a time. What do fails with
// is kept, unless the whole sync has ended.
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

// ofOneRepository reports whether a listing failed for a reason that says
// nothing about the other repositories: it isn't there, or not ours to read.
func ofOneRepository(err error) bool {
	return isNotFound(err) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, ErrInvalid) || isDenied(err)
}

// isDenied reports that the registry lets this credential not do that.
func isDenied(err error) bool {
	return hasStatus(err, http.StatusUnauthorized) || hasStatus(err, http.StatusForbidden)
}

// unlisted keeps that a repository's images are not known.
func (s *syncer) unlisted(repository string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unknown++
	s.result.Failed++
	s.errs = append(s.errs, fmt.Errorf("%s: %w", repository, err))
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

// list sends the chosen images of one repository.
func (s *syncer) list(ctx context.Context, repository string, items chan<- *syncItem) error {
	source, err := s.src.Source(repository)
	if err != nil {
		return err
	}
	tags, err := s.sourceTags(ctx, repository, source)
	if err != nil {
		return fmt.Errorf("list tags of %s: %w", repository, err)
	}
	if err := s.reportUntagged(ctx, repository, source); err != nil {
		return err
	}
	all := make([]string, 0, len(tags))
	for _, tag := range tags {
		all = append(all, tag.tag)
	}
	var (
		into    Target
		present *present
	)
	target := repository
	if s.o.Rename != nil {
		target = s.o.Rename(repository)
	}
	for _, tag := range tags {
		if !s.filter.image(repository, tag.tag) || !inShard(repository+":"+tag.tag, s.o.Shard, s.o.Shards) {
			continue
		}
		if _, planned := s.o.expect[repository+":"+tag.tag]; !planned && s.o.expect != nil {
			continue
		}
		if into == nil {
			if into, err = s.target(target); err != nil {
				return err
			}
			if present, err = presentTags(ctx, into); err != nil {
				return fmt.Errorf("list tags of %s at %s: %w", target, s.dst.Name(), err)
			}
		}
		item := &syncItem{
			repository: repository, tag: tag.tag, digest: tag.digest, target: target, source: source, into: into,
			done:     tag.digest != "" && present.tags[tag.tag] == tag.digest && len(s.o.Copy.Platforms) == 0,
			unlisted: present.unlisted, tags: all,
		}
		s.mu.Lock()
		s.result.Images++
		s.mu.Unlock()
		if tag.err != nil {
			s.failed(ctx, item.name(), tag.err)
			continue
		}
		select {
		case items <- item:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// sourceTags lists a repository's tags. Where that isn't allowed, they are the
// ones that the patterns name in full.
func (s *syncer) sourceTags(ctx context.Context, repository string, source Source) ([]taggedDigest, error) {
	tags, err := tagDigests(ctx, source)
	if !isDenied(err) {
		return tags, err
	}
	for _, tag := range s.filter.tags(repository) {
		tags = append(tags, taggedDigest{tag: tag})
	}
	if len(tags) == 0 {
		return nil, fmt.Errorf("%w (images that are named in full, repository:tag, need no list)", err)
	}
	return tags, nil
}

// reportUntagged counts images that have no tag as failed: a sync that brought
// over nothing must not look like one that did.
func (s *syncer) reportUntagged(ctx context.Context, repository string, source Source) error {
	lister, ok := source.(untaggedLister)
	if !ok || s.o.expect != nil {
		return nil
	}
	list, err := lister.untagged(ctx)
	if err != nil {
		return err
	}
	for _, image := range list {
		name := image.Digest.String()
		if repository != "" {
			name = repository + "@" + name
		}
		if !s.filter.image(repository, name) || !inShard(name, s.o.Shard, s.o.Shards) {
			continue
		}
		s.mu.Lock()
		s.result.Images++
		s.mu.Unlock()
		s.failed(ctx, name, &InvalidError{Store: s.src.Name(), Thing: thingOf(image), Rule: "it has no name that it could be copied under; copy it by itself, to a name"})
	}
	return nil
}

// copy brings one image over.
func (s *syncer) copy(ctx context.Context, item *syncItem) error {
	s.event(Event{Kind: EventImage, Reference: item.name()}, item)
	err := s.bring(ctx, item)
	if err == nil {
		s.event(Event{Kind: EventImageDone, Reference: item.name()}, item)
	}
	return err
}

func (s *syncer) bring(ctx context.Context, item *syncItem) error {
	options := s.o.Copy
	planned, expected := s.o.expect[item.name()]
	if expected {
		if planned.Action == PlanSkip {
			s.count(func(r *SyncResult) { r.Skipped++ })
			return nil
		}
		options.expect = planned.plan()
	}
	if item.unlisted && item.digest != "" && len(options.Platforms) == 0 {
		if reader, ok := item.into.(Source); ok {
			desc, err := reader.Resolve(ctx, item.tag)
			item.done = err == nil && desc.Digest.String() == item.digest
		}
	}
	needed, err := s.needed(ctx, item)
	if err != nil {
		return err
	}
	if !needed {
		s.count(func(r *SyncResult) { r.Skipped++ })
		return nil
	}
	options.OnEvent = func(e Event) { s.event(e, item) }
	options.mounts, options.tags = s.mounts, item.tags
	options.nested = true
	result, err := Copy(ctx, item.into, item.tag, item.source, item.tag, &options)
	if err != nil {
		return err
	}
	s.count(func(r *SyncResult) {
		r.Bytes += result.BytesCopied
		r.Referrers += result.Referrers
		r.DigestTags += result.DigestTags
		r.Attestations += result.Attestations
		for _, left := range result.LeftOut {
			left.Reason += " (" + item.name() + ")"
			r.LeftOut = append(r.LeftOut, left)
		}
		if result.BlobsCopied+result.BlobsMounted+result.ManifestsPushed == 0 && !item.tagWritten(len(options.Platforms) > 0) {
			r.Skipped++
		} else {
			r.Copied++
		}
	})
	return nil
}

// needed reports whether an image has to be looked at blob by blob.
func (s *syncer) needed(ctx context.Context, item *syncItem) (bool, error) {
	if !item.done || s.o.Verify {
		return true, nil
	}
	return s.hasReferrers(ctx, item)
}

func (s *syncer) partial() error {
	return &PartialError{Failed: len(s.errs), Total: s.result.Images + s.unknown, Errs: s.errs}
}

func (s *syncer) count(change func(*SyncResult)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.result)
}

// hasReferrers reports whether an image that is done otherwise has referrers
// at the source, itself or one of its platforms: they may have come later.
func (s *syncer) hasReferrers(ctx context.Context, item *syncItem) (bool, error) {
	lister, ok := item.source.(ReferrerLister)
	if !ok || !followsReferrers(s.o.Copy.Referrers, item.into, item.source) {
		return false, nil
	}
	root, data, err := resolve(ctx, item.source, item.digest)
	if err != nil {
		return false, err
	}
	subjects := []ocispec.Descriptor{root}
	if isIndex(root.MediaType) {
		_, m, err := readManifest(root, data)
		if err != nil {
			return false, err
		}
		subjects = append(subjects, m.children()...)
	}
	tags := &referrerChoice{tags: item.tags}
	for _, subject := range subjects {
		if item.tags != nil && tags.mayHaveTags(subject.Digest) {
			return true, nil
		}
	}
	var found atomic.Bool
	err = parallel(ctx, manifestFetches, len(subjects), func(ctx context.Context, i int) error {
		if found.Load() || isIndex(subjects[i].MediaType) && i > 0 {
			found.Store(true) // below it there may be more: the copy looks
			return nil
		}
		list, err := lister.Referrers(ctx, subjects[i])
		if len(list) > 0 {
			found.Store(true)
		}
		return err
	})
	return found.Load(), err
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

// taggedDigest is one tag, with what it points to if the store said so.
type taggedDigest struct {
	tag, digest string
	err         error // why the digest isn't known
}

// tagDigestLister is a store that tells its tags and their digests in one go.
type tagDigestLister interface {
	tagDigests(ctx context.Context) ([]taggedDigest, error)
}

func tagDigests(ctx context.Context, store Source) ([]taggedDigest, error) {
	if l, ok := store.(tagDigestLister); ok {
		return l.tagDigests(ctx)
	}
	l, ok := store.(TagLister)
	if !ok {
		return nil, &InvalidError{Store: nameOf(store), Thing: "tags", Rule: "this source cannot list them"}
	}
	tags, err := l.Tags(ctx)
	if err != nil {
		return nil, err
	}
	list := make([]taggedDigest, 0, len(tags))
	for _, tag := range tags {
		desc, err := store.Resolve(ctx, tag)
		if stopped := context.Cause(ctx); stopped != nil {
			return nil, stopped
		}
		list = append(list, taggedDigest{tag, desc.Digest.String(), err})
	}
	return list, nil
}

// present is what a target has.
type present struct {
	tags     map[string]string // their digests
	unlisted bool              // it doesn't let them be listed
}

// presentTags is what a target has, nothing if it cannot tell or isn't there.
func presentTags(ctx context.Context, target Target) (*present, error) {
	p := &present{tags: map[string]string{}}
	store, ok := target.(Source)
	if !ok {
		return p, nil
	}
	if _, ok := store.(TagLister); !ok {
		return p, nil
	}
	tags, err := tagDigests(ctx, store)
	if isNotFound(err) || isDenied(err) {
		p.unlisted = isDenied(err)
		return p, nil
	}
	for _, tag := range tags {
		p.tags[tag.tag] = tag.digest
	}
	return p, err
}

// mountMemory remembers which repository of the target has a blob, so that
// the next repository gets it without moving bytes.
type mountMemory struct {
	moving keyedMutex // by digest

	mu   sync.Mutex
	repo map[string]string
}

// turn waits until no other image of the sync moves the same blob: once one of
// them has it, the others mount it.
func (m *mountMemory) turn(ctx context.Context, digest string) (done func(), err error) {
	if m == nil {
		return func() {}, nil
	}
	return m.moving.lock(ctx, digest)
}

func newMountMemory() *mountMemory { return &mountMemory{repo: map[string]string{}} }

// maxMounts bounds the memory: some 20 MB.
const maxMounts = 100_000

func (m *mountMemory) remember(digest, repository string) {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.repo) < maxMounts {
		m.repo[digest] = repository
	}
}

func (m *mountMemory) find(digest string) string {
	if m == nil {
		return ""
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.repo[digest]
}
