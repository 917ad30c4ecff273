package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
)

// throttledRegistry is a plain registry over http whose first answers to each
// manifest request are 429, and which warns.
func throttledRegistry(t *testing.T, refusals int32) (host string, asked *atomic.Int32) {
	t.Helper()
	asked = new(atomic.Int32)
	manifest := []byte(`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}`)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Warning", `299 - "this registry moves in May"`)
		switch {
		case r.URL.Path == "/v2/":
		case asked.Add(1) <= refusals:
			w.Header().Set("Retry-After", "0")
			w.WriteHeader(http.StatusTooManyRequests)
			fmt.Fprint(w, `{"errors":[{"code":"TOOMANYREQUESTS","message":"slow down"}]}`)
		default:
			w.Header().Set("Content-Type", "application/vnd.oci.image.index.v1+json")
			w.Header().Set("Docker-Content-Digest", digest.FromBytes(manifest).String())
			w.Header().Set("Content-Length", strconv.Itoa(len(manifest)))
			if r.Method == http.MethodGet {
				_, _ = w.Write(manifest)
			}
		}
	}))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://"), asked
}

func TestForeignRegistriesAreTriedAgainAndLoggedAsAzures(t *testing.T) {
	for name, c := range map[string]struct {
		refusals int32
		retries  string
		code     int
		asked    int32 // 0: not checked
	}{
		"within --retries": {2, "2", failure.ExitDone, 0},
		"beyond --retries": {9, "2", failure.ExitThrottled, 3},
		"--retries 0":      {1, "0", failure.ExitThrottled, 1},
	} {
		t.Run(name, func(t *testing.T) {
			host, asked := throttledRegistry(t, c.refusals)
			stderr := &watcher{}
			a, _ := testApp(map[string]string{"ACRKIT_DATA": t.TempDir(), "HOME": t.TempDir()}, stderr)
			code := a.run(t.Context(), []string{"copy", "--plain-http", host, host + "/org/app:1", "oci:" + t.TempDir() + "/out", "--debug", "--retries", c.retries})
			said := stderr.all.String()
			if code != c.code {
				t.Fatalf("exit code %d, want %d\n%s", code, c.code, said)
			}
			if n := asked.Load(); c.asked > 0 && n != c.asked {
				t.Errorf("%d requests, want %d\n%s", n, c.asked, said)
			}
			for _, want := range []string{"/v2/org/app/manifests/1 → 429", "attempt 1", "warning: " + host + ": this registry moves in May"} {
				if !strings.Contains(said, want) {
					t.Errorf("standard error lacks %q:\n%s", want, said)
				}
			}
			if c.refusals == 2 && !strings.Contains(said, "attempt 3") {
				t.Errorf("the third attempt isn't logged:\n%s", said)
			}
		})
	}
}
