package diagnose

import (
	"net/netip"
	"strings"
	"time"
)

// observeFailure shows where the connection failed and with which error.
var observeFailure observer = func(ev *evidence, report reporter) {
	t := &ev.transport
	// The last of the chain is the innermost: what the operating system, TLS or
	// net/http said. Those around it name calls and addresses.
	innermost := ""
	if n := len(ev.chain); n > 0 {
		innermost = ev.chain[n-1].Error()
	}
	host := or(t.host, "the host")
	if t.addr != "" && t.addr != host {
		host += " at " + t.addr
	}
	switch {
	case t.dns != nil:
		server := ""
		if t.dns.Server != "" {
			server = " (resolver " + t.dns.Server + ")"
		}
		report(FromNetwork, "looking up %s: %s%s", t.dns.Name, t.dns.Err, server)
	case t.proxy != "":
		report(FromNetwork, "connecting to the proxy %s: %s", t.proxy, innermost)
	case t.kind == transportTLSAlert:
		report(FromNetwork, "%s sent an alert: %s", host, or(t.text, innermost))
	case t.addr != "" && t.op == "dial":
		report(FromNetwork, "connecting to %s: %s", host, innermost)
	case t.addr != "":
		report(FromNetwork, "the connection to %s: %s", host, innermost)
	case innermost != "":
		report(FromNetwork, "%s: %s", or(t.host, "the connection"), innermost)
	}
	if t.dialledPrivate() {
		report(FromNetwork, "%s is an address of a private network", t.addr)
	}
}

// observeCertificate shows the certificate that was refused.
var observeCertificate observer = func(ev *evidence, report reporter) {
	c := ev.transport.cert
	if c == nil {
		return
	}
	report(FromNetwork, "the certificate is for %s, issued by %s", certificateNames(c), c.Issuer.String())
	report(FromNetwork, "it is valid from %s to %s", c.NotBefore.UTC().Format(time.RFC3339), c.NotAfter.UTC().Format(time.RFC3339))
}

// observeAddress says what kind of address the registry saw, and by which of its
// own it was reached.
var observeAddress observer = func(ev *evidence, report reporter) {
	if ip, ok := ev.clientIP(); ok {
		report(FromRegistry, "the registry saw %s, %s", ip.String(), kindOfAddress(ip))
	}
	at, err := netip.ParseAddrPort(ev.library.address)
	if err != nil || strings.HasPrefix(strings.Trim(ev.host, "["), at.Addr().String()) {
		return // the host is an address itself
	}
	report(FromNetwork, "%s resolved to %s, %s", ev.host, at.Addr().String(), kindOfAddress(at.Addr()))
}

func kindOfAddress(ip netip.Addr) string {
	switch {
	case ip.Unmap().IsLoopback():
		return "an address of this machine"
	case isPrivate(ip):
		return "an address of a private network"
	}
	return "a public address"
}

// observeRedirect shows where a redirect points.
var observeRedirect observer = func(ev *evidence, report reporter) {
	if ev.response == nil {
		return
	}
	if to := hostOf(ev.response.Header.Get("Location")); to != "" {
		report(ev.origin(), "the response redirects to %s", to)
	}
	if ev.request != nil && ev.request.Response != nil && ev.request.Response.Request != nil && ev.request.Response.Request.URL != nil {
		report(FromRegistry, "%s sent the request on to %s", ev.request.Response.Request.URL.Host, ev.host)
	}
}

// observeServer shows the header by which a machine in between gives itself away.
var observeServer observer = func(ev *evidence, report reporter) {
	if ev.response == nil {
		return
	}
	for _, name := range []string{"Server", "Via", "Proxy-Authenticate", "X-Cache", "X-Squid-Error"} {
		if value := ev.response.Header.Get(name); value != "" {
			report(ev.origin(), "the response's %s header: %s", name, value)
		}
	}
	if ev.response.Header.Get("Docker-Distribution-Api-Version") == "" {
		report(ev.origin(), "the response has none of a registry's headers")
	}
}
