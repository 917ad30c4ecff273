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

	"github.com/acrkit/azcontainerregistry/emulator/internal/store"
)

// Emulator is a set of emulated registries over one data folder. It is an
// [http.Handler] and safe for concurrent use.
type Emulator struct {
	options Options
	quirks  quirkSet
	clock   *Clock
	logger  *slog.Logger
	store   *store.Store

	recorder *recorder
	faults   *faults
	signIn   *signInService
	wire     *wireHandler
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

// newEmulator puts the rooms together: what is served, who gets in, what goes
// wrong on purpose, and what is recorded.
func newEmulator(options Options) (*Emulator, error) {
	quirks, err := newQuirkSet(options.Quirks)
	if err != nil {
		return nil, err
	}
	if options.GCInterval < 0 {
		return nil, fmt.Errorf("GCInterval %s is negative", options.GCInterval)
	}
	e := &Emulator{options: options, quirks: quirks, logger: options.Logger, clock: NewClock(options.Now)}
	if options.Now == nil {
		e.clock = NewClock(time.Now)
	}
	if e.logger == nil {
		e.logger = slog.New(slog.DiscardHandler)
	}
	registries, err := e.newRegistries(options.Registries)
	if err != nil {
		return nil, err
	}
	signIns := make([]*signInRegistry, len(registries))
	for i, reg := range registries {
		signIns[i] = reg.signInRegistry
	}
	respond := newResponder(quirks, e.clock)
	e.signIn, err = newSignInService(signInOptions{
		clock: e.clock, quirks: quirks, logger: e.logger, responder: respond, registries: signIns,
		keyDir: options.Dir, provider: options.IdentityProvider,
	})
	if err != nil {
		return nil, err
	}
	e.recorder = newRecorder(e.clock, e.logger)
	e.faults = newFaults(faultOptions{
		clock: e.clock, responder: respond, routes: Routes(),
		unauthorized: func(r *http.Request, reason string) *refusal { return e.wire.unauthorized(r, reason) },
	})
	if err := e.faults.set(options.Faults...); err != nil {
		return nil, err
	}
	signKey, err := e.openStore()
	if err != nil {
		return nil, err
	}
	for _, reg := range registries {
		reg.data = e.store.Registry(reg.Name)
	}
	e.wire = newWireHandler(wireOptions{
		services: services{
			store: e.store, clock: e.clock, quirks: quirks, logger: e.logger, responder: respond, signIn: e.signIn,
		},
		signKey: signKey, registries: registries,
	})
	e.handler = e.faults.wrap(e.wire)
	return e, nil
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

// FolderInUseError says that another process has the data folder open.
type FolderInUseError struct {
	Dir      string
	PID      int    // 0 when it left no trace
	Endpoint string // where it listens, see [Emulator.Advertise]; may be empty
}

func (e *FolderInUseError) Error() string {
	inUse := store.InUseError{Dir: e.Dir, Owner: store.Owner{PID: e.PID, Endpoint: e.Endpoint}}
	return inUse.Error()
}

// DiagnosisCode names the error in the catalogue of package diagnose.
func (e *FolderInUseError) DiagnosisCode() string { return "IN_USE" }

// Advertise leaves the URL that the emulator is served at in its data folder,
// for the error that another process gets that wants the folder.
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
func (e *Emulator) newRegistries(all []RegistryOptions) ([]*registry, error) {
	if len(all) == 0 {
		all = []RegistryOptions{{}}
	}
	var registries []*registry
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
		signIn, err := newSignInRegistry(o.Name, o.LoginServer, o.Policies, e.quirks)
		if err != nil {
			return nil, fmt.Errorf("registry %q: %w", o.Name, err)
		}
		registries = append(registries, &registry{signInRegistry: signIn, registrySettings: registrySettings{
			DataHost: o.DataHost, SoftDelete: o.SoftDelete, UntaggedRetention: o.UntaggedRetention, Quarantine: o.Quarantine,
		}})
	}
	return registries, nil
}

// ServeHTTP answers requests to the login servers and to the storage host
// that blobs are redirected to, told apart by host and path.
func (e *Emulator) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if e.signIn.isIdentityRequest(r) {
		e.IdentityProviderHandler().ServeHTTP(w, r)
		return
	}
	routed, record := e.wire.route(r)
	e.recorder.serve(w, routed, record, e.handler)
}

// IdentityProviderHandler returns the stand-in for Entra as a handler of its
// own, for servers that give it an origin: the OpenID configuration, the
// keys, the token endpoint for client credentials, and the endpoints of
// managed identities. Without [Options.IdentityProvider] it answers 404.
func (e *Emulator) IdentityProviderHandler() http.Handler { return e.signIn.identityProviderHandler() }

// ExpireTokens makes every refresh token and access token issued so far
// count as expired. Tokens issued afterwards are good.
func (e *Emulator) ExpireTokens() { e.signIn.expireTokens() }

// SetPolicies replaces the policies of the registry with a name. Refresh
// tokens keep the rights they were issued with, as with the real service,
// unless the registry changes between ABAC and classic roles.
func (e *Emulator) SetPolicies(registryName string, policies Policies) error {
	reg, err := e.registryNamed(strings.ToLower(registryName))
	if err != nil {
		return fmt.Errorf("set policies: %w", err)
	}
	if err := reg.setPolicies(policies, e.quirks); err != nil {
		return fmt.Errorf("set policies of %s: %w", registryName, err)
	}
	return nil
}

// SetFaults puts faults in force, in the place of those before. An error
// names the rule and the field, and leaves everything as it was.
func (e *Emulator) SetFaults(rules ...Fault) error { return e.faults.set(rules...) }

// AddFaults puts more faults in force, after those there are.
func (e *Emulator) AddFaults(rules ...Fault) error { return e.faults.add(rules...) }

// ClearFaults ends all faults.
func (e *Emulator) ClearFaults() {
	// No rules are always good ones.
	_ = e.faults.set()
}

// Faults returns the rules in force with their counters.
func (e *Emulator) Faults() []FaultState { return e.faults.states() }

// FaultPresets lists the ready-made faults: every error of the official
// troubleshooting guide, every row of the error catalogue (ACR protocol §6),
// and the ways in which a connection or a proxy fails. The order is stable,
// and the list is the caller's own.
func FaultPresets() []FaultPreset { return faultPresets(Routes()) }

// ParseFaults reads the JSON form of fault rules: an object with one member,
// "faults", a list of them. Unknown members are errors. The rules are
// checked, their presets filled in.
func ParseFaults(data []byte) ([]Fault, error) { return parseFaults(Routes(), data) }

// Requests returns the latest requests that were answered, up to 10,000 or
// 16 MiB of them, in the order of their numbers.
func (e *Emulator) Requests() []Request { return e.recorder.requests() }

// RequestCounts returns how many requests were answered since the start or
// the last ResetRequests, by route.
func (e *Emulator) RequestCounts() map[Route]int64 { return e.recorder.requestCounts() }

// ResetRequests forgets the recorded requests and their counts.
func (e *Emulator) ResetRequests() { e.recorder.reset() }

// ConnectOptions are the optional settings of [Emulator.Connect].
type ConnectOptions struct {
	// ClientAddress is the address the emulator sees its clients at, which
	// matters for firewall rules. The zero value means 127.0.0.1.
	ClientAddress string
}

// Connect starts serving the emulator over memory. The hosts that its client
// can reach are the emulator's login servers and data hosts, by https and by
// http alike; any other host does not resolve.
func (e *Emulator) Connect(options *ConnectOptions) *Connection {
	var o ConnectOptions
	if options != nil {
		o = *options
	}
	return newConnection(connectionOptions{handler: e, resolves: e.servesHost, clientAddress: o.ClientAddress})
}

// LoginServers returns the hosts of the registries, in the order of the
// options.
func (e *Emulator) LoginServers() []string {
	hosts := make([]string, len(e.wire.registries))
	for i, reg := range e.wire.registries {
		hosts[i] = reg.LoginServer
	}
	return hosts
}

// RegistryNames returns the names of the registries, in the order of the
// options.
func (e *Emulator) RegistryNames() []string {
	names := make([]string, len(e.wire.registries))
	for i, reg := range e.wire.registries {
		names[i] = reg.Name
	}
	return names
}

// servesHost reports whether a host name leads to the emulator: a login
// server, or a host that signed URLs lead to.
func (e *Emulator) servesHost(host string) bool {
	host = strings.ToLower(host)
	if host == "localhost" || net.ParseIP(host).IsLoopback() {
		return true
	}
	for _, reg := range e.wire.registries {
		if host == bareHost(reg.LoginServer) || host == bareHost(reg.DataHost) {
			return true
		}
	}
	if e.signIn.isIdentityHost(host) {
		return true
	}
	return strings.HasSuffix(host, storageSuffix)
}
