package artifact

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	azcontainerregistry "github.com/acrkit/azcontainerregistry"
)

// Copy makes dst hold what srcRef means at src, under dstRef.
//
// It first reads every manifest and asks both sides what is there; what is
// wrong with the source by then ends it before anything is written. Then the
// blobs that are missing move, large ones first, next the manifests, children
// before their parents, and last the tag. A blob that exists is never moved
// again, and an existing manifest is not taken as a proof that its blobs
// exist. A dstRef that is empty or a digest writes no tag; the digest must be
// the root's.
//
// When ctx is cancelled, Copy starts nothing more, waits for what runs to stop
// and returns the cause. What has been stored stays, and the same Copy again
// does only the rest.
func Copy(ctx context.Context, dst Target, dstRef string, src Source, srcRef string, o *Options) (Result, error) {
	var result Result
	c, err := prepare(ctx, dst, dstRef, src, srcRef, o)
	if err == nil {
		result, err = c.run(ctx)
	}
	if err != nil {
		err = fmt.Errorf("copy %s to %s: %w", describe(src, srcRef), describe(dst, dstRef), err)
	}
	if o != nil && o.Journal != nil && !o.nested {
		err = errors.Join(err, o.Journal.finish(ctx, err, c != nil))
	}
	return result, err
}

func describe(store any, reference string) string {
	name := nameOf(store)
	switch {
	case reference == "":
		return name
	case isDigest(reference):
		return name + "@" + reference
	}
	return name + ":" + reference
}

func isDigest(reference string) bool {
	_, err := digest.Parse(reference)
	return err == nil
}

// copier is one copy, after everything has been read and nothing written.
type copier struct {
	src   Source
	dst   Target
	o     Options
	tag   string // what to write at the end, "" for none
	graph *graph

	previous  string                  // what the tag points to now, "" for nothing
	sameStore bool                    // source and target are one: only the tag is missing
	missing   []ocispec.Descriptor    // blobs to move, large ones first
	moving    int64                   // bytes of those
	existing  []ocispec.Descriptor    // blobs that the target has
	has       map[digest.Digest]bool  // manifests that the target has
	mountFrom string                  // not empty when blobs can be mounted
	made      map[digest.Digest]bool  // indexes that were made for this copy
	absent    map[digest.Digest]error // blobs that the source lacks
	leftOut   []LeftOut

	observer *observer
	limiter  *limiter
}

// prepare does all the reading of a copy.
func prepare(ctx context.Context, dst Target, dstRef string, src Source, srcRef string, o *Options) (*copier, error) {
	if dst == nil || src == nil {
		return nil, &InvalidError{Thing: "source and target", Rule: "neither may be nil"}
	}
	c := &copier{src: src, dst: dst, tag: dstRef, has: map[digest.Digest]bool{}, absent: map[digest.Digest]error{}}
	if o != nil {
		c.o = *o
	}
	if c.o.Budget == nil {
		c.o.Budget = azcontainerregistry.NewTransferBudget(DefaultConnections, 0)
	}
	wanted := ""
	if tag, digest, found := strings.Cut(dstRef, "@"); found && isDigest(digest) {
		c.tag, wanted = tag, digest
	} else if isDigest(dstRef) {
		c.tag, wanted = "", dstRef
	}
	c.observer = newObserver(c.o.OnEvent)
	if !c.o.nested {
		c.observer.journal = c.o.Journal
	}
	c.sameStore = sameStore(dst, src)
	if err := c.readGraph(ctx, srcRef); err != nil {
		return nil, err
	}
	root := c.graph.root
	if wanted != "" && wanted != root.Digest.String() {
		return nil, &InvalidError{Thing: "target digest " + wanted, Rule: "what is copied has the digest " + root.Digest.String()}
	}
	if a, ok := dst.(graphAdmitter); ok {
		if err := a.admitGraph(ctx, src, c.graph); err != nil {
			return nil, err
		}
	}
	if err := c.checkDigests(); err != nil {
		return nil, err
	}
	if err := c.checkSource(ctx); err != nil {
		return nil, err
	}
	if m, ok := dst.(Mounter); ok {
		if from, ok := m.MountsFrom(src); ok {
			c.mountFrom = from
		}
	}
	if err := c.inspectTarget(ctx); err != nil {
		return nil, err
	}
	if err := c.checkAbsent(); err != nil {
		return nil, err
	}
	if c.o.expect != nil {
		if err := c.o.expect.check(c); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// readGraph finds out what the reference means, and reads everything under it.
func (c *copier) readGraph(ctx context.Context, srcRef string) error {
	root, data, err := resolve(ctx, c.src, srcRef)
	if err != nil {
		return err
	}
	walk := walkOptions{known: map[digest.Digest][]byte{root.Digest: data}, atTarget: c.manifestAtTarget}
	if len(c.o.Platforms) > 0 {
		var chosen *chooser
		if root, chosen, err = choose(ctx, c.src, root, data, c.o.Platforms); err != nil {
			return err
		}
		walk.known, c.leftOut, c.made = chosen.known, chosen.leftOut, chosen.made
	} else if p, ok := c.src.(partialSource); ok {
		c.leftOut = slices.Clone(p.leftOut(root.Digest))
	}
	root.Data = nil
	if a, ok := c.dst.(Admitter); ok {
		if err := a.Admit(root, c.tag); err != nil {
			return err
		}
	}
	if !c.sameStore {
		if walk.referrers, err = c.o.chooseReferrers(c.dst, c.src); err != nil {
			return err
		}
	}
	if c.graph, err = readGraph(ctx, c.src, root, walk); err != nil {
		return err
	}
	return c.chooseForeign(ctx)
}

// manifestAtTarget tells whether the target has a manifest that the source
// lacks, as in a layout that holds a part of an index.
func (c *copier) manifestAtTarget(ctx context.Context, desc ocispec.Descriptor) (bool, error) {
	if _, ok := c.dst.(remote); !ok {
		return false, nil
	}
	return c.dst.Exists(ctx, desc)
}

// chooseForeign adds the foreign layers to what is copied where that was asked
// for and the source holds them, and remembers the others as left out.
func (c *copier) chooseForeign(ctx context.Context) error {
	for _, layer := range c.graph.foreign {
		reason := "a foreign layer, to be fetched from " + layer.URLs[0]
		if c.o.ForeignLayers {
			held, err := c.sourceHolds(ctx, layer)
			if err != nil {
				return err
			}
			if held {
				c.graph.blobs = append(c.graph.blobs, ocispec.Descriptor{MediaType: layer.MediaType, Digest: layer.Digest, Size: layer.Size})
				continue
			}
			reason += ", since the source doesn't hold it"
		}
		c.leftOut = append(c.leftOut, LeftOut{
			Descriptor: ocispec.Descriptor{MediaType: layer.MediaType, Digest: layer.Digest, Size: layer.Size}, Reason: reason, Foreign: !c.o.ForeignLayers,
		})
	}
	c.graph.foreign = slices.DeleteFunc(c.graph.foreign, func(layer ocispec.Descriptor) bool {
		return slices.ContainsFunc(c.graph.blobs, sameDigest(layer))
	})
	return nil
}

// sourceHolds asks for one blob in the cheapest way that the source has.
func (c *copier) sourceHolds(ctx context.Context, desc ocispec.Descriptor) (bool, error) {
	var err error
	switch src := c.src.(type) {
	case Checker:
		err = src.Check(ctx, desc)
	case Target:
		return src.Exists(ctx, desc)
	default:
		var r io.ReadCloser
		if r, err = c.src.Fetch(ctx, desc); err == nil {
			err = r.Close()
		}
	}
	if isNotFound(err) {
		return false, nil
	}
	return err == nil, err
}

func resolve(ctx context.Context, src Source, reference string) (ocispec.Descriptor, []byte, error) {
	if r, ok := src.(ManifestResolver); ok {
		return r.ResolveManifest(ctx, reference)
	}
	root, err := src.Resolve(ctx, reference)
	if err != nil {
		return root, nil, err
	}
	data, err := fetchSmall(ctx, src, root)
	return root, data, err
}

// remote is a store that a registry holds.
type remote interface{ remote() }

// sameStore reports whether what src has, dst has too.
func sameStore(dst Target, src Source) bool {
	if s, ok := dst.(interface{ sameStore(src Source) bool }); ok {
		return s.sameStore(src)
	}
	return false
}

// checkDigests refuses blobs that a registry on either side could not move:
// transfers verify SHA-256 only.
func (c *copier) checkDigests() error {
	for _, store := range []any{c.src, c.dst} {
		if _, ok := store.(remote); !ok || c.sameStore {
			continue
		}
		for _, blob := range c.graph.blobs {
			if blob.Digest.Algorithm() != digest.SHA256 {
				return &InvalidError{Store: nameOf(store), Thing: thingOf(blob), Rule: "a registry's blobs have sha256 digests", Err: azcontainerregistry.ErrDigestAlgNotSupported}
			}
		}
	}
	return nil
}

// checkSource finds out what the source lacks, as far as that is cheap, and
// whether its images are whole.
func (c *copier) checkSource(ctx context.Context) error {
	checker, ok := c.src.(Checker)
	if !ok || c.sameStore {
		return nil
	}
	var mu sync.Mutex
	err := parallel(ctx, existenceChecks, len(c.graph.blobs), func(ctx context.Context, i int) error {
		if c.graph.inline[c.graph.blobs[i].Digest] != nil {
			return nil
		}
		err := checker.Check(ctx, c.graph.blobs[i])
		if errors.Is(err, ErrNotFound) {
			mu.Lock()
			defer mu.Unlock()
			c.absent[c.graph.blobs[i].Digest] = err
			return nil
		}
		return err
	})
	if err != nil {
		return err
	}
	return c.checkImages(ctx)
}

// checkAbsent fails when a blob is neither at the source nor at the target, nor
// can be mounted there.
func (c *copier) checkAbsent() error {
	for _, blob := range c.missing {
		err := c.absent[blob.Digest]
		if err != nil && c.mountFrom == "" && len(c.mountsFor(blob)) == 0 {
			return err
		}
	}
	return nil
}

// mountsFor are the repositories of the target's registry that may hold a blob:
// those that the caller names, and, where the source lacks it, those that the
// image says that it came from.
func (c *copier) mountsFor(blob ocispec.Descriptor) []string {
	target, ok := c.dst.(*Repository)
	if !ok {
		return nil
	}
	list := slices.Clone(c.o.MountFrom)
	if c.absent[blob.Digest] != nil {
		for _, origin := range c.graph.origins[blob.Digest] {
			if host, name, _ := strings.Cut(origin, "/"); host == target.host() {
				list = append(list, name)
			}
		}
	}
	return slices.DeleteFunc(list, func(name string) bool { return name == target.name })
}

// existenceChecks is how many small questions are asked at a time. An image
// has some 20 blobs: their responses come within one round trip.
const existenceChecks = 32

// inspectTarget finds out what the target has.
func (c *copier) inspectTarget(ctx context.Context) error {
	var nodes []*node
	for _, level := range c.graph.levels {
		nodes = append(nodes, level...)
	}
	if c.sameStore {
		for _, n := range nodes {
			c.has[n.desc.Digest] = !c.made[n.desc.Digest]
		}
		c.has[c.graph.root.Digest] = !c.made[c.graph.root.Digest]
		c.existing = c.graph.blobs
		return c.readTag(ctx)
	}
	blobs := c.graph.blobs
	found := make([]bool, len(blobs)+len(nodes)+1)
	err := parallel(ctx, existenceChecks, len(found), func(ctx context.Context, i int) error {
		var err error
		switch {
		case i == 0:
			err = c.readTag(ctx)
		case i <= len(blobs):
			found[i], err = c.dst.Exists(ctx, blobs[i-1])
		default:
			found[i], err = c.dst.Exists(ctx, nodes[i-1-len(blobs)].desc)
		}
		if isDenied(err) {
			// A credential that may push and not pull: what can't be known is
			// sent, and if it may not push either the first write says so.
			return nil
		}
		return err
	})
	if err != nil {
		return err
	}
	for i, blob := range blobs {
		if found[i+1] {
			c.existing = append(c.existing, blob)
		} else {
			c.missing = append(c.missing, blob)
			c.moving += blob.Size
		}
	}
	for i, n := range nodes {
		c.has[n.desc.Digest] = n.elsewhere || found[i+1+len(blobs)]
	}
	c.has[c.graph.root.Digest] = c.previous == c.graph.root.Digest.String()
	if _, oneStep := c.dst.(ManifestPusher); !oneStep && !c.has[c.graph.root.Digest] {
		// Where the tag is a step of its own, the manifest may be there without it.
		if c.has[c.graph.root.Digest], err = c.dst.Exists(ctx, c.graph.root); err != nil {
			return err
		}
	}
	slices.SortStableFunc(c.missing, func(a, b ocispec.Descriptor) int { return cmp.Compare(b.Size, a.Size) })
	return nil
}

// readTag finds out what the tag points to now.
func (c *copier) readTag(ctx context.Context) error {
	reader, ok := c.dst.(Source)
	if !ok || c.tag == "" {
		return nil
	}
	desc, err := reader.Resolve(ctx, c.tag)
	switch {
	case err == nil:
		c.previous = desc.Digest.String()
	case isDenied(err) && !c.o.NoClobber:
		return nil
	case !isNotFound(err):
		return err
	}
	if c.o.NoClobber && c.previous != "" && c.previous != c.graph.root.Digest.String() {
		return &ExistsError{Reference: describe(c.dst, c.tag), Digest: c.previous}
	}
	return nil
}

// run does the writing.
func (c *copier) run(ctx context.Context) (Result, error) {
	totals := Totals{BlobsTotal: len(c.graph.blobs), ManifestsTotal: len(c.graph.nodes), BytesTotal: c.moving}
	c.observer.expect(c.graph.root, totals)
	for _, blob := range c.existing {
		if r, ok := c.dst.(*Repository); ok {
			c.o.mounts.remember(blob.Digest.String(), r.name)
		}
		c.observer.emit(Event{Kind: EventBlobExists, Descriptor: blob, Total: blob.Size})
	}
	c.observer.result.LeftOut = c.leftOut
	for _, n := range c.graph.nodes {
		switch {
		case len(n.tags) > 0:
			c.observer.result.DigestTags += len(n.tags)
		case n.referrer:
			c.observer.result.Referrers++
		case n.attestation:
			c.observer.result.Attestations++
		}
	}
	err := c.pushBlobs(ctx)
	for i := 0; err == nil && i < len(c.graph.levels); i++ {
		level := c.graph.levels[i]
		err = parallel(ctx, manifestFetches, len(level), func(ctx context.Context, j int) error {
			return c.pushManifest(ctx, level[j], "")
		})
	}
	if err == nil {
		err = c.keepReferrers(ctx)
	}
	if err == nil {
		err = c.pushRoot(ctx)
	}
	return c.observer.finish(c.graph.root, c.tag), err
}

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

// referrerKeeper is a Target that has to be told of a referrer to find it
// again. tag is empty, or the digest tag that the referrer has.
type referrerKeeper interface {
	keepReferrer(ctx context.Context, desc ocispec.Descriptor, tag string) error
}

// keepReferrers writes the digest tags, and records the other referrers where
// the target doesn't find them by itself. The image has no tag yet, so that
// whoever sees the tag sees its signatures.
func (c *copier) keepReferrers(ctx context.Context) error {
	for _, level := range c.graph.levels {
		for _, n := range level {
			if !n.referrer {
				continue
			}
			tags := n.tags
			if len(tags) == 0 {
				tags = []string{""}
			}
			for _, tag := range tags {
				if err := c.keepReferrer(ctx, n, tag); err != nil {
					return fmt.Errorf("tag %s: %w", cmp.Or(tag, n.desc.Digest.String()), err)
				}
			}
		}
	}
	return nil
}

func (c *copier) keepReferrer(ctx context.Context, n *node, tag string) error {
	if k, ok := c.dst.(referrerKeeper); ok {
		return k.keepReferrer(ctx, n.desc, tag)
	}
	if tag == "" {
		return nil
	}
	if reader, ok := c.dst.(Source); ok {
		if desc, err := reader.Resolve(ctx, tag); err == nil && desc.Digest == n.desc.Digest {
			return nil
		}
	}
	if p, ok := c.dst.(ManifestPusher); ok {
		return p.PushManifest(ctx, n.desc, n.data, tag)
	}
	return c.dst.Tag(ctx, n.desc, tag)
}

// pushRoot writes the root and its tag.
func (c *copier) pushRoot(ctx context.Context) error {
	root := c.graph.nodes[c.graph.root.Digest]
	_, oneStep := c.dst.(ManifestPusher)
	switch {
	case c.has[root.desc.Digest] && c.previous == root.desc.Digest.String():
		c.observer.emit(Event{Kind: EventManifestExists, Descriptor: root.desc})
	case oneStep:
		if err := c.pushManifest(ctx, root, c.tag); err != nil {
			return err
		}
	default:
		if err := c.pushManifest(ctx, root, ""); err != nil {
			return err
		}
	}
	if !oneStep && (c.tag == "" || c.previous != root.desc.Digest.String()) {
		if err := c.dst.Tag(ctx, root.desc, c.tag); err != nil {
			return fmt.Errorf("tag %s: %w", c.tag, err)
		}
	}
	if c.tag != "" {
		c.observer.emit(Event{Kind: EventTagged, Descriptor: root.desc, Reference: c.tag})
	}
	return nil
}

// manifestAttempts bounds how often a manifest is put that the registry
// refuses for blobs that it has. A push that switched replicas midway needs a
// few seconds until they agree.
const manifestAttempts = 5

// pushManifest stores one manifest. When the target says that it lacks what
// the manifest refers to, that is looked at again, pushed if it is missing,
// and the manifest tried again.
func (c *copier) pushManifest(ctx context.Context, n *node, tag string) error {
	if c.has[n.desc.Digest] && tag == "" {
		c.observer.emit(Event{Kind: EventManifestExists, Descriptor: n.desc})
		return nil
	}
	for attempt := 1; ; attempt++ {
		err := c.putManifest(ctx, n, tag)
		if err == nil {
			c.observer.emit(Event{Kind: EventManifestDone, Descriptor: n.desc})
			return nil
		}
		if !isBlobUnknown(err) || attempt == manifestAttempts {
			return fmt.Errorf("manifest %s: %w", n.desc.Digest, err)
		}
		wait := time.Duration(attempt*attempt) * 250 * time.Millisecond
		c.observer.emit(Event{Kind: EventBlobRetrying, Descriptor: n.desc, Attempt: attempt + 1, Wait: wait, Err: err})
		if err := sleep(ctx, wait); err != nil {
			return err
		}
		if err := c.repair(ctx, n); err != nil {
			return err
		}
	}
}

func (c *copier) putManifest(ctx context.Context, n *node, tag string) error {
	if p, ok := c.dst.(ManifestPusher); ok {
		return p.PushManifest(ctx, n.desc, n.data, tag)
	}
	return c.dst.Push(ctx, n.desc, &Content{source: c.src, desc: n.desc, data: n.data, report: func(Event) {}})
}

// repair brings what a manifest needs and the target has lost.
func (c *copier) repair(ctx context.Context, n *node) error {
	for _, blob := range n.parsed.blobs() {
		if isForeign(blob) && !slices.ContainsFunc(c.graph.blobs, sameDigest(blob)) {
			continue
		}
		exists, err := c.dst.Exists(ctx, blob)
		if err != nil && !isDenied(err) {
			return err
		}
		if !exists {
			if err := c.pushBlob(ctx, blob); err != nil {
				return err
			}
		}
	}
	for _, child := range n.parsed.children() {
		exists, err := c.dst.Exists(ctx, child)
		if err != nil && !isDenied(err) {
			return err
		}
		if !exists && !c.graph.nodes[child.Digest].elsewhere {
			if err := c.putManifest(ctx, c.graph.nodes[child.Digest], ""); err != nil {
				return fmt.Errorf("manifest %s: %w", child.Digest, err)
			}
		}
	}
	return nil
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

func isNotFound(err error) bool {
	return errors.Is(err, ErrNotFound) || isRegistryNotFound(err)
}
