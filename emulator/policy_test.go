package emulator_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/acrkit/azcontainerregistry/emulator"
)

func TestFirewallSeesTheClientsAddress(t *testing.T) {
	d := start(t, emulator.Policies{Firewall: &emulator.Firewall{Allow: []string{"203.0.113.0/24"}}})
	for address, want := range map[string]int{"203.0.113.7": 401, "198.51.100.1": 403} {
		connection := d.Emulator.Connect(&emulator.ConnectOptions{ClientAddress: address})
		got := send(t, connection.Client(), http.MethodGet, d.Endpoint+"/v2/", "")
		if got.StatusCode != want {
			t.Errorf("%s: %s", address, got.Status)
		}
		if want == 403 && !strings.Contains(got.body, `IP \u0027`+address+`\u0027`) {
			t.Errorf("%s: %s", address, got.body)
		}
		if err := connection.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestSignedURLsExpire(t *testing.T) {
	for name, test := range map[string]struct {
		lifetime emulator.Duration
		until    time.Duration
	}{
		"default":  {0, 20 * time.Minute},
		"one hour": {emulator.Duration(time.Hour), time.Hour},
	} {
		d := start(t, emulator.Policies{SignedURLLifetime: test.lifetime})
		bearer := d.owner("a")
		digest := d.push("a", bearer, []byte("x"))
		url := d.do(http.MethodGet, "/v2/a/blobs/"+digest, bearer, nil).Request.URL.String()
		d.Emulator.Clock().Advance(test.until - 5*time.Second)
		if got := send(t, d.client, http.MethodGet, url, ""); got.StatusCode != 200 {
			t.Errorf("%s, before its end: %s", name, got.Status)
		}
		d.Emulator.Clock().Advance(10 * time.Second)
		if got := send(t, d.client, http.MethodGet, url, ""); got.StatusCode != 403 || !strings.Contains(got.body, "AuthenticationFailed") {
			t.Errorf("%s, after its end: %s", name, got.Status)
		}
	}
}

func TestDedicatedDataEndpoint(t *testing.T) {
	for _, config := range []string{
		`{"registries":[{"name":"acrkit","dataEndpointRegion":"westeurope"}]}`,
		`{"registries":[{"dataEndpointRegion":"westeurope"}]}`,
	} {
		options, err := emulator.ParseConfig([]byte(config))
		if err != nil {
			t.Fatal(err)
		}
		d := start(t, emulator.Policies{}, func(o *emulator.Options) { o.Registries = options.Registries })
		bearer := d.owner("a")
		got := d.do(http.MethodGet, "/v2/a/blobs/"+d.push("a", bearer, []byte("x")), bearer, nil)
		if got.body != "x" || got.Request.URL.Host != "acrkit.westeurope.data.azurecr.io" {
			t.Errorf("%s: got %s %q from %s", config, got.Status, got.body, got.Request.URL.Host)
		}
	}
}

func TestQuarantineRoles(t *testing.T) {
	d := start(t, emulator.Policies{Identities: []emulator.Identity{
		{ID: guidA, Roles: emulator.Roles(emulator.RolePush)},
		{ID: guidB, Roles: emulator.Roles(emulator.RolePush, emulator.RoleQuarantineWriter)},
	}}, func(o *emulator.Options) { o.Registries[0].Quarantine = true })
	bearer := func(id string) string {
		return "Bearer " + d.accessToken(d.refreshToken(id), "repository:a:pull,push,metadata_write")
	}
	const empty = `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}`
	put := d.do(http.MethodPut, "/v2/a/manifests/v1", bearer(guidA), strings.NewReader(empty), "Content-Type", "application/vnd.oci.image.index.v1+json")
	if put.StatusCode != http.StatusCreated {
		t.Fatalf("put: %s %s", put.Status, put.body)
	}
	read := func(id string) int {
		return d.do(http.MethodGet, "/v2/a/manifests/v1", bearer(id), nil, "Accept", "*/*").StatusCode
	}
	if pusher, scanner := read(guidA), read(guidB); pusher != 404 || scanner != 200 {
		t.Errorf("in quarantine: %d for who pushed, %d for who scans", pusher, scanner)
	}
	digest := digestOf([]byte(empty))
	got := d.do(http.MethodPatch, "/acr/v1/a/_manifests/"+digest, bearer(guidB), strings.NewReader(`{"quarantineState":"Passed"}`), "Content-Type", "application/json")
	if got.StatusCode != 200 || read(guidA) != 200 {
		t.Errorf("release: %s %s", got.Status, got.body)
	}
}

func TestSeveralRegistriesInOneEmulator(t *testing.T) {
	d := start(t, emulator.Policies{}, func(o *emulator.Options) {
		o.Registries = append(o.Registries, emulator.RegistryOptions{Name: "second", Policies: emulator.Policies{AnonymousPull: true}})
	})
	bearer := d.owner("a")
	digest := d.push("a", bearer, []byte("x"))
	got := send(t, d.client, http.MethodHead, "https://second.azurecr.io/v2/a/blobs/"+digest, "", "Authorization", bearer)
	if got.StatusCode != 401 || !strings.Contains(got.challenge(), `service="second.azurecr.io"`) {
		t.Errorf("a token of the first registry at the second: %s %s", got.Status, got.challenge())
	}
	if got := send(t, d.client, http.MethodGet, "https://second.azurecr.io/oauth2/token?service=second.azurecr.io&scope=repository:a:pull", ""); got.StatusCode != 200 {
		t.Errorf("anonymous at the second: %s", got.Status)
	}
}
