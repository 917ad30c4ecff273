package artifact

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

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
			for _, tag := range n.rootNames() {
				if err := c.keepReferrer(ctx, n, tag); err != nil {
					return fmt.Errorf("tag %s: %w", cmp.Or(tag, n.desc.Digest.String()), err)
				}
			}
		}
	}
	return nil
}

// rootNames are the names of a referrer, each of which makes it a root of its
// own; one that is empty where it has none. Other manifests have none.
func (n *node) rootNames() []string {
	switch {
	case !n.referrer:
		return nil
	case len(n.tags) == 0:
		return []string{""}
	}
	return n.tags
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
