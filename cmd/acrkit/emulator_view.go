package main

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/output"
	"github.com/acrkit/azcontainerregistry/emulator"
)

// emulatorInfo is what `acrkit emulator` says when it is ready.
type emulatorInfo struct {
	Endpoint         string     `json:"endpoint"`
	Registry         string     `json:"registry"`
	Directory        string     `json:"directory"`
	Username         string     `json:"username,omitempty"`
	Password         string     `json:"password,omitempty"`
	ControlURL       string     `json:"controlURL"`
	ControlToken     string     `json:"controlToken"`
	IdentityProvider string     `json:"identityProvider,omitempty"`
	AuthorityFile    string     `json:"authorityFile,omitempty"`
	Tools            []toolHint `json:"tools"`
}

// toolHint is what to paste for one tool.
type toolHint struct {
	Tool  string   `json:"tool"`
	Lines []string `json:"lines"`
}

func newEmulatorInfo(server *emulator.Server, dir string) emulatorInfo {
	running := server.Running()
	info := emulatorInfo{
		Endpoint: server.Endpoint(), Directory: dir,
		ControlURL: running.ControlURL, ControlToken: running.ControlToken,
		IdentityProvider: server.IdentityProviderURL(), AuthorityFile: running.AuthorityFile,
	}
	if absolute, err := filepath.Abs(dir); err == nil {
		info.Directory = absolute
	}
	_, info.Registry, _ = strings.Cut(info.Endpoint, "://")
	info.Username, info.Password = server.AdminUser()
	info.Tools = info.hints()
	return info
}

// hints are the lines to paste. Those for acrkit, skopeo, crane, oras and
// JavaScript were tried as they are; docker's login was.
func (e emulatorInfo) hints() []toolHint {
	user, password := "USER", "PASSWORD"
	if e.Username != "" {
		user, password = e.Username, e.Password
	}
	secure := e.AuthorityFile != ""
	pick := func(plain, tls string) string {
		if secure {
			return tls
		}
		return plain
	}
	piped := "printf %s '" + password + "' | "
	hints := []toolHint{{"acrkit", []string{
		pick("", "export SSL_CERT_FILE='"+e.AuthorityFile+"'"),
		"export ACR_REGISTRY=" + pick(e.Registry, e.Endpoint) + " ACR_USERNAME=" + user + " ACR_PASSWORD='" + password + "'",
		"acrkit ls",
	}}, {"skopeo", []string{
		piped + "skopeo login --tls-verify=false --username " + user + " --password-stdin " + e.Registry,
		"skopeo copy --dest-tls-verify=false oci:DIR:TAG docker://" + e.Registry + "/team/app:1",
	}}, {"crane", []string{
		pick("", "export SSL_CERT_FILE='"+e.AuthorityFile+"'"),
		piped + "crane auth login " + e.Registry + " --username " + user + " --password-stdin",
		"crane catalog " + e.Registry + pick(" --insecure", ""),
	}}, {"oras", []string{
		piped + "oras login " + pick("--plain-http", "--ca-file '"+e.AuthorityFile+"'") + " --username " + user + " --password-stdin " + e.Registry,
		"oras repo ls " + pick("--plain-http", "--ca-file '"+e.AuthorityFile+"'") + " " + e.Registry,
	}}, {"docker", []string{
		pick("", "sudo install -D '"+e.AuthorityFile+"' '/etc/docker/certs.d/"+e.Registry+"/ca.crt'"),
		piped + "docker login --username " + user + " --password-stdin " + e.Registry,
		"docker push " + e.Registry + "/team/app:1",
	}}}
	if e.IdentityProvider != "" {
		hints = append(hints, e.identityHints(secure)...)
	}
	for i := range hints {
		hints[i].Lines = withoutEmpty(hints[i].Lines)
	}
	return hints
}

// identityHints are for libraries that sign in with Entra alone: they take the
// emulator's managed identity, which is the one credential that goes over http.
func (e emulatorInfo) identityHints(secure bool) []toolHint {
	environment := "export IDENTITY_ENDPOINT=" + e.IdentityProvider + "/msi/token IDENTITY_HEADER=acrkit"
	trust := func(variable string) string {
		if !secure {
			return ""
		}
		return "export " + variable + "='" + e.AuthorityFile + "'"
	}
	hints := []toolHint{{"Go: azidentity with this library or the official one", []string{
		trust("SSL_CERT_FILE"), environment,
		`azcontainerregistry.NewClient("` + e.Endpoint + `", credential /* azidentity.NewDefaultAzureCredential */, nil)`,
	}}}
	if !secure {
		return append(hints, toolHint{"JavaScript, Python: these libraries send no token over http; start with --tls", nil})
	}
	return append(hints, toolHint{"JavaScript: @azure/container-registry, @azure/identity", []string{
		trust("NODE_EXTRA_CA_CERTS"), environment,
		`new ContainerRegistryClient("` + e.Endpoint + `", new DefaultAzureCredential())`,
	}}, toolHint{"Python: azure-containerregistry, azure-identity", []string{
		trust("REQUESTS_CA_BUNDLE"), environment,
		`ContainerRegistryClient("` + e.Endpoint + `", DefaultAzureCredential())`,
	}})
}

func withoutEmpty(lines []string) []string {
	kept := []string{}
	for _, line := range lines {
		if line != "" {
			kept = append(kept, line)
		}
	}
	return kept
}

var emulatorView = output.View[emulatorInfo]{
	Kind: "Emulator",
	Columns: []output.Column[emulatorInfo]{
		{Name: "endpoint", Value: func(e emulatorInfo) string { return e.Endpoint }},
		{Name: "username", Value: func(e emulatorInfo) string { return e.Username }},
		{Name: "directory", Value: func(e emulatorInfo) string { return e.Directory }},
	},
	Text: writeEmulator,
}

func writeEmulator(w io.Writer, e emulatorInfo) error {
	var b strings.Builder
	fmt.Fprintf(&b, "the registry is ready at %s\n", e.Endpoint)
	fmt.Fprintf(&b, "  data      %s\n", e.Directory)
	if e.Username != "" {
		fmt.Fprintf(&b, "  user      %s\n  password  %s\n", e.Username, e.Password)
	}
	if e.AuthorityFile != "" {
		fmt.Fprintf(&b, "  trust     %s\n", e.AuthorityFile)
		fmt.Fprintf(&b, "            Debian: sudo cp '%s' /usr/local/share/ca-certificates/acrkit.crt && sudo update-ca-certificates\n", e.AuthorityFile)
		fmt.Fprintf(&b, "            macOS:  sudo security add-trusted-cert -d -k /Library/Keychains/System.keychain '%s'\n", e.AuthorityFile)
	}
	fmt.Fprintf(&b, "  ready     curl %s%sready\n", trustFlag(e), e.ControlURL)
	fmt.Fprintf(&b, "  look into %s in a browser, with the token %s\n", e.ControlURL, e.ControlToken)
	fmt.Fprintf(&b, "  control   curl %s-H 'Authorization: Bearer %s' %sfaults\n", trustFlag(e), e.ControlToken, e.ControlURL)
	b.WriteString("\nTo paste:\n")
	for _, hint := range e.Tools {
		fmt.Fprintf(&b, "\n# %s\n", hint.Tool)
		for _, line := range hint.Lines {
			b.WriteString(line + "\n")
		}
	}
	b.WriteString("\nCtrl-C stops it.\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// trustFlag is what curl needs to trust the emulator.
func trustFlag(e emulatorInfo) string {
	if e.AuthorityFile == "" {
		return ""
	}
	return "--cacert '" + e.AuthorityFile + "' "
}
