package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"runtime"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/acrkit/azcontainerregistry"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/creds"
	"github.com/acrkit/azcontainerregistry/emulator"
)

// localEndpoint is the login server of the embedded registry. Nothing ever
// resolves it: its connections are in memory.
const localEndpoint = "https://acrkit.azurecr.io"

// localOwnerID is the object id of the one who owns the embedded registry.
const localOwnerID = "00000000-0000-4000-8000-00000000acac"

// dataDir is the folder of everything that acrkit keeps for the user.
func (a *app) dataDir() (string, error) {
	if dir := a.getenv("ACRKIT_DATA"); dir != "" {
		return dir, nil
	}
	if dir := a.getenv("XDG_DATA_HOME"); dir != "" {
		return filepath.Join(dir, "acrkit"), nil
	}
	if runtime.GOOS == "windows" {
		if dir := a.getenv("LOCALAPPDATA"); dir != "" {
			return filepath.Join(dir, "acrkit"), nil
		}
	}
	home := a.getenv("HOME")
	switch {
	case home == "":
		return "", errors.New("data folder: no home folder is known; set ACRKIT_DATA")
	case runtime.GOOS == "darwin":
		return filepath.Join(home, "Library", "Application Support", "acrkit"), nil
	}
	return filepath.Join(home, ".local", "share", "acrkit"), nil
}

// registryDir is the folder of the embedded registry's data.
func (a *app) registryDir() (string, error) {
	dir, err := a.dataDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, "registry"), nil
}

// openLocal opens the embedded registry: the emulator in this process.
func (a *app) openLocal(_ context.Context, r *registry, options policy.ClientOptions) error {
	dir, err := a.registryDir()
	if err != nil {
		return err
	}
	e, err := emulator.New(&emulator.Options{Dir: dir})
	if err != nil {
		return fmt.Errorf("open the embedded registry: %w", err)
	}
	connection := e.Connect(nil)
	a.onClose(func() error { return errors.Join(connection.Close(), e.Close()) })
	options.Transport = overMemory(connection)
	r.credential = creds.Credential{Kind: creds.Entra, Token: localOwner{now: a.now}}
	r.answers = []creds.Answer{{Link: "embedded", State: creds.Used, Detail: "the embedded registry is yours"}}
	r.client, err = azcontainerregistry.NewClient(localEndpoint, r.credential.Token,
		&azcontainerregistry.ClientOptions{ClientOptions: options})
	return err
}

// overMemory is the transport of an emulator in this process. Redirects are the
// client library's business: it decides which headers go along.
func overMemory(connection *emulator.Connection) policy.Transporter {
	return &http.Client{
		Transport:     connection.Transport(),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// localOwner is the credential of the embedded registry: whoever may read its
// folder owns it, so its token need not prove anything.
type localOwner struct{ now func() time.Time }

// GetToken makes a token that is well formed and unsigned.
func (o localOwner) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	expires := o.now().Add(time.Hour)
	encode := base64.RawURLEncoding.EncodeToString
	token := encode([]byte(`{"alg":"none","typ":"JWT"}`)) + "." +
		encode(fmt.Appendf(nil, `{"aud":"https://containerregistry.azure.net","appid":%q,"oid":%[1]q,"tid":%[1]q,"exp":%d}`, localOwnerID, expires.Unix())) + "." +
		encode([]byte("unsigned"))
	return azcore.AccessToken{Token: token, ExpiresOn: expires}, nil
}
