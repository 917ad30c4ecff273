package diagnose

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
)

// transport is the evidence of a failure below HTTP.
type transport struct {
	kind transportKind // empty when the transport did not fail
	host string        // the host that was asked for, with its port if one was named
	dns  *net.DNSError
	addr string // the address that was dialled
	op   string // what was done to the connection: dial, read, write, …
	// text is the innermost error's, when the kind is known by its text only.
	text string

	cert      *x509.Certificate // the certificate that was refused
	presented string            // names that the certificate is for
	proxy     string
}

// transportKind is a kind of failure below HTTP.
type transportKind string

const (
	transportDNSNotFound     transportKind = "dns not found"
	transportDNSTemporary    transportKind = "dns temporary"
	transportDNSTimeout      transportKind = "dns timeout"
	transportRefused         transportKind = "refused"
	transportReset           transportKind = "reset"
	transportClosed          transportKind = "closed"
	transportUnreachable     transportKind = "unreachable"
	transportConnectTimeout  transportKind = "connect timeout"
	transportTLSTimeout      transportKind = "tls timeout"
	transportResponseTimeout transportKind = "response timeout"
	transportProxyDial       transportKind = "proxy dial"
	transportProxyAuth       transportKind = "proxy authentication"
	transportProxyRefused    transportKind = "proxy refused"
	transportTLSAuthority    transportKind = "tls authority"
	transportTLSIntercepted  transportKind = "tls intercepted"
	transportTLSExpired      transportKind = "tls expired"
	transportTLSNotYet       transportKind = "tls not yet valid"
	transportTLSName         transportKind = "tls name"
	transportTLSOther        transportKind = "tls certificate"
	transportTLSAlert        transportKind = "tls alert"
	transportNotTLS          transportKind = "not tls"
	transportCanceled        transportKind = "canceled"
	transportDeadline        transportKind = "deadline"
)

// gatherTransport classifies a failure below HTTP by the types in the chain,
// and by the texts of net/http where it has no type.
func (ev *evidence) gatherTransport() {
	if ev.status != 0 {
		return
	}
	t := &ev.transport
	if e, ok := find[*url.Error](ev); ok {
		if u, err := url.Parse(e.URL); err == nil {
			t.host = u.Host
			if ev.repository == "" {
				ev.repository, ev.reference = splitPath(u.Path)
			}
			ev.phase = phaseOf(u, nil)
			ev.path = u.Path
		}
	}
	t.kind = ev.classifyTransport()
}

func (ev *evidence) classifyTransport() transportKind {
	t := &ev.transport
	op, dialled := find[*net.OpError](ev)
	if dialled && op.Addr != nil {
		t.addr, t.op = op.Addr.String(), op.Op
	}
	if dialled && op.Op == "proxyconnect" {
		// The address is in the error of the dial inside.
		for _, e := range ev.chain {
			if inner, ok := e.(*net.OpError); ok && inner.Addr != nil {
				t.addr, t.proxy = "", inner.Addr.String()
			}
		}
		return transportProxyDial
	}
	if kind := ev.classifyTLS(); kind != "" {
		return kind
	}
	if e, ok := find[*net.DNSError](ev); ok {
		t.dns = e
		if t.host == "" {
			t.host = e.Name
		}
		switch {
		case e.IsTimeout:
			return transportDNSTimeout
		case e.IsNotFound:
			return transportDNSNotFound
		}
		return transportDNSTemporary
	}
	switch {
	case ev.is(syscall.ECONNREFUSED):
		return transportRefused
	case ev.is(syscall.ECONNRESET), ev.is(syscall.EPIPE), ev.is(syscall.ECONNABORTED):
		return transportReset
	case ev.is(syscall.EHOSTUNREACH), ev.is(syscall.ENETUNREACH), ev.is(syscall.EADDRNOTAVAIL):
		return transportUnreachable
	}
	if kind := ev.classifyText(); kind != "" {
		return kind
	}
	switch {
	case dialled && op.Op == "dial" && op.Timeout(), ev.is(syscall.ETIMEDOUT):
		return transportConnectTimeout
	case ev.is(context.Canceled):
		return transportCanceled
	case ev.is(context.DeadlineExceeded):
		return transportDeadline
	case ev.is(io.ErrUnexpectedEOF), t.host != "" && ev.is(net.ErrClosed), t.host != "" && ev.is(io.EOF):
		return transportClosed
	}
	for _, e := range ev.chain {
		if n, ok := e.(net.Error); ok && n.Timeout() {
			return transportResponseTimeout
		}
	}
	return ""
}

// classifyTLS classifies failures of the TLS handshake and fills in the certificate.
func (ev *evidence) classifyTLS() transportKind {
	t := &ev.transport
	if e, ok := find[*tls.CertificateVerificationError](ev); ok && len(e.UnverifiedCertificates) > 0 {
		t.cert = e.UnverifiedCertificates[0]
	}
	if e, ok := find[x509.HostnameError](ev); ok {
		if e.Certificate != nil {
			t.cert = e.Certificate
		}
		if t.host == "" {
			t.host = e.Host
		}
		t.presented = certificateNames(t.cert)
		return transportTLSName
	}
	if e, ok := find[x509.CertificateInvalidError](ev); ok {
		if e.Cert != nil {
			t.cert = e.Cert
		}
		// The text is the only place where the standard library tells the two
		// apart; the certificate's own dates are compared where it has some.
		if e.Reason == x509.Expired {
			if strings.Contains(e.Detail, "is before") {
				return transportTLSNotYet
			}
			return transportTLSExpired
		}
		return transportTLSOther
	}
	if e, ok := find[x509.UnknownAuthorityError](ev); ok {
		if t.cert == nil {
			t.cert = e.Cert
		}
		if t.cert != nil && isInterceptor(t.cert.Issuer.String()) {
			return transportTLSIntercepted
		}
		return transportTLSAuthority
	}
	if _, ok := find[tls.RecordHeaderError](ev); ok {
		return transportNotTLS
	}
	if e, ok := find[tls.AlertError](ev); ok {
		t.text = e.Error()
		return transportTLSAlert
	}
	return ""
}

// classifyText knows the failures that net/http tells by their text alone.
func (ev *evidence) classifyText() transportKind {
	text := ev.err.Error()
	switch {
	case strings.Contains(text, "server gave HTTP response to HTTPS client"):
		return transportNotTLS
	case strings.Contains(text, "TLS handshake timeout"):
		return transportTLSTimeout
	case strings.Contains(text, "remote error: tls:"):
		ev.transport.text = "remote error: tls: " + firstLine(after(text, "remote error: tls:"))
		return transportTLSAlert
	case strings.Contains(text, "Proxy Authentication Required"):
		return transportProxyAuth
	case strings.Contains(text, "proxyconnect "), strings.Contains(text, "socks connect "):
		return transportProxyDial
	case strings.Contains(text, "timeout awaiting response headers"),
		strings.Contains(text, "Client.Timeout exceeded"):
		return transportResponseTimeout
	case strings.Contains(text, "server closed idle connection"),
		strings.Contains(text, "transport connection broken"):
		return transportClosed
	}
	// net/http turns a proxy's refusal of CONNECT into an error that is the
	// status text and nothing else.
	if e, ok := find[*url.Error](ev); ok && e.Err != nil && strings.HasPrefix(e.URL, "https:") {
		switch e.Err.Error() {
		case "Forbidden", "Bad Gateway", "Service Unavailable", "Gateway Timeout", "Not Found", "Bad Request",
			"Method Not Allowed", "Internal Server Error":
			ev.transport.text = e.Err.Error()
			return transportProxyRefused
		}
	}
	return ""
}

// interceptors are words in the issuer's name of certificates that security
// products make on the fly. A certificate of theirs for a registry means that
// the connection is opened and inspected.
var interceptors = []string{
	"zscaler", "netskope", "fortinet", "fortigate", "palo alto", "blue coat", "bluecoat", "forcepoint", "websense",
	"cisco umbrella", "cisco secure", "mcafee web gateway", "skyhigh", "sophos", "checkpoint", "check point", "squid",
	"mitmproxy", "charles proxy", "fiddler", "burp", "avast", "kaspersky", "eset", "bitdefender", "barracuda",
	"untangle", "sonicwall", "watchguard", "iboss", "menlo", "cloudflare gateway", "trend micro", "do_not_trust",
}

func isInterceptor(issuer string) bool {
	issuer = strings.ToLower(issuer)
	for _, word := range interceptors {
		if strings.Contains(issuer, word) {
			return true
		}
	}
	return false
}

func certificateNames(c *x509.Certificate) string {
	if c == nil {
		return ""
	}
	names := append([]string{}, c.DNSNames...)
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	if len(names) == 0 {
		names = []string{c.Subject.CommonName}
	}
	// More names than these say no more about whose certificate it is.
	if len(names) > 5 {
		names = append(names[:5], "…")
	}
	return strings.Join(names, ", ")
}

// hostname returns the host without its port.
func (t *transport) hostname() string { return hostnameOf(t.host) }

// dialledPrivate reports whether the dialled address is one of a private
// network.
func (t *transport) dialledPrivate() bool {
	a, err := netip.ParseAddrPort(t.addr)
	return err == nil && isPrivate(a.Addr())
}
