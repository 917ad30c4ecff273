package artifact_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	azcontainerregistry "github.com/acrkit/azcontainerregistry"
	"github.com/acrkit/azcontainerregistry/artifact"
	"github.com/acrkit/azcontainerregistry/emulator"
	"github.com/acrkit/azcontainerregistry/emulator/emulatortest"
)

// requests counts the answered requests since a number, by route.
func requests(e *emulator.Emulator, since int) map[string]int {
	counts := map[string]int{}
	for _, request := range e.Requests()[since:] {
		route := string(request.Route)
		if request.Method == http.MethodHead && route == "get-manifest" {
			route = "head-manifest"
		}
		counts[route]++
	}
	return counts
}

func TestPushOfImageTakesFewRequests(t *testing.T) {
	b := newBuilder(t, 40)
	b.tag(b.image("linux/amd64", 1000, 2000, 3000, 0), "v1")
	repository, r := startRepository(t, "team/app")
	if _, err := artifact.Copy(t.Context(), repository, "v1", b.store, "v1", nil); err != nil {
		t.Fatal(err)
	}
	want := map[string]int{
		"oauth-exchange": 1, "oauth-token": 2, // one to look, one to write
		"head":         7,                     // is the tag there, which of five blobs are; the one that comes first is challenged, and asked again
		"start-upload": 5, "finish-upload": 5, // two a blob
		"put-manifest": 1, // root and tag in one
	}
	got := requests(r.Emulator, 0)
	got["head"] = got["head-manifest"] + got["head-blob"]
	delete(got, "head-manifest")
	delete(got, "head-blob")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	before := len(r.Emulator.Requests())
	if _, err := artifact.Copy(t.Context(), repository, "v1", b.store, "v1", nil); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]int{"head-manifest": 1, "head-blob": 5}, requests(r.Emulator, before)); diff != "" {
		t.Errorf("second push: %s", diff)
	}
	before = len(r.Emulator.Requests())
	if _, err := artifact.Copy(t.Context(), repository, "stable", repository, "v1", nil); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]int{"get-manifest": 1, "head-manifest": 1, "put-manifest": 1}, requests(r.Emulator, before)); diff != "" {
		t.Errorf("retag: %s", diff)
	}
	requireWhole(t, repository, "stable", mustResolve(t, b.store, "v1").Digest)
}

func mustResolve(t testing.TB, src artifact.Source, reference string) ocispec.Descriptor {
	t.Helper()
	desc, err := src.Resolve(t.Context(), reference)
	if err != nil {
		t.Fatal(err)
	}
	return desc
}

func TestBlobsAreMountedWithinARegistry(t *testing.T) {
	b := newBuilder(t, 41)
	root := b.index(b.image("linux/amd64", 1000, 2000), b.image("linux/arm64", 3000))
	b.tag(root, "v1")
	r := emulatortest.Start(t)
	client := clientOf(t, r, r.Endpoint)
	from, to := repositoryOf(t, client, "dev/app"), repositoryOf(t, client, "prod/app")
	if _, err := artifact.Copy(t.Context(), from, "v1", b.store, "v1", nil); err != nil {
		t.Fatal(err)
	}
	before := len(r.Emulator.Requests())
	var mounted []string
	result, err := artifact.Copy(t.Context(), to, "v1", from, "v1", &artifact.Options{OnEvent: func(e artifact.Event) {
		if e.Kind == artifact.EventBlobMounted {
			mounted = append(mounted, e.From)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	if result.BlobsMounted != 5 || result.BytesCopied != 0 || len(mounted) != 5 || mounted[0] != "dev/app" {
		t.Errorf("result %+v, mounted %q", result, mounted)
	}
	counts := requests(r.Emulator, before)
	if counts["get-blob"]+counts["data"]+counts["finish-upload"] != 0 {
		t.Errorf("bytes moved: %v", counts)
	}
	requireWhole(t, to, "v1", root.Digest)
}

func TestFailedMountFallsBackToCopying(t *testing.T) {
	b := newBuilder(t, 42)
	root := b.image("linux/amd64", 1000, 2000)
	r := emulatortest.Start(t)
	client := clientOf(t, r, r.Endpoint)
	from := repositoryOf(t, client, "dev/app")
	if _, err := artifact.Copy(t.Context(), from, "v1", b.store, root.Digest.String(), nil); err != nil {
		t.Fatal(err)
	}
	for _, status := range []int{400, 404, 405} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			if err := r.Emulator.SetFaults(emulator.Fault{Routes: []emulator.Route{"mount-blob"}, Respond: &emulator.FaultResponse{Status: status, Code: "UNSUPPORTED"}}); err != nil {
				t.Fatal(err)
			}
			target := repositoryOf(t, client, fmt.Sprintf("prod/app%d", status))
			result, err := artifact.Copy(t.Context(), target, "v1", from, "v1", nil)
			if err != nil {
				t.Fatal(err)
			}
			if result.BlobsMounted != 0 || result.BlobsCopied != 3 {
				t.Errorf("result %+v", result)
			}
			r.Emulator.ClearFaults()
			requireWhole(t, target, "v1", root.Digest)
		})
	}
}

func twoRegistries(t *testing.T) (*emulatortest.Registry, *azcontainerregistry.Client, *azcontainerregistry.Client) {
	t.Helper()
	r := emulatortest.Start(t, &emulator.Options{Registries: []emulator.RegistryOptions{{Name: "first"}, {Name: "second"}}})
	return r, clientOf(t, r, "https://first.azurecr.io"), clientOf(t, r, "https://second.azurecr.io")
}

func TestSignaturesComeAlongFromRegistryToRegistry(t *testing.T) {
	b := newBuilder(t, 43)
	image := b.image("linux/amd64", 1000, 2_000_000)
	root := b.index(image)
	signature := b.signature(image)
	again := b.signature(signature)
	_, first, second := twoRegistries(t)
	from, to := repositoryOf(t, first, "app"), repositoryOf(t, second, "mirror/app")
	if _, err := artifact.Copy(t.Context(), from, "v1", b.store, root.Digest.String(), &artifact.Options{Referrers: artifact.ReferrersFollow}); err != nil {
		t.Fatal(err)
	}
	result, err := artifact.Copy(t.Context(), to, "v1", from, "v1", nil)
	if err != nil {
		t.Fatal(err)
	}
	if result.Referrers != 2 {
		t.Errorf("%d referrers came along, want 2", result.Referrers)
	}
	for subject, want := range map[digest.Digest]digest.Digest{image.Digest: signature.Digest, signature.Digest: again.Digest} {
		list, err := to.Referrers(t.Context(), ocispec.Descriptor{Digest: subject})
		if err != nil || len(list) != 1 || list[0].Digest != want {
			t.Errorf("referrers of %s: %v, %v; want %s", subject, list, err, want)
		}
	}
	requireWhole(t, to, "v1", root.Digest)
	if skipped, err := artifact.Copy(t.Context(), repositoryOf(t, second, "bare/app"), "v1", from, "v1", &artifact.Options{Referrers: artifact.ReferrersSkip}); err != nil || skipped.Referrers != 0 {
		t.Errorf("skipped: %+v, %v", skipped, err)
	}
}

func TestChildOfIndexIsNotTrustedWhenItsBlobsAreMissing(t *testing.T) {
	b := newBuilder(t, 44)
	child := b.image("linux/amd64", 1000, 2000)
	root := b.index(child, b.image("linux/arm64", 3000))
	repository, r := startRepository(t, "app")
	if _, err := artifact.Copy(t.Context(), repository, "v1", b.store, root.Digest.String(), nil); err != nil {
		t.Fatal(err)
	}
	m, _ := imageIn(t, b.store, child.Digest.String())
	if _, err := clientOf(t, r, r.Endpoint).NewBlobClient().DeleteBlob(t.Context(), "app", m.Layers[0].Digest.String(), nil); err != nil {
		t.Fatal(err)
	}
	result, err := artifact.Copy(t.Context(), repository, "v1", b.store, root.Digest.String(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if result.BlobsCopied != 1 {
		t.Errorf("%d blobs copied, want the one that was missing", result.BlobsCopied)
	}
	requireWhole(t, repository, "v1", root.Digest)
}

func TestManifestRefusedForItsBlobsIsRepaired(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBuilder(t, 45)
		root := b.index(b.image("linux/amd64", 1000, 2000))
		repository, r := startRepository(t, "app")
		m, _ := imageIn(t, b.store, mustChild(t, b, root).String())
		lost := false
		var retries int
		// Between the blobs and the manifest the registry loses one, as when
		// a push moves to another replica.
		o := &artifact.Options{OnEvent: func(e artifact.Event) {
			if e.Kind == artifact.EventBlobDone && !lost && e.Totals.Blobs == e.Totals.BlobsTotal {
				lost = true
				if _, err := clientOf(t, r, r.Endpoint).NewBlobClient().DeleteBlob(context.WithoutCancel(t.Context()), "app", m.Layers[0].Digest.String(), nil); err != nil {
					t.Error(err)
				}
			}
			if e.Kind == artifact.EventBlobRetrying && azcontainerregistry.HasCode(e.Err, azcontainerregistry.ErrorCodeManifestBlobUnknown) {
				retries++
			}
		}}
		result, err := artifact.Copy(t.Context(), repository, "v1", b.store, root.Digest.String(), o)
		if err != nil {
			t.Fatal(err)
		}
		if retries != 1 || result.BlobsCopied != 4 {
			t.Errorf("%d retries, %d blobs copied; want 1 and 4 (one of them twice)", retries, result.BlobsCopied)
		}
		requireWhole(t, repository, "v1", root.Digest)

		// A registry that never relents ends it with its own code.
		if err := r.Emulator.SetFaults(emulator.Fault{Preset: "manifest-blob-unknown"}); err != nil {
			t.Fatal(err)
		}
		started := time.Now()
		_, err = artifact.Copy(t.Context(), repository, "v2", b.store, b.image("linux/arm64", 10).Digest.String(), nil)
		if !azcontainerregistry.HasCode(err, azcontainerregistry.ErrorCodeManifestBlobUnknown) {
			t.Errorf("error %v, want MANIFEST_BLOB_UNKNOWN", err)
		}
		if took := time.Since(started); took > time.Minute {
			t.Errorf("it took %v to give up", took)
		}
	})
}

func mustChild(t testing.TB, b *builder, index ocispec.Descriptor) digest.Digest {
	t.Helper()
	var m ocispec.Index
	if err := json.Unmarshal(contentOf(t, b.store, index), &m); err != nil {
		t.Fatal(err)
	}
	return m.Manifests[0].Digest
}

func TestCopySurvivesFaultsOfTheRegistry(t *testing.T) {
	for _, preset := range []string{
		"throttled", "unavailable", "html-502", "cut-upload", "reset-upload", "cut-download", "reset-download",
		"blob-upload-invalid", "blob-upload-unknown", "expired-signed-url", "expired-token", "lost-response", "lost-chunk",
	} {
		t.Run(preset, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBuilder(t, 46)
				root := b.index(b.image("linux/amd64", 1000, 3<<20), b.image("linux/arm64", 2<<20))
				repository, r := startRepository(t, "app")
				fault := emulator.Fault{Preset: preset, Skip: 1, Count: 2}
				switch preset {
				case "expired-token":
					// A token that was fetched for this very request and is
					// refused is a refusal: these routes come late enough.
					fault.Routes, fault.Count = []emulator.Route{"finish-upload", "get-blob"}, 1
				case "expired-signed-url":
					// The same goes for a URL that was signed just now.
					fault.Count = 1
				}
				if err := r.Emulator.SetFaults(fault); err != nil {
					t.Fatal(err)
				}
				if _, err := artifact.Copy(t.Context(), repository, "v1", b.store, root.Digest.String(), nil); err != nil {
					t.Fatalf("push: %v", err)
				}
				if err := r.Emulator.SetFaults(fault); err != nil {
					t.Fatal(err)
				}
				layout, err := artifact.CreateLayout(filepath.Join(t.TempDir(), "layout"))
				if err != nil {
					t.Fatal(err)
				}
				defer layout.Close()
				if _, err := artifact.Copy(t.Context(), layout, "v1", repository, "v1", nil); err != nil {
					t.Fatalf("pull: %v", err)
				}
				r.Emulator.ClearFaults()
				requireWhole(t, layout, "v1", root.Digest)
				requireWhole(t, repository, "v1", root.Digest)
			})
		})
	}
}

func TestCorruptDownloadIsNeverReportedAsDone(t *testing.T) {
	b := newBuilder(t, 47)
	root := b.image("linux/amd64", 100_000)
	repository, r := startRepository(t, "app")
	if _, err := artifact.Copy(t.Context(), repository, "v1", b.store, root.Digest.String(), nil); err != nil {
		t.Fatal(err)
	}
	if err := r.Emulator.SetFaults(emulator.Fault{Routes: []emulator.Route{emulator.RouteData}, Corrupt: &emulator.FaultCorrupt{On: emulator.OnResponse, Offset: 10}}); err != nil {
		t.Fatal(err)
	}
	layout, err := artifact.CreateLayout(filepath.Join(t.TempDir(), "layout"))
	if err != nil {
		t.Fatal(err)
	}
	defer layout.Close()
	if _, err := artifact.Copy(t.Context(), layout, "v1", repository, "v1", nil); !errors.Is(err, azcontainerregistry.ErrMismatchedHash) {
		t.Errorf("error %v, want a mismatch", err)
	}
	if tags, err := layout.Tags(t.Context()); err != nil || len(tags) > 0 {
		t.Errorf("tags %q, %v; want none", tags, err)
	}
}

func TestInterruptedPushLeavesNoTag(t *testing.T) {
	b := newBuilder(t, 48)
	root := b.image("linux/amd64", 1000, 2000, 3000)
	repository, r := startRepository(t, "app")
	if err := r.Emulator.SetFaults(emulator.Fault{Routes: []emulator.Route{"finish-upload"}, Skip: 2, Respond: &emulator.FaultResponse{Status: 403, Code: "DENIED"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := artifact.Copy(t.Context(), repository, "v1", b.store, root.Digest.String(), &artifact.Options{Concurrency: 1}); !azcontainerregistry.HasCode(err, azcontainerregistry.ErrorCodeDenied) {
		t.Fatalf("error %v, want DENIED", err)
	}
	if n := requests(r.Emulator, 0)["put-manifest"]; n != 0 {
		t.Errorf("%d manifests were put", n)
	}
	r.Emulator.ClearFaults()
	result, err := artifact.Copy(t.Context(), repository, "v1", b.store, root.Digest.String(), nil)
	if err != nil || result.BlobsExisted != 2 {
		t.Errorf("%+v, %v; want two blobs that were there", result, err)
	}
}

func TestPullGoesOnInAnotherProcess(t *testing.T) {
	b := newBuilder(t, 49)
	root := b.image("linux/amd64", 8<<20)
	m, _ := imageIn(t, b.store, root.Digest.String())
	repository, r := startRepository(t, "app")
	if _, err := artifact.Copy(t.Context(), repository, "v1", b.store, root.Digest.String(), nil); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "layout")
	pull := func(ctx context.Context, o *artifact.Options) error {
		layout, err := artifact.CreateLayout(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer layout.Close()
		_, err = artifact.Copy(ctx, layout, "v1", repository, "v1", o)
		return err
	}
	// The connection is cut, and then the way to the storage is closed.
	if err := r.Emulator.SetFaults(
		emulator.Fault{Routes: []emulator.Route{emulator.RouteData}, Reference: m.Layers[0].Digest.String(), Count: 1, Break: &emulator.FaultBreak{On: emulator.OnResponse, After: 3 << 20, How: emulator.BreakCut}},
		emulator.Fault{Routes: []emulator.Route{emulator.RouteData}, Reference: m.Layers[0].Digest.String(), Respond: &emulator.FaultResponse{Status: 403, Code: "DENIED"}},
	); err != nil {
		t.Fatal(err)
	}
	if err := pull(t.Context(), nil); !azcontainerregistry.HasCode(err, azcontainerregistry.ErrorCodeDenied) {
		t.Fatalf("error %v, want DENIED", err)
	}
	r.Emulator.ClearFaults()
	before := len(r.Emulator.Requests())
	var from int64 = -1
	if err := pull(t.Context(), &artifact.Options{OnEvent: func(e artifact.Event) {
		if e.Kind == artifact.EventBlobResumed && e.Descriptor.Digest == m.Layers[0].Digest && from < 0 {
			from = e.Bytes
		}
	}}); err != nil {
		t.Fatal(err)
	}
	var sent int64
	for _, request := range r.Emulator.Requests()[before:] {
		if request.Route == emulator.RouteData {
			sent += request.SentBytes
		}
	}
	if from < 1<<20 || sent > 8<<20-from+m.Config.Size {
		t.Errorf("went on at %d, and the registry sent %d bytes of the rest", from, sent)
	}
	layout, err := artifact.OpenLayout(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer layout.Close()
	requireWhole(t, layout, "v1", root.Digest)
}

func TestPushGoesOnInAnotherProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBuilder(t, 50)
		root := b.image("linux/amd64", 8<<20)
		repository, r := startRepository(t, "app")
		dir := filepath.Join(t.TempDir(), "journal")
		j, err := artifact.OpenJournal(dir)
		if err != nil {
			t.Fatal(err)
		}
		push := func(ctx context.Context) error {
			entry, err := j.Begin(artifact.TransferSpec{Verb: "push", Source: "oci:out", Destination: "reg/app:1"})
			if err != nil {
				t.Fatal(err)
			}
			defer entry.Close()
			_, err = artifact.Copy(ctx, repository, "v1", b.store, root.Digest.String(), &artifact.Options{Journal: entry, Concurrency: 1})
			return err
		}
		// The large layer is on its way when its process is stopped.
		if err := r.Emulator.SetFaults(emulator.Fault{
			Routes: []emulator.Route{"finish-upload", "upload-chunk"}, Count: 1,
			Break: &emulator.FaultBreak{On: emulator.OnRequest, After: 700 << 10, How: emulator.BreakStall},
		}); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if err := push(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("error %v, want the end of the time", err)
		}
		saved, err := filepath.Glob(filepath.Join(dir, "*", "upload-*.json"))
		if err != nil || len(saved) != 1 {
			t.Fatalf("%d checkpoints were kept, %v; want 1", len(saved), err)
		}
		if info, err := os.Stat(saved[0]); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v; want 0600", saved[0], info.Mode(), err)
		}
		before := len(r.Emulator.Requests())
		if err := push(t.Context()); err != nil {
			t.Fatal(err)
		}
		if requests(r.Emulator, before)["upload-status"] == 0 {
			t.Error("the upload was not asked where it stands")
		}
		requireWhole(t, repository, "v1", root.Digest)
		if list, err := j.List(); err != nil || len(list) != 0 {
			t.Errorf("journal %v, %v; want it empty", list, err)
		}
	})
}

func TestSyncOfRegistries(t *testing.T) {
	r, first, second := twoRegistries(t)
	b := newBuilder(t, 51)
	for _, name := range []string{"team/app", "team/web", "other/db"} {
		for i := range 3 {
			if _, err := artifact.Copy(t.Context(), repositoryOf(t, first, name), fmt.Sprintf("v%d", i), b.store, b.image("linux/amd64", 100+i).Digest.String(), nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	src, err := artifact.NewRegistry(first, nil)
	if err != nil {
		t.Fatal(err)
	}
	dst, err := artifact.NewRegistry(second, nil)
	if err != nil {
		t.Fatal(err)
	}
	o := &artifact.SyncOptions{Include: []string{"team/**"}}
	result, err := artifact.Sync(t.Context(), dst, src, o)
	if err != nil || result.Copied != 6 {
		t.Fatalf("%+v, %v", result, err)
	}
	names, err := dst.Repositories(t.Context())
	if err != nil || !slices.Equal(names, []string{"team/app", "team/web"}) {
		t.Errorf("repositories %q, %v", names, err)
	}
	before := len(r.Emulator.Requests())
	again, err := artifact.Sync(t.Context(), dst, src, o)
	if err != nil || again.Skipped != 6 || again.Copied != 0 {
		t.Errorf("again: %+v, %v", again, err)
	}
	counts := requests(r.Emulator, before)
	if counts["head-blob"]+counts["put-manifest"]+counts["start-upload"] != 0 {
		t.Errorf("a sync that has nothing to do asked for blobs: %v", counts)
	}
	// A signature that comes later is brought along.
	root := mustResolve(t, repositoryOf(t, first, "team/app"), "v1")
	signature := b.signature(root)
	if _, err := artifact.Copy(t.Context(), repositoryOf(t, first, "team/app"), "", b.store, signature.Digest.String(), nil); err != nil {
		t.Fatal(err)
	}
	third, err := artifact.Sync(t.Context(), dst, src, o)
	if err != nil || third.Copied != 1 {
		t.Errorf("with a signature: %+v, %v", third, err)
	}
	list, err := repositoryOf(t, second, "team/app").Referrers(t.Context(), root)
	if err != nil || len(list) != 1 || list[0].Digest != signature.Digest {
		t.Errorf("referrers %v, %v", list, err)
	}
}

func TestSyncMovesWhatImagesShareOnce(t *testing.T) {
	b := newBuilder(t, 63)
	base := b.image("linux/amd64", 300_000)
	src := memoryRegistry{}
	for i := range 6 {
		store := artifact.NewMemory()
		if _, err := artifact.Copy(t.Context(), store, "v1", b.store, base.Digest.String(), nil); err != nil {
			t.Fatal(err)
		}
		src[fmt.Sprintf("app%d", i)] = store
	}
	r := emulatortest.Start(t)
	dst, err := artifact.NewRegistry(clientOf(t, r, r.Endpoint), nil)
	if err != nil {
		t.Fatal(err)
	}
	mounted := 0
	o := &artifact.SyncOptions{Images: 6, Copy: artifact.Options{OnEvent: func(e artifact.Event) {
		if e.Kind == artifact.EventBlobMounted {
			mounted++
		}
	}}}
	result, err := artifact.Sync(t.Context(), dst, src, o)
	if err != nil || result.Copied != 6 || mounted != 10 || result.Bytes > 310_000 {
		t.Errorf("%+v, %d mounted, %v; want a layer and a config to be moved once and mounted five times", result, mounted, err)
	}
	for name := range src {
		target, _ := dst.Source(name)
		requireWhole(t, target, "v1", base.Digest)
	}
}

func TestPlanOfPushCountsRequests(t *testing.T) {
	b := newBuilder(t, 52)
	root := b.index(b.image("linux/amd64", 1000, 2000), b.image("linux/arm64", 3000))
	repository, r := startRepository(t, "app")
	p, err := artifact.NewPlan(t.Context(), repository, "v1", b.store, root.Digest.String(), nil)
	if err != nil {
		t.Fatal(err)
	}
	before := len(r.Emulator.Requests())
	if _, err := p.Apply(t.Context(), repository, b.store, nil); err != nil {
		t.Fatal(err)
	}
	writes := 0
	for route, n := range requests(r.Emulator, before) {
		if !strings.HasPrefix(route, "head-") && !strings.HasPrefix(route, "oauth-") {
			writes += n
		}
	}
	if writes != p.Requests {
		t.Errorf("%d requests, the plan said %d", writes, p.Requests)
	}
}
