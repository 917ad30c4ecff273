package foreign

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"go.uber.org/goleak"

	"github.com/acrkit/azcontainerregistry/artifact"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/creds"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/reference"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// hub is a registry with one image, whose tokens come from another host.
type hub struct {
	registry, tokens *httptest.Server
	mu               sync.Mutex
	sent             map[string][]string // by server: the Authorization headers that it got
	basic            bool
}

func startHub(t *testing.T, basic bool) *hub {
	h := &hub{sent: map[string][]string{}, basic: basic}
	config := []byte("{}")
	configDesc := ocispec.Descriptor{MediaType: ocispec.MediaTypeEmptyJSON, Digest: digest.FromBytes(config), Size: 2}
	manifest, err := json.Marshal(ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest,
		ArtifactType: "application/vnd.example", Config: configDesc, Layers: []ocispec.Descriptor{configDesc},
	})
	if err != nil {
		t.Fatal(err)
	}
	h.tokens = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.note("tokens", r)
		if user, password, ok := r.BasicAuth(); ok && (user != "me" || password != "hush") {
			http.Error(w, `{"errors":[{"code":"UNAUTHORIZED"}]}`, http.StatusUnauthorized)
			return
		}
		fmt.Fprint(w, `{"token":"granted"}`)
	}))
	t.Cleanup(h.tokens.Close)
	h.registry = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.note("registry", r)
		want := "Bearer granted"
		if basic {
			want = "Basic " + base64.StdEncoding.EncodeToString([]byte("me:hush"))
		}
		if r.Header.Get("Authorization") != want {
			challenge := fmt.Sprintf(`Bearer realm="%s/token",service="hub",scope="repository:org/app:pull"`, h.tokens.URL)
			if basic {
				challenge = `Basic realm="hub"`
			}
			w.Header().Set("WWW-Authenticate", challenge)
			http.Error(w, `{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}`, http.StatusUnauthorized)
			return
		}
		serve := func(mediaType string, data []byte) {
			w.Header().Set("Content-Type", mediaType)
			w.Header().Set("Docker-Content-Digest", digest.FromBytes(data).String())
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
		}
		switch path := strings.TrimPrefix(r.URL.Path, "/v2/org/app/"); path {
		case "manifests/1", "manifests/" + digest.FromBytes(manifest).String():
			serve(ocispec.MediaTypeImageManifest, manifest)
		case "blobs/" + configDesc.Digest.String():
			serve("application/octet-stream", config)
		case "tags/list":
			fmt.Fprint(w, `{"name":"org/app","tags":["2","1"]}`)
		default:
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, `{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}`)
		}
	}))
	t.Cleanup(h.registry.Close)
	return h
}

func (h *hub) note(server string, r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.sent[server] = append(h.sent[server], r.Header.Get("Authorization"))
}

func (h *hub) host(t *testing.T) reference.Host {
	host, err := reference.ParseRegistry(h.registry.URL)
	if err != nil {
		t.Fatal(err)
	}
	return host
}

func (h *hub) open(t *testing.T, c creds.Credential) *Registry {
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return New(h.host(t), transport, func(context.Context, string) (creds.Credential, error) { return c, nil })
}

func TestImagesComeFromRegistriesWithOtherTokenServices(t *testing.T) {
	for name, c := range map[string]struct {
		basic      bool
		credential creds.Credential
	}{
		"a realm elsewhere, anonymous":       {false, creds.Credential{Kind: creds.Anonymous}},
		"a realm elsewhere, with a password": {false, creds.Credential{Kind: creds.Password, Username: "me", Password: "hush"}},
		"basic":                              {true, creds.Credential{Kind: creds.Password, Username: "me", Password: "hush"}},
	} {
		t.Run(name, func(t *testing.T) {
			h := startHub(t, c.basic)
			source, err := h.open(t, c.credential).Source("org/app")
			if err != nil {
				t.Fatal(err)
			}
			into := artifact.NewMemory()
			if _, err := artifact.Copy(t.Context(), into, "1", source, "1", nil); err != nil {
				t.Fatal(err)
			}
			tags, err := source.(artifact.TagLister).Tags(t.Context())
			if err != nil || strings.Join(tags, " ") != "1 2" {
				t.Errorf("tags %v, %v", tags, err)
			}
			// The password goes to the realm alone, or to the registry that
			// asked for it.
			for _, header := range h.sent["registry"] {
				if strings.HasPrefix(header, "Basic ") && !c.basic {
					t.Error("the registry was sent the password, though it asked for a token")
				}
			}
		})
	}
}

func TestARefusalHasTheExitStatusOfItsKind(t *testing.T) {
	h := startHub(t, false)
	source, err := h.open(t, creds.Credential{Kind: creds.Password, Username: "me", Password: "wrong"}).Source("org/app")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := source.Resolve(t.Context(), "1"); failure.ExitCode(err) != failure.ExitNotSignedIn || strings.Contains(err.Error(), "wrong") {
		t.Errorf("a wrong password: %d, %v", failure.ExitCode(err), err)
	}
	source, err = h.open(t, creds.Credential{Kind: creds.Anonymous}).Source("org/app")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := source.Resolve(t.Context(), "missing"); !errors.Is(err, artifact.ErrNotFound) || failure.ExitCode(err) != failure.ExitNotFound {
		t.Errorf("an unknown tag: %d, %v", failure.ExitCode(err), err)
	}
}

func TestOnlyRegistriesThatAreNotAzuresAreForeign(t *testing.T) {
	respond := func(status int, headers ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			for i := 0; i+1 < len(headers); i += 2 {
				w.Header().Set(headers[i], headers[i+1])
			}
			w.WriteHeader(status)
			_, _ = io.WriteString(w, "{}")
		}
	}
	for name, c := range map[string]struct {
		handler http.HandlerFunc
		want    bool
	}{
		"ACR behind another name": {respond(401, "WWW-Authenticate", `Bearer realm="https://proxy.example/oauth2/token",service="reg.azurecr.io"`), false},
		"ACR's own header":        {respond(200, "X-Ms-Correlation-Request-Id", "x"), false},
		"a realm elsewhere":       {respond(401, "WWW-Authenticate", `Bearer realm="https://auth.docker.io/token",service="registry.docker.io"`), true},
		"basic":                   {respond(401, "WWW-Authenticate", `Basic realm="x"`), true},
		"no credentials":          {respond(200), true},
		"no registry":             {respond(404), false},
		"a broken one":            {respond(503), false},
	} {
		server := httptest.NewServer(c.handler)
		host, err := reference.ParseRegistry(server.URL)
		if err != nil {
			t.Fatal(err)
		}
		transport := &http.Transport{}
		if got := Is(t.Context(), transport, host); got != c.want {
			t.Errorf("%s: foreign %v, want %v", name, got, c.want)
		}
		transport.CloseIdleConnections()
		server.Close()
	}
	for _, name := range []string{"myreg.azurecr.io", "local"} {
		host, err := reference.ParseRegistry(name)
		if err != nil || Is(t.Context(), nil, host) {
			t.Errorf("%s is foreign (%v)", name, err)
		}
	}
}
