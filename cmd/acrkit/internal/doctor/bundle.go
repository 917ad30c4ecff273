package doctor

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"strings"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/output"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/session"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/version"
	"github.com/acrkit/azcontainerregistry/diagnose"
	"github.com/acrkit/azcontainerregistry/internal/redact"
)

// bundle is what goes along with a support ticket.
type bundle struct {
	Schema      string            `json:"schema"`
	Kind        string            `json:"kind"`
	Version     version.Info      `json:"version"`
	Processors  int               `json:"processors"`
	Environment map[string]string `json:"environment"`
	Report      diagnose.Report   `json:"report"`
}

// bundleVariables are those that change how a registry is reached. Of the ones
// that hold secrets or names, only that they are set is told.
var bundleVariables = []string{
	"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR",
	"GODEBUG", "DOCKER_CONFIG", "ACR_REGISTRY", "ACR_USERNAME", "ACR_PASSWORD", "ACR_REFRESH_TOKEN",
	"AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AZURE_CLIENT_CERTIFICATE_PATH",
	"AZURE_FEDERATED_TOKEN_FILE", "AZURE_AUTHORITY_HOST", "IDENTITY_ENDPOINT", "MSI_ENDPOINT",
}

// bundleShown are the variables whose values are shown; addresses without user
// and password.
var bundleShown = map[string]bool{
	"HTTPS_PROXY": true, "https_proxy": true, "HTTP_PROXY": true, "http_proxy": true, "NO_PROXY": true, "no_proxy": true,
	"SSL_CERT_FILE": true, "SSL_CERT_DIR": true, "GODEBUG": true, "ACR_REGISTRY": true, "AZURE_AUTHORITY_HOST": true,
}

// WriteBundle writes a new file that only the user may read. What is there
// already stays: it may be the bundle of an earlier ticket.
func WriteBundle(sess *session.Session, path string, report diagnose.Report) (err error) {
	b := bundle{
		Schema: output.Schema, Kind: "SupportBundle", Version: version.Build(), Processors: runtime.NumCPU(),
		Environment: map[string]string{}, Report: report,
	}
	for _, name := range bundleVariables {
		switch value := sess.Getenv(name); {
		case value == "":
		case bundleShown[name]:
			b.Environment[name] = redact.URL(value)
		default:
			b.Environment[name] = "set"
		}
	}
	data, err := json.MarshalIndent(b, "", "  ")
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("write bundle: %w", err)
	}
	defer func() {
		if closing := f.Close(); err == nil && closing != nil {
			err = fmt.Errorf("write bundle: %w", closing)
		}
	}()
	if _, err := f.Write(append(data, '\n')); err != nil {
		return fmt.Errorf("write bundle: %w", err)
	}
	sess.Note("wrote %s: read it before you send it on", path)
	return nil
}

func Versions() []diagnose.Version {
	v := version.Build()
	return []diagnose.Version{{Name: "acrkit", Value: v.Version}, {Name: "go", Value: strings.TrimPrefix(v.Go, "go")}, {Name: "platform", Value: v.Platform}}
}
