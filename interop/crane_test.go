package interop

import (
	"errors"
	"net/http"
	"slices"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/crane"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

// TestCrane is the working day of crane, over the functions its commands are
// made of.
func TestCrane(t *testing.T) {
	s := startEmulator(t)
	options := craneOptions(t, s)
	image := fixedImage(t, 1)
	digest := push(t, s, "team/app:v1", image)
	push(t, s, "team/app:v2", fixedImage(t, 2))

	t.Run("pull", func(t *testing.T) {
		pulled, err := crane.Pull(s.repository("team/app:v1"), options...)
		if err != nil {
			t.Fatal(err)
		}
		if got := digestOf(t, pulled); got != digest {
			t.Errorf("pulled %s, want %s", got, digest)
		}
		if err := validate.Image(pulled); err != nil {
			t.Errorf("the pulled image: %v", err)
		}
	})
	t.Run("digest, head, manifest, config", func(t *testing.T) {
		if got, err := crane.Digest(s.repository("team/app:v1"), options...); err != nil || got != digest {
			t.Errorf("Digest: %s, %v", got, err)
		}
		head, err := crane.Head(s.repository("team/app:v1"), options...)
		if err != nil || head.Digest.String() != digest {
			t.Errorf("Head: %v, %v", head, err)
		}
		want, err := image.RawManifest()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := crane.Manifest(s.repository("team/app@"+digest), options...); err != nil || !slices.Equal(got, want) {
			t.Errorf("Manifest: %d bytes, %v", len(got), err)
		}
		wantConfig, err := image.RawConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := crane.Config(s.repository("team/app:v1"), options...); err != nil || !slices.Equal(got, wantConfig) {
			t.Errorf("Config: %d bytes, %v", len(got), err)
		}
	})
	t.Run("copy into another repository, by mounting", func(t *testing.T) {
		if err := crane.Copy(s.repository("team/app:v1"), s.repository("mirror/app:v1"), options...); err != nil {
			t.Fatal(err)
		}
		if got, err := crane.Digest(s.repository("mirror/app:v1"), options...); err != nil || got != digest {
			t.Errorf("the copy is %s, %v", got, err)
		}
	})
	t.Run("tag and list", func(t *testing.T) {
		if err := crane.Tag(s.repository("team/app:v1"), "stable", options...); err != nil {
			t.Fatal(err)
		}
		if got, err := crane.ListTags(s.repository("team/app"), options...); err != nil || !slices.Equal(got, []string{"stable", "v1", "v2"}) {
			t.Errorf("ListTags: %q, %v", got, err)
		}
		if got, err := crane.Catalog(s.host, options...); err != nil || !slices.Equal(got, []string{"mirror/app", "team/app"}) {
			t.Errorf("Catalog: %q, %v", got, err)
		}
	})
	t.Run("index", func(t *testing.T) {
		index, err := random.Index(5000, 2, 3)
		if err != nil {
			t.Fatal(err)
		}
		pushIndex(t, s, "team/multi:latest", index)
		pulled, err := remote.Index(parse(t, s, "team/multi:latest"), remoteOptions(t, s)...)
		if err != nil {
			t.Fatal(err)
		}
		if err := validate.Index(pulled); err != nil {
			t.Errorf("the pulled index: %v", err)
		}
	})
	t.Run("referrers", func(t *testing.T) { craneReferrers(t, s, image, digest) })
	t.Run("delete", func(t *testing.T) {
		if err := crane.Delete(s.repository("team/app@"+digest), options...); err != nil {
			t.Fatal(err)
		}
		_, err := crane.Digest(s.repository("team/app:v1"), options...)
		wantTransportStatus(t, err, http.StatusNotFound)
		if _, err := crane.Digest(s.repository("mirror/app:v1"), options...); err != nil {
			t.Errorf("the copy went with the original: %v", err)
		}
	})
}

// craneReferrers attaches an artifact to the image and finds it again.
func craneReferrers(t *testing.T, s server, image v1.Image, digest string) {
	t.Helper()
	subject, err := remote.Head(parse(t, s, "team/app@"+digest), remoteOptions(t, s)...)
	if err != nil {
		t.Fatal(err)
	}
	signature, err := random.Image(100, 1)
	if err != nil {
		t.Fatal(err)
	}
	signature = mutate.MediaType(signature, types.OCIManifestSchema1)
	signature = mutate.ConfigMediaType(signature, "application/vnd.example.signature")
	attached, ok := mutate.Subject(signature, *subject).(v1.Image)
	if !ok {
		t.Fatal("the subject makes no image")
	}
	reference := parse(t, s, "team/app@"+digestOf(t, attached))
	if err := remote.Write(reference, attached, remoteOptions(t, s)...); err != nil {
		t.Fatal(err)
	}
	subjectReference, err := name.NewDigest(s.repository("team/app@"+digest), name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	index, err := remote.Referrers(subjectReference, remoteOptions(t, s)...)
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	if len(manifest.Manifests) != 1 || manifest.Manifests[0].Digest.String() != digestOf(t, attached) || manifest.Manifests[0].ArtifactType != "application/vnd.example.signature" {
		t.Errorf("referrers: %+v", manifest.Manifests)
	}
}

func TestCraneIsRefusedWithoutTheRightPassword(t *testing.T) {
	s := startEmulator(t)
	push(t, s, "team/app:v1", fixedImage(t, 1))
	_, err := crane.Digest(s.repository("team/app:v1"), crane.Insecure, crane.WithAuth(&authn.Basic{Username: nullUser, Password: "wrong"}))
	wantTransportStatus(t, err, http.StatusUnauthorized)
	_, err = crane.Digest(s.repository("team/app:v1"), crane.Insecure, crane.WithAuth(authn.Anonymous))
	wantTransportStatus(t, err, http.StatusUnauthorized)
}

func wantTransportStatus(t *testing.T, err error, status int) {
	t.Helper()
	var answer *transport.Error
	if !errors.As(err, &answer) || answer.StatusCode != status {
		t.Errorf("got %v, want a transport error with status %d", err, status)
	}
}
