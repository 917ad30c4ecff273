package interop

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/crane"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

// acrkitAt runs our command with the server's login in the environment of
// docker's store, as a person's would be.
func acrkitAt(t *testing.T, s server, args ...string) string {
	t.Helper()
	home := t.TempDir()
	writeDockerLogin(t, filepath.Join(home, ".docker"), s)
	t.Setenv("HOME", home)
	t.Setenv("DOCKER_CONFIG", filepath.Join(home, ".docker"))
	return command(t, "", acrkit, args...)
}

func writeDockerLogin(t *testing.T, dir string, s server) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	type entry struct {
		Username string `json:"username"`
		Password string `json:"password"`
		Auth     []byte `json:"auth"`
	}
	data, err := json.Marshal(map[string]map[string]entry{"auths": {s.host: {
		Username: s.username, Password: s.password, Auth: []byte(s.username + ":" + s.password),
	}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "config.json"), data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestAStrangersImageGoesThroughAcrkit takes images that go-containerregistry
// and skopeo made, as layouts and as archives, pushes them with our command
// to our emulator, and pulls them with their makers.
func TestAStrangersImageGoesThroughAcrkit(t *testing.T) {
	s := startEmulator(t)
	dir := t.TempDir()
	image := fixedImage(t, 1)
	digest := digestOf(t, image)

	t.Run("crane's layout", func(t *testing.T) {
		source := filepath.Join(dir, "crane")
		writeLayout(t, source, image)
		printed := acrkitAt(t, s, "push", "oci:"+source, s.repository("made/crane:v1"))
		if !strings.Contains(printed, digest) {
			t.Errorf("acrkit push printed %q, want the digest %s", printed, digest)
		}
		pulled, err := crane.Pull(s.repository("made/crane:v1"), craneOptions(t, s)...)
		if err != nil {
			t.Fatal(err)
		}
		if err := validate.Image(pulled); err != nil || digestOf(t, pulled) != digest {
			t.Errorf("crane pulled %s, %v, want %s", digestOf(t, pulled), err, digest)
		}
	})
	t.Run("docker's archive", func(t *testing.T) {
		source := filepath.Join(dir, "docker.tar")
		if err := crane.Save(image, "example.com/app:v1", source); err != nil {
			t.Fatal(err)
		}
		acrkitAt(t, s, "push", "docker:"+source, s.repository("made/docker:v1"))
		pulled, err := crane.Pull(s.repository("made/docker:v1"), craneOptions(t, s)...)
		if err != nil {
			t.Fatal(err)
		}
		if err := validate.Image(pulled); err != nil {
			t.Errorf("crane pulled: %v", err)
		}
		sameFiles(t, image, pulled)
	})
	t.Run("skopeo's layout", func(t *testing.T) {
		need(t, "skopeo")
		source := filepath.Join(dir, "skopeo")
		archive := filepath.Join(dir, "for-skopeo.tar")
		if err := crane.Save(image, "example.com/app:v1", archive); err != nil {
			t.Fatal(err)
		}
		command(t, "", "skopeo", "--insecure-policy", "copy", "docker-archive:"+archive, "oci:"+source+":v1")
		acrkitAt(t, s, "push", "oci:"+source, s.repository("made/skopeo:v1"))
		k := loginSkopeo(t, s)
		back := filepath.Join(dir, "skopeo-back")
		k.run("copy", "docker://"+s.repository("made/skopeo:v1"), "oci:"+back+":v1")
		if want, got := rootOf(t, source), rootOf(t, back); want != got {
			t.Errorf("skopeo pulled %s, want %s", got, want)
		}
	})
}

// TestAnImageOfAcrkitsGoesToStrangers is the other way round: strangers push
// to the emulator, our command pulls, strangers read what it wrote.
func TestAnImageOfAcrkitsGoesToStrangers(t *testing.T) {
	s := startEmulator(t)
	dir := t.TempDir()
	image := fixedImage(t, 2)
	digest := push(t, s, "made/by-crane:v1", image)

	t.Run("a layout for crane", func(t *testing.T) {
		target := filepath.Join(dir, "layout")
		acrkitAt(t, s, "pull", s.repository("made/by-crane:v1"), "oci:"+target)
		index, err := layout.ImageIndexFromPath(target)
		if err != nil {
			t.Fatal(err)
		}
		manifest, err := index.IndexManifest()
		if err != nil || len(manifest.Manifests) != 1 {
			t.Fatalf("the layout has %v, %v", manifest, err)
		}
		got, err := index.Image(manifest.Manifests[0].Digest)
		if err != nil {
			t.Fatal(err)
		}
		if err := validate.Image(got); err != nil || digestOf(t, got) != digest {
			t.Errorf("crane reads %s, %v, want %s", digestOf(t, got), err, digest)
		}
	})
	t.Run("an archive for docker", func(t *testing.T) {
		target := filepath.Join(dir, "docker.tar")
		acrkitAt(t, s, "pull", s.repository("made/by-crane:v1"), "docker:"+target)
		got, err := crane.Load(target)
		if err != nil {
			t.Fatal(err)
		}
		if err := validate.Image(got); err != nil {
			t.Errorf("crane reads: %v", err)
		}
		sameFiles(t, image, got)
	})
	t.Run("a layout for skopeo", func(t *testing.T) {
		need(t, "skopeo")
		k := loginSkopeo(t, s)
		archive := filepath.Join(dir, "in.tar")
		if err := crane.Save(image, "example.com/app:v1", archive); err != nil {
			t.Fatal(err)
		}
		k.run("copy", "docker-archive:"+archive, "docker://"+s.repository("made/by-skopeo:v1"))
		target := filepath.Join(dir, "for-skopeo")
		acrkitAt(t, s, "pull", s.repository("made/by-skopeo:v1"), "oci:"+target)
		command(t, "", "skopeo", "--insecure-policy", "copy", "oci:"+target, "docker-archive:"+filepath.Join(dir, "out.tar"))
		got, err := crane.Load(filepath.Join(dir, "out.tar"))
		if err != nil {
			t.Fatal(err)
		}
		sameFiles(t, image, got)
	})
}

func writeLayout(t *testing.T, dir string, image v1.Image) {
	t.Helper()
	if _, err := layout.Write(dir, mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: image})); err != nil {
		t.Fatal(err)
	}
}

// rootOf is the digest of the only image of a layout.
func rootOf(t *testing.T, dir string) string {
	t.Helper()
	index, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := index.IndexManifest()
	if err != nil || len(manifest.Manifests) != 1 {
		t.Fatalf("layout %s has %v, %v", dir, manifest, err)
	}
	return manifest.Manifests[0].Digest.String()
}

// sameFiles compares what the layers unpack to: archives keep no compression,
// and so no digests of layers.
func sameFiles(t *testing.T, want, got v1.Image) {
	t.Helper()
	diffIDs := func(image v1.Image) []v1.Hash {
		config, err := image.ConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		return config.RootFS.DiffIDs
	}
	first, second := diffIDs(want), diffIDs(got)
	if len(first) != len(second) {
		t.Fatalf("%d layers, want %d", len(second), len(first))
	}
	for i := range first {
		if first[i] != second[i] {
			t.Errorf("layer %d is %s, want %s", i, second[i], first[i])
		}
	}
}
