package emulator

import (
	"net/http"
	"slices"
	"strings"
)

// routeRow is what the registry does on one route. The table of them is all
// that there is to know about routes: what requests are recorded under, what
// faults apply to, what scope a challenge names, which limit counts, and who
// answers.
type routeRow struct {
	route   Route
	path    pathKind
	methods []string
	// scopes are what a token needs; nil: any valid one passes.
	scopes func(*operation, quirkSet) []scope
	class  rateClass
	serve  func(*call) error
	// requestIDs says that a response has the two headers of the request's
	// ids, and rate that it counts down a rate (ACR protocol §1.3).
	requestIDs, rate bool
	// applies narrows the row to some requests of the path and the methods;
	// nil means all. The first row that applies counts.
	applies func(*operation) bool
}

// routeTable lists the routes of the registry.
var routeTable = []routeRow{
	{route: RouteBase, path: pathBase, methods: readMethods, class: classRead, serve: answerBase},
	{
		route: RouteCatalog, path: pathCatalog, methods: getMethod, class: classRead, scopes: catalogScopes, requestIDs: true,
		serve: func(c *call) error { return repositoryHandler{c}.catalog() },
	},
	{
		route: RouteTagsList, path: pathTagsList, methods: getMethod, class: classRead, scopes: actions(actionMetadataRead), requestIDs: true,
		serve: func(c *call) error { return tagHandler{c}.tagsList() },
	},
	{
		route: RouteGetManifest, path: pathManifest, methods: readMethods, class: classRead, scopes: actions(actionPull), requestIDs: true,
		serve: func(c *call) error { return manifestHandler{c}.getManifest() },
	},
	{
		route: RoutePutManifest, path: pathManifest, methods: []string{http.MethodPut}, class: classWrite, scopes: actions(actionPull, actionPush), requestIDs: true,
		serve: func(c *call) error { return manifestHandler{c}.putManifest() },
	},
	{
		route: RouteDeleteManifest, path: pathManifest, methods: deleteMethod, class: classDelete, scopes: actions(actionDelete), requestIDs: true, rate: true,
		serve: func(c *call) error { return manifestHandler{c}.deleteManifest() },
	},
	{
		route: RouteGetBlob, path: pathBlob, methods: getMethod, class: classRead, scopes: actions(actionPull), requestIDs: true,
		serve: func(c *call) error { return blobHandler{c}.getBlob() },
	},
	{
		route: RouteHeadBlob, path: pathBlob, methods: []string{http.MethodHead}, class: classRead, scopes: actions(actionPull), requestIDs: true,
		serve: func(c *call) error { return blobHandler{c}.headBlob() },
	},
	{
		route: RouteDeleteBlob, path: pathBlob, methods: deleteMethod, class: classDelete, scopes: actions(actionDelete), requestIDs: true, rate: true,
		serve: func(c *call) error { return blobHandler{c}.deleteBlob() },
	},
	{
		route: RouteMountBlob, path: pathUploads, methods: postMethod, class: classWrite, scopes: mountScopes, requestIDs: true,
		applies: func(op *operation) bool { return op.from != "" },
		serve:   func(c *call) error { return uploadHandler{c}.mountBlob() },
	},
	{
		route: RouteStartUpload, path: pathUploads, methods: postMethod, class: classWrite, scopes: actions(actionPull, actionPush), requestIDs: true,
		serve: func(c *call) error { return uploadHandler{c}.startUpload() },
	},
	{
		route: RouteUploadStatus, path: pathUpload, methods: readMethods, class: classRead, scopes: quirkScopes(quirkStatusScope), requestIDs: true,
		serve: func(c *call) error { return uploadHandler{c}.uploadStatus() },
	},
	{
		route: RouteUploadChunk, path: pathUpload, methods: []string{http.MethodPatch}, class: classWrite, scopes: actions(actionPull, actionPush), requestIDs: true,
		serve: func(c *call) error { return uploadHandler{c}.uploadChunk() },
	},
	{
		route: RouteFinishUpload, path: pathUpload, methods: []string{http.MethodPut}, class: classWrite, scopes: actions(actionPull, actionPush), requestIDs: true,
		serve: func(c *call) error { return uploadHandler{c}.finishUpload() },
	},
	{
		route: RouteCancelUpload, path: pathUpload, methods: deleteMethod, class: classDelete, scopes: actions(actionDelete), requestIDs: true,
		serve: func(c *call) error { return uploadHandler{c}.cancelUpload() },
	},
	{
		route: RouteReferrers, path: pathReferrers, methods: getMethod, class: classReferrers, scopes: quirkScopes(quirkReferrersScope), requestIDs: true,
		serve: func(c *call) error { return referrersHandler{c}.referrers() },
	},

	{
		route: RouteListRepositories, path: pathRepositories, methods: getMethod, class: classRead, scopes: catalogScopes,
		serve: func(c *call) error { return repositoryHandler{c}.catalog() },
	},
	{
		route: RouteGetRepository, path: pathRepository, methods: getMethod, class: classRead, scopes: actions(actionMetadataRead),
		serve: func(c *call) error { return repositoryHandler{c}.getRepository() },
	},
	{
		route: RoutePatchRepository, path: pathRepository, methods: []string{http.MethodPatch}, class: classWrite, scopes: actions(actionMetadataWrite),
		serve: func(c *call) error { return repositoryHandler{c}.patchRepository() },
	},
	{
		route: RouteDeleteRepository, path: pathRepository, methods: deleteMethod, class: classDelete, scopes: actions(actionDelete), requestIDs: true, rate: true,
		serve: func(c *call) error { return repositoryHandler{c}.deleteRepository() },
	},
	{
		route: RouteListTags, path: pathTags, methods: getMethod, class: classRead, scopes: actions(actionMetadataRead),
		serve: func(c *call) error { return tagHandler{c}.listTags() },
	},
	{
		route: RouteGetTag, path: pathTag, methods: getMethod, class: classRead, scopes: actions(actionMetadataRead),
		serve: func(c *call) error { return tagHandler{c}.getTag() },
	},
	{
		route: RoutePatchTag, path: pathTag, methods: []string{http.MethodPatch}, class: classWrite, scopes: actions(actionMetadataWrite),
		serve: func(c *call) error { return tagHandler{c}.patchTag() },
	},
	{
		route: RouteDeleteTag, path: pathTag, methods: deleteMethod, class: classDelete, scopes: actions(actionDelete), requestIDs: true, rate: true,
		serve: func(c *call) error { return tagHandler{c}.deleteTag() },
	},
	{
		route: RouteListManifests, path: pathManifests, methods: getMethod, class: classRead, scopes: actions(actionMetadataRead),
		serve: func(c *call) error { return manifestHandler{c}.listManifests() },
	},
	{
		route: RouteGetManifestProperties, path: pathManifestProperties, methods: getMethod, class: classRead, scopes: actions(actionMetadataRead),
		serve: func(c *call) error { return manifestHandler{c}.getManifestInfo() },
	},
	{
		route: RoutePatchManifestProperties, path: pathManifestProperties, methods: []string{http.MethodPatch}, class: classWrite, scopes: actions(actionMetadataWrite),
		serve: func(c *call) error { return manifestHandler{c}.patchManifest() },
	},

	{
		route: RouteListDeletedRepositories, path: pathDeletedRepositories, methods: getMethod, class: classRead, scopes: deletedCatalogScopes,
		serve: func(c *call) error { return restoreHandler{c}.deletedCatalog() },
	},
	{
		route: RouteListDeletedManifests, path: pathDeletedManifests, methods: getMethod, class: classRead, scopes: actions(actionDeletedRead),
		serve: func(c *call) error { return restoreHandler{c}.deletedManifests() },
	},
	{
		route: RouteListDeletedTags, path: pathDeletedTags, methods: getMethod, class: classRead, scopes: actions(actionDeletedRead),
		serve: func(c *call) error { return restoreHandler{c}.deletedTags() },
	},
	{
		route: RouteRestoreManifest, path: pathDeletedManifest, methods: postMethod, class: classWrite, scopes: actions(actionDeletedRead, actionDeletedRestore),
		serve: func(c *call) error { return restoreHandler{c}.restoreManifest() },
	},
}

var (
	getMethod    = []string{http.MethodGet}
	readMethods  = []string{http.MethodGet, http.MethodHead}
	postMethod   = []string{http.MethodPost}
	deleteMethod = []string{http.MethodDelete}
)

// Routes lists every route, in a stable order.
func Routes() []Route {
	all := []Route{RouteOAuthToken, RouteOAuthExchange, RouteData, RouteUnknown}
	for _, row := range routeTable {
		all = append(all, row.route)
	}
	return append(all, RouteUnsupported)
}

// unsupported is the row of a method that a known path does not have: it
// answers 405 to any valid token.
func unsupported(op *operation, method string) *routeRow {
	row := &routeRow{
		route: RouteUnsupported, path: op.kind, class: classWrite, requestIDs: !op.acr || method == http.MethodDelete,
		serve: func(*call) error { return errUnsupported },
	}
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		row.class = classRead
	case http.MethodDelete:
		row.class = classDelete
	}
	return row
}

// actions are the scopes of a route that needs actions on its repository.
func actions(all ...string) func(*operation, quirkSet) []scope {
	return func(op *operation, _ quirkSet) []scope { return []scope{repositoryScope(op.repository, all...)} }
}

// quirkScopes is actions with those that a quirk names.
func quirkScopes(quirk string) func(*operation, quirkSet) []scope {
	return func(op *operation, quirks quirkSet) []scope {
		return []scope{repositoryScope(op.repository, strings.Split(quirks.value(quirk), ",")...)}
	}
}

func catalogScopes(*operation, quirkSet) []scope        { return []scope{catalogScope()} }
func deletedCatalogScopes(*operation, quirkSet) []scope { return []scope{deletedCatalogScope()} }

// mountScopes name both repositories, the target first (ACR protocol §2.2). A
// name that the grammar refuses is answered by the handler, and has no place
// in a scope.
func mountScopes(op *operation, quirks quirkSet) []scope {
	scopes := []scope{repositoryScope(op.repository, actionPull, actionPush)}
	if validRepository(quirks, op.from) && op.from != op.repository {
		scopes = append(scopes, repositoryScope(op.from, actionPull))
	}
	return scopes
}

// operation is a request whose path and method were understood.
type operation struct {
	parsedPath
	row      *routeRow
	registry *registry
	access   access
	digest   string // of the content that an upload or a mount is about, as the client says
	from     string // the repository that a mount names
	badName  bool   // the repository's name is malformed, which is to be said
}

// match understands a request to /v2 or /acr, or returns false when no route
// matches, which answers 404 before authentication (ACR protocol §1.5).
func match(r *http.Request, reg *registry, quirks quirkSet) (*operation, bool) {
	p, ok := parsePath(r.URL.EscapedPath())
	if !ok {
		return nil, false
	}
	op := &operation{parsedPath: p, registry: reg}
	if p.kind.namesRepository() && !validRepository(quirks, p.repository) {
		if op.badName = quirks.is(quirkInvalidName, "refuse"); !op.badName {
			return nil, false
		}
	}
	if !op.validReference(r.Method, quirks) {
		return nil, false
	}
	op.readQuery(r)
	op.access = access{registry: reg.signInRegistry, login: r.Host}
	i := slices.IndexFunc(routeTable, func(row routeRow) bool {
		return row.path == p.kind && slices.Contains(row.methods, r.Method) && (row.applies == nil || row.applies(op))
	})
	switch {
	case i >= 0:
		op.row = &routeTable[i]
	case quirks.is(quirkMethodNotAllowed, "404"):
		return nil, false
	default:
		op.row = unsupported(op, r.Method)
	}
	op.access.class = op.row.class
	if op.row.scopes != nil {
		op.access.scopes = op.row.scopes(op, quirks)
	}
	return op, true
}

// validReference checks the last part of the path.
func (op *operation) validReference(method string, quirks quirkSet) bool {
	switch op.kind {
	case pathManifest:
		if isDigest(op.reference) {
			return validDigest(op.reference) || method == http.MethodPut && quirks.is(quirkMalformedDigest, "refuse")
		}
		return validTag(op.reference)
	case pathReferrers, pathBlob, pathManifestProperties, pathDeletedManifest:
		return validDigest(op.reference)
	case pathTag:
		return validTag(op.reference)
	case pathUpload:
		return validUploadID(op.reference)
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
