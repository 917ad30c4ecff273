package emulator

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/acrkit/azcontainerregistry/emulator/internal/privatefile"
)

// runningFile tells the owner of a data folder where its server listens, and
// how to sign in to it.
const runningFile = "running.json"

// runningTimeout bounds the question whether a server really runs. It is on
// this machine.
const runningTimeout = 2 * time.Second

// Running says how to reach the server that has a data folder open. It holds
// secrets: whoever may read the folder owns the registry.
type Running struct {
	// Endpoint is the registry's URL, such as http://127.0.0.1:5000.
	Endpoint string `json:"endpoint"`
	// Username and Password sign in as the owner, at the token endpoint and
	// with Basic, whatever the policies say. They change with each start.
	Username string `json:"username"`
	Password string `json:"password"`
	// ControlURL is the control endpoint, ending in a slash, and ControlToken
	// what it asks for, see [Emulator.ControlHandler].
	ControlURL   string `json:"controlURL"`
	ControlToken string `json:"controlToken"`
	// AuthorityFile is the certificate authority of an https Endpoint.
	AuthorityFile string `json:"authorityFile,omitempty"`
	PID           int    `json:"pid"`
}

// FindRunning returns how to reach the server that has the folder dir open, or
// nil when none runs. It is meant for programs that would otherwise open the
// folder themselves, which one process alone can do:
//
//	running, err := emulator.FindRunning(ctx, dir)
//	if err != nil {
//		return err
//	}
//	if running != nil {
//		// a client for running.Endpoint with running.Username and
//		// running.Password, over running.HTTPClient()
//	} else {
//		e, err := emulator.New(&emulator.Options{Dir: dir})
//		…
//	}
//
// A file that a killed server left behind counts as none: the server is asked.
func FindRunning(ctx context.Context, dir string) (*Running, error) {
	data, err := os.ReadFile(filepath.Join(dir, runningFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("find running server: %w", err)
	}
	running := &Running{}
	if err := json.Unmarshal(data, running); err != nil || running.ControlURL == "" {
		// A damaged file says nothing; opening the folder will tell.
		return nil, nil
	}
	alive, err := running.alive(ctx)
	if err != nil || !alive {
		return nil, err
	}
	return running, nil
}

// alive asks the server for something that only it knows the token of.
func (x *Running) alive(ctx context.Context) (bool, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, runningTimeout, errNotAlive)
	defer cancel()
	client, err := x.HTTPClient()
	if err != nil {
		return false, err
	}
	defer client.CloseIdleConnections()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, x.ControlURL+"clock", nil)
	if err != nil {
		return false, nil
	}
	request.Header.Set("Authorization", "Bearer "+x.ControlToken)
	response, err := client.Do(request)
	if err != nil {
		if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, errNotAlive) {
			return false, cause
		}
		return false, nil
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, maxControlBytes))
	return response.StatusCode == http.StatusOK, nil
}

var errNotAlive = errors.New("no response")

// HTTPClient returns a client that trusts the server's certificate and uses no
// proxy. The caller closes its idle connections.
func (x *Running) HTTPClient() (*http.Client, error) {
	transport := &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true}
	if x.AuthorityFile != "" {
		data, err := os.ReadFile(x.AuthorityFile)
		if err != nil {
			return nil, fmt.Errorf("trust running server: %w", err)
		}
		roots := x509.NewCertPool()
		if !roots.AppendCertsFromPEM(data) {
			return nil, fmt.Errorf("trust running server: %s holds no certificate", x.AuthorityFile)
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	}
	return &http.Client{Transport: transport}, nil
}

// newSecret returns a random password.
func newSecret() string {
	var b [32]byte
	_, _ = rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// adminPasswordFile keeps the admin user's password over restarts.
const adminPasswordFile = "admin-password"

// adminPassword returns the folder's admin password, making one in the shape
// of the service's the first time: 42 characters, "+ACR", 6 more (ACR
// protocol §2.9).
func adminPassword(dir string) (string, error) {
	path := filepath.Join(dir, adminPasswordFile)
	data, err := os.ReadFile(path)
	if err == nil && len(strings.TrimSpace(string(data))) > 0 {
		return strings.TrimSpace(string(data)), nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read admin password: %w", err)
	}
	// Letters and digits only: a password that pastes into any shell.
	random := strings.Map(func(r rune) rune {
		if r == '-' || r == '_' {
			return 'x'
		}
		return r
	}, newSecret()+newSecret())
	password := random[:42] + "+ACR" + random[42:48]
	if err := privatefile.Write(path, []byte(password+"\n")); err != nil {
		return "", fmt.Errorf("keep admin password: %w", err)
	}
	return password, nil
}
