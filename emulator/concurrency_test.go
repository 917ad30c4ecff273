package emulator

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/acrkit/azcontainerregistry/emulator/internal/protocol"
	"github.com/acrkit/azcontainerregistry/emulator/internal/wire"
)

const (
	manyClients      = 64
	stepsPerClient   = 12
	sharedRepository = "shared/app"
)

// lastState is what a client knows of its own tag, which nobody else writes.
type lastState struct {
	tag, digest string // digest "" when the tag is gone
}

// soakVariable is how long TestManyClientsAtOnce goes on, such as 1m; without
// it each client does a few steps.
const soakVariable = "ACRKIT_SOAK"

// TestManyClientsAtOnce lets 64 clients push, move, delete and list in the
// same repositories, with garbage collection beside them.
func TestManyClientsAtOnce(t *testing.T) {
	more := func(step int) bool { return step < stepsPerClient }
	if text := os.Getenv(soakVariable); text != "" {
		soak, err := time.ParseDuration(text)
		if err != nil {
			t.Fatal(err)
		}
		end := time.Now().Add(soak)
		more = func(int) bool { return time.Now().Before(end) }
	}
	r := startRegistry(t, nil)
	for _, repository := range []string{sharedRepository, "other/app"} {
		for client := range manyClients {
			r.imageManifest(repository, fmt.Sprintf("%d", client%8), nil)
		}
	}
	collecting, stop := context.WithCancel(context.Background())
	var collector sync.WaitGroup
	collector.Go(func() {
		for collecting.Err() == nil {
			if _, err := r.e.CollectGarbage(collecting, time.Hour); err != nil && collecting.Err() == nil {
				t.Error(err)
			}
		}
	})
	var clients sync.WaitGroup
	states := make([]lastState, manyClients)
	for client := range manyClients {
		clients.Go(func() { states[client] = r.runClient(client, more) })
	}
	clients.Wait()
	stop()
	collector.Wait()
	for client, state := range states {
		a := r.do("HEAD", "/v2/"+sharedRepository+"/manifests/"+state.tag, nil, "Accept", "*/*")
		if got := a.Header.Get(protocol.HeaderContentDigest); got != state.digest {
			t.Errorf("client %d left its tag at %q and finds it at %q", client, state.digest, got)
		}
	}
	r.checkConsistent(sharedRepository)
	r.checkConsistent("other/app")
}

// runClient works through a seeded list of steps and returns what it left.
func (r *testRegistry) runClient(client int, more func(step int) bool) lastState {
	source := rand.New(rand.NewPCG(7, uint64(client)))
	state := lastState{tag: fmt.Sprintf("client-%d", client)}
	for step := 0; more(step); step++ {
		// The blobs are shared, the manifest is the client's own.
		raw := sharedManifest(client, step)
		digest := sha256Of([]byte(raw))
		switch source.IntN(6) {
		case 0, 1, 2:
			if r.step("PUT", "/v2/"+sharedRepository+"/manifests/"+state.tag, raw, 201) {
				state.digest = digest
			}
		case 3:
			if state.digest != "" && r.step("DELETE", "/v2/"+sharedRepository+"/manifests/"+state.digest, "", 202) {
				state.digest = ""
			}
		case 4:
			r.step("PUT", "/v2/other/app/manifests/latest", raw, 201)
			r.step("DELETE", "/acr/v1/other/app/_tags/latest", "", 202, 404)
		case 5:
			r.step("GET", "/acr/v1/"+sharedRepository+"/_tags?orderby=timedesc&n=7", "", 200, 404)
			r.step("GET", "/acr/v1/"+sharedRepository+"/_manifests", "", 200, 404)
			location := r.do("POST", "/v2/other/app/blobs/uploads/", nil).Header.Get("Location")
			r.step("PUT", location+"&digest="+sha256Of([]byte(state.tag)), state.tag, 201)
		}
	}
	return state
}

func sharedManifest(client, step int) string {
	config := fmt.Sprintf(`{"architecture":"amd64","os":"linux","seed":%q}`, fmt.Sprint(client%8))
	layer := fmt.Sprintf("layer %d", client%8)
	return fmt.Sprintf(`{"schemaVersion":2,"mediaType":%q,"config":{"mediaType":%q,"digest":%q,"size":%d},"layers":[{"mediaType":"x","digest":%q,"size":%d}],"annotations":{"step":"%d-%d"}}`,
		wire.TypeOCIManifest, wire.TypeOCIConfig, sha256Of([]byte(config)), len(config), sha256Of([]byte(layer)), len(layer), client, step)
}

// step does one request and reports whether it had one of the statuses.
func (r *testRegistry) step(method, path, body string, statuses ...int) bool {
	a, err := r.try(context.Background(), method, path, strings.NewReader(body), "Content-Type", wire.TypeOCIManifest)
	if err != nil {
		r.t.Errorf("%s %s: %v", method, path, err)
		return false
	}
	for _, status := range statuses {
		if a.StatusCode == status {
			return true
		}
	}
	r.t.Errorf("%s %s: status %d\n%s", method, path, a.StatusCode, a.body)
	return false
}

// checkConsistent checks that counts, listings and indexes of a repository
// agree.
func (r *testRegistry) checkConsistent(repository string) {
	r.t.Helper()
	about := decode[struct{ ManifestCount, TagCount int }](r.t, r.want(200, "GET", "/acr/v1/"+repository, nil).body)
	for _, list := range []string{"_tags", "_manifests"} {
		want := map[string]int{"_tags": about.TagCount, "_manifests": about.ManifestCount}[list]
		for _, order := range []string{"", "timeasc", "timedesc"} {
			bodies, _ := r.follow("/acr/v1/" + repository + "/" + list + "?n=1000&orderby=" + order)
			if got := strings.Count(strings.Join(bodies, ""), `"createdTime"`); got != want {
				r.t.Errorf("%s/%s ordered %q lists %d, and the repository counts %d", repository, list, order, got, want)
			}
		}
	}
}

// TestCollectionOnScheduleEndsWithTheEmulator runs a schedule that is always
// due.
func TestCollectionOnScheduleEndsWithTheEmulator(t *testing.T) {
	clock := newTestClock()
	r := startRegistry(t, &Options{Now: clock.Now, GCInterval: time.Millisecond})
	location := r.startUpload("app")
	clock.advance(48 * time.Hour)
	deadline, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for {
		a, err := r.try(deadline, "GET", location, nil)
		if err != nil {
			t.Fatal(errors.Join(err, deadline.Err()))
		}
		if a.StatusCode == 404 {
			return
		}
	}
}
