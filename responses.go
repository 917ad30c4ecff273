package azcontainerregistry

import (
	"fmt"
	"io"
	"time"
)

// AuthenticationClientExchangeAADAccessTokenForACRRefreshTokenResponse is the
// response of [AuthenticationClient.ExchangeAADAccessTokenForACRRefreshToken].
type AuthenticationClientExchangeAADAccessTokenForACRRefreshTokenResponse struct {
	ACRRefreshToken
}

// AuthenticationClientExchangeACRRefreshTokenForACRAccessTokenResponse is the
// response of [AuthenticationClient.ExchangeACRRefreshTokenForACRAccessToken].
type AuthenticationClientExchangeACRRefreshTokenForACRAccessTokenResponse struct {
	ACRAccessToken
}

// ClientGetAccessTokenResponse is the response of [Client.GetAccessToken].
type ClientGetAccessTokenResponse struct {
	// AccessToken is the token; it is a secret. Empty when the registry asks
	// for none.
	AccessToken string

	// ExpiresOn is when it expires, or the assumption of one minute when the
	// token doesn't tell.
	ExpiresOn time.Time
}

// Format names the expiry and hides the token, whatever the verb.
func (r ClientGetAccessTokenResponse) Format(f fmt.State, _ rune) {
	fmt.Fprint(f, "access token that expires on ", r.ExpiresOn.UTC().Format(time.RFC3339))
}

// ClientDeleteManifestResponse is the response of [Client.DeleteManifest].
type ClientDeleteManifestResponse struct{}

// ClientDeleteRepositoryResponse is the response of [Client.DeleteRepository].
type ClientDeleteRepositoryResponse struct{}

// ClientDeleteTagResponse is the response of [Client.DeleteTag].
type ClientDeleteTagResponse struct{}

// ClientGetManifestResponse is the response of [Client.GetManifest].
type ClientGetManifestResponse struct {
	// ManifestData is the manifest, byte for byte as it was put. The caller
	// closes it.
	ManifestData io.ReadCloser

	// DockerContentDigest is the digest that the registry states. Reading
	// ManifestData to its end verifies it, unless the manifest was asked for by
	// another digest, which then counts.
	DockerContentDigest *string

	// MediaType is the manifest's media type, without parameters.
	MediaType *string

	// ContentLength is the manifest's size in bytes; nil when the registry
	// doesn't tell.
	ContentLength *int64
}

// ClientCheckManifestExistsResponse is the response of [Client.CheckManifestExists].
type ClientCheckManifestExistsResponse struct {
	// Digest is the manifest's digest as the registry states it.
	Digest string

	// MediaType is the manifest's media type, without parameters.
	MediaType string

	// Size is the manifest's size in bytes; -1 when the registry doesn't tell.
	Size int64
}

// ClientGetManifestPropertiesResponse is the response of [Client.GetManifestProperties].
type ClientGetManifestPropertiesResponse struct {
	ArtifactManifestProperties
}

// ClientGetRepositoryPropertiesResponse is the response of [Client.GetRepositoryProperties].
type ClientGetRepositoryPropertiesResponse struct {
	ContainerRepositoryProperties
}

// ClientGetTagPropertiesResponse is the response of [Client.GetTagProperties].
type ClientGetTagPropertiesResponse struct {
	ArtifactTagProperties
}

// ClientListManifestsResponse is a page of [Client.NewListManifestsPager].
type ClientListManifestsResponse struct {
	Manifests

	// Link is the page's Link header, nil on the last page.
	Link *string
}

// ClientListRepositoriesResponse is a page of [Client.NewListRepositoriesPager].
type ClientListRepositoriesResponse struct {
	Repositories

	// Link is the page's Link header, nil on the last page.
	Link *string
}

// ClientListTagsResponse is a page of [Client.NewListTagsPager].
type ClientListTagsResponse struct {
	TagList

	// Link is the page's Link header, nil on the last page.
	Link *string
}

// ClientListDeletedRepositoriesResponse is a page of [Client.NewListDeletedRepositoriesPager].
type ClientListDeletedRepositoriesResponse struct {
	// Repositories are the names of the page.
	Repositories []string

	// Link is the page's Link header, empty on the last page.
	Link string
}

// ClientListDeletedManifestsResponse is a page of [Client.NewListDeletedManifestsPager].
type ClientListDeletedManifestsResponse struct {
	// Manifests are the manifests of the page.
	Manifests []DeletedManifest

	// Link is the page's Link header, empty on the last page.
	Link string
}

// ClientListDeletedTagsResponse is a page of [Client.NewListDeletedTagsPager].
type ClientListDeletedTagsResponse struct {
	// Tags are the tags of the page.
	Tags []DeletedTag

	// Link is the page's Link header, empty on the last page.
	Link string
}

// ClientRestoreManifestResponse is the response of [Client.RestoreManifest].
type ClientRestoreManifestResponse struct{}

// ClientUpdateManifestPropertiesResponse is the response of [Client.UpdateManifestProperties].
type ClientUpdateManifestPropertiesResponse struct {
	ArtifactManifestProperties
}

// ClientUpdateRepositoryPropertiesResponse is the response of [Client.UpdateRepositoryProperties].
type ClientUpdateRepositoryPropertiesResponse struct {
	ContainerRepositoryProperties
}

// ClientUpdateTagPropertiesResponse is the response of [Client.UpdateTagProperties].
type ClientUpdateTagPropertiesResponse struct {
	ArtifactTagProperties
}

// ClientUploadManifestResponse is the response of [Client.UploadManifest].
type ClientUploadManifestResponse struct {
	// ContentLength is the Content-Length of the response, which has no body.
	ContentLength *int64

	// DockerContentDigest is the digest of the manifest.
	DockerContentDigest *string

	// Location is where the manifest can be read, by digest.
	Location *string
}

// BlobClientCancelUploadResponse is the response of [BlobClient.CancelUpload].
type BlobClientCancelUploadResponse struct{}

// BlobClientCheckBlobExistsResponse is the response of [BlobClient.CheckBlobExists].
type BlobClientCheckBlobExistsResponse struct {
	// ContentLength is the blob's size in bytes.
	ContentLength *int64

	// DockerContentDigest is the blob's digest.
	DockerContentDigest *string
}

// BlobClientCheckChunkExistsResponse is the response of [BlobClient.CheckChunkExists].
type BlobClientCheckChunkExistsResponse struct {
	// ContentLength is the size of the chunk, or of the whole blob when the
	// registry ignores ranges of a HEAD, as ACR does.
	ContentLength *int64

	// ContentRange is the range that the response is for; nil when it
	// ignored the range.
	ContentRange *string
}

// BlobClientCompleteUploadResponse is the response of [BlobClient.CompleteUpload].
type BlobClientCompleteUploadResponse struct {
	// DockerContentDigest is the blob's digest.
	DockerContentDigest *string

	// Location is where the blob can be read.
	Location *string

	// Range is the range of bytes received; ACR doesn't tell.
	Range *string
}

// BlobClientDeleteBlobResponse is the response of [BlobClient.DeleteBlob].
type BlobClientDeleteBlobResponse struct {
	// DockerContentDigest is the blob's digest; ACR doesn't tell.
	DockerContentDigest *string
}

// BlobClientGetBlobResponse is the response of [BlobClient.GetBlob].
type BlobClientGetBlobResponse struct {
	// BlobData is the blob, streamed. The caller closes it.
	BlobData io.ReadCloser

	// ContentLength is the blob's size in bytes; nil when not told.
	ContentLength *int64

	// DockerContentDigest is the digest that the registry states. Nothing has
	// verified it: see [NewDigestValidationReader].
	DockerContentDigest *string
}

// BlobClientGetChunkResponse is the response of [BlobClient.GetChunk].
type BlobClientGetChunkResponse struct {
	// ChunkData is the chunk, streamed. The caller closes it.
	ChunkData io.ReadCloser

	// ContentLength is the chunk's size in bytes; nil when not told.
	ContentLength *int64

	// ContentRange is the range that was sent, such as "bytes 0-9/100".
	ContentRange *string
}

// BlobClientGetUploadStatusResponse is the response of [BlobClient.GetUploadStatus].
type BlobClientGetUploadStatusResponse struct {
	// DockerUploadUUID is the id of the upload.
	DockerUploadUUID *string

	// Range is what the registry has, such as "0-1023"; "0-0" means nothing
	// or one byte.
	Range *string

	// Location is the URL of the upload's next request; it holds the upload's newest state.
	Location *string
}

// BlobClientMountBlobResponse is the response of [BlobClient.MountBlob].
type BlobClientMountBlobResponse struct {
	// DockerContentDigest is the blob's digest when it was mounted, nil when
	// the registry started an upload instead.
	DockerContentDigest *string

	// DockerUploadUUID is the id of the upload started instead.
	DockerUploadUUID *string

	// Location is where the blob can be read when it was mounted, else where
	// the upload continues.
	Location *string
}

// BlobClientStartUploadResponse is the response of [BlobClient.StartUpload].
type BlobClientStartUploadResponse struct {
	// DockerUploadUUID is the id of the upload.
	DockerUploadUUID *string

	// Location is where the upload continues. It holds the upload's state, so it
	// is a secret of sorts: treat it as opaque, and don't log it.
	Location *string

	// Range is "0-0": nothing yet.
	Range *string
}

// BlobClientUploadChunkResponse is the response of [BlobClient.UploadChunk].
type BlobClientUploadChunkResponse struct {
	// DockerUploadUUID is the id of the upload.
	DockerUploadUUID *string

	// Location is where the upload continues. It replaces the former one.
	Location *string

	// Range is what the registry has by now, such as "0-1023".
	Range *string
}
