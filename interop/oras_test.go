package interop

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/netip"
	"slices"
	"testing"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/content/memory"
	"oras.land/oras-go/v2/content/oci"
	"oras.land/oras-go/v2/errdef"
	"oras.land/oras-go/v2/registry/remote"
	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/errcode"
)

func orasClient(s server) *auth.Client {
	return &auth.Client{
		Client:     &http.Client{Transport: &http.Transport{}},
		Cache:      auth.NewCache(),
		Credential: auth.StaticCredential(s.host, auth.Credential{Username: s.username, Password: s.password}),
		// It refuses token servers on loopback unless told otherwise.
		BlockedRealmPrefixes: []netip.Prefix{},
	}
}

func orasRepository(t *testing.T, s server, name string) *remote.Repository {
	t.Helper()
	repository, err := remote.NewRepository(s.repository(name))
	if err != nil {
		t.Fatal(err)
	}
	repository.PlainHTTP, repository.Client = true, orasClient(s)
	return repository
}

// TestORAS is the working day of oras: an artifact with files, copied about,
// signed, listed and deleted.
func TestORAS(t *testing.T) {
	s := startEmulator(t)
	ctx := t.Context()
	repository := orasRepository(t, s, "artifacts/hello")
	local := memory.New()
	root := orasPack(t, ctx, local, "hello", nil)
	if err := local.Tag(ctx, root, "v1"); err != nil {
		t.Fatal(err)
	}
	if _, err := oras.Copy(ctx, local, "v1", repository, "v1", oras.DefaultCopyOptions); err != nil {
		t.Fatal(err)
	}

	t.Run("resolve and fetch", func(t *testing.T) {
		if got, err := repository.Resolve(ctx, "v1"); err != nil || got.Digest != root.Digest || got.Size != root.Size {
			t.Errorf("Resolve: %+v, %v", got, err)
		}
		descriptor, body, err := repository.FetchReference(ctx, "v1")
		if err != nil {
			t.Fatal(err)
		}
		defer body.Close()
		if _, err := content.ReadAll(body, descriptor); err != nil {
			t.Errorf("the manifest: %v", err)
		}
		_, err = repository.Resolve(ctx, "none")
		if !errors.Is(err, errdef.ErrNotFound) {
			t.Errorf("a tag that isn't there: %v", err)
		}
	})
	t.Run("copy to a layout and back to another repository", func(t *testing.T) {
		layout, err := oci.NewWithContext(ctx, t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := oras.Copy(ctx, repository, "v1", layout, "v1", oras.DefaultCopyOptions); err != nil {
			t.Fatal(err)
		}
		other := orasRepository(t, s, "artifacts/other")
		if got, err := oras.Copy(ctx, layout, "v1", other, "copied", oras.DefaultCopyOptions); err != nil || got.Digest != root.Digest {
			t.Errorf("Copy: %s, %v", got.Digest, err)
		}
	})
	t.Run("mount", func(t *testing.T) {
		blob := blobDescriptor("hello")
		target := orasRepository(t, s, "artifacts/mounted")
		if err := target.Mount(ctx, blob, "artifacts/hello", nil); err != nil {
			t.Fatal(err)
		}
		if there, err := target.Blobs().Exists(ctx, blob); err != nil || !there {
			t.Errorf("the mounted blob exists: %t, %v", there, err)
		}
	})
	t.Run("tag and list", func(t *testing.T) {
		if err := repository.Tag(ctx, root, "stable"); err != nil {
			t.Fatal(err)
		}
		var tags, names []string
		if err := repository.Tags(ctx, "", func(page []string) error { tags = append(tags, page...); return nil }); err != nil {
			t.Fatal(err)
		}
		registry := remote.Registry{RepositoryOptions: remote.RepositoryOptions{PlainHTTP: true, Client: orasClient(s)}}
		registry.Reference.Registry = s.host
		if err := registry.Ping(ctx); err != nil {
			t.Errorf("Ping: %v", err)
		}
		if err := registry.Repositories(ctx, "", func(page []string) error { names = append(names, page...); return nil }); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(tags, []string{"stable", "v1"}) || !slices.Equal(names, []string{"artifacts/hello", "artifacts/other"}) {
			t.Errorf("tags %q, repositories %q", tags, names)
		}
	})
	t.Run("referrers", func(t *testing.T) {
		signature := orasPack(t, ctx, repository, "signature", &root)
		other := orasPack(t, ctx, repository, "sbom", &root)
		found := map[digest.Digest]string{}
		collect := func(page []ocispec.Descriptor) error {
			for _, d := range page {
				found[d.Digest] = d.ArtifactType
			}
			return nil
		}
		if err := repository.Referrers(ctx, root, "", collect); err != nil {
			t.Fatal(err)
		}
		if len(found) != 2 || found[signature.Digest] != "application/vnd.example.signature" {
			t.Errorf("referrers: %v", found)
		}
		clear(found)
		if err := repository.Referrers(ctx, root, "application/vnd.example.sbom", collect); err != nil {
			t.Fatal(err)
		}
		if _, ok := found[other.Digest]; len(found) != 1 || !ok {
			t.Errorf("referrers of one type: %v", found)
		}
	})
	t.Run("extended copy takes the referrers along", func(t *testing.T) {
		target := orasRepository(t, s, "artifacts/extended")
		if _, err := oras.ExtendedCopy(ctx, repository, "v1", target, "v1", oras.DefaultExtendedCopyOptions); err != nil {
			t.Fatal(err)
		}
		count := 0
		if err := target.Referrers(ctx, root, "", func(page []ocispec.Descriptor) error { count += len(page); return nil }); err != nil || count != 2 {
			t.Errorf("%d referrers, %v", count, err)
		}
	})
	t.Run("delete", func(t *testing.T) {
		if err := repository.Delete(ctx, root); err != nil {
			t.Fatal(err)
		}
		if _, err := repository.Resolve(ctx, "v1"); !errors.Is(err, errdef.ErrNotFound) {
			t.Errorf("after the delete: %v", err)
		}
		if err := repository.Blobs().Delete(ctx, blobDescriptor("hello")); err != nil {
			t.Errorf("delete the blob: %v", err)
		}
	})
}

func TestORASIsRefusedWithTheWrongPassword(t *testing.T) {
	s := startEmulator(t)
	s.password = "wrong"
	_, err := orasRepository(t, s, "team/app").Resolve(t.Context(), "v1")
	var answer *errcode.ErrorResponse
	if !errors.As(err, &answer) || answer.StatusCode != http.StatusUnauthorized {
		t.Errorf("got %v, want 401", err)
	}
}

func blobDescriptor(text string) ocispec.Descriptor {
	return content.NewDescriptorFromBytes("text/plain", []byte(text))
}

// orasPack pushes an artifact of one blob, the text, and of the type that the
// text names.
func orasPack(t *testing.T, ctx context.Context, target content.Pusher, text string, subject *ocispec.Descriptor) ocispec.Descriptor {
	t.Helper()
	blob := blobDescriptor(text)
	if err := target.Push(ctx, blob, bytes.NewReader([]byte(text))); err != nil && !errors.Is(err, errdef.ErrAlreadyExists) {
		t.Fatal(err)
	}
	root, err := oras.PackManifest(ctx, target, oras.PackManifestVersion1_1, "application/vnd.example."+text, oras.PackManifestOptions{
		Layers: []ocispec.Descriptor{blob}, Subject: subject,
		ManifestAnnotations: map[string]string{ocispec.AnnotationCreated: "2026-01-01T00:00:00Z"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return root
}
