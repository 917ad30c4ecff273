//go:build !windows

package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
)

// interruption is a way to interrupt an upload.
type interruption string

const (
	byInterrupt  interruption = "ctrl-c"
	byKill       interruption = "kill -9 of the client"
	byServerKill interruption = "kill -9 of the server"
	byCut        interruption = "connections cut"
)

// registries are the kinds of registries, by the emulator's quirks: what a part
// that was cut off leaves behind, and how the location before it is answered.
var registries = []struct {
	quirks  string
	orderly bool // keeps an upload only if no part of it is cut off
}{
	{`{"partial-chunk": "keep"}`, false},
	{`{"partial-chunk": "discard"}`, false},
	{`{"partial-chunk": "keep", "stale-upload": "invalid"}`, true},
}

// TestInterruptedUploadsGoOn interrupts pushes of real processes at seeded
// moments. ACRKIT_INTERRUPTS is how many, of 300 MiB each; a few small ones by
// default.
func TestInterruptedUploadsGoOn(t *testing.T) {
	count, size, rate := 6, int64(16<<20), "16M"
	if value := os.Getenv("ACRKIT_INTERRUPTS"); value != "" {
		n, err := strconv.Atoi(value)
		if err != nil {
			t.Fatalf("ACRKIT_INTERRUPTS: %v", err)
		}
		count, size, rate = n, 300<<20, "400M"
	}
	layout := layoutOf(t, size)
	for i := range count {
		kind := []interruption{byInterrupt, byKill, byServerKill, byCut}[i%4]
		registry := registries[i/4%2]
		if kind == byInterrupt {
			registry = registries[i/4%3]
		}
		t.Run(fmt.Sprintf("%d %s %s", i, kind, registry.quirks), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(uint64(i), 15))
			u := startInterrupted(t, layout, size, rate, registry.quirks)
			at := size * int64(2+r.IntN(90)) / 100
			again := u.interrupt(kind, at)
			const heads = 64 << 10 // of requests, and of what isn't the layer
			if total := u.relay.sent(); total > size+again+heads {
				t.Errorf("interrupted after %d bytes: %d bytes sent for %d, at most %d of them again\n%s", at, total, size, again, &u.log)
			}
		})
	}
}

// layoutOf makes an image layout with one layer of that size.
func layoutOf(t *testing.T, size int64) string {
	t.Helper()
	dir := t.TempDir()
	blobs := filepath.Join(dir, "blobs", "sha256")
	if err := os.MkdirAll(blobs, 0o755); err != nil {
		t.Fatal(err)
	}
	store := func(r io.Reader) (string, int64) {
		f, err := os.Create(filepath.Join(blobs, "new"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		sum := sha256.New()
		n, err := io.Copy(io.MultiWriter(f, sum), r)
		if err != nil {
			t.Fatal(err)
		}
		digest := fmt.Sprintf("%x", sum.Sum(nil))
		if err := os.Rename(f.Name(), filepath.Join(blobs, digest)); err != nil {
			t.Fatal(err)
		}
		return "sha256:" + digest, n
	}
	document := func(v any) (string, int64) {
		data, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return store(bytes.NewReader(data))
	}
	descriptor := func(mediaType, digest string, size int64) map[string]any {
		return map[string]any{"mediaType": mediaType, "digest": digest, "size": size}
	}
	layer, n := store(io.LimitReader(rand.NewChaCha8([32]byte{15}), size))
	config, m := document(map[string]any{
		"architecture": "amd64", "os": "linux", "rootfs": map[string]any{"type": "layers", "diff_ids": []string{layer}},
	})
	const manifestType = "application/vnd.oci.image.manifest.v1+json"
	manifest, k := document(map[string]any{
		"schemaVersion": 2, "mediaType": manifestType,
		"config": descriptor("application/vnd.oci.image.config.v1+json", config, m),
		"layers": []any{descriptor("application/vnd.oci.image.layer.v1.tar", layer, n)},
	})
	root := descriptor(manifestType, manifest, k)
	root["annotations"] = map[string]string{"org.opencontainers.image.ref.name": "v1"}
	index, err := json.Marshal(map[string]any{"schemaVersion": 2, "manifests": []any{root}})
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{"index.json": string(index), "oci-layout": `{"imageLayoutVersion":"1.0.0"}`} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// interruptedUpload is a push through a relay to a registry of its own process.
type interruptedUpload struct {
	t      *testing.T
	dir    string
	layout string
	rate   string
	config string
	server *exec.Cmd
	relay  *relay
	log    bytes.Buffer
}

func startInterrupted(t *testing.T, layout string, size int64, rate, quirks string) *interruptedUpload {
	u := &interruptedUpload{t: t, dir: t.TempDir(), layout: layout, rate: rate}
	u.config = fmt.Sprintf(`{"registries": [{"name": "regone", "admin": {"passwords": ["adminpw1"]}}], "quirks": %s}`, quirks)
	address := u.serve("127.0.0.1:0")
	u.relay = startRelay(t, address)
	t.Cleanup(func() { u.kill(u.server) })
	return u
}

func (u *interruptedUpload) command(args ...string) *exec.Cmd {
	c := exec.Command("acrkit", args...)
	c.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + u.dir, "DOCKER_CONFIG=" + u.dir, "ACRKIT_DATA=" + filepath.Join(u.dir, "data"),
		"ACR_USERNAME=regone", "ACR_PASSWORD=adminpw1", "GORACE=" + os.Getenv("GORACE"),
	}
	if u.relay != nil {
		c.Env = append(c.Env, "ACR_REGISTRY="+u.relay.address())
	}
	return c
}

// serve starts the registry and returns where it listens.
func (u *interruptedUpload) serve(address string) string {
	u.server = u.command("emulator", "--addr", address, "--dir", filepath.Join(u.dir, "registry"), "--config", u.config)
	output := &readyLog{ready: make(chan string, 1)}
	u.server.Stdout, u.server.Stderr = output, output
	if err := u.server.Start(); err != nil {
		u.t.Fatal(err)
	}
	select {
	case at := <-output.ready:
		return at
	case <-time.After(30 * time.Second):
		u.t.Fatalf("the registry did not start:\n%s", &output.all)
	}
	return ""
}

func (u *interruptedUpload) kill(c *exec.Cmd) {
	_ = c.Process.Kill()
	_ = c.Wait()
}

func (u *interruptedUpload) push() *exec.Cmd {
	c := u.command("push", "oci:"+u.layout+":v1", u.relay.address()+"/team/app:v1", "--progress", "none", "--limit-rate", u.rate, "--debug")
	c.Stdout, c.Stderr = &u.log, &u.log
	if err := c.Start(); err != nil {
		u.t.Fatal(err)
	}
	return c
}

// interrupt pushes, interrupts it when that many bytes went by, and goes on in
// another process where the first ended. It returns how many bytes may have
// been sent again.
func (u *interruptedUpload) interrupt(kind interruption, at int64) (again int64) {
	first := u.push()
	select {
	case <-u.relay.passed(at):
	case <-time.After(time.Minute):
		u.kill(first)
		u.t.Fatalf("no %d bytes were sent\n%s", at, &u.log)
	}
	switch kind {
	case byInterrupt:
		_ = first.Process.Signal(syscall.SIGINT)
	case byKill:
		_ = first.Process.Kill()
	case byServerKill:
		u.kill(u.server)
		u.serve(u.relay.target)
	case byCut:
		u.relay.cut()
	}
	err := first.Wait()
	var exit *exec.ExitError
	switch {
	case kind == byInterrupt && err != nil && (!errors.As(err, &exit) || exit.ExitCode() != failure.ExitResumable):
		u.t.Errorf("exit of an interrupted push: %v\n%s", err, &u.log)
	case kind == byCut && err != nil, kind == byServerKill && err != nil:
		u.t.Errorf("the push did not go on by itself: %v\n%s", err, &u.log)
	}
	<-u.relay.quiet() // what a process that is gone had written still comes
	if kind != byInterrupt {
		again = u.relay.longestPart()
	}
	if err == nil {
		return again
	}
	second := u.push()
	if err := second.Wait(); err != nil {
		u.t.Errorf("the second process failed: %v\n%s", err, &u.log)
	}
	return again
}

// readyLog finds the address in what the registry prints.
type readyLog struct {
	mu    sync.Mutex
	all   bytes.Buffer
	ready chan string
}

func (l *readyLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all.Write(p)
	if _, rest, ok := strings.Cut(l.all.String(), "ready at http://"); ok {
		if address, _, ok := strings.Cut(rest, "\n"); ok {
			select {
			case l.ready <- strings.TrimSpace(address):
			default:
			}
		}
	}
	return len(p), nil
}

// relay passes connections on, counts what goes up, and how much of it a
// connection took between two responses.
type relay struct {
	listener net.Listener
	target   string
	wg       sync.WaitGroup

	mu      sync.Mutex
	up      int64
	longest int64 // the most that a connection took between two responses
	conns   map[net.Conn]bool
	waiting int64
	reached chan struct{}
	idle    chan struct{} // closed when no connection is open; nil when nobody waits
}

func startRelay(t *testing.T, target string) *relay {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{listener: listener, target: target, conns: map[net.Conn]bool{}}
	r.wg.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			r.wg.Go(func() { r.serve(client) })
		}
	})
	t.Cleanup(func() {
		listener.Close()
		r.cut()
		r.wg.Wait()
	})
	return r
}

func (r *relay) address() string { return r.listener.Addr().String() }

func (r *relay) serve(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", r.target)
	if err != nil {
		return
	}
	defer server.Close()
	r.mu.Lock()
	r.conns[client], r.conns[server] = true, true
	r.mu.Unlock()
	var part atomic.Int64 // sent since the connection's last response
	var down sync.WaitGroup
	down.Go(func() {
		r.copy(client, server, func(int) { part.Store(0) })
		client.Close()
	})
	r.copy(server, client, func(n int) { r.note(int64(n), part.Add(int64(n))) })
	server.Close()
	down.Wait()
	r.mu.Lock()
	delete(r.conns, client)
	delete(r.conns, server)
	if len(r.conns) == 0 && r.idle != nil {
		close(r.idle)
		r.idle = nil
	}
	r.mu.Unlock()
}

func (r *relay) copy(dst io.Writer, src io.Reader, note func(int)) {
	buf := make([]byte, 64<<10)
	for {
		n, err := src.Read(buf)
		if n > 0 {
			note(n)
			if _, err := dst.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

func (r *relay) note(n, part int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.up += n
	r.longest = max(r.longest, part)
	if r.reached != nil && r.up >= r.waiting {
		close(r.reached)
		r.reached = nil
	}
}

// passed returns a channel that is closed when that many bytes went up.
func (r *relay) passed(n int64) <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	reached := make(chan struct{})
	if r.up >= n {
		close(reached)
		return reached
	}
	r.waiting, r.reached = n, reached
	return reached
}

func (r *relay) sent() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.up
}

func (r *relay) longestPart() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.longest
}

// quiet returns a channel that is closed when no connection is open.
func (r *relay) quiet() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.idle == nil {
		r.idle = make(chan struct{})
	}
	idle := r.idle
	if len(r.conns) == 0 {
		close(idle)
		r.idle = nil
	}
	return idle
}

func (r *relay) cut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for c := range r.conns {
		c.Close()
	}
}
