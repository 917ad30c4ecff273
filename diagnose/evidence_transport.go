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
	"time"
)

// transport is the evidence of a failure below HTTP.
type transport struct {
	kind string // one of the transport… constants, empty when the transport did not fail
	host string // the host that was asked for, with its port if one was named
	dns  *net.DNSError
	addr string // the address that was dialled
	op   string // what was done to the connection: dial, read, write, …
	// text is the innermost error's, when the kind is known by its text only.
	text string

	cert      *x509.Certificate // the certificate that was refused
	presented string            // names that the certificate is for
	proxy     string
}

// The kinds of transport failures.
const (
	transportDNSNotFound     = "dns not found"
	transportDNSTemporary    = "dns temporary"
	transportDNSTimeout      = "dns timeout"
	transportRefused         = "refused"
	transportReset           = "reset"
	transportClosed          = "closed"
	transportUnreachable     = "unreachable"
	transportConnectTimeout  = "connect timeout"
	transportTLSTimeout      = "tls timeout"
	transportResponseTimeout = "response timeout"
	transportProxyDial       = "proxy dial"
	transportProxyAuth       = "proxy authentication"
	transportProxyRefused    = "proxy refused"
	transportTLSAuthority    = "tls authority"
	transportTLSIntercepted  = "tls intercepted"
	transportTLSExpired      = "tls expired"
	transportTLSNotYet       = "tls not yet valid"
	transportTLSName         = "tls name"
	transportTLSOther        = "tls certificate"
	transportTLSAlert        = "tls alert"
	transportNotTLS          = "not tls"
	transportCanceled        = "canceled"
	transportDeadline        = "deadline"
)

// gatherTransport classifies a failure below HTTP by the types in the chain,
// and by the texts of net/http where it has no type.
func (x *exchange) gatherTransport() {
	if x.status != 0 {
		return
	}
	t := &x.transport
	if e, ok := find[*url.Error](x); ok {
		if u, err := url.Parse(e.URL); err == nil {
			t.host = u.Host
			if x.repository == "" {
				x.repository, x.reference = splitPath(u.Path)
			}
			x.phase = phaseOf(u, nil)
			x.path = u.Path
		}
	}
	t.kind = x.transportKind()
}

func (x *exchange) transportKind() string {
	t := &x.transport
	op, dialled := find[*net.OpError](x)
	if dialled && op.Addr != nil {
		t.addr, t.op = op.Addr.String(), op.Op
	}
	if dialled && op.Op == "proxyconnect" {
		// The address is in the error of the dial inside.
		for _, e := range x.chain {
			if inner, ok := e.(*net.OpError); ok && inner.Addr != nil {
				t.addr, t.proxy = "", inner.Addr.String()
			}
		}
		return transportProxyDial
	}
	if kind := x.tlsKind(); kind != "" {
		return kind
	}
	if e, ok := find[*net.DNSError](x); ok {
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
	case x.is(syscall.ECONNREFUSED):
		return transportRefused
	case x.is(syscall.ECONNRESET), x.is(syscall.EPIPE), x.is(syscall.ECONNABORTED):
		return transportReset
	case x.is(syscall.EHOSTUNREACH), x.is(syscall.ENETUNREACH), x.is(syscall.EADDRNOTAVAIL):
		return transportUnreachable
	}
	if kind := x.textKind(); kind != "" {
		return kind
	}
	switch {
	case dialled && op.Op == "dial" && op.Timeout(), x.is(syscall.ETIMEDOUT):
		return transportConnectTimeout
	case x.is(context.Canceled):
		return transportCanceled
	case x.is(context.DeadlineExceeded):
		return transportDeadline
	case x.is(io.ErrUnexpectedEOF), t.host != "" && x.is(net.ErrClosed), t.host != "" && x.is(io.EOF):
		return transportClosed
	}
	for _, e := range x.chain {
		if n, ok := e.(net.Error); ok && n.Timeout() {
			return transportResponseTimeout
		}
	}
	return ""
}

// tlsKind classifies failures of the TLS handshake and fills in the certificate.
func (x *exchange) tlsKind() string {
	t := &x.transport
	if e, ok := find[*tls.CertificateVerificationError](x); ok && len(e.UnverifiedCertificates) > 0 {
		t.cert = e.UnverifiedCertificates[0]
	}
	if e, ok := find[x509.HostnameError](x); ok {
		if e.Certificate != nil {
			t.cert = e.Certificate
		}
		if t.host == "" {
			t.host = e.Host
		}
		t.presented = certificateNames(t.cert)
		return transportTLSName
	}
	if e, ok := find[x509.CertificateInvalidError](x); ok {
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
	if e, ok := find[x509.UnknownAuthorityError](x); ok {
		if t.cert == nil {
			t.cert = e.Cert
		}
		if t.cert != nil && isInterceptor(t.cert.Issuer.String()) {
			return transportTLSIntercepted
		}
		return transportTLSAuthority
	}
	if _, ok := find[tls.RecordHeaderError](x); ok {
		return transportNotTLS
	}
	if e, ok := find[tls.AlertError](x); ok {
		t.text = e.Error()
		return transportTLSAlert
	}
	return ""
}

// textKind knows the failures that net/http tells by their text alone.
func (x *exchange) textKind() string {
	text := x.err.Error()
	switch {
	case strings.Contains(text, "server gave HTTP response to HTTPS client"):
		return transportNotTLS
	case strings.Contains(text, "TLS handshake timeout"):
		return transportTLSTimeout
	case strings.Contains(text, "remote error: tls:"):
		x.transport.text = "remote error: tls: " + firstLine(after(text, "remote error: tls:"))
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
	if e, ok := find[*url.Error](x); ok && e.Err != nil && strings.HasPrefix(e.URL, "https:") {
		switch e.Err.Error() {
		case "Forbidden", "Bad Gateway", "Service Unavailable", "Gateway Timeout", "Not Found", "Bad Request",
			"Method Not Allowed", "Internal Server Error":
			x.transport.text = e.Err.Error()
			return transportProxyRefused
		}
	}
	return ""
}

func after(s, sep string) string {
	_, rest, _ := strings.Cut(s, sep)
	return rest
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

// isPrivate reports whether an address is of a private network, including the
// range that carriers share (RFC 6598).
func isPrivate(ip netip.Addr) bool {
	ip = ip.Unmap()
	return ip.IsPrivate() || ip.IsLinkLocalUnicast() || netip.PrefixFrom(netip.AddrFrom4([4]byte{100, 64}), 10).Contains(ip)
}

// hostname returns the host without its port.
func (t *transport) hostname() string { return hostnameOf(t.host) }

func hostnameOf(hostPort string) string {
	if host, _, err := net.SplitHostPort(hostPort); err == nil {
		return strings.ToLower(host)
	}
	return strings.ToLower(hostPort)
}

// dialledPrivate reports whether the dialled address is one of a private
// network.
func (t *transport) dialledPrivate() bool {
	a, err := netip.ParseAddrPort(t.addr)
	return err == nil && isPrivate(a.Addr())
}

func (t *transport) fact(name string) (string, bool) {
	switch name {
	case "address":
		return t.addr, true
	case "proxy":
		return t.proxy, true
	case "issuer":
		if t.cert != nil {
			return t.cert.Issuer.String(), true
		}
		return "", true
	}
	return "", false
}

// sawFailure shows where the connection failed and with which error.
var sawFailure sight = func(x *exchange, see func(Origin, string, ...any)) {
	t := &x.transport
	// The last of the chain is the innermost: what the operating system, TLS or
	// net/http said. Those around it name calls and addresses.
	innermost := ""
	if n := len(x.chain); n > 0 {
		innermost = x.chain[n-1].Error()
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
		see(FromNetwork, "looking up %s: %s%s", t.dns.Name, t.dns.Err, server)
	case t.proxy != "":
		see(FromNetwork, "connecting to the proxy %s: %s", t.proxy, innermost)
	case t.kind == transportTLSAlert:
		see(FromNetwork, "%s sent an alert: %s", host, or(t.text, innermost))
	case t.addr != "" && t.op == "dial":
		see(FromNetwork, "connecting to %s: %s", host, innermost)
	case t.addr != "":
		see(FromNetwork, "the connection to %s: %s", host, innermost)
	case innermost != "":
		see(FromNetwork, "%s: %s", or(t.host, "the connection"), innermost)
	}
	if t.dialledPrivate() {
		see(FromNetwork, "%s is an address of a private network", t.addr)
	}
}

// sawCertificate shows the certificate that was refused.
var sawCertificate sight = func(x *exchange, see func(Origin, string, ...any)) {
	c := x.transport.cert
	if c == nil {
		return
	}
	see(FromNetwork, "the certificate is for %s, issued by %s", certificateNames(c), c.Issuer.String())
	see(FromNetwork, "it is valid from %s to %s", c.NotBefore.UTC().Format(time.RFC3339), c.NotAfter.UTC().Format(time.RFC3339))
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
