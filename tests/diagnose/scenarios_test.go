package diagnose_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"

	azcontainerregistry "github.com/acrkit/azcontainerregistry"
	"github.com/acrkit/azcontainerregistry/diagnose"
	"github.com/acrkit/azcontainerregistry/emulator"
	"github.com/acrkit/azcontainerregistry/emulator/emulatortest"
	"github.com/acrkit/azcontainerregistry/internal/strict"
)

// The identities of the scenarios.
const (
	somebody  = "aaaaaaaa-0000-4000-8000-000000000001"
	stranger  = "bbbbbbbb-0000-4000-8000-000000000002"
	ciToken   = "ci-token"
	ciSecret  = "marked-secret-of-the-token"
	appSecret = "marked-secret-of-the-app"
)

// scenario is a call of the library that fails at an emulated registry, for a
// reason that is set up there.
type scenario struct {
	code       string // of the diagnosis
	either     string // another one, where two things race
	policies   emulator.Policies
	fault      string
	quarantine bool
	// prepare changes the registry as its owner, before the policies count.
	prepare func(t *testing.T, owner *azcontainerregistry.Client)
	// client signs in; nil means as somebody.
	client func(registry *emulatortest.Registry, options *azcontainerregistry.ClientOptions) (*azcontainerregistry.Client, error)
	call   func(ctx context.Context, client *azcontainerregistry.Client) error
}

// run makes the call inside a bubble of time, where retries take none.
func (s scenario) run(t *testing.T, use func(t *testing.T, err error)) {
	synctest.Test(t, func(t *testing.T) {
		registry := healthy(t, &emulator.Options{Registries: []emulator.RegistryOptions{{Name: "acrkit", Quarantine: s.quarantine}}})
		if s.prepare != nil {
			owner, err := azcontainerregistry.NewClient(registry.Endpoint, registry.Credential, &azcontainerregistry.ClientOptions{ClientOptions: registry.ClientOptions()})
			if err != nil {
				t.Fatal(err)
			}
			s.prepare(t, owner)
		}
		if err := registry.Emulator.SetPolicies("acrkit", s.policies); err != nil {
			t.Fatal(err)
		}
		if s.fault != "" {
			if err := registry.Emulator.SetFaults(emulator.Fault{Preset: s.fault}); err != nil {
				t.Fatal(err)
			}
		}
		options := &azcontainerregistry.ClientOptions{ClientOptions: registry.ClientOptions()}
		if s.client == nil {
			s.client = as(somebody)
		}
		client, err := s.client(registry, options)
		if err != nil {
			t.Fatal(err)
		}
		err = s.call(strict.Context(t.Context()), client)
		if err == nil {
			t.Fatal("the call succeeded")
		}
		use(t, err)
	})
}

type signIn = func(*emulatortest.Registry, *azcontainerregistry.ClientOptions) (*azcontainerregistry.Client, error)

func as(id string) signIn {
	return func(r *emulatortest.Registry, o *azcontainerregistry.ClientOptions) (*azcontainerregistry.Client, error) {
		return azcontainerregistry.NewClient(r.Endpoint, r.NewCredential(id), o)
	}
}

func anonymously(r *emulatortest.Registry, o *azcontainerregistry.ClientOptions) (*azcontainerregistry.Client, error) {
	return azcontainerregistry.NewClientWithNoCredential(r.Endpoint, o)
}

func withPassword(user, password string) signIn {
	return func(r *emulatortest.Registry, o *azcontainerregistry.ClientOptions) (*azcontainerregistry.Client, error) {
		credential, err := azcontainerregistry.NewPasswordCredential(user, password)
		if err != nil {
			return nil, err
		}
		return azcontainerregistry.NewClientWithPasswordCredential(r.Endpoint, credential, o)
	}
}

// The calls of the scenarios.

func pull(ctx context.Context, c *azcontainerregistry.Client) error {
	_, err := c.GetManifest(ctx, "team/app", "v1", nil)
	return err
}

func push(ctx context.Context, c *azcontainerregistry.Client) error {
	manifest := `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}`
	_, err := c.UploadManifest(ctx, "team/app", "v1", azcontainerregistry.ContentTypeApplicationVndOciImageIndexV1JSON, readSeekCloser{bytes.NewReader([]byte(manifest))}, nil)
	return err
}

func deleteTag(ctx context.Context, c *azcontainerregistry.Client) error {
	_, err := c.DeleteTag(ctx, "team/app", "v1", nil)
	return err
}

func listRepositories(ctx context.Context, c *azcontainerregistry.Client) error {
	for _, err := range c.Repositories(ctx, nil) {
		if err != nil {
			return err
		}
	}
	return nil
}

// layer is the digest of the image's layer.
func layer(ctx context.Context, c *azcontainerregistry.Client) (string, error) {
	answer, err := c.GetManifest(ctx, "team/app", "v1", nil)
	if err != nil {
		return "", err
	}
	data, err := io.ReadAll(answer.ManifestData)
	if err != nil {
		return "", err
	}
	_, after, _ := strings.Cut(string(data), `"layers":[{"digest":"`)
	digest, _, found := strings.Cut(after, `"`)
	if !found {
		return "", errors.New("the manifest has no layer")
	}
	return digest, nil
}

func download(ctx context.Context, c *azcontainerregistry.Client) error {
	digest, err := layer(ctx, c)
	if err != nil {
		return err
	}
	_, err = c.NewBlobClient().Download(ctx, "team/app", digest, io.Discard, nil)
	return err
}

func upload(ctx context.Context, c *azcontainerregistry.Client) error {
	_, err := c.NewBlobClient().Upload(ctx, "team/app", strings.NewReader("another layer"), nil)
	return err
}

// uploadChunk is the call of v0.2.3, which does not start again by itself.
func uploadChunk(ctx context.Context, c *azcontainerregistry.Client) error {
	blobs := c.NewBlobClient()
	started, err := blobs.StartUpload(ctx, "team/app", nil)
	if err != nil {
		return err
	}
	_, err = blobs.UploadChunk(ctx, *started.Location, strings.NewReader("a chunk"), azcontainerregistry.NewBlobDigestCalculator(), nil)
	return err
}

func lockTag(t *testing.T, c *azcontainerregistry.Client) {
	t.Helper()
	if _, err := c.UpdateTagProperties(t.Context(), "team/app", "v1", &azcontainerregistry.ClientUpdateTagPropertiesOptions{
		Value: &azcontainerregistry.TagWriteableProperties{CanWrite: to.Ptr(false), CanDelete: to.Ptr(false)},
	}); err != nil {
		t.Fatal(err)
	}
}

var (
	readers = emulator.Policies{OtherIdentities: emulator.Roles(emulator.RolePull)}
	scoped  = emulator.Policies{Tokens: []emulator.ScopeMapToken{{
		Name: ciToken, Passwords: []string{ciSecret},
		Rules: []emulator.ScopeMapRule{{Repository: "other/*", Actions: []string{"content/read", "metadata/read"}}},
	}}}
	principals = emulator.Policies{Identities: []emulator.Identity{{ID: somebody, Secret: appSecret, Roles: emulator.Roles(emulator.RolePull)}}}
)

// scenarios are what 401, 403, 404, 405 and the rest may mean, set up at the
// emulator by its policies and named faults. TROUBLESHOOTING.md shows them.
var scenarios = map[string]scenario{
	"arm-token-disallowed": {code: "ARM_TOKEN_DISALLOWED", call: pull, policies: emulator.Policies{DisableARMTokens: true}, client: func(r *emulatortest.Registry, o *azcontainerregistry.ClientOptions) (*azcontainerregistry.Client, error) {
		credential := emulatortest.NewCredential(&emulatortest.CredentialOptions{Audience: "https://management.azure.com", Now: r.Emulator.Clock().Now})
		return azcontainerregistry.NewClient(r.Endpoint, credential, o)
	}},
	"anonymous-off":       {code: "NO_CREDENTIALS", call: pull, client: anonymously},
	"anonymous-write":     {code: "ANONYMOUS_DENIED", call: deleteTag, client: anonymously, policies: emulator.Policies{AnonymousPull: true}},
	"no-role":             {code: "NO_ROLE", call: pull, policies: emulator.Policies{Identities: []emulator.Identity{{ID: stranger, Roles: emulator.Roles(emulator.RoleOwner)}}}},
	"firewall":            {code: "FIREWALL_DENIED", call: pull, fault: "firewall"},
	"blob-upload-invalid": {code: "UPLOAD_INVALID", call: uploadChunk, fault: "blob-upload-invalid"},

	"entra-token-rejected": {code: "ENTRA_TOKEN_REJECTED", call: pull, fault: "invalid-entra-token"},
	"role-without-action":  {code: "ACTION_NOT_GRANTED", call: push, policies: readers},
	"abac-condition": {code: "PULL_DENIED_OR_MISSING", call: pull, policies: emulator.Policies{ABAC: true, OtherIdentities: []emulator.RoleAssignment{
		{Role: emulator.RoleRepositoryReader, Repositories: []string{"other/*"}},
	}}},
	"scope-map":         {code: "SCOPE_MAP", call: pull, policies: scoped, client: withPassword(ciToken, ciSecret)},
	"scope-map-catalog": {code: "CATALOG_DENIED", call: listRepositories, policies: scoped, client: withPassword(ciToken, ciSecret)},
	"token-password":    {code: "PASSWORD_REJECTED", call: pull, policies: scoped, client: withPassword(ciToken, "marked-secret-that-is-wrong")},
	"admin-disabled":    {code: "ADMIN_LOGIN_REFUSED", call: pull, client: withPassword("acrkit", "marked-secret")},
	"admin-password": {code: "ADMIN_LOGIN_REFUSED", call: pull, client: withPassword("acrkit", "marked-secret"), policies: emulator.Policies{
		Admin: &emulator.AdminUser{Passwords: []string{"marked-secret-of-the-admin"}},
	}},
	"unknown-application": {code: "APP_NOT_REGISTERED", call: pull, policies: principals, client: withPassword(stranger, "marked-secret")},
	"wrong-secret":        {code: "APP_SECRET_INVALID", call: pull, policies: principals, client: withPassword(somebody, "marked-secret")},
	"unknown-user":        {code: "USER_NAME_UNKNOWN", call: pull, client: withPassword("nobody", "marked-secret")},
	"expired-token":       {code: "TOKEN_INVALID", call: pull, fault: "expired-token"},

	"locked":          {code: "WRITE_DISALLOWED", call: push, prepare: lockTag},
	"locked-delete":   {code: "DELETE_DISALLOWED", call: deleteTag, prepare: lockTag},
	"quarantined-tag": {code: "TAG_NOT_FOUND", call: pull, quarantine: true, policies: readers},
	"missing-tag": {code: "TAG_NOT_FOUND", call: func(ctx context.Context, c *azcontainerregistry.Client) error {
		_, err := c.GetManifest(ctx, "team/app", "v2", nil)
		return err
	}},
	"missing-repository": {code: "REPOSITORY_NOT_FOUND", call: func(ctx context.Context, c *azcontainerregistry.Client) error {
		_, err := c.GetRepositoryProperties(ctx, "team/ap", nil)
		return err
	}},
	"narrow-accept": {code: "ACCEPT_TOO_NARROW", call: func(ctx context.Context, c *azcontainerregistry.Client) error {
		_, err := c.GetManifest(ctx, "team/app", "v1", &azcontainerregistry.ClientGetManifestOptions{Accept: to.Ptr("application/json")})
		return err
	}},
	"missing-blob": {code: "MANIFEST_BLOB_UNKNOWN", call: func(ctx context.Context, c *azcontainerregistry.Client) error {
		manifest := `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:` + strings.Repeat("ab", 32) + `","size":2},"layers":[]}`
		_, err := c.UploadManifest(ctx, "team/app", "v2", azcontainerregistry.ContentTypeApplicationVndOciImageManifestV1JSON, readSeekCloser{bytes.NewReader([]byte(manifest))}, nil)
		return err
	}},
	"bad-name": {code: "ARGUMENT_INVALID", call: func(ctx context.Context, c *azcontainerregistry.Client) error {
		_, err := c.GetManifest(ctx, "Team/App", "v1", nil)
		return err
	}},

	"throttled":        {code: "THROTTLED", call: pull, fault: "throttled"},
	"unavailable":      {code: "SERVICE_UNAVAILABLE", call: pull, fault: "unavailable"},
	"dead-data-host":   {code: "DATA_HOST_UNREACHABLE", call: download, fault: "dead-data-host"},
	"corrupt-download": {code: "DIGEST_MISMATCH", call: download, fault: "corrupt-download"},
	"foreign-location": {code: "UNTRUSTED_LOCATION", call: upload, fault: "foreign-location"},
	"web-page":         {code: "RESPONSE_WITHOUT_TOKEN", call: askForToken, fault: "proxy-login-page"},
}

// TestScenariosAreToldApart makes each failure happen to the library itself.
func TestScenariosAreToldApart(t *testing.T) {
	for name, s := range scenarios {
		t.Run(name, func(t *testing.T) {
			s.run(t, func(t *testing.T, err error) {
				d, _ := diagnose.Explain(err)
				if string(d.Code) != s.code && (s.either == "" || string(d.Code) != s.either) {
					t.Errorf("got %s, want %s\n%v\n%+v", d.Code, s.code, err, d.Seen)
				}
				var response *azcore.ResponseError
				if errors.As(err, &response) && d.CorrelationID == "" && s.fault == "" {
					t.Errorf("no correlation id: %v", err)
				}
			})
		})
	}
}

func askForToken(ctx context.Context, client *azcontainerregistry.Client) error {
	_, err := client.GetAccessToken(ctx, []string{"repository:team/app:pull"}, nil)
	return err
}
