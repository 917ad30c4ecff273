package emulator

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/acrkit/azcontainerregistry/emulator/internal/protocol"
	"github.com/acrkit/azcontainerregistry/emulator/internal/quirk"
	"github.com/acrkit/azcontainerregistry/emulator/internal/wire"
)

func TestPathTricksLeadNowhere(t *testing.T) {
	dir := t.TempDir()
	outside := filepath.Join(dir, "outside")
	if err := os.WriteFile(outside, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := startRegistry(t, &Options{Dir: filepath.Join(dir, "data")})
	r.pushImage("app", "v1", "one")
	long := strings.Repeat("a", 256)
	for _, path := range []string{
		"/v2/../outside/manifests/v1", "/v2/app/../../outside/manifests/v1", "/v2/%2e%2e/outside/manifests/v1",
		"/v2/app%2f..%2foutside/manifests/v1", "/v2/app%252Fx/manifests/v1", "/v2/app/manifests/sha256%253A" + absentDigest[7:],
		"/v2/app/blobs/..%2f..%2foutside", "/v2/app/blobs/sha256:../../../outside", "/v2/app/blobs/uploads/..%2f..%2foutside/x",
		"/v2/app/blobs/uploads/%2e%2e/x", "/v2//app/manifests/v1", "/v2/app//manifests/v1", "/v2/app/manifests/", "/v2/app/manifests/.hidden",
		"/v2/App/manifests/v1", "/v2/app/manifests/v1%00", "/v2/app%00/manifests/v1", "/v2/" + long + "/manifests/v1", "/v2/app/manifests/" + long,
		"/v2/app/blobs/SHA256:" + absentDigest[7:], "/v2/app/blobs/sha256:" + strings.ToUpper(absentDigest[7:]), "/v2/app/blobs/md5:d41d8cd98f00b204e9800998ecf8427e",
		"/v2/app/tags", "/v2/app/referrers/v1", "/acr/v1/", "/acr/v1/_tags", "/acr/v1/app/_tags/", "/acr/v1/../app", "/acr/v2/app", "/acr/v1/_deleted/app",
		"/acr/v1/app/_manifests/v1", "/acr/v1/_deleted/_catalog/x", "/v2/_catalog/x", "/v3/app/manifests/v1",
	} {
		a := r.do("GET", path, nil, "Accept", "*/*")
		if a.StatusCode != 404 || a.body != "404 page not found\n" {
			t.Errorf("%s: %d %q", path, a.StatusCode, a.body)
		}
	}
	// Well-formed names that mean something else than they seem to.
	for path, status := range map[string]int{
		"/v2/app/blobs/uploads/../x": 404, "/v2/manifests/manifests/manifests/v1": 404, "/v2/tags/tags/list": 404,
	} {
		r.want(status, "GET", path, nil)
	}
	if b, err := os.ReadFile(outside); err != nil || string(b) != "secret" {
		t.Errorf("the file outside: %q %v", b, err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 2 {
		t.Errorf("beside the data folder: %v %v", entries, err)
	}
}

func TestNamesThatContainMarkersAreRouted(t *testing.T) {
	r := startRegistry(t, nil)
	for _, name := range []string{"manifests", "blobs/uploads", "tags/list", "a/manifests/b", "blobs", "uploads", "referrers/x", "a/blobs/uploads/b"} {
		digest := r.pushImage(name, "v1", "one")
		a := r.want(200, "GET", "/v2/"+strings.ReplaceAll(name, "/", "%2F")+"/manifests/v1", nil, "Accept", "*/*")
		if a.Header.Get(protocol.HeaderContentDigest) != digest {
			t.Errorf("%s: %v", name, a.Header)
		}
		r.want(200, "GET", "/v2/"+name+"/tags/list", nil)
		r.want(200, "GET", "/v2/"+name+"/referrers/"+digest, nil)
		r.want(200, "GET", "/acr/v1/"+name+"/_tags/v1", nil)
		r.want(200, "HEAD", "/v2/"+name+"/blobs/"+sha256Of([]byte("layer one")), nil)
	}
}

func TestCursorsOfAnyKindAreAnswered(t *testing.T) {
	r := startRegistry(t, nil)
	r.pushImage("app", "v1", "one")
	for _, last := range []string{
		"%00", "%01%1f%7f", "%ff%fe", "..%2f..", "%26", "1%26", "%26v1", "-1%26v1", "99999999999999999999%26v1",
		"9223372036854775807%26", strings.Repeat("z", 60_000), "%0d%0aX-Injected:%201", "%F0%9F%98%80", "%3E%3B%20rel",
	} {
		for _, list := range []string{"/acr/v1/_catalog", "/acr/v1/app/_tags", "/acr/v1/app/_manifests", "/v2/app/tags/list", "/v2/app/referrers/" + absentDigest, "/acr/v1/_deleted/app/_tags"} {
			for _, order := range []string{"", "timeasc", "timedesc", "%0d%0aX-Injected:%201"} {
				a := r.want(200, "GET", list+"?n=1&last="+last+"&orderby="+order, nil)
				if a.Header.Get("X-Injected") != "" {
					t.Errorf("%s last=%s: a header was injected", list, last)
				}
			}
		}
	}
}

// raw sends bytes as they are and returns the first answer.
func (r *testRegistry) raw(request string) (*http.Response, error) {
	conn, err := net.Dial("tcp", strings.TrimPrefix(r.server.URL, "http://"))
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, request); err != nil {
		return nil, err
	}
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		return nil, err
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return nil, err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return resp, errors.Join(err, resp.Body.Close())
}

func TestLyingContentLengthIsRefused(t *testing.T) {
	r := startRegistry(t, nil)
	host := " HTTP/1.1\r\nHost: " + testLogin + "\r\nContent-Type: " + wire.TypeOCIManifest + "\r\n"
	location := r.startUpload("app")
	for name, request := range map[string]string{
		"manifest shorter than said": "PUT /v2/app/manifests/v1" + host + "Content-Length: 100\r\n\r\n{}",
		"chunk shorter than said":    "PATCH " + location + host + "Content-Length: 100\r\n\r\nshort",
		"negative":                   "PUT /v2/app/manifests/v1" + host + "Content-Length: -5\r\n\r\n{}",
		"two lengths":                "PUT /v2/app/manifests/v1" + host + "Content-Length: 5\r\nContent-Length: 6\r\n\r\n{}",
		"huge":                       "PUT /v2/app/manifests/v1" + host + "Content-Length: 9223372036854775807\r\n\r\n{}",
		"patch cut short":            "PATCH /acr/v1/app" + host + "Content-Length: 100\r\n\r\n{\"",
	} {
		resp, err := r.raw(request)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if resp.StatusCode < 400 || resp.StatusCode >= 500 {
			t.Errorf("%s: status %d", name, resp.StatusCode)
		}
	}
	r.want(404, "GET", "/acr/v1/app", nil)
}

// filler reads as many bytes of one kind as it has left.
type filler struct {
	left int64
	with byte
	read *atomic.Int64
}

func (f *filler) Read(p []byte) (int, error) {
	if f.left == 0 {
		return 0, io.EOF
	}
	n := int(min(int64(len(p)), f.left))
	for i := range p[:n] {
		p[i] = f.with
	}
	f.left -= int64(n)
	f.read.Add(int64(n))
	return n, nil
}

func TestHundredMegabytesOfJSONAreNotRead(t *testing.T) {
	r := startRegistry(t, nil)
	r.pushImage("app", "v1", "one")
	for _, request := range [][2]string{
		{"PUT", "/v2/app/manifests/v1"},
		{"PATCH", "/acr/v1/app"},
		{"PATCH", "/acr/v1/app/_tags/v1"},
		{"POST", "/acr/v1/_deleted/app/_manifests/" + absentDigest},
	} {
		var read atomic.Int64
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		// The server stops reading and may close the connection while the
		// client still writes; then the answer is lost, and that is fine.
		a, err := r.try(context.Background(), request[0], request[1], &filler{100 << 20, '[', &read}, "Content-Type", wire.TypeOCIManifest)
		runtime.ReadMemStats(&after)
		if err == nil && (a.StatusCode < 400 || a.StatusCode >= 500) {
			t.Errorf("%s: status %d", request[1], a.StatusCode)
		}
		if read.Load() > 64<<20 {
			t.Errorf("%s: %d bytes were taken", request[1], read.Load())
		}
		if grown := after.TotalAlloc - before.TotalAlloc; grown > 64<<20 {
			t.Errorf("%s: %d bytes were allocated", request[1], grown)
		}
	}
	r.want(200, "GET", "/acr/v1/app", nil)
}

func TestSlowSenderHoldsUpNobody(t *testing.T) {
	r := startRegistry(t, nil)
	location := r.startUpload("app")
	body, feed := io.Pipe()
	slow := make(chan int, 1)
	go func() {
		a, err := r.try(context.Background(), "PATCH", location, body)
		if err != nil {
			slow <- 0
			return
		}
		slow <- a.StatusCode
	}()
	io.WriteString(feed, "a drop")
	r.pushImage("app", "v1", "one")
	// The session itself can be asked and cancelled meanwhile.
	r.want(204, "GET", location, nil)
	r.want(204, "DELETE", location, nil)
	feed.Close()
	if status := <-slow; status != 404 {
		t.Errorf("the slow sender got %d, want 404: its upload was cancelled", status)
	}
}

func TestGivenUpRequestsLeaveNothingBehind(t *testing.T) {
	r := startRegistry(t, nil)
	location := r.startUpload("app")
	body, feed := io.Pipe()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		_, err := r.try(ctx, "PATCH", location, body)
		ended <- err
	}()
	io.WriteString(feed, "some")
	cancel()
	// The client waits for its body to end, whatever its context says.
	feed.CloseWithError(context.Canceled)
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	// The turn comes back once the server has noticed.
	a := r.do("DELETE", location, nil)
	if a.StatusCode != 204 && a.StatusCode != 404 {
		t.Errorf("status %d", a.StatusCode)
	}
}

func TestMethodsThatARouteLacksAreUnsupported(t *testing.T) {
	r := startRegistry(t, nil)
	for _, request := range [][2]string{
		{"POST", "/v2/"},
		{"DELETE", "/v2/_catalog"},
		{"PATCH", "/v2/app/manifests/v1"},
		{"PUT", "/v2/app/blobs/" + absentDigest},
		{"GET", "/v2/app/blobs/uploads/"},
		{"DELETE", "/acr/v1/app/_manifests/" + absentDigest},
		{"TRACE", "/acr/v1/app"},
	} {
		a := r.want(405, request[0], request[1], nil)
		if a.body != `{"errors":[{"code":"UNSUPPORTED","message":"The operation is unsupported."}]}`+"\n" {
			t.Errorf("%v: %q", request, a.body)
		}
	}
}

func TestFolderInUseNamesItsOwner(t *testing.T) {
	dir := t.TempDir()
	r := startRegistry(t, &Options{Dir: dir})
	_, err := New(&Options{Dir: dir})
	var inUse *FolderInUseError
	if !errors.As(err, &inUse) || inUse.PID != os.Getpid() || !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), fmt.Sprint(os.Getpid())) {
		t.Errorf("got %v", err)
	}
	r.pushImage("app", "v1", "one")
}

func TestUnusableFoldersAreNamed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	damaged := t.TempDir()
	if err := os.WriteFile(filepath.Join(damaged, "registry.db"), []byte(strings.Repeat("no database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{file, filepath.Join(file, "below"), damaged} {
		e, err := New(&Options{Dir: dir})
		if err == nil {
			e.Close()
			t.Errorf("%s was opened", dir)
			continue
		}
		if !strings.Contains(err.Error(), dir) {
			t.Errorf("%v does not name %s", err, dir)
		}
	}
}

// TestBrokenDiskIsA500AndNoLie takes the upload folder away under a running
// emulator.
func TestBrokenDiskIsA500AndNoLie(t *testing.T) {
	dir := t.TempDir()
	r := startRegistry(t, &Options{Dir: dir})
	location := r.startUpload("app")
	if err := os.RemoveAll(filepath.Join(dir, "uploads")); err != nil {
		t.Fatal(err)
	}
	for _, a := range []answer{
		r.do("POST", "/v2/app/blobs/uploads/", nil), r.do("PATCH", location, strings.NewReader("x")),
	} {
		if a.StatusCode != 500 || !strings.HasPrefix(a.body, `{"errors":[{"code":"UNKNOWN"`) || strings.Contains(a.body, dir) {
			t.Errorf("%d %s", a.StatusCode, a.body)
		}
	}
}

func TestNewRefusesBadOptions(t *testing.T) {
	for name, o := range map[string]Options{
		"unknown quirk":    {Quirks: map[string]string{"nope": "on"}},
		"unknown value":    {Quirks: map[string]string{quirk.SHA512: "maybe"}},
		"short name":       {Registries: []RegistryOptions{{Name: "abc"}}},
		"bad name":         {Registries: []RegistryOptions{{Name: "has-dashes"}}},
		"name twice":       {Registries: []RegistryOptions{{Name: "twice"}, {Name: "TWICE"}}},
		"negative age":     {Registries: []RegistryOptions{{SoftDelete: -time.Second}}},
		"negative wait":    {Registries: []RegistryOptions{{UntaggedRetention: -time.Second}}},
		"both retentions":  {Registries: []RegistryOptions{{UntaggedRetention: time.Hour, SoftDelete: time.Hour}}},
		"negative GC time": {GCInterval: -time.Second},
	} {
		if e, err := New(&o); err == nil {
			e.Close()
			t.Errorf("%s: no error", name)
		}
	}
}
