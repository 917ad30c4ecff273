package main

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/streaming"
	"github.com/opencontainers/go-digest"

	"github.com/acrkit/azcontainerregistry"
	"github.com/acrkit/azcontainerregistry/artifact"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/session"
	"github.com/acrkit/azcontainerregistry/emulator"
	"github.com/acrkit/azcontainerregistry/emulator/emulatortest"
)

// fillRepository pushes manifests that share a config, each with a tag, into the
// repository app of an emulator over a folder.
func fillRepository(t *testing.T, dir string, n int) {
	t.Helper()
	o := session.LocalOptions(dir)
	o.NoSync = true
	e, err := emulator.New(o)
	if err != nil {
		t.Fatal(err)
	}
	connection := e.Connect(nil)
	options := &azcontainerregistry.ClientOptions{}
	options.Transport = connection.Client()
	client, err := azcontainerregistry.NewClient(session.LocalEndpoint, emulatortest.NewCredential(nil), options)
	if err != nil {
		t.Fatal(err)
	}
	config := []byte("{}")
	repository, err := artifact.NewRepository(client, nil, "app")
	if err != nil {
		t.Fatal(err)
	}
	desc, content := artifact.NewContentBytes("application/vnd.oci.empty.v1+json", config)
	if err := repository.Push(t.Context(), desc, content); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var next atomic.Int64
	for range 8 {
		wg.Go(func() {
			for i := next.Add(1); i <= int64(n); i = next.Add(1) {
				body := fmt.Sprintf(`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","artifactType":"application/x","config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":%q,"size":2},"layers":[],"annotations":{"n":"%d"}}`, digest.FromBytes(config), i)
				_, err := client.UploadManifest(t.Context(), "app", fmt.Sprintf("v%d", i), azcontainerregistry.ContentTypeApplicationVndOciImageManifestV1JSON, streaming.NopCloser(strings.NewReader(body)), nil)
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	if err := connection.Close(); err != nil {
		t.Error(err)
	}
	if err := e.Close(); err != nil {
		t.Error(err)
	}
}

// TestPurgeReads32ManifestsAtATime plans a purge of 10,000 manifests at a
// registry whose every response takes 20 ms, in virtual time: it must take no
// more rounds than 32 readers at once need for all requests, and those that
// have to come one after another before the first manifest can be read.
func TestPurgeReads32ManifestsAtATime(t *testing.T) {
	const manifests, latency = 10_000, 20 * time.Millisecond
	dir := t.TempDir()
	var registry string
	{
		a, _ := testApp(map[string]string{"ACRKIT_DATA": dir}, &watcher{})
		var err error
		if registry, err = a.RegistryDir(); err != nil {
			t.Fatal(err)
		}
	}
	fillRepository(t, registry, manifests)
	synctest.Test(t, func(t *testing.T) {
		stderr := &watcher{}
		a, stdout := testApp(map[string]string{"ACRKIT_DATA": dir}, stderr)
		a.LocalOptions = func(dir string) *emulator.Options {
			o := session.LocalOptions(dir)
			o.NoSync = true
			o.Faults = []emulator.Fault{{Delay: emulator.Duration(latency)}}
			return o
		}
		begun := time.Now()
		if code := a.run(t.Context(), []string{"purge", "local", "--repo", "app", "--keep", "10", "--untagged", "--dry-run"}); code != failure.ExitDone {
			t.Fatalf("exit code %d\n%s", code, &stderr.all)
		}
		took := time.Since(begun)
		if lines := strings.Count(stdout.String(), "\n"); lines != manifests-10 {
			t.Errorf("%d manifests would go", lines)
		}
		// Ten pages of manifests and ten of tags, two tokens, and a challenge.
		const pages, before = 20, 5
		rounds := (manifests+pages)/artifact.GraphReads + 1 + before
		if limit := time.Duration(rounds) * latency; took > limit {
			t.Errorf("%d requests of %s took %s, want at most %d rounds, which are %s", manifests, latency, took, rounds, limit)
		}
		t.Logf("%s of virtual time, %d rounds", took, took/latency)
	})
}
