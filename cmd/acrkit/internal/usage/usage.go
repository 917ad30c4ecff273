// Package usage shows what a registry stores: rows with bars, a tree, and a
// treemap.
package usage

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/acrkit/azcontainerregistry/artifact"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/items"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/output"
	"github.com/acrkit/azcontainerregistry/internal/order"
)

// The kinds of rows.
const (
	KindRegistry   = "registry"
	KindRepository = "repository"
	KindTag        = "tag"
	KindUntagged   = "untagged" // what no tag refers to
	KindManifest   = "manifest"
	KindBlob       = "blob"
)

// Row is one line of du: sizes are in bytes.
type Row struct {
	Kind       string     `json:"kind"`
	Name       string     `json:"name"`
	Digest     string     `json:"digest,omitempty"`
	MediaType  string     `json:"mediaType,omitempty"`
	Stored     int64      `json:"stored"`     // each content counted once
	Unique     int64      `json:"unique"`     // of it: what nothing else has
	Shared     int64      `json:"shared"`     // of it: what something else has, too
	Logical    int64      `json:"logical"`    // counted every time
	Attributed int64      `json:"attributed"` // of stored: what was here first
	Tags       int        `json:"tags,omitempty"`
	Manifests  int        `json:"manifests,omitempty"`
	Users      int        `json:"users,omitempty"` // manifests that have a blob
	CreatedOn  *time.Time `json:"createdOn,omitempty"`
	// Unread counts manifests that could not be read and are not in the sizes.
	Unread   int   `json:"unread,omitempty"`
	Children []Row `json:"children,omitempty"`

	depth int
}

func row(kind, name string, s artifact.UsageSizes) Row {
	return Row{Kind: kind, Name: name, Stored: s.Stored, Unique: s.Unique, Shared: s.Shared, Logical: s.Logical, Attributed: s.Attributed}
}

// ofTag makes the row of a tag, and with deep those of its contents.
func ofTag(e artifact.EntryUsage, contents map[digest.Digest]artifact.ContentUsage, repository string, deep bool) Row {
	r := row(KindTag, e.Tag, e.Sizes)
	r.Digest, r.CreatedOn = e.Digest.String(), e.CreatedOn
	if e.Tag == "" {
		r.Kind, r.Name, r.Digest = KindUntagged, "(untagged)", ""
	}
	for _, d := range e.Contents {
		c := contents[d]
		if c.Kind == KindManifest {
			r.Manifests++
		}
		if deep {
			r.Children = append(r.Children, ofContent(c, repository, e.Tag))
		}
	}
	return r
}

// ofContent makes the row of a manifest or blob as an entry has it.
func ofContent(c artifact.ContentUsage, repository, tag string) Row {
	size := c.Descriptor.Size
	r := Row{
		Kind: c.Kind, Name: c.Descriptor.Digest.String(), Digest: c.Descriptor.Digest.String(), MediaType: c.Descriptor.MediaType,
		Stored: size, Logical: size, CreatedOn: c.CreatedOn,
	}
	if c.Kind == KindBlob {
		r.Users = c.Manifests
	}
	if c.Entries > 1 || len(c.Repositories) > 1 {
		r.Shared = size
	} else {
		r.Unique = size
	}
	if c.Repository == repository && c.Tag == tag {
		r.Attributed = size
	}
	return r
}

// Tree makes the whole: repositories, tags, and with deep what tags have.
func Tree(name string, u *artifact.Usage, deep bool) Row {
	root := row(KindRegistry, name, u.Sizes)
	contents := contentsOf(u)
	for _, repository := range u.Repositories {
		r := row(KindRepository, repository.Name, repository.Sizes)
		r.Tags, r.Manifests, r.Unread = repository.Tags, repository.Manifests, repository.Unread
		for _, e := range repository.Entries {
			r.Children = append(r.Children, ofTag(e, contents, repository.Name, deep))
		}
		root.Tags += r.Tags
		root.Manifests += r.Manifests
		root.Unread += r.Unread
		root.Children = append(root.Children, r)
	}
	return root
}

func contentsOf(u *artifact.Usage) map[digest.Digest]artifact.ContentUsage {
	contents := map[digest.Digest]artifact.ContentUsage{}
	for _, c := range u.Contents {
		contents[c.Descriptor.Digest] = c
	}
	return contents
}

// Sorts are the orders of rows.
func Sorts() []string { return []string{"stored", "unique", "shared", "logical", "name"} }

// Sort orders a row's children, and theirs: the largest first.
func Sort(r *Row, by string) error {
	size, known := map[string]func(Row) int64{
		"stored": func(r Row) int64 { return r.Stored }, "unique": func(r Row) int64 { return r.Unique },
		"shared": func(r Row) int64 { return r.Shared }, "logical": func(r Row) int64 { return r.Logical },
		"name": func(Row) int64 { return 0 },
	}[by]
	if !known {
		return failure.Usagef("--sort %q: must be one of %s", by, strings.Join(Sorts(), ", "))
	}
	sortBy(r, size)
	return nil
}

func sortBy(r *Row, size func(Row) int64) {
	order.By(r.Children, func(a, b Row) int {
		return cmp.Or(cmp.Compare(size(b), size(a)), cmp.Compare(a.Name, b.Name))
	})
	for i := range r.Children {
		sortBy(&r.Children[i], size)
	}
}

// Flat lists a row and everything below it.
func (r Row) Flat(depth int, list []Row) []Row {
	children := r.Children
	r.Children, r.depth = nil, depth
	list = append(list, r)
	for _, c := range children {
		list = c.Flat(depth+1, list)
	}
	return list
}

// barWidth is the width of a bar in characters, whatever the screen's: a result
// doesn't depend on where it goes.
const barWidth = 20

// bar draws a part of a whole; eighths of a character tell small differences.
func bar(part, whole int64) string {
	if whole <= 0 || part <= 0 {
		return strings.Repeat(" ", barWidth)
	}
	eighths := int(float64(min(part, whole)) / float64(whole) * barWidth * 8)
	full, rest := eighths/8, eighths%8
	text := strings.Repeat("█", full)
	if rest > 0 {
		text += string([]rune(" ▏▎▍▌▋▊▉")[rest])
		full++
	} else if full == 0 {
		text, full = "▏", 1
	}
	return text + strings.Repeat(" ", barWidth-full)
}

// View shows rows; largest is what a whole bar stands for.
func View(largest int64, tree bool) output.View[Row] {
	bytes := func(of func(Row) int64) func(Row) string {
		return func(r Row) string { return fmt.Sprint(of(r)) }
	}
	return output.View[Row]{
		Kind: "Usage",
		Columns: []output.Column[Row]{
			{Name: "kind", Value: func(r Row) string { return r.Kind }},
			{Name: "stored", Value: bytes(func(r Row) int64 { return r.Stored })},
			{Name: "unique", Value: bytes(func(r Row) int64 { return r.Unique })},
			{Name: "shared", Value: bytes(func(r Row) int64 { return r.Shared })},
			{Name: "logical", Value: bytes(func(r Row) int64 { return r.Logical })},
			{Name: "attributed", Value: bytes(func(r Row) int64 { return r.Attributed })},
			{Name: "manifests", Value: func(r Row) string { return fmt.Sprint(r.Manifests) }},
			{Name: "created", Value: func(r Row) string { return items.When(r.CreatedOn) }},
			{Name: "name", Value: func(r Row) string { return r.Name }},
		},
		Text: func(w io.Writer, r Row) error {
			for _, r := range r.Flat(r.depth, nil) {
				name := output.Clean(r.Name)
				if tree {
					name = strings.Repeat("  ", r.depth) + name
				}
				if r.Kind == KindBlob && r.Users > 1 {
					name += fmt.Sprintf("  in %d manifests", r.Users)
				}
				if _, err := fmt.Fprintf(w, "%10s %10s %10s  %s  %s\n", output.Size(r.Stored), output.Size(r.Unique), output.Size(r.Shared), bar(r.Stored, largest), name); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

// Header names the columns of the text.
func Header(w io.Writer) error {
	_, err := fmt.Fprintf(w, "%10s %10s %10s  %s  %s\n", "STORED", "UNIQUE", "SHARED", strings.Repeat(" ", barWidth), "NAME")
	return err
}

// Week is what was added in one week.
type Week struct {
	Week  string `json:"week"` // its Monday, "" for what has no time
	Added int64  `json:"added"`
	Total int64  `json:"total"`
}

// Weeks tells the growth.
func Weeks(u *artifact.Usage) (weeks []Week, most int64) {
	for _, w := range u.Weeks() {
		name := ""
		if !w.Week.IsZero() {
			name = w.Week.Format(time.DateOnly)
		}
		weeks = append(weeks, Week{name, w.Added, w.Total})
		most = max(most, w.Added)
	}
	return weeks, most
}

// WeekView shows the growth.
func WeekView(most int64) output.View[Week] {
	return output.View[Week]{
		Kind: "UsageWeek",
		Columns: []output.Column[Week]{
			{Name: "week", Value: func(w Week) string { return items.OrDash(w.Week) }},
			{Name: "added", Value: func(w Week) string { return fmt.Sprint(w.Added) }},
			{Name: "total", Value: func(w Week) string { return fmt.Sprint(w.Total) }},
		},
		Text: func(out io.Writer, w Week) error {
			_, err := fmt.Fprintf(out, "%-10s %10s  %s  %10s\n", items.OrDash(w.Week), output.Size(w.Added), bar(w.Added, most), output.Size(w.Total))
			return err
		},
	}
}
