package interop

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/crane"
	"github.com/google/go-containerregistry/pkg/v1/layout"
)

const runtimeArchitecture = runtime.GOARCH

// TestImageIsSmallAndForBothPlatforms reads it with another's library.
func TestImageIsSmallAndForBothPlatforms(t *testing.T) {
	dir, err := emulatorImage()
	if err != nil {
		t.Fatal(err)
	}
	index, err := layout.ImageIndexFromPath(filepath.Join(dir, "acrkit-emulator"))
	if err != nil {
		t.Fatal(err)
	}
	outer, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	inner, err := index.ImageIndex(outer.Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := inner.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	if len(outer.Manifests) != 1 || len(manifest.Manifests) != 2 {
		t.Fatalf("%d roots, %d platforms", len(outer.Manifests), len(manifest.Manifests))
	}
	for _, platform := range manifest.Manifests {
		image, err := inner.Image(platform.Digest)
		if err != nil {
			t.Fatal(err)
		}
		layers, err := image.Layers()
		if err != nil {
			t.Fatal(err)
		}
		var size int64
		for _, layer := range layers {
			n, err := layer.Size()
			if err != nil {
				t.Fatal(err)
			}
			size += n
		}
		if size > 25_000_000 {
			t.Errorf("%s has %d bytes compressed, want at most 25 MB", platform.Platform, size)
		}
	}
}

// TestEmulatorInAContainer runs the image in each engine.
func TestEmulatorInAContainer(t *testing.T) {
	for name, start := range map[string]func(*testing.T) engine{"docker": startDocker, "podman": startPodman} {
		t.Run(name, func(t *testing.T) {
			e := start(t)
			e.do("load", "--input", imageArchive(t))
			under := func(name string, f func(engine)) {
				t.Run(name, func(t *testing.T) {
					e := e
					e.t = t
					f(e)
				})
			}
			under("keeps its data in a volume", keepsData)
			under("gets ready at once", getsReady)
			under("runs with a read-only root", func(e engine) {
				serves(e, e.runEmulator([]string{"--read-only"}, nil))
			})
			under("runs as another user", func(e engine) {
				serves(e, e.runEmulator([]string{"--user", "1234:1234"}, nil))
			})
			under("listens beyond loopback only when asked", asksBeyondLoopback)
			under("says what is wrong with its folder", wrongFolder)
			under("serves the strangers", func(e engine) { strangersAtWork(e.t, e.served(e.runEmulator(nil, nil), 1)) })
			under("runs by the recipe of the guide", recipe)
		})
	}
}

// serves pushes an image and reads it back.
func serves(e engine, id string) server {
	e.t.Helper()
	s := e.served(id, 1)
	image := fixedImage(e.t, 1)
	if err := crane.Push(image, s.repository("team/app:v1"), craneOptions(e.t, s)...); err != nil {
		e.t.Fatal(err)
	}
	if got, err := crane.Digest(s.repository("team/app:v1"), craneOptions(e.t, s)...); err != nil || got != digestOf(e.t, image) {
		e.t.Errorf("digest %s, %v", got, err)
	}
	return s
}

// keepsData is load, run, health check, stop, start, and another container
// with the same volume.
func keepsData(e engine) {
	const volume = "acrkit-interop"
	id := e.runEmulator([]string{"--volume", volume + ":/data"}, nil)
	first := serves(e, id)
	healthy(e, id)
	e.do("stop", id)
	e.do("start", id)
	again := e.served(id, 2)
	if first.password != again.password {
		e.t.Errorf("the password was %q and is %q: the data folder does not keep it", first.password, again.password)
	}
	e.do("restart", id)
	e.served(id, 3)
	e.do("rm", "--force", id)
	s := e.served(e.runEmulator([]string{"--volume", volume + ":/data"}, nil), 1)
	if got, err := crane.Digest(s.repository("team/app:v1"), craneOptions(e.t, s)...); err != nil || got != digestOf(e.t, fixedImage(e.t, 1)) {
		e.t.Errorf("in another container: digest %s, %v", got, err)
	}
}

// healthy waits for the engine's own view. podman leaves the timing to systemd,
// so it is told to check.
func healthy(e engine, id string) {
	e.t.Helper()
	if e.name == "podman" {
		e.do("healthcheck", "run", id)
		return
	}
	eventually(e.t, "the health check", func() bool {
		return e.do("inspect", "--format", "{{.State.Health.Status}}", id) == "healthy"
	})
}

// getsReady takes the best of some starts: what else the machine does is none
// of the image's doing.
func getsReady(e engine) {
	const tries, limit = 5, 300 * time.Millisecond
	best := time.Hour
	for range tries {
		id := e.runEmulator(nil, nil)
		e.served(id, 1)
		started, err := time.Parse(time.RFC3339Nano, strings.Replace(e.do("inspect", "--format", `{{.State.StartedAt}}`, id), " +0000 UTC", "Z", 1))
		if err != nil {
			// podman prints a time as Go does.
			started, err = time.Parse("2006-01-02 15:04:05.999999999Z", strings.Replace(e.do("inspect", "--format", `{{.State.StartedAt}}`, id), " +0000 UTC", "Z", 1))
		}
		if err != nil {
			e.t.Fatal(err)
		}
		for line := range strings.Lines(e.do("logs", "--timestamps", id)) {
			at, text, _ := strings.Cut(line, " ")
			printed, err := time.Parse(time.RFC3339Nano, at)
			if err == nil && strings.Contains(text, "{") {
				best = min(best, printed.Sub(started))
				break
			}
		}
	}
	e.t.Logf("ready %v after the start", best)
	if best > limit {
		e.t.Errorf("ready %v after the start, want at most %v", best, limit)
	}
}

func asksBeyondLoopback(e engine) {
	run := append([]string{"run", "--rm", "--network=host"}, e.run...)
	e.fails([]string{"other machines may reach this address", "--listen-beyond-loopback"},
		append(run, imageName, "--addr", "0.0.0.0:0")...)
	id := e.runEmulator(nil, nil)
	if s := e.served(id, 1); !strings.HasPrefix(s.host, "127.0.0.1:") {
		e.t.Errorf("listens at %s", s.host)
	}
	if logs := e.do("logs", id); !strings.Contains(logs, "--listen-beyond-loopback") {
		e.t.Errorf("the log does not say how to open it:\n%s", logs)
	}
}

// wrongFolder starts the image with folders that cannot hold the data.
func wrongFolder(e engine) {
	denied := e.t.TempDir()
	if err := os.Chmod(denied, 0o700); err != nil {
		e.t.Fatal(err)
	}
	for name, c := range map[string]struct {
		options []string
		words   []string
	}{
		"read-only volume": {[]string{"--volume", denied + ":/data:ro", "--user", "0:0"}, []string{"read-only file system", "--volume acrkit:/data"}},
		"without rights":   {[]string{"--volume", denied + ":/data"}, []string{"user 65532 may not write to the data folder /data/registry", "--user UID:GID"}},
		"full":             {[]string{"--tmpfs", "/data:size=4k,mode=1777"}, []string{"no space is left", "/data"}},
	} {
		e.t.Run(name, func(t *testing.T) {
			e := e
			e.t = t
			args := append([]string{"run", "--rm", "--network=host"}, e.run...)
			e.fails(c.words, append(append(args, c.options...), imageName, "--addr", "127.0.0.1:0", "--idp-port", "0")...)
		})
	}
	e.t.Run("full while it runs", func(t *testing.T) {
		e := e
		e.t = t
		s := e.served(e.runEmulator([]string{"--tmpfs", "/data:size=600k,mode=1777"}, nil), 1)
		// net/http now and then reports that it could not send the rest of a body
		// rather than the response that came meanwhile.
		var err error
		for range 5 {
			err = crane.Push(largeImage(t), s.repository("team/app:v1"), craneOptions(t, s)...)
			if !errors.Is(err, syscall.EPIPE) && !errors.Is(err, syscall.ECONNRESET) {
				break
			}
		}
		if err == nil || !strings.Contains(err.Error(), "no space left on the emulator's disk") {
			t.Errorf("got %v", err)
		}
	})
	if e.name == "podman" {
		id := e.runEmulator([]string{"--image-volume=ignore"}, nil)
		e.served(id, 1)
		if logs := e.do("logs", id); !strings.Contains(logs, "no volume is mounted at /data") {
			e.t.Errorf("without a volume, the log does not say it:\n%s", logs)
		}
	}
}

// recipe runs the image with the environment that the guide gives it, on a
// network of its own, where it may listen at every address.
func recipe(e engine) {
	args := append([]string{"run", "--detach", "--network=none", "--read-only"}, e.run...)
	for _, variable := range []string{"LISTEN_BEYOND_LOOPBACK=true", "ADMIN_PASSWORD=testing", "CONTROL_TOKEN=testing"} {
		args = append(args, "--env", "ACRKIT_EMULATOR_"+variable)
	}
	lines := strings.Split(e.do(append(args, imageName, "-o", "json")...), "\n")
	id := lines[len(lines)-1]
	e.t.Cleanup(func() { _, _ = e.try(context.WithoutCancel(e.t.Context()), "rm", "--force", "--volumes", id) })
	if s := e.served(id, 1); s.username != "local" || s.password != "testing" {
		e.t.Errorf("signs in as %s with %s", s.username, s.password)
	}
	healthy(e, id)
	logs := e.do("logs", id)
	for _, said := range []string{"warning: listening beyond loopback", "any well-formed Entra token signs in as owner", "the identity provider", "the control endpoint"} {
		if !strings.Contains(logs, said) {
			e.t.Errorf("the log does not say %q:\n%s", said, logs)
		}
	}
}
