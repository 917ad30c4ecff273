package creds

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
)

// certificateFile writes a key and a certificate that it signed itself.
func certificateFile(t *testing.T) string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "app"}, NotAfter: time.Now().Add(time.Hour)}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	text := append(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate})...)
	path := filepath.Join(t.TempDir(), "app.pem")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestServicePrincipalIsTheSecretElseTheCertificate(t *testing.T) {
	const id = "00000000-0000-4000-8000-000000000001"
	path := certificateFile(t)
	find := func(env map[string]string) (azcore.TokenCredential, error) {
		env["AZURE_TENANT_ID"], env["AZURE_CLIENT_ID"] = id, id
		return servicePrincipal(func(name string) string { return env[name] }, policy.ClientOptions{})
	}
	both, err := find(map[string]string{"AZURE_CLIENT_SECRET": "s", "AZURE_CLIENT_CERTIFICATE_PATH": path})
	if _, ok := both.(*azidentity.ClientSecretCredential); !ok || err != nil {
		t.Errorf("with both: %T, %v", both, err)
	}
	certificate, err := find(map[string]string{"AZURE_CLIENT_CERTIFICATE_PATH": path, "AZURE_CLIENT_SEND_CERTIFICATE_CHAIN": "true", "AZURE_ADDITIONALLY_ALLOWED_TENANTS": "*"})
	if _, ok := certificate.(*azidentity.ClientCertificateCredential); !ok || err != nil {
		t.Errorf("with a certificate: %T, %v", certificate, err)
	}
	if _, err := find(map[string]string{"AZURE_CLIENT_CERTIFICATE_PATH": path + "x"}); err == nil || !strings.Contains(err.Error(), "AZURE_CLIENT_CERTIFICATE_PATH") {
		t.Errorf("without the file: %v", err)
	}
	if err := os.WriteFile(path, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := find(map[string]string{"AZURE_CLIENT_CERTIFICATE_PATH": path}); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("with another file: %v", err)
	}
}
