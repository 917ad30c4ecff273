package protocol

// Route names what a request asks for: one method on one path. Requests are
// recorded under it, and fault rules match it.
type Route string

// The routes of /v2 (ACR protocol §4), of /acr/v1 (§3), of the token endpoints
// (§2) and of the storage host.
const (
	RouteOAuthToken    Route = "oauth-token"
	RouteOAuthExchange Route = "oauth-exchange"
	// RouteData is the storage host that blobs are redirected to.
	RouteData Route = "data"
	// RouteUnknown is a path that no route matches.
	RouteUnknown Route = "unknown"

	RouteBase                    Route = "base"
	RouteCatalog                 Route = "catalog"
	RouteTagsList                Route = "tags-list"
	RouteGetManifest             Route = "get-manifest" // and HEAD
	RoutePutManifest             Route = "put-manifest"
	RouteDeleteManifest          Route = "delete-manifest"
	RouteGetBlob                 Route = "get-blob"
	RouteHeadBlob                Route = "head-blob"
	RouteDeleteBlob              Route = "delete-blob"
	RouteStartUpload             Route = "start-upload"
	RouteMountBlob               Route = "mount-blob"
	RouteUploadStatus            Route = "upload-status"
	RouteUploadChunk             Route = "upload-chunk"
	RouteFinishUpload            Route = "finish-upload"
	RouteCancelUpload            Route = "cancel-upload"
	RouteReferrers               Route = "referrers"
	RouteListRepositories        Route = "list-repositories"
	RouteGetRepository           Route = "get-repository"
	RoutePatchRepository         Route = "patch-repository"
	RouteDeleteRepository        Route = "delete-repository"
	RouteListTags                Route = "list-tags"
	RouteGetTag                  Route = "get-tag"
	RoutePatchTag                Route = "patch-tag"
	RouteDeleteTag               Route = "delete-tag"
	RouteListManifests           Route = "list-manifests"
	RouteGetManifestProperties   Route = "get-manifest-properties"
	RoutePatchManifestProperties Route = "patch-manifest"
	RouteQueryManifests          Route = "query-manifests"
	RouteListDeletedRepositories Route = "list-deleted-repositories"
	RouteListDeletedManifests    Route = "list-deleted-manifests"
	RouteListDeletedTags         Route = "list-deleted-tags"
	RouteRestoreManifest         Route = "restore-manifest"

	// RouteUnsupported is a method that a known path does not have.
	RouteUnsupported Route = "unsupported"
)
