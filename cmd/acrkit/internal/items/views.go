package items

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/output"
)

// The views. Text is the name alone, fit for xargs; -o table shows it all.

func RepositoryView() output.View[Repository] {
	return output.View[Repository]{
		Kind: "Repository",
		Columns: []output.Column[Repository]{
			{Name: "repository", Value: func(i Repository) string { return i.Reference }},
		},
	}
}

func RepositoryDetailView() output.View[Repository] {
	view := RepositoryView()
	view.Columns = append(view.Columns,
		output.Column[Repository]{Name: "manifests", Value: func(i Repository) string { return fmt.Sprint(Value(i.ManifestCount)) }},
		output.Column[Repository]{Name: "tags", Value: func(i Repository) string { return fmt.Sprint(Value(i.TagCount)) }},
		output.Column[Repository]{Name: "updated", Value: func(i Repository) string { return When(i.LastUpdatedOn) }},
		output.Column[Repository]{Name: "locks", Value: func(i Repository) string { return Value(i.Locks).orNone(i.Locks) }},
	)
	view.Text = func(w io.Writer, i Repository) error {
		return Facts(w, [][2]string{
			{"repository", i.Reference},
			{"manifests", fmt.Sprint(Value(i.ManifestCount))},
			{"tags", fmt.Sprint(Value(i.TagCount))},
			{"created", When(i.CreatedOn)},
			{"updated", When(i.LastUpdatedOn)},
			{"locks", Value(i.Locks).orNone(i.Locks)},
		})
	}
	return view
}

func TagView() output.View[Tag] {
	return output.View[Tag]{
		Kind: "Tag",
		Columns: []output.Column[Tag]{
			{Name: "tag", Value: func(i Tag) string { return i.Name }},
			{Name: "digest", Value: func(i Tag) string { return i.Digest }},
			{Name: "updated", Value: func(i Tag) string { return When(i.LastUpdatedOn) }},
			{Name: "locks", Value: func(i Tag) string { return Value(i.Locks).orNone(i.Locks) }},
		},
	}
}

// SizedTagView is TagView with sizes and platforms.
func SizedTagView() output.View[Tag] {
	view := TagView()
	columns := []output.Column[Tag]{
		view.Columns[0], view.Columns[1],
		{Name: "size", Value: func(i Tag) string {
			if i.Size == nil {
				return ""
			}
			return fmt.Sprint(*i.Size)
		}},
		{Name: "platforms", Value: func(i Tag) string { return strings.Join(i.Platforms, ",") }},
	}
	view.Columns = append(columns, view.Columns[2:]...)
	view.Text = func(w io.Writer, i Tag) error {
		size := "?"
		if i.Size != nil {
			size = output.Size(*i.Size)
		}
		line := fmt.Sprintf("%10s  %s  %s", size, i.Name, strings.Join(i.Platforms, ","))
		if i.Unread != "" {
			line += "  (" + i.Unread + ")"
		}
		_, err := fmt.Fprintln(w, strings.TrimRight(output.Clean(line), " "))
		return err
	}
	return view
}

func TagDetailView() output.View[Tag] {
	view := TagView()
	view.Text = func(w io.Writer, i Tag) error {
		return Facts(w, [][2]string{
			{"tag", i.Reference},
			{"digest", i.Digest},
			{"created", When(i.CreatedOn)},
			{"updated", When(i.LastUpdatedOn)},
			{"locks", Value(i.Locks).orNone(i.Locks)},
		})
	}
	return view
}

func ManifestView() output.View[Manifest] {
	return output.View[Manifest]{
		Kind: "Manifest",
		Columns: []output.Column[Manifest]{
			{Name: "digest", Value: func(i Manifest) string { return i.Digest }},
			{Name: "tags", Value: func(i Manifest) string { return strings.Join(i.Tags, ",") }},
			{Name: "type", Value: func(i Manifest) string { return ShortType(i.MediaType) }},
			{Name: "platform", Value: func(i Manifest) string { return i.Platform }},
			{Name: "size", Value: func(i Manifest) string { return fmt.Sprint(i.Size) }},
			{Name: "updated", Value: func(i Manifest) string { return When(i.LastUpdatedOn) }},
			{Name: "locks", Value: func(i Manifest) string { return Value(i.Locks).orNone(i.Locks) }},
		},
	}
}

func ManifestDetailView() output.View[Manifest] {
	view := ManifestView()
	view.Text = func(w io.Writer, i Manifest) error {
		return Facts(w, [][2]string{
			{"manifest", i.Reference},
			{"type", i.MediaType},
			{"tags", strings.Join(i.Tags, ", ")},
			{"platform", i.Platform},
			{"size", output.Size(i.Size)},
			{"created", When(i.CreatedOn)},
			{"updated", When(i.LastUpdatedOn)},
			{"locks", Value(i.Locks).orNone(i.Locks)},
		})
	}
	return view
}

func BlobView() output.View[Blob] {
	return output.View[Blob]{Kind: "Blob", Columns: []output.Column[Blob]{
		{Name: "digest", Value: func(i Blob) string { return i.Digest }},
		{Name: "role", Value: func(i Blob) string { return i.Role }},
		{Name: "size", Value: func(i Blob) string { return fmt.Sprint(i.Size) }},
		{Name: "type", Value: func(i Blob) string { return i.MediaType }},
	}}
}

func ReferrerView() output.View[Referrer] {
	return output.View[Referrer]{Kind: "Referrer", Columns: []output.Column[Referrer]{
		{Name: "digest", Value: func(i Referrer) string { return i.Digest }},
		{Name: "artifact", Value: func(i Referrer) string { return i.ArtifactType }},
		{Name: "type", Value: func(i Referrer) string { return ShortType(i.MediaType) }},
		{Name: "size", Value: func(i Referrer) string { return fmt.Sprint(i.Size) }},
	}}
}

// Facts writes one line a fact, and leaves out those that are empty.
func Facts(w io.Writer, lines [][2]string) error {
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

// When writes a time in UTC; the same everywhere, so that scripts can compare.
func When(t *time.Time) string {
	if t == nil || t.IsZero() {
		return "-"
	}
	return t.UTC().Format(time.RFC3339)
}

// ShortType names the well-known media types in a word.
func ShortType(mediaType string) string {
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

func OrDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
