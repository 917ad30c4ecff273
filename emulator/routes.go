package emulator

import "strings"

// The routes beside the operations of the registry.
const (
	RouteOAuthToken    = "oauth-token"
	RouteOAuthExchange = "oauth-exchange"
	// RouteData is the storage host that blobs are redirected to.
	RouteData = "data"
	// RouteUnknown is a path that leads nowhere.
	RouteUnknown = "unknown"
)

// Routes lists the names that requests are recorded under and that fault
// rules match, in a stable order.
func Routes() []string {
	return []string{
		RouteOAuthToken, RouteOAuthExchange, RouteData, RouteUnknown,
		string(opBase), string(opCatalog), string(opTagsList),
		string(opGetManifest), string(opPutManifest), string(opDeleteManifest),
		string(opGetBlob), string(opHeadBlob), string(opDeleteBlob),
		string(opStartUpload), string(opMountBlob), string(opUploadStatus),
		string(opUploadChunk), string(opFinishUpload), string(opCancelUpload),
		string(opReferrers),
		string(opListRepositories), string(opGetRepository), string(opPatchRepository), string(opDeleteRepository),
		string(opListTags), string(opGetTag), string(opPatchTag), string(opDeleteTag),
		string(opListManifests), string(opGetManifestInfo), string(opPatchManifest),
		string(opDeletedCatalog), string(opDeletedManifests), string(opDeletedTags), string(opRestoreManifest),
		string(opUnsupported),
	}
}

// dataDigest returns the digest that a path of the storage host names: the
// parts after the marker are algorithm, two digits, the digest's hex, "data".
func dataDigest(path string) string {
	_, rest, ok := strings.Cut(path, dataPathMarker)
	if !ok {
		return ""
	}
	parts := strings.Split(rest, "/")
	if len(parts) < 3 {
		return ""
	}
	return parts[0] + ":" + parts[2]
}
