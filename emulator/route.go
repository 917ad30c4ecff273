package emulator

import (
	"net/http"
	"net/url"
	"strings"
)

// opName names an operation: one method on one route. Fault rules and the
// inspection calls use these names.
type opName string

// The operations of /v2 (ACR protocol §4) and /acr/v1 (§3).
const (
	opBase           opName = "base"
	opCatalog        opName = "catalog"
	opTagsList       opName = "tags-list"
	opGetManifest    opName = "get-manifest" // and HEAD
	opPutManifest    opName = "put-manifest"
	opDeleteManifest opName = "delete-manifest"
	opGetBlob        opName = "get-blob"
	opHeadBlob       opName = "head-blob"
	opDeleteBlob     opName = "delete-blob"
	opStartUpload    opName = "start-upload"
	opMountBlob      opName = "mount-blob"
	opUploadStatus   opName = "upload-status"
	opUploadChunk    opName = "upload-chunk"
	opFinishUpload   opName = "finish-upload"
	opCancelUpload   opName = "cancel-upload"
	opReferrers      opName = "referrers"

	opListRepositories opName = "list-repositories"
	opGetRepository    opName = "get-repository"
	opPatchRepository  opName = "patch-repository"
	opDeleteRepository opName = "delete-repository"
	opListTags         opName = "list-tags"
	opGetTag           opName = "get-tag"
	opPatchTag         opName = "patch-tag"
	opDeleteTag        opName = "delete-tag"
	opListManifests    opName = "list-manifests"
	opGetManifestInfo  opName = "get-manifest-properties"
	opPatchManifest    opName = "patch-manifest"

	opDeletedCatalog   opName = "list-deleted-repositories"
	opDeletedManifests opName = "list-deleted-manifests"
	opDeletedTags      opName = "list-deleted-tags"
	opRestoreManifest  opName = "restore-manifest"

	// opUnsupported is a method that a known route does not have.
	opUnsupported opName = "unsupported"
)

// family is the API that an operation belongs to; the headers of its answers
// differ.
type family string

const (
	familyACR family = "acr"
	familyV2  family = "v2"
)

// operation is a request whose path and method were understood.
type operation struct {
	name       opName
	family     family
	registry   *registry
	login      string // the host the client typed, for realms, services and bodies
	repository string
	reference  string // tag, digest, or upload id
	quirks     quirkSet
	scopes     []scope // in the order of a 401's detail (§2.2); none: any valid token passes
	digest     string  // of the content that an upload or a mount is about, as the client says
	badName    bool    // the repository's name is malformed, which is to be said
}

// parseOperation understands a request to /v2 or /acr, or returns false when
// no route matches, which answers 404 before authentication (ACR protocol
// §1.5). The path is decoded once, so that %2F and %3A match and a second
// layer of encoding does not.
func (e *Emulator) parseOperation(r *http.Request) (*operation, bool) {
	path, err := url.PathUnescape(r.URL.EscapedPath())
	if err != nil {
		return nil, false
	}
	op := &operation{registry: e.registryFor(r.Host), login: r.Host, quirks: e.quirks}
	switch {
	case path == "/v2" || strings.HasPrefix(path, "/v2/"):
		op.family = familyV2
		return op, op.parseV2(strings.TrimPrefix(strings.TrimPrefix(path, "/v2"), "/"), r)
	case strings.HasPrefix(path, "/acr/v1/"):
		op.family = familyACR
		return op, op.parseACR(strings.TrimPrefix(path, "/acr/v1/"), r.Method)
	}
	return nil, false
}

// parseV2 reads a path below /v2/. Repository names contain slashes and may
// contain the marker words, so the last marker counts.
func (op *operation) parseV2(path string, r *http.Request) bool {
	switch path {
	case "":
		return op.method(r.Method, routeMethods{
			http.MethodGet:  {name: opBase},
			http.MethodHead: {name: opBase},
		})
	case "_catalog":
		return op.method(r.Method, routeMethods{
			http.MethodGet: {opCatalog, []scope{catalogScope()}},
		})
	}
	if name, ok := strings.CutSuffix(path, "/tags/list"); ok && op.setRepository(name) {
		return op.method(r.Method, routeMethods{
			http.MethodGet: {opTagsList, []scope{repositoryScope(name, actionMetadataRead)}},
		})
	}
	parent, last, ok := cutLast(path)
	if !ok {
		return false
	}
	name, marker, ok := cutLast(parent)
	if !ok {
		return false
	}
	switch marker {
	case "manifests":
		return op.setRepository(name) && op.parseManifest(last, r.Method)
	case "referrers":
		op.reference = last
		return op.setRepository(name) && validDigest(last) && op.method(r.Method, routeMethods{
			http.MethodGet: {opReferrers, []scope{repositoryScope(name, op.quirks.value(quirkReferrersScope))}},
		})
	case "blobs":
		if last == "uploads" {
			return op.setRepository(name) && op.parseUploadStart(r)
		}
		op.reference = last
		pull := []scope{repositoryScope(name, actionPull)}
		return op.setRepository(name) && validDigest(last) && op.method(r.Method, routeMethods{
			http.MethodGet:    {opGetBlob, pull},
			http.MethodHead:   {opHeadBlob, pull},
			http.MethodDelete: {opDeleteBlob, []scope{repositoryScope(name, actionDelete)}},
		})
	case "uploads":
		name, ok = strings.CutSuffix(name, "/blobs")
		if !ok || !op.setRepository(name) {
			return false
		}
		if last == "" {
			return op.parseUploadStart(r)
		}
		op.reference = last
		op.digest = r.URL.Query().Get("digest")
		push := []scope{repositoryScope(name, actionPull, actionPush)}
		status := []scope{repositoryScope(name, strings.Split(op.quirks.value(quirkStatusScope), ",")...)}
		return validUploadID(last) && op.method(r.Method, routeMethods{
			http.MethodGet:    {opUploadStatus, status},
			http.MethodHead:   {opUploadStatus, status},
			http.MethodPatch:  {opUploadChunk, push},
			http.MethodPut:    {opFinishUpload, push},
			http.MethodDelete: {opCancelUpload, []scope{repositoryScope(name, actionDelete)}},
		})
	}
	return false
}

func (op *operation) parseManifest(reference, method string) bool {
	op.reference = reference
	if strings.Contains(reference, ":") {
		refused := method == http.MethodPut && op.quirks.is(quirkMalformedDigest, "refuse")
		if !validDigest(reference) && !refused {
			return false
		}
	} else if !validTag(reference) {
		return false
	}
	pull := []scope{repositoryScope(op.repository, actionPull)}
	return op.method(method, routeMethods{
		http.MethodGet:    {opGetManifest, pull},
		http.MethodHead:   {opGetManifest, pull},
		http.MethodPut:    {opPutManifest, []scope{repositoryScope(op.repository, actionPull, actionPush)}},
		http.MethodDelete: {opDeleteManifest, []scope{repositoryScope(op.repository, actionDelete)}},
	})
}

// parseUploadStart reads the start of an upload, or a mount, whose scopes
// name both repositories, the target first (ACR protocol §2.2).
func (op *operation) parseUploadStart(r *http.Request) bool {
	start := routeMethod{opStartUpload, []scope{repositoryScope(op.repository, actionPull, actionPush)}}
	query := r.URL.Query()
	op.digest = query.Get("digest")
	if from := query.Get("from"); query.Get("mount") != "" && from != "" {
		start.name = opMountBlob
		op.digest = query.Get("mount")
		// A name that the grammar refuses is answered by the handler, and
		// has no place in a scope.
		if op.quirks.validRepository(from) && from != op.repository {
			start.scopes = append(start.scopes, repositoryScope(from, actionPull))
		}
	}
	return op.method(r.Method, routeMethods{http.MethodPost: start})
}

// parseACR reads a path below /acr/v1/. No component of a repository name
// starts with an underscore, which reserves _catalog, _deleted and _metadata.
func (op *operation) parseACR(path, method string) bool {
	if path == "_catalog" {
		return op.method(method, routeMethods{
			http.MethodGet: {opListRepositories, []scope{catalogScope()}},
		})
	}
	if rest, ok := strings.CutPrefix(path, "_deleted/"); ok {
		return op.parseDeleted(rest, method)
	}
	if name, ok := strings.CutSuffix(path, "/_tags"); ok {
		return op.setRepository(name) && op.method(method, routeMethods{
			http.MethodGet: {opListTags, []scope{repositoryScope(name, actionMetadataRead)}},
		})
	}
	if name, ok := strings.CutSuffix(path, "/_manifests"); ok {
		return op.setRepository(name) && op.method(method, routeMethods{
			http.MethodGet: {opListManifests, []scope{repositoryScope(name, actionMetadataRead)}},
		})
	}
	if parent, last, ok := cutLast(path); ok {
		op.reference = last
		if name, ok := strings.CutSuffix(parent, "/_tags"); ok {
			return validTag(last) && op.setRepository(name) && op.method(method, routeMethods{
				http.MethodGet:    {opGetTag, []scope{repositoryScope(name, actionMetadataRead)}},
				http.MethodPatch:  {opPatchTag, []scope{repositoryScope(name, actionMetadataWrite)}},
				http.MethodDelete: {opDeleteTag, []scope{repositoryScope(name, actionDelete)}},
			})
		}
		if name, ok := strings.CutSuffix(parent, "/_manifests"); ok {
			return validDigest(last) && op.setRepository(name) && op.method(method, routeMethods{
				http.MethodGet:   {opGetManifestInfo, []scope{repositoryScope(name, actionMetadataRead)}},
				http.MethodPatch: {opPatchManifest, []scope{repositoryScope(name, actionMetadataWrite)}},
			})
		}
		op.reference = ""
	}
	return op.setRepository(path) && op.method(method, routeMethods{
		http.MethodGet:    {opGetRepository, []scope{repositoryScope(path, actionMetadataRead)}},
		http.MethodPatch:  {opPatchRepository, []scope{repositoryScope(path, actionMetadataWrite)}},
		http.MethodDelete: {opDeleteRepository, []scope{repositoryScope(path, actionDelete)}},
	})
}

// parseDeleted reads a path below /acr/v1/_deleted/ (ACR protocol §3.10).
func (op *operation) parseDeleted(path, method string) bool {
	if path == "_catalog" {
		return op.method(method, routeMethods{
			http.MethodGet: {opDeletedCatalog, []scope{deletedCatalogScope()}},
		})
	}
	if name, ok := strings.CutSuffix(path, "/_tags"); ok {
		return op.setRepository(name) && op.method(method, routeMethods{
			http.MethodGet: {opDeletedTags, []scope{repositoryScope(name, actionDeletedRead)}},
		})
	}
	if name, ok := strings.CutSuffix(path, "/_manifests"); ok {
		return op.setRepository(name) && op.method(method, routeMethods{
			http.MethodGet: {opDeletedManifests, []scope{repositoryScope(name, actionDeletedRead)}},
		})
	}
	parent, last, _ := cutLast(path)
	name, ok := strings.CutSuffix(parent, "/_manifests")
	op.reference = last
	return ok && validDigest(last) && op.setRepository(name) && op.method(method, routeMethods{
		http.MethodPost: {opRestoreManifest, []scope{repositoryScope(name, actionDeletedRead, actionDeletedRestore)}},
	})
}

// routeMethods are the methods that a route has.
type routeMethods map[string]routeMethod

type routeMethod struct {
	name   opName
	scopes []scope
}

// method picks the operation; a method that the route lacks is an operation
// too, which answers 405 to any valid token.
func (op *operation) method(method string, methods routeMethods) bool {
	m, ok := methods[method]
	if !ok {
		if op.quirks.is(quirkMethodNotAllowed, "404") {
			return false
		}
		m = routeMethod{name: opUnsupported}
	}
	op.name, op.scopes = m.name, m.scopes
	return true
}

// setRepository takes a name, or returns false for one that routes nowhere.
func (op *operation) setRepository(name string) bool {
	op.repository = name
	if op.quirks.validRepository(name) {
		return true
	}
	op.badName = op.quirks.is(quirkInvalidName, "refuse")
	return op.badName
}

// cutLast cuts a path at its last slash.
func cutLast(path string) (parent, last string, ok bool) {
	i := strings.LastIndexByte(path, '/')
	if i < 0 {
		return "", "", false
	}
	return path[:i], path[i+1:], true
}
