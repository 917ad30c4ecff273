package interop

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"

	"cuelabs.dev/go/oci/ociregistry/ocimem"
	"cuelabs.dev/go/oci/ociregistry/ociserver"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	ggcrregistry "github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/validate"
	"github.com/opencontainers/go-digest"

	acr "github.com/acrkit/azcontainerregistry"
	"github.com/acrkit/azcontainerregistry/artifact"
)

// foreign is a registry that others wrote.
type foreign struct {
	name  string
	start func(t *testing.T) server
	// tagged says that others keep a list of referrers there under a tag, since
	// it has no call for them or doesn't say so; untyped, that the call's list
	// has no artifact types of manifests.
	tagged, untyped bool
}

// quiet keeps go-containerregistry's registry from logging each request.
var quiet = ggcrregistry.Logger(log.New(io.Discard, "", 0))

// foreigners run on loopback ports: without a challenge, with passwords on
// every request, and with a token service. Distribution's Locations are
// absolute, the others' relative.
func foreigners() []foreign {
	return []foreign{
		{name: "go-containerregistry, which never challenges", start: func(t *testing.T) server {
			return listen(t, ggcrregistry.New(quiet, ggcrregistry.WithReferrersSupport(true)))
		}, tagged: true, untyped: true},
		{name: "go-containerregistry without referrers", start: func(t *testing.T) server {
			return listen(t, ggcrregistry.New(quiet))
		}, tagged: true},
		{name: "ociregistry", start: func(t *testing.T) server {
			return listen(t, ociserver.New(ocimem.New(), nil))
		}},
		{name: "distribution without authentication", start: func(t *testing.T) server {
			return startDistribution(t, "")
		}, tagged: true},
		{name: "distribution with tokens", start: func(t *testing.T) server {
			return startDistribution(t, "token")
		}, tagged: true},
		{name: "distribution with passwords", start: func(t *testing.T) server {
			return startDistribution(t, "htpasswd")
		}, tagged: true},
		{name: "the registry that Debian packages", start: startDockerRegistry, tagged: true},
	}
}

func listen(t *testing.T, handler http.Handler) server {
	t.Helper()
	web := httptest.NewServer(handler)
	t.Cleanup(web.Close)
	return serverAt(t, web.URL)
}

// ourClient signs in with the server's password, or not at all.
func ourClient(t *testing.T, s server) *acr.Client {
	t.Helper()
	return ourClientWith(t, s, nil)
}

func ourClientWith(t *testing.T, s server, options *acr.ClientOptions) *acr.Client {
	t.Helper()
	if s.username == "" {
		client, err := acr.NewClientWithNoCredential(s.endpoint, options)
		if err != nil {
			t.Fatal(err)
		}
		return client
	}
	credential, err := acr.NewPasswordCredential(s.username, s.password)
	if err != nil {
		t.Fatal(err)
	}
	client, err := acr.NewClientWithPasswordCredential(s.endpoint, credential, options)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func TestOurClientAtForeignRegistries(t *testing.T) {
	for _, f := range foreigners() {
		t.Run(f.name, func(t *testing.T) {
			s := f.start(t)
			client := ourClient(t, s)
			t.Run("blobs", func(t *testing.T) { foreignBlobs(t, client.NewBlobClient()) })
			t.Run("chunks", func(t *testing.T) { foreignChunks(t, client.NewBlobClient()) })
			t.Run("cut connections", func(t *testing.T) { foreignCuts(t, s) })
			t.Run("images", func(t *testing.T) { foreignImages(t, client) })
			t.Run("referrers", func(t *testing.T) { foreignReferrers(t, f, s, client) })
			t.Run("errors and deletes", func(t *testing.T) { foreignDeletes(t, client) })
		})
	}
}

// foreignBlobs sends and fetches blobs with the engine, and counts that every
// byte arrived: the official library uploads nothing where nobody challenges.
func foreignBlobs(t *testing.T, blobs *acr.BlobClient) {
	ctx := t.Context()
	for _, size := range []int{0, 1, 5 << 20} {
		content := make([]byte, size)
		_, _ = rand.Read(content)
		want := digest.FromBytes(content).String()
		for _, known := range []string{"", want} {
			response, err := blobs.Upload(ctx, "team/app", bytes.NewReader(content), &acr.UploadOptions{Digest: known})
			if err != nil {
				t.Fatalf("upload %d bytes: %v", size, err)
			}
			if response.Digest != want || response.Size != int64(size) {
				t.Errorf("Upload: %+v, want %d bytes of %s", response, size, want)
			}
		}
		if size == 0 {
			// Distribution has no HEAD of an empty blob's length to offer, and
			// nothing is left to compare.
			continue
		}
		exists, err := blobs.CheckBlobExists(ctx, "team/app", want, nil)
		if err != nil || *exists.ContentLength != int64(size) {
			t.Fatalf("CheckBlobExists: %v", err)
		}
		var got bytes.Buffer
		if _, err := blobs.Download(ctx, "team/app", want, &got, nil); err != nil || !bytes.Equal(got.Bytes(), content) {
			t.Errorf("Download: %d bytes of %d, %v", got.Len(), size, err)
		}
		reader, err := blobs.Open(ctx, "team/app", want, nil)
		if err != nil {
			t.Fatal(err)
		}
		part := make([]byte, size/2)
		if _, err := reader.ReadAt(part, int64(size-len(part))); err != nil && !errors.Is(err, io.EOF) || !bytes.Equal(part, content[size-len(part):]) {
			t.Errorf("ReadAt: %v", err)
		}
		if err := reader.Close(); err != nil {
			t.Error(err)
		}
	}
	_, err := blobs.Upload(ctx, "team/app", bytes.NewReader([]byte("one thing")), &acr.UploadOptions{Digest: digest.FromString("another").String()})
	if err == nil {
		t.Error("a wrong digest was accepted")
	}
}

// foreignChunks makes the calls of v0.2.3 by hand.
func foreignChunks(t *testing.T, blobs *acr.BlobClient) {
	ctx := t.Context()
	content := bytes.Repeat([]byte("0123456789"), 10_000)
	start, err := blobs.StartUpload(ctx, "team/app", nil)
	if err != nil {
		t.Fatal(err)
	}
	calculator := acr.NewBlobDigestCalculator()
	location := *start.Location
	first := 0
	for part := range slices.Chunk(content, 30_000) {
		// go-containerregistry's registry wants the range from the second on.
		chunk, err := blobs.UploadChunk(ctx, location, bytes.NewReader(part), calculator,
			&acr.BlobClientUploadChunkOptions{RangeStart: to.Ptr(int32(first)), RangeEnd: to.Ptr(int32(first + len(part) - 1))})
		if err != nil {
			t.Fatal(err)
		}
		location = *chunk.Location
		first += len(part)
	}
	complete, err := blobs.CompleteUpload(ctx, location, calculator, nil)
	if want := digest.FromBytes(content).String(); err != nil || *complete.DockerContentDigest != want {
		t.Fatalf("CompleteUpload: %v", err)
	}
	response, err := blobs.GetBlob(ctx, "team/app", *complete.DockerContentDigest, nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(response.BlobData)
	if err := errors.Join(err, response.BlobData.Close()); err != nil || !bytes.Equal(got, content) {
		t.Errorf("GetBlob: %d bytes of %d, %v", len(got), len(content), err)
	}
}

// foreignImages copies an index that a stranger made: layout, registry, and
// back.
func foreignImages(t *testing.T, client *acr.Client) {
	ctx := t.Context()
	index, err := random.Index(20_000, 3, 2)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	path, err := layout.Write(filepath.Join(dir, "source"), index)
	if err != nil {
		t.Fatal(err)
	}
	source, err := artifact.OpenLayout(string(path))
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	child, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	repository, err := artifact.NewRepository(client, nil, "team/app")
	if err != nil {
		t.Fatal(err)
	}
	first := child.Manifests[0].Digest.String()
	result, err := artifact.Copy(ctx, repository, "v1", source, first, nil)
	if err != nil {
		t.Fatal(err)
	}
	target, err := artifact.CreateLayout(filepath.Join(dir, "target"))
	if err != nil {
		t.Fatal(err)
	}
	defer target.Close()
	back, err := artifact.Copy(ctx, target, "v1", repository, "v1", nil)
	if err != nil {
		t.Fatal(err)
	}
	if result.Root.Digest.String() != first || back.Root.Digest != result.Root.Digest {
		t.Errorf("copied %s, and back %s, want %s", result.Root.Digest, back.Root.Digest, first)
	}
	pulled, err := layout.ImageIndexFromPath(filepath.Join(dir, "target"))
	if err != nil {
		t.Fatal(err)
	}
	image, err := pulled.Image(child.Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Image(image); err != nil {
		t.Errorf("what came back: %v", err)
	}
	other, err := artifact.NewRepository(client, nil, "team/copy")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := artifact.Copy(ctx, other, "v1", repository, "v1", nil); err != nil {
		t.Errorf("copy inside the registry: %v", err)
	}
	if _, err := client.CheckManifestExists(ctx, "team/copy", "v1", nil); err != nil {
		t.Errorf("the copy: %v", err)
	}
}

// TestNothingIsAskedTwiceWhereNobodyChallenges counts the requests of an
// upload at a registry without authentication.
func TestNothingIsAskedTwiceWhereNobodyChallenges(t *testing.T) {
	var requests atomic.Int64
	registry := ggcrregistry.New(quiet)
	s := listen(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		if r.Header.Get("Authorization") != "" {
			t.Error("a credential was sent where none was asked for")
		}
		registry.ServeHTTP(w, r)
	}))
	client := ourClient(t, s)
	content := []byte("content")
	if _, err := client.NewBlobClient().Upload(context.WithoutCancel(t.Context()), "team/app", bytes.NewReader(content), &acr.UploadOptions{Digest: digest.FromBytes(content).String()}); err != nil {
		t.Fatal(err)
	}
	// One to start, one with the bytes, and at most two that find out that
	// there is no token service and no challenge.
	if got := requests.Load(); got > 4 {
		t.Errorf("%d requests for one upload, want 4 at most", got)
	}
}
