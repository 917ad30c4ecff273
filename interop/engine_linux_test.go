package interop

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// imageName is what the emulator's image is called.
const imageName = "acrkit/emulator:interop"

// emulatorImage makes the image as "make image" does, once, and returns the
// folder with the layout and the archives.
var emulatorImage = sync.OnceValues(func() (string, error) {
	dir := filepath.Join(filepath.Dir(acrkit), "image")
	build := exec.Command("go", "run", "./cmd/acrkit/internal/emulatorimage", "-out", dir, "-version", "interop")
	build.Dir = ".."
	if output, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("make the image: %w\n%s", err, output)
	}
	return dir, nil
})

// imageArchive is the archive for this machine.
func imageArchive(t *testing.T) string {
	t.Helper()
	dir, err := emulatorImage()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "acrkit-emulator-linux-"+runtimeArchitecture+".tar")
}

// engine is a container engine: Docker with a daemon of its own, or podman with
// storage of its own. Containers are on the host's network.
type engine struct {
	t    *testing.T
	name string
	args []string // before every command
	run  []string // after "run"
	// config is docker's folder of logins.
	config string
}

// daemon is the Docker daemon that all tests share, with everything it keeps
// in a folder of its own.
type daemon struct {
	dir     string
	process *exec.Cmd
	log     bytes.Buffer
}

var dockerDaemon = sync.OnceValues(func() (*daemon, error) {
	// A short path: the socket's may have 107 bytes.
	dir, err := os.MkdirTemp("", "acrkit-dk-")
	if err != nil {
		return nil, err
	}
	d := &daemon{dir: dir}
	d.process = exec.Command("dockerd", "--iptables=false", "--bridge=none", "--storage-driver=vfs",
		"--data-root", filepath.Join(dir, "data"), "--exec-root", filepath.Join(dir, "exec"),
		"--pidfile", filepath.Join(dir, "pid"), "--host", d.host())
	d.process.Stdout, d.process.Stderr = &d.log, &d.log
	d.process.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := d.process.Start(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	stopEngines = append(stopEngines, d.stop)
	deadline := time.Now().Add(time.Minute)
	for tick := time.NewTicker(100 * time.Millisecond); ; <-tick.C {
		if exec.Command("docker", "--host", d.host(), "version").Run() == nil {
			tick.Stop()
			return d, nil
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("dockerd does not get ready:\n%s", d.log.String())
		}
	}
})

func (d *daemon) host() string { return "unix://" + filepath.Join(d.dir, "sock") }

// stop ends the daemon with its containers, and removes what it kept.
func (d *daemon) stop() error {
	if err := d.process.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	// A daemon that was told to end says so by its exit code.
	_ = d.process.Wait()
	return removeWithMounts(d.dir)
}

// removeWithMounts removes a folder where an engine has left mounts.
func removeWithMounts(dir string) error {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return err
	}
	var below []string
	for line := range strings.Lines(string(mounts)) {
		if fields := strings.Fields(line); len(fields) > 4 && strings.HasPrefix(fields[4], dir+"/") {
			below = append(below, fields[4])
		}
	}
	slices.Reverse(below)
	for _, mount := range below {
		_ = syscall.Unmount(mount, syscall.MNT_DETACH)
	}
	return os.RemoveAll(dir)
}

// needEngine leaves the test out where an engine cannot run.
func needEngine(t *testing.T, programs ...string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("a container engine of our own needs root")
	}
	for _, program := range programs {
		need(t, program)
	}
}

func startDocker(t *testing.T) engine {
	t.Helper()
	needEngine(t, "docker", "dockerd")
	d, err := dockerDaemon()
	if err != nil {
		t.Fatal(err)
	}
	e := engine{t: t, name: "docker", config: t.TempDir()}
	e.args = []string{"--config", e.config, "--host", d.host()}
	return e
}

func startPodman(t *testing.T) engine {
	t.Helper()
	needEngine(t, "podman", "runc")
	// What the machine lets a container have at most; the defaults are more.
	limits := []string{"--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"}
	dir, err := os.MkdirTemp("", "acrkit-pd-")
	if err != nil {
		t.Fatal(err)
	}
	e := engine{t: t, name: "podman", run: limits, args: []string{
		"--root", filepath.Join(dir, "root"), "--runroot", filepath.Join(dir, "run"), "--storage-driver=vfs",
		"--cgroup-manager=cgroupfs", "--events-backend=file", "--runtime=runc", "--log-level=fatal",
	}}
	t.Cleanup(func() {
		_, _ = e.try(context.WithoutCancel(t.Context()), "rm", "--force", "--all", "--volumes", "--time=2")
		if err := removeWithMounts(dir); err != nil {
			t.Error(err)
		}
	})
	return e
}

// do calls a command of the engine.
func (e engine) do(args ...string) string {
	e.t.Helper()
	output, err := e.try(e.t.Context(), args...)
	if err != nil {
		e.t.Fatalf("%s %s: %v\n%s", e.name, strings.Join(args, " "), err, output)
	}
	return strings.TrimSpace(output)
}

func (e engine) try(ctx context.Context, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, e.name, append(slices.Clone(e.args), args...)...)
	// docker manifest is an experiment in Debian's version.
	c.Env = append(os.Environ(), "DOCKER_CLI_EXPERIMENTAL=enabled")
	output, err := c.CombinedOutput()
	return string(output), err
}

// fails wants a command to fail, and all of the words in what it prints.
func (e engine) fails(words []string, args ...string) {
	e.t.Helper()
	output, err := e.try(e.t.Context(), args...)
	if err == nil {
		e.t.Errorf("%s %s succeeds:\n%s", e.name, strings.Join(args, " "), output)
	}
	for _, word := range words {
		if !strings.Contains(output, word) {
			e.t.Errorf("%s %s: %q is not in:\n%s", e.name, strings.Join(args, " "), word, output)
		}
	}
}

// login signs in with a password from standard input.
func (e engine) login(s server) (string, error) {
	args := append(slices.Clone(e.args), "login", "--username", s.username, "--password-stdin", s.host)
	return try(e.t, s.password, e.name, args...)
}

// runEmulator starts a container of the image on a free loopback port, and
// removes it when the test ends.
func (e engine) runEmulator(options, arguments []string) (id string) {
	e.t.Helper()
	args := append([]string{"run", "--detach", "--network=host"}, e.run...)
	args = append(append(args, options...), imageName, "--addr", "127.0.0.1:0", "--idp-port", "0", "-o", "json")
	lines := strings.Split(e.do(append(args, arguments...)...), "\n")
	id = lines[len(lines)-1]
	e.t.Cleanup(func() { _, _ = e.try(context.WithoutCancel(e.t.Context()), "rm", "--force", "--volumes", id) })
	return id
}

// served waits until the container has printed how to reach it, for the nth
// time.
func (e engine) served(id string, nth int) server {
	e.t.Helper()
	ctx, cancel := context.WithTimeout(e.t.Context(), time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, e.name, append(slices.Clone(e.args), "logs", "--follow", id)...)
	stdout, err := c.StdoutPipe()
	if err != nil {
		e.t.Fatal(err)
	}
	var stderr bytes.Buffer
	c.Stderr = &stderr
	if err := c.Start(); err != nil {
		e.t.Fatal(err)
	}
	defer func() { cancel(); _, _ = io.Copy(io.Discard, stdout); _ = c.Wait() }()
	decoder := json.NewDecoder(stdout)
	var ready struct {
		Item struct {
			Endpoint, Username, Password string
			Tools                        []toolLines
		}
	}
	for range nth {
		if err := decoder.Decode(&ready); err != nil {
			cancel()
			_ = c.Wait()
			e.t.Fatalf("%s logs: %v\n%s", e.name, err, stderr.String())
		}
	}
	s := serverAt(e.t, ready.Item.Endpoint)
	s.username, s.password, s.tools = ready.Item.Username, ready.Item.Password, ready.Item.Tools
	return s
}

// eventually waits for what an engine does in its own time.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(time.Minute); !done(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not after a minute", what)
		}
	}
}
