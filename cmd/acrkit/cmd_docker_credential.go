package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/creds"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/reference"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/session"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/userfile"
)

// helperProgram is the name under which docker starts this program as its
// credential helper.
const helperProgram = "docker-credential-" + creds.OwnHelper

// commandLine is what the arguments of the process mean: under the name of a
// credential helper it is one.
func commandLine(args []string) []string {
	if len(args) == 0 {
		return nil
	}
	if strings.TrimSuffix(filepath.Base(args[0]), ".exe") == helperProgram {
		return append([]string{"docker-credential"}, args[1:]...)
	}
	return args[1:]
}

func newDockerCredentialCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "docker-credential VERB", Short: "Be a credential helper for docker, podman and helm",
		Long: `Be a credential helper for docker, podman, helm and others, by docker's protocol:
the registry, or for store a JSON object, comes on standard input, the result
goes to standard output. get returns the credential that acrkit itself would use
(see acrkit whoami): with an Entra identity a fresh refresh token, so that no
login expires. store writes a credential into a file of acrkit that only its owner can read,
erase removes it, list names what is stored.

To use it, create a link named docker-credential-acrkit to this program in a
folder of PATH, and name it in ~/.docker/config.json:
  {"credHelpers": {"myreg.azurecr.io": "acrkit"}}`,
		Example: `  printf myreg.azurecr.io | acrkit docker-credential get
  acrkit docker-credential list`,
		GroupID: groupAccess, Args: exactArgs("VERB"), ValidArgs: []string{"get", "store", "erase", "list"},
		RunE: func(command *cobra.Command, args []string) error {
			verbs := map[string]func(context.Context, *app) error{
				"get": helperGet, "store": helperStore, "erase": helperErase, "list": helperList,
			}
			do, known := verbs[args[0]]
			if !known {
				return failure.Usagef("docker-credential: %q is none of get, store, erase, list", args[0])
			}
			return do(command.Context(), a)
		},
	}
}

// helperCredential is an entry of docker's protocol.
type helperCredential struct {
	ServerURL string
	Username  string
	Secret    string
}

// maxHelperInput bounds what a program writes to a credential helper.
const maxHelperInput = 1 << 20

// readHelperInput reads standard input.
func readHelperInput(r io.Reader) ([]byte, error) {
	data, err := userfile.ReadAll(r, maxHelperInput)
	if err != nil {
		return nil, fmt.Errorf("read standard input: %w", err)
	}
	return data, nil
}

// serverHost reads a registry as docker names it: a host, or a URL.
func serverHost(text string) (reference.Host, error) {
	host := strings.TrimSpace(text)
	if _, rest, found := strings.Cut(host, "://"); found {
		host = rest
	}
	host, _, _ = strings.Cut(host, "/")
	if host == "" {
		return reference.Host{}, failure.Usagef("standard input names no registry")
	}
	return reference.ParseRegistry(host)
}

// notStored is how docker's protocol says that there is no credential; tools
// compare the text.
const notStored = "credentials not found in native keychain"

func helperGet(ctx context.Context, a *app) error {
	data, err := readHelperInput(a.Stdin)
	if err != nil {
		return err
	}
	h, err := serverHost(string(data))
	if err != nil {
		return err
	}
	if h.Local() {
		return a.helperHasNone(h)
	}
	r, err := a.Open(ctx, h)
	if err != nil {
		return err
	}
	if r.Credential.Kind == creds.Anonymous {
		return a.helperHasNone(h)
	}
	username, secret, err := storable(ctx, a, r)
	if err != nil {
		return err
	}
	return json.NewEncoder(a.Stdout).Encode(helperCredential{strings.TrimSpace(string(data)), username, secret})
}

// helperHasNone tells by docker's protocol, on standard output, that there is no
// credential.
func (a *app) helperHasNone(h reference.Host) error {
	if _, err := fmt.Fprintln(a.Stdout, notStored); err != nil {
		return err
	}
	return failure.Coded(failure.ExitFailed, fmt.Errorf("no credential for %s was found (acrkit whoami %[1]s shows where acrkit looked)", h))
}

// storable is a credential as other programs use it.
func storable(ctx context.Context, a *app, r *session.Registry) (username, secret string, err error) {
	switch r.Credential.Kind {
	case creds.Password:
		return r.Credential.Username, r.Credential.Password, nil
	case creds.RefreshToken:
		return creds.NullUser, r.Credential.RefreshToken, nil
	}
	secret, err = session.ExchangeToken(ctx, a.Session, r)
	return creds.NullUser, secret, err
}

// ownStore is the file in which docker-credential keeps what it is given.
func (a *app) ownStore() (creds.Stores, error) {
	path, err := a.OwnStore()
	return creds.Stores{Docker: path, Files: []string{path}}, err
}

func helperStore(ctx context.Context, a *app) error {
	data, err := readHelperInput(a.Stdin)
	if err != nil {
		return err
	}
	var c helperCredential
	if json.Unmarshal(data, &c) != nil || c.ServerURL == "" || c.Secret == "" {
		// What the error of the parser quotes may be the secret.
		return failure.Usagef(`store: standard input must be an object with "ServerURL", "Username" and "Secret"`)
	}
	h, err := serverHost(c.ServerURL)
	if err != nil {
		return err
	}
	store, err := a.ownStore()
	if err != nil {
		return err
	}
	_, err = store.Put(ctx, h.Name, c.Username, c.Secret)
	return err
}

func helperErase(ctx context.Context, a *app) error {
	data, err := readHelperInput(a.Stdin)
	if err != nil {
		return err
	}
	h, err := serverHost(string(data))
	if err != nil {
		return err
	}
	store, err := a.ownStore()
	if err == nil {
		_, err = store.Forget(ctx, h.Name)
	}
	return err
}

func helperList(_ context.Context, a *app) error {
	store, err := a.ownStore()
	if err != nil {
		return err
	}
	users, err := store.Users()
	if err != nil {
		return err
	}
	return json.NewEncoder(a.Stdout).Encode(users)
}
