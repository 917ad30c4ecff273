package artifact

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
)

// inShard reports whether an image belongs to this process. The hash is part
// of the contract: machines of different versions may share one sync.
func inShard(name string, shard, shards int) bool {
	if shards <= 1 {
		return true
	}
	sum := sha256.Sum256([]byte(name))
	return binary.BigEndian.Uint64(sum[:8])%uint64(shards) == uint64(shard)
}

// ofOneRepository reports whether a listing failed for a reason that says
// nothing about the other repositories: it isn't there, or not ours to read.
func ofOneRepository(err error) bool {
	return isNotFound(err) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, ErrInvalid) || isDenied(err)
}

// unlisted keeps that a repository's images are not known.
func (s *syncer) unlisted(repository string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unknown++
	s.result.Failed++
	s.errs = append(s.errs, fmt.Errorf("%s: %w", repository, err))
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
		if !s.chosen(repository, tag.tag) || !inShard(repository+":"+tag.tag, s.o.Shard, s.o.Shards) {
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

// chosen reports whether an image is to be copied, whatever shard it is in.
func (s *syncer) chosen(repository, tag string) bool {
	return s.filter.image(repository, tag) && (s.o.Choose == nil || s.o.Choose(repository, tag))
}

// sourceTags lists a repository's tags, if they aren't named. Where that isn't allowed, they are the
// ones that the patterns name in full.
func (s *syncer) sourceTags(ctx context.Context, repository string, source Source) ([]taggedDigest, error) {
	if named := s.named(repository); len(named) > 0 {
		tags := make([]taggedDigest, 0, len(named))
		for _, tag := range named {
			tags = append(tags, taggedDigest{tag: tag})
		}
		return tags, nil
	}
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

// named are the tags that the options name of a repository.
func (s *syncer) named(repository string) []string {
	if s.o.Tags == nil {
		return nil
	}
	return s.o.Tags(repository)
}

// reportUntagged counts images that have no tag as failed: a sync that brought
// over nothing must not look like one that did.
func (s *syncer) reportUntagged(ctx context.Context, repository string, source Source) error {
	lister, ok := source.(untaggedLister)
	if !ok || s.o.expect != nil || len(s.named(repository)) > 0 {
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
		if !s.chosen(repository, name) || !inShard(name, s.o.Shard, s.o.Shards) {
			continue
		}
		s.mu.Lock()
		s.result.Images++
		s.mu.Unlock()
		s.failed(ctx, name, &InvalidError{Store: s.src.Name(), Thing: thingOf(image), Rule: "it has no name that it could be copied under; copy it by itself, to a name"})
	}
	return nil
}
