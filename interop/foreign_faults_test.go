package interop

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	acr "github.com/acrkit/azcontainerregistry"
	"github.com/acrkit/azcontainerregistry/artifact"
)

var errCut = errors.New("the connection was cut")

// cutter breaks the first upload and the first download that carry more than
// after bytes, as a dying connection does: in the middle.
type cutter struct {
	next      http.RoundTripper
	after     int64
	up, down  atomic.Bool
	cuts      atomic.Int64
	resumedAt atomic.Int64
}

func (c *cutter) Do(r *http.Request) (*http.Response, error) {
	if r.Body != nil && (r.Method == http.MethodPatch || r.Method == http.MethodPut) && r.ContentLength != 0 && c.up.Load() {
		r.Body = &cutBody{ReadCloser: r.Body, left: c.after, cutter: c, armed: &c.up}
	}
	if first, ok := strings.CutPrefix(r.Header.Get("Range"), "bytes="); ok && r.Method == http.MethodGet && !strings.HasPrefix(first, "0-") {
		c.resumedAt.Add(1)
	}
	response, err := c.next.RoundTrip(r)
	if err == nil && r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/blobs/") && c.down.Load() {
		response.Body = &cutBody{ReadCloser: response.Body, left: c.after, cutter: c, armed: &c.down}
	}
	return response, err
}

// cutBody ends with errCut after left bytes, once for all bodies of a kind.
type cutBody struct {
	io.ReadCloser
	left   int64
	cutter *cutter
	armed  *atomic.Bool
}

func (b *cutBody) Read(p []byte) (int, error) {
	if b.left <= 0 && b.armed.CompareAndSwap(true, false) {
		b.cutter.cuts.Add(1)
		return 0, errCut
	}
	if b.left > 0 {
		p = p[:min(int64(len(p)), b.left)]
	}
	n, err := b.ReadCloser.Read(p)
	b.left -= int64(n)
	return n, err
}

// foreignCuts sends and fetches a blob while connections break half way, in
// one stream and in chunks.
func foreignCuts(t *testing.T, s server) {
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	for _, chunk := range []int64{0, 512 << 10} {
		cut := &cutter{next: transport, after: 300_000}
		cut.up.Store(true)
		blobs := ourClientWith(t, s, &acr.ClientOptions{ClientOptions: azcore.ClientOptions{Transport: cut}}).NewBlobClient()
		content := make([]byte, 3<<20)
		_, _ = rand.Read(content)
		want := digest.FromBytes(content).String()
		uploaded, err := blobs.Upload(t.Context(), "cut/app", bytes.NewReader(content), &acr.UploadOptions{ChunkSize: chunk})
		if err != nil || uploaded.Digest != want {
			t.Fatalf("upload in chunks of %d: %v, %v", chunk, uploaded, err)
		}
		cut.down.Store(true)
		var got bytes.Buffer
		if _, err := blobs.Download(t.Context(), "cut/app", want, &got, nil); err != nil || !bytes.Equal(got.Bytes(), content) {
			t.Fatalf("download: %d bytes of %d, %v", got.Len(), len(content), err)
		}
		if cut.cuts.Load() != 2 {
			t.Errorf("%d connections were cut, want one each way", cut.cuts.Load())
		}
		if cut.resumedAt.Load() == 0 {
			t.Log("this registry has no ranges: the download began again")
		}
	}
}

// foreignReferrers lets a stranger attach an artifact, in the way that the
// registry allows: where it has no call for referrers, oras keeps their list
// under a tag.
func foreignReferrers(t *testing.T, f foreign, s server, client *acr.Client) {
	ctx := t.Context()
	stranger := orasRepository(t, s, "signed/app")
	if s.username == "" {
		stranger.Client = http.DefaultClient
	}
	root := orasPack(t, ctx, stranger, "image", nil)
	if err := stranger.Tag(ctx, root, "v1"); err != nil {
		t.Fatal(err)
	}
	if found := referrersOf(t, client, root, ""); len(found) != 0 {
		t.Errorf("%d referrers of what nothing refers to", len(found))
	}
	signature := orasPack(t, ctx, stranger, "signature", &root)
	orasPack(t, ctx, stranger, "sbom", &root)
	if found := referrersOf(t, client, root, ""); len(found) != 2 {
		t.Errorf("referrers: %v, want 2", found)
	}
	found := referrersOf(t, client, root, "application/vnd.example.signature")
	if !f.untyped && (len(found) != 1 || found[0].Digest != signature.Digest.String()) {
		t.Errorf("referrers of one type: %v", found)
	}
	_, err := client.CheckManifestExists(ctx, "signed/app", strings.Replace(root.Digest.String(), ":", "-", 1), nil)
	if f.tagged != (err == nil) {
		t.Errorf("the list under a tag: %v, want one: %t", err, f.tagged)
	}
	copyWithReferrers(t, ctx, client, root)
}

// copyWithReferrers takes the image to the emulator, signatures and all.
func copyWithReferrers(t *testing.T, ctx context.Context, client *acr.Client, root ocispec.Descriptor) {
	t.Helper()
	source, err := artifact.NewRepository(client, nil, "signed/app")
	if err != nil {
		t.Fatal(err)
	}
	ours := startEmulator(t)
	target, err := artifact.NewRepository(ourClient(t, ours), nil, "signed/app")
	if err != nil {
		t.Fatal(err)
	}
	result, err := artifact.Copy(ctx, target, "v1", source, "v1", nil)
	if err != nil || result.Referrers != 2 || result.Root.Digest != root.Digest {
		t.Fatalf("copy: %+v, %v", result, err)
	}
	repository := orasRepository(t, ours, "signed/app")
	count := 0
	if err := repository.Referrers(ctx, root, "", func(page []ocispec.Descriptor) error { count += len(page); return nil }); err != nil || count != 2 {
		t.Errorf("oras finds %d referrers of the copy, %v", count, err)
	}
}

func referrersOf(t *testing.T, client *acr.Client, root ocispec.Descriptor, artifactType string) []acr.Descriptor {
	t.Helper()
	var found []acr.Descriptor
	for descriptor, err := range client.Referrers(t.Context(), "signed/app", root.Digest.String(), &acr.ClientListReferrersOptions{ArtifactType: artifactType}) {
		if err != nil {
			t.Fatalf("Referrers: %v", err)
		}
		found = append(found, *descriptor)
	}
	return found
}

// foreignDeletes asks for what isn't there, and takes away what is.
func foreignDeletes(t *testing.T, client *acr.Client) {
	ctx := t.Context()
	blobs := client.NewBlobClient()
	_, err := client.GetManifest(ctx, "team/app", "none", nil)
	wantStatus(t, err, http.StatusNotFound)
	_, err = blobs.CheckBlobExists(ctx, "team/app", digest.FromString("none").String(), nil)
	wantStatus(t, err, http.StatusNotFound)
	// What only ACR has is missing, and says so.
	_, err = client.GetRepositoryProperties(ctx, "team/app", nil)
	wantStatus(t, err, http.StatusNotFound)

	manifest, err := client.CheckManifestExists(ctx, "team/app", "v1", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.DeleteManifest(ctx, "team/app", manifest.Digest, nil); err != nil {
		t.Fatal(err)
	}
	_, err = client.GetManifest(ctx, "team/app", manifest.Digest, nil)
	wantStatus(t, err, http.StatusNotFound)
	uploaded, err := blobs.Upload(ctx, "team/app", strings.NewReader("short-lived"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := blobs.DeleteBlob(ctx, "team/app", uploaded.Digest, nil); err != nil {
		t.Fatal(err)
	}
	_, err = blobs.CheckBlobExists(ctx, "team/app", uploaded.Digest, nil)
	wantStatus(t, err, http.StatusNotFound)
}
