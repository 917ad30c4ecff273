package purge

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/opencontainers/go-digest"

	"github.com/acrkit/azcontainerregistry"
	"github.com/acrkit/azcontainerregistry/artifact"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/plan"
)

// Guard looks again, right before each deletion, whether it still may happen:
// what was pushed, named, locked or signed since the plan was made stays, and
// everything that it needs. It is not for concurrent use.
type Guard struct {
	client     *azcontainerregistry.Client
	repository *artifact.Repository
	name       string
	cache      artifact.ManifestCache

	graph  *artifact.RepositoryGraph
	known  map[digest.Digest]bool // listed when the guard looked last
	gone   map[digest.Digest]bool // planned to go, and not withdrawn
	keeps  map[digest.Digest]bool // stays, with what it refers to
	unread bool
}

// NewGuard reads the repository and checks the plan's steps as a whole.
func NewGuard(ctx context.Context, client *azcontainerregistry.Client, repository string, cache artifact.ManifestCache, steps []plan.Step) (*Guard, error) {
	source, err := artifact.NewRepository(client, nil, repository)
	if err != nil {
		return nil, err
	}
	g := &Guard{
		client: client, repository: source, name: repository, cache: cache,
		known: map[digest.Digest]bool{}, gone: map[digest.Digest]bool{},
	}
	for _, s := range steps {
		if s.Action == plan.ActionDeleteManifest {
			g.gone[digest.Digest(s.Digest)] = true
		}
	}
	o := &artifact.GraphOptions{Cache: cache, IndexesOnly: len(g.gone) == 0}
	if g.graph, err = source.Graph(ctx, o); err != nil {
		return nil, err
	}
	g.unread = len(g.graph.Unread()) > 0
	for d, m := range g.graph.Manifests {
		if !m.Unlisted {
			g.known[d] = true
		}
	}
	g.reckon()
	return g, nil
}

// reckon finds out anew what stays.
func (g *Guard) reckon() {
	var roots []digest.Digest
	for d := range g.graph.Manifests {
		if !g.gone[d] {
			roots = append(roots, d)
		}
	}
	g.keeps = g.graph.Reach(roots...)
}

// Withdraw makes a manifest stay, with everything that it needs.
func (g *Guard) Withdraw(d digest.Digest) {
	if g.gone[d] {
		delete(g.gone, d)
		g.reckon()
	}
}

// Finish forgets a manifest that was deleted, so that it is new when it comes
// back; one that stays after all keeps what it needs.
func (g *Guard) Finish(s plan.Step, done bool) {
	if s.Action != plan.ActionDeleteManifest {
		return
	}
	d := digest.Digest(s.Digest)
	if !done {
		g.Withdraw(d)
		return
	}
	delete(g.known, d)
	delete(g.graph.Manifests, d)
}

// Check reports why a step must not be done; "" is that it may. gone says that
// what it deletes isn't there any more.
func (g *Guard) Check(ctx context.Context, s plan.Step) (why string, gone bool, err error) {
	if s.Action == plan.ActionUntag {
		return g.checkTag(ctx, s)
	}
	d := digest.Digest(s.Digest)
	why, gone, err = g.checkManifest(ctx, s, d)
	if why != "" {
		g.Withdraw(d)
	}
	return why, gone, err
}

func (g *Guard) checkTag(ctx context.Context, s plan.Step) (why string, gone bool, err error) {
	got, err := g.client.GetTagProperties(ctx, g.name, s.Tag, nil)
	if notThere(err) {
		return "", true, nil
	}
	if err != nil || got.Tag == nil {
		return "", false, err
	}
	return tagChanged(s, got.Tag), false, nil
}

// tagChanged says how a tag differs from what the plan saw.
func tagChanged(s plan.Step, t *azcontainerregistry.TagAttributes) string {
	switch c := t.ChangeableAttributes; {
	case t.Digest == nil || *t.Digest != s.Digest:
		return "it names another manifest now"
	case t.LastUpdatedOn == nil || s.LastUpdatedOn == nil || t.LastUpdatedOn.After(*s.LastUpdatedOn):
		return "it was pushed again"
	case c != nil && (isFalse(c.CanDelete) || isFalse(c.CanWrite)):
		return "it is locked"
	}
	return ""
}

func isFalse(b *bool) bool { return b != nil && !*b }

// checkManifest looks, in this order, for what was pushed since, for names, and
// for locks.
func (g *Guard) checkManifest(ctx context.Context, s plan.Step, d digest.Digest) (why string, gone bool, err error) {
	if g.unread {
		return "a manifest of the repository can't be read, so what it needs isn't known", false, nil
	}
	if err := g.lookForNew(ctx); err != nil {
		return "", false, err
	}
	if g.keeps[d] {
		return g.whyKept(d), false, nil
	}
	names := map[string]bool{}
	for t, err := range g.client.Tags(ctx, g.name, &azcontainerregistry.ClientListTagsOptions{Digest: &s.Digest}) {
		if notThere(err) {
			break
		}
		if err != nil {
			return "", false, err
		}
		if t.Name == nil {
			continue
		}
		names[*t.Name] = true
		if !slices.Contains(s.Tags, *t.Name) {
			return "it has been tagged " + *t.Name, false, nil
		}
		if why := tagChanged(s, t); why != "" {
			return "its tag " + *t.Name + ": " + why, false, nil
		}
	}
	got, err := g.client.GetManifestProperties(ctx, g.name, s.Digest, nil)
	switch {
	case notThere(err):
		return "", true, nil
	case err != nil:
		return "", false, err
	case got.Manifest == nil:
		return "the registry tells nothing of it", false, nil
	}
	for _, tag := range got.Manifest.Tags {
		if tag != nil && !names[*tag] && !slices.Contains(s.Tags, *tag) {
			return "it has been tagged " + *tag, false, nil
		}
	}
	if c := got.Manifest.ChangeableAttributes; c != nil && (isFalse(c.CanDelete) || isFalse(c.CanWrite)) {
		return "it is locked", false, nil
	}
	return "", false, nil
}

// whyKept names what needs a manifest.
func (g *Guard) whyKept(d digest.Digest) string {
	for _, need := range g.graph.Needs(d) {
		if !g.keeps[need.Digest] {
			continue
		}
		name := need.Digest.String()
		if len(need.Tags) > 0 {
			name += " (" + strings.Join(need.Tags, ", ") + ")"
		}
		return fmt.Sprintf("the %s %s needs it", need.Kind, name)
	}
	return "something that stays needs it"
}

// newestAtOnce is how many of the newest manifests are asked for: as many as
// somebody pushes between two deletions, and more.
const newestAtOnce = 100

// settled is after how many known manifests in a row older ones aren't new.
const settled = 50

// lookForNew lists the newest manifests and takes in those that it doesn't know,
// which stay.
func (g *Guard) lookForNew(ctx context.Context) error {
	o := &azcontainerregistry.ClientListManifestsOptions{
		MaxNum: to.Ptr(int32(newestAtOnce)), OrderBy: to.Ptr(azcontainerregistry.ArtifactManifestOrderByLastUpdatedOnDescending),
	}
	inARow, found := 0, false
	for m, err := range g.client.Manifests(ctx, g.name, o) {
		if notThere(err) {
			break
		}
		if err != nil {
			return err
		}
		if m.Digest == nil {
			continue
		}
		d := digest.Digest(*m.Digest)
		if g.known[d] {
			if inARow++; inARow == settled {
				break
			}
			continue
		}
		inARow = 0
		node, err := g.repository.GraphManifest(ctx, d, g.cache)
		if err != nil {
			return err
		}
		if node == nil {
			continue
		}
		g.known[d], found = true, true
		g.unread = g.unread || node.Unread != nil
		delete(g.gone, d)
		g.graph.Include(node)
	}
	if found {
		g.reckon()
	}
	return nil
}
