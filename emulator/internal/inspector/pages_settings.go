package inspector

func (p settingsPage) show(m *markup) {
	m.out(`<h1>Settings</h1>
<section aria-labelledby="clock"><h2 id="clock">Clock</h2><p>{}</p>
<form method="post" action="/_acrkit/settings/clock"><label>Advance by <input name="advance" placeholder="2h30m"></label><button>Advance</button></form>
<form method="post" action="/_acrkit/settings/clock"><label>Freeze at <input name="freeze" placeholder="2026-01-02T03:04:05Z"></label><button>Freeze</button></form>
<form method="post" action="/_acrkit/settings/clock"><input type="hidden" name="reset" value="true"><button>Set right</button></form></section>
`, when(p.Now))
	p.faults(m)
	p.policies(m)
	p.webhooks(m)
	p.snapshots(m)
	p.quirks(m)
}

func (p settingsPage) faults(m *markup) {
	m.out(`<section aria-labelledby="faults"><h2 id="faults">Faults</h2>
<form method="post" action="/_acrkit/settings/faults"><label>Rules in force <textarea name="faults" rows="8" spellcheck="false">
{}</textarea></label><button>Replace</button></form>
<form method="post" action="/_acrkit/settings/preset"><label>Preset <select name="preset">`, p.Faults)
	for _, preset := range p.Presets {
		m.out(`<option value="{}">{} – {}</option>`, preset.Name, preset.Name, preset.Summary)
	}
	m.out(`</select></label>
<label>times <input name="count" type="number" min="0" value="1"></label><button>Add</button></form>
<form method="post" action="/_acrkit/settings/faults"><input type="hidden" name="faults" value='{"faults":[]}'><button>End all faults</button></form></section>
`)
}

func (p settingsPage) policies(m *markup) {
	m.out(`<section aria-labelledby="policies"><h2 id="policies">Policies and identities</h2>
`)
	for _, registry := range p.Registries {
		m.out(`<form method="post" action="/_acrkit/settings/policies"><input type="hidden" name="registry" value="{}"><label>{} <textarea name="policies" rows="10" spellcheck="false">
{}</textarea></label><button>Replace</button></form>`, registry.Name, registry.Name, registry.Policies)
	}
	m.out(`
<p>A secret shown as REDACTED stays as it is.</p></section>
`)
}

func (p settingsPage) webhooks(m *markup) {
	m.out(`<section aria-labelledby="webhooks"><h2 id="webhooks">Webhooks</h2>
`)
	for _, registry := range p.Registries {
		m.out(`<form method="post" action="/_acrkit/settings/webhooks"><input type="hidden" name="registry" value="{}"><label>{} <textarea name="webhooks" rows="6" spellcheck="false">
{}</textarea></label><button>Replace</button></form>
`, registry.Name, registry.Name, registry.Webhooks)
		if len(registry.Deliveries) == 0 {
			continue
		}
		m.table("Time", "Webhook", "Action", "Of", "State", "Attempts", "Response")
		for _, d := range registry.Deliveries {
			m.out(`<tr><td>{}</td><td>{}</td><td>{}</td><td><code>{}</code></td><td>{}</td><td>{}</td><td>{}</td></tr>`,
				when(d.Time), d.Webhook, d.Action, d.What, d.State, d.Attempts, d.Said)
		}
		m.endTable()
	}
	m.out("</section>\n")
}

func (p settingsPage) snapshots(m *markup) {
	m.out(`<section aria-labelledby="state"><h2 id="state">Snapshots</h2>
<form method="post" action="/_acrkit/settings/snapshot"><label>Name <input name="name" required pattern="[A-Za-z0-9._\-]+"></label><button>Keep the present state</button></form>
<ul>`)
	for _, name := range p.Snapshots {
		m.out(`<li>{} <form method="post" action="/_acrkit/settings/restore"><input type="hidden" name="name" value="{}"><button>Restore</button></form></li>`, name, name)
	}
	m.outIf(len(p.Snapshots) == 0, "<li>None.</li>")
	m.out("</ul></section>\n")
}

func (p settingsPage) quirks(m *markup) {
	m.out(`<section aria-labelledby="quirks"><h2 id="quirks">Quirks</h2>`)
	m.table("Quirk", "Value", "What it turns", "Evidence")
	for _, quirk := range p.Quirks {
		m.out(`<tr><td><code>{}</code></td><td><form method="post" action="/_acrkit/settings/quirk"><input type="hidden" name="name" value="{}">`, quirk.Name, quirk.Name)
		if len(quirk.Values) > 0 {
			m.out(`<select name="value" aria-label="value of {}">`, quirk.Name)
			for _, value := range quirk.Values {
				m.out("<option")
				m.outIf(value == quirk.Value, " selected")
				m.out(">{}</option>", value)
			}
			m.out("</select>")
		} else {
			m.out(`<input name="value" value="{}" aria-label="value of {}">`, quirk.Value, quirk.Name)
		}
		m.out(`<button>Set</button></form></td><td>{}</td><td>{}</td></tr>`, quirk.Effect, quirk.Evidence)
	}
	m.endTable()
	m.out("</section>")
}
