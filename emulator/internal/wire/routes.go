package wire

import (
	"net/http"
	"slices"
	"strings"

	"github.com/acrkit/azcontainerregistry/emulator/internal/protocol"
	"github.com/acrkit/azcontainerregistry/emulator/internal/quirk"
	"github.com/acrkit/azcontainerregistry/emulator/internal/signin"
)

// routeRow is what the registry does on one route. The table of them is all
// that there is to know about routes: what requests are recorded under, what
// faults apply to, what scope a challenge names, which limit counts, and the
// handler.
type routeRow struct {
	route   protocol.Route
	path    pathKind
	methods []string
	// scopes are what a token needs; nil: any valid one passes.
	scopes func(*operation, quirk.Set) []protocol.Scope
	class  signin.RateClass
	serve  func(*Call) error
	// requestIDs says that a response has the two headers of the request's
	// ids (ACR protocol §1.3).
	requestIDs bool
	// rate counts a call and returns what is left; nil means that a response
	// says nothing of it.
	rate func(*signin.Service, *signin.Registry) string
	// applies narrows the row to some requests of the path and the methods;
	// nil means all. The first row that applies counts.
	applies func(*operation) bool
}

// routeTable lists the routes of the registry.
var routeTable = []routeRow{
	{route: protocol.RouteBase, path: pathBase, methods: readMethods, class: signin.ClassRead, serve: serveBase},
	{
		route: protocol.RouteCatalog, path: pathCatalog, methods: getMethod, class: signin.ClassRead, scopes: catalogScopes, requestIDs: true,
		serve: func(c *Call) error { return repositoryHandler{c}.catalog() },
	},
	{
		route: protocol.RouteTagsList, path: pathTagsList, methods: getMethod, class: signin.ClassRead, scopes: actions(protocol.ActionMetadataRead),
		serve: func(c *Call) error { return tagHandler{c}.tagsList() },
	},
	{
		route: protocol.RouteGetManifest, path: pathManifest, methods: readMethods, class: signin.ClassRead, scopes: actions(protocol.ActionPull), requestIDs: true,
		serve: func(c *Call) error { return manifestHandler{c}.getManifest() },
	},
	{
		route: protocol.RoutePutManifest, path: pathManifest, methods: []string{http.MethodPut}, class: signin.ClassWrite, scopes: actions(protocol.ActionPull, protocol.ActionPush), requestIDs: true,
		serve: func(c *Call) error { return manifestHandler{c}.putManifest() },
	},
	{
		route: protocol.RouteDeleteManifest, path: pathManifest, methods: deleteMethod, class: signin.ClassDelete, scopes: actions(protocol.ActionDelete), requestIDs: true, rate: (*signin.Service).RemainingDeletes,
		serve: func(c *Call) error { return manifestHandler{c}.deleteManifest() },
	},
	{
		route: protocol.RouteGetBlob, path: pathBlob, methods: getMethod, class: signin.ClassRead, scopes: actions(protocol.ActionPull), requestIDs: true,
		serve: func(c *Call) error { return blobHandler{c}.getBlob() },
	},
	{
		route: protocol.RouteHeadBlob, path: pathBlob, methods: []string{http.MethodHead}, class: signin.ClassRead, scopes: actions(protocol.ActionPull), requestIDs: true,
		serve: func(c *Call) error { return blobHandler{c}.headBlob() },
	},
	{
		route: protocol.RouteDeleteBlob, path: pathBlob, methods: deleteMethod, class: signin.ClassDelete, scopes: actions(protocol.ActionDelete), requestIDs: true, rate: (*signin.Service).RemainingDeletes,
		serve: func(c *Call) error { return blobHandler{c}.deleteBlob() },
	},
	{
		route: protocol.RouteMountBlob, path: pathUploads, methods: postMethod, class: signin.ClassWrite, scopes: mountScopes, requestIDs: true,
		applies: func(op *operation) bool { return op.from != "" },
		serve:   func(c *Call) error { return uploadHandler{c}.mountBlob() },
	},
	{
		route: protocol.RouteStartUpload, path: pathUploads, methods: postMethod, class: signin.ClassWrite, scopes: actions(protocol.ActionPull, protocol.ActionPush), requestIDs: true,
		serve: func(c *Call) error { return uploadHandler{c}.startUpload() },
	},
	{
		route: protocol.RouteUploadStatus, path: pathUpload, methods: readMethods, class: signin.ClassRead, scopes: quirkScopes(quirk.StatusScope), requestIDs: true,
		serve: func(c *Call) error { return uploadHandler{c}.uploadStatus() },
	},
	{
		route: protocol.RouteUploadChunk, path: pathUpload, methods: []string{http.MethodPatch}, class: signin.ClassWrite, scopes: actions(protocol.ActionPull, protocol.ActionPush), requestIDs: true,
		serve: func(c *Call) error { return uploadHandler{c}.uploadChunk() },
	},
	{
		route: protocol.RouteFinishUpload, path: pathUpload, methods: []string{http.MethodPut}, class: signin.ClassWrite, scopes: actions(protocol.ActionPull, protocol.ActionPush), requestIDs: true,
		serve: func(c *Call) error { return uploadHandler{c}.finishUpload() },
	},
	{
		route: protocol.RouteCancelUpload, path: pathUpload, methods: deleteMethod, class: signin.ClassDelete, scopes: actions(protocol.ActionDelete), requestIDs: true,
		serve: func(c *Call) error { return uploadHandler{c}.cancelUpload() },
	},
	{
		route: protocol.RouteReferrers, path: pathReferrers, methods: getMethod, class: signin.ClassReferrers, scopes: quirkScopes(quirk.ReferrersScope),
		serve: func(c *Call) error { return referrersHandler{c}.referrers() },
	},

	{
		route: protocol.RouteListRepositories, path: pathRepositories, methods: getMethod, class: signin.ClassRead, scopes: catalogScopes,
		serve: func(c *Call) error { return repositoryHandler{c}.catalog() },
	},
	{
		route: protocol.RouteGetRepository, path: pathRepository, methods: getMethod, class: signin.ClassRead, scopes: actions(protocol.ActionMetadataRead),
		serve: func(c *Call) error { return repositoryHandler{c}.getRepository() },
	},
	{
		route: protocol.RoutePatchRepository, path: pathRepository, methods: []string{http.MethodPatch}, class: signin.ClassWrite, scopes: actions(protocol.ActionMetadataWrite),
		serve: func(c *Call) error { return repositoryHandler{c}.patchRepository() },
	},
	{
		route: protocol.RouteDeleteRepository, path: pathRepository, methods: deleteMethod, class: signin.ClassDelete, scopes: actions(protocol.ActionDelete), requestIDs: true, rate: (*signin.Service).RemainingDeletes,
		serve: func(c *Call) error { return repositoryHandler{c}.deleteRepository() },
	},
	{
		route: protocol.RouteListTags, path: pathTags, methods: getMethod, class: signin.ClassRead, scopes: actions(protocol.ActionMetadataRead),
		serve: func(c *Call) error { return tagHandler{c}.listTags() },
	},
	{
		route: protocol.RouteGetTag, path: pathTag, methods: getMethod, class: signin.ClassRead, scopes: actions(protocol.ActionMetadataRead),
		serve: func(c *Call) error { return tagHandler{c}.getTag() },
	},
	{
		route: protocol.RoutePatchTag, path: pathTag, methods: []string{http.MethodPatch}, class: signin.ClassWrite, scopes: actions(protocol.ActionMetadataWrite),
		serve: func(c *Call) error { return tagHandler{c}.patchTag() },
	},
	{
		route: protocol.RouteDeleteTag, path: pathTag, methods: deleteMethod, class: signin.ClassDelete, scopes: actions(protocol.ActionDelete), requestIDs: true, rate: (*signin.Service).RemainingDeletes,
		serve: func(c *Call) error { return tagHandler{c}.deleteTag() },
	},
	{
		route: protocol.RouteListManifests, path: pathManifests, methods: getMethod, class: signin.ClassRead, scopes: actions(protocol.ActionMetadataRead),
		serve: func(c *Call) error { return manifestHandler{c}.listManifests() },
	},
	{
		route: protocol.RouteGetManifestProperties, path: pathManifestProperties, methods: getMethod, class: signin.ClassRead, scopes: actions(protocol.ActionMetadataRead),
		serve: func(c *Call) error { return manifestHandler{c}.getManifestInfo() },
	},
	{
		route: protocol.RoutePatchManifestProperties, path: pathManifestProperties, methods: []string{http.MethodPatch}, class: signin.ClassWrite, scopes: actions(protocol.ActionMetadataWrite),
		serve: func(c *Call) error { return manifestHandler{c}.patchManifest() },
	},
	{
		route: protocol.RouteQueryManifests, path: pathQuery, methods: postMethod, class: signin.ClassRead, scopes: catalogScopes, rate: (*signin.Service).RemainingQueries,
		serve: func(c *Call) error { return manifestHandler{c}.queryManifests() },
	},
	{
		route: protocol.RouteQueryManifests, path: pathQueryRepository, methods: postMethod, class: signin.ClassRead, scopes: actions(protocol.ActionMetadataRead), rate: (*signin.Service).RemainingQueries,
		serve: func(c *Call) error { return manifestHandler{c}.queryManifests() },
	},

	{
		route: protocol.RouteListDeletedRepositories, path: pathDeletedRepositories, methods: getMethod, class: signin.ClassRead, scopes: deletedCatalogScopes,
		serve: func(c *Call) error { return restoreHandler{c}.deletedCatalog() },
	},
	{
		route: protocol.RouteListDeletedManifests, path: pathDeletedManifests, methods: getMethod, class: signin.ClassRead, scopes: actions(protocol.ActionDeletedRead),
		serve: func(c *Call) error { return restoreHandler{c}.deletedManifests() },
	},
	{
		route: protocol.RouteListDeletedTags, path: pathDeletedTags, methods: getMethod, class: signin.ClassRead, scopes: actions(protocol.ActionDeletedRead),
		serve: func(c *Call) error { return restoreHandler{c}.deletedTags() },
	},
	{
		route: protocol.RouteRestoreManifest, path: pathDeletedManifest, methods: postMethod, class: signin.ClassWrite, scopes: actions(protocol.ActionDeletedRead, protocol.ActionDeletedRestore),
		serve: func(c *Call) error { return restoreHandler{c}.restoreManifest() },
	},
}

var (
	getMethod    = []string{http.MethodGet}
	readMethods  = []string{http.MethodGet, http.MethodHead}
	postMethod   = []string{http.MethodPost}
	deleteMethod = []string{http.MethodDelete}
)

// Routes lists every route, in a stable order.
func Routes() []protocol.Route {
	all := []protocol.Route{protocol.RouteOAuthToken, protocol.RouteOAuthExchange, protocol.RouteData, protocol.RouteUnknown}
	for _, row := range routeTable {
		if !slices.Contains(all, row.route) {
			all = append(all, row.route)
		}
	}
	return append(all, protocol.RouteUnsupported)
}

// unsupported is the row of a method that a known path does not have: it
// returns 405 to any valid token.
func unsupported(op *operation, method string) *routeRow {
	row := &routeRow{
		route: protocol.RouteUnsupported, path: op.kind, class: signin.ClassWrite, requestIDs: !op.acr || method == http.MethodDelete,
		serve: func(*Call) error { return protocol.ErrUnsupported },
	}
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		row.class = signin.ClassRead
	case http.MethodDelete:
		row.class = signin.ClassDelete
	}
	return row
}

// actions are the scopes of a route that needs actions on its repository.
func actions(all ...string) func(*operation, quirk.Set) []protocol.Scope {
	return func(op *operation, _ quirk.Set) []protocol.Scope {
		return []protocol.Scope{protocol.RepositoryScope(op.repository, all...)}
	}
}

// quirkScopes is actions with those that a quirk names.
func quirkScopes(name string) func(*operation, quirk.Set) []protocol.Scope {
	return func(op *operation, quirks quirk.Set) []protocol.Scope {
		return []protocol.Scope{protocol.RepositoryScope(op.repository, strings.Split(quirks.Value(name), ",")...)}
	}
}

func catalogScopes(*operation, quirk.Set) []protocol.Scope {
	return []protocol.Scope{protocol.CatalogScope()}
}

func deletedCatalogScopes(*operation, quirk.Set) []protocol.Scope {
	return []protocol.Scope{protocol.DeletedCatalogScope()}
}

// mountScopes name both repositories, the target first (ACR protocol §2.2). A
// name that the grammar refuses is served by the handler, and has no place
// in a scope.
func mountScopes(op *operation, quirks quirk.Set) []protocol.Scope {
	scopes := []protocol.Scope{protocol.RepositoryScope(op.repository, protocol.ActionPull, protocol.ActionPush)}
	if protocol.ValidRepository(quirks, op.from) && op.from != op.repository {
		scopes = append(scopes, protocol.RepositoryScope(op.from, protocol.ActionPull))
	}
	return scopes
}

// operation is a request whose path and method were understood.
type operation struct {
	parsedPath
	row      *routeRow
	registry *Registry
	access   signin.Access
	digest   string // of the content that an upload or a mount is about, as the client says
	from     string // the repository that a mount names
	badName  bool   // the repository's name is malformed, which is to be said
}

// match understands a request to /v2 or /acr, or returns false when no route
// matches, which returns 404 before authentication (ACR protocol §1.5).
func match(r *http.Request, reg *Registry, quirks quirk.Set) (*operation, bool) {
	p, ok := parsePath(r.URL.EscapedPath())
	if !ok {
		return nil, false
	}
	op := &operation{parsedPath: p, registry: reg}
	if p.kind.namesRepository() && !protocol.ValidRepository(quirks, p.repository) {
		if op.badName = quirks.Is(quirk.InvalidName, "refuse"); !op.badName {
			return nil, false
		}
	}
	if !op.validReference(r.Method, quirks) {
		return nil, false
	}
	op.readQuery(r)
	op.access = signin.Access{Registry: reg.Registry, Login: r.Host}
	i := slices.IndexFunc(routeTable, func(row routeRow) bool {
		return row.path == p.kind && slices.Contains(row.methods, r.Method) && (row.applies == nil || row.applies(op))
	})
	switch {
	case i >= 0:
		op.row = &routeTable[i]
	case quirks.Is(quirk.MethodNotAllowed, "404"):
		return nil, false
	default:
		op.row = unsupported(op, r.Method)
	}
	op.access.Class = op.row.class
	if op.row.scopes != nil {
		op.access.Scopes = op.row.scopes(op, quirks)
	}
	return op, true
}

// validReference checks the last part of the path.
func (op *operation) validReference(method string, quirks quirk.Set) bool {
	switch op.kind {
	case pathManifest:
		if isDigest(op.reference) {
			return protocol.ValidDigest(op.reference) || method == http.MethodPut && quirks.Is(quirk.MalformedDigest, "refuse")
		}
		return protocol.ValidTag(op.reference)
	case pathReferrers, pathBlob, pathManifestProperties, pathDeletedManifest:
		return protocol.ValidDigest(op.reference)
	case pathTag:
		return protocol.ValidTag(op.reference)
	case pathUpload:
		return protocol.ValidUploadID(op.reference)
	}
	return true
}

// readQuery reads what the query says of the content.
func (op *operation) readQuery(r *http.Request) {
	query := r.URL.Query()
	switch op.kind {
	case pathUploads:
		op.digest = query.Get("digest")
		if mount := query.Get("mount"); mount != "" && query.Get("from") != "" {
			op.digest, op.from = mount, query.Get("from")
		}
	case pathUpload:
		op.digest = query.Get("digest")
	}
}
