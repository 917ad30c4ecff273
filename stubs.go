package azcontainerregistry

import (
	"context"
	"errors"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"io"
	"iter"
)

var errPending = errors.New("not implemented yet")

func NewAuthenticationClient(endpoint string, options *AuthenticationClientOptions) (*AuthenticationClient, error) {
	return nil, errPending
}
func NewBlobClient(endpoint string, credential azcore.TokenCredential, options *BlobClientOptions) (*BlobClient, error) {
	return nil, errPending
}
func NewBlobDigestCalculator() *BlobDigestCalculator { return &BlobDigestCalculator{} }
func NewClient(endpoint string, credential azcore.TokenCredential, options *ClientOptions) (*Client, error) {
	return nil, errPending
}
func NewDigestValidationReader(digest string, reader io.Reader) (*DigestValidationReader, error) {
	return nil, errPending
}
func (x *ACRAccessToken) UnmarshalJSON(data []byte) error             { return errPending }
func (x *ACRRefreshToken) UnmarshalJSON(data []byte) error            { return errPending }
func (x *ArtifactManifestPlatform) UnmarshalJSON(data []byte) error   { return errPending }
func (x *ArtifactManifestProperties) UnmarshalJSON(data []byte) error { return errPending }
func (x *ArtifactTagProperties) UnmarshalJSON(data []byte) error      { return errPending }
func (x *AuthenticationClient) ExchangeAADAccessTokenForACRRefreshToken(ctx context.Context, grantType PostContentSchemaGrantType, service string, options *AuthenticationClientExchangeAADAccessTokenForACRRefreshTokenOptions) (AuthenticationClientExchangeAADAccessTokenForACRRefreshTokenResponse, error) {
	return AuthenticationClientExchangeAADAccessTokenForACRRefreshTokenResponse{}, errPending
}
func (x *AuthenticationClient) ExchangeACRRefreshTokenForACRAccessToken(ctx context.Context, service string, scope string, refreshToken string, options *AuthenticationClientExchangeACRRefreshTokenForACRAccessTokenOptions) (AuthenticationClientExchangeACRRefreshTokenForACRAccessTokenResponse, error) {
	return AuthenticationClientExchangeACRRefreshTokenForACRAccessTokenResponse{}, errPending
}
func (x *BlobClient) CancelUpload(ctx context.Context, location string, options *BlobClientCancelUploadOptions) (BlobClientCancelUploadResponse, error) {
	return BlobClientCancelUploadResponse{}, errPending
}
func (x *BlobClient) CheckBlobExists(ctx context.Context, name string, digest string, options *BlobClientCheckBlobExistsOptions) (BlobClientCheckBlobExistsResponse, error) {
	return BlobClientCheckBlobExistsResponse{}, errPending
}
func (x *BlobClient) CheckChunkExists(ctx context.Context, name string, digest string, rangeParam string, options *BlobClientCheckChunkExistsOptions) (BlobClientCheckChunkExistsResponse, error) {
	return BlobClientCheckChunkExistsResponse{}, errPending
}
func (x *BlobClient) CompleteUpload(ctx context.Context, location string, blobDigestCalculator *BlobDigestCalculator, options *BlobClientCompleteUploadOptions) (BlobClientCompleteUploadResponse, error) {
	return BlobClientCompleteUploadResponse{}, errPending
}
func (x *BlobClient) DeleteBlob(ctx context.Context, name string, digest string, options *BlobClientDeleteBlobOptions) (BlobClientDeleteBlobResponse, error) {
	return BlobClientDeleteBlobResponse{}, errPending
}
func (x *BlobClient) GetBlob(ctx context.Context, name string, digest string, options *BlobClientGetBlobOptions) (BlobClientGetBlobResponse, error) {
	return BlobClientGetBlobResponse{}, errPending
}
func (x *BlobClient) GetChunk(ctx context.Context, name string, digest string, rangeParam string, options *BlobClientGetChunkOptions) (BlobClientGetChunkResponse, error) {
	return BlobClientGetChunkResponse{}, errPending
}
func (x *BlobClient) GetUploadStatus(ctx context.Context, location string, options *BlobClientGetUploadStatusOptions) (BlobClientGetUploadStatusResponse, error) {
	return BlobClientGetUploadStatusResponse{}, errPending
}
func (x *BlobClient) MountBlob(ctx context.Context, name string, from string, mount string, options *BlobClientMountBlobOptions) (BlobClientMountBlobResponse, error) {
	return BlobClientMountBlobResponse{}, errPending
}
func (x *BlobClient) StartUpload(ctx context.Context, name string, options *BlobClientStartUploadOptions) (BlobClientStartUploadResponse, error) {
	return BlobClientStartUploadResponse{}, errPending
}
func (x *BlobClient) UploadChunk(ctx context.Context, location string, chunkData io.ReadSeeker, blobDigestCalculator *BlobDigestCalculator, options *BlobClientUploadChunkOptions) (BlobClientUploadChunkResponse, error) {
	return BlobClientUploadChunkResponse{}, errPending
}
func (x *Client) DeleteManifest(ctx context.Context, name string, digest string, options *ClientDeleteManifestOptions) (ClientDeleteManifestResponse, error) {
	return ClientDeleteManifestResponse{}, errPending
}
func (x *Client) DeleteRepository(ctx context.Context, name string, options *ClientDeleteRepositoryOptions) (ClientDeleteRepositoryResponse, error) {
	return ClientDeleteRepositoryResponse{}, errPending
}
func (x *Client) DeleteTag(ctx context.Context, name string, tag string, options *ClientDeleteTagOptions) (ClientDeleteTagResponse, error) {
	return ClientDeleteTagResponse{}, errPending
}
func (x *Client) GetManifest(ctx context.Context, name string, reference string, options *ClientGetManifestOptions) (ClientGetManifestResponse, error) {
	return ClientGetManifestResponse{}, errPending
}
func (x *Client) GetManifestProperties(ctx context.Context, name string, digest string, options *ClientGetManifestPropertiesOptions) (ClientGetManifestPropertiesResponse, error) {
	return ClientGetManifestPropertiesResponse{}, errPending
}
func (x *Client) GetRepositoryProperties(ctx context.Context, name string, options *ClientGetRepositoryPropertiesOptions) (ClientGetRepositoryPropertiesResponse, error) {
	return ClientGetRepositoryPropertiesResponse{}, errPending
}
func (x *Client) GetTagProperties(ctx context.Context, name string, tag string, options *ClientGetTagPropertiesOptions) (ClientGetTagPropertiesResponse, error) {
	return ClientGetTagPropertiesResponse{}, errPending
}
func (x *Client) NewListManifestsPager(name string, options *ClientListManifestsOptions) *runtime.Pager[ClientListManifestsResponse] {
	return runtime.NewPager(runtime.PagingHandler[ClientListManifestsResponse]{})
}
func (x *Client) NewListRepositoriesPager(options *ClientListRepositoriesOptions) *runtime.Pager[ClientListRepositoriesResponse] {
	return runtime.NewPager(runtime.PagingHandler[ClientListRepositoriesResponse]{})
}
func (x *Client) NewListTagsPager(name string, options *ClientListTagsOptions) *runtime.Pager[ClientListTagsResponse] {
	return runtime.NewPager(runtime.PagingHandler[ClientListTagsResponse]{})
}
func (x *Client) UpdateManifestProperties(ctx context.Context, name string, digest string, options *ClientUpdateManifestPropertiesOptions) (ClientUpdateManifestPropertiesResponse, error) {
	return ClientUpdateManifestPropertiesResponse{}, errPending
}
func (x *Client) UpdateRepositoryProperties(ctx context.Context, name string, options *ClientUpdateRepositoryPropertiesOptions) (ClientUpdateRepositoryPropertiesResponse, error) {
	return ClientUpdateRepositoryPropertiesResponse{}, errPending
}
func (x *Client) UpdateTagProperties(ctx context.Context, name string, tag string, options *ClientUpdateTagPropertiesOptions) (ClientUpdateTagPropertiesResponse, error) {
	return ClientUpdateTagPropertiesResponse{}, errPending
}
func (x *Client) UploadManifest(ctx context.Context, name string, reference string, contentType ContentType, manifestData io.ReadSeekCloser, options *ClientUploadManifestOptions) (ClientUploadManifestResponse, error) {
	return ClientUploadManifestResponse{}, errPending
}
func (x *ContainerRepositoryProperties) UnmarshalJSON(data []byte) error { return errPending }
func (x *DigestValidationReader) Read(p []byte) (int, error)             { return 0, errPending }
func (x *ManifestAttributes) UnmarshalJSON(data []byte) error            { return errPending }
func (x *ManifestWriteableProperties) UnmarshalJSON(data []byte) error   { return errPending }
func (x *Manifests) UnmarshalJSON(data []byte) error                     { return errPending }
func (x *Repositories) UnmarshalJSON(data []byte) error                  { return errPending }
func (x *RepositoryWriteableProperties) UnmarshalJSON(data []byte) error { return errPending }
func (x *TagAttributes) UnmarshalJSON(data []byte) error                 { return errPending }
func (x *TagList) UnmarshalJSON(data []byte) error                       { return errPending }
func (x *TagWriteableProperties) UnmarshalJSON(data []byte) error        { return errPending }
func (x ACRAccessToken) MarshalJSON() ([]byte, error)                    { return nil, errPending }
func (x ACRRefreshToken) MarshalJSON() ([]byte, error)                   { return nil, errPending }
func (x ManifestWriteableProperties) MarshalJSON() ([]byte, error)       { return nil, errPending }
func (x RepositoryWriteableProperties) MarshalJSON() ([]byte, error)     { return nil, errPending }
func (x TagWriteableProperties) MarshalJSON() ([]byte, error)            { return nil, errPending }
func (x *Client) CheckManifestExists(ctx context.Context, name string, reference string, options *ClientCheckManifestExistsOptions) (ClientCheckManifestExistsResponse, error) {
	return ClientCheckManifestExistsResponse{}, errPending
}
func (x *Client) GetAccessToken(ctx context.Context, scopes []string, options *ClientGetAccessTokenOptions) (ClientGetAccessTokenResponse, error) {
	return ClientGetAccessTokenResponse{}, errPending
}
func (x *Client) RestoreManifest(ctx context.Context, name string, digest string, options *ClientRestoreManifestOptions) (ClientRestoreManifestResponse, error) {
	return ClientRestoreManifestResponse{}, errPending
}
func (x *Client) NewListDeletedRepositoriesPager(options *ClientListDeletedRepositoriesOptions) *runtime.Pager[ClientListDeletedRepositoriesResponse] {
	return runtime.NewPager(runtime.PagingHandler[ClientListDeletedRepositoriesResponse]{})
}
func (x *Client) NewListDeletedManifestsPager(name string, options *ClientListDeletedManifestsOptions) *runtime.Pager[ClientListDeletedManifestsResponse] {
	return runtime.NewPager(runtime.PagingHandler[ClientListDeletedManifestsResponse]{})
}
func (x *Client) NewListDeletedTagsPager(name string, options *ClientListDeletedTagsOptions) *runtime.Pager[ClientListDeletedTagsResponse] {
	return runtime.NewPager(runtime.PagingHandler[ClientListDeletedTagsResponse]{})
}
func (x *Client) Repositories(ctx context.Context, options *ClientListRepositoriesOptions) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) { yield("", errPending) }
}
func (x *Client) Tags(ctx context.Context, name string, options *ClientListTagsOptions) iter.Seq2[*TagAttributes, error] {
	return func(yield func(*TagAttributes, error) bool) { yield(nil, errPending) }
}
func (x *Client) Manifests(ctx context.Context, name string, options *ClientListManifestsOptions) iter.Seq2[*ManifestAttributes, error] {
	return func(yield func(*ManifestAttributes, error) bool) { yield(nil, errPending) }
}
func (x *Client) Referrers(ctx context.Context, name string, digest string, options *ClientListReferrersOptions) iter.Seq2[*Descriptor, error] {
	return func(yield func(*Descriptor, error) bool) { yield(nil, errPending) }
}
func (x *Client) NewBlobClient() *BlobClient { return nil }
func (x *Client) Endpoint() string           { return "" }
func (x *BlobClient) Endpoint() string       { return "" }

type Client struct{}
type BlobClient struct{}
type AuthenticationClient struct{}
type BlobDigestCalculator struct{}
type DigestValidationReader struct{}
type TokenCache struct{}

func NewTokenCache() *TokenCache { return &TokenCache{} }
func NewClientWithNoCredential(endpoint string, options *ClientOptions) (*Client, error) {
	return nil, errPending
}
func NewClientWithPasswordCredential(endpoint string, credential *PasswordCredential, options *ClientOptions) (*Client, error) {
	return nil, errPending
}
func NewClientWithRefreshTokenCredential(endpoint string, credential *RefreshTokenCredential, options *ClientOptions) (*Client, error) {
	return nil, errPending
}
func NewBlobClientWithNoCredential(endpoint string, options *BlobClientOptions) (*BlobClient, error) {
	return nil, errPending
}
func NewBlobClientWithPasswordCredential(endpoint string, credential *PasswordCredential, options *BlobClientOptions) (*BlobClient, error) {
	return nil, errPending
}
func NewBlobClientWithRefreshTokenCredential(endpoint string, credential *RefreshTokenCredential, options *BlobClientOptions) (*BlobClient, error) {
	return nil, errPending
}
func checkUsername(string) error { return nil }
