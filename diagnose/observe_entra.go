package diagnose

import "strings"

// observeUnreachable shows why no response came from the identity service: once,
// by what is known of the connection, or by the credential's own words.
var observeUnreachable observer = func(ev *evidence, report reporter) {
	t := &ev.transport
	if located := t.dns != nil || t.addr != "" || t.host != ""; located && len(ev.entra.links) == 0 {
		observeFailure(ev, report)
	} else {
		observeEntra(ev, report)
	}
}

// observeEntra shows what the identity service, or each link of a chain, said.
var observeEntra observer = func(ev *evidence, report reporter) {
	e := &ev.entra
	if e.code != "" {
		report(FromEntra, "%s: %s", e.code, e.words)
	}
	for _, link := range e.links {
		report(FromEntra, "%s", link)
	}
	if e.code != "" || ev.status != 0 {
		return
	}
	text := ev.credentialText()
	if len(e.links) == 0 {
		report(FromEntra, "%s", firstLine(text))
	}
	if status, body, ok := quotedResponse(text); ok {
		report(FromEntra, "the response: %s %s", status, body)
	}
}

// quotedResponse takes the HTTP response out of a text of azidentity, where it
// stands between lines of dashes.
func quotedResponse(text string) (status, body string, ok bool) {
	_, rest, ok := strings.Cut(text, "\nRESPONSE ")
	if !ok {
		return "", "", false
	}
	status, rest, _ = strings.Cut(rest, "\n")
	body, _, _ = strings.Cut(strings.TrimLeft(rest, "-\n"), "\n---")
	return status, strings.Join(strings.Fields(body), " "), true
}

// observeEntraHost shows where the identity service was asked.
var observeEntraHost observer = func(ev *evidence, report reporter) {
	if ev.phase == phaseEntra {
		report(FromEntra, "%s returned %d", ev.host, ev.status)
	}
}
