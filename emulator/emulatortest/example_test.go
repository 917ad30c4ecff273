package emulatortest_test

import (
	"context"
	"fmt"
	"log"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/streaming"

	"github.com/acrkit/azcontainerregistry"
	"github.com/acrkit/azcontainerregistry/emulator"
	"github.com/acrkit/azcontainerregistry/emulator/emulatortest"
)

// pushGreeting is the program under test: it uploads a blob.
func pushGreeting(ctx context.Context, client *azcontainerregistry.BlobClient) (string, error) {
	start, err := client.StartUpload(ctx, "team/greetings", nil)
	if err != nil {
		return "", err
	}
	calculator := azcontainerregistry.NewBlobDigestCalculator()
	chunk, err := client.UploadChunk(ctx, *start.Location, streaming.NopCloser(strings.NewReader("hello")), calculator, nil)
	if err != nil {
		return "", err
	}
	done, err := client.CompleteUpload(ctx, *chunk.Location, calculator, nil)
	if err != nil {
		return "", err
	}
	return *done.DockerContentDigest, nil
}

// A test of a program that talks to a registry: start one, give the program
// its endpoint, credential and transport, and look at what came.
func Example() {
	test := func(t testing.TB) {
		registry := emulatortest.Start(t)
		client, err := azcontainerregistry.NewBlobClient(registry.Endpoint, registry.Credential,
			&azcontainerregistry.BlobClientOptions{ClientOptions: registry.ClientOptions()})
		if err != nil {
			t.Fatal(err)
		}
		digest, err := pushGreeting(context.Background(), client)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Println(digest)
		for _, request := range registry.Requests("") {
			fmt.Println(request.Route, request.Status)
		}
	}
	runExample(test)
	// Output:
	// sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824
	// start-upload 401
	// oauth-exchange 200
	// oauth-token 200
	// start-upload 202
	// upload-chunk 202
	// finish-upload 201
}

// What fails in production can be made to fail in a test.
func Example_faults() {
	test := func(t testing.TB) {
		registry := emulatortest.Start(t)
		client, err := azcontainerregistry.NewClient(registry.Endpoint, registry.NewCredential(emulatortest.PullOnlyID),
			&azcontainerregistry.ClientOptions{ClientOptions: registry.ClientOptions()})
		if err != nil {
			t.Fatal(err)
		}
		registry.SetFaults(t, emulator.Fault{Preset: "no-role-denied"})
		_, err = client.GetRepositoryProperties(context.Background(), "team/app", nil)
		fmt.Println(azcontainerregistry.HasCode(err, "DENIED"))

		registry.SetFaults(t)
		registry.SetPolicies(t, emulatortest.Policies())
		_, err = client.DeleteRepository(context.Background(), "team/app", nil)
		fmt.Println(azcontainerregistry.HasCode(err, "UNAUTHORIZED"))
	}
	runExample(test)
	// Output:
	// true
	// true
}

// runExample runs a test's body as an example: an example has no testing.TB of
// its own.
func runExample(test func(testing.TB)) {
	t := &exampleTB{}
	defer t.end()
	test(t)
}

type exampleTB struct {
	testing.TB
	cleanups []func()
}

func (t *exampleTB) Helper()          {}
func (t *exampleTB) Cleanup(f func()) { t.cleanups = append(t.cleanups, f) }
func (t *exampleTB) Errorf(format string, args ...any) {
	log.Printf(format, args...)
}

func (t *exampleTB) Fatal(args ...any) { panic(fmt.Sprint(args...)) }

func (t *exampleTB) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

func (t *exampleTB) end() {
	for i := len(t.cleanups) - 1; i >= 0; i-- {
		t.cleanups[i]()
	}
}

// The library's own retries and renewals run on the bubble's time: a minute of
// throttling passes at once, and tokens that expired are renewed.
func TestClientInABubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		registry := emulatortest.Start(t)
		client, err := azcontainerregistry.NewBlobClient(registry.Endpoint, registry.Credential,
			&azcontainerregistry.BlobClientOptions{ClientOptions: registry.ClientOptions()})
		if err != nil {
			t.Fatal(err)
		}
		registry.SetFaults(t, emulator.Fault{Count: 1, Routes: []emulator.Route{"start-upload"}, Respond: &emulator.FaultResponse{
			Status: 429, Code: "TOOMANYREQUESTS", Message: "slow down", RetryAfter: 30,
		}})
		begin := time.Now()
		if _, err := pushGreeting(t.Context(), client); err != nil {
			t.Fatal(err)
		}
		if waited := time.Since(begin); waited < 30*time.Second || waited > 31*time.Second {
			t.Errorf("the client waited %v, not what Retry-After said", waited)
		}
		time.Sleep(4 * time.Hour)
		if _, err := pushGreeting(t.Context(), client); err != nil {
			t.Fatalf("after the tokens expired: %v", err)
		}
		if exchanges := len(registry.Requests(emulator.RouteOAuthExchange)); exchanges != 2 {
			t.Errorf("%d exchanges, want 2", exchanges)
		}
	})
}

// startLimit is how long a registry may take to be ready, and gone again.
const startLimit = 20 * time.Millisecond

func BenchmarkStart(b *testing.B) {
	for b.Loop() {
		runExample(func(t testing.TB) { emulatortest.Start(t) })
	}
	if each := b.Elapsed() / time.Duration(b.N); each > startLimit {
		b.Errorf("%v a registry, want at most %v", each, startLimit)
	}
}
