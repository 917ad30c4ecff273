package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/acrkit/azcontainerregistry"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/output"
)

// The items of the listings, as they are in JSON. Members are only ever added.

// locks are the four attributes that ACR guards a thing with; what is false is
// forbidden.
type locks struct {
	CanDelete bool `json:"canDelete"`
	CanList   bool `json:"canList"`
	CanRead   bool `json:"canRead"`
	CanWrite  bool `json:"canWrite"`
}

// word is how a person calls the lock: nothing when all is allowed.
func (l locks) word() string {
	var off []string
	for _, attribute := range []struct {
		allowed bool
		name    string
	}{{l.CanWrite, "write"}, {l.CanDelete, "delete"}, {l.CanRead, "read"}, {l.CanList, "list"}} {
		if !attribute.allowed {
			off = append(off, attribute.name)
		}
	}
	if len(off) == 0 {
		return ""
	}
	return "no " + strings.Join(off, ", no ")
}

// locked reports whether the thing may not be deleted.
func (l locks) locked() bool { return !l.CanDelete || !l.CanWrite }

type repositoryItem struct {
	Name          string     `json:"name"`
	Reference     string     `json:"reference"`
	ManifestCount *int32     `json:"manifestCount,omitempty"`
	TagCount      *int32     `json:"tagCount,omitempty"`
	CreatedOn     *time.Time `json:"createdOn,omitempty"`
	LastUpdatedOn *time.Time `json:"lastUpdatedOn,omitempty"`
	Locks         *locks     `json:"locks,omitempty"`
}

type tagItem struct {
	Name          string     `json:"name"`
	Reference     string     `json:"reference"`
	Digest        string     `json:"digest"`
	CreatedOn     *time.Time `json:"createdOn,omitempty"`
	LastUpdatedOn *time.Time `json:"lastUpdatedOn,omitempty"`
	Locks         *locks     `json:"locks,omitempty"`
}

type manifestItem struct {
	Digest          string     `json:"digest"`
	Reference       string     `json:"reference"`
	MediaType       string     `json:"mediaType,omitempty"`
	ConfigMediaType string     `json:"configMediaType,omitempty"`
	Size            int64      `json:"size"`
	Platform        string     `json:"platform,omitempty"`
	Tags            []string   `json:"tags"`
	CreatedOn       *time.Time `json:"createdOn,omitempty"`
	LastUpdatedOn   *time.Time `json:"lastUpdatedOn,omitempty"`
	Locks           *locks     `json:"locks,omitempty"`
}

func toRepositoryItem(h host, p azcontainerregistry.ContainerRepositoryProperties) repositoryItem {
	name := value(p.Name)
	item := repositoryItem{
		Name: name, Reference: reference{Registry: h, Repository: name}.String(),
		ManifestCount: p.ManifestCount, TagCount: p.TagCount,
		CreatedOn: p.CreatedOn, LastUpdatedOn: p.LastUpdatedOn,
	}
	if c := p.ChangeableAttributes; c != nil {
		item.Locks = toLocks(c.CanDelete, c.CanList, c.CanRead, c.CanWrite)
	}
	return item
}

func toTagItem(r reference, t *azcontainerregistry.TagAttributes) tagItem {
	r.Tag, r.Digest = value(t.Name), ""
	item := tagItem{
		Name: value(t.Name), Reference: r.String(), Digest: value(t.Digest),
		CreatedOn: t.CreatedOn, LastUpdatedOn: t.LastUpdatedOn,
	}
	if c := t.ChangeableAttributes; c != nil {
		item.Locks = toLocks(c.CanDelete, c.CanList, c.CanRead, c.CanWrite)
	}
	return item
}

func toManifestItem(r reference, m *azcontainerregistry.ManifestAttributes) manifestItem {
	item := manifestItem{
		Digest: value(m.Digest), Reference: r.withDigest(value(m.Digest)).String(),
		MediaType: value(m.MediaType), ConfigMediaType: value(m.ConfigMediaType),
		Size: value(m.Size), CreatedOn: m.CreatedOn, LastUpdatedOn: m.LastUpdatedOn, Tags: []string{},
	}
	if m.OperatingSystem != nil && m.Architecture != nil {
		item.Platform = string(*m.OperatingSystem) + "/" + string(*m.Architecture)
	}
	for _, tag := range m.Tags {
		item.Tags = append(item.Tags, value(tag))
	}
	if c := m.ChangeableAttributes; c != nil {
		item.Locks = toLocks(c.CanDelete, c.CanList, c.CanRead, c.CanWrite)
	}
	return item
}

// toLocks reads the attributes; what the registry doesn't say is allowed.
func toLocks(canDelete, canList, canRead, canWrite *bool) *locks {
	allowed := func(b *bool) bool { return b == nil || *b }
	return &locks{allowed(canDelete), allowed(canList), allowed(canRead), allowed(canWrite)}
}

// value is what p points to, or the zero value.
func value[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

// The views. Text is the name alone, fit for xargs; -o table shows it all.

func (a *app) repositoryView() output.View[repositoryItem] {
	return output.View[repositoryItem]{
		Kind: "Repository",
		Columns: []output.Column[repositoryItem]{
			{Name: "repository", Value: func(i repositoryItem) string { return i.Reference }},
		},
	}
}

func (a *app) repositoryDetailView() output.View[repositoryItem] {
	view := a.repositoryView()
	view.Columns = append(view.Columns,
		output.Column[repositoryItem]{Name: "manifests", Value: func(i repositoryItem) string { return fmt.Sprint(value(i.ManifestCount)) }},
		output.Column[repositoryItem]{Name: "tags", Value: func(i repositoryItem) string { return fmt.Sprint(value(i.TagCount)) }},
		output.Column[repositoryItem]{Name: "updated", Value: func(i repositoryItem) string { return when(i.LastUpdatedOn) }},
		output.Column[repositoryItem]{Name: "locks", Value: func(i repositoryItem) string { return value(i.Locks).orNone(i.Locks) }},
	)
	view.Text = func(w io.Writer, i repositoryItem) error {
		return facts(w, [][2]string{
			{"repository", i.Reference},
			{"manifests", fmt.Sprint(value(i.ManifestCount))},
			{"tags", fmt.Sprint(value(i.TagCount))},
			{"created", when(i.CreatedOn)},
			{"updated", when(i.LastUpdatedOn)},
			{"locks", value(i.Locks).orNone(i.Locks)},
		})
	}
	return view
}

func (a *app) tagView() output.View[tagItem] {
	return output.View[tagItem]{
		Kind: "Tag",
		Columns: []output.Column[tagItem]{
			{Name: "tag", Value: func(i tagItem) string { return i.Name }},
			{Name: "digest", Value: func(i tagItem) string { return i.Digest }},
			{Name: "updated", Value: func(i tagItem) string { return when(i.LastUpdatedOn) }},
			{Name: "locks", Value: func(i tagItem) string { return value(i.Locks).orNone(i.Locks) }},
		},
	}
}

func (a *app) tagDetailView() output.View[tagItem] {
	view := a.tagView()
	view.Text = func(w io.Writer, i tagItem) error {
		return facts(w, [][2]string{
			{"tag", i.Reference},
			{"digest", i.Digest},
			{"created", when(i.CreatedOn)},
			{"updated", when(i.LastUpdatedOn)},
			{"locks", value(i.Locks).orNone(i.Locks)},
		})
	}
	return view
}

func (a *app) manifestView() output.View[manifestItem] {
	return output.View[manifestItem]{
		Kind: "Manifest",
		Columns: []output.Column[manifestItem]{
			{Name: "digest", Value: func(i manifestItem) string { return i.Digest }},
			{Name: "tags", Value: func(i manifestItem) string { return strings.Join(i.Tags, ",") }},
			{Name: "type", Value: func(i manifestItem) string { return shortType(i.MediaType) }},
			{Name: "platform", Value: func(i manifestItem) string { return i.Platform }},
			{Name: "size", Value: func(i manifestItem) string { return fmt.Sprint(i.Size) }},
			{Name: "updated", Value: func(i manifestItem) string { return when(i.LastUpdatedOn) }},
			{Name: "locks", Value: func(i manifestItem) string { return value(i.Locks).orNone(i.Locks) }},
		},
	}
}

func (a *app) manifestDetailView() output.View[manifestItem] {
	view := a.manifestView()
	view.Text = func(w io.Writer, i manifestItem) error {
		return facts(w, [][2]string{
			{"manifest", i.Reference},
			{"type", i.MediaType},
			{"tags", strings.Join(i.Tags, ", ")},
			{"platform", i.Platform},
			{"size", output.Size(i.Size)},
			{"created", when(i.CreatedOn)},
			{"updated", when(i.LastUpdatedOn)},
			{"locks", value(i.Locks).orNone(i.Locks)},
		})
	}
	return view
}

// orNone words the locks, where the registry told any.
func (l locks) orNone(told *locks) string {
	if told == nil || l.word() == "" {
		return "-"
	}
	return l.word()
}

// facts writes one line a fact, and leaves out those that are empty.
func facts(w io.Writer, lines [][2]string) error {
	for _, line := range lines {
		if line[1] == "" {
			continue
		}
		if _, err := fmt.Fprintf(w, "%-10s %s\n", line[0], output.Clean(line[1])); err != nil {
			return err
		}
	}
	return nil
}

// when writes a time in UTC; the same everywhere, so that scripts can compare.
func when(t *time.Time) string {
	if t == nil || t.IsZero() {
		return "-"
	}
	return t.UTC().Format(time.RFC3339)
}

// shortType names the well-known media types in a word.
func shortType(mediaType string) string {
	switch mediaType {
	case "application/vnd.oci.image.index.v1+json":
		return "oci index"
	case "application/vnd.oci.image.manifest.v1+json":
		return "oci manifest"
	case "application/vnd.docker.distribution.manifest.list.v2+json":
		return "docker list"
	case "application/vnd.docker.distribution.manifest.v2+json":
		return "docker manifest"
	case "":
		return "-"
	}
	return mediaType
}
