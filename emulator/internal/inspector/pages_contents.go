package inspector

import (
	"strings"
)

func (p signInPage) show(m *markup) {
	m.out("<h1>Sign in</h1>\n")
	m.outIf(p.Wrong, `<p role="alert" class="bad">This is not the control token of this emulator.</p>`)
	m.out(`
<p>The control token is in the line “control” that <code>acrkit emulator</code> prints when it starts.</p>
<form method="post" action="/_acrkit/signin">
<input type="hidden" name="next" value="{}">
<label>Control token <input type="password" name="token" autocomplete="off" required autofocus></label>
<button>Sign in</button>
</form>`, p.Next)
}

func (p failurePage) show(m *markup) {
	m.out(`<h1>That didn’t work</h1>
<p role="alert" class="bad">{}</p>
<p><a href="/_acrkit/">Back to the registries</a></p>`, string(p))
}

func (p registriesPage) show(m *markup) {
	for _, list := range p.Lists {
		m.out("<h1>{}</h1>\n", list.Registry)
		if len(list.All) == 0 {
			m.out("<p>No repositories.</p>")
		} else {
			m.table("Repository", ">Tags", ">Manifests", "Updated", "Locks")
			for _, r := range list.All {
				m.out(`<tr>
<td><a href="/_acrkit/repository{}">{}</a></td>
<td class="n">{}</td><td class="n">{}</td><td>{}</td><td>{}</td>
</tr>`, query("registry", list.Registry, "name", r.Name), r.Name, r.Tags, r.Manifests, when(r.Updated), locked(r.Locked))
			}
			m.endTable()
		}
		m.outIf(list.More != "", `
<p><a rel="next" href="/_acrkit/{}">More repositories</a></p>`, list.More)
		m.out("\n")
	}
}

func (p repositoryPage) show(m *markup) {
	r := p.Repository
	m.out("<h1>{}/{}</h1>\n<p>{} tags, {} manifests; updated {}", p.Registry, r.Name, r.Tags, r.Manifests, when(r.Updated))
	m.outIf(r.Locked, "; locked")
	m.out(`</p>
<p><a href="/_acrkit/repository{}">Tags</a> ·
<a href="/_acrkit/repository{}">Manifests</a></p>
`, query("registry", p.Registry, "name", r.Name), query("registry", p.Registry, "name", r.Name, "view", "manifests"))
	if p.Tags != nil {
		m.table("Tag", "Digest", "Updated", "Locks")
		for _, tag := range p.Tags.All {
			m.out(`<tr><td>{}</td>
<td><a href="/_acrkit/manifest{}"><code>{}</code></a></td>
<td>{}</td><td>{}</td></tr>`, tag.Name, query("registry", p.Registry, "name", r.Name, "digest", tag.Digest), short(tag.Digest), when(tag.Updated), locked(tag.Locked))
		}
		m.outIf(len(p.Tags.All) == 0, `<tr><td colspan="4">No tags.</td></tr>`)
		m.endTable()
		m.outIf(p.Tags.More != "", `<p><a rel="next" href="/_acrkit/repository{}">More tags</a></p>`, p.Tags.More)
	}
	if p.Manifests != nil {
		m.table("Digest", "Type", "Platform", ">Size", "Tags", "Updated")
		for _, manifest := range p.Manifests.All {
			m.out(`<tr>
<td><a href="/_acrkit/manifest{}"><code>{}</code></a></td>
<td>{}</td><td>{}</td><td class="n">{}</td><td>{}</td><td>{}</td></tr>`,
				query("registry", p.Registry, "name", r.Name, "digest", manifest.Digest), short(manifest.Digest),
				manifest.MediaType, manifest.Platform, size(manifest.ImageSize), strings.Join(manifest.Tags, " "), when(manifest.Updated))
		}
		m.outIf(len(p.Manifests.All) == 0, `<tr><td colspan="6">No manifests.</td></tr>`)
		m.endTable()
		m.outIf(p.Manifests.More != "", `<p><a rel="next" href="/_acrkit/repository{}">More manifests</a></p>`, p.Manifests.More)
	}
}

func (p manifestPage) show(m *markup) {
	manifest := p.Manifest
	to := func(digest string) string {
		return query("registry", p.Registry, "name", p.Repository, "digest", digest)
	}
	m.out(`<h1><code>{}</code></h1>
<p><a href="/_acrkit/repository{}">{}/{}</a></p>
<dl><dt>Type</dt><dd>{}</dd>
`, manifest.Digest, query("registry", p.Registry, "name", p.Repository), p.Registry, p.Repository, manifest.MediaType)
	m.outIf(manifest.Platform != "", "<dt>Platform</dt><dd>{}</dd>", manifest.Platform)
	m.out("\n<dt>Size</dt><dd>{}, {} with what it names</dd>\n", size(manifest.Size), size(manifest.ImageSize))
	m.outIf(len(manifest.Tags) > 0, "<dt>Tags</dt><dd>{}</dd>\n", strings.Join(manifest.Tags, " "))
	m.outIf(manifest.Subject != "", `<dt>Subject</dt><dd><a href="/_acrkit/manifest{}"><code>{}</code></a></dd>
`, to(manifest.Subject), manifest.Subject)
	m.outIf(manifest.Locked, "<dt>Locks</dt><dd>locked</dd>")
	m.out("</dl>\n")
	if len(manifest.Children) > 0 {
		m.out("<h2>Manifests below it</h2><ul>")
		for _, child := range manifest.Children {
			m.out(`<li><a href="/_acrkit/manifest{}"><code>{}</code></a> {} {}`, to(child.Digest), short(child.Digest), child.Platform, child.MediaType)
			m.outIf(child.Size == 0, ` <strong class="bad">missing</strong>`)
			m.out("</li>")
		}
		m.out("</ul>\n")
	}
	if len(manifest.Referrers) > 0 {
		m.out("<h2>Referrers</h2><ul>")
		for _, referrer := range manifest.Referrers {
			m.out(`<li><a href="/_acrkit/manifest{}"><code>{}</code></a> {}</li>`, to(referrer.Digest), short(referrer.Digest), referrer.MediaType)
		}
		m.out("</ul>\n")
	}
	if len(manifest.Blobs) > 0 {
		m.out("<h2>Blobs</h2>")
		m.table("Digest", "Type", ">Size", ">Manifests that name it")
		for _, blob := range manifest.Blobs {
			m.out(`<tr><td><a href="/_acrkit/blob{}"><code>{}</code></a>`, query("registry", p.Registry, "digest", blob.Digest), short(blob.Digest))
			m.outIf(blob.Missing, ` <strong class="bad">missing</strong>`)
			m.out(`</td><td>{}</td><td class="n">{}</td><td class="n">{}</td></tr>`, blob.MediaType, size(blob.Size), blob.SharedBy)
		}
		m.endTable()
	}
	m.out("\n<h2>Content</h2>")
	m.text(manifest.Content)
}

func (p blobPage) show(m *markup) {
	m.out(`<h1><code>{}</code></h1>
<p>{}</p>
<h2>Repositories that have it</h2>
<ul>`, p.Blob.Digest, size(p.Blob.Size))
	for _, name := range p.Blob.Repositories {
		m.out(`<li><a href="/_acrkit/repository{}">{}</a></li>`, query("registry", p.Registry, "name", name), name)
	}
	m.outIf(len(p.Blob.Repositories) == 0, "<li>None.</li>")
	m.out("</ul>")
}

func (p requestsPage) show(m *markup) {
	m.out(`<h1>Requests</h1>
<div class="wide"><table id="requests"`)
	m.outIf(p.View == "latest", ` data-live="/_acrkit/log/events"`)
	m.out(">\n")
	m.head(">No.", "Time", "Method", "Route", "Path", ">Status", ">Took", "Identity", "Fault")
	for _, r := range p.All {
		m.out("<tr")
		m.outIf(failed(r), ` class="failed"`)
		m.out(`>
<td class="n"><a href="/_acrkit/log/{}">{}</a></td><td>{}</td><td>{}</td><td>{}</td><td class="path">{}</td><td class="n">{}</td><td class="n">{}</td><td>{}</td><td>{}</td></tr>`,
			r.Number, r.Number, when(r.Time), r.Method, r.Route, r.Path, r.Status, took(r.Duration), r.Identity, strings.Join(r.Faults, " "))
	}
	m.endTable()
	m.outIf(p.More != "", `
<p><a rel="next" href="/_acrkit/log{}">Earlier requests</a></p>`, p.More)
}

func (p requestPage) show(m *markup) {
	r, exchange := p.Request, p.Exchange
	m.out(`<h1>{} <span class="path">{}</span></h1>
<dl><dt>Number</dt><dd>{}</dd><dt>Time</dt><dd>{}, took {}</dd><dt>Route</dt><dd>{}</dd>
<dt>Status</dt><dd>{}</dd>
`, r.Method, r.Path, r.Number, when(r.Time), took(r.Duration), r.Route, r.Status)
	m.outIf(r.Identity != "", "<dt>Identity</dt><dd>{}</dd>\n", r.Identity)
	scopes(m, "<dt>Scopes needed</dt>", r.Needed)
	scopes(m, "<dt>Scopes asked for</dt>", r.Asked)
	scopes(m, "<dt>Scopes granted</dt>", r.Granted)
	m.outIf(len(r.Faults) > 0, "<dt>Faults</dt><dd>{}</dd>\n", strings.Join(r.Faults, " "))
	m.out("<dt>Bodies</dt><dd>{} received, {} sent</dd>\n", size(r.ReceivedBytes), size(r.SentBytes))
	m.outIf(r.CorrelationID != "", "<dt>Correlation id</dt><dd><code>{}</code></dd>", r.CorrelationID)
	m.out("</dl>\n")
	if len(p.Diagnosis) > 0 {
		m.out(`<h2>What went wrong</h2><ul class="diagnosis">`)
		for _, line := range p.Diagnosis {
			m.out("<li>{}</li>", line)
		}
		m.out("</ul>\n")
	}
	m.out("<h2>Request</h2>")
	m.text(headerLines(exchange.RequestHeaders))
	if exchange.RequestBody != "" {
		m.text(exchange.RequestBody)
	}
	m.out("\n<h2>Response</h2>")
	m.text(headerLines(exchange.ResponseHeaders))
	if exchange.ResponseBody != "" {
		m.text(exchange.ResponseBody)
	}
	m.out("\n<p>Secrets are hidden. Bodies of blobs are not kept.</p>")
}

func scopes[S any](m *markup, name trusted, all []S) {
	if len(all) == 0 {
		return
	}
	m.out(name + "<dd>")
	for _, scope := range all {
		m.out("<code>{}</code> ", scope)
	}
	m.out("</dd>\n")
}

// table begins a table with a header; a column of numbers has a > before its
// name.
func (m *markup) table(columns ...string) {
	m.out(`<div class="wide"><table>
`)
	m.head(columns...)
}

func (m *markup) head(columns ...string) {
	m.out("<thead><tr>")
	for _, column := range columns {
		name, number := strings.CutPrefix(column, ">")
		m.out(`<th scope="col"`)
		m.outIf(number, ` class="n"`)
		m.out(">{}</th>", name)
	}
	m.out("</tr></thead>\n<tbody>")
}

func (m *markup) endTable() { m.out("</tbody>\n</table></div>") }

// text writes what is shown as it is, line by line.
func (m *markup) text(s string) { m.out("<pre tabindex=\"0\">\n{}</pre>", s) }
