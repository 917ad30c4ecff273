package interop

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"testing"

	"github.com/containerd/containerd/v2/core/remotes"
	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/containerd/errdefs"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// TestContainerdDoesNotResolve pushes, resolves and fetches an image with
// containerd's resolver, as its nodes do.
func TestContainerdDoesNotResolve(t *testing.T) {
	s := startEmulator(t)
	for name, user := range map[string]server{"admin": s, "refresh token": s.withRefreshToken(t)} {
		t.Run(name, func(t *testing.T) {
			authorizer := docker.NewDockerAuthorizer(docker.WithAuthCreds(func(string) (string, string, error) {
				if user.username == nullUser {
					return "", user.password, nil
				}
				return user.username, user.password, nil
			}))
			resolver := docker.NewResolver(docker.ResolverOptions{Hosts: docker.ConfigureDefaultRegistries(
				docker.WithAuthorizer(authorizer), docker.WithPlainHTTP(docker.MatchLocalhost),
			)})
			reference := s.repository("containerd/app:v1")
			pusher, err := resolver.Pusher(t.Context(), reference)
			if err != nil {
				t.Fatal(err)
			}
			config := []byte(`{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]},"config":{}}`)
			layer := bytes.Repeat([]byte("layer of "+name), 100_000)
			image := ocispec.Manifest{
				Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest,
				Config: pushContainerd(t, pusher, ocispec.MediaTypeImageConfig, config),
				Layers: []ocispec.Descriptor{pushContainerd(t, pusher, ocispec.MediaTypeImageLayerGzip, layer)},
			}
			raw, err := json.Marshal(image)
			if err != nil {
				t.Fatal(err)
			}
			manifest := pushContainerd(t, pusher, ocispec.MediaTypeImageManifest, raw)
			// What is there is not pushed again.
			if _, err := pusher.Push(t.Context(), image.Layers[0]); !errdefs.IsAlreadyExists(err) {
				t.Errorf("a second push: %v", err)
			}
			_, resolved, err := resolver.Resolve(t.Context(), reference)
			if err != nil || resolved.Digest != manifest.Digest || resolved.Size != manifest.Size {
				t.Fatalf("resolved to %v (%v), want %v", resolved, err, manifest)
			}
			fetcher, err := resolver.Fetcher(t.Context(), reference)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range []ocispec.Descriptor{resolved, image.Config, image.Layers[0]} {
				fetchContainerd(t, fetcher, d)
			}
			if _, _, err := resolver.Resolve(t.Context(), s.repository("containerd/app:none")); !errdefs.IsNotFound(err) {
				t.Errorf("a missing tag: %v", err)
			}
		})
	}
}

func pushContainerd(t *testing.T, pusher remotes.Pusher, mediaType string, content []byte) ocispec.Descriptor {
	t.Helper()
	d := ocispec.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(content), Size: int64(len(content))}
	w, err := pusher.Push(t.Context(), d)
	if errdefs.IsAlreadyExists(err) {
		return d
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Commit(context.WithoutCancel(t.Context()), d.Size, d.Digest), w.Close()); err != nil {
		t.Fatal(err)
	}
	return d
}

func fetchContainerd(t *testing.T, fetcher remotes.Fetcher, d ocispec.Descriptor) {
	t.Helper()
	r, err := fetcher.Fetch(t.Context(), d)
	if err != nil {
		t.Fatalf("fetch %s: %v", d.Digest, err)
	}
	defer r.Close()
	content, err := io.ReadAll(r)
	if err != nil || digest.FromBytes(content) != d.Digest {
		t.Errorf("fetch %s: other content (%v)", d.Digest, err)
	}
}
