package azcontainerregistry

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/acrkit/azcontainerregistry/internal/names"
	"github.com/acrkit/azcontainerregistry/internal/strict"
)

// chunkRate is the slowest connection that a chunk's token is sized for, in
// bytes a second: the token must outlive the sending.
const chunkRate = 256 << 10

// errNoLocation is for an upload's response without the URL of the next request.
var errNoLocation = &InvalidResponseError{Missing: ResponsePartLocation}

// StartUpload begins an upload. The response's Location is the URL of its next request.
func (c *BlobClient) StartUpload(ctx context.Context, name string, options *BlobClientStartUploadOptions) (resp BlobClientStartUploadResponse, err error) {
	ctx, end := c.registry().beginPlain(ctx, "BlobClient.StartUpload", "start upload", name, "")
	defer func() { end(&err) }()
	if err := checkArguments(ctx, checkRepository("name", name)); err != nil {
		return resp, err
	}
	response, err := c.startUpload(ctx, uploadsPath(name), statuses(ctx, http.StatusAccepted, http.StatusCreated), pushScope(name))
	if err != nil {
		return resp, err
	}
	return BlobClientStartUploadResponse{
		DockerUploadUUID: optional(response.Header.Get(headerUploadUUID)),
		Location:         statedLocation(ctx, response),
		Range:            optional(response.Header.Get("Range")),
	}, nil
}

// startUpload posts to an uploads path. The response's Location is the login
// server's own.
func (c *BlobClient) startUpload(ctx context.Context, pathAndQuery string, ok []int, scopes ...string) (*http.Response, error) {
	req, err := c.registry().newRequest(ctx, http.MethodPost, pathAndQuery, scopes...)
	if err != nil {
		return nil, err
	}
	response, err := c.registry().call(req, ok...)
	if err != nil {
		return nil, err
	}
	if response.StatusCode == http.StatusCreated {
		// Mounted: there is no upload session.
		return response, nil
	}
	return response, c.checkLocation(ctx, response, true)
}

// statedLocation returns the URL of the next request, as the registry wrote it
// unless the caller is strict.
func statedLocation(ctx context.Context, response *http.Response) *string {
	if strict.Is(ctx) {
		return optional(nextLocation(response))
	}
	return optional(response.Header.Get("Location"))
}

// nextLocation returns the URL of the next request: as the registry wrote it,
// unless that has a meaning only together with what was asked.
func nextLocation(response *http.Response) string {
	value := response.Header.Get("Location")
	if u, err := url.Parse(value); err != nil || value == "" || u.IsAbs() || strings.HasPrefix(value, "/") {
		return value
	}
	u, err := resolve(response.Request.URL, value)
	if err != nil {
		return value
	}
	return u.String()
}

// checkLocation refuses a response that points to another origin, or lacks the
// URL of the next request.
func (c *BlobClient) checkLocation(ctx context.Context, response *http.Response, needed bool) error {
	if !strict.Is(ctx) {
		return nil
	}
	value := nextLocation(response)
	if value == "" {
		if needed {
			return errNoLocation
		}
		return nil
	}
	_, err := c.registry().location(value)
	return err
}

// UploadChunk appends a chunk to an upload: all of chunkData, from its
// beginning to its end; nothing closes it. location is the newest one of the
// upload, relative or absolute, but at this registry. The chunk becomes part of
// blobDigestCalculator when the registry has accepted it. A chunk that the
// registry responds with [ErrorCodeBlobUploadInvalid] or
// [ErrorCodeBlobUploadUnknown] means that the upload must begin again:
// [BlobClient.Upload] does so by itself.
func (c *BlobClient) UploadChunk(ctx context.Context, location string, chunkData io.ReadSeeker, blobDigestCalculator *BlobDigestCalculator, options *BlobClientUploadChunkOptions) (resp BlobClientUploadChunkResponse, err error) {
	u, name, err := c.uploadAddress(ctx, location)
	ctx, end := c.registry().beginPlain(ctx, "BlobClient.uploadChunk", "upload chunk", name, "")
	defer func() { end(&err) }()
	if err != nil {
		return resp, err
	}
	if isNil(chunkData) {
		return resp, &ArgumentError{Argument: "chunkData", Value: "nil", Rule: "must be the chunk's bytes"}
	}
	size, err := readerSize(chunkData)
	if err != nil {
		return resp, err
	}
	contentRange, err := chunkRange(ctx, options, size)
	if err != nil {
		return resp, err
	}
	var observe bodyObserver
	var digest *chunkDigest
	if blobDigestCalculator != nil {
		if digest, err = blobDigestCalculator.begin(); err != nil {
			return resp, err
		}
		observe = digest
	}
	scopes := uploadScopes(u, pushScope)
	req, err := c.registry().newRequestTo(ctx, http.MethodPatch, u.String(), scopes...)
	if err != nil {
		return resp, err
	}
	req.SetOperationValue(operationScopes{scopes: scopes, validFor: sendingTime(size)})
	body := &requestBody{source: chunkData, observe: observe}
	if err := req.SetBody(body, "application/octet-stream"); err != nil {
		return resp, err
	}
	if contentRange != "" {
		req.Raw().Header.Set("Content-Range", contentRange)
	}
	response, err := c.registry().call(req, statuses(ctx, http.StatusAccepted, http.StatusCreated)...)
	if err != nil {
		return resp, err
	}
	if err := c.checkLocation(ctx, response, true); err != nil {
		return resp, err
	}
	if digest != nil {
		if err := body.finish(func() error { return digest.complete(chunkData, size) }); err != nil {
			return resp, err
		}
		blobDigestCalculator.commit(digest)
	}
	return BlobClientUploadChunkResponse{
		DockerUploadUUID: optional(response.Header.Get(headerUploadUUID)),
		Location:         statedLocation(ctx, response),
		Range:            optional(response.Header.Get("Range")),
	}, nil
}

// sendingTime is how long a token must stay valid for a body of size bytes.
func sendingTime(size int64) time.Duration {
	return time.Duration(size/chunkRate) * time.Second
}

// uploadAddress checks the URL of an upload's next request.
func (c *BlobClient) uploadAddress(ctx context.Context, location string) (u *url.URL, repository string, err error) {
	if strict.Is(ctx) && strings.TrimSpace(location) == "" {
		return nil, "", &ArgumentError{Argument: "location", Rule: "must be the Location of the response before"}
	}
	if u, err = c.registry().location(location); err != nil {
		return nil, "", err
	}
	repository, _ = uploadRepository(u)
	return u, repository, nil
}

// chunkRange returns the Content-Range of a chunk, in ACR's form: without
// "bytes", without the total (ACR protocol §4.5). Empty means none.
func chunkRange(ctx context.Context, options *BlobClientUploadChunkOptions, size int64) (string, error) {
	if options == nil {
		return "", nil
	}
	if !strict.Is(ctx) && options.RangeStart64 == nil && options.RangeEnd64 == nil {
		if options.RangeStart == nil || options.RangeEnd == nil {
			return "", nil
		}
		return fmt.Sprintf("%d-%d", *options.RangeStart, *options.RangeEnd), nil
	}
	pick := func(wide *int64, narrow *int32) (int64, bool) {
		switch {
		case wide != nil:
			return *wide, true
		case narrow != nil:
			return int64(*narrow), true
		}
		return 0, false
	}
	start, hasStart := pick(options.RangeStart64, options.RangeStart)
	end, hasEnd := pick(options.RangeEnd64, options.RangeEnd)
	switch {
	case !hasStart && !hasEnd:
		return "", nil
	case !hasStart:
		return "", &ArgumentError{Argument: "RangeEnd", Value: strconv.FormatInt(end, 10), Rule: "must come with RangeStart"}
	case start < 0:
		return "", &ArgumentError{Argument: "RangeStart", Value: strconv.FormatInt(start, 10), Rule: "must not be negative; offsets beyond 2 GiB go into RangeStart64"}
	case size == 0:
		return "", nil
	case hasEnd && end-start != size-1:
		return "", &ArgumentError{
			Argument: "RangeEnd", Value: strconv.FormatInt(end, 10),
			Rule: fmt.Sprintf("must be %d: the chunk has %d bytes and begins at %d", start+size-1, size, start),
		}
	}
	return fmt.Sprintf("%d-%d", start, start+size-1), nil
}

// CompleteUpload ends an upload: the registry verifies that what it received
// has the calculator's digest, else it returns [ErrorCodeDigestInvalid].
func (c *BlobClient) CompleteUpload(ctx context.Context, location string, blobDigestCalculator *BlobDigestCalculator, options *BlobClientCompleteUploadOptions) (resp BlobClientCompleteUploadResponse, err error) {
	u, name, err := c.uploadAddress(ctx, location)
	ctx, end := c.registry().beginPlain(ctx, "BlobClient.CompleteUpload", "complete upload", name, "")
	defer func() { end(&err) }()
	if err != nil {
		return resp, err
	}
	if blobDigestCalculator == nil {
		return resp, &ArgumentError{Argument: "blobDigestCalculator", Value: "nil", Rule: "must be the one that was given to UploadChunk"}
	}
	digest := blobDigestCalculator.digest()
	address := withDigest(u, digest)
	if query, err := url.ParseQuery(u.RawQuery); err == nil && !strict.Is(ctx) {
		query.Set("digest", digest)
		completed := *u
		completed.RawQuery = query.Encode()
		address = completed.String()
	}
	req, err := c.registry().newRequestTo(ctx, http.MethodPut, address, uploadScopes(u, pushScope)...)
	if err != nil {
		return resp, err
	}
	response, err := c.registry().call(req, http.StatusCreated)
	if err != nil {
		return resp, err
	}
	stored := response.Header.Get(headerDigest)
	if strict.Is(ctx) && names.IsSHA256(stored) && stored != digest {
		return resp, &DigestMismatchError{Expected: digest, Actual: stored, Size: blobDigestCalculator.size}
	}
	return BlobClientCompleteUploadResponse{
		DockerContentDigest: optional(stored),
		Location:            optional(response.Header.Get("Location")),
		Range:               optional(response.Header.Get("Range")),
	}, nil
}

// withDigest adds the digest to an upload's address, whose query stays as the
// registry wrote it.
func withDigest(u *url.URL, digest string) string {
	c := *u
	if c.RawQuery != "" {
		c.RawQuery += "&"
	}
	c.RawQuery += "digest=" + url.QueryEscape(digest)
	return c.String()
}

// GetUploadStatus asks how far an upload has come. The response's Location
// replaces the one asked with.
func (c *BlobClient) GetUploadStatus(ctx context.Context, location string, options *BlobClientGetUploadStatusOptions) (resp BlobClientGetUploadStatusResponse, err error) {
	u, name, err := c.uploadAddress(ctx, location)
	ctx, end := c.registry().beginPlain(ctx, "BlobClient.GetUploadStatus", "get upload status", name, "")
	defer func() { end(&err) }()
	if err != nil {
		return resp, err
	}
	req, err := c.registry().newRequestTo(ctx, http.MethodGet, u.String(), uploadScopes(u, pushScope)...)
	if err != nil {
		return resp, err
	}
	ok := append(statuses(ctx, http.StatusNoContent, http.StatusAccepted), http.StatusOK)
	response, err := c.registry().call(req, ok...)
	if err != nil {
		return resp, err
	}
	if err := c.checkLocation(ctx, response, false); err != nil {
		return resp, err
	}
	return BlobClientGetUploadStatusResponse{
		DockerUploadUUID: optional(response.Header.Get(headerUploadUUID)),
		Range:            optional(response.Header.Get("Range")),
		Location:         statedLocation(ctx, response),
	}, nil
}

// CancelUpload ends an upload without a blob. It needs the permission to
// delete (ACR protocol §4.5).
func (c *BlobClient) CancelUpload(ctx context.Context, location string, options *BlobClientCancelUploadOptions) (resp BlobClientCancelUploadResponse, err error) {
	u, name, err := c.uploadAddress(ctx, location)
	ctx, end := c.registry().beginPlain(ctx, "BlobClient.CancelUpload", "cancel upload", name, "")
	defer func() { end(&err) }()
	if err != nil {
		return resp, err
	}
	req, err := c.registry().newRequestTo(ctx, http.MethodDelete, u.String(), uploadScopes(u, deleteScope)...)
	if err != nil {
		return resp, err
	}
	_, err = c.registry().call(req, statuses(ctx, http.StatusNoContent, http.StatusAccepted, http.StatusOK)...)
	return resp, err
}
