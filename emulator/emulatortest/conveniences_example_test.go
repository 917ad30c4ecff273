package emulatortest_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/acrkit/azcontainerregistry/emulator"
	"github.com/acrkit/azcontainerregistry/emulator/emulatortest"
)

// One line puts an image into the registry.
func ExampleRegistry_PushImage() {
	runExample(func(t testing.TB) {
		registry := emulatortest.Start(t)
		digest := registry.PushImage(t, "team/app:v1", "hello")
		fmt.Println(registry.Snapshot(t).Repositories[0].Tags["v1"] == digest)
	})
	// Output: true
}

// The requests that a program sent are there to be looked at.
func ExampleRegistry_AssertRequests() {
	runExample(func(t testing.TB) {
		registry := emulatortest.Start(t)
		registry.PushImage(t, "team/app:v1", "one layer", "another layer")
		registry.AssertRequests(t, emulator.RouteStartUpload, 3)
		registry.AssertRequests(t, emulator.RoutePutManifest, 1)
		fmt.Println(registry.Requests(emulator.RoutePutManifest)[0].Status)
	})
	// Output: 201
}

// The second request fails, and only that.
func ExampleRegistry_FailNth() {
	runExample(func(t testing.TB) {
		registry := emulatortest.Start(t)
		registry.FailNth(t, 2, emulator.Fault{Preset: "unavailable", Routes: []emulator.Route{emulator.RouteBase}})
		for range 3 {
			response, err := registry.HTTPClient().Get(registry.Endpoint + "/v2/")
			if err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
			fmt.Println(response.StatusCode == http.StatusServiceUnavailable)
		}
	})
	// Output:
	// false
	// true
	// false
}

// Five hours later every token has expired.
func ExampleRegistry_Advance() {
	runExample(func(t testing.TB) {
		registry := emulatortest.Start(t)
		before := registry.Emulator.Clock().Now()
		registry.Advance(5 * time.Hour)
		fmt.Println(registry.Emulator.Clock().Now().Sub(before) >= 5*time.Hour)
	})
	// Output: true
}

// Everything fails until the faults are taken back.
func ExampleRegistry_SetFaults() {
	runExample(func(t testing.TB) {
		registry := emulatortest.Start(t)
		registry.SetFaults(t, emulator.Fault{Preset: "unavailable"})
		fmt.Println(statusOf(t, registry, "/v2/"))
		registry.SetFaults(t)
		fmt.Println(statusOf(t, registry, "/v2/"))
	})
	// Output:
	// 503
	// 401
}

// A registry that asks nobody to sign in.
func ExampleRegistry_SetPolicies() {
	runExample(func(t testing.TB) {
		registry := emulatortest.Start(t)
		registry.SetPolicies(t, emulator.Policies{NoAuthentication: true})
		fmt.Println(statusOf(t, registry, "/v2/_catalog"))
	})
	// Output: 200
}

// What a program left in the registry.
func ExampleRegistry_Snapshot() {
	runExample(func(t testing.TB) {
		registry := emulatortest.Start(t)
		registry.PushImage(t, "team/app:v1")
		registry.PushImage(t, "tools:latest")
		for _, repository := range registry.Snapshot(t).Repositories {
			fmt.Println(repository.Name, len(repository.Manifests), len(repository.Tags))
		}
	})
	// Output:
	// team/app 1 1
	// tools 1 1
}

// statusOf asks the registry for a path.
func statusOf(t testing.TB, registry *emulatortest.Registry, path string) int {
	response, err := registry.HTTPClient().Get(registry.Endpoint + path)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	return response.StatusCode
}
