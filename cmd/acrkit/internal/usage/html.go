package usage

import (
	"cmp"
	_ "embed"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/acrkit/azcontainerregistry/artifact"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/items"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/output"
	"github.com/acrkit/azcontainerregistry/internal/order"
)

//go:embed treemap.css
var style string

// maxCells bounds the parts of one picture: the smallest ones are drawn
// together.
const maxCells = 400

type pageData struct {
	Name     string
	MadeOn   string
	Facts    []fact
	Picture  []cell
	Sections []section
	Weeks    []weekBar
	Unread   int
}

type fact struct{ Name, Value, Meaning string }

type section struct {
	ID, Name string
	Facts    []fact
	Picture  []cell
	Rows     []sectionRow
	More     int
}

type sectionRow struct{ Name, Stored, Unique, Shared, Attributed, Created string }

type cell struct {
	Rect
	Name, Size, Detail string
	Link               string // the section that shows it, "" for none
	Hue                int
	Inner              []cell
}

type weekBar struct {
	Week, Added, Total string
	Percent            float64
}

// WriteHTML writes a page with the treemap: it needs no network and runs no
// script. The areas are the attributed sizes, so that each content is drawn
// once.
func WriteHTML(w io.Writer, root Row, u *artifact.Usage, now time.Time) error {
	data := pageData{Name: root.Name, MadeOn: now.UTC().Format("2006-01-02 15:04 MST"), Facts: factsOf(root), Unread: root.Unread}
	repositories := slices.Clone(root.Children)
	order.By(repositories, func(a, b Row) int { return cmp.Compare(b.Attributed, a.Attributed) })
	ids := map[string]string{}
	for i, r := range repositories {
		ids[r.Name] = fmt.Sprintf("r%d", i+1)
	}
	whole := Rect{0, 0, 100, 100}
	data.Picture = picture(repositories, whole, func(r Row, c *cell) {
		c.Link = ids[r.Name]
		c.Inner = picture(r.Children, whole, nil)
	})
	for _, r := range repositories {
		s := section{ID: ids[r.Name], Name: r.Name, Facts: factsOf(r)}
		s.Picture = picture(r.Children, whole, func(tag Row, c *cell) { c.Inner = picture(tag.Children, whole, nil) })
		rows := slices.Clone(r.Children)
		order.By(rows, func(a, b Row) int { return cmp.Compare(b.Stored, a.Stored) })
		s.More = max(0, len(rows)-maxCells)
		for _, row := range rows[:len(rows)-s.More] {
			s.Rows = append(s.Rows, sectionRow{row.Name, output.Size(row.Stored), output.Size(row.Unique), output.Size(row.Shared), output.Size(row.Attributed), items.When(row.CreatedOn)})
		}
		data.Sections = append(data.Sections, s)
	}
	weeks, most := Weeks(u)
	for _, week := range weeks {
		bar := weekBar{Week: items.OrDash(week.Week), Added: output.Size(week.Added), Total: output.Size(week.Total)}
		if most > 0 {
			bar.Percent = 100 * float64(week.Added) / float64(most)
		}
		data.Weeks = append(data.Weeks, bar)
	}
	_, err := io.WriteString(w, data.page())
	return err
}

// shortName is a row's name, a digest cut to what fits.
func shortName(r Row) string {
	const short = len("sha256:") + 12
	if r.Name == r.Digest && len(r.Name) > short {
		return r.Name[:short]
	}
	return r.Name
}

func factsOf(r Row) []fact {
	return []fact{
		{"stored", output.Size(r.Stored), "each content counted once"},
		{"unique", output.Size(r.Unique), "of it: what nothing else has"},
		{"shared", output.Size(r.Shared), "of it: what something else has, too"},
		{"logical", output.Size(r.Logical), "counted every time"},
		{"attributed", output.Size(r.Attributed), "of stored: what was here first"},
		{"tags", fmt.Sprint(r.Tags), ""},
		{"manifests", fmt.Sprint(r.Manifests), ""},
	}
}

// picture divides a rectangle among rows by their attributed sizes. What has
// none is not drawn.
func picture(rows []Row, in Rect, each func(Row, *cell)) []cell {
	rows = slices.DeleteFunc(slices.Clone(rows), func(r Row) bool { return r.Attributed <= 0 })
	order.By(rows, func(a, b Row) int { return cmp.Compare(b.Attributed, a.Attributed) })
	var rest Row
	if len(rows) > maxCells {
		for _, r := range rows[maxCells:] {
			rest.Attributed += r.Attributed
			rest.Stored += r.Stored
			rest.Unique += r.Unique
			rest.Shared += r.Shared
		}
		rest.Kind, rest.Name = "rest", fmt.Sprintf("%d smaller ones", len(rows)-maxCells)
		rows = append(rows[:maxCells:maxCells], rest)
		order.By(rows, func(a, b Row) int { return cmp.Compare(b.Attributed, a.Attributed) })
	}
	sizes := make([]float64, len(rows))
	for i, r := range rows {
		sizes[i] = float64(r.Attributed)
	}
	rects := squarify(sizes, in)
	cells := make([]cell, len(rows))
	for i, r := range rows {
		cells[i] = cell{
			Rect: rects[i], Name: shortName(r), Size: output.Size(r.Attributed), Hue: i * 47 % 360,
			Detail: fmt.Sprintf("%s %s: attributed %s, stored %s, unique %s, shared %s", r.Kind, r.Name, output.Size(r.Attributed), output.Size(r.Stored), output.Size(r.Unique), output.Size(r.Shared)),
		}
		if r.Kind == KindBlob && r.Users > 1 {
			cells[i].Detail += fmt.Sprintf(", in %d manifests", r.Users)
		}
		if each != nil {
			each(r, &cells[i])
		}
	}
	return cells
}
