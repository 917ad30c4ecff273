package artifact

import (
	"context"
)

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
