package artifact

import (
	"context"
	"errors"
	"fmt"
	"strings"

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

// remote is a store that a registry holds.
type remote interface{ remote() }

// sameStore reports whether what src has, dst has too.
func sameStore(dst Target, src Source) bool {
	if s, ok := dst.(interface{ sameStore(src Source) bool }); ok {
		return s.sameStore(src)
	}
	return false
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
	if w, ok := c.dst.(graphWriter); ok {
		err := w.writeGraph(ctx, c)
		return c.observer.finish(c.graph.root, c.tag), err
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
