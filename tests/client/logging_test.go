package client_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	acr "github.com/acrkit/azcontainerregistry"
	"github.com/acrkit/azcontainerregistry/emulator/emulatortest"
)

// secretsFile names, for the process of TestLoggedWorkload, where to keep what
// the wire carried.
const secretsFile = "ACRKIT_TEST_SECRETS"

// TestLoggedWorkload is what the process of TestLoggingAllShowsNoSecret does.
func TestLoggedWorkload(t *testing.T) {
	keep := os.Getenv(secretsFile)
	if keep == "" {
		t.Skip("runs in the process of TestLoggingAllShowsNoSecret")
	}
	registry := emulatortest.Start(t)
	once := registry.HTTPClient()
	once.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	tap := &wiretap{next: once, secrets: map[string]bool{}, agents: map[string]bool{}}
	client, err := acr.NewClient(registry.Endpoint, registry.Credential, &acr.ClientOptions{ClientOptions: azcore.ClientOptions{Transport: tap}})
	if err != nil {
		t.Fatal(err)
	}
	everyCall(t, client, client.NewBlobClient())
	blobs := client.NewBlobClient()
	uploaded, err := blobs.Upload(t.Context(), "app", bytes.NewReader(noise(1, 100_000)), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := blobs.DownloadFile(t.Context(), "app", uploaded.Digest, filepath.Join(t.TempDir(), "blob"), nil); err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(tap.secrets)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(keep, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestLoggingAllShowsNoSecret turns logging on as Azure's guide says, by the
// environment, and reads what a process then writes to stderr.
func TestLoggingAllShowsNoSecret(t *testing.T) {
	keep := filepath.Join(t.TempDir(), "secrets.json")
	workload := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestLoggedWorkload$")
	workload.Env = append(os.Environ(), secretsFile+"="+keep, "AZURE_SDK_GO_LOGGING=all")
	var stderr, stdout bytes.Buffer
	workload.Stderr, workload.Stdout = &stderr, &stdout
	if err := workload.Run(); err != nil {
		t.Fatalf("%v\n%s", err, stdout.String())
	}
	data, err := os.ReadFile(keep)
	if err != nil {
		t.Fatal(err)
	}
	var secrets map[string]bool
	if err := json.Unmarshal(data, &secrets); err != nil || len(secrets) < 20 {
		t.Fatalf("%d secrets were on the wire: %v", len(secrets), err)
	}
	log := stderr.String()
	for secret := range secrets {
		if i := strings.Index(log, secret); i >= 0 {
			t.Errorf("a secret is logged: …%s…", log[max(0, i-200):min(len(log), i+60)])
		}
	}
	for _, want := range []string{"Request", "Response", "Retry", "PATCH https://", "_state=REDACTED", "sig=REDACTED", "ERROR CODE: BLOB_UNKNOWN", "X-Ms-Correlation-Request-Id: "} {
		if !strings.Contains(log, want) {
			t.Errorf("nothing logged has %q", want)
		}
	}
}
