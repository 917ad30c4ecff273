package azcontainerregistry

import (
	"context"
	"errors"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"iter"
)

var errPending = errors.New("not implemented yet")

func (x *ACRAccessToken) UnmarshalJSON(data []byte) error             { return errPending }
func (x *ACRRefreshToken) UnmarshalJSON(data []byte) error            { return errPending }
func (x *ArtifactManifestPlatform) UnmarshalJSON(data []byte) error   { return errPending }
func (x *ArtifactManifestProperties) UnmarshalJSON(data []byte) error { return errPending }
func (x *ArtifactTagProperties) UnmarshalJSON(data []byte) error      { return errPending }
func (x *Client) NewListManifestsPager(name string, options *ClientListManifestsOptions) *runtime.Pager[ClientListManifestsResponse] {
	return runtime.NewPager(runtime.PagingHandler[ClientListManifestsResponse]{})
}
func (x *Client) NewListRepositoriesPager(options *ClientListRepositoriesOptions) *runtime.Pager[ClientListRepositoriesResponse] {
	return runtime.NewPager(runtime.PagingHandler[ClientListRepositoriesResponse]{})
}
func (x *Client) NewListTagsPager(name string, options *ClientListTagsOptions) *runtime.Pager[ClientListTagsResponse] {
	return runtime.NewPager(runtime.PagingHandler[ClientListTagsResponse]{})
}
func (x *ContainerRepositoryProperties) UnmarshalJSON(data []byte) error { return errPending }
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
