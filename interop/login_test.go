package interop

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	official "github.com/Azure/azure-sdk-for-go/sdk/containers/azcontainerregistry"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/crane"

	acr "github.com/acrkit/azcontainerregistry"
	"github.com/acrkit/azcontainerregistry/emulator/emulatortest"
)

// TestStrangersSignInWithARefreshToken is what they do after "az acr login
// --expose-token".
func TestStrangersSignInWithARefreshToken(t *testing.T) {
	s := startEmulator(t).withRefreshToken(t)
	digest := push(t, s, "team/app:v1", fixedImage(t, 1))
	if got, err := orasRepository(t, s, "team/app").Resolve(t.Context(), "v1"); err != nil || got.Digest.String() != digest {
		t.Errorf("oras: %v, %v", got, err)
	}
	if _, err := regclientFor(s).ManifestHead(t.Context(), newRef(t, s.repository("team/app:v1"))); err != nil {
		t.Errorf("regclient: %v", err)
	}
	t.Run("skopeo", func(t *testing.T) {
		loginSkopeo(t, s).run("inspect", "docker://"+s.repository("team/app:v1"))
	})
}

// TestDefaultAzureCredentialFindsTheEmulator sets what the emulator prints for
// Go, and signs in as a program on Azure does.
func TestDefaultAzureCredentialFindsTheEmulator(t *testing.T) {
	s := startEmulator(t)
	digest := push(t, s, "team/app:v1", fixedImage(t, 1))
	var exports string
	for _, tool := range s.tools {
		if strings.HasPrefix(tool.Tool, "Go:") {
			exports, _ = strings.CutPrefix(tool.Lines[0], "export ")
		}
	}
	if exports == "" {
		t.Fatalf("acrkit emulator prints no line for Go: %v", s.tools)
	}
	for variable := range strings.FieldsSeq(exports) {
		name, value, _ := strings.Cut(variable, "=")
		t.Setenv(name, value)
	}
	credential, err := azidentity.NewDefaultAzureCredential(nil)
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := official.NewClient(s.endpoint, credential, nil)
	if err != nil {
		t.Fatal(err)
	}
	if tag, err := theirs.GetTagProperties(t.Context(), "team/app", "v1", nil); err != nil || *tag.Tag.Digest != digest {
		t.Errorf("the official library: %v", err)
	}
	ours, err := acr.NewClient(s.endpoint, credential, nil)
	if err != nil {
		t.Fatal(err)
	}
	if tag, err := ours.GetTagProperties(t.Context(), "team/app", "v1", nil); err != nil || *tag.Tag.Digest != digest {
		t.Errorf("ours: %v", err)
	}
}

// TestStrangersSpeakTLS trusts the authority that the emulator makes, each
// client in its own way.
func TestStrangersSpeakTLS(t *testing.T) {
	s := startEmulator(t, "--tls")
	pem, err := os.ReadFile(s.authority)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		t.Fatalf("%s holds no certificate", s.authority)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}
	t.Cleanup(transport.CloseIdleConnections)

	image := fixedImage(t, 1)
	options := []crane.Option{crane.WithTransport(transport), crane.WithAuth(&authn.Basic{Username: s.username, Password: s.password})}
	if err := crane.Push(image, s.repository("team/app:v1"), options...); err != nil {
		t.Fatalf("crane: %v", err)
	}
	t.Run("the official library", func(t *testing.T) {
		client, err := official.NewClient(s.endpoint, emulatortest.NewCredential(nil), &official.ClientOptions{
			ClientOptions: azcore.ClientOptions{Transport: &http.Client{Transport: transport}},
		})
		if err != nil {
			t.Fatal(err)
		}
		tag, err := client.GetTagProperties(t.Context(), "team/app", "v1", nil)
		if err != nil || *tag.Tag.Digest != digestOf(t, image) {
			t.Errorf("GetTagProperties: %v", err)
		}
	})
	t.Run("acrkit", func(t *testing.T) {
		t.Setenv("SSL_CERT_FILE", s.authority)
		target := filepath.Join(t.TempDir(), "layout")
		// Without the scheme, a loopback address means http.
		acrkitAt(t, s, "pull", s.endpoint+"/team/app:v1", "oci:"+target)
		if got := rootOf(t, target); got != digestOf(t, image) {
			t.Errorf("pulled %s, want %s", got, digestOf(t, image))
		}
	})
	t.Run("skopeo", func(t *testing.T) {
		need(t, "skopeo")
		certificates := t.TempDir()
		if err := os.WriteFile(filepath.Join(certificates, "ca.crt"), pem, 0o600); err != nil {
			t.Fatal(err)
		}
		auth := filepath.Join(t.TempDir(), "auth.json")
		command(t, s.password, "skopeo", "login", "--authfile", auth, "--cert-dir", certificates, "--username", s.username, "--password-stdin", s.host)
		back := filepath.Join(t.TempDir(), "layout")
		command(t, "", "skopeo", "--insecure-policy", "copy", "--authfile", auth, "--src-cert-dir", certificates, "docker://"+s.repository("team/app:v1"), "oci:"+back+":v1")
	})
}
