package artifact

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/acrkit/azcontainerregistry/internal/order"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// UsageSizes are sizes in bytes of something in a registry, manifests included.
// A registry keeps a manifest or a blob once, however many repositories and
// images have it. Stored is the sum of Unique and Shared.
type UsageSizes struct {
	Logical int64 // what each manifest has, counted every time
	Stored  int64 // each content counted once
	Unique  int64 // of Stored: what nothing else has
	Shared  int64 // of Stored: what something else has, too
	// Attributed is the part of Stored that is counted here: a content that
	// several have is that of the one which had it first. The attributed sizes of
	// all add up to the whole.
	Attributed int64
}

// Usage is what repositories hold. It is made by [MeasureUsage].
type Usage struct {
	// Sizes are those of all repositories together; nothing of it is shared.
	Sizes        UsageSizes
	Repositories []RepositoryUsage // in the order in which they were given
	Contents     []ContentUsage    // the largest first
	// Unsized counts blobs whose size nobody tells.
	Unsized int
}

// RepositoryUsage is what one repository holds. Of the size that it shares, the
// others are those that were measured with it.
type RepositoryUsage struct {
	Name  string
	Sizes UsageSizes
	// Entries are the tags in the order of their names, and an entry without a
	// name for everything that no tag refers to, when there is such a thing. Tags
	// that are made of a digest belong to what they are made of.
	Entries []EntryUsage
	// Manifests and Tags count what the registry lists.
	Manifests, Tags int
	// Unread counts manifests that could not be read: what they have is not in
	// the sizes.
	Unread int
}

// EntryUsage is what a tag refers to: its manifest, the children of an index, and
// what refers to any of it. What two tags refer to is shared, two names of one
// manifest included, since removing one of them frees nothing.
type EntryUsage struct {
	Tag       string // "" for what no tag refers to
	Digest    digest.Digest
	CreatedOn *time.Time
	Sizes     UsageSizes
	// Contents are the manifests and blobs, each once, in the order of the tree.
	Contents []digest.Digest
}

// ContentUsage is one manifest or blob, which a registry keeps once.
type ContentUsage struct {
	Descriptor ocispec.Descriptor
	// Kind is "manifest" or "blob".
	Kind string
	// CreatedOn is that of the first manifest that has it; nil where the registry
	// doesn't tell.
	CreatedOn *time.Time
	// Repository and Tag are what it is attributed to.
	Repository, Tag string
	// Repositories have it; Manifests and Entries count those that do.
	Repositories       []string
	Manifests, Entries int
}

// WeekUsage is what was added in one week.
type WeekUsage struct {
	Week  time.Time // its Monday, in UTC; the zero time for what has no time
	Added int64     // bytes of contents that came in it
	Total int64     // bytes up to its end
}

// MeasureUsage adds up what the repositories of one registry hold. The graphs
// must have been read whole, without IndexesOnly. Layers that a manifest names
// by URLs are not in the registry and not counted.
func MeasureUsage(graphs ...*RepositoryGraph) *Usage {
	m := usageMeter{contents: map[digest.Digest]*metered{}}
	for _, g := range graphs {
		m.collect(g)
	}
	u := &Usage{}
	for i, g := range graphs {
		u.Repositories = append(u.Repositories, m.entriesOf(g, i))
	}
	for i := range u.Repositories {
		m.addUp(u, &u.Repositories[i], graphs[i], i)
	}
	for _, c := range m.contents {
		u.Sizes.Stored += c.Descriptor.Size
		u.Contents = append(u.Contents, c.ContentUsage)
		if c.unsized() {
			u.Unsized++
		}
	}
	u.Sizes.Unique, u.Sizes.Attributed = u.Sizes.Stored, u.Sizes.Stored
	order.By(u.Contents, func(a, b ContentUsage) int {
		if a.Descriptor.Size != b.Descriptor.Size {
			if a.Descriptor.Size > b.Descriptor.Size {
				return -1
			}
			return 1
		}
		return compareDigests(a.Descriptor.Digest, b.Descriptor.Digest)
	})
	return u
}

func compareDigests(a, b digest.Digest) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// metered is one content while it is added up.
type metered struct {
	ContentUsage
	owner      int // the graph that it is attributed to
	ownerTag   *EntryUsage
	lastGraph  int
	graphs     int
	firstOwner bool
}

func (c *metered) unsized() bool {
	return c.Descriptor.Size == 0 && c.Kind == "blob" && c.Descriptor.Digest != digest.FromBytes(nil)
}

type usageMeter struct {
	contents map[digest.Digest]*metered
	graph    int
}

// collect takes in the contents of a repository.
func (m *usageMeter) collect(g *RepositoryGraph) {
	i := m.graph
	m.graph++
	for _, d := range g.digests() {
		node := g.Manifests[d]
		m.take(g, i, ocispec.Descriptor{MediaType: node.MediaType, Digest: d, Size: node.Size}, "manifest", node.CreatedOn)
		for _, b := range node.Blobs {
			if len(b.URLs) == 0 {
				m.take(g, i, b, "blob", node.CreatedOn)
			}
		}
	}
}

func (m *usageMeter) take(g *RepositoryGraph, i int, desc ocispec.Descriptor, kind string, created *time.Time) {
	c := m.contents[desc.Digest]
	if c == nil {
		c = &metered{lastGraph: -1, firstOwner: true}
		c.Descriptor = ocispec.Descriptor{MediaType: desc.MediaType, Digest: desc.Digest, Size: max(desc.Size, 0)}
		c.Kind = kind
		m.contents[desc.Digest] = c
	}
	if kind == "manifest" && c.Kind == "blob" { // an index that names a manifest as a blob
		c.Kind, c.Descriptor.MediaType = kind, desc.MediaType
	}
	c.Descriptor.Size = max(c.Descriptor.Size, desc.Size)
	if c.firstOwner || earlier(created, c.CreatedOn) {
		c.owner, c.Repository, c.CreatedOn, c.firstOwner = i, g.Repository, created, false
	}
	c.Manifests++
	if c.lastGraph != i {
		c.lastGraph = i
		c.graphs++
		c.Repositories = append(c.Repositories, g.Repository)
	}
}

// earlier reports whether a is before b; what has no time comes last.
func earlier(a, b *time.Time) bool {
	return a != nil && (b == nil || a.Before(*b))
}

// entriesOf makes the entries of a repository with their contents.
func (m *usageMeter) entriesOf(g *RepositoryGraph, i int) RepositoryUsage {
	r := RepositoryUsage{Name: g.Repository, Tags: len(g.Tags), Unread: len(g.Unread())}
	covered := map[digest.Digest]bool{}
	for _, node := range g.Manifests {
		if !node.Unlisted {
			r.Manifests++
		}
	}
	for _, t := range g.Tags {
		if subject, ok := SubjectOfTag(t.Name); ok && subject != t.Digest && g.Manifests[subject] != nil {
			continue
		}
		entry := EntryUsage{Tag: t.Name, Digest: t.Digest, CreatedOn: t.CreatedOn}
		for _, d := range g.Below(t.Digest) {
			covered[d] = true
			entry.Contents = append(entry.Contents, d)
		}
		r.Entries = append(r.Entries, entry)
	}
	rest := EntryUsage{}
	for _, d := range g.digests() {
		if !covered[d] {
			rest.Contents = append(rest.Contents, d)
		}
	}
	if len(rest.Contents) > 0 {
		r.Entries = append(r.Entries, rest)
	}
	for n := range r.Entries {
		entry := &r.Entries[n]
		manifests := entry.Contents
		entry.Contents = nil
		m.eachContent(g, manifests, func(c *metered, first bool) {
			entry.Sizes.Logical += c.Descriptor.Size
			if !first {
				return
			}
			entry.Sizes.Stored += c.Descriptor.Size
			entry.Contents = append(entry.Contents, c.Descriptor.Digest)
			c.Entries++
			if c.owner == i && (c.ownerTag == nil || entry.before(c.ownerTag)) {
				c.ownerTag = entry
			}
		})
	}
	return r
}

// before orders the entries of a repository by which had a content first.
func (e *EntryUsage) before(other *EntryUsage) bool {
	switch {
	case e.Tag == "" || other.Tag == "":
		return other.Tag == "" && e.Tag != ""
	case earlier(e.CreatedOn, other.CreatedOn):
		return true
	case earlier(other.CreatedOn, e.CreatedOn):
		return false
	}
	return e.Tag < other.Tag
}

// eachContent calls do for what manifests have, whatever came before told by
// first.
func (m *usageMeter) eachContent(g *RepositoryGraph, manifests []digest.Digest, do func(c *metered, first bool)) {
	seen := map[digest.Digest]bool{}
	visit := func(d digest.Digest) {
		if c := m.contents[d]; c != nil {
			do(c, !seen[d])
			seen[d] = true
		}
	}
	for _, d := range manifests {
		visit(d)
		for _, b := range g.Manifests[d].Blobs {
			if len(b.URLs) == 0 {
				visit(b.Digest)
			}
		}
	}
}

// addUp makes the sizes of a repository and its entries, once it is known how
// many have each content.
func (m *usageMeter) addUp(u *Usage, r *RepositoryUsage, g *RepositoryGraph, i int) {
	for n := range r.Entries {
		entry := &r.Entries[n]
		for _, d := range entry.Contents {
			c := m.contents[d]
			if c.Entries == 1 {
				entry.Sizes.Unique += c.Descriptor.Size
			}
			if c.owner == i && c.ownerTag == entry {
				entry.Sizes.Attributed += c.Descriptor.Size
				c.Tag = entry.Tag
			}
		}
		entry.Sizes.Shared = entry.Sizes.Stored - entry.Sizes.Unique
	}
	m.eachContent(g, g.digests(), func(c *metered, first bool) {
		r.Sizes.Logical += c.Descriptor.Size
		if !first {
			return
		}
		r.Sizes.Stored += c.Descriptor.Size
		if c.graphs == 1 {
			r.Sizes.Unique += c.Descriptor.Size
		}
		if c.owner == i {
			r.Sizes.Attributed += c.Descriptor.Size
		}
	})
	r.Sizes.Shared = r.Sizes.Stored - r.Sizes.Unique
	u.Sizes.Logical += r.Sizes.Logical
}

// Below are a manifest, its children, and what refers to any of them, parents
// before children.
func (g *RepositoryGraph) Below(root digest.Digest) []digest.Digest {
	var list []digest.Digest
	seen := map[digest.Digest]bool{}
	for todo := []digest.Digest{root}; len(todo) > 0; {
		d := todo[0]
		todo = todo[1:]
		node := g.Manifests[d]
		if node == nil || seen[d] {
			continue
		}
		seen[d] = true
		list = append(list, d)
		for _, child := range node.Children {
			todo = append(todo, child.Digest)
		}
		todo = append(append(todo, g.referrers[d]...), g.signed[d]...)
	}
	return list
}

// Weeks tells what each week added, from the first to the last in which
// something came, those without anything included.
func (u *Usage) Weeks() []WeekUsage {
	added := map[time.Time]int64{}
	var first, last time.Time
	for _, c := range u.Contents {
		week := time.Time{}
		if c.CreatedOn != nil {
			week = mondayOf(*c.CreatedOn)
			if first.IsZero() || week.Before(first) {
				first = week
			}
			if week.After(last) {
				last = week
			}
		}
		added[week] += c.Descriptor.Size
	}
	var weeks []WeekUsage
	var total int64
	if timeless, ok := added[time.Time{}]; ok {
		total = timeless
		weeks = append(weeks, WeekUsage{Added: timeless, Total: timeless})
	}
	const week = 7
	// What was made thousands of weeks ago has a wrong time: only weeks with
	// something in them are listed then.
	every := last.Sub(first) < maxWeeks*week*24*time.Hour
	if !first.IsZero() && every {
		for at := first; !at.After(last); at = at.AddDate(0, 0, week) {
			total += added[at]
			weeks = append(weeks, WeekUsage{Week: at, Added: added[at], Total: total})
		}
		return weeks
	}
	var with []time.Time
	for at := range added {
		if !at.IsZero() {
			with = append(with, at)
		}
	}
	order.By(with, time.Time.Compare)
	for _, at := range with {
		total += added[at]
		weeks = append(weeks, WeekUsage{Week: at, Added: added[at], Total: total})
	}
	return weeks
}

// maxWeeks is up to how many weeks without anything are listed as well: forty
// years.
const maxWeeks = 2080

// mondayOf is the beginning of a week, in UTC.
func mondayOf(t time.Time) time.Time {
	t = t.UTC()
	sinceMonday := (int(t.Weekday()) + 6) % 7
	return time.Date(t.Year(), t.Month(), t.Day()-sinceMonday, 0, 0, 0, 0, time.UTC)
}

// FillSizes asks the registry for the size of blobs that manifests name without
// one, as those of schema 1 do, [GraphReads] at a time, and notes them in the
// graph. A blob that isn't there has none. Callers measure after it.
func (r *Repository) FillSizes(ctx context.Context, g *RepositoryGraph) error {
	empty := digest.FromBytes(nil)
	var list []digest.Digest
	for blob, users := range g.users {
		if blob == empty || blob.Validate() != nil {
			continue
		}
		unsized := !slices.ContainsFunc(users, func(d digest.Digest) bool {
			node := g.Manifests[d]
			return node != nil && slices.ContainsFunc(node.Blobs, func(b ocispec.Descriptor) bool {
				return b.Digest == blob && (b.Size > 0 || len(b.URLs) > 0)
			})
		})
		if unsized {
			list = append(list, blob)
		}
	}
	slices.Sort(list)
	sizes := map[digest.Digest]int64{}
	var mu sync.Mutex
	err := parallel(ctx, GraphReads, len(list), func(ctx context.Context, i int) error {
		size, err := r.blobSize(ctx, list[i])
		switch {
		case isRegistryNotFound(err), isForbidden(err), errors.Is(err, ErrInvalid):
			return nil
		case err != nil:
			return fmt.Errorf("size of blob %s of %s: %w", list[i], r.Name(), err)
		}
		mu.Lock()
		defer mu.Unlock()
		sizes[list[i]] = size
		return nil
	})
	if err != nil {
		return err
	}
	for d, size := range sizes {
		for _, user := range g.users[d] {
			node := g.Manifests[user]
			for n := range node.Blobs {
				if node.Blobs[n].Digest == d {
					node.Blobs[n].Size = size
				}
			}
		}
	}
	return nil
}
