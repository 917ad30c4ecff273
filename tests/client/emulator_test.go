package client_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/streaming"
	"github.com/google/go-cmp/cmp"

	acr "github.com/acrkit/azcontainerregistry"
	"github.com/acrkit/azcontainerregistry/emulator"
	"github.com/acrkit/azcontainerregistry/emulator/emulatortest"
)

// TestManifestReadsTakeOneTokenAScope is the promise of 200 reads over 10
// repositories in at most 211 requests.
func TestManifestReadsTakeOneTokenAScope(t *testing.T) {
	registry, setUp, _ := startRegistry(t)
	for i := range 10 {
		pushImage(t, setUp, fmt.Sprintf("team/app%d", i), "v1")
	}
	client, err := acr.NewClient(registry.Endpoint, registry.Credential, &acr.ClientOptions{ClientOptions: registry.ClientOptions()})
	if err != nil {
		t.Fatal(err)
	}
	registry.Emulator.ResetRequests()
	for i := range 200 {
		if err := readManifest(client, fmt.Sprintf("team/app%d", i%10), "v1"); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(registry.Emulator.Requests()); n != 212 {
		t.Errorf("200 reads took %d requests, want 212: %v", n, registry.Emulator.RequestCounts())
	}
}

// TestGoroutinesShareTokens has 64 goroutines ask for 10 scopes at once.
func TestGoroutinesShareTokens(t *testing.T) {
	registry, setUp, _ := startRegistry(t)
	for i := range 10 {
		pushImage(t, setUp, fmt.Sprintf("app%d", i), "v1")
	}
	client, err := acr.NewClient(registry.Endpoint, registry.Credential, &acr.ClientOptions{ClientOptions: registry.ClientOptions()})
	if err != nil {
		t.Fatal(err)
	}
	registry.Emulator.ResetRequests()
	var group sync.WaitGroup
	for g := range 64 {
		group.Go(func() {
			for i := range 10 {
				if err := readManifest(client, fmt.Sprintf("app%d", (g+i)%10), "v1"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	if n := len(registry.Emulator.Requests()); n != 652 {
		t.Errorf("640 reads took %d requests, want 652: %v", n, registry.Emulator.RequestCounts())
	}
}

// TestClientsOfOneCacheShareTokens counts the token calls of two clients.
func TestClientsOfOneCacheShareTokens(t *testing.T) {
	registry, setUp, _ := startRegistry(t)
	pushImage(t, setUp, "app", "v1")
	registry.Emulator.ResetRequests()
	options := registry.ClientOptions()
	options.PerCallPolicies = append(options.PerCallPolicies, acr.NewTokenCache())
	for range 2 {
		client, err := acr.NewClient(registry.Endpoint, registry.Credential, &acr.ClientOptions{ClientOptions: options})
		if err != nil {
			t.Fatal(err)
		}
		if err := readManifest(client, "app", "v1"); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(registry.Emulator.Requests()); n != 5 {
		t.Errorf("two reads took %d requests, want a challenge, exchange, token and two reads: %v", n, registry.Emulator.RequestCounts())
	}
}

// TestTokensThatDiedAreReplaced makes the registry forget every token.
func TestTokensThatDiedAreReplaced(t *testing.T) {
	registry, client, blobs := startRegistry(t)
	pushImage(t, client, "app", "v1")
	registry.Emulator.ExpireTokens()
	if err := readManifest(client, "app", "v1"); err != nil {
		t.Error(err)
	}
	start, err := blobs.StartUpload(t.Context(), "app", nil)
	if err != nil {
		t.Fatal(err)
	}
	registry.Emulator.ExpireTokens()
	calculator := acr.NewBlobDigestCalculator()
	chunk, err := blobs.UploadChunk(t.Context(), *start.Location, strings.NewReader("chunk"), calculator, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := blobs.CompleteUpload(t.Context(), *chunk.Location, calculator, nil); err != nil {
		t.Error(err)
	}
}

// TestEveryCallOfTheAPI goes through the calls of v0.2.3 once, and looks that
// only the first was answered 401.
func TestEveryCallOfTheAPI(t *testing.T) {
	for name, policies := range map[string]emulator.Policies{"ACR": {}, "no authentication": {NoAuthentication: true}} {
		t.Run(name, func(t *testing.T) {
			registry := emulatortest.Start(t, &emulator.Options{Registries: []emulator.RegistryOptions{{Policies: policies}}})
			client, err := acr.NewClient(registry.Endpoint, registry.Credential, &acr.ClientOptions{ClientOptions: registry.ClientOptions()})
			if err != nil {
				t.Fatal(err)
			}
			everyCall(t, client, client.NewBlobClient())
			refused := 0
			for _, r := range registry.Emulator.Requests() {
				if r.Status == 401 {
					if refused++; refused > 1 {
						t.Errorf("%s %s was answered 401", r.Method, r.Path)
					}
				}
			}
		})
	}
}

// TestListings reads each list in pages of two.
func TestListings(t *testing.T) {
	_, client, _ := startRegistry(t)
	ctx := t.Context()
	var tags []string
	for i := range 5 {
		tags = append(tags, fmt.Sprintf("v%d", i))
	}
	digest := pushImage(t, client, "app", tags...)
	pushImage(t, client, "app", "other")
	pushImage(t, client, "base", "latest")
	two := int32(2)

	var names []string
	for name, err := range client.Repositories(ctx, &acr.ClientListRepositoriesOptions{MaxNum: &two}) {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	if diff := cmp.Diff([]string{"app", "base"}, names); diff != "" {
		t.Error(diff)
	}
	for _, order := range []*acr.ArtifactTagOrderBy{nil, new(acr.ArtifactTagOrderByLastUpdatedOnAscending), new(acr.ArtifactTagOrderByLastUpdatedOnDescending)} {
		options := &acr.ClientListTagsOptions{MaxNum: &two, Digest: &digest, OrderBy: order}
		var listed, paged []string
		for tag, err := range client.Tags(ctx, "app", options) {
			if err != nil {
				t.Fatal(err)
			}
			listed = append(listed, *tag.Name)
		}
		for pager := client.NewListTagsPager("app", options); pager.More(); {
			page, err := pager.NextPage(ctx)
			if err != nil {
				t.Fatal(err)
			}
			for _, tag := range page.Tags {
				paged = append(paged, *tag.Name)
			}
		}
		if diff := cmp.Diff(listed, paged); diff != "" || len(listed) != 5 {
			t.Errorf("tags of the digest: %v, by pager %v", listed, paged)
		}
	}
	n := 0
	for manifest, err := range client.Manifests(ctx, "app", nil) {
		if err != nil {
			t.Fatal(err)
		}
		n += len(manifest.Tags)
	}
	if n != 6 {
		t.Errorf("manifests have %d tags, want 6", n)
	}
	for _, err := range client.Tags(ctx, "never-was", nil) {
		if !acr.HasCode(err, acr.ErrorCodeNameUnknown) {
			t.Errorf("tags of an unknown repository: %v", err)
		}
	}
}

// TestReferrers attaches a signature and finds it.
func TestReferrers(t *testing.T) {
	_, client, _ := startRegistry(t)
	ctx := t.Context()
	subject := pushImage(t, client, "app", "v1")
	exists, err := client.CheckManifestExists(ctx, "app", "v1", nil)
	if err != nil {
		t.Fatal(err)
	}
	empty := pushBlob(t, client.NewBlobClient(), "app", []byte("{}"))
	signature := fmt.Appendf(nil, `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","artifactType":"application/x-signature","config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":%q,"size":2},"layers":[],"subject":{"mediaType":%q,"digest":%q,"size":%d}}`,
		empty, exists.MediaType, subject, exists.Size)
	if _, err := client.UploadManifest(ctx, "app", digestOf(signature), acr.ContentTypeApplicationVndOciImageManifestV1JSON, streaming.NopCloser(bytes.NewReader(signature)), nil); err != nil {
		t.Fatal(err)
	}
	for artifactType, want := range map[string]int{"": 1, "application/x-signature": 1, "application/x-sbom": 0} {
		n := 0
		for d, err := range client.Referrers(ctx, "app", subject, &acr.ClientListReferrersOptions{ArtifactType: artifactType}) {
			if err != nil {
				t.Fatal(err)
			}
			if d.Digest != digestOf(signature) || d.ArtifactType != "application/x-signature" {
				t.Errorf("referrer: %+v", d)
			}
			n++
		}
		if n != want {
			t.Errorf("%q: %d referrers, want %d", artifactType, n, want)
		}
	}
}

// TestFailuresCarryTheRegistrysAnswer looks at the error of an unknown tag.
func TestFailuresCarryTheRegistrysAnswer(t *testing.T) {
	_, client, _ := startRegistry(t)
	pushImage(t, client, "app", "v1")
	_, err := client.GetManifest(t.Context(), "app", "v9", nil)
	var respErr *azcore.ResponseError
	if !errors.As(err, &respErr) || respErr.StatusCode != 404 || respErr.ErrorCode != "MANIFEST_UNKNOWN" {
		t.Fatalf("%v", err)
	}
	if body, err := io.ReadAll(respErr.RawResponse.Body); err != nil || !strings.Contains(string(body), `"MANIFEST_UNKNOWN"`) {
		t.Errorf("body: %q, %v", body, err)
	}
	if op, ok := acr.OperationOf(err); !ok || op.Repository != "app" || op.Reference != "v9" {
		t.Errorf("operation: %+v", op)
	}
	err = acr.WithOperation(err)
	id := acr.CorrelationID(err)
	want := `get manifest app:v9: 404 MANIFEST_UNKNOWN: manifest tagged by "v9" is not found (correlation id ` + id + `)`
	if id == "" || err.Error() != want {
		t.Errorf("got  %s\nwant %s", err, want)
	}
}

// TestAChunkSurvivesFaults breaks a chunk in several ways and lets azcore retry.
func TestAChunkSurvivesFaults(t *testing.T) {
	broken := emulator.Fault{Methods: []string{"PATCH"}, Count: 1, Break: &emulator.FaultBreak{On: emulator.OnRequest, After: 70_000, How: emulator.BreakReset}}
	for name, fault := range map[string]emulator.Fault{
		"broken connection": broken,
		"503":               {Methods: []string{"PATCH"}, Count: 2, Respond: &emulator.FaultResponse{Status: 503}},
		"429":               {Methods: []string{"PATCH"}, Count: 1, Respond: &emulator.FaultResponse{Status: 429, RetryAfter: 1}},
		"expired token":     {Methods: []string{"PATCH"}, Count: 1, ExpireToken: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				registry := emulatortest.Start(t, &emulator.Options{Quirks: map[string]string{"partial-chunk": "discard"}})
				blobs, err := acr.NewBlobClient(registry.Endpoint, registry.Credential, &acr.BlobClientOptions{ClientOptions: registry.ClientOptions()})
				if err != nil {
					t.Fatal(err)
				}
				if err := registry.Emulator.SetFaults(fault); err != nil {
					t.Fatal(err)
				}
				content := noise(1, 300_000)
				if digest := pushBlob(t, blobs, "app", content); digest != digestOf(content) {
					t.Errorf("digest %s", digest)
				}
			})
		})
	}
	t.Run("registry that keeps the half", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			registry, _, blobs := startRegistry(t)
			if err := registry.Emulator.SetFaults(broken); err != nil {
				t.Fatal(err)
			}
			start, err := blobs.StartUpload(t.Context(), "app", nil)
			if err != nil {
				t.Fatal(err)
			}
			// Only a new upload helps now, and the error says so.
			_, err = blobs.UploadChunk(t.Context(), *start.Location, bytes.NewReader(noise(1, 300_000)), acr.NewBlobDigestCalculator(), nil)
			if !acr.HasCode(err, acr.ErrorCodeBlobUploadInvalid) {
				t.Errorf("error: %v", err)
			}
		})
	})
}

// TestDeniedActionsSayWhichOnes reads and writes as somebody who may only read.
func TestDeniedActionsSayWhichOnes(t *testing.T) {
	registry, setUp, _ := startRegistry(t)
	pushImage(t, setUp, "app", "v1")
	if err := registry.Emulator.SetPolicies("acrkit", emulator.Policies{AnonymousPull: true}); err != nil {
		t.Fatal(err)
	}
	client, err := acr.NewClientWithNoCredential(registry.Endpoint, &acr.ClientOptions{ClientOptions: registry.ClientOptions()})
	if err != nil {
		t.Fatal(err)
	}
	if err := readManifest(client, "app", "v1"); err != nil {
		t.Error(err)
	}
	_, err = client.DeleteTag(t.Context(), "app", "v1", nil)
	var respErr *azcore.ResponseError
	if !errors.As(err, &respErr) || respErr.ErrorCode != "UNAUTHORIZED" || !strings.Contains(respErr.RawResponse.Header.Get("WWW-Authenticate"), "insufficient_scope") {
		t.Errorf("delete: %v", err)
	}
	if _, err := client.NewBlobClient().StartUpload(t.Context(), "app", nil); !acr.HasCode(err, acr.ErrorCodeUnauthorized) {
		t.Errorf("upload: %v", err)
	}
	if err := registry.Emulator.SetPolicies("acrkit", emulator.Policies{}); err != nil {
		t.Fatal(err)
	}
	closed, err := acr.NewClientWithNoCredential(registry.Endpoint, &acr.ClientOptions{ClientOptions: registry.ClientOptions()})
	if err != nil {
		t.Fatal(err)
	}
	if err := readManifest(closed, "app", "v1"); !acr.HasCode(err, acr.ErrorCodeUnauthorized) {
		t.Errorf("anonymous pull is off: %v", err)
	}
}

// TestSoftDelete deletes an image, finds it again and restores it.
func TestSoftDelete(t *testing.T) {
	registry := emulatortest.Start(t, &emulator.Options{Registries: []emulator.RegistryOptions{{SoftDelete: 24 * time.Hour}}})
	client, err := acr.NewClient(registry.Endpoint, registry.Credential, &acr.ClientOptions{ClientOptions: registry.ClientOptions()})
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	digest := pushImage(t, client, "app", "v1")
	if _, err := client.DeleteManifest(ctx, "app", digest, nil); err != nil {
		t.Fatal(err)
	}
	repositories, err := client.NewListDeletedRepositoriesPager(nil).NextPage(ctx)
	if err != nil || len(repositories.Repositories) != 1 {
		t.Errorf("%+v, %v", repositories, err)
	}
	manifests, err := client.NewListDeletedManifestsPager("app", nil).NextPage(ctx)
	if err != nil || len(manifests.Manifests) != 1 || manifests.Manifests[0].Digest != digest || manifests.Manifests[0].DeletedOn.IsZero() {
		t.Errorf("%+v, %v", manifests, err)
	}
	tags, err := client.NewListDeletedTagsPager("app", nil).NextPage(ctx)
	if err != nil || len(tags.Tags) != 1 || tags.Tags[0].Name != "v1" {
		t.Errorf("%+v, %v", tags, err)
	}
	if _, err := client.RestoreManifest(ctx, "app", digest, &acr.ClientRestoreManifestOptions{Tag: "v1"}); err != nil {
		t.Fatal(err)
	}
	if err := readManifest(client, "app", "v1"); err != nil {
		t.Error(err)
	}
}
