package emulator

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/acrkit/azcontainerregistry/emulator/internal/clock"
	"github.com/acrkit/azcontainerregistry/emulator/internal/fault"
	"github.com/acrkit/azcontainerregistry/emulator/internal/memnet"
	"github.com/acrkit/azcontainerregistry/emulator/internal/protocol"
	"github.com/acrkit/azcontainerregistry/emulator/internal/quirk"
	"github.com/acrkit/azcontainerregistry/emulator/internal/signin"
	"github.com/acrkit/azcontainerregistry/emulator/internal/store"
	"github.com/acrkit/azcontainerregistry/emulator/internal/trace"
	"github.com/acrkit/azcontainerregistry/emulator/internal/webhook"
	"github.com/acrkit/azcontainerregistry/emulator/internal/wire"
)

// Emulator is a set of emulated registries over one data folder. It is an
// [http.Handler] and safe for concurrent use.
type Emulator struct {
	options Options
	quirks  quirk.Set
	clock   *Clock
	logger  *slog.Logger
	store   *store.Store

	recorder *trace.Recorder
	faults   *fault.Injector
	signIn   *signin.Service
	wire     *wire.Handler
	webhooks *webhook.Sender
	handler  http.Handler // the wire behind the faults

	temporary string // folder to remove on Close
	stop      context.CancelFunc
	running   sync.WaitGroup
	closing   sync.Once
	closed    error
}

// New opens the data folder and returns an emulator over it. The caller ends
// it with Close. The error names the folder, and the process that holds it
// when another one does.
func New(o *Options) (*Emulator, error) {
	var options Options
	if o != nil {
		options = *o
	}
	e, err := newEmulator(options)
	if err != nil {
		return nil, fmt.Errorf("start emulator: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	e.stop = cancel
	if e.options.GCInterval > 0 {
		e.running.Go(func() { e.collectOnSchedule(ctx) })
	}
	return e, nil
}

// newEmulator puts the packages together: what is served, who gets in, what goes
// wrong on purpose, and what is recorded.
func newEmulator(options Options) (*Emulator, error) {
	quirks, err := quirk.NewSet(options.Quirks)
	if err != nil {
		return nil, err
	}
	if options.GCInterval < 0 {
		return nil, fmt.Errorf("GCInterval %s is negative", options.GCInterval)
	}
	e := &Emulator{options: options, quirks: quirks, logger: options.Logger, clock: clock.New(options.Now)}
	if options.Now == nil {
		e.clock = clock.New(time.Now)
	}
	if e.logger == nil {
		e.logger = slog.New(slog.DiscardHandler)
	}
	registries, err := e.newRegistries(options.Registries)
	if err != nil {
		return nil, err
	}
	signIns := make([]*signin.Registry, len(registries))
	for i, reg := range registries {
		signIns[i] = reg.Registry
	}
	respond := protocol.NewResponder(quirks, e.clock)
	e.signIn, err = signin.New(signin.Options{
		Clock: e.clock, Quirks: quirks, Logger: e.logger, Responder: respond, Registries: signIns,
		KeyDir: options.Dir, Provider: options.IdentityProvider,
	})
	if err != nil {
		return nil, err
	}
	e.recorder = trace.NewRecorder(e.clock, e.logger)
	e.faults = fault.New(fault.Options{
		Clock: e.clock, Responder: respond, Routes: wire.Routes(),
		Unauthorized: func(r *http.Request, reason string) *protocol.Refusal { return e.wire.Unauthorized(r, reason) },
	})
	if err := e.faults.Set(options.Faults...); err != nil {
		return nil, err
	}
	e.webhooks = webhook.NewSender(webhook.Options{
		BeyondLoopback: options.WebhooksBeyondLoopback, Now: e.clock.Now, NewGUID: protocol.NewGUID, Logger: e.logger,
	})
	if err := e.setWebhooks(registries, options.Registries); err != nil {
		return nil, err
	}
	signKey, err := e.openStore()
	if err != nil {
		return nil, err
	}
	for _, reg := range registries {
		reg.Data = e.store.Registry(reg.Name)
	}
	e.wire = wire.New(wire.Options{
		Services: wire.Services{
			Store: e.store, Clock: e.clock, Quirks: quirks, Logger: e.logger, Responder: respond, SignIn: e.signIn, Webhooks: e.webhooks,
		},
		SignKey: signKey, Registries: registries,
	})
	e.handler = e.faults.Wrap(e.wire)
	return e, nil
}

// setWebhooks gives the registries the webhooks of their options.
func (e *Emulator) setWebhooks(registries []*wire.Registry, all []RegistryOptions) error {
	for i, o := range all {
		if err := e.webhooks.Set(registries[i].Name, o.Webhooks); err != nil {
			return fmt.Errorf("registry %q: %w", registries[i].Name, err)
		}
	}
	return nil
}

// openStore opens the data folder, a temporary one when none is named, and
// returns the key that it signs with.
func (e *Emulator) openStore() (signKey []byte, err error) {
	if e.options.Dir == "" {
		dir, err := os.MkdirTemp("", "acrkit-emulator-")
		if err != nil {
			return nil, err
		}
		e.temporary, e.options.Dir, e.options.NoSync = dir, dir, true
	}
	e.store, err = store.Open(e.options.Dir, &store.Options{NoSync: e.options.NoSync, Now: e.clock.Now, Logger: e.logger})
	if err == nil {
		signKey, err = e.store.Secret()
	}
	var inUse *store.InUseError
	if errors.As(err, &inUse) {
		err = &FolderInUseError{Dir: inUse.Dir, PID: inUse.Owner.PID, Endpoint: inUse.Owner.Endpoint}
	}
	if err != nil {
		return nil, errors.Join(err, e.closeStore())
	}
	return signKey, nil
}

// Advertise leaves the URL that the emulator is served at in its data folder,
// for the error that another process gets that opens the folder.
func (e *Emulator) Advertise(endpoint string) error { return e.store.SetEndpoint(endpoint) }

// closeStore closes the data folder and removes it when it is temporary.
func (e *Emulator) closeStore() error {
	var err error
	if e.store != nil {
		err = e.store.Close()
	}
	if e.temporary != "" {
		err = errors.Join(err, os.RemoveAll(e.temporary))
	}
	return err
}

// Close ends background work, closes the data folder and removes it when it
// was temporary. Requests still running fail. Close may be called twice.
func (e *Emulator) Close() error {
	e.closing.Do(func() {
		e.stop()
		e.running.Wait()
		e.webhooks.Close()
		e.closed = e.closeStore()
	})
	return e.closed
}

// Clock returns the emulator's clock: every time in a response, a token or a
// signature comes from it.
func (e *Emulator) Clock() *Clock { return e.clock }

// defaultRegistryName is the name of a registry that is given none.
const defaultRegistryName = "acrkit"

// newRegistries checks the registries' options and fills in what they leave
// out. Their data is not opened yet.
func (e *Emulator) newRegistries(all []RegistryOptions) ([]*wire.Registry, error) {
	if len(all) == 0 {
		all = []RegistryOptions{{}}
	}
	var registries []*wire.Registry
	seen := map[string]bool{}
	for _, o := range all {
		if o.Name == "" {
			o.Name = defaultRegistryName
		}
		o.Name = strings.ToLower(o.Name)
		if len(o.Name) < 5 || len(o.Name) > 50 || strings.Trim(o.Name, "abcdefghijklmnopqrstuvwxyz0123456789") != "" {
			return nil, fmt.Errorf("registry name %q: must be 5 to 50 letters and digits", o.Name)
		}
		if o.LoginServer == "" {
			o.LoginServer = o.Name + ".azurecr.io"
		}
		o.LoginServer = strings.ToLower(o.LoginServer)
		if seen[o.Name] || seen[o.LoginServer] {
			return nil, fmt.Errorf("registry %q: name or login server is used twice", o.Name)
		}
		seen[o.Name], seen[o.LoginServer] = true, true
		if err := o.checkRetention(); err != nil {
			return nil, fmt.Errorf("registry %q: %w", o.Name, err)
		}
		signIn, err := signin.NewRegistry(o.Name, o.LoginServer, o.Policies, e.quirks)
		if err != nil {
			return nil, fmt.Errorf("registry %q: %w", o.Name, err)
		}
		registries = append(registries, &wire.Registry{Registry: signIn, Settings: wire.Settings{
			DataHost: o.DataHost, SoftDelete: o.SoftDelete, UntaggedRetention: o.UntaggedRetention, Quarantine: o.Quarantine,
		}})
	}
	return registries, nil
}

// ServeHTTP serves requests to the login servers and to the storage host
// that blobs are redirected to, told apart by host and path.
func (e *Emulator) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if e.signIn.IsIdentityRequest(r) {
		e.IdentityProviderHandler().ServeHTTP(w, r)
		return
	}
	routed, record := e.wire.Route(r)
	e.recorder.Serve(w, routed, record, e.handler)
}

// IdentityProviderHandler returns the stand-in for Entra as a handler of its
// own, for servers that give it an origin: the OpenID configuration, the
// keys, the token endpoint for client credentials, and the endpoints of
// managed identities. Without [Options.IdentityProvider] it returns 404.
func (e *Emulator) IdentityProviderHandler() http.Handler { return e.signIn.IdentityProviderHandler() }

// ExpireTokens makes every refresh token and access token issued so far
// count as expired. Tokens issued afterwards are valid.
func (e *Emulator) ExpireTokens() { e.signIn.ExpireTokens() }

// SetPolicies replaces the policies of the registry with a name. Refresh
// tokens keep the rights they were issued with, as with the real service,
// unless the registry changes between ABAC and classic roles.
func (e *Emulator) SetPolicies(registryName string, policies Policies) error {
	reg, err := e.registryNamed(strings.ToLower(registryName))
	if err != nil {
		return fmt.Errorf("set policies: %w", err)
	}
	if err := reg.SetPolicies(policies, e.quirks); err != nil {
		return fmt.Errorf("set policies of %s: %w", registryName, err)
	}
	return nil
}

// LoginServers returns the hosts of the registries, in the order of the
// options.
func (e *Emulator) LoginServers() []string {
	hosts := make([]string, len(e.wire.Registries))
	for i, reg := range e.wire.Registries {
		hosts[i] = reg.LoginServer
	}
	return hosts
}

// RegistryNames returns the names of the registries, in the order of the
// options.
func (e *Emulator) RegistryNames() []string {
	names := make([]string, len(e.wire.Registries))
	for i, reg := range e.wire.Registries {
		names[i] = reg.Name
	}
	return names
}

// servesHost reports whether a host name is one of the emulator's: a login
// server, or a host that signed URLs point to.
func (e *Emulator) servesHost(host string) bool {
	host = strings.ToLower(host)
	if host == "localhost" || net.ParseIP(host).IsLoopback() {
		return true
	}
	for _, reg := range e.wire.Registries {
		if host == memnet.BareHost(reg.LoginServer) || host == memnet.BareHost(reg.DataHost) {
			return true
		}
	}
	if e.signIn.IsIdentityHost(host) {
		return true
	}
	return strings.HasSuffix(host, wire.StorageSuffix)
}
