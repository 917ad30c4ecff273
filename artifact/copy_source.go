package artifact

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	azcontainerregistry "github.com/acrkit/azcontainerregistry"
)

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
	return Has(ctx, c.src, desc)
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
