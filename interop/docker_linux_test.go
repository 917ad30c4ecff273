package interop

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/random"
)

// largeImage is more than a small disk takes.
func largeImage(t *testing.T) v1.Image {
	t.Helper()
	image, err := random.Image(2<<20, 1)
	if err != nil {
		t.Fatal(err)
	}
	return image
}

// TestDocker is the working day of Docker, engine and command line.
func TestDocker(t *testing.T) {
	e := startDocker(t)
	e.do("load", "--input", imageArchive(t))
	s := startEmulator(t)
	if output, err := e.login(s); err != nil || !strings.Contains(output, "Login Succeeded") {
		t.Fatalf("login: %v\n%s", err, output)
	}
	image := s.repository("team/app:v1")
	version := []string{"run", "--rm", "--network=host", "--entrypoint=/usr/bin/acrkit"}
	runs := func(reference string) {
		t.Helper()
		if output := e.do(append(version, reference, "version")...); !strings.Contains(output, "acrkit") {
			t.Errorf("run %s: %s", reference, output)
		}
	}
	e.do("tag", imageName, image)
	e.do("push", image)
	repositoryDigest := e.do("inspect", "--format", "{{index .RepoDigests 0}}", image)
	if !strings.HasPrefix(repositoryDigest, s.repository("team/app@sha256:")) {
		t.Fatalf("the digest after the push is %q", repositoryDigest)
	}

	t.Run("pull and run by tag and by digest", func(t *testing.T) {
		for _, reference := range []string{image, repositoryDigest} {
			e.do("rmi", "--force", image)
			e.do("pull", reference)
			runs(reference)
		}
	})
	t.Run("save and load", func(t *testing.T) {
		dir := t.TempDir()
		e.do("pull", image)
		saved := filepath.Join(dir, "saved.tar")
		e.do("save", "--output", saved, image)
		acrkitAt(t, s, "push", "docker:"+saved, s.host+"/team/saved:v1")
		e.do("pull", s.repository("team/saved:v1"))
		runs(s.repository("team/saved:v1"))
		pulled := filepath.Join(dir, "pulled.tar")
		acrkitAt(t, s, "pull", s.host+"/team/app:v1", "docker:"+pulled)
		e.do("rmi", "--force", image, s.repository("team/saved:v1"))
		output := e.do("load", "--input", pulled)
		_, loaded, ok := strings.Cut(output, "Loaded image: ")
		if !ok {
			_, loaded, _ = strings.Cut(output, "Loaded image ID: ")
		}
		runs(strings.TrimSpace(loaded))
	})
	t.Run("manifest", func(t *testing.T) {
		list := s.repository("team/list:v1")
		e.do("manifest", "create", "--insecure", list, repositoryDigest)
		e.do("manifest", "annotate", list, repositoryDigest, "--os", "linux", "--arch", runtimeArchitecture)
		e.do("manifest", "push", "--insecure", list)
		if output := e.do("manifest", "inspect", "--insecure", list); !strings.Contains(output, strings.Split(repositoryDigest, "@")[1]) {
			t.Errorf("inspect: %s", output)
		}
		e.do("pull", list)
		runs(list)
	})
	t.Run("missing tag", func(t *testing.T) {
		e.fails([]string{"manifest", "not found"}, "pull", s.repository("team/app:none"))
	})
	t.Run("signed out", func(t *testing.T) {
		e.do("logout", s.host)
		e.fails([]string{"authentication required"}, "pull", image)
	})
}

// TestDockerSignsInWithARefreshToken is what az acr login does.
func TestDockerSignsInWithARefreshToken(t *testing.T) {
	e := startDocker(t)
	e.do("load", "--input", imageArchive(t))
	s := startEmulator(t).withRefreshToken(t)
	if output, err := e.login(s); err != nil {
		t.Fatalf("login: %v\n%s", err, output)
	}
	data, err := os.ReadFile(filepath.Join(e.config, "config.json"))
	if err != nil {
		t.Fatal(err)
	}
	var config struct {
		Auths map[string]struct{ Auth, IdentityToken string }
	}
	if err := json.Unmarshal(data, &config); err != nil {
		t.Fatal(err)
	}
	if config.Auths[s.host].Auth == "" {
		t.Errorf("no login is stored for %s: %v", s.host, config.Auths)
	}
	image := s.repository("team/app:v1")
	e.do("tag", imageName, image)
	e.do("push", image)
	e.do("rmi", "--force", image)
	e.do("pull", image)
}

func TestDockerIsRefusedWithTheWrongPassword(t *testing.T) {
	e := startDocker(t)
	s := startEmulator(t)
	s.password = "wrong"
	output, err := e.login(s)
	if err == nil || !strings.Contains(strings.ToLower(output), "unauthorized") {
		t.Errorf("login with a wrong password: %v\n%s", err, output)
	}
}

func TestDockerMeetsAThrottlingRegistry(t *testing.T) {
	e := startDocker(t)
	e.do("load", "--input", imageArchive(t))
	faults := filepath.Join(t.TempDir(), "faults.json")
	if err := os.WriteFile(faults, []byte(`{"faults": [{"preset": "throttled", "routes": ["get-manifest"]}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	s := startEmulator(t, "--faults", faults)
	if output, err := e.login(s); err != nil {
		t.Fatalf("login: %v\n%s", err, output)
	}
	image := s.repository("team/app:v1")
	e.do("tag", imageName, image)
	e.do("push", image)
	e.fails([]string{"toomanyrequests"}, "pull", image)
}
