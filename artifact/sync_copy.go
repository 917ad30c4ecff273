package artifact

import (
	"context"
	"sync/atomic"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

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
