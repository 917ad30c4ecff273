package interop

import (
	"bytes"
	"errors"
	"io"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/types"
	godigest "github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/regclient/regclient"
	"github.com/regclient/regclient/config"
	"github.com/regclient/regclient/scheme"
	"github.com/regclient/regclient/types/descriptor"
	"github.com/regclient/regclient/types/errs"
	"github.com/regclient/regclient/types/ref"
)

func regclientFor(s server) *regclient.RegClient {
	return regclient.New(
		regclient.WithConfigHost(config.Host{Name: s.host, Hostname: s.host, TLS: config.TLSDisabled, User: s.username, Pass: s.password}),
	)
}

func newRef(t *testing.T, reference string) ref.Ref {
	t.Helper()
	r, err := ref.New(reference)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestRegclient is the working day of regctl, over the library it is made of.
func TestRegclient(t *testing.T) {
	s := startEmulator(t)
	ctx := t.Context()
	client := regclientFor(s)
	index, err := random.Index(5000, 2, 2)
	if err != nil {
		t.Fatal(err)
	}
	pushIndex(t, s, "team/app:v1", index)
	digest := digestOf(t, index)
	app := newRef(t, s.repository("team/app:v1"))

	t.Run("ping", func(t *testing.T) {
		if _, err := client.Ping(ctx, newRef(t, s.repository("team/app"))); err != nil {
			t.Error(err)
		}
	})
	t.Run("manifests", func(t *testing.T) {
		head, err := client.ManifestHead(ctx, app)
		if err != nil || head.GetDescriptor().Digest.String() != digest {
			t.Errorf("ManifestHead: %v", err)
		}
		got, err := client.ManifestGet(ctx, app)
		if err != nil || got.GetDescriptor().Digest.String() != digest || !got.IsList() {
			t.Errorf("ManifestGet: %v", err)
		}
		_, err = client.ManifestHead(ctx, newRef(t, s.repository("team/app:none")))
		if !errors.Is(err, errs.ErrNotFound) {
			t.Errorf("a tag that isn't there: %v", err)
		}
	})
	t.Run("copy", func(t *testing.T) {
		layout := newRef(t, "ocidir://"+filepath.Join(t.TempDir(), "layout")+":v1")
		if err := client.ImageCopy(ctx, app, layout); err != nil {
			t.Fatal(err)
		}
		copied := newRef(t, s.repository("mirror/app:v1"))
		if err := client.ImageCopy(ctx, layout, copied); err != nil {
			t.Fatal(err)
		}
		if err := client.ImageCopy(ctx, app, newRef(t, s.repository("mounted/app:v1"))); err != nil {
			t.Fatal(err)
		}
		if head, err := client.ManifestHead(ctx, copied); err != nil || head.GetDescriptor().Digest.String() != digest {
			t.Errorf("the copy: %v", err)
		}
		if err := client.Close(ctx, layout); err != nil {
			t.Error(err)
		}
	})
	t.Run("lists", func(t *testing.T) {
		repositories, err := client.RepoList(ctx, s.host)
		if err != nil {
			t.Fatal(err)
		}
		if want := []string{"mirror/app", "mounted/app", "team/app"}; !slices.Equal(repositories.Repositories, want) {
			t.Errorf("RepoList: %q, want %q", repositories.Repositories, want)
		}
		tags, err := client.TagList(ctx, newRef(t, s.repository("team/app")))
		if err != nil || !slices.Equal(tags.Tags, []string{"v1"}) {
			t.Errorf("TagList: %v, %v", tags, err)
		}
	})
	t.Run("blobs, with and without knowing the digest", func(t *testing.T) {
		content := bytes.Repeat([]byte("content"), 10_000)
		repository := newRef(t, s.repository("blobs/app"))
		put, err := client.BlobPut(ctx, repository, descriptor.Descriptor{}, bytes.NewReader(content))
		if err != nil || put.Size != int64(len(content)) {
			t.Fatalf("BlobPut: %+v, %v", put, err)
		}
		if _, err := client.BlobPut(ctx, repository, put, bytes.NewReader(content)); err != nil {
			t.Errorf("BlobPut of a known digest: %v", err)
		}
		reader, err := client.BlobGet(ctx, repository, put)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(reader)
		if err := errors.Join(err, reader.Close()); err != nil || !bytes.Equal(got, content) {
			t.Errorf("BlobGet: %d bytes, %v", len(got), err)
		}
		if err := client.BlobDelete(ctx, repository, put); err != nil {
			t.Errorf("BlobDelete: %v", err)
		}
	})
	t.Run("referrers", func(t *testing.T) {
		list, err := client.ReferrerList(ctx, app)
		if err != nil || len(list.Descriptors) != 0 {
			t.Errorf("ReferrerList: %v, %v", list.Descriptors, err)
		}
		subject := ocispec.Descriptor{MediaType: string(types.OCIImageIndex), Digest: godigest.Digest(digest), Size: sizeOf(t, index)}
		signature := orasPack(t, ctx, orasRepository(t, s, "team/app"), "signature", &subject)
		orasPack(t, ctx, orasRepository(t, s, "team/app"), "sbom", &subject)
		for filter, want := range map[string]int{"": 2, "application/vnd.example.signature": 1} {
			list, err := client.ReferrerList(ctx, app, scheme.WithReferrerMatchOpt(descriptor.MatchOpt{ArtifactType: filter}))
			if err != nil || len(list.Descriptors) != want || want == 1 && list.Descriptors[0].Digest != signature.Digest {
				t.Errorf("ReferrerList of %q: %v, %v", filter, list.Descriptors, err)
			}
		}
		signed := newRef(t, s.repository("signed/app:v1"))
		if err := client.ImageCopy(ctx, app, signed, regclient.ImageWithReferrers()); err != nil {
			t.Fatal(err)
		}
		if list, err := client.ReferrerList(ctx, signed); err != nil || len(list.Descriptors) != 2 {
			t.Errorf("referrers of the copy: %v, %v", list.Descriptors, err)
		}
	})
	t.Run("delete a tag, then a manifest", func(t *testing.T) {
		// ACR deletes manifests by digest only, so that the library falls back
		// to moving the tag to a manifest of its own and deleting that.
		if err := client.TagDelete(ctx, newRef(t, s.repository("mirror/app:v1"))); err != nil {
			t.Errorf("TagDelete: %v", err)
		}
		if _, err := client.ManifestHead(ctx, newRef(t, s.repository("mirror/app@"+digest))); err != nil {
			t.Errorf("the manifest went with its tag: %v", err)
		}
		if err := client.ManifestDelete(ctx, newRef(t, s.repository("team/app@"+digest))); err != nil {
			t.Errorf("ManifestDelete: %v", err)
		}
		if _, err := client.ManifestHead(ctx, app); !errors.Is(err, errs.ErrNotFound) {
			t.Errorf("after the delete: %v", err)
		}
	})
	if err := client.Close(ctx, app); err != nil {
		t.Error(err)
	}
}

func TestRegclientIsRefusedWithTheWrongPassword(t *testing.T) {
	s := startEmulator(t)
	s.password = "wrong"
	_, err := regclientFor(s).ManifestHead(t.Context(), newRef(t, s.repository("team/app:v1")))
	if !errors.Is(err, errs.ErrHTTPUnauthorized) {
		t.Errorf("got %v, want %v", err, errs.ErrHTTPUnauthorized)
	}
}

func sizeOf(t *testing.T, image interface{ Size() (int64, error) }) int64 {
	t.Helper()
	size, err := image.Size()
	if err != nil {
		t.Fatal(err)
	}
	return size
}
