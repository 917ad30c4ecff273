package interop

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/streaming"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	official "github.com/Azure/azure-sdk-for-go/sdk/containers/azcontainerregistry"
	"github.com/google/go-containerregistry/pkg/v1/random"

	"github.com/acrkit/azcontainerregistry/emulator/emulatortest"
)

// officialClients are the three clients of the official library.
type officialClients struct {
	t       *testing.T
	server  server
	client  *official.Client
	blobs   *official.BlobClient
	authent *official.AuthenticationClient
}

func startOfficial(t *testing.T) officialClients {
	t.Helper()
	s := startEmulator(t)
	c := officialClients{t: t, server: s}
	var err error
	if c.client, err = official.NewClient(s.endpoint, emulatortest.NewCredential(nil), nil); err != nil {
		t.Fatal(err)
	}
	if c.blobs, err = official.NewBlobClient(s.endpoint, emulatortest.NewCredential(nil), nil); err != nil {
		t.Fatal(err)
	}
	if c.authent, err = official.NewAuthenticationClient(s.endpoint, nil); err != nil {
		t.Fatal(err)
	}
	return c
}

// wantStatus fails unless err is the registry's answer with the status.
func wantStatus(t *testing.T, err error, status int) {
	t.Helper()
	var answer *azcore.ResponseError
	if !errors.As(err, &answer) || answer.StatusCode != status {
		t.Errorf("got %v, want a response error with status %d", err, status)
	}
}

// put uploads a blob in one chunk and returns its digest.
func (c officialClients) put(repository string, content []byte) string {
	c.t.Helper()
	start, err := c.blobs.StartUpload(c.t.Context(), repository, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	if start.DockerUploadUUID == nil || start.Range == nil {
		c.t.Errorf("StartUpload: UUID %v, Range %v", start.DockerUploadUUID, start.Range)
	}
	calculator := official.NewBlobDigestCalculator()
	chunk, err := c.blobs.UploadChunk(c.t.Context(), *start.Location, bytes.NewReader(content), calculator, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	if want := fmt.Sprintf("0-%d", len(content)-1); chunk.Range == nil || *chunk.Range != want {
		c.t.Errorf("UploadChunk: Range %v, want %s", chunk.Range, want)
	}
	complete, err := c.blobs.CompleteUpload(c.t.Context(), *chunk.Location, calculator, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	if complete.Location == nil || complete.DockerContentDigest == nil {
		c.t.Fatalf("CompleteUpload: %+v", complete)
	}
	return *complete.DockerContentDigest
}

// image uploads an image of one layer and returns its digest and manifest.
func (c officialClients) image(repository, tag, content string) (digest string, manifest []byte) {
	c.t.Helper()
	layer := c.put(repository, []byte(content))
	config := []byte(`{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":["` + layer + `"]}}`)
	configDigest := c.put(repository, config)
	manifest = fmt.Appendf(nil, `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":%q,"size":%d},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":%q,"size":%d}]}`,
		configDigest, len(config), layer, len(content))
	uploaded, err := c.client.UploadManifest(c.t.Context(), repository, tag, official.ContentTypeApplicationVndOciImageManifestV1JSON,
		streaming.NopCloser(bytes.NewReader(manifest)), nil)
	if err != nil {
		c.t.Fatal(err)
	}
	if want := "/v2/" + repository + "/manifests/" + *uploaded.DockerContentDigest; uploaded.Location == nil || *uploaded.Location != want {
		c.t.Errorf("UploadManifest: Location %v, want %s", uploaded.Location, want)
	}
	return *uploaded.DockerContentDigest, manifest
}

func TestOfficialLibraryBlobs(t *testing.T) {
	c := startOfficial(t)
	ctx := t.Context()
	content := bytes.Repeat([]byte("0123456789abcdef"), 64<<10)
	digest := c.put("blobs/here", content)

	t.Run("exists", func(t *testing.T) {
		response, err := c.blobs.CheckBlobExists(ctx, "blobs/here", digest, nil)
		if err != nil {
			t.Fatal(err)
		}
		if *response.ContentLength != int64(len(content)) || *response.DockerContentDigest != digest {
			t.Errorf("CheckBlobExists: %d bytes of %s", *response.ContentLength, *response.DockerContentDigest)
		}
		_, err = c.blobs.CheckBlobExists(ctx, "blobs/here", "sha256:"+strings.Repeat("0", 64), nil)
		wantStatus(t, err, http.StatusNotFound)
	})
	t.Run("get", func(t *testing.T) {
		response, err := c.blobs.GetBlob(ctx, "blobs/here", digest, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer response.BlobData.Close()
		reader, err := official.NewDigestValidationReader(digest, response.BlobData)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(reader)
		if err != nil || !bytes.Equal(got, content) || *response.ContentLength != int64(len(content)) {
			t.Errorf("GetBlob: %d bytes, %v", len(got), err)
		}
	})
	t.Run("ranges", func(t *testing.T) {
		response, err := c.blobs.GetChunk(ctx, "blobs/here", digest, "bytes=16-35", nil)
		if err != nil {
			t.Fatal(err)
		}
		defer response.ChunkData.Close()
		got, err := io.ReadAll(response.ChunkData)
		if want := fmt.Sprintf("bytes 16-35/%d", len(content)); err != nil || string(got) != "0123456789abcdef0123" || *response.ContentRange != want || *response.ContentLength != 20 {
			t.Errorf("GetChunk: %q of %s, %v", got, *response.ContentRange, err)
		}
		if _, err := c.blobs.CheckChunkExists(ctx, "blobs/here", digest, "bytes=0-9", nil); err != nil {
			t.Errorf("CheckChunkExists: %v", err)
		}
	})
	t.Run("chunks with ranges, and where the upload is", func(t *testing.T) {
		start, err := c.blobs.StartUpload(ctx, "blobs/chunked", nil)
		if err != nil {
			t.Fatal(err)
		}
		calculator := official.NewBlobDigestCalculator()
		location := *start.Location
		for first := 0; first < len(content); first += 300_000 {
			last := min(first+300_000, len(content)) - 1
			chunk, err := c.blobs.UploadChunk(ctx, location, bytes.NewReader(content[first:last+1]), calculator,
				&official.BlobClientUploadChunkOptions{RangeStart: to.Ptr(int32(first)), RangeEnd: to.Ptr(int32(last))})
			if err != nil {
				t.Fatal(err)
			}
			location = *chunk.Location
			status, err := c.blobs.GetUploadStatus(ctx, location, nil)
			if want := fmt.Sprintf("0-%d", last); err != nil || *status.Range != want || status.DockerUploadUUID == nil {
				t.Errorf("GetUploadStatus: %v, %v, want %s", status.Range, err, want)
			}
		}
		complete, err := c.blobs.CompleteUpload(ctx, location, calculator, nil)
		if err != nil || *complete.DockerContentDigest != digest {
			t.Errorf("CompleteUpload: %v", err)
		}
	})
	t.Run("mount", func(t *testing.T) {
		response, err := c.blobs.MountBlob(ctx, "blobs/mounted", "blobs/here", digest, nil)
		if err != nil || response.DockerContentDigest == nil || *response.DockerContentDigest != digest || response.Location == nil {
			t.Errorf("MountBlob: %+v, %v", response, err)
		}
		if _, err := c.blobs.CheckBlobExists(ctx, "blobs/mounted", digest, nil); err != nil {
			t.Errorf("the mounted blob: %v", err)
		}
	})
	t.Run("cancel", func(t *testing.T) {
		start, err := c.blobs.StartUpload(ctx, "blobs/here", nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.blobs.CancelUpload(ctx, *start.Location, nil); err != nil {
			t.Fatal(err)
		}
		_, err = c.blobs.GetUploadStatus(ctx, *start.Location, nil)
		wantStatus(t, err, http.StatusNotFound)
	})
	t.Run("delete", func(t *testing.T) {
		if _, err := c.blobs.DeleteBlob(ctx, "blobs/mounted", digest, nil); err != nil {
			t.Fatal(err)
		}
		_, err := c.blobs.CheckBlobExists(ctx, "blobs/mounted", digest, nil)
		wantStatus(t, err, http.StatusNotFound)
		if _, err := c.blobs.CheckBlobExists(ctx, "blobs/here", digest, nil); err != nil {
			t.Errorf("the blob of the other repository: %v", err)
		}
	})
}

func TestOfficialLibraryManifests(t *testing.T) {
	c := startOfficial(t)
	ctx := t.Context()
	digest, manifest := c.image("team/app", "v1", "layer one")
	for _, reference := range []string{"v1", digest} {
		response, err := c.client.GetManifest(ctx, "team/app", reference, &official.ClientGetManifestOptions{
			Accept: to.Ptr("application/vnd.oci.image.manifest.v1+json"),
		})
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(response.ManifestData)
		if err := errors.Join(err, response.ManifestData.Close()); err != nil || !bytes.Equal(got, manifest) || *response.DockerContentDigest != digest {
			t.Errorf("GetManifest %s: %q, %v", reference, got, err)
		}
	}
	_, err := c.client.GetManifest(ctx, "team/app", "none", &official.ClientGetManifestOptions{Accept: to.Ptr("*/*")})
	wantStatus(t, err, http.StatusNotFound)
	properties, err := c.client.GetManifestProperties(ctx, "team/app", digest, nil)
	if err != nil {
		t.Fatal(err)
	}
	m := properties.Manifest
	if *m.Digest != digest || *m.Architecture != official.ArtifactArchitectureAmd64 || *m.OperatingSystem != official.ArtifactOperatingSystemLinux ||
		*m.MediaType != "application/vnd.oci.image.manifest.v1+json" || *m.ConfigMediaType != "application/vnd.oci.image.config.v1+json" ||
		len(m.Tags) != 1 || *m.Tags[0] != "v1" || *m.Size <= 0 || m.CreatedOn.IsZero() || m.LastUpdatedOn.IsZero() {
		t.Errorf("GetManifestProperties: %+v", m)
	}
	locked, err := c.client.UpdateManifestProperties(ctx, "team/app", digest, &official.ClientUpdateManifestPropertiesOptions{
		Value: &official.ManifestWriteableProperties{CanDelete: to.Ptr(false)},
	})
	if err != nil || *locked.Manifest.ChangeableAttributes.CanDelete {
		t.Fatalf("UpdateManifestProperties: %v", err)
	}
	_, err = c.client.DeleteManifest(ctx, "team/app", digest, nil)
	wantStatus(t, err, http.StatusMethodNotAllowed)
	if _, err := c.client.UpdateManifestProperties(ctx, "team/app", digest, &official.ClientUpdateManifestPropertiesOptions{
		Value: &official.ManifestWriteableProperties{CanDelete: to.Ptr(true), CanWrite: to.Ptr(true), CanRead: to.Ptr(true), CanList: to.Ptr(true)},
	}); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time there is nothing left to delete, which is no error
		if _, err := c.client.DeleteManifest(ctx, "team/app", digest, nil); err != nil {
			t.Fatal(err)
		}
	}
	_, err = c.client.GetTagProperties(ctx, "team/app", "v1", nil)
	wantStatus(t, err, http.StatusNotFound)
}

// TestOfficialLibraryIndex pushes an index with another stranger, and reads
// what it relates to.
func TestOfficialLibraryIndex(t *testing.T) {
	c := startOfficial(t)
	index, err := random.Index(1000, 1, 3)
	if err != nil {
		t.Fatal(err)
	}
	pushIndex(t, c.server, "team/multi:latest", index)
	properties, err := c.client.GetManifestProperties(t.Context(), "team/multi", digestOf(t, index), nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := len(properties.Manifest.RelatedArtifacts); got != 3 {
		t.Errorf("%d related artifacts, want 3", got)
	}
}

func TestOfficialLibraryTagsAndRepositories(t *testing.T) {
	c := startOfficial(t)
	ctx := t.Context()
	digests := map[string]string{}
	for _, tag := range []string{"v2", "v1", "v3"} {
		digests[tag], _ = c.image("team/app", tag, "layer of "+tag)
	}
	c.image("other", "latest", "layer")

	tag, err := c.client.GetTagProperties(ctx, "team/app", "v1", nil)
	if err != nil || *tag.Tag.Digest != digests["v1"] || *tag.RepositoryName != "team/app" || *tag.RegistryLoginServer == "" {
		t.Fatalf("GetTagProperties: %+v, %v", tag.Tag, err)
	}
	locked, err := c.client.UpdateTagProperties(ctx, "team/app", "v1", &official.ClientUpdateTagPropertiesOptions{
		Value: &official.TagWriteableProperties{CanWrite: to.Ptr(false), CanDelete: to.Ptr(false)},
	})
	if err != nil || *locked.Tag.ChangeableAttributes.CanWrite {
		t.Fatalf("UpdateTagProperties: %v", err)
	}
	_, err = c.client.DeleteTag(ctx, "team/app", "v1", nil)
	wantStatus(t, err, http.StatusMethodNotAllowed)
	if _, err := c.client.UpdateTagProperties(ctx, "team/app", "v1", &official.ClientUpdateTagPropertiesOptions{
		Value: &official.TagWriteableProperties{CanWrite: to.Ptr(true), CanDelete: to.Ptr(true)},
	}); err != nil {
		t.Fatal(err)
	}

	if got := c.tags(ctx, &official.ClientListTagsOptions{MaxNum: to.Ptr[int32](2)}); !slices.Equal(got, []string{"v1", "v2", "v3"}) {
		t.Errorf("tags by name: %q", got)
	}
	if got := c.tags(ctx, &official.ClientListTagsOptions{MaxNum: to.Ptr[int32](1), OrderBy: to.Ptr(official.ArtifactTagOrderByLastUpdatedOnDescending)}); !slices.Equal(got, []string{"v3", "v1", "v2"}) {
		t.Errorf("tags by time: %q", got)
	}
	if got := c.tags(ctx, &official.ClientListTagsOptions{Digest: to.Ptr(digests["v2"])}); !slices.Equal(got, []string{"v2"}) {
		t.Errorf("tags of a digest: %q", got)
	}
	if got := c.tags(ctx, &official.ClientListTagsOptions{Last: to.Ptr("v1")}); !slices.Equal(got, []string{"v2", "v3"}) {
		t.Errorf("tags after v1: %q", got)
	}
	for _, order := range official.PossibleArtifactManifestOrderByValues() {
		if got := c.manifests(ctx, &official.ClientListManifestsOptions{MaxNum: to.Ptr[int32](2), OrderBy: to.Ptr(order)}); len(got) != 3 {
			t.Errorf("manifests by %s: %q", order, got)
		}
	}
	if got := c.repositories(ctx); !slices.Equal(got, []string{"other", "team/app"}) {
		t.Errorf("repositories: %q", got)
	}

	for range 2 {
		if _, err := c.client.DeleteTag(ctx, "team/app", "v1", nil); err != nil {
			t.Fatal(err)
		}
	}
	repository, err := c.client.GetRepositoryProperties(ctx, "team/app", nil)
	if err != nil || *repository.ManifestCount != 3 || *repository.TagCount != 2 || *repository.Name != "team/app" {
		t.Errorf("GetRepositoryProperties: %v, %v", repository, err)
	}
	if _, err := c.client.UpdateRepositoryProperties(ctx, "team/app", &official.ClientUpdateRepositoryPropertiesOptions{
		Value: &official.RepositoryWriteableProperties{CanDelete: to.Ptr(false)},
	}); err != nil {
		t.Fatal(err)
	}
	_, err = c.client.DeleteRepository(ctx, "team/app", nil)
	wantStatus(t, err, http.StatusMethodNotAllowed)
	updated, err := c.client.UpdateRepositoryProperties(ctx, "team/app", &official.ClientUpdateRepositoryPropertiesOptions{
		Value: &official.RepositoryWriteableProperties{CanDelete: to.Ptr(true)},
	})
	if err != nil || !*updated.ChangeableAttributes.CanDelete {
		t.Fatalf("UpdateRepositoryProperties: %v", err)
	}
	for range 2 {
		if _, err := c.client.DeleteRepository(ctx, "team/app", nil); err != nil {
			t.Fatal(err)
		}
	}
	_, err = c.client.GetRepositoryProperties(ctx, "team/app", nil)
	wantStatus(t, err, http.StatusNotFound)
}

func (c officialClients) tags(ctx context.Context, options *official.ClientListTagsOptions) []string {
	c.t.Helper()
	var names []string
	for pager := c.client.NewListTagsPager("team/app", options); pager.More(); {
		page, err := pager.NextPage(ctx)
		if err != nil {
			c.t.Fatal(err)
		}
		for _, tag := range page.Tags {
			names = append(names, *tag.Name)
		}
	}
	return names
}

func (c officialClients) manifests(ctx context.Context, options *official.ClientListManifestsOptions) []string {
	c.t.Helper()
	var digests []string
	for pager := c.client.NewListManifestsPager("team/app", options); pager.More(); {
		page, err := pager.NextPage(ctx)
		if err != nil {
			c.t.Fatal(err)
		}
		for _, manifest := range page.Attributes {
			digests = append(digests, *manifest.Digest)
		}
	}
	return digests
}

func (c officialClients) repositories(ctx context.Context) []string {
	c.t.Helper()
	var names []string
	for pager := c.client.NewListRepositoriesPager(&official.ClientListRepositoriesOptions{MaxNum: to.Ptr[int32](1)}); pager.More(); {
		page, err := pager.NextPage(ctx)
		if err != nil {
			c.t.Fatal(err)
		}
		for _, name := range page.Names {
			names = append(names, *name)
		}
	}
	return names
}

func TestOfficialLibraryAuthentication(t *testing.T) {
	c := startOfficial(t)
	ctx := t.Context()
	entra, err := emulatortest.NewCredential(nil).GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{"https://containerregistry.azure.net/.default"}})
	if err != nil {
		t.Fatal(err)
	}
	refresh, err := c.authent.ExchangeAADAccessTokenForACRRefreshToken(ctx, official.PostContentSchemaGrantTypeAccessToken, c.server.host,
		&official.AuthenticationClientExchangeAADAccessTokenForACRRefreshTokenOptions{AccessToken: to.Ptr(entra.Token), Tenant: to.Ptr("contoso.onmicrosoft.com")})
	if err != nil {
		t.Fatal(err)
	}
	access, err := c.authent.ExchangeACRRefreshTokenForACRAccessToken(ctx, c.server.host, "repository:team/app:pull", *refresh.RefreshToken,
		&official.AuthenticationClientExchangeACRRefreshTokenForACRAccessTokenOptions{GrantType: to.Ptr(official.TokenGrantTypeRefreshToken)})
	if err != nil || strings.Count(*access.AccessToken, ".") != 2 {
		t.Fatalf("ExchangeACRRefreshTokenForACRAccessToken: %v", err)
	}
	_, err = c.authent.ExchangeACRRefreshTokenForACRAccessToken(ctx, c.server.host, "repository:team/app:pull", "wrong",
		&official.AuthenticationClientExchangeACRRefreshTokenForACRAccessTokenOptions{GrantType: to.Ptr(official.TokenGrantTypeRefreshToken)})
	wantStatus(t, err, http.StatusUnauthorized)
	_, err = c.authent.ExchangeAADAccessTokenForACRRefreshToken(ctx, official.PostContentSchemaGrantTypeAccessToken, c.server.host,
		&official.AuthenticationClientExchangeAADAccessTokenForACRRefreshTokenOptions{AccessToken: to.Ptr("wrong")})
	wantStatus(t, err, http.StatusUnauthorized)
	for _, token := range []any{access.ACRAccessToken, refresh.ACRRefreshToken} {
		if _, err := json.Marshal(token); err != nil {
			t.Errorf("marshal %T: %v", token, err)
		}
	}
	// It would try a refused sign-in four times, over ten seconds.
	anonymous, err := official.NewClient(c.server.endpoint, nil, &official.ClientOptions{
		ClientOptions: azcore.ClientOptions{Retry: policy.RetryOptions{MaxRetries: -1}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := anonymous.GetRepositoryProperties(ctx, "team/app", nil); err == nil {
		t.Error("a registry without anonymous pull answers anonymous callers")
	}
}
