// Package reference reads and writes the names of registries, repositories, tags
// and digests as people type them.
package reference

import (
	"fmt"
	"strings"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
	"github.com/acrkit/azcontainerregistry/internal/names"
	"github.com/acrkit/azcontainerregistry/internal/pattern"
)

// Local is the name of the embedded registry.
const Local = "local"

// Reference names a registry, and in it a repository, a tag and a digest, as
// far as they were given: registry/repository[:tag][@digest].
type Reference struct {
	Registry   Host
	Repository string
	Tag        string
	Digest     string
}

// String is the reference as a person writes it.
func (r Reference) String() string {
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
func (r Reference) Version() string {
	if r.Digest != "" {
		return r.Digest
	}
	return r.Tag
}

// WithDigest is the reference by digest, without its tag.
func (r Reference) WithDigest(digest string) Reference {
	r.Tag, r.Digest = "", digest
	return r
}

// The grammars of hosts; those of the other names are package names'.
var (
	hostGrammar     = pattern.New(`^(\[[0-9a-fA-F:]+\]|[a-zA-Z0-9]([a-zA-Z0-9.-]*[a-zA-Z0-9])?)(:[0-9]{1,5})?$`)
	registryGrammar = pattern.New(`^[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?$`)
)

// Parse reads a reference that must name a repository. ownRegistry,
// ACR_REGISTRY's value, completes one that names no registry.
func Parse(text, ownRegistry string) (Reference, error) {
	r, err := ParseAny(text, ownRegistry)
	if err != nil {
		return Reference{}, err
	}
	if r.Repository == "" {
		return Reference{}, Bad(text, "it names no repository; the form is registry/repository[:tag][@digest]")
	}
	return r, nil
}

// ParseAny reads a reference that may be a registry alone.
func ParseAny(text, ownRegistry string) (Reference, error) {
	if text == "" {
		return Reference{}, Bad(text, "it is empty")
	}
	text, err := Pasted(text)
	if err != nil {
		return Reference{}, err
	}
	scheme, rest := "", text
	for _, known := range []string{"https", "http"} {
		if after, found := strings.CutPrefix(text, known+"://"); found {
			scheme, rest = known, after
		}
	}
	first, path, hasPath := strings.Cut(rest, "/")
	switch {
	case rest == "":
		return Reference{}, Bad(text, "it is empty")
	case scheme != "" || isHost(first, hasPath):
		h, err := parseHost(scheme, first)
		if err != nil {
			return Reference{}, Bad(text, err.Error())
		}
		if path == "" {
			return Reference{Registry: h}, nil
		}
		return parsePath(text, h, path)
	case ownRegistry != "":
		h, err := ParseRegistry(ownRegistry)
		if err != nil {
			return Reference{}, fmt.Errorf("ACR_REGISTRY: %w", err)
		}
		return parsePath(text, h, rest)
	case !hasPath && registryGrammar.MatchString(first):
		h, err := ParseRegistry(first)
		return Reference{Registry: h}, err
	}
	remote := "myreg.azurecr.io/" + rest
	if hasPath && registryGrammar.MatchString(first) {
		remote = first + ".azurecr.io/" + path + " if " + first + " is the registry"
	}
	return Reference{}, Bad(text, fmt.Sprintf("%q is not a host, and ACR_REGISTRY is not set; write %s, or local/%s for the embedded registry", first, remote, rest))
}

func parsePath(text string, h Host, path string) (Reference, error) {
	r := Reference{Registry: h}
	rest, digest, hasDigest := strings.Cut(path, "@")
	if hasDigest {
		if !names.IsSHA256(digest) {
			return Reference{}, Bad(text, fmt.Sprintf("digest %q must be sha256: and 64 lower-case hexadecimal digits", digest))
		}
		r.Digest = digest
	}
	if colon := strings.LastIndexByte(rest, ':'); colon >= 0 && !strings.Contains(rest[colon:], "/") {
		r.Tag, rest = rest[colon+1:], rest[:colon]
		if !names.IsTag(r.Tag) {
			return Reference{}, Bad(text, fmt.Sprintf("tag %q must be %s", r.Tag, names.TagRule))
		}
	}
	if !names.IsRepository(rest) {
		return Reference{}, Bad(text, fmt.Sprintf("repository %q must be %s", rest, names.RepositoryRule))
	}
	r.Repository = rest
	return r, nil
}

// Bad refuses a reference by the rule that it breaks. A password in it isn't
// shown.
func Bad(text, rule string) error {
	return failure.Usagef("reference %q: %s", withoutUserInfo(text), withoutUserInfo(rule))
}
