package artifact

import (
	"context"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// indexed is a store with an index.json: an archive, a layout, memory.
type indexed interface {
	Source
	Checker
	ReferrerLister
	digestTagLister
	Namer
	rootIndex() (*ocispec.Index, error)
}

var _ = []indexed{(*Archive)(nil), (*Layout)(nil), (*Memory)(nil)}

func (a *Archive) rootIndex() (*ocispec.Index, error) { return a.index, nil }

func (l *Layout) rootIndex() (*ocispec.Index, error) { return l.readIndex() }

func (m *Memory) rootIndex() (*ocispec.Index, error) { return m.snapshot(), nil }

// images is the images of one store under their own names.
type images struct {
	store indexed
	other string // the repository of names that are a tag alone
}

// Images makes a [SyncSource] of an archive, a layout or memory, so that [Sync]
// copies every image in it under its own names: "team/app:1" and
// "reg.example/team/app:1" are the tag 1 of the repository team/app. A name that
// is a tag alone goes to the given repository; where that is empty, and for an
// image that has no name at all, the sync says that it cannot copy it.
func Images(src Source, repository string) (SyncSource, error) {
	store, ok := src.(indexed)
	if !ok {
		return nil, &InvalidError{Store: nameOf(src), Thing: "images", Rule: "this source doesn't list them"}
	}
	return &images{store: store, other: repository}, nil
}

// Name is the store's.
func (i *images) Name() string { return i.store.Name() }

// unnamed is the repository of what has no name.
const unnamed = ""

// names sorts the roots of the store by repository and tag.
func (i *images) names(ctx context.Context) (map[string]map[string]ocispec.Descriptor, []ocispec.Descriptor, error) {
	index, err := i.store.rootIndex()
	if err != nil {
		return nil, nil, err
	}
	found := map[string]map[string]ocispec.Descriptor{}
	named := map[digest.Digest]bool{}
	for _, root := range index.Manifests {
		if cosignKinds[root.Annotations[annotationKind]] != "" {
			continue
		}
		name := root.Annotations[annotationContainerdName]
		if name == "" {
			name = root.Annotations[ocispec.AnnotationRefName]
		}
		if name == "" {
			continue
		}
		repository, tag := splitName(name)
		if repository == "" {
			repository = i.other
		}
		if found[repository] == nil {
			found[repository] = map[string]ocispec.Descriptor{}
		}
		found[repository][tag], named[root.Digest] = root, true
	}
	var rest []ocispec.Descriptor
	for _, root := range imageRoots(ctx, i.store, index) {
		if !named[root.Digest] {
			rest = append(rest, bare(root))
		}
	}
	if tags := found[unnamed]; tags != nil {
		for _, tag := range sortedKeys(tags) {
			rest = append(rest, bare(tags[tag]))
		}
		delete(found, unnamed)
	}
	return found, rest, nil
}

// splitName splits the name of an image into a repository, without the
// registry, and a tag. A name that is no more than a tag has no repository.
func splitName(name string) (repository, tag string) {
	name, _, _ = strings.Cut(name, "@")
	if !strings.ContainsAny(name, "/:") {
		return "", name
	}
	repository, tag = dockerName(name)
	if host, rest, ok := strings.Cut(repository, "/"); ok && (strings.ContainsAny(host, ".:") || host == "localhost") {
		repository = rest
		if host == "docker.io" {
			repository = strings.TrimPrefix(repository, "library/")
		}
	}
	return repository, tag
}

func sortedKeys(tags map[string]ocispec.Descriptor) []string {
	list := make([]string, 0, len(tags))
	for tag := range tags {
		list = append(list, tag)
	}
	slices.Sort(list)
	return list
}

// Repositories lists the repositories that the names are of.
func (i *images) Repositories(ctx context.Context) ([]string, error) {
	found, rest, err := i.names(ctx)
	if err != nil {
		return nil, err
	}
	list := make([]string, 0, len(found)+1)
	for repository := range found {
		list = append(list, repository)
	}
	if len(rest) > 0 {
		list = append(list, unnamed)
	}
	slices.Sort(list)
	return list, nil
}

// Source opens the images of one repository.
func (i *images) Source(repository string) (Source, error) {
	found, rest, err := i.names(context.Background())
	if err != nil {
		return nil, err
	}
	one := &imagesOf{indexed: i.store, tags: found[repository]}
	if repository == unnamed {
		one.rest = rest
	}
	return one, nil
}

// imagesOf is the images of one repository.
type imagesOf struct {
	indexed
	tags map[string]ocispec.Descriptor
	rest []ocispec.Descriptor // images without a name
}

// Resolve finds an image by its tag or its digest.
func (i *imagesOf) Resolve(ctx context.Context, reference string) (ocispec.Descriptor, error) {
	if root, ok := i.tags[reference]; ok {
		return withData(root), nil
	}
	return i.indexed.Resolve(ctx, reference)
}

// Tags lists the tags, in lexical order.
func (i *imagesOf) Tags(context.Context) ([]string, error) { return sortedKeys(i.tags), nil }

func (i *imagesOf) leftOut(root digest.Digest) []LeftOut {
	if p, ok := i.indexed.(partialSource); ok {
		return p.leftOut(root)
	}
	return nil
}

func (i *imagesOf) untagged(context.Context) ([]ocispec.Descriptor, error) { return i.rest, nil }

// untaggedLister is a source whose images may have no tag to be copied under.
type untaggedLister interface {
	untagged(ctx context.Context) ([]ocispec.Descriptor, error)
}

// untagged lists the images of a layout that have no name.
func (l *Layout) untagged(ctx context.Context) ([]ocispec.Descriptor, error) {
	index, err := l.readIndex()
	if err != nil {
		return nil, err
	}
	named := map[digest.Digest]bool{}
	for _, root := range index.Manifests {
		if len(tagsOf(&ocispec.Index{Manifests: []ocispec.Descriptor{root}})) > 0 {
			named[root.Digest] = true
		}
	}
	var rest []ocispec.Descriptor
	for _, root := range imageRoots(ctx, l, index) {
		if !named[root.Digest] {
			rest = append(rest, bare(root))
		}
	}
	return rest, nil
}
