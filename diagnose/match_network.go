package diagnose

import (
	"bytes"
	"encoding/json"
	"slices"
)

func failed(kinds ...transportKind) func(*evidence) bool {
	return func(ev *evidence) bool {
		return ev.transport.kind != "" && slices.Contains(kinds, ev.transport.kind) && ev.entra.kind == "" && ev.library.kind == ""
	}
}

// toData matches a failure of the connection to the host that serves blobs' bytes.
func toData(ev *evidence) bool { return ev.towardData() }

// toEntra matches a failure of the connection to the identity service or to the
// machine's own identity endpoint.
func toEntra(ev *evidence) bool { return ev.towardEntra() }

func toMachine(ev *evidence) bool { return ev.transport.hostname() == identityEndpoint }

// toRegistry is everything else.
var toRegistry = all(not(toData), not(toEntra))

// noConnection are the failures that keep a connection from coming about.
var noConnection = failed(transportDNSNotFound, transportDNSTemporary, transportDNSTimeout, transportRefused,
	transportUnreachable, transportConnectTimeout, transportTLSTimeout)

// brokenConnection are the failures of a connection that was open.
var brokenConnection = failed(transportReset, transportClosed, transportResponseTimeout, transportDeadline)

// signIn is how pages that want a sign-in give themselves away.
var signIn = []string{`type="password"`, "type=password", "type='password'", "sign in", "log in", "captive portal"}

// webPage is a page of the web where a registry's response was expected. A page
// with one of the later statuses is a gateway's, and its status says more.
func webPage(ev *evidence) bool { return ev.page && ev.status < 405 && notStorageNorEntra(ev) }

// loginPage reports whether a web page asks for a sign-in.
func loginPage(ev *evidence) bool {
	if !webPage(ev) {
		return false
	}
	head := bytes.ToLower(ev.body[:min(len(ev.body), maxParsed)])
	for _, words := range signIn {
		if bytes.Contains(head, []byte(words)) {
			return true
		}
	}
	return false
}

// notJSON reports whether reading a response's JSON failed.
func notJSON(ev *evidence) bool {
	if ofCredential(ev) {
		return false // of a file or a helper of this machine
	}
	if _, ok := find[*json.SyntaxError](ev); ok {
		return true
	}
	_, ok := find[*json.UnmarshalTypeError](ev)
	return ok
}

func notStorageNorEntra(ev *evidence) bool { return ev.phase != phaseStorage && ev.phase != phaseEntra }

func dialledPrivate(ev *evidence) bool { return ev.transport.dialledPrivate() }
