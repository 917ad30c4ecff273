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

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/creds"
	"github.com/acrkit/azcontainerregistry/emulator"
)

// localEndpoint is the login server of the embedded registry. Nothing ever
// resolves it: its connections are in memory.
const localEndpoint = "https://" + localRegistry

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

// localOptions makes the registry that local/... names: its login server is
// "local", so that every message calls it as the user does.
func localOptions(dir string) *emulator.Options {
	return &emulator.Options{Dir: dir, Registries: []emulator.RegistryOptions{{Name: localRegistry, LoginServer: localRegistry}}}
}

// openLocal opens the embedded registry: the emulator in this process.
func (a *app) openLocal(ctx context.Context, r *registry, options policy.ClientOptions) error {
	dir, err := a.registryDir()
	if err != nil {
		return err
	}
	if running, err := a.openRunning(ctx, r, dir, options); running || err != nil {
		return err
	}
	e, err := a.openFolder(ctx, dir)
	if err != nil {
		return fmt.Errorf("open the embedded registry: %w", err)
	}
	connection := e.Connect(nil)
	a.onClose(func() error { return errors.Join(connection.Close(), e.Close()) })
	options.Transport = overMemory(connection)
	if r.credential, r.answers, err = a.localChain().Resolve(ctx, localRegistry); err != nil {
		return err
	}
	r.client, err = newClient(localEndpoint, r.credential, options)
	return err
}

// The waiting for another command that has the folder of local/... open: they
// take turns, as long as that takes a person no longer than looking it up.
const (
	folderWait  = 30 * time.Second
	folderRetry = 50 * time.Millisecond
	folderNote  = time.Second
)

// openFolder opens the folder of the embedded registry, which one process at a
// time can do, and waits for its turn. Commands that shall run beside each
// other for longer have acrkit emulator.
func (a *app) openFolder(ctx context.Context, dir string) (*emulator.Emulator, error) {
	ctx, cancel := context.WithTimeout(ctx, folderWait)
	defer cancel()
	turn := time.NewTicker(folderRetry)
	defer turn.Stop()
	note := time.NewTimer(folderNote)
	defer note.Stop()
	for {
		e, err := emulator.New(a.localOptions(dir))
		var inUse *emulator.FolderInUseError
		if !errors.As(err, &inUse) {
			return e, err
		}
		select {
		case <-turn.C:
		case <-note.C:
			a.note("waiting for process %d, which has the embedded registry open; acrkit emulator shares it", inUse.PID)
		case <-ctx.Done():
			if errors.Is(context.Cause(ctx), errInterrupted) {
				return nil, context.Cause(ctx)
			}
			return nil, err
		}
	}
}

// localChain is where the credential of the embedded registry comes from: the
// flags, so that a user of its policies can be tried, otherwise its owner's.
func (a *app) localChain() creds.Chain {
	owner := creds.Link{Name: "embedded", Find: func(context.Context, string) (creds.Credential, string, error) {
		return creds.Credential{Kind: creds.Entra, Token: localOwner{now: a.now}}, "the embedded registry is yours", nil
	}}
	if a.flagsElsewhere {
		return creds.Chain{owner}
	}
	return creds.Chain{a.flags(), owner}
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

// GetToken makes a token that is well formed; nothing has signed it.
func (o localOwner) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	expires := o.now().Add(time.Hour)
	encode := base64.RawURLEncoding.EncodeToString
	token := encode([]byte(`{"alg":"RS256","typ":"JWT"}`)) + "." +
		encode(fmt.Appendf(nil, `{"aud":"https://containerregistry.azure.net","appid":%q,"oid":%[1]q,"tid":%[1]q,"exp":%d}`, localOwnerID, expires.Unix())) + "." +
		encode([]byte("unsigned"))
	return azcore.AccessToken{Token: token, ExpiresOn: expires}, nil
}
