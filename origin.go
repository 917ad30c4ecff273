package azcontainerregistry

import (
	"net"
	"net/url"
	"strings"
)

// origin is scheme, host and port: what decides whether a credential may be
// sent. Go's HTTP client looks at the host alone.
type origin struct {
	scheme, host, port string
}

func originOf(u *url.URL) origin {
	o := origin{scheme: strings.ToLower(u.Scheme), host: strings.ToLower(u.Hostname()), port: u.Port()}
	if o.port == "" {
		switch o.scheme {
		case "https":
			o.port = "443"
		case "http":
			o.port = "80"
		}
	}
	return o
}

// String writes the origin as an address, the default port left out.
func (o origin) String() string {
	host := o.host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	switch {
	case o.scheme == "https" && o.port == "443", o.scheme == "http" && o.port == "80", o.port == "":
	default:
		host += ":" + o.port
	}
	return o.scheme + "://" + host
}

// private reports whether the host can only be this machine or one of a private
// network: by its address, or by a name that the public name service has not.
func (o origin) private() bool {
	if ip := net.ParseIP(o.host); ip != nil {
		return ip.IsLoopback() || ip.IsPrivate() || ip.IsLinkLocalUnicast()
	}
	if !strings.Contains(strings.TrimSuffix(o.host, "."), ".") {
		return true
	}
	for _, domain := range []string{".localhost", ".internal", ".local", ".home.arpa", ".test"} {
		if strings.HasSuffix(o.host, domain) {
			return true
		}
	}
	return false
}

// resolve reads an address that an answer points to, relative to the request
// it answers. Path and query stay byte for byte as they were sent: an upload's
// _state and a signed path with a double slash don't survive rewriting.
func resolve(base *url.URL, reference string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimSpace(reference))
	if err != nil {
		return nil, err
	}
	switch {
	case u.IsAbs():
	case u.Host == "" && strings.HasPrefix(u.Path, "/"):
		u.Scheme, u.Host = base.Scheme, base.Host
	default:
		u = base.ResolveReference(u)
	}
	u.Fragment, u.RawFragment = "", ""
	return u, nil
}
