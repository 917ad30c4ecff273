package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/acrkit/azcontainerregistry"
	"github.com/acrkit/azcontainerregistry/artifact"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/session"
	"github.com/acrkit/azcontainerregistry/emulator"
	"github.com/acrkit/azcontainerregistry/internal/strict"
)

// serveOpen serves an emulator that asks nobody who they are.
func serveOpen(t *testing.T) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	e, err := emulator.New(&emulator.Options{Registries: []emulator.RegistryOptions{{
		Name: "acrkit", LoginServer: listener.Addr().String(), Policies: emulator.Policies{NoAuthentication: true},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(e)
	if err := server.Listener.Close(); err != nil {
		t.Fatal(err)
	}
	server.Listener = listener
	server.Config.ConnContext = emulator.ConnContext
	server.Start()
	t.Cleanup(func() {
		server.Close()
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return listener.Addr().String()
}

// resourceManager is a resource manager that imports into the registry at an
// address, or refuses to.
type resourceManager struct {
	t       *testing.T
	address string
	refuse  string // the body of a 403
	imports []string
}

const importTarget = "/subscriptions/0f0e/resourceGroups/rg/providers/Microsoft.ContainerRegistry/registries/acrkit"

type anyIdentity struct{}

func (anyIdentity) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{Token: "token of the manager"}, nil
}

func (m *resourceManager) Do(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	switch {
	case r.URL.Path == "/subscriptions":
		fmt.Fprint(w, `{"value":[{"id":"/subscriptions/0f0e"}]}`)
	case strings.HasSuffix(r.URL.Path, "/registries"):
		fmt.Fprintf(w, `{"value":[{"id":%q,"properties":{"loginServer":%q}}]}`, importTarget, m.address)
	case r.Method == http.MethodGet && r.URL.Path == importTarget:
		fmt.Fprintf(w, `{"id":%q,"properties":{"loginServer":%q}}`, importTarget, m.address)
	case r.URL.Path == importTarget+"/importImage" && m.refuse != "":
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprint(w, m.refuse)
	case r.URL.Path == importTarget+"/importImage":
		m.importImage(r)
		w.Header().Set("Azure-AsyncOperation", "https://management.azure.com/operations/1")
		w.Header().Set("Retry-After-Ms", "1")
		w.WriteHeader(http.StatusAccepted)
	case r.URL.Path == "/operations/1":
		fmt.Fprint(w, `{"status":"Succeeded"}`)
	default:
		m.t.Errorf("unexpected %s %s", r.Method, r.URL)
		w.WriteHeader(http.StatusNotFound)
	}
	response := w.Result()
	response.Request = r
	return response, nil
}

// importImage does what ACR does: it copies by itself.
func (m *resourceManager) importImage(r *http.Request) {
	var body struct {
		Source     struct{ ResourceID, RegistryURI, SourceImage string }
		TargetTags []string
		Mode       string
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		m.t.Error(err)
	}
	m.imports = append(m.imports, fmt.Sprintf("%s%s %s %v", body.Source.ResourceID, body.Source.RegistryURI, body.Mode, body.TargetTags))
	ctx := strict.Context(m.t.Context())
	client, err := azcontainerregistry.NewClientWithNoCredential("http://"+m.address, nil)
	if err != nil {
		m.t.Fatal(err)
	}
	open := func(name string) *artifact.Repository {
		repository, err := artifact.NewRepository(client, nil, name)
		if err != nil {
			m.t.Fatal(err)
		}
		return repository
	}
	from, digest, _ := strings.Cut(body.Source.SourceImage, "@")
	to, tag, _ := strings.Cut(body.TargetTags[0], ":")
	if _, err := artifact.Copy(ctx, open(to), tag, open(from), digest, nil); err != nil {
		m.t.Error(err)
	}
}

// TestACRImportsWhatACopyByTheServerAsksFor runs the dry run, the plan and the
// copy with --server against a resource manager in memory, with a registry on
// loopback as what it manages.
func TestACRImportsWhatACopyByTheServerAsksFor(t *testing.T) {
	w := newServerWorld(t)
	reg := w.manager.address
	dry := w.must("copy", reg+"/team/app", reg+"/prod/app", "--server", "--tag-pattern", "1.*", "--dry-run")
	if strings.Count(dry, "would have ACR import "+reg+"/prod/app:1.") != 2 || len(w.manager.imports) != 0 {
		t.Errorf("the dry run says:\n%s\nimported %q", dry, w.manager.imports)
	}
	kept := filepath.Join(t.TempDir(), "plan.json")
	w.must("copy", reg+"/team/app", reg+"/prod/app", "--server", "--all-tags", "--plan", kept, "--resource-id", importTarget)
	done := w.must("copy", "--server", "--apply", kept)
	if strings.Count(done, "imported "+reg+"/prod/app:") != 3 {
		t.Errorf("the plan did:\n%s", done)
	}
	want := importTarget + " NoForce [prod/app:1.0]"
	if len(w.manager.imports) != 3 || w.manager.imports[0] != want {
		t.Errorf("imported %q, want the first to be %q", w.manager.imports, want)
	}
	if got := w.must("ls", reg+"/prod/app"); got != "1.0\n1.1\ndev\n" {
		t.Errorf("there is %q", got)
	}
	// What is there isn't imported again; a tag that names something else is moved.
	w.must("copy", reg+"/team/app", reg+"/prod/app", "--server", "--all-tags")
	w.must("copy", reg+"/team/app:dev", reg+"/prod/app:1.0", "--server")
	if len(w.manager.imports) != 4 || !strings.HasSuffix(w.manager.imports[3], " Force [prod/app:1.0]") {
		t.Errorf("imported %q", w.manager.imports[3:])
	}
	if code, _, stderr := w.run("copy", reg+"/team/app:1.0", reg+"/prod/app:1.0", "--server", "--no-clobber"); code != failure.ExitExists {
		t.Errorf("--no-clobber: %d\n%s", code, stderr)
	}
	if code, _, stderr := w.run("copy", "--server", "--apply", kept); code != failure.ExitFailed || !strings.Contains(stderr, "PLAN_OUTDATED") {
		t.Errorf("an old plan: %d\n%s", code, stderr)
	}
}

func TestAnIdentityThatMayNotHaveACRImportIsTold(t *testing.T) {
	w := newServerWorld(t)
	reg := w.manager.address
	w.manager.refuse = `{"error":{"code":"AuthorizationFailed","message":"The client 'me' with object id '1' does not have authorization to perform action 'Microsoft.ContainerRegistry/registries/importImage/action' over scope 'x'"}}`
	code, _, stderr := w.run("copy", reg+"/team/app:1.0", reg+"/prod/app:1.0", "--server")
	for _, want := range []string{"IMPORT_NOT_ALLOWED", "AuthorizationFailed", "Microsoft.ContainerRegistry/registries/importImage/action", "az role assignment create"} {
		if code != failure.ExitNotAllowed || !strings.Contains(stderr, want) {
			t.Errorf("exit code %d, %q is not in\n%s", code, want, stderr)
		}
	}
	if strings.Contains(stderr, "token of the manager") {
		t.Errorf("the token is shown:\n%s", stderr)
	}
}

func TestWhatACRCannotImportIsRefused(t *testing.T) {
	w := newServerWorld(t)
	reg := w.manager.address
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"local/team/app:1", reg + "/prod/app"}, "can't reach"},
		{[]string{"oci:img", reg + "/prod/app"}, "from a registry to a registry"},
		{[]string{reg + "/team/app:1.0", "oci:out"}, "from a registry to a registry"},
		{[]string{reg + "/team/app", "oci:out", "--all-tags"}, "ACR imports to a registry"},
		{[]string{reg + "/team/app:1.0", reg + "/prod/app", "--platform", "linux/amd64", "--limit-rate", "1M"}, "leave out --limit-rate, --platform"},
		{[]string{reg + "/team/app:1.0", reg + "/prod/app", "--resource-id", "acrkit"}, "--resource-id"},
		{[]string{reg + "/team/app:1.0", reg + "/prod/app@sha256:" + strings.Repeat("0", 64)}, "named by its tag"},
	} {
		code, _, stderr := w.run(append(append([]string{"copy"}, c.args...), "--server")...)
		if code != failure.ExitUsage || !strings.Contains(strings.Join(strings.Fields(stderr), " "), c.want) {
			t.Errorf("%v: exit code %d, want %q\n%s", c.args, code, c.want, stderr)
		}
	}
	if code, _, stderr := w.run("copy", reg+"/a:1", reg+"/b:1", "--resource-id", importTarget); code != failure.ExitUsage {
		t.Errorf("%d: %s", code, stderr)
	}
	if code, _, stderr := w.run("copy", reg+"/team/app:none", reg+"/prod/app", "--server"); code != failure.ExitNotFound {
		t.Errorf("%d: %s", code, stderr)
	}
	if len(w.manager.imports) != 0 {
		t.Errorf("imported %q", w.manager.imports)
	}
}

// serverWorld is a registry with a resource manager over it.
type serverWorld struct {
	t       *testing.T
	manager *resourceManager
	home    string
}

func newServerWorld(t *testing.T) *serverWorld {
	t.Helper()
	w := &serverWorld{t, &resourceManager{t: t, address: serveOpen(t)}, t.TempDir()}
	ctx := strict.Context(t.Context())
	client, err := azcontainerregistry.NewClientWithNoCredential("http://"+w.manager.address, nil)
	if err != nil {
		t.Fatal(err)
	}
	repository, err := artifact.NewRepository(client, nil, "team/app")
	if err != nil {
		t.Fatal(err)
	}
	for _, tag := range []string{"1.0", "1.1", "dev"} {
		pushEmpty(ctx, t, repository, tag)
	}
	return w
}

func (w *serverWorld) run(args ...string) (code int, stdout, stderr string) {
	w.t.Helper()
	errs := &watcher{}
	a, out := testApp(map[string]string{"ACRKIT_DATA": w.home, "HOME": w.home, "DOCKER_CONFIG": w.home}, errs)
	a.Management = &session.Management{Endpoint: "https://management.azure.com", Credential: anyIdentity{}, Transport: w.manager}
	code = a.run(w.t.Context(), append(args, "--progress", "none"))
	return code, out.String(), errs.all.String()
}

func (w *serverWorld) must(args ...string) string {
	w.t.Helper()
	code, stdout, stderr := w.run(args...)
	if code != failure.ExitDone {
		w.t.Fatalf("%v: exit code %d\n%s", args, code, stderr)
	}
	return stdout
}
