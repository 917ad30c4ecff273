package main

import (
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"strings"
)

// localRegistry is the name of the embedded registry.
const localRegistry = "local"

// reference names a registry, and in it a repository, a tag and a digest, as
// far as they were given: registry/repository[:tag][@digest].
type reference struct {
	Registry   host
	Repository string
	Tag        string
	Digest     string
}

// host is a login server.
type host struct {
	Name   string // "local", "myreg.azurecr.io", "127.0.0.1:5000"
	Scheme string // "https", or "http" for loopback
}

// Local reports whether it is the embedded registry.
func (h host) Local() bool { return h.Name == localRegistry }

// Endpoint is the URL that the client library takes.
func (h host) Endpoint() string { return h.Scheme + "://" + h.Name }

// String is the host as a person writes it: with its scheme only where that is
// not the usual one.
func (h host) String() string {
	if h.Scheme == "https" && isLoopback(h.Name) {
		return h.Endpoint()
	}
	return h.Name
}

// String is the reference as a person writes it.
func (r reference) String() string {
	s := r.Registry.String()
	if r.Repository != "" {
		s += "/" + r.Repository
	}
	if r.Tag != "" {
		s += ":" + r.Tag
	}
	if r.Digest != "" {
		s += "@" + r.Digest
	}
	return s
}

// Version is what the wire calls the reference: the digest when there is one,
// the tag otherwise.
func (r reference) Version() string {
	if r.Digest != "" {
		return r.Digest
	}
	return r.Tag
}

// withDigest is the reference by digest, without its tag.
func (r reference) withDigest(digest string) reference {
	r.Tag, r.Digest = "", digest
	return r
}

// The grammars of ACR protocol §1.2.
var (
	repositoryGrammar = regexp.MustCompile(`^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$`)
	tagGrammar        = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$`)
	digestGrammar     = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
	hostGrammar       = regexp.MustCompile(`^(\[[0-9a-fA-F:]+\]|[a-zA-Z0-9]([a-zA-Z0-9.-]*[a-zA-Z0-9])?)(:[0-9]{1,5})?$`)
	registryGrammar   = regexp.MustCompile(`^[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?$`)
)

// maxRepository is the longest repository name that ACR takes (ACR protocol §1.2).
const maxRepository = 255

// parseReference reads a reference that must name a repository. ownRegistry,
// ACR_REGISTRY's value, completes one that names no registry.
func parseReference(text, ownRegistry string) (reference, error) {
	r, err := parseAny(text, ownRegistry)
	if err != nil {
		return reference{}, err
	}
	if r.Repository == "" {
		return reference{}, badReference(text, "it names no repository; the form is registry/repository[:tag][@digest]")
	}
	return r, nil
}

// parseAny reads a reference that may be a registry alone.
func parseAny(text, ownRegistry string) (reference, error) {
	scheme, rest := "", text
	for _, known := range []string{"https", "http"} {
		if after, found := strings.CutPrefix(text, known+"://"); found {
			scheme, rest = known, after
		}
	}
	first, path, hasPath := strings.Cut(rest, "/")
	switch {
	case rest == "":
		return reference{}, badReference(text, "it is empty")
	case scheme != "" || isHost(first, hasPath):
		h, err := parseHost(scheme, first)
		if err != nil {
			return reference{}, badReference(text, err.Error())
		}
		if path == "" {
			return reference{Registry: h}, nil
		}
		return parsePath(text, h, path)
	case ownRegistry != "":
		h, err := parseRegistry(ownRegistry)
		if err != nil {
			return reference{}, fmt.Errorf("ACR_REGISTRY: %w", err)
		}
		return parsePath(text, h, rest)
	case !hasPath && registryGrammar.MatchString(first):
		h, err := parseRegistry(first)
		return reference{Registry: h}, err
	}
	remote := "myreg.azurecr.io/" + rest
	if hasPath && registryGrammar.MatchString(first) {
		remote = first + ".azurecr.io/" + path + " if " + first + " is the registry"
	}
	return reference{}, badReference(text, fmt.Sprintf("%q is not a host, and ACR_REGISTRY is not set; write %s, or local/%s for the embedded registry", first, remote, rest))
}

// isHost reports whether the first part of a reference is a host: it has a dot,
// a colon or is localhost, or names the embedded registry. Without a slash
// behind it, "app:1" or "app@sha256:…" is a repository.
func isHost(first string, hasPath bool) bool {
	if first == localRegistry || first == "localhost" {
		return true
	}
	name, _, hasPort := strings.Cut(first, ":")
	if !hasPath && (strings.Contains(first, "@") || (hasPort && !strings.Contains(name, ".") && name != "localhost" && !strings.HasPrefix(first, "["))) {
		return false
	}
	return strings.ContainsAny(first, ".:")
}

// parseRegistry reads a login server's name; a bare name gets .azurecr.io.
func parseRegistry(text string) (host, error) {
	scheme, rest := "", strings.TrimSuffix(text, "/")
	for _, known := range []string{"https", "http"} {
		if after, found := strings.CutPrefix(rest, known+"://"); found {
			scheme, rest = known, after
		}
	}
	if strings.ContainsAny(rest, "/@?#") {
		return host{}, badReference(text, "a registry is a host and nothing else")
	}
	h, err := parseHost(scheme, rest)
	if err != nil {
		return host{}, badReference(text, err.Error())
	}
	return h, nil
}

func parseHost(scheme, name string) (host, error) {
	switch {
	case name == localRegistry && scheme == "":
		return host{Name: localRegistry, Scheme: "https"}, nil
	case name == "":
		return host{}, fmt.Errorf("the registry's name is empty")
	case name != "localhost" && registryGrammar.MatchString(name) && scheme == "":
		return host{Name: strings.ToLower(name) + ".azurecr.io", Scheme: "https"}, nil
	case !hostGrammar.MatchString(name):
		return host{}, fmt.Errorf("%q is not a host's name", name)
	}
	loopback := isLoopback(name)
	switch {
	case scheme == "http" && !loopback:
		return host{}, fmt.Errorf("plain http would show your credentials to everyone on the way; only loopback addresses may use it")
	case scheme == "" && loopback:
		scheme = "http"
	case scheme == "":
		scheme = "https"
	}
	return host{Name: strings.ToLower(name), Scheme: scheme}, nil
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

func parsePath(text string, h host, path string) (reference, error) {
	r := reference{Registry: h}
	rest, digest, hasDigest := strings.Cut(path, "@")
	if hasDigest {
		if !digestGrammar.MatchString(digest) {
			return reference{}, badReference(text, fmt.Sprintf("digest %q must be sha256: and 64 lower-case hexadecimal digits", digest))
		}
		r.Digest = digest
	}
	if colon := strings.LastIndexByte(rest, ':'); colon >= 0 && !strings.Contains(rest[colon:], "/") {
		r.Tag, rest = rest[colon+1:], rest[:colon]
		if !tagGrammar.MatchString(r.Tag) {
			return reference{}, badReference(text, fmt.Sprintf("tag %q must be 1 to 128 letters, digits, '.', '_' or '-', and begin with none of '.' and '-'", r.Tag))
		}
	}
	if len(rest) > maxRepository || !repositoryGrammar.MatchString(rest) {
		return reference{}, badReference(text, fmt.Sprintf("repository %q must be lower-case letters and digits, with '.', '_', '__' or '-' between them and '/' between parts, at most %d bytes", rest, maxRepository))
	}
	r.Repository = rest
	return r, nil
}

func badReference(text, rule string) error {
	return usagef("reference %q: %s", text, rule)
}
