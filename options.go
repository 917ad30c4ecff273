package azcontainerregistry

import "github.com/Azure/azure-sdk-for-go/sdk/azcore"

// ClientOptions are the options of NewClient and its siblings. The zero value
// is the default. A [TokenCache] among PerCallPolicies is shared with the other
// clients that have it.
type ClientOptions struct {
	azcore.ClientOptions
}

// BlobClientOptions are the options of NewBlobClient and its siblings. The
// zero value is the default. A [TokenCache] among PerCallPolicies is shared with
// the other clients that have it.
type BlobClientOptions struct {
	azcore.ClientOptions
}

// AuthenticationClientOptions are the options of NewAuthenticationClient. The
// zero value is the default.
type AuthenticationClientOptions struct {
	azcore.ClientOptions
}

// AuthenticationClientExchangeAADAccessTokenForACRRefreshTokenOptions are the
// options of [AuthenticationClient.ExchangeAADAccessTokenForACRRefreshToken].
type AuthenticationClientExchangeAADAccessTokenForACRRefreshTokenOptions struct {
	// AccessToken is the Entra access token. The grants access_token and
	// access_token_refresh_token need it.
	AccessToken *string

	// RefreshToken is an Entra refresh token, for the deprecated grants.
	RefreshToken *string

	// Tenant is the Entra tenant's id or domain. The registry doesn't need it.
	Tenant *string
}

// AuthenticationClientExchangeACRRefreshTokenForACRAccessTokenOptions are the
// options of [AuthenticationClient.ExchangeACRRefreshTokenForACRAccessToken].
type AuthenticationClientExchangeACRRefreshTokenForACRAccessTokenOptions struct {
	// GrantType is the grant, such as refresh_token; none is sent when nil.
	GrantType *TokenGrantType
}

// ClientGetAccessTokenOptions are the options of [Client.GetAccessToken].
type ClientGetAccessTokenOptions struct {
	// Renew fetches a new token although a cached one would do.
	Renew bool
}

// ClientDeleteManifestOptions are the options of [Client.DeleteManifest].
type ClientDeleteManifestOptions struct{}

// ClientDeleteRepositoryOptions are the options of [Client.DeleteRepository].
type ClientDeleteRepositoryOptions struct{}

// ClientDeleteTagOptions are the options of [Client.DeleteTag].
type ClientDeleteTagOptions struct{}

// ClientGetManifestOptions are the options of [Client.GetManifest].
type ClientGetManifestOptions struct {
	// Accept is the value of the Accept header, media types separated by
	// commas. By default every type of manifest that ACR stores is accepted.
	Accept *string
}

// ClientCheckManifestExistsOptions are the options of [Client.CheckManifestExists].
type ClientCheckManifestExistsOptions struct {
	// Accept is the value of the Accept header, media types separated by
	// commas. By default every type of manifest that ACR stores is accepted.
	Accept string
}

// ClientGetManifestPropertiesOptions are the options of [Client.GetManifestProperties].
type ClientGetManifestPropertiesOptions struct{}

// ClientGetRepositoryPropertiesOptions are the options of [Client.GetRepositoryProperties].
type ClientGetRepositoryPropertiesOptions struct{}

// ClientGetTagPropertiesOptions are the options of [Client.GetTagProperties].
type ClientGetTagPropertiesOptions struct{}

// ClientListManifestsOptions are the options of [Client.NewListManifestsPager]
// and [Client.Manifests].
type ClientListManifestsOptions struct {
	// Last is the digest after which the listing begins.
	Last *string

	// MaxNum is the size of a page. The registry's own default is 100 and its
	// maximum 1000.
	MaxNum *int32

	// OrderBy is the order; by digest when nil.
	OrderBy *ArtifactManifestOrderBy
}

// ClientListRepositoriesOptions are the options of
// [Client.NewListRepositoriesPager] and [Client.Repositories].
type ClientListRepositoriesOptions struct {
	// Last is the repository after which the listing begins.
	Last *string

	// MaxNum is the size of a page. The registry's own default is 100 and its
	// maximum 1000.
	MaxNum *int32
}

// ClientListTagsOptions are the options of [Client.NewListTagsPager] and
// [Client.Tags].
type ClientListTagsOptions struct {
	// Digest lists only the tags of that manifest, on every page.
	Digest *string

	// Last is the tag after which the listing begins.
	Last *string

	// MaxNum is the size of a page. The registry's own default is 100 and its
	// maximum 1000.
	MaxNum *int32

	// OrderBy is the order; by name when nil.
	OrderBy *ArtifactTagOrderBy
}

// ClientListReferrersOptions are the options of [Client.Referrers].
type ClientListReferrersOptions struct {
	// ArtifactType lists only referrers of that type.
	ArtifactType string
}

// ClientListDeletedRepositoriesOptions are the options of
// [Client.NewListDeletedRepositoriesPager].
type ClientListDeletedRepositoriesOptions struct {
	// Last is the repository after which the listing begins.
	Last string

	// PageSize is the size of a page; the registry's own default when 0.
	PageSize int32
}

// ClientListDeletedManifestsOptions are the options of
// [Client.NewListDeletedManifestsPager].
type ClientListDeletedManifestsOptions struct {
	// Last is the digest after which the listing begins.
	Last string

	// PageSize is the size of a page; the registry's own default when 0.
	PageSize int32
}

// ClientListDeletedTagsOptions are the options of [Client.NewListDeletedTagsPager].
type ClientListDeletedTagsOptions struct {
	// Last is the tag after which the listing begins.
	Last string

	// PageSize is the size of a page; the registry's own default when 0.
	PageSize int32
}

// ClientRestoreManifestOptions are the options of [Client.RestoreManifest].
type ClientRestoreManifestOptions struct {
	// Tag is the tag to restore with the manifest; none when empty.
	Tag string

	// Force takes the tag back even if it points to another manifest by now.
	Force bool
}

// ClientUpdateManifestPropertiesOptions are the options of [Client.UpdateManifestProperties].
type ClientUpdateManifestPropertiesOptions struct {
	// Value are the locks to change; its nil fields stay as they are.
	Value *ManifestWriteableProperties
}

// ClientUpdateRepositoryPropertiesOptions are the options of [Client.UpdateRepositoryProperties].
type ClientUpdateRepositoryPropertiesOptions struct {
	// Value are the locks to change; its nil fields stay as they are.
	Value *RepositoryWriteableProperties
}

// ClientUpdateTagPropertiesOptions are the options of [Client.UpdateTagProperties].
type ClientUpdateTagPropertiesOptions struct {
	// Value are the locks to change; its nil fields stay as they are.
	Value *TagWriteableProperties
}

// ClientUploadManifestOptions are the options of [Client.UploadManifest].
type ClientUploadManifestOptions struct{}

// BlobClientCancelUploadOptions are the options of [BlobClient.CancelUpload].
type BlobClientCancelUploadOptions struct{}

// BlobClientCheckBlobExistsOptions are the options of [BlobClient.CheckBlobExists].
type BlobClientCheckBlobExistsOptions struct{}

// BlobClientCheckChunkExistsOptions are the options of [BlobClient.CheckChunkExists].
type BlobClientCheckChunkExistsOptions struct{}

// BlobClientCompleteUploadOptions are the options of [BlobClient.CompleteUpload].
type BlobClientCompleteUploadOptions struct{}

// BlobClientDeleteBlobOptions are the options of [BlobClient.DeleteBlob].
type BlobClientDeleteBlobOptions struct{}

// BlobClientGetBlobOptions are the options of [BlobClient.GetBlob].
type BlobClientGetBlobOptions struct{}

// BlobClientGetChunkOptions are the options of [BlobClient.GetChunk].
type BlobClientGetChunkOptions struct{}

// BlobClientGetUploadStatusOptions are the options of [BlobClient.GetUploadStatus].
type BlobClientGetUploadStatusOptions struct{}

// BlobClientMountBlobOptions are the options of [BlobClient.MountBlob].
type BlobClientMountBlobOptions struct{}

// BlobClientStartUploadOptions are the options of [BlobClient.StartUpload].
type BlobClientStartUploadOptions struct{}

// BlobClientUploadChunkOptions are the options of [BlobClient.UploadChunk].
//
// Without a start no Content-Range is sent, and the registry appends the chunk
// to what it has. With a start the registry refuses a chunk that doesn't begin
// where the upload ends. The end follows from the chunk's length; where one
// is given nevertheless it must agree.
type BlobClientUploadChunkOptions struct {
	// RangeStart is the offset of the chunk's first byte in the blob.
	RangeStart *int32

	// RangeEnd is the offset of the chunk's last byte in the blob.
	RangeEnd *int32

	// RangeEnd64 is RangeEnd for blobs of any size; it wins over RangeEnd.
	RangeEnd64 *int64

	// RangeStart64 is RangeStart for blobs of any size; it wins over RangeStart.
	RangeStart64 *int64
}
