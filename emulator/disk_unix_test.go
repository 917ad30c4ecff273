//go:build unix

package emulator

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/acrkit/azcontainerregistry/emulator/internal/wire"
)

const fullDiskVariable = "ACRKIT_FULL_DISK_DIR"

// TestFullDiskIsA500AndLosesNothing runs in a process of its own, whose files
// cannot grow any more after a while: the limit counts for all of them.
func TestFullDiskIsA500AndLosesNothing(t *testing.T) {
	if dir := os.Getenv(fullDiskVariable); dir != "" {
		fillDisk(t, dir)
		return
	}
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestFullDiskIsA500AndLosesNothing$")
	cmd.Env = append(os.Environ(), fullDiskVariable+"="+dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// limitFiles lets no file grow beyond a size.
func limitFiles(t *testing.T, size uint64) {
	t.Helper()
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
	limit.Cur = min(size, limit.Max)
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
}

func fillDisk(t *testing.T, dir string) {
	signal.Ignore(syscall.SIGXFSZ)
	r := startRegistry(t, &Options{Dir: dir, NoSync: true})
	raw := string(r.imageManifest("app", "one", nil))
	info, err := os.Stat(filepath.Join(dir, "registry.db"))
	if err != nil {
		t.Fatal(err)
	}
	limitFiles(t, uint64(info.Size())+64<<10)
	annotated := func(n int) string {
		return strings.Replace(raw, "{", fmt.Sprintf(`{"annotations":{"n":"%d-%s"},`, n, strings.Repeat("x", 256<<10)), 1)
	}
	put := func(n int) answer {
		return r.do("PUT", fmt.Sprintf("/v2/app/manifests/v%d", n), strings.NewReader(annotated(n)), "Content-Type", wire.TypeOCIManifest)
	}
	const enough = 10_000
	acknowledged := 0
	for ; acknowledged < enough; acknowledged++ {
		a := put(acknowledged)
		if a.StatusCode == 201 {
			continue
		}
		const want = `507 {"errors":[{"code":"UNKNOWN","message":"unknown error","detail":"no space left on the emulator's disk"}]}`
		if seen(a) != want {
			t.Fatalf("manifest %d: %s", acknowledged, seen(a))
		}
		break
	}
	if acknowledged == enough {
		t.Fatal("the disk was never full")
	}
	// A chunk that does not fit leaves the upload as it was.
	location := r.startUpload("app")
	chunk := strings.Repeat("y", 32<<20)
	if a := r.do("PATCH", location, strings.NewReader(chunk)); a.StatusCode != 507 || !strings.Contains(a.body, "no space left") {
		t.Errorf("chunk: %s", seen(a))
	}
	check := func() {
		t.Helper()
		for n := range acknowledged {
			a := r.want(200, "GET", fmt.Sprintf("/v2/app/manifests/v%d", n), nil, "Accept", "*/*")
			if a.body != annotated(n) {
				t.Errorf("manifest %d has other bytes", n)
			}
		}
		r.checkConsistent("app")
	}
	check()
	limitFiles(t, math.MaxInt64)
	if a := put(acknowledged); a.StatusCode != 201 {
		t.Errorf("with room again: %s", seen(a))
	}
	acknowledged++
	location = r.want(202, "PATCH", location, strings.NewReader(chunk)).Header.Get("Location")
	r.want(201, "PUT", location+"&digest="+sha256Of([]byte(chunk)), nil)
	check()
}
