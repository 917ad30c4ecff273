package artifact

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/acrkit/azcontainerregistry/internal/order"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

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
	order.By(c.missing, func(a, b ocispec.Descriptor) int { return cmp.Compare(b.Size, a.Size) })
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
