// Keeps the list of requests up to date. Everything is set as text, never as HTML.
"use strict";
const table = document.querySelector("table[data-live]");
if (table) {
	const body = table.tBodies[0];
	const most = 100;
	const events = new EventSource(table.dataset.live);
	events.onmessage = (event) => {
		const r = JSON.parse(event.data);
		const row = document.createElement("tr");
		if (r.status === 0 || r.status >= 400) {
			row.className = "failed";
		}
		const cell = (text, kind) => {
			const td = document.createElement("td");
			td.textContent = text;
			if (kind) {
				td.className = kind;
			}
			row.append(td);
			return td;
		};
		const number = cell("", "n");
		const link = document.createElement("a");
		link.href = "/_acrkit/log/" + Number(r.number);
		link.textContent = r.number;
		number.append(link);
		cell(r.time); cell(r.method); cell(r.route); cell(r.path, "path");
		cell(r.status, "n"); cell(r.took, "n"); cell(r.who); cell(r.fault);
		body.prepend(row);
		while (body.rows.length > most) {
			body.deleteRow(-1);
		}
	};
}
