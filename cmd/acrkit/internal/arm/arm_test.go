package arm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
	"github.com/acrkit/azcontainerregistry/internal/strict"
)

// fake is a resource manager in memory, which sees each request.
type fake struct {
	t       *testing.T
	respond func(w http.ResponseWriter, r *http.Request)
	seen    []string
	times   []time.Time
}

func (f *fake) Do(r *http.Request) (*http.Response, error) {
	f.seen = append(f.seen, r.Method+" "+r.URL.String())
	f.times = append(f.times, time.Now())
	if got := r.Header.Get("Authorization"); got != "Bearer of the manager" {
		f.t.Errorf("%s %s has the authorization %q", r.Method, r.URL, got)
	}
	w := httptest.NewRecorder()
	f.respond(w, r)
	response := w.Result()
	response.Request = r
	return response, r.Context().Err()
}

type identity struct{}

func (identity) GetToken(_ context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	if !slices.Equal(o.Scopes, []string{"https://management.azure.com/.default"}) {
		return azcore.AccessToken{}, fmt.Errorf("scopes %v", o.Scopes)
	}
	return azcore.AccessToken{Token: "of the manager", ExpiresOn: time.Now().Add(time.Hour)}, nil
}

func newFake(t *testing.T, respond func(http.ResponseWriter, *http.Request)) (*Client, *fake) {
	t.Helper()
	f := &fake{t: t, respond: respond}
	client, err := New(Endpoint("myreg.azurecr.io"), identity{}, azcore.ClientOptions{Transport: f, Retry: policy.RetryOptions{MaxRetries: -1}})
	if err != nil {
		t.Fatal(err)
	}
	return client, f
}

const resource = "/subscriptions/0f0e/resourceGroups/some.group_(1)/providers/Microsoft.ContainerRegistry/registries/myreg"

var image = Import{Source: "docker.io", Image: "library/alpine@sha256:1", Target: "base/alpine:3"}

func TestEachCloudHasItsManager(t *testing.T) {
	for server, want := range map[string]string{
		"myreg.azurecr.io": "https://management.azure.com", "myreg.azurecr.cn": "https://management.chinacloudapi.cn", "myreg.azurecr.us": "https://management.usgovcloudapi.net",
	} {
		if got := Endpoint(server); got != want {
			t.Errorf("%s: %s, want %s", server, got, want)
		}
	}
}

// TestAnImportIsFollowedAtThePaceOfTheResponses holds both ways to follow it, by
// Azure-AsyncOperation and by Location.
func TestAnImportIsFollowedAtThePaceOfTheResponses(t *testing.T) {
	for _, header := range []string{"Azure-AsyncOperation", "Location"} {
		t.Run(header, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				polls := 0
				client, f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
					switch {
					case r.Method == http.MethodPost:
						data, err := io.ReadAll(r.Body)
						if err != nil || string(data) != `{"mode":"NoForce","source":{"registryUri":"docker.io","sourceImage":"library/alpine@sha256:1"},"targetTags":["base/alpine:3"]}` {
							t.Errorf("sent %s, %v", data, err)
						}
						w.Header().Set(header, "https://management.azure.com/operations/1")
						w.Header().Set("Retry-After", "7")
						w.WriteHeader(http.StatusAccepted)
					case polls < 2:
						polls++
						if header == "Location" {
							w.WriteHeader(http.StatusAccepted)
						}
						fmt.Fprint(w, `{"status":"InProgress"}`)
					default:
						fmt.Fprint(w, `{"status":"Succeeded"}`)
					}
				})
				start := time.Now()
				if err := client.Import(strict.Context(t.Context()), resource, image); err != nil {
					t.Fatal(err)
				}
				if len(f.seen) < 4 || f.seen[0] != "POST https://management.azure.com"+resource+"/importImage?api-version=2023-07-01" {
					t.Errorf("sent %q", f.seen)
				}
				// The first wait is what the response asked for, the others our own.
				if took := time.Since(start); took != 7*time.Second+2*pollEvery && took != 3*pollEvery {
					t.Errorf("it took %v in %d requests", took, len(f.seen))
				}
			})
		})
	}
}

func TestAnImportThatIsNotWaitedForGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, _ := newFake(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", "https://management.azure.com/operations/1")
			w.WriteHeader(http.StatusAccepted)
		})
		ctx, cancel := context.WithTimeout(strict.Context(t.Context()), 12*time.Second)
		defer cancel()
		start := time.Now()
		err := client.Import(ctx, resource, image)
		if !errors.Is(err, ErrContinues) || !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 12*time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}

func TestTheTokenGoesNowhereElse(t *testing.T) {
	for _, to := range []string{"https://evil.example/operations/1", "http://management.azure.com/operations/1", "https://management.azure.com.evil.example/"} {
		client, f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", to)
			w.Header().Set("Retry-After-Ms", "1")
			w.WriteHeader(http.StatusAccepted)
		})
		if err := client.Import(strict.Context(t.Context()), resource, image); err == nil || len(f.seen) != 1 {
			t.Errorf("%s: %v, %d requests", to, err, len(f.seen))
		}
	}
}

func TestRefusalsAreToldApart(t *testing.T) {
	for _, c := range []struct {
		status, exit     int
		code, body, seen string
	}{
		{403, failure.ExitNotAllowed, "IMPORT_NOT_ALLOWED", `{"error":{"code":"AuthorizationFailed","message":"The client 'x' does not have authorization to perform action 'Microsoft.ContainerRegistry/registries/importImage/action'"}}`, ImportAction},
		{401, failure.ExitNotSignedIn, "ARM_SIGN_IN_REFUSED", `{"error":{"code":"InvalidAuthenticationToken"}}`, "InvalidAuthenticationToken"},
		{404, failure.ExitNotFound, "ARM_REGISTRY_NOT_VISIBLE", `{"error":{"code":"ResourceNotFound","message":"it was not found"}}`, "it was not found"},
		{429, failure.ExitThrottled, "ARM_THROTTLED", `{}`, "429"},
		{409, failure.ExitFailed, "IMPORT_FAILED", `{"error":{"code":"Conflict","message":"the tag is there"}}`, "the tag is there"},
		{500, failure.ExitFailed, "IMPORT_FAILED", "no JSON at all", "500"},
	} {
		client, _ := newFake(t, func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(c.status)
			fmt.Fprint(w, c.body)
		})
		err := Explain("import x", resource, client.Import(strict.Context(t.Context()), resource, image))
		report := failure.Of(err)
		if report.Object.Code != c.code || report.Object.Exit != c.exit || !strings.Contains(strings.Join(report.Object.Why, "\n"), c.seen) {
			t.Errorf("%d: %+v", c.status, report.Object)
		}
	}
}

func TestAnImportThatFailsLaterSaysWhy(t *testing.T) {
	client, _ := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			w.Header().Set("Azure-AsyncOperation", "https://management.azure.com/operations/1")
			w.Header().Set("Retry-After-Ms", "1")
			w.WriteHeader(http.StatusAccepted)
			return
		}
		fmt.Fprint(w, `{"status":"Failed","error":{"code":"SourceNotFound","message":"the source has no such manifest"}}`)
	})
	report := failure.Of(Explain("import x", resource, client.Import(strict.Context(t.Context()), resource, image)))
	if report.Object.Code != "IMPORT_FAILED" || !strings.Contains(fmt.Sprint(report.Object.Why), "SourceNotFound") {
		t.Errorf("%+v", report.Object)
	}
}

func TestARegistryIsFoundInAllSubscriptions(t *testing.T) {
	client, f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		page := map[string]any{}
		switch next := "https://management.azure.com" + r.URL.Path + "?page=2"; {
		case r.URL.Path == "/subscriptions" && r.URL.RawQuery != "page=2":
			page["value"], page["nextLink"] = []any{map[string]any{"id": "/subscriptions/a"}}, next
		case r.URL.Path == "/subscriptions":
			page["value"] = []any{map[string]any{"id": "/subscriptions/b"}}
		case strings.Contains(r.URL.Path, "/a/"):
			page["value"] = []any{map[string]any{"id": "x", "properties": map[string]any{"loginServer": "other.azurecr.io"}}}
		default:
			page["value"] = []any{map[string]any{"id": resource, "properties": map[string]any{"loginServer": "MyReg.azurecr.io"}}}
		}
		if err := json.NewEncoder(w).Encode(page); err != nil {
			t.Error(err)
		}
	})
	found, err := client.Find(strict.Context(t.Context()), "myreg.azurecr.io", "")
	if err != nil || found.ID != resource || len(f.seen) != 4 {
		t.Errorf("%v, %v in %q", found, err, f.seen)
	}
	if _, err = client.Find(strict.Context(t.Context()), "none.azurecr.io", "b"); !errors.Is(err, ErrNoRegistry) || len(f.seen) != 5 {
		t.Errorf("%v in %q", err, f.seen[4:])
	}
}

func TestOnlyRegistriesHaveTheirForm(t *testing.T) {
	for id, want := range map[string]bool{
		resource: true, strings.ToLower(resource): true, resource + "/": false, resource + "?x=": false, "": false, "myreg": false,
		"/subscriptions/0f0e/resourceGroups/../providers/x/providers/Microsoft.ContainerRegistry/registries/myreg": false,
	} {
		if IsRegistryID(id) != want {
			t.Errorf("%q: %v", id, !want)
		}
	}
}
