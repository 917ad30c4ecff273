package interop

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/crane"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/random"
)

// skopeo is the program from the distribution, signed in to a server.
type skopeo struct {
	t    *testing.T
	auth string
}

func loginSkopeo(t *testing.T, s server) skopeo {
	t.Helper()
	need(t, "skopeo")
	k := skopeo{t: t, auth: filepath.Join(t.TempDir(), "auth.json")}
	command(t, s.password, "skopeo", "login", "--authfile", k.auth, "--tls-verify=false", "--username", s.username, "--password-stdin", s.host)
	return k
}

// run calls a command with the stored login.
func (k skopeo) run(subcommand string, args ...string) string {
	k.t.Helper()
	output, err := k.try(subcommand, args...)
	if err != nil {
		k.t.Fatalf("skopeo %s: %v\n%s", subcommand, err, output)
	}
	return output
}

func (k skopeo) try(subcommand string, args ...string) (string, error) {
	k.t.Helper()
	all := []string{"--insecure-policy", subcommand, "--authfile", k.auth}
	switch subcommand {
	case "copy", "sync":
		all = append(all, "--src-tls-verify=false", "--dest-tls-verify=false")
	default:
		all = append(all, "--tls-verify=false")
	}
	return try(k.t, "", "skopeo", append(all, args...)...)
}

// TestSkopeo is the working day of skopeo.
func TestSkopeo(t *testing.T) {
	need(t, "skopeo")
	s := startEmulator(t)
	k := loginSkopeo(t, s)
	dir := t.TempDir()
	source := filepath.Join(dir, "source.tar")
	if err := crane.Save(fixedImage(t, 1), "example.com/app:v1", source); err != nil {
		t.Fatal(err)
	}
	image := "docker://" + s.repository("team/app:v1")
	k.run("copy", "docker-archive:"+source, image)

	t.Run("inspect", func(t *testing.T) {
		var got struct {
			Digest, Architecture, Os string
			RepoTags, Layers         []string
		}
		if err := json.Unmarshal([]byte(k.run("inspect", image)), &got); err != nil {
			t.Fatal(err)
		}
		if got.Architecture != "amd64" || got.Os != "linux" || len(got.Layers) != 2 || !slices.Equal(got.RepoTags, []string{"v1"}) {
			t.Errorf("inspect: %+v", got)
		}
		if raw := k.run("inspect", "--raw", image); !strings.Contains(raw, "schemaVersion") {
			t.Errorf("inspect --raw: %s", raw)
		}
		if config := k.run("inspect", "--config", image); !strings.Contains(config, "rootfs") {
			t.Errorf("inspect --config: %s", config)
		}
	})
	t.Run("copy about", func(t *testing.T) {
		pulled := filepath.Join(dir, "pulled")
		k.run("copy", image, "oci:"+pulled+":v1")
		k.run("copy", "oci:"+pulled+":v1", "docker://"+s.repository("mirror/app:oci"))
		k.run("copy", image, "docker://"+s.repository("mirror/app:direct"))
		k.run("copy", image, "docker-archive:"+filepath.Join(dir, "pulled.tar"))
		if _, err := crane.Load(filepath.Join(dir, "pulled.tar")); err != nil {
			t.Errorf("the pulled archive: %v", err)
		}
	})
	t.Run("every platform of an index", func(t *testing.T) {
		index, err := random.Index(5000, 2, 3)
		if err != nil {
			t.Fatal(err)
		}
		multi := filepath.Join(dir, "multi")
		if _, err := layout.Write(multi, index); err != nil {
			t.Fatal(err)
		}
		pushIndex(t, s, "team/multi:latest", index)
		k.run("copy", "--all", "docker://"+s.repository("team/multi:latest"), "docker://"+s.repository("mirror/multi:latest"))
		if got, err := crane.Digest(s.repository("mirror/multi:latest"), craneOptions(t, s)...); err != nil || got != digestOf(t, index) {
			t.Errorf("the copy is %s, %v, want %s", got, err, digestOf(t, index))
		}
	})
	t.Run("list", func(t *testing.T) {
		var got struct{ Tags []string }
		if err := json.Unmarshal([]byte(k.run("list-tags", "docker://"+s.repository("mirror/app"))), &got); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got.Tags, []string{"direct", "oci"}) {
			t.Errorf("list-tags: %q", got.Tags)
		}
	})
	t.Run("sync", func(t *testing.T) {
		synced := filepath.Join(dir, "synced")
		k.run("sync", "--src", "docker", "--dest", "dir", s.repository("mirror/app"), synced)
		entries, err := os.ReadDir(synced)
		if err != nil || len(entries) != 2 {
			t.Errorf("synced %v, %v", entries, err)
		}
	})
	t.Run("delete", func(t *testing.T) {
		k.run("delete", image)
		output, err := k.try("inspect", image)
		if err == nil || !strings.Contains(output, "manifest") {
			t.Errorf("after the delete: %v\n%s", err, output)
		}
	})
}

func TestSkopeoIsRefusedWithTheWrongPassword(t *testing.T) {
	need(t, "skopeo")
	s := startEmulator(t)
	auth := filepath.Join(t.TempDir(), "auth.json")
	output, err := try(t, "wrong", "skopeo", "login", "--authfile", auth, "--tls-verify=false", "--username", nullUser, "--password-stdin", s.host)
	if err == nil || !strings.Contains(strings.ToLower(output), "unauthorized") && !strings.Contains(output, "invalid username/password") {
		t.Errorf("login with a wrong password: %v\n%s", err, output)
	}
}
