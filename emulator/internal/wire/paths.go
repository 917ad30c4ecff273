package wire

import (
	"net/url"
	"strings"
)

// pathKind is the shape of a path of the registry.
type pathKind int

const (
	pathBase pathKind = iota + 1
	pathCatalog
	pathTagsList
	pathManifest
	pathReferrers
	pathBlob
	pathUploads
	pathUpload

	pathRepositories
	pathRepository
	pathTags
	pathTag
	pathManifests
	pathManifestProperties
	pathQuery // of all repositories
	pathQueryRepository
	pathDeletedRepositories
	pathDeletedTags
	pathDeletedManifests
	pathDeletedManifest
)

// namesRepository reports whether a path of the kind holds a repository.
func (k pathKind) namesRepository() bool {
	return k != pathBase && k != pathCatalog && k != pathRepositories && k != pathDeletedRepositories && k != pathQuery
}

// parsedPath is a path of the registry, taken apart but not checked.
type parsedPath struct {
	kind       pathKind
	acr        bool   // below /acr/v1
	repository string // where the kind has one
	reference  string // tag, digest or upload id
}

// parsePath takes the path of a URL apart, or returns false when it has no
// known shape. It is decoded once, so that %2F and %3A match and a second
// layer of encoding does not.
func parsePath(escaped string) (parsedPath, bool) {
	text, err := url.PathUnescape(escaped)
	if err != nil {
		return parsedPath{}, false
	}
	if text == "/v2" || strings.HasPrefix(text, "/v2/") {
		return parseV2(strings.TrimPrefix(strings.TrimPrefix(text, "/v2"), "/"))
	}
	if rest, ok := strings.CutPrefix(text, "/acr/v1/"); ok {
		p := parseACR(rest)
		p.acr = true
		return p, true
	}
	return parsedPath{}, false
}

// parseV2 reads a path below /v2/. Repository names contain slashes and may
// contain the marker words, so the last marker counts.
func parseV2(text string) (parsedPath, bool) {
	switch text {
	case "":
		return parsedPath{kind: pathBase}, true
	case "_catalog":
		return parsedPath{kind: pathCatalog}, true
	}
	if name, ok := strings.CutSuffix(text, "/tags/list"); ok {
		return parsedPath{kind: pathTagsList, repository: name}, true
	}
	parent, last, _ := cutLast(text)
	name, marker, ok := cutLast(parent)
	if !ok {
		return parsedPath{}, false
	}
	p := parsedPath{repository: name, reference: last}
	switch marker {
	case "manifests":
		p.kind = pathManifest
	case "referrers":
		p.kind = pathReferrers
	case "blobs":
		p.kind = pathBlob
		if last == "uploads" {
			p.kind, p.reference = pathUploads, ""
		}
	case "uploads":
		p.repository, ok = strings.CutSuffix(name, "/blobs")
		p.kind = pathUpload
		if last == "" {
			p.kind = pathUploads
		}
		return p, ok
	default:
		return parsedPath{}, false
	}
	return p, true
}

// parseACR reads a path below /acr/v1/. No component of a repository name
// starts with an underscore, which reserves _catalog, _deleted and _metadata.
func parseACR(text string) parsedPath {
	if text == "_catalog" {
		return parsedPath{kind: pathRepositories}
	}
	if rest, ok := strings.CutPrefix(text, "_deleted/"); ok {
		return parseDeleted(rest)
	}
	if text == "_metadata/_query" {
		return parsedPath{kind: pathQuery}
	}
	if name, ok := strings.CutSuffix(text, "/_metadata/_query"); ok {
		return parsedPath{kind: pathQueryRepository, repository: name}
	}
	if name, ok := strings.CutSuffix(text, "/_tags"); ok {
		return parsedPath{kind: pathTags, repository: name}
	}
	if name, ok := strings.CutSuffix(text, "/_manifests"); ok {
		return parsedPath{kind: pathManifests, repository: name}
	}
	parent, last, _ := cutLast(text)
	if name, ok := strings.CutSuffix(parent, "/_tags"); ok {
		return parsedPath{kind: pathTag, repository: name, reference: last}
	}
	if name, ok := strings.CutSuffix(parent, "/_manifests"); ok {
		return parsedPath{kind: pathManifestProperties, repository: name, reference: last}
	}
	return parsedPath{kind: pathRepository, repository: text}
}

// parseDeleted reads a path below /acr/v1/_deleted/ (ACR protocol §3.10).
func parseDeleted(text string) parsedPath {
	if text == "_catalog" {
		return parsedPath{kind: pathDeletedRepositories}
	}
	if name, ok := strings.CutSuffix(text, "/_tags"); ok {
		return parsedPath{kind: pathDeletedTags, repository: name}
	}
	if name, ok := strings.CutSuffix(text, "/_manifests"); ok {
		return parsedPath{kind: pathDeletedManifests, repository: name}
	}
	parent, last, _ := cutLast(text)
	name, _ := strings.CutSuffix(parent, "/_manifests")
	return parsedPath{kind: pathDeletedManifest, repository: name, reference: last}
}

// cutLast cuts a path at its last slash.
func cutLast(text string) (parent, last string, ok bool) {
	i := strings.LastIndexByte(text, '/')
	if i < 0 {
		return "", "", false
	}
	return text[:i], text[i+1:], true
}
