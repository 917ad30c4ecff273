package main

import (
	"context"
	"io"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/streaming"
	acr "github.com/Azure/azure-sdk-for-go/sdk/containers/azcontainerregistry"
)

const sum = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// clients are the three of one registry.
type clients struct {
	*acr.Client
	blobs *acr.BlobClient
	auth  *acr.AuthenticationClient
}

func connect(credential azcore.TokenCredential, o azcore.ClientOptions) clients {
	c, err := acr.NewClient(endpoint, credential, &acr.ClientOptions{ClientOptions: o})
	if err != nil {
		panic(err)
	}
	b, err := acr.NewBlobClient(endpoint, credential, &acr.BlobClientOptions{ClientOptions: o})
	if err != nil {
		panic(err)
	}
	a, err := acr.NewAuthenticationClient(endpoint, &acr.AuthenticationClientOptions{ClientOptions: o})
	if err != nil {
		panic(err)
	}
	return clients{c, b, a}
}

type call struct {
	name string
	do   func(context.Context, clients) (any, error)
}

// read reads a stream to its end.
func read(r io.ReadCloser, err error) (any, error) {
	if err != nil || r == nil {
		return nil, err
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	return string(data), err
}

func upload(s string) io.ReadSeekCloser { return streaming.NopCloser(strings.NewReader(s)) }

// every is each method of v0.2.3 that sends a request.
var every = []call{
	{"ListRepositories", func(ctx context.Context, c clients) (any, error) {
		return c.NewListRepositoriesPager(nil).NextPage(ctx)
	}},
	{"ListTags", func(ctx context.Context, c clients) (any, error) { return c.NewListTagsPager("app", nil).NextPage(ctx) }},
	{"ListManifests", func(ctx context.Context, c clients) (any, error) {
		return c.NewListManifestsPager("app", nil).NextPage(ctx)
	}},
	{"GetRepositoryProperties", func(ctx context.Context, c clients) (any, error) {
		return c.GetRepositoryProperties(ctx, "app", nil)
	}},
	{"UpdateRepositoryProperties", func(ctx context.Context, c clients) (any, error) {
		return c.UpdateRepositoryProperties(ctx, "app", nil)
	}},
	{"DeleteRepository", func(ctx context.Context, c clients) (any, error) { return c.DeleteRepository(ctx, "app", nil) }},
	{"GetTagProperties", func(ctx context.Context, c clients) (any, error) { return c.GetTagProperties(ctx, "app", "v1", nil) }},
	{"UpdateTagProperties", func(ctx context.Context, c clients) (any, error) {
		no := false
		return c.UpdateTagProperties(ctx, "app", "v1", &acr.ClientUpdateTagPropertiesOptions{Value: &acr.TagWriteableProperties{CanDelete: &no}})
	}},
	{"DeleteTag", func(ctx context.Context, c clients) (any, error) { return c.DeleteTag(ctx, "app", "v1", nil) }},
	{"GetManifestProperties", func(ctx context.Context, c clients) (any, error) {
		return c.GetManifestProperties(ctx, "app", sum, nil)
	}},
	{"UpdateManifestProperties", func(ctx context.Context, c clients) (any, error) {
		return c.UpdateManifestProperties(ctx, "app", sum, nil)
	}},
	{"GetManifest", func(ctx context.Context, c clients) (any, error) {
		r, err := c.GetManifest(ctx, "app", "v1", nil)
		return read(r.ManifestData, err)
	}},
	{"UploadManifest", func(ctx context.Context, c clients) (any, error) {
		return c.UploadManifest(ctx, "app", "v1", acr.ContentTypeApplicationVndDockerDistributionManifestV2JSON, upload("{}"), nil)
	}},
	{"DeleteManifest", func(ctx context.Context, c clients) (any, error) { return c.DeleteManifest(ctx, "app", sum, nil) }},
	{"GetBlob", func(ctx context.Context, c clients) (any, error) {
		r, err := c.blobs.GetBlob(ctx, "app", sum, nil)
		return read(r.BlobData, err)
	}},
	{"GetChunk", func(ctx context.Context, c clients) (any, error) {
		r, err := c.blobs.GetChunk(ctx, "app", sum, "bytes=0-3", nil)
		return read(r.ChunkData, err)
	}},
	{"CheckBlobExists", func(ctx context.Context, c clients) (any, error) {
		return c.blobs.CheckBlobExists(ctx, "app", sum, nil)
	}},
	{"CheckChunkExists", func(ctx context.Context, c clients) (any, error) {
		return c.blobs.CheckChunkExists(ctx, "app", sum, "bytes=0-3", nil)
	}},
	{"DeleteBlob", func(ctx context.Context, c clients) (any, error) {
		r, err := c.blobs.DeleteBlob(ctx, "app", sum, nil)
		return r.DockerContentDigest, err
	}},
	{"MountBlob", func(ctx context.Context, c clients) (any, error) {
		return c.blobs.MountBlob(ctx, "app", "base", sum, nil)
	}},
	{"StartUpload", func(ctx context.Context, c clients) (any, error) { return c.blobs.StartUpload(ctx, "app", nil) }},
	{"UploadChunk", func(ctx context.Context, c clients) (any, error) {
		return c.blobs.UploadChunk(ctx, "/v2/app/blobs/uploads/1?_state=a", strings.NewReader("test"), acr.NewBlobDigestCalculator(), nil)
	}},
	{"CompleteUpload", func(ctx context.Context, c clients) (any, error) {
		return c.blobs.CompleteUpload(ctx, "/v2/app/blobs/uploads/1?_state=a", acr.NewBlobDigestCalculator(), nil)
	}},
	{"GetUploadStatus", func(ctx context.Context, c clients) (any, error) {
		return c.blobs.GetUploadStatus(ctx, "/v2/app/blobs/uploads/1?_state=a", nil)
	}},
	{"CancelUpload", func(ctx context.Context, c clients) (any, error) {
		return c.blobs.CancelUpload(ctx, "/v2/app/blobs/uploads/1?_state=a", nil)
	}},
	{"ExchangeEntra", func(ctx context.Context, c clients) (any, error) {
		return c.auth.ExchangeAADAccessTokenForACRRefreshToken(ctx, acr.PostContentSchemaGrantTypeAccessToken, "contoso.azurecr.io", nil)
	}},
	{"ExchangeRefresh", func(ctx context.Context, c clients) (any, error) {
		return c.auth.ExchangeACRRefreshTokenForACRAccessToken(ctx, "contoso.azurecr.io", "repository:app:pull", "r", nil)
	}},
}
