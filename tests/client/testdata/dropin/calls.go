package dropin

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	acr "github.com/Azure/azure-sdk-for-go/sdk/containers/azcontainerregistry"
)

// Interfaces such as programs declare to test against.
type manifestClient interface {
	GetManifest(ctx context.Context, name, reference string, options *acr.ClientGetManifestOptions) (acr.ClientGetManifestResponse, error)
	UploadManifest(ctx context.Context, name, reference string, contentType acr.ContentType, manifestData io.ReadSeekCloser, options *acr.ClientUploadManifestOptions) (acr.ClientUploadManifestResponse, error)
	NewListTagsPager(name string, options *acr.ClientListTagsOptions) *runtime.Pager[acr.ClientListTagsResponse]
}

var (
	_ manifestClient   = (*acr.Client)(nil)
	_ json.Unmarshaler = (*acr.TagList)(nil)
	_ json.Marshaler   = acr.TagWriteableProperties{}
	_ io.Reader        = (*acr.DigestValidationReader)(nil)
)

func properties(ctx context.Context, c *acr.Client, repository, tag, digest string) error {
	var r acr.ClientGetRepositoryPropertiesResponse
	r, err := c.GetRepositoryProperties(ctx, repository, &acr.ClientGetRepositoryPropertiesOptions{})
	if err != nil {
		return err
	}
	var created time.Time = *r.CreatedOn
	var count int32 = *r.ManifestCount + *r.TagCount
	fmt.Println(created, count, *r.ContainerRepositoryProperties.Name, *r.RegistryLoginServer, *r.ChangeableAttributes.CanList)
	t, err := c.GetTagProperties(ctx, repository, tag, nil)
	if err != nil {
		return err
	}
	fmt.Println(*t.RegistryLoginServer, *t.RepositoryName, *t.Tag.Name)
	m, err := c.GetManifestProperties(ctx, repository, digest, nil)
	if err != nil {
		return err
	}
	for _, child := range m.Manifest.RelatedArtifacts {
		if *child.Architecture == acr.ArtifactArchitectureArm64 && *child.OperatingSystem == acr.ArtifactOperatingSystemLinux {
			fmt.Println(*child.Digest)
		}
	}
	var size int64 = *m.Manifest.Size
	fmt.Println(size, *m.Manifest.MediaType, *m.Manifest.ConfigMediaType)
	yes := true
	_, err = c.UpdateManifestProperties(ctx, repository, digest, &acr.ClientUpdateManifestPropertiesOptions{Value: &acr.ManifestWriteableProperties{CanDelete: &yes}})
	if err != nil {
		return err
	}
	_, err = c.UpdateRepositoryProperties(ctx, repository, &acr.ClientUpdateRepositoryPropertiesOptions{Value: &acr.RepositoryWriteableProperties{CanRead: &yes}})
	if err != nil {
		return err
	}
	_, err = c.DeleteRepository(ctx, repository, &acr.ClientDeleteRepositoryOptions{})
	return err
}

func blobs(ctx context.Context, c *acr.BlobClient, repository, digest string) error {
	exists, err := c.CheckBlobExists(ctx, repository, digest, nil)
	if err != nil {
		return err
	}
	fmt.Println(*exists.ContentLength, *exists.DockerContentDigest)
	part, err := c.CheckChunkExists(ctx, repository, digest, "bytes=0-9", nil)
	if err != nil {
		return err
	}
	fmt.Println(part.ContentLength, part.ContentRange)
	blob, err := c.GetBlob(ctx, repository, digest, nil)
	if err != nil {
		return err
	}
	defer blob.BlobData.Close()
	mounted, err := c.MountBlob(ctx, "other", repository, digest, nil)
	if err != nil {
		return err
	}
	fmt.Println(mounted.DockerContentDigest, mounted.DockerUploadUUID, mounted.Location)
	start, err := c.StartUpload(ctx, repository, nil)
	if err != nil {
		return err
	}
	var chunk acr.BlobClientUploadChunkResponse
	chunk, err = c.UploadChunk(ctx, *start.Location, strings.NewReader("x"), acr.NewBlobDigestCalculator(), nil)
	if err != nil {
		return err
	}
	status, err := c.GetUploadStatus(ctx, *chunk.Location, nil)
	if err != nil {
		return err
	}
	fmt.Println(*status.DockerUploadUUID, *status.Range)
	if _, err := c.CancelUpload(ctx, *chunk.Location, nil); err != nil {
		return err
	}
	_, err = c.DeleteBlob(ctx, repository, digest, nil)
	return err
}

func tokens(ctx context.Context, endpoint, service, entra string) (string, error) {
	c, err := acr.NewAuthenticationClient(endpoint, &acr.AuthenticationClientOptions{ClientOptions: azcore.ClientOptions{}})
	if err != nil {
		return "", err
	}
	refresh, err := c.ExchangeAADAccessTokenForACRRefreshToken(ctx, acr.PostContentSchemaGrantTypeAccessToken, service,
		&acr.AuthenticationClientExchangeAADAccessTokenForACRRefreshTokenOptions{AccessToken: &entra})
	if err != nil {
		return "", err
	}
	grant := acr.TokenGrantTypeRefreshToken
	access, err := c.ExchangeACRRefreshTokenForACRAccessToken(ctx, service, "registry:catalog:*", *refresh.ACRRefreshToken.RefreshToken,
		&acr.AuthenticationClientExchangeACRRefreshTokenForACRAccessTokenOptions{GrantType: &grant})
	if err != nil {
		return "", err
	}
	return *access.AccessToken, nil
}

func values() (all []string) {
	for _, v := range acr.PossibleArtifactArchitectureValues() {
		all = append(all, string(v))
	}
	for _, v := range acr.PossibleContentTypeValues() {
		all = append(all, string(v))
	}
	custom := cloud.AzurePublic
	custom.Services[acr.ServiceName] = cloud.ServiceConfiguration{Audience: "https://containerregistry.azure.net"}
	return append(all, acr.ErrDigestAlgNotSupported.Error())
}
