package artifact

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	azcontainerregistry "github.com/acrkit/azcontainerregistry"
	"github.com/acrkit/azcontainerregistry/internal/order"
	"github.com/acrkit/azcontainerregistry/internal/pattern"
)

// GraphReads is how many manifests [Repository.Graph] reads at a time.
const GraphReads = 32

// ManifestCache keeps manifests by their digest between two readings of a
// graph. What it gives is verified. It must be safe for concurrent use.
type ManifestCache interface {
	// Manifest is the content of a digest, where the cache has it.
	Manifest(d digest.Digest) (data []byte, ok bool)
	// Keep may keep the content of a digest.
	Keep(d digest.Digest, data []byte)
}

// GraphOptions says what [Repository.Graph] reads.
type GraphOptions struct {
	// IndexesOnly reads the manifests that refer to other manifests by their
	// descriptors, indexes, and no others: then blobs and subjects of image
	// manifests are not in the graph.
	IndexesOnly bool
	// Referrers makes [Repository.GraphOf] read what refers to a manifest as well:
	// by the registry's list, and by tags that are made of its digest.
	Referrers bool
	// Cache has manifests that were read before; nil is none.
	Cache ManifestCache
	// OnRead is called for every manifest that has been read, with the number of
	// them so far and of all that are known so far. It may be called concurrently.
	OnRead func(done, all int)

	slots chan struct{} // shared by the graphs that are read together
}

// GraphResult is a graph, or why there is none.
type GraphResult struct {
	Graph *RepositoryGraph
	Err   error
}

// ReadGraphs reads the graphs of several repositories, [GraphReads] manifests at
// a time over all of them. The results are in the order of the repositories; one
// that fails doesn't keep the others back. Only the end of ctx is an error.
func ReadGraphs(ctx context.Context, repositories []*Repository, o *GraphOptions) ([]GraphResult, error) {
	shared := GraphOptions{}
	if o != nil {
		shared = *o
	}
	shared.slots = make(chan struct{}, GraphReads)
	results := make([]GraphResult, len(repositories))
	err := parallel(ctx, graphsAtOnce, len(repositories), func(ctx context.Context, i int) error {
		results[i].Graph, results[i].Err = repositories[i].Graph(ctx, &shared)
		return context.Cause(ctx)
	})
	return results, err
}

// graphsAtOnce is how many repositories are listed at a time.
const graphsAtOnce = 8

// RepositoryGraph is what a repository holds and what of it needs what: the
// children of indexes, the subjects of what refers, the manifests under tags
// that are made of a digest (cosign's, and the specification's list of
// referrers), and the blobs.
type RepositoryGraph struct {
	Repository string
	// Manifests are all that the registry lists, and those that it doesn't list
	// and that a tag or an index names.
	Manifests map[digest.Digest]*GraphManifest
	// Tags are in the order of their names.
	Tags []GraphTag

	parents   map[digest.Digest][]digest.Digest // of a manifest: the indexes that name it
	referrers map[digest.Digest][]digest.Digest // of a subject
	signed    map[digest.Digest][]digest.Digest // of a digest: the manifests under tags made of it
	users     map[digest.Digest][]digest.Digest // of a blob
}

// GraphManifest is one manifest of a [RepositoryGraph].
type GraphManifest struct {
	Digest    digest.Digest
	MediaType string
	// ArtifactType is what the manifest says of itself, or its config's media
	// type.
	ArtifactType string
	// Size is that of the manifest's own bytes; 0 where it was not read.
	Size int64
	// Platform is what the registry, or an index that names the manifest, tells;
	// nil where neither does.
	Platform *ocispec.Platform
	Children []ocispec.Descriptor // manifests that an index names
	Blobs    []ocispec.Descriptor // config, layers and others, each once
	Subject  digest.Digest
	// Attestation says that this is a child by which BuildKit describes another.
	Attestation bool
	Tags        []string // in the order of their names
	CreatedOn   *time.Time
	// LastUpdatedOn is when it was pushed first; nil where the registry doesn't
	// tell.
	LastUpdatedOn *time.Time
	// Locked says that its attributes forbid to delete it.
	Locked bool
	// Unlisted says that the registry doesn't list it.
	Unlisted bool
	// Unread is why it could not be read; what it needs is then not known.
	Unread error
}

// GraphTag is one tag of a [RepositoryGraph].
type GraphTag struct {
	Name          string
	Digest        digest.Digest
	CreatedOn     *time.Time
	LastUpdatedOn *time.Time // nil where the registry doesn't tell
	Locked        bool
}

// GraphNeed says that one manifest needs another manifest or a blob.
type GraphNeed struct {
	// Kind is "index" for one that names it as a child, "referrer" for one whose
	// subject it is, "signature" for one under a tag that is made of its digest,
	// and "manifest" for one that has the blob.
	Kind   string
	Digest digest.Digest
	Tags   []string
}

// Graph lists a repository and reads its manifests, [GraphReads] at a time.
// What is deleted while it reads isn't in it. An error of a listing is an
// error; a manifest that may not be read has an Unread.
func (r *Repository) Graph(ctx context.Context, o *GraphOptions) (*RepositoryGraph, error) {
	if o == nil {
		o = &GraphOptions{}
	}
	g := &RepositoryGraph{Repository: r.name, Manifests: map[digest.Digest]*GraphManifest{}}
	asked := map[digest.Digest]bool{}
	if err := r.listGraph(ctx, g, asked, o); err != nil {
		return nil, err
	}
	// A child that isn't listed can be there, hidden; what it names, too.
	for range maxDepth {
		unknown := g.unasked(asked)
		if len(unknown) == 0 {
			break
		}
		if err := r.readGraph(ctx, g, unknown, o); err != nil {
			return nil, err
		}
	}
	g.connect()
	return g, nil
}

// listGraph takes in what the registry lists. Manifests and tags are listed
// beside each other, and manifests are read while the listing continues, so that
// the readers wait for its first page alone.
func (r *Repository) listGraph(ctx context.Context, g *RepositoryGraph, asked map[digest.Digest]bool, o *GraphOptions) error {
	const listers = 2
	queue := make(chan digest.Digest)
	begun := make(chan struct{}) // closed when the listing of manifests has responded
	read := graphReads{options: o, nodes: map[digest.Digest]*GraphManifest{}}
	var unlisted, untagged error
	err := parallel(ctx, listers+GraphReads, listers+GraphReads, func(ctx context.Context, i int) error {
		switch i {
		case 0:
			defer close(queue)
			unlisted = r.listManifests(ctx, g, sync.OnceFunc(func() { close(begun) }), func(node *GraphManifest) error {
				if asked[node.Digest] || node.Digest.Validate() != nil {
					return nil
				}
				asked[node.Digest] = true
				if o.leavesOut(node) {
					return nil
				}
				read.expect(1)
				select {
				case queue <- node.Digest:
					return nil
				case <-ctx.Done():
					return context.Cause(ctx)
				}
			})
			return unlisted
		case 1:
			if untagged = r.listTags(ctx, g); untagged == nil {
				return nil
			}
			// The repository that isn't there is told once, by the manifests.
			select {
			case <-begun:
			case <-ctx.Done():
			}
			return untagged
		}
		for d := range queue {
			if err := read.one(ctx, r, d, o.Cache); err != nil {
				return err
			}
		}
		return nil
	})
	if untagged != nil && err == untagged && (isRegistryNotFound(unlisted) || isForbidden(unlisted)) {
		return unlisted
	}
	if err != nil {
		return err
	}
	g.nameManifests()
	for d := range asked {
		if node := g.Manifests[d]; !o.leavesOut(node) {
			g.place(d, read.nodes[d])
		}
	}
	return nil
}

func (r *Repository) listManifests(ctx context.Context, g *RepositoryGraph, begun func(), each func(*GraphManifest) error) error {
	defer begun()
	for m, err := range r.client.Manifests(ctx, r.name, &azcontainerregistry.ClientListManifestsOptions{MaxNum: pageSize()}) {
		if err != nil {
			return fmt.Errorf("list the manifests of %s: %w", r.Name(), err)
		}
		begun()
		node := listedManifest(m)
		if node == nil {
			continue
		}
		g.Manifests[node.Digest] = node
		if err := each(node); err != nil {
			return err
		}
	}
	return nil
}

func (r *Repository) listTags(ctx context.Context, g *RepositoryGraph) error {
	for t, err := range r.client.Tags(ctx, r.name, &azcontainerregistry.ClientListTagsOptions{MaxNum: pageSize()}) {
		if err != nil {
			return fmt.Errorf("list the tags of %s: %w", r.Name(), err)
		}
		if tag := listedTag(t); tag.Name != "" {
			g.Tags = append(g.Tags, tag)
		}
	}
	return nil
}

// nameManifests gives the manifests their tags, once both are listed.
func (g *RepositoryGraph) nameManifests() {
	order.By(g.Tags, func(a, b GraphTag) int { return strings.Compare(a.Name, b.Name) })
	for _, t := range g.Tags {
		node := g.Manifests[t.Digest]
		if node == nil {
			node = &GraphManifest{Digest: t.Digest, Unlisted: true}
			g.Manifests[t.Digest] = node
		}
		if !slices.Contains(node.Tags, t.Name) {
			node.Tags = append(node.Tags, t.Name)
		}
	}
	for _, node := range g.Manifests {
		slices.Sort(node.Tags)
	}
}

// leavesOut reports a manifest that need not be read, since it isn't an index.
func (o *GraphOptions) leavesOut(node *GraphManifest) bool {
	return o.IndexesOnly && node != nil && node.MediaType != "" && isManifest(node.MediaType) && !isIndex(node.MediaType)
}

// graphReads collects what is read for a graph.
type graphReads struct {
	options *GraphOptions

	mu        sync.Mutex
	nodes     map[digest.Digest]*GraphManifest // nil is for what isn't there
	done, all int
}

// expect counts manifests that are to be read.
func (g *graphReads) expect(n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.all += n
}

// one reads a manifest, when there is a slot.
func (g *graphReads) one(ctx context.Context, r *Repository, d digest.Digest, cache ManifestCache) error {
	if slots := g.options.slots; slots != nil {
		select {
		case slots <- struct{}{}:
			defer func() { <-slots }()
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	node, err := r.readNode(ctx, d, cache)
	if err != nil {
		return err
	}
	g.mu.Lock()
	g.nodes[d] = node
	g.done++
	done, all := g.done, g.all
	g.mu.Unlock()
	if g.options.OnRead != nil {
		g.options.OnRead(done, all)
	}
	return nil
}

// place takes in what was read of a manifest; nil is for one that isn't there,
// or not any more.
func (g *RepositoryGraph) place(d digest.Digest, got *GraphManifest) {
	node := g.Manifests[d]
	switch {
	case got == nil:
		delete(g.Manifests, d)
	case node == nil:
		got.Unlisted = true
		g.Manifests[d] = got
	default:
		node.take(got)
	}
}

func listedManifest(m *azcontainerregistry.ManifestAttributes) *GraphManifest {
	if m.Digest == nil {
		return nil
	}
	node := &GraphManifest{Digest: digest.Digest(*m.Digest), CreatedOn: known(m.CreatedOn), LastUpdatedOn: known(m.LastUpdatedOn)}
	if m.MediaType != nil {
		node.MediaType = *m.MediaType
	}
	if m.OperatingSystem != nil && m.Architecture != nil {
		node.Platform = &ocispec.Platform{OS: string(*m.OperatingSystem), Architecture: string(*m.Architecture)}
	}
	for _, tag := range m.Tags {
		if tag != nil {
			node.Tags = append(node.Tags, *tag)
		}
	}
	if c := m.ChangeableAttributes; c != nil {
		node.Locked = forbidden(c.CanDelete) || forbidden(c.CanWrite)
	}
	return node
}

func listedTag(t *azcontainerregistry.TagAttributes) GraphTag {
	tag := GraphTag{CreatedOn: known(t.CreatedOn), LastUpdatedOn: known(t.LastUpdatedOn)}
	if t.Name != nil {
		tag.Name = *t.Name
	}
	if t.Digest != nil {
		tag.Digest = digest.Digest(*t.Digest)
	}
	if c := t.ChangeableAttributes; c != nil {
		tag.Locked = forbidden(c.CanDelete) || forbidden(c.CanWrite)
	}
	return tag
}

func forbidden(allowed *bool) bool { return allowed != nil && !*allowed }

// known is a time that says something: the zero time is none.
func known(t *time.Time) *time.Time {
	if t == nil || t.IsZero() {
		return nil
	}
	return to.Ptr(*t)
}

// unasked are the manifests that are still to be read, in a lasting order.
func (g *RepositoryGraph) unasked(asked map[digest.Digest]bool) []digest.Digest {
	var list []digest.Digest
	add := func(d digest.Digest) {
		if !asked[d] && d.Validate() == nil {
			asked[d] = true
			list = append(list, d)
		}
	}
	for d, node := range g.Manifests {
		add(d)
		for _, child := range node.Children {
			add(child.Digest)
		}
		if node.Subject != "" {
			add(node.Subject)
		}
	}
	slices.Sort(list)
	return list
}

// readGraph reads manifests and takes in what they name. The cache isn't asked
// for one that only another manifest names: that it was there once doesn't say
// that it is.
func (r *Repository) readGraph(ctx context.Context, g *RepositoryGraph, list []digest.Digest, o *GraphOptions) error {
	list = slices.DeleteFunc(list, func(d digest.Digest) bool { return o.leavesOut(g.Manifests[d]) })
	read := graphReads{options: o, nodes: map[digest.Digest]*GraphManifest{}, all: len(list)}
	err := parallel(ctx, GraphReads, len(list), func(ctx context.Context, i int) error {
		cache := o.Cache
		if cache != nil && g.Manifests[list[i]] == nil {
			cache = keepOnly{cache}
		}
		return read.one(ctx, r, list[i], cache)
	})
	if err != nil {
		return err
	}
	for _, d := range list {
		g.place(d, read.nodes[d])
	}
	return nil
}

// keepOnly is a cache that isn't asked.
type keepOnly struct{ ManifestCache }

func (keepOnly) Manifest(digest.Digest) ([]byte, bool) { return nil, false }

// GraphManifest reads one manifest for a graph, with its tags and attributes;
// nil is for one that isn't there.
func (r *Repository) GraphManifest(ctx context.Context, d digest.Digest, cache ManifestCache) (*GraphManifest, error) {
	got, err := r.client.GetManifestProperties(ctx, r.name, d.String(), nil)
	switch {
	case isRegistryNotFound(err):
		return nil, nil
	case err != nil:
		return nil, err
	case got.Manifest == nil:
		return nil, &InvalidError{Code: codeUnreadable, Store: r.Name(), Thing: "properties of " + d.String(), Rule: "the registry's response holds no manifest"}
	}
	node := listedManifest(got.Manifest)
	if node == nil {
		node = &GraphManifest{}
	}
	node.Digest = d
	read, err := r.readNode(ctx, d, cache)
	if err != nil || read == nil {
		return nil, err
	}
	slices.Sort(node.Tags)
	node.take(read)
	return node, nil
}

// take fills in what the manifest itself says.
func (m *GraphManifest) take(read *GraphManifest) {
	if read.MediaType != "" {
		m.MediaType = read.MediaType
	}
	m.ArtifactType, m.Size, m.Unread = read.ArtifactType, read.Size, read.Unread
	m.Children, m.Blobs, m.Subject = read.Children, read.Blobs, read.Subject
}

// readNode reads one manifest; nil is for one that isn't there.
func (r *Repository) readNode(ctx context.Context, d digest.Digest, cache ManifestCache) (*GraphManifest, error) {
	var data []byte
	mediaType := ""
	if cache != nil {
		if kept, ok := cache.Manifest(d); ok && d.Algorithm().FromBytes(kept) == d {
			data = kept
		}
	}
	if data == nil {
		desc, got, err := r.ResolveManifest(ctx, d.String())
		switch {
		case isRegistryNotFound(err):
			return nil, nil
		case errors.Is(err, ErrInvalid), isMismatch(err), isForbidden(err):
			return &GraphManifest{Digest: d, Unread: err}, nil
		case err != nil:
			return nil, fmt.Errorf("read manifest %s of %s: %w", d, r.Name(), err)
		}
		data, mediaType = got, desc.MediaType
		if cache != nil && !isSchema1(mediaType) && d.Algorithm().FromBytes(data) == d {
			cache.Keep(d, data)
		}
	}
	return parseNode(d, mediaType, data), nil
}

// isForbidden reports a thing that this identity, or nobody, may read: a lock, a
// quarantine, a right that is missing.
func isForbidden(err error) bool {
	return hasStatus(err, 401) || hasStatus(err, 403) || hasStatus(err, 405)
}

// parseNode reads what a manifest names. A registry may hold manifests that
// break rules: they need what they name all the same.
func parseNode(d digest.Digest, mediaType string, data []byte) *GraphManifest {
	node := &GraphManifest{Digest: d, MediaType: mediaType, Size: int64(len(data))}
	if own, err := sniffMediaType(data); err == nil {
		node.MediaType = own
	}
	_, m, err := readManifest(ocispec.Descriptor{MediaType: node.MediaType, Digest: d, Size: node.Size}, data)
	if err != nil {
		m = &manifest{}
		if err := json.Unmarshal(data, m); err != nil {
			node.Unread = fmt.Errorf("read manifest %s: %w", d, err)
			return node
		}
	}
	node.ArtifactType = artifactTypeOf(m)
	node.Children = m.children()
	if m.Subject != nil {
		node.Subject = m.Subject.Digest
	}
	seen := map[digest.Digest]bool{}
	for _, blob := range m.blobs() {
		if !seen[blob.Digest] {
			seen[blob.Digest] = true
			node.Blobs = append(node.Blobs, blob)
		}
	}
	return node
}

// digestTagForm is the form of tags that are made of a digest: cosign's, with
// whatever suffix, and the list of referrers of a registry without that call.
var digestTagForm = pattern.New(`^(sha256|sha512)-([0-9a-f]{64}|[0-9a-f]{128})(\.[\w.-]+)?$`)

// SubjectOfTag is the digest that a tag is made of: "sha256-<hex>.sig" belongs to
// sha256:<hex>.
func SubjectOfTag(tag string) (digest.Digest, bool) {
	m := digestTagForm.FindStringSubmatch(tag)
	if m == nil {
		return "", false
	}
	d := digest.Digest(m[1] + ":" + m[2])
	return d, d.Validate() == nil
}
