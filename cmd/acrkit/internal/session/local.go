package session

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/creds"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/reference"
	"github.com/acrkit/azcontainerregistry/emulator"
)

// LocalEndpoint is the login server of the embedded registry. Nothing ever
// resolves it: its connections are in memory.
const LocalEndpoint = "https://" + reference.Local

// localOwnerID is the object id of the one who owns the embedded registry.
const localOwnerID = "00000000-0000-4000-8000-00000000acac"

// DataDir is the folder of everything that acrkit keeps for the user.
func (s *Session) DataDir() (string, error) {
	if dir := s.Getenv("ACRKIT_DATA"); dir != "" {
		return dir, nil
	}
	if dir := s.Getenv("XDG_DATA_HOME"); dir != "" {
		return filepath.Join(dir, "acrkit"), nil
	}
	if runtime.GOOS == "windows" {
		if dir := s.Getenv("LOCALAPPDATA"); dir != "" {
			return filepath.Join(dir, "acrkit"), nil
		}
	}
	home := s.Getenv("HOME")
	switch {
	case home == "":
		return "", errors.New("data folder: no home folder is known; set ACRKIT_DATA")
	case runtime.GOOS == "darwin":
		return filepath.Join(home, "Library", "Application Support", "acrkit"), nil
	}
	return filepath.Join(home, ".local", "share", "acrkit"), nil
}

// CacheDir is the folder of what acrkit can read again; "" where no place for it
// is known.
func (s *Session) CacheDir() string {
	if dir := s.Getenv("XDG_CACHE_HOME"); dir != "" {
		return filepath.Join(dir, "acrkit")
	}
	if dir := s.Getenv("LOCALAPPDATA"); dir != "" && runtime.GOOS == "windows" {
		return filepath.Join(dir, "acrkit", "cache")
	}
	home := s.Getenv("HOME")
	switch {
	case home == "":
		return ""
	case runtime.GOOS == "darwin":
		return filepath.Join(home, "Library", "Caches", "acrkit")
	}
	return filepath.Join(home, ".cache", "acrkit")
}

// RegistryDir is the folder of the embedded registry's data.
func (s *Session) RegistryDir() (string, error) {
	dir, err := s.DataDir()
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(filepath.Join(dir, emulatorDatabase)); err == nil {
		return "", &failure.Explained{
			Err:  failure.Usagef("data folder %s: it holds the data of an emulator that was started with --dir, and local/... would be the folder registry inside of it", dir),
			Code: "USAGE",
			Fix: []string{
				"let ACRKIT_DATA name another folder, or start the emulator without --dir: its registry is the one that local/... names",
				"to reach that emulator, use the address that it printed in the place of local",
			},
		}
	}
	return filepath.Join(dir, "registry"), nil
}

// emulatorDatabase is the file by which an emulator's data folder is known.
const emulatorDatabase = "registry.db"

// LocalOptions makes the registry that local/... names: its login server is
// "local", so that every message calls it as the user does.
func LocalOptions(dir string) *emulator.Options {
	return &emulator.Options{Dir: dir, Registries: []emulator.RegistryOptions{{Name: reference.Local, LoginServer: reference.Local}}}
}

// openLocal opens the embedded registry: the emulator in this process.
func (s *Session) openLocal(ctx context.Context, r *Registry, options policy.ClientOptions) error {
	dir, err := s.RegistryDir()
	if err != nil {
		return err
	}
	if running, err := s.openRunning(ctx, r, dir, options); running || err != nil {
		return err
	}
	e, err := s.OpenFolder(ctx, dir)
	if err != nil {
		return fmt.Errorf("open the embedded registry: %w", err)
	}
	connection := e.Connect(nil)
	s.OnClose(func() error { return errors.Join(connection.Close(), e.Close()) })
	options.Transport = overMemory(connection)
	if r.Credential, r.Outcomes, err = s.LocalChain().Resolve(ctx, creds.Place{Host: reference.Local}); err != nil {
		return err
	}
	r.Client, err = r.newClient(LocalEndpoint, options)
	return err
}

// The waiting for another command that has the folder of local/... open: they
// take turns, as long as that takes a person no longer than looking it up.
const (
	folderWait  = 30 * time.Second
	folderRetry = 50 * time.Millisecond
	folderNote  = time.Second
)

// OpenFolder opens the folder of the embedded registry, which one process at a
// time can do, and waits for its turn. Commands that shall run beside each
// other for longer have acrkit emulator.
func (s *Session) OpenFolder(ctx context.Context, dir string) (*emulator.Emulator, error) {
	ctx, cancel := context.WithTimeout(ctx, folderWait)
	defer cancel()
	turn := time.NewTicker(folderRetry)
	defer turn.Stop()
	note := time.NewTimer(folderNote)
	defer note.Stop()
	for {
		e, err := emulator.New(s.LocalOptions(dir))
		var inUse *emulator.FolderInUseError
		if !errors.As(err, &inUse) {
			return e, err
		}
		select {
		case <-turn.C:
		case <-note.C:
			s.Note("waiting for process %d, which has the embedded registry open; acrkit emulator shares it", inUse.PID)
		case <-ctx.Done():
			if errors.Is(context.Cause(ctx), failure.ErrInterrupted) {
				return nil, context.Cause(ctx)
			}
			return nil, err
		}
	}
}

// LocalChain is where the credential of the embedded registry comes from: the
// flags, so that a user of its policies can be tried, otherwise its owner's.
func (s *Session) LocalChain() creds.Chain {
	owner := creds.Link{Name: "embedded", Find: func(context.Context, creds.Place) (creds.Credential, string, error) {
		return creds.Credential{Kind: creds.Entra, Token: localOwner{now: s.Now}}, "the embedded registry is yours", nil
	}}
	if s.FlagsElsewhere {
		return creds.Chain{owner}
	}
	return creds.Chain{s.flags(), owner}
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

// openRunning signs in to the emulator that has the folder of local/... open,
// and returns false when none runs. One process at a time can open the folder,
// so a command must ask before it tries.
func (s *Session) openRunning(ctx context.Context, r *Registry, dir string, options policy.ClientOptions) (bool, error) {
	running, err := emulator.FindRunning(ctx, dir)
	if err != nil || running == nil {
		return false, err
	}
	client, err := running.HTTPClient()
	if err != nil {
		return false, err
	}
	s.OnClose(func() error { client.CloseIdleConnections(); return nil })
	options.Transport = client
	owner := creds.Link{Name: "emulator", Find: func(context.Context, creds.Place) (creds.Credential, string, error) {
		return creds.Credential{Kind: creds.Password, Username: running.Username, Password: running.Password},
			"the emulator at " + running.Endpoint + " has the folder of local/... open, and it is yours", nil
	}}
	chain := creds.Chain{s.flags(), owner}
	if s.FlagsElsewhere {
		chain = creds.Chain{owner}
	}
	if r.Credential, r.Outcomes, err = chain.Resolve(ctx, creds.Place{Host: reference.Local}); err != nil {
		return false, err
	}
	r.Client, err = r.newClient(running.Endpoint, options)
	return true, err
}
