package usage

import (
	"fmt"
	"strings"
)

// markup is a page under way. html/template is not used: a program that links it
// keeps every method of every type, 2.8 MB of this one.
type markup struct{ b strings.Builder }

// escape is html.EscapeString without the table of entities that comes with it.
var escape = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&#34;", "'", "&#39;", "\x00", "\uFFFD")

// trusted is markup that stands in this source: an untyped constant becomes one,
// and what a registry sent doesn't.
type trusted string

// out writes markup, in which each {} stands for the next value. Values are
// escaped: they are text, or what an attribute's quotes hold.
func (m *markup) out(format trusted, values ...any) {
	for _, value := range values {
		before, after, _ := strings.Cut(string(format), "{}")
		m.b.WriteString(before)
		m.b.WriteString(escape.Replace(fmt.Sprint(value)))
		format = trusted(after)
	}
	m.b.WriteString(string(format))
}

func (p *pageData) page() string {
	var m markup
	m.out(`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>Storage of {}</title>
<style>
`, p.Name)
	m.b.WriteString(style)
	m.out(`</style>
</head>
<body>
<h1>Storage of {}</h1>
<p>Measured on {} by acrkit du. Areas are attributed sizes: a layer that several images share is drawn once, with the one that had it first.</p>
`, p.Name, p.MadeOn)
	if p.Unread > 0 {
		m.out("<p>{} manifests could not be read and are not counted.</p>\n", p.Unread)
	}
	m.facts(p.Facts)
	m.out(`<div class="map" role="group" aria-label="Treemap of the repositories">`)
	m.picture(p.Picture)
	m.out("\n</div>")
	for _, s := range p.Sections {
		m.section(s)
	}
	m.weeks(p.Weeks)
	m.out("\n</body>\n</html>\n")
	return m.b.String()
}

func (m *markup) facts(all []fact) {
	m.out("<dl>")
	for _, f := range all {
		m.out(`<div><dt title="{}">{}</dt><dd>{}</dd></div>`, f.Meaning, f.Name, f.Value)
	}
	m.out("</dl>\n")
}

// picture draws the cells of a treemap: one that has a section links to it.
func (m *markup) picture(cells []cell) {
	for _, c := range cells {
		end := trusted("</div>")
		if c.Link != "" {
			m.out("\n"+`<a href="#{}"`, c.Link)
			end = "</a>"
		} else {
			m.out("\n<div")
		}
		m.out(` title="{}" style="left:{}%;top:{}%;width:{}%;height:{}%;background:hsl({} var(--s) var(--l))"><b>{}</b> <small>{}</small>`,
			c.Detail, c.X, c.Y, c.W, c.H, c.Hue, c.Name, c.Size)
		if len(c.Inner) > 0 {
			m.out(`<div class="inner">`)
			for _, inner := range c.Inner {
				m.out(`<span title="{}" style="left:{}%;top:{}%;width:{}%;height:{}%">{}</span>`, inner.Detail, inner.X, inner.Y, inner.W, inner.H, inner.Name)
			}
			m.out("</div>")
		}
		m.out(end)
	}
}

func (m *markup) section(s section) {
	m.out("\n"+`<section id="{}">
<h2>{}</h2>
`, s.ID, s.Name)
	m.facts(s.Facts)
	m.out(`<div class="map" role="img" aria-label="Treemap of the tags">`)
	m.picture(s.Picture)
	m.out(`
</div>
<div class="scroll"><table><tr><th>tag</th><th>stored</th><th>unique</th><th>shared</th><th>attributed</th><th>created</th></tr>`)
	for _, r := range s.Rows {
		m.out("\n<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>", r.Name, r.Stored, r.Unique, r.Shared, r.Attributed, r.Created)
	}
	m.out("\n</table></div>\n")
	if s.More > 0 {
		m.out("<p>and {} smaller ones</p>\n", s.More)
	}
	m.out("</section>")
}

func (m *markup) weeks(all []weekBar) {
	if len(all) == 0 {
		return
	}
	m.out(`
<h2>Growth by week</h2>
<div class="scroll"><table><tr><th>week of</th><th class="bar"></th><th>added</th><th>total</th></tr>`)
	for _, week := range all {
		m.out("\n"+`<tr><td>{}</td><td class="bar"><i style="width:{}%"></i></td><td>{}</td><td>{}</td></tr>`, week.Week, week.Percent, week.Added, week.Total)
	}
	m.out("\n</table></div>")
}
