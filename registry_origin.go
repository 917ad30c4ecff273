package azcontainerregistry

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/acrkit/azcontainerregistry/internal/redact"
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

// resolve reads an address that a response points to, relative to the request
// it responds to. Path and query stay byte for byte as they were sent: an upload's
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

// readEndpoint reads the address of a login server, as far as it is one: the
// first call fails where it isn't. Plain http is for hosts of this machine or of
// a private network, or for whoever allows it.
func readEndpoint(endpoint string, allowHTTP bool) (*url.URL, error) {
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" {
		return &url.URL{}, nil
	}
	if u.Scheme == "http" && !allowHTTP && !originOf(u).private() {
		return nil, &ArgumentError{
			Argument: "endpoint", Value: redact.Text(shorten(u.Redacted())),
			Rule: "must be https: over http a credential could be read on the network (InsecureAllowCredentialWithHTTP permits it)",
		}
	}
	u.RawQuery, u.Fragment, u.User = "", "", nil
	return u, nil
}

// redirect returns where a response redirects to. From an encrypted connection
// it may redirect only to another.
func (r *registry) redirect(from *url.URL, resp *http.Response) (*url.URL, error) {
	location := resp.Header.Get("Location")
	if location == "" {
		return nil, fmt.Errorf("%s without a Location", resp.Status)
	}
	to, err := resolve(from, location)
	if err != nil {
		return nil, errors.New("redirect to something that is no address")
	}
	if to.Host == "" || to.Scheme != "https" && to.Scheme != from.Scheme || to.User != nil {
		return nil, &UntrustedOriginError{Kind: OriginKindRedirect, Got: originOf(to).String(), Want: "an https origin"}
	}
	return to, nil
}

// location returns the address of an upload that a response or the caller
// names: relative or absolute, but at the login server (ACR protocol §4.5).
func (r *registry) location(value string) (*url.URL, error) {
	u, err := resolve(r.base, value)
	if err != nil {
		return nil, errors.New("location is no address")
	}
	if prefix := strings.TrimRight(r.base.Path, "/"); strings.HasPrefix(strings.TrimSpace(value), "/") && !strings.HasPrefix(u.Path, prefix+"/") {
		// A registry behind a gateway doesn't know where the gateway has it.
		u.Path, u.RawPath = prefix+u.Path, ""
	}
	if o := originOf(u); o != r.home || u.User != nil {
		return nil, &UntrustedOriginError{Kind: OriginKindLocation, Got: o.String(), Want: r.home.String()}
	}
	return u, nil
}
