package reference

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
)

// Host is a login server.
type Host struct {
	Name   string // "local", "myreg.azurecr.io", "127.0.0.1:5000"
	Scheme string // "https", or "http" for loopback
}

// Local reports whether it is the embedded registry.
func (h Host) Local() bool { return h.Name == Local }

// Endpoint is the URL that the client library takes.
func (h Host) Endpoint() string { return h.Scheme + "://" + h.Name }

// String is the host as a person writes it: with its scheme only where that is
// not the usual one, or where the name alone would mean something else.
func (h Host) String() string {
	if !h.Local() && (h.Scheme == "https" && isLoopback(h.Name) || !isHost(h.Name, true)) {
		return h.Endpoint()
	}
	return h.Name
}

// isHost reports whether the first part of a reference is a host: it has a dot,
// a colon or is localhost, or names the embedded registry. Without a slash
// behind it, "app:1" or "app@sha256:…" is a repository.
func isHost(first string, hasPath bool) bool {
	if first == Local || first == "localhost" {
		return true
	}
	name, _, hasPort := strings.Cut(first, ":")
	if !hasPath && (strings.Contains(first, "@") || (hasPort && !strings.Contains(name, ".") && name != "localhost" && !strings.HasPrefix(first, "["))) {
		return false
	}
	return strings.ContainsAny(first, ".:")
}

// ParseRegistry reads a login server's name; a bare name gets .azurecr.io.
func ParseRegistry(text string) (Host, error) {
	text, err := Pasted(text)
	if err != nil {
		return Host{}, err
	}
	scheme, rest := "", strings.TrimSuffix(text, "/")
	for _, known := range []string{"https", "http"} {
		if after, found := strings.CutPrefix(rest, known+"://"); found {
			scheme, rest = known, after
		}
	}
	if strings.ContainsAny(rest, "/@?#") {
		return Host{}, Bad(text, "a registry is a host and nothing else")
	}
	h, err := parseHost(scheme, rest)
	if err != nil {
		return Host{}, Bad(text, err.Error())
	}
	return h, nil
}

func parseHost(scheme, name string) (Host, error) {
	switch {
	case name == Local && scheme == "":
		return Host{Name: Local, Scheme: "https"}, nil
	case name == "":
		return Host{}, fmt.Errorf("the registry's name is empty")
	case name != "localhost" && registryGrammar.MatchString(name) && scheme == "":
		return Host{Name: strings.ToLower(name) + ".azurecr.io", Scheme: "https"}, nil
	case !hostGrammar.MatchString(name):
		return Host{}, fmt.Errorf("%q is not a host's name", name)
	}
	loopback := isLoopback(name)
	switch {
	case scheme == "http" && !loopback:
		return Host{}, fmt.Errorf("plain http would show your credentials to everyone on the network; only loopback addresses may use it")
	case scheme == "" && loopback:
		scheme = "http"
	case scheme == "":
		scheme = "https"
	}
	return Host{Name: strings.ToLower(name), Scheme: scheme}, nil
}

// isLoopback reports whether a host[:port] is this machine.
func isLoopback(name string) bool {
	bare := name
	if h, _, err := net.SplitHostPort(name); err == nil {
		bare = h
	}
	if strings.EqualFold(bare, "localhost") || strings.HasSuffix(strings.ToLower(bare), ".localhost") {
		return true
	}
	address, err := netip.ParseAddr(strings.Trim(bare, "[]"))
	return err == nil && address.IsLoopback()
}
