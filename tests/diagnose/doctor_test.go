package diagnose_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	azcontainerregistry "github.com/acrkit/azcontainerregistry"
	"github.com/acrkit/azcontainerregistry/diagnose"
	"github.com/acrkit/azcontainerregistry/emulator"
	"github.com/acrkit/azcontainerregistry/emulator/emulatortest"
)

// seed pushes an image whose one layer is large enough to be measured.
func seed(t *testing.T, registry *emulatortest.Registry) {
	t.Helper()
	client, err := azcontainerregistry.NewClient(registry.Endpoint, registry.Credential,
		&azcontainerregistry.ClientOptions{ClientOptions: registry.ClientOptions()})
	if err != nil {
		t.Fatal(err)
	}
	blobs := client.NewBlobClient()
	layer, err := blobs.Upload(t.Context(), "team/app", bytes.NewReader(bytes.Repeat([]byte("layer"), 20_000)), nil)
	if err != nil {
		t.Fatal(err)
	}
	config, err := blobs.Upload(t.Context(), "team/app", strings.NewReader("{}"), nil)
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := json.Marshal(map[string]any{
		"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
		"config": map[string]any{"mediaType": "application/vnd.oci.image.config.v1+json", "digest": config.Digest, "size": 2},
		"layers": []any{map[string]any{"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": layer.Digest, "size": 100_000}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.UploadManifest(t.Context(), "team/app", "v1", azcontainerregistry.ContentTypeApplicationVndOciImageManifestV1JSON,
		readSeekCloser{bytes.NewReader(manifest)}, nil); err != nil {
		t.Fatal(err)
	}
}

func TestDoctorFindsNothingWrongWithAHealthyRegistry(t *testing.T) {
	// In a bubble a busy machine is no slow line.
	synctest.Test(t, findsNothingWrong)
}

func findsNothingWrong(t *testing.T) {
	report := examine(t, healthy(t), nil)
	for _, c := range report.Checks {
		t.Logf("%-12s %-14s %-60s %v", c.Name, c.Status, c.Summary, c.Took)
		if c.Status != diagnose.StatusOK && c.Status != diagnose.StatusNotApplicable {
			t.Errorf("%s is %s: %s", c.Name, c.Status, c.Summary)
		}
	}
	for _, name := range []string{"challenge", "credential", "exchange", "token", "scopes", "metadata", "pull", "push", "docker"} {
		if c := checkNamed(t, report, name); c.Status != diagnose.StatusOK {
			t.Errorf("%s is %s: %s", name, c.Status, c.Summary)
		}
	}
	if len(report.Findings) != 0 {
		t.Errorf("findings: %s", describe(report))
	}
}

// namedFirst is the code that the doctor names first under each of the
// emulator's named faults. An empty one is a fault of work that the doctor does
// not do, since it would leave something behind or delete something.
var namedFirst = map[string]string{
	"unauthorized":              "UNAUTHORIZED",
	"insufficient-scope":        "GRANT_REFUSED",
	"expired-token":             "TOKEN_INVALID",
	"invalid-entra-token":       "ENTRA_TOKEN_REJECTED",
	"invalid-refresh-token":     "REFRESH_TOKEN_REJECTED",
	"arm-token-disallowed":      "ARM_TOKEN_DISALLOWED",
	"anonymous-disallowed":      "REFRESH_TOKEN_REJECTED",
	"unknown-application":       "APP_NOT_REGISTERED",
	"invalid-client-secret":     "APP_SECRET_INVALID",
	"user-not-guid":             "USER_NAME_UNKNOWN",
	"incorrect-password":        "CONNECTED_REGISTRY_PASSWORD",
	"no-role":                   "NO_ROLE",
	"firewall":                  "FIREWALL_DENIED",
	"no-role-denied":            "NO_ROLE",
	"denied":                    "ACCESS_DENIED",
	"cmk-forbidden":             "CMK_KEY_FORBIDDEN",
	"image-quarantined":         "READ_DISALLOWED",
	"cmk-inactive":              "CMK_INACTIVE",
	"disallowed":                "READ_DISALLOWED",
	"unsupported":               "UNSUPPORTED",
	"plain-404":                 "ROUTE_NOT_FOUND",
	"repository-not-found":      "REPOSITORY_NOT_FOUND",
	"tag-unknown":               "TAG_NOT_FOUND",
	"manifest-tag-unknown":      "MANIFEST_NOT_FOUND",
	"manifest-digest-unknown":   "MANIFEST_NOT_FOUND",
	"manifest-unknown":          "MANIFEST_NOT_FOUND",
	"accept-oci-manifest":       "ACCEPT_TOO_NARROW",
	"accept-oci-index":          "ACCEPT_TOO_NARROW",
	"accept-oci-artifact":       "ACCEPT_TOO_NARROW",
	"blob-unknown":              "BLOB_NOT_FOUND",
	"blob-upload-invalid":       "UPLOAD_INVALID",
	"blob-upload-unknown":       "UPLOAD_UNKNOWN",
	"size-invalid":              "SIZE_INVALID",
	"pagination-invalid":        "PAGE_SIZE_INVALID",
	"blob-upload-range-invalid": "UPLOAD_RANGE_INVALID",
	"throttled":                 "THROTTLED",
	"internal-error":            "SERVICE_ERROR",
	"unavailable":               "SERVICE_UNAVAILABLE",
	"html-502":                  "GATEWAY_ERROR",
	"html-503":                  "SERVICE_UNAVAILABLE",
	"html-504":                  "GATEWAY_ERROR",
	"proxy-login-page":          "PROXY_LOGIN_PAGE",
	"half-json":                 "RESPONSE_UNREADABLE",
	"lost-response":             "SERVICE_UNAVAILABLE",
	"lost-chunk":                "UPLOAD_LOST_BYTES",
	"storage-auth":              "CREDENTIALS_TO_STORAGE",
	"expired-signed-url":        "STORAGE_LINK_REFUSED",
	"cut-upload":                "CONNECTION_CLOSED",
	"reset-upload":              "CONNECTION_RESET",
	"cut-download":              "DATA_CONNECTION_BROKEN",
	"reset-download":            "DATA_CONNECTION_BROKEN",
	"reset":                     "CONNECTION_RESET",
	"no-response":               "CONNECTION_CLOSED",
	"stall":                     "RESPONSE_TIMEOUT",
	"stall-download":            "DATA_CONNECTION_BROKEN",
	"slow":                      "PULL_SLOW",
	"corrupt-download":          "DIGEST_MISMATCH",
	"corrupt-manifest":          "DIGEST_MISMATCH",
	"dead-data-host":            "DATA_HOST_UNREACHABLE",
	"foreign-location":          "UNTRUSTED_LOCATION",

	"delete-by-tag":         "", // deletes
	"name-unknown":          "", // deletes, or lists by the older API
	"manifest-blob-unknown": "", // pushes a manifest
	"manifest-invalid":      "",
	"manifest-too-large":    "",
	"manifest-unverified":   "",
	"tag-invalid":           "",
	"digest-invalid":        "",      // finishes an upload
	"name-invalid":          "",      // mounts a blob
	"replica-lag":           anyCode, // which request meets the replica depends on their order
}

const anyCode = "any"

func TestDoctorNamesEachFaultFirst(t *testing.T) {
	for _, p := range emulator.FaultPresets() {
		t.Run(p.Name, func(t *testing.T) {
			want, listed := namedFirst[p.Name]
			if !listed {
				t.Fatalf("the fault %q is new: say what the doctor finds", p.Name)
			}
			synctest.Test(t, func(t *testing.T) {
				registry := healthy(t)
				if err := registry.Emulator.SetFaults(emulator.Fault{Preset: p.Name}); err != nil {
					t.Fatal(err)
				}
				report := examine(t, registry, nil)
				got := ""
				if len(report.Findings) > 0 {
					got = string(report.Findings[0].Code)
				}
				// A request that is still being written may meet the end of its
				// connection before the reset does.
				if got == "CONNECTION_CLOSED" && strings.HasPrefix(p.Name, "reset") {
					return
				}
				if got != want && want != anyCode {
					t.Errorf("named %q first, want %q\n%s", got, want, describe(report))
				}
			})
		})
	}
}

// TestDoctorShowsWhatIsGranted compares what an identity may do with what work
// would need.
func TestDoctorShowsWhatIsGranted(t *testing.T) {
	for name, test := range map[string]struct {
		policies emulator.Policies
		want     []string
		worst    diagnose.Severity
	}{
		"a reader":                          {readers, []string{"SCOPES_PARTIAL"}, diagnose.SeverityInfo},
		"a role with a condition elsewhere": {scenarios["abac-condition"].policies, []string{"ABAC_PULL_NOT_GRANTED", "ABAC_MODE"}, diagnose.SeverityError},
		"a role with a condition here": {emulator.Policies{ABAC: true, OtherIdentities: []emulator.RoleAssignment{
			{Role: emulator.RoleRepositoryContributor, Repositories: []string{"team/*"}}, {Role: emulator.RoleCatalogLister},
		}}, []string{"ABAC_MODE"}, diagnose.SeverityInfo},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				registry := healthy(t)
				if err := registry.Emulator.SetPolicies("acrkit", test.policies); err != nil {
					t.Fatal(err)
				}
				report := examine(t, registry, nil)
				var got []string
				for _, f := range report.Findings {
					got = append(got, string(f.Code))
				}
				if diff := cmp.Diff(test.want, got); diff != "" || report.Worst() != test.worst {
					t.Errorf("worst %v, want %v (-want +got):\n%s", report.Worst(), test.worst, diff)
				}
			})
		})
	}
}
