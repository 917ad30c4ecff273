package emulator

import (
	"github.com/acrkit/azcontainerregistry/emulator/internal/protocol"
	"github.com/acrkit/azcontainerregistry/emulator/internal/wire"
)

// Route names what a request asks for: one method on one path. Requests are
// recorded under it, and [Fault.Routes] matches it.
type Route = protocol.Route

// The routes; [Routes] lists them.
const (
	RouteOAuthToken              = protocol.RouteOAuthToken
	RouteOAuthExchange           = protocol.RouteOAuthExchange
	RouteData                    = protocol.RouteData
	RouteUnknown                 = protocol.RouteUnknown
	RouteBase                    = protocol.RouteBase
	RouteCatalog                 = protocol.RouteCatalog
	RouteTagsList                = protocol.RouteTagsList
	RouteGetManifest             = protocol.RouteGetManifest
	RoutePutManifest             = protocol.RoutePutManifest
	RouteDeleteManifest          = protocol.RouteDeleteManifest
	RouteGetBlob                 = protocol.RouteGetBlob
	RouteHeadBlob                = protocol.RouteHeadBlob
	RouteDeleteBlob              = protocol.RouteDeleteBlob
	RouteStartUpload             = protocol.RouteStartUpload
	RouteMountBlob               = protocol.RouteMountBlob
	RouteUploadStatus            = protocol.RouteUploadStatus
	RouteUploadChunk             = protocol.RouteUploadChunk
	RouteFinishUpload            = protocol.RouteFinishUpload
	RouteCancelUpload            = protocol.RouteCancelUpload
	RouteReferrers               = protocol.RouteReferrers
	RouteListRepositories        = protocol.RouteListRepositories
	RouteGetRepository           = protocol.RouteGetRepository
	RoutePatchRepository         = protocol.RoutePatchRepository
	RouteDeleteRepository        = protocol.RouteDeleteRepository
	RouteListTags                = protocol.RouteListTags
	RouteGetTag                  = protocol.RouteGetTag
	RoutePatchTag                = protocol.RoutePatchTag
	RouteDeleteTag               = protocol.RouteDeleteTag
	RouteListManifests           = protocol.RouteListManifests
	RouteGetManifestProperties   = protocol.RouteGetManifestProperties
	RoutePatchManifestProperties = protocol.RoutePatchManifestProperties
	RouteQueryManifests          = protocol.RouteQueryManifests
	RouteListDeletedRepositories = protocol.RouteListDeletedRepositories
	RouteListDeletedManifests    = protocol.RouteListDeletedManifests
	RouteListDeletedTags         = protocol.RouteListDeletedTags
	RouteRestoreManifest         = protocol.RouteRestoreManifest
	RouteUnsupported             = protocol.RouteUnsupported
)

// Routes lists every route, in a stable order.
func Routes() []Route { return wire.Routes() }
