package main

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
)

// firstLine is a standard output that remembers how many pages had been asked for
// when its first line came, and counts the lines.
type firstLine struct {
	pages *atomic.Int64
	first int64
	lines int
}

func (w *firstLine) Write(p []byte) (int, error) {
	if w.lines == 0 {
		w.first = w.pages.Load()
	}
	w.lines += bytes.Count(p, []byte("\n"))
	return len(p), nil
}

// TestALongListingFlows lists 100,000 tags: the first line is there after one
// page, and what is in use of the memory stays what a few pages take.
func TestALongListingFlows(t *testing.T) {
	const each, limit = 1000, 16 << 20
	pages := 100
	if testing.Short() {
		pages = 20
	}
	var asked atomic.Int64
	var most uint64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/acr/v1/app/_tags" {
			w.WriteHeader(http.StatusOK)
			return
		}
		page, _ := strconv.Atoi(strings.TrimPrefix(r.URL.Query().Get("last"), "t"))
		if asked.Add(1)%20 == 0 {
			most = max(most, inUse())
		}
		w.Header().Set("Content-Type", "application/json")
		if page+1 < pages {
			w.Header().Set("Link", fmt.Sprintf(`</acr/v1/app/_tags?last=t%d&n=%d>; rel="next"`, page+1, each))
		}
		fmt.Fprint(w, `{"registry":"r","imageName":"app","tags":[`)
		for i := range each {
			if i > 0 {
				fmt.Fprint(w, ",")
			}
			fmt.Fprintf(w, `{"name":"v%d.%d","digest":"sha256:%064d","createdTime":"2026-01-02T03:04:05Z","lastUpdateTime":"2026-01-02T03:04:05Z"}`, page, i, i)
		}
		fmt.Fprint(w, `]}`)
	}))
	defer server.Close()
	before := inUse()
	stderr := &watcher{}
	a, _ := testApp(map[string]string{"ACRKIT_DATA": t.TempDir(), "HOME": t.TempDir()}, stderr)
	out := &firstLine{pages: &asked}
	a.Stdout = out
	if code := a.run(t.Context(), []string{"ls", strings.TrimPrefix(server.URL, "http://") + "/app"}); code != failure.ExitDone {
		t.Fatalf("exit code %d\n%s", code, &stderr.all)
	}
	if out.lines != pages*each || out.first != 1 {
		t.Errorf("%d lines, the first after %d pages", out.lines, out.first)
	}
	if most > before+limit {
		t.Errorf("the heap grew from %d to %d MiB", before>>20, most>>20)
	}
}

// inUse is what of the heap is in use.
func inUse() uint64 {
	runtime.GC()
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	return memory.HeapAlloc
}
