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
	"sync/atomic"
	"time"

	"github.com/acrkit/azcontainerregistry/emulator/internal/store"
)

// Emulator is a set of emulated registries over one data folder. It is an
// [http.Handler] and safe for concurrent use.
type Emulator struct {
	options    Options
	quirks     quirkSet
	logger     *slog.Logger
	registries []*registry
	store      *store.Store
	signKey    []byte // signs upload states and blob URLs

	access   access
	recorder recorder
	faults   faults

	temporary string // folder to remove on Close
	stop      context.CancelFunc
	running   sync.WaitGroup
	closing   sync.Once
	closed    error
}

// registry is one emulated registry.
type registry struct {
	RegistryOptions
	id   string // the registry's GUID
	data *store.Registry

	current atomic.Pointer[compiledPolicies]
}

// New opens the data folder and returns an emulator over it. The caller ends
// it with Close. The error names the folder, and the process that holds it
// when another one does.
func New(o *Options) (*Emulator, error) {
	var options Options
	if o != nil {
		options = *o
	}
	quirks, err := newQuirkSet(options.Quirks)
	if err != nil {
		return nil, fmt.Errorf("start emulator: %w", err)
	}
	e := &Emulator{options: options, quirks: quirks, logger: options.Logger}
	if e.logger == nil {
		e.logger = slog.New(slog.DiscardHandler)
	}
	if e.options.Now == nil {
		e.options.Now = time.Now
	}
	if err := e.addRegistries(options.Registries); err != nil {
		return nil, fmt.Errorf("start emulator: %w", err)
	}
	if options.GCInterval < 0 {
		return nil, fmt.Errorf("start emulator: GCInterval %s is negative", options.GCInterval)
	}
	if err := e.access.open(e.options); err != nil {
		return nil, fmt.Errorf("start emulator: %w", err)
	}
	if err := e.SetFaults(options.Faults...); err != nil {
		return nil, fmt.Errorf("start emulator: %w", err)
	}
	if err := e.openStore(); err != nil {
		return nil, fmt.Errorf("start emulator: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	e.stop = cancel
	if e.options.GCInterval > 0 {
		e.running.Go(func() { e.collectOnSchedule(ctx) })
	}
	return e, nil
}

// openStore opens the data folder, a temporary one when none is named.
func (e *Emulator) openStore() error {
	if e.options.Dir == "" {
		dir, err := os.MkdirTemp("", "acrkit-emulator-")
		if err != nil {
			return err
		}
		e.temporary, e.options.Dir, e.options.NoSync = dir, dir, true
	}
	data, err := store.Open(e.options.Dir, &store.Options{NoSync: e.options.NoSync, Now: e.now, Logger: e.logger})
	if err == nil {
		e.store = data
		e.signKey, err = data.Secret()
	}
	var inUse *store.InUseError
	if errors.As(err, &inUse) {
		err = &FolderInUseError{Dir: inUse.Dir, PID: inUse.Owner.PID, Endpoint: inUse.Owner.Endpoint}
	}
	if err != nil {
		return errors.Join(err, e.closeStore())
	}
	for _, reg := range e.registries {
		reg.data = data.Registry(reg.Name)
	}
	return nil
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

// now is the emulator's clock; every time in an answer, a token or a
// signature comes from it.
func (e *Emulator) now() time.Time { return e.access.clock.Now() }

// defaultRegistryName is the name of a registry that is given none.
const defaultRegistryName = "acrkit"

func (e *Emulator) addRegistries(all []RegistryOptions) error {
	if len(all) == 0 {
		all = []RegistryOptions{{}}
	}
	seen := map[string]bool{}
	for _, o := range all {
		if o.Name == "" {
			o.Name = defaultRegistryName
		}
		o.Name = strings.ToLower(o.Name)
		if len(o.Name) < 5 || len(o.Name) > 50 || strings.Trim(o.Name, "abcdefghijklmnopqrstuvwxyz0123456789") != "" {
			return fmt.Errorf("registry name %q: must be 5 to 50 letters and digits", o.Name)
		}
		if o.LoginServer == "" {
			o.LoginServer = o.Name + ".azurecr.io"
		}
		o.LoginServer = strings.ToLower(o.LoginServer)
		if seen[o.Name] || seen[o.LoginServer] {
			return fmt.Errorf("registry %q: name or login server is used twice", o.Name)
		}
		seen[o.Name], seen[o.LoginServer] = true, true
		if err := o.checkRetention(); err != nil {
			return fmt.Errorf("registry %q: %w", o.Name, err)
		}
		policies, err := o.Policies.compile(e.quirks)
		if err != nil {
			return fmt.Errorf("registry %q: %w", o.Name, err)
		}
		reg := &registry{RegistryOptions: o, id: stableGUID("registry", o.Name)}
		reg.current.Store(policies)
		e.registries = append(e.registries, reg)
	}
	return nil
}

// registryFor returns the registry that a host names: its login server, or its
// name below localhost. Any other host, as with a server on a loopback port,
// means the first one.
func (e *Emulator) registryFor(host string) *registry {
	host = strings.ToLower(host)
	bare := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		bare = h
	}
	for _, reg := range e.registries {
		if host == reg.LoginServer || bare == reg.LoginServer || bare == reg.Name+".localhost" {
			return reg
		}
	}
	return e.registries[0]
}

// ServeHTTP answers requests to the login servers and to the storage host
// that blobs are redirected to, told apart by host and path.
func (e *Emulator) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if e.isIdentityRequest(r) {
		e.IdentityProviderHandler().ServeHTTP(w, r)
		return
	}
	e.serveRecorded(w, r, e.withFaults(http.HandlerFunc(e.dispatch)))
}

// dispatch tells the storage host from the login servers.
func (e *Emulator) dispatch(w http.ResponseWriter, r *http.Request) {
	if e.isDataRequest(r) {
		e.serveData(w, r)
		return
	}
	e.serveLogin(w, r)
}

// serveLogin answers a request to a login server.
func (e *Emulator) serveLogin(w http.ResponseWriter, r *http.Request) {
	path := r.URL.EscapedPath()
	switch {
	case path == "/oauth2" || strings.HasPrefix(path, "/oauth2/"):
		e.serveOAuth(w, r, e.registryFor(r.Host))
		return
	case path != "/v2" && !strings.HasPrefix(path, "/v2/") && path != "/acr" && !strings.HasPrefix(path, "/acr/"):
		e.gatewayNotFound(w)
		return
	}
	op, ok := e.parseOperation(r)
	if !ok {
		e.routeNotFound(w, r)
		return
	}
	if e.answerUnadmitted(w, r, op) {
		return
	}
	caller, ok := e.admit(w, r, op)
	if !ok {
		return
	}
	c := &call{Emulator: e, w: w, r: r, op: op, caller: caller, data: op.registry.data}
	c.serve()
}

// answerUnadmitted answers what a quirk takes care of before authentication.
func (e *Emulator) answerUnadmitted(w http.ResponseWriter, r *http.Request, op *operation) bool {
	switch {
	case op.badName:
		e.setRegistryHeaders(w, r)
		writeError(w, errNameInvalid)
	case op.family == familyACR && e.refusesVersion(r):
		e.setRegistryHeaders(w, r)
		writeError(w, errVersionUnsupported)
	case r.URL.Path == "/v2" && e.quirks.is(quirkBaseNoSlash, "redirect"):
		e.setPlainHeaders(w, r)
		http.Redirect(w, r, "/v2/", http.StatusMovedPermanently)
	default:
		return false
	}
	return true
}

// apiVersion is the version of /acr/v1 and /oauth2 (ACR protocol §1.8).
const apiVersion = "2021-07-01"

// refusesVersion reports whether a request asks for a version that is to be
// refused.
func (e *Emulator) refusesVersion(r *http.Request) bool {
	asked := r.URL.Query().Get("api-version")
	return asked != "" && asked != apiVersion && e.quirks.is(quirkAPIVersion, "refuse")
}
