package azcontainerregistry

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/acrkit/azcontainerregistry/internal/names"
	"github.com/acrkit/azcontainerregistry/internal/strict"
)

// maxManifest is the largest manifest that ACR takes (ACR protocol §5.2).
const maxManifest = 4 << 20

// acceptManifests is every type of manifest that ACR stores. Asked for fewer,
// it hides what it has behind MANIFEST_UNKNOWN, and turns schema 2 into schema
// 1 (ACR protocol §4.3).
var acceptManifests = strings.Join([]string{
	"application/vnd.oci.image.index.v1+json",
	"application/vnd.oci.image.manifest.v1+json",
	"application/vnd.docker.distribution.manifest.list.v2+json",
	"application/vnd.docker.distribution.manifest.v2+json",
	"application/vnd.oci.artifact.manifest.v1+json",
	"application/vnd.cncf.oras.artifact.manifest.v1+json",
	"*/*",
}, ", ")

// GetManifest returns a manifest by tag or digest, streamed: the caller closes
// ManifestData. Reading it to its end verifies it, against the digest asked for
// or else the one that the registry states; content that doesn't have it ends
// in a [*DigestMismatchError] instead of io.EOF.
func (c *Client) GetManifest(ctx context.Context, name, reference string, options *ClientGetManifestOptions) (resp ClientGetManifestResponse, err error) {
	ctx, end := c.registry().beginPlain(ctx, "Client.GetManifest", "get manifest", name, reference)
	defer func() { end(&err) }()
	if err := checkArguments(ctx, checkRepository("name", name), checkReference("reference", reference)); err != nil {
		return resp, err
	}
	accept := acceptManifests
	if options != nil && options.Accept != nil && *options.Accept != "" {
		accept = *options.Accept
	}
	response, digest, err := c.readManifest(ctx, http.MethodGet, name, reference, accept)
	if err != nil {
		return resp, err
	}
	mediaType := manifestType(response)
	resp = ClientGetManifestResponse{
		ManifestData:        response.Body,
		DockerContentDigest: optional(digest),
		MediaType:           optional(mediaType),
		ContentLength:       bodyLength(response),
	}
	if d := verifiableDigest(reference, digest, mediaType); d != "" && strict.Is(ctx) {
		resp.ManifestData = newVerifiedBody(response.Body, d)
	}
	return resp, nil
}

// verifiableDigest returns the digest that a manifest's bytes must have, or ""
// where they needn't: the digest of a schema 1 manifest leaves out its
// signatures (ACR protocol §4.3).
func verifiableDigest(reference, stated, mediaType string) string {
	if isSchema1(mediaType) {
		return ""
	}
	for _, d := range []string{reference, stated} {
		if names.IsSHA256(d) {
			return d
		}
	}
	return ""
}

func isSchema1(mediaType string) bool {
	return strings.HasPrefix(mediaType, "application/vnd.docker.distribution.manifest.v1+")
}

// CheckManifestExists asks for a manifest's digest, type and size without its
// bytes. An unknown one is an error of status 404, without a code: the response
// to a HEAD has no body.
func (c *Client) CheckManifestExists(ctx context.Context, name, reference string, options *ClientCheckManifestExistsOptions) (resp ClientCheckManifestExistsResponse, err error) {
	ctx, end := c.registry().begin(ctx, "Client.CheckManifestExists", "check manifest", name, reference)
	defer func() { end(&err) }()
	if err := checkAll(checkRepository("name", name), checkReference("reference", reference)); err != nil {
		return resp, err
	}
	accept := acceptManifests
	if options != nil && options.Accept != "" {
		accept = options.Accept
	}
	response, digest, err := c.readManifest(ctx, http.MethodHead, name, reference, accept)
	if err != nil {
		return resp, err
	}
	discard(response)
	return ClientCheckManifestExistsResponse{Digest: digest, MediaType: manifestType(response), Size: response.ContentLength}, nil
}

func (c *Client) readManifest(ctx context.Context, method, name, reference, accept string) (*http.Response, string, error) {
	header := http.Header{"Accept": {accept}}
	if strict.Is(ctx) {
		header.Set("Accept-Encoding", "identity")
	}
	return c.registry().read(ctx, method, runtime.JoinPaths(c.registry().endpoint, manifestPath(name, reference)), header, []string{pullScope(name)}, http.StatusOK)
}

func manifestType(resp *http.Response) string {
	value := resp.Header.Get("Content-Type")
	if mediaType, _, err := mime.ParseMediaType(value); err == nil {
		return mediaType
	}
	return strings.TrimSpace(value)
}

// UploadManifest puts a manifest, at most 4 MiB, under a tag or its own digest,
// and verifies that the registry stored what was sent. manifestData is read
// from its beginning and closed. contentType is the manifest's media type.
// Whatever the manifest refers to must be in the repository already, or the
// response is [ErrorCodeManifestBlobUnknown].
func (c *Client) UploadManifest(ctx context.Context, name, reference string, contentType ContentType, manifestData io.ReadSeekCloser, options *ClientUploadManifestOptions) (resp ClientUploadManifestResponse, err error) {
	ctx, end := c.registry().beginPlain(ctx, "Client.UploadManifest", "upload manifest", name, reference)
	defer func() { end(&err) }()
	if isNil(manifestData) {
		return resp, &ArgumentError{Argument: "manifestData", Value: "nil", Rule: "must be the manifest's bytes"}
	}
	defer manifestData.Close()
	if err := checkArguments(ctx, checkRepository("name", name), checkReference("reference", reference), checkMediaType("contentType", string(contentType))); err != nil {
		return resp, err
	}
	data, err := readManifestData(ctx, manifestData)
	if err != nil {
		return resp, err
	}
	sum := sha256.Sum256(data)
	digest := "sha256:" + hex.EncodeToString(sum[:])
	if names.IsSHA256(reference) && reference != digest && strict.Is(ctx) {
		return resp, &DigestMismatchError{Expected: reference, Actual: digest, Size: int64(len(data))}
	}
	req, err := c.registry().newRequest(ctx, http.MethodPut, manifestPath(name, reference), pushScope(name))
	if err != nil {
		return resp, err
	}
	if err := setBody(req, bytes.NewReader(data), string(contentType), nil); err != nil {
		return resp, err
	}
	response, err := c.registry().call(req, http.StatusCreated)
	if err != nil {
		return resp, err
	}
	stored := response.Header.Get(headerDigest)
	if names.IsSHA256(stored) && stored != digest && !isSchema1(string(contentType)) && strict.Is(ctx) {
		return resp, &DigestMismatchError{Expected: digest, Actual: stored, Size: int64(len(data))}
	}
	resp = ClientUploadManifestResponse{DockerContentDigest: optional(stored), Location: optional(response.Header.Get("Location"))}
	resp.ContentLength, err = statedLength(response)
	return resp, err
}

func readManifestData(ctx context.Context, r io.ReadSeeker) ([]byte, error) {
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	if !strict.Is(ctx) {
		return io.ReadAll(r)
	}
	data, err := io.ReadAll(io.LimitReader(r, maxManifest+1))
	if err != nil {
		return nil, fmt.Errorf("read manifest data: %w", err)
	}
	switch {
	case len(data) == 0:
		return nil, &ArgumentError{Argument: "manifestData", Value: "0 bytes", Rule: "must be the manifest's bytes"}
	case len(data) > maxManifest:
		return nil, &ArgumentError{Argument: "manifestData", Value: fmt.Sprintf("more than %d bytes", maxManifest), Rule: "must be at most 4 MiB, the registry's limit for a manifest"}
	}
	return data, nil
}

func checkMediaType(argument, value string) error {
	if mediaType, _, err := mime.ParseMediaType(value); err != nil || !strings.Contains(mediaType, "/") {
		return &ArgumentError{Argument: argument, Value: shorten(value), Rule: "must be a media type, such as " + string(ContentTypeApplicationVndOciImageManifestV1JSON)}
	}
	return nil
}

// DeleteManifest deletes a manifest, by digest, with all its tags (ACR protocol
// §4.3). One that doesn't exist is no error; a locked one is
// [ErrorCodeRegistryDisallowedOperation].
func (c *Client) DeleteManifest(ctx context.Context, name, digest string, options *ClientDeleteManifestOptions) (resp ClientDeleteManifestResponse, err error) {
	ctx, end := c.registry().beginPlain(ctx, "Client.DeleteManifest", "delete manifest", name, digest)
	defer func() { end(&err) }()
	if err := checkArguments(ctx, checkRepository("name", name), checkDigest("digest", digest)); err != nil {
		return resp, err
	}
	_, err = c.registry().delete(ctx, manifestPath(name, digest), deleteScope(name))
	return resp, err
}

// GetManifestProperties returns what the registry knows of a manifest, the
// children of an index included (ACR protocol §3.9).
func (c *Client) GetManifestProperties(ctx context.Context, name, digest string, options *ClientGetManifestPropertiesOptions) (resp ClientGetManifestPropertiesResponse, err error) {
	ctx, end := c.registry().beginPlain(ctx, "Client.GetManifestProperties", "get properties of manifest", name, digest)
	defer func() { end(&err) }()
	if err := checkArguments(ctx, checkRepository("name", name), checkDigest("digest", digest)); err != nil {
		return resp, err
	}
	err = c.registry().get(ctx, manifestPropertiesPath(name, digest), &resp.ArtifactManifestProperties, readScope(name))
	return resp, err
}

// UpdateManifestProperties changes the locks of a manifest and returns it as it
// then is (ACR protocol §3.9).
func (c *Client) UpdateManifestProperties(ctx context.Context, name, digest string, options *ClientUpdateManifestPropertiesOptions) (resp ClientUpdateManifestPropertiesResponse, err error) {
	ctx, end := c.registry().beginPlain(ctx, "Client.UpdateManifestProperties", "update properties of manifest", name, digest)
	defer func() { end(&err) }()
	if err := checkArguments(ctx, checkRepository("name", name), checkDigest("digest", digest)); err != nil {
		return resp, err
	}
	var value json.Marshaler
	if options != nil && options.Value != nil {
		value = *options.Value
	}
	err = c.registry().patch(ctx, manifestPropertiesPath(name, digest), value, &resp.ArtifactManifestProperties, metaWriteScope(name))
	return resp, err
}
