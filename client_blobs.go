package azcontainerregistry

import (
	"context"
	"io"
	"net/http"
	"net/url"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/acrkit/azcontainerregistry/internal/pattern"
	"github.com/acrkit/azcontainerregistry/internal/strict"
)

// BlobClient uploads and downloads the blobs of a registry: configs and layers. It is safe for
// concurrent use. Its errors are those of [Client].
//
// Upload, Download and Open move a whole blob, verified, and resume after faults.
// The other methods send one request each (ACR protocol §4.4
// and §4.5).
type BlobClient struct {
	made *registry
}

// NewBlobClient returns a client for the login server at endpoint, such as
// "https://contoso.azurecr.io", that authenticates with an Entra credential. A
// nil credential is anonymous. options may be nil. Nothing is sent before the
// first call. [Client.NewBlobClient] makes one that shares a client's tokens.
func NewBlobClient(endpoint string, credential azcore.TokenCredential, options *BlobClientOptions) (*BlobClient, error) {
	return newBlobClient(endpoint, options, func(o azcore.ClientOptions) (grant, error) {
		return newEntraGrant(credential, o)
	})
}

// NewBlobClientWithNoCredential is [NewBlobClient] for anonymous calls, which a
// registry may allow for pulling.
func NewBlobClientWithNoCredential(endpoint string, options *BlobClientOptions) (*BlobClient, error) {
	return newBlobClient(endpoint, options, func(azcore.ClientOptions) (grant, error) { return anonymousGrant{}, nil })
}

// NewBlobClientWithPasswordCredential is [NewBlobClient] with a user name and
// password that the registry itself knows.
func NewBlobClientWithPasswordCredential(endpoint string, credential *PasswordCredential, options *BlobClientOptions) (*BlobClient, error) {
	return newBlobClient(endpoint, options, func(azcore.ClientOptions) (grant, error) { return newPasswordGrant(credential) })
}

// NewBlobClientWithRefreshTokenCredential is [NewBlobClient] with an ACR
// refresh token obtained elsewhere. When it expires, calls fail with 401.
func NewBlobClientWithRefreshTokenCredential(endpoint string, credential *RefreshTokenCredential, options *BlobClientOptions) (*BlobClient, error) {
	return newBlobClient(endpoint, options, func(azcore.ClientOptions) (grant, error) { return newRefreshTokenGrant(credential) })
}

func newBlobClient(endpoint string, options *BlobClientOptions, credential func(azcore.ClientOptions) (grant, error)) (*BlobClient, error) {
	var o BlobClientOptions
	if options != nil {
		o = *options
	}
	r, err := connect(endpoint, o.ClientOptions, credential)
	if err != nil {
		return nil, err
	}
	return &BlobClient{made: r}, nil
}

// Endpoint returns the address of the login server, without a slash at its end.
func (c *BlobClient) Endpoint() string { return c.registry().key }

// CheckBlobExists asks for a blob's size. An unknown one is an error of status
// 404, without a code: the response to a HEAD has no body.
func (c *BlobClient) CheckBlobExists(ctx context.Context, name, digest string, options *BlobClientCheckBlobExistsOptions) (resp BlobClientCheckBlobExistsResponse, err error) {
	ctx, end := c.registry().beginPlain(ctx, "BlobClient.CheckBlobExists", "check blob", name, digest)
	defer func() { end(&err) }()
	if err := checkArguments(ctx, checkRepository("name", name), checkDigest("digest", digest)); err != nil {
		return resp, err
	}
	response, stated, err := c.readBlob(ctx, http.MethodHead, name, digest, "", http.StatusOK)
	if err != nil {
		return resp, err
	}
	discard(response)
	resp.DockerContentDigest = optional(stated)
	resp.ContentLength, err = statedLength(response)
	return resp, err
}

// CheckChunkExists is [BlobClient.CheckBlobExists] with a range, such as
// "bytes=0-99". ACR ignores the range of a HEAD (ACR protocol §4.4).
func (c *BlobClient) CheckChunkExists(ctx context.Context, name, digest, rangeParam string, options *BlobClientCheckChunkExistsOptions) (resp BlobClientCheckChunkExistsResponse, err error) {
	ctx, end := c.registry().beginPlain(ctx, "BlobClient.CheckChunkExists", "check chunk of blob", name, digest)
	defer func() { end(&err) }()
	if err := checkArguments(ctx, checkRepository("name", name), checkDigest("digest", digest), checkRange("rangeParam", rangeParam)); err != nil {
		return resp, err
	}
	response, _, err := c.readBlob(ctx, http.MethodHead, name, digest, rangeParam, statuses(ctx, http.StatusOK, http.StatusPartialContent)...)
	if err != nil {
		return resp, err
	}
	discard(response)
	resp.ContentRange = optional(response.Header.Get("Content-Range"))
	resp.ContentLength, err = statedLength(response)
	return resp, err
}

// GetBlob returns a blob, streamed: the caller closes BlobData, and verifies it
// with [NewDigestValidationReader]. The registry's redirect to its data host is
// followed, without credentials.
func (c *BlobClient) GetBlob(ctx context.Context, name, digest string, options *BlobClientGetBlobOptions) (resp BlobClientGetBlobResponse, err error) {
	ctx, end := c.registry().beginPlain(ctx, "BlobClient.GetBlob", "get blob", name, digest)
	defer func() { end(&err) }()
	if err := checkArguments(ctx, checkRepository("name", name), checkDigest("digest", digest)); err != nil {
		return resp, err
	}
	response, stated, err := c.readBlob(ctx, http.MethodGet, name, digest, "", http.StatusOK)
	if err != nil {
		return resp, err
	}
	resp = BlobClientGetBlobResponse{BlobData: response.Body, DockerContentDigest: optional(stated)}
	if resp.ContentLength, err = statedLength(response); err != nil {
		response.Body.Close()
		return BlobClientGetBlobResponse{}, err
	}
	return resp, nil
}

// GetChunk returns a range of a blob, such as "bytes=0-99", streamed: the
// caller closes ChunkData. ContentRange says what came. A host that ignores
// the range and sends the whole blob is an error, as in v0.2.3.
func (c *BlobClient) GetChunk(ctx context.Context, name, digest, rangeParam string, options *BlobClientGetChunkOptions) (resp BlobClientGetChunkResponse, err error) {
	ctx, end := c.registry().beginPlain(ctx, "BlobClient.GetChunk", "get chunk of blob", name, digest)
	defer func() { end(&err) }()
	if err := checkArguments(ctx, checkRepository("name", name), checkDigest("digest", digest), checkRange("rangeParam", rangeParam)); err != nil {
		return resp, err
	}
	response, _, err := c.readBlob(ctx, http.MethodGet, name, digest, rangeParam, statuses(ctx, http.StatusPartialContent, http.StatusOK)...)
	if err != nil {
		return resp, err
	}
	resp = BlobClientGetChunkResponse{ChunkData: response.Body, ContentRange: optional(response.Header.Get("Content-Range"))}
	if resp.ContentLength, err = statedLength(response); err != nil {
		response.Body.Close()
		return BlobClientGetChunkResponse{}, err
	}
	return resp, nil
}

func (c *BlobClient) readBlob(ctx context.Context, method, name, digest, ranges string, ok ...int) (*http.Response, string, error) {
	header := http.Header{"Accept": {"application/octet-stream"}}
	switch {
	case strict.Is(ctx):
		// A compressed response has another length than the blob.
		header = http.Header{"Accept": {acceptBlob}, "Accept-Encoding": {"identity"}}
	case method == http.MethodHead:
		header.Set("Accept", "application/json")
	}
	if ranges != "" {
		header.Set("Range", ranges)
	}
	return c.registry().read(ctx, method, runtime.JoinPaths(c.registry().endpoint, blobPath(name, digest)), header, []string{pullScope(name)}, ok...)
}

var rangePattern = pattern.New(`^bytes=(?:\d+-\d*|-\d+)$`)

func checkRange(argument, value string) error {
	if !rangePattern.MatchString(value) {
		return &ArgumentError{Argument: argument, Value: shorten(value), Rule: "must be one range of bytes, such as bytes=0-99"}
	}
	return nil
}

// DeleteBlob deletes a blob, even one that manifests refer to. An unknown one is
// [ErrorCodeBlobUnknown].
func (c *BlobClient) DeleteBlob(ctx context.Context, name, digest string, options *BlobClientDeleteBlobOptions) (resp BlobClientDeleteBlobResponse, err error) {
	ctx, end := c.registry().beginPlain(ctx, "BlobClient.DeleteBlob", "delete blob", name, digest)
	defer func() { end(&err) }()
	if err := checkArguments(ctx, checkRepository("name", name), checkDigest("digest", digest)); err != nil {
		return resp, err
	}
	req, err := c.registry().newRequest(ctx, http.MethodDelete, blobPath(name, digest), deleteScope(name))
	if err != nil {
		return resp, err
	}
	response, err := c.registry().send(c.registry().api, req, statuses(ctx, http.StatusAccepted, http.StatusOK, http.StatusNoContent)...)
	if err != nil {
		return resp, err
	}
	return BlobClientDeleteBlobResponse{DockerContentDigest: optional(response.Header.Get(headerDigest))}, nil
}

// MountBlob makes the blob mount of repository from appear in repository name
// without moving bytes. If the registry can't, it starts an upload instead:
// then DockerContentDigest is nil and Location is the upload's.
func (c *BlobClient) MountBlob(ctx context.Context, name, from, mount string, options *BlobClientMountBlobOptions) (resp BlobClientMountBlobResponse, err error) {
	ctx, end := c.registry().beginPlain(ctx, "BlobClient.MountBlob", "mount blob", name, mount)
	defer func() { end(&err) }()
	if err := checkArguments(ctx, checkRepository("name", name), checkRepository("from", from), checkDigest("mount", mount)); err != nil {
		return resp, err
	}
	response, err := c.startUpload(ctx, uploadsPath(name)+"?"+url.Values{"from": {from}, "mount": {mount}}.Encode(), []int{http.StatusCreated, http.StatusAccepted}, pullScope(from), pushScope(name))
	if err != nil {
		return resp, err
	}
	resp = BlobClientMountBlobResponse{
		DockerUploadUUID: optional(response.Header.Get(headerUploadUUID)),
		Location:         statedLocation(ctx, response),
	}
	if stated := response.Header.Get(headerDigest); stated != "" {
		resp.DockerContentDigest = &stated
	} else if response.StatusCode == http.StatusCreated && strict.Is(ctx) {
		resp.DockerContentDigest = &mount
	}
	return resp, nil
}

// readerSize returns how long source is, and leaves it at its beginning.
func readerSize(source io.ReadSeeker) (int64, error) {
	size, err := source.Seek(0, io.SeekEnd)
	if err != nil {
		return 0, err
	}
	_, err = source.Seek(0, io.SeekStart)
	return size, err
}
