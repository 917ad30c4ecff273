package listing

import (
	"context"
	"iter"

	"github.com/opencontainers/go-digest"

	"github.com/acrkit/azcontainerregistry/artifact"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/items"
)

// measuredAtOnce is how many tags are measured together: enough to keep all
// readers at work, few enough that a long listing keeps flowing.
const measuredAtOnce = 4 * artifact.GraphReads

// sized gives tags their sizes and platforms, in the order that they come in.
func sized(ctx context.Context, source *artifact.Repository, cache artifact.ManifestCache, tags iter.Seq2[items.Tag, error]) iter.Seq2[items.Tag, error] {
	return func(yield func(items.Tag, error) bool) {
		var batch []items.Tag
		flush := func() bool {
			err := measure(ctx, source, cache, batch)
			for _, tag := range batch {
				if err != nil {
					yield(items.Tag{}, err)
					return false
				}
				if !yield(tag, nil) {
					return false
				}
			}
			batch = batch[:0]
			return true
		}
		for tag, err := range tags {
			if err != nil {
				if flush() {
					yield(items.Tag{}, err)
				}
				return
			}
			if batch = append(batch, tag); len(batch) == measuredAtOnce && !flush() {
				return
			}
		}
		flush()
	}
}

func measure(ctx context.Context, source *artifact.Repository, cache artifact.ManifestCache, tags []items.Tag) error {
	roots := make([]digest.Digest, 0, len(tags))
	for _, tag := range tags {
		roots = append(roots, digest.Digest(tag.Digest))
	}
	sizes, err := source.Sizes(ctx, roots, cache)
	if err != nil {
		return err
	}
	for i := range tags {
		size, there := sizes[digest.Digest(tags[i].Digest)]
		switch {
		case !there:
			tags[i].Unread = "its manifest is gone"
			continue
		case size.Unread != nil:
			tags[i].Unread = failure.Clean(failure.FirstLine(size.Unread))
		}
		if size.Bytes > 0 {
			tags[i].Size = &size.Bytes
		}
		for _, platform := range size.Platforms {
			tags[i].Platforms = append(tags[i].Platforms, artifact.FormatPlatform(&platform))
		}
	}
	return nil
}
