package emulator

import (
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/acrkit/azcontainerregistry/emulator/internal/inspector"
	"github.com/acrkit/azcontainerregistry/emulator/internal/listen"
	"github.com/acrkit/azcontainerregistry/emulator/internal/memnet"
	"github.com/acrkit/azcontainerregistry/emulator/internal/privatefile"
	"github.com/acrkit/azcontainerregistry/emulator/internal/protocol"
	"github.com/acrkit/azcontainerregistry/emulator/internal/signin"
)

// DefaultAddress is where a [Server] listens when it is not told otherwise.
const DefaultAddress = "127.0.0.1:5000"

// ServerOptions configures a [Server].
type ServerOptions struct {
	// Emulator are the emulator's options.
	Emulator Options
	// AdminUser enables the admin user of the first registry, unless its
	// policies do, with a password that the data folder keeps. See
	// [Server.AdminUser].
	AdminUser bool
	// AdminPassword is the password of the admin user that AdminUser enables.
	// Empty means one that the data folder keeps.
	AdminPassword string
	// ControlToken is what the control endpoint asks for. Empty means a new
	// one with each start, see [Running].
	ControlToken string
	// Address is the address to listen at, host:port; port 0 means any free
	// one. Empty means DefaultAddress. Another host than loopback needs
	// BeyondLoopback.
	Address string
	// BeyondLoopback allows an Address that other machines can reach; without
	// it, such an address is a [BeyondLoopbackError]. Whoever reaches the
	// server then can use the registries and the identity provider as far as
	// the policies let them, and any well-formed Entra token is an owner
	// unless they say otherwise. The control endpoint serves beyond loopback,
	// too, to those who have the token.
	BeyondLoopback bool
	// IdentityProviderPort is the port of the identity provider, which listens
	// at the host of Address; 0 means any free one.
	IdentityProviderPort int
	// TLS serves https, with a certificate of the local authority that the
	// data folder keeps.
	TLS bool
	// Hosts are further host names for the certificate.
	Hosts []string
	// Diagnose, if set, says in the inspector why a request failed. It is
	// called when a person opens the request, and may be called concurrently.
	Diagnose Diagnose
}

// Server is an [Emulator] behind listeners of its own. Blobs are redirected
// to the other name of the loopback address (localhost for 127.0.0.1, and the
// other way round), so that clients meet a second origin as in production.
type Server struct {
	emulator    *Emulator
	http        *http.Server
	listeners   []net.Listener
	provider    *http.Server
	running     Running
	admin       string
	providerURL string
	file        string
	served      chan error
	logger      *slog.Logger
	// base is the context of every request, which ends with the server.
	base  context.Context
	stop  context.CancelFunc
	conns memnet.ConnTracker
}

// StartServer opens the data folder and starts to serve. The caller ends it
// with Shutdown. The error names the address or the folder that is in use.
func StartServer(options *ServerOptions) (*Server, error) {
	var o ServerOptions
	if options != nil {
		o = *options
	}
	if o.Address == "" {
		o.Address = DefaultAddress
	}
	host, err := o.check()
	if err != nil {
		return nil, fmt.Errorf("start server: %w", err)
	}
	s := &Server{logger: o.Emulator.Logger}
	if s.logger == nil {
		s.logger = slog.New(slog.DiscardHandler)
	}
	s.base, s.stop = context.WithCancel(context.Background())
	// The folder first: a second process has to report the folder, not
	// about the port.
	if s.emulator, err = New(&o.Emulator); err != nil {
		s.stop()
		return nil, err
	}
	if err := s.open(&o, host); err != nil {
		s.closeListeners()
		s.stop()
		return nil, errors.Join(err, s.emulator.Close())
	}
	s.serve()
	return s, nil
}

// open makes everything that can fail.
func (s *Server) open(o *ServerOptions, host string) error {
	dir := s.emulator.options.Dir
	reg := s.emulator.wire.Registries[0]
	policies := reg.Policies().Policies
	if o.AdminPassword != "" && policies.Admin != nil {
		return fmt.Errorf("start server: registry %s has an admin user already: the admin password has nowhere to go", reg.Name)
	}
	if o.AdminUser && policies.Admin == nil {
		password := o.AdminPassword
		if password == "" {
			var err error
			if password, err = adminPassword(dir); err != nil {
				return err
			}
		}
		policies.Admin = &AdminUser{Passwords: []string{password}}
		if err := s.emulator.SetPolicies(reg.Name, policies); err != nil {
			return err
		}
		s.admin = password
	}
	if err := s.listen(o.Address, host); err != nil {
		return err
	}
	scheme := "http"
	var config *tls.Config
	if o.TLS {
		scheme = "https"
		var err error
		if config, err = s.certify(dir, host, o.Hosts); err != nil {
			return err
		}
	}
	s.running = Running{
		Endpoint: scheme + "://" + s.hostPort(host, s.listeners[0]),
		Username: signin.LocalUser, Password: newSecret(), ControlToken: cmp.Or(o.ControlToken, newSecret()),
		AuthorityFile: s.running.AuthorityFile, PID: os.Getpid(),
	}
	s.running.ControlURL = s.running.Endpoint + ControlPrefix
	s.emulator.signIn.LocalPassword.Store(&s.running.Password)
	s.emulator.recorder.KeepExchanges()
	pages, err := inspector.New(inspected{s.emulator, o.Diagnose}, s.running.ControlToken)
	if err != nil {
		return err
	}
	s.http = s.newHTTPServer(s.handler(!isLoopbackName(host), pages), config)
	if s.emulator.signIn.Provider != nil {
		if err := s.openProvider(net.JoinHostPort(host, strconv.Itoa(o.IdentityProviderPort)), scheme, config); err != nil {
			return err
		}
	}
	return s.announce(dir)
}

// listen opens the address, and on loopback the other family's address with
// the same port: localhost may resolve to either.
func (s *Server) listen(address, host string) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		if errors.Is(err, syscall.EADDRINUSE) {
			return fmt.Errorf("listen at %s: the address is in use by another program; choose another one", address)
		}
		return fmt.Errorf("listen at %s: %w", address, err)
	}
	s.listeners = append(s.listeners, listener)
	other := map[string]string{"127.0.0.1": "::1", "::1": "127.0.0.1", "localhost": "::1"}[host]
	if other == "" {
		return nil
	}
	// A machine without the other family serves one.
	if second, err := net.Listen("tcp", net.JoinHostPort(other, portOf(listener))); err == nil {
		s.listeners = append(s.listeners, second)
	}
	return nil
}

func portOf(listener net.Listener) string {
	return strconv.Itoa(listener.Addr().(*net.TCPAddr).Port)
}

// hostPort is the name under which clients reach a listener: the host as
// given, unless that means every address.
func (s *Server) hostPort(host string, listener net.Listener) string {
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, portOf(listener))
}

// certify makes the server's certificate.
func (s *Server) certify(dir, host string, hosts []string) (*tls.Config, error) {
	now := time.Now()
	authority, err := listen.OpenAuthority(dir, now)
	if err != nil {
		return nil, err
	}
	names := append([]string{"localhost", "*.localhost", "127.0.0.1", "::1"}, hosts...)
	if host != "" {
		names = append(names, host)
	}
	for _, reg := range s.emulator.wire.Registries {
		names = append(names, memnet.BareHost(reg.LoginServer))
		if reg.DataHost != "" {
			names = append(names, memnet.BareHost(reg.DataHost))
		}
	}
	slices.Sort(names)
	certificate, err := authority.Issue(slices.Compact(names), now)
	if err != nil {
		return nil, err
	}
	s.running.AuthorityFile = authority.CertFile
	return &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}, nil
}

// openProvider gives the identity provider an origin of its own, as its paths
// begin at the root.
func (s *Server) openProvider(address, scheme string, config *tls.Config) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("listen for the identity provider: %w", err)
	}
	listener, err := net.Listen("tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("listen for the identity provider at %s: the address is in use by another program; choose another port", address)
	}
	if err != nil {
		return fmt.Errorf("listen for the identity provider: %w", err)
	}
	s.provider = s.newHTTPServer(s.emulator.IdentityProviderHandler(), config)
	s.providerURL = scheme + "://" + s.hostPort(host, listener)
	s.listeners = append(s.listeners, listener)
	return nil
}

func (s *Server) newHTTPServer(handler http.Handler, config *tls.Config) *http.Server {
	server := &http.Server{
		Handler:           listen.Paced(handler),
		TLSConfig:         config,
		ConnContext:       memnet.ConnContext,
		ConnState:         s.conns.Track,
		BaseContext:       func(net.Listener) context.Context { return s.base },
		ReadHeaderTimeout: listen.HeaderTimeout,
		IdleTimeout:       listen.IdleTimeout,
		MaxHeaderBytes:    listen.MaxHeaderBytes,
		Protocols:         new(http.Protocols),
		// What net/http complains about is what peers did; it is of interest
		// to those who debug.
		ErrorLog: log.New(debugWriter{s.logger}, "", 0),
	}
	// ACR uses HTTP/1.1, and so do the faults that break a connection.
	server.Protocols.SetHTTP1(true)
	return server
}

// debugWriter makes lines of a log.Logger debug messages.
type debugWriter struct{ logger *slog.Logger }

func (w debugWriter) Write(line []byte) (int, error) {
	w.logger.Debug("http server", "message", strings.TrimSpace(string(line)))
	return len(line), nil
}

// handler serves the control endpoint and the inspector beside the registries. A
// browser asks for pages, and has no bearer token.
func (s *Server) handler(beyondLoopback bool, pages http.Handler) http.Handler {
	control := s.emulator.controlHandler(s.running.ControlToken, beyondLoopback)
	pages = guardPages(beyondLoopback, pages)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case !strings.HasPrefix(r.URL.Path, ControlPrefix):
			s.emulator.ServeHTTP(w, r)
		case r.Header.Get("Authorization") == "" && isPage(r.URL.Path):
			pages.ServeHTTP(w, r)
		default:
			control.ServeHTTP(w, r)
		}
	})
}

// isPage reports whether a path below the control endpoint's is the inspector's.
func isPage(path string) bool {
	first, _, _ := strings.Cut(strings.TrimPrefix(path, ControlPrefix), "/")
	return slices.Contains(inspector.Paths, first)
}

// guardPages lets in loopback only, under a loopback name, so that a foreign name
// that resolves here gives no access.
func guardPages(beyondLoopback bool, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !beyondLoopback && (!protocol.ClientAddress(r).IsLoopback() || !isLoopbackName(memnet.BareHost(r.Host))) {
			http.Error(w, "the inspector serves loopback only", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// announce writes the file that FindRunning reads.
func (s *Server) announce(dir string) error {
	data, err := json.MarshalIndent(s.running, "", "  ")
	if err != nil {
		return fmt.Errorf("announce server: %w", err)
	}
	s.file = filepath.Join(dir, runningFile)
	if err := privatefile.Write(s.file, append(data, '\n')); err != nil {
		return fmt.Errorf("announce server: %w", err)
	}
	if err := s.emulator.store.SetEndpoint(s.running.Endpoint); err != nil {
		return fmt.Errorf("announce server: %w", err)
	}
	return nil
}

// serve starts the listeners' loops.
func (s *Server) serve() {
	s.served = make(chan error, len(s.listeners))
	for i, listener := range s.listeners {
		server := s.http
		if s.provider != nil && i == len(s.listeners)-1 {
			server = s.provider
		}
		go func() {
			if server.TLSConfig != nil {
				s.served <- server.ServeTLS(listener, "", "")
				return
			}
			s.served <- server.Serve(listener)
		}()
	}
}

// Emulator returns the emulator that is served.
func (s *Server) Emulator() *Emulator { return s.emulator }

// Endpoint returns the registry's URL, such as http://127.0.0.1:5000.
func (s *Server) Endpoint() string { return s.running.Endpoint }

// Running returns how to reach and control the server; it holds secrets.
func (s *Server) Running() Running { return s.running }

// AdminUser returns the name and the password of the admin user that
// [ServerOptions.AdminUser] enabled, or empty text.
func (s *Server) AdminUser() (name, password string) {
	if s.admin == "" {
		return "", ""
	}
	return s.emulator.wire.Registries[0].Name, s.admin
}

// IdentityProviderURL returns the origin of the identity provider, or empty text
// when it is off.
func (s *Server) IdentityProviderURL() string { return s.providerURL }

// Shutdown stops listening, lets running requests end until ctx does, breaks
// those that are left, and closes the emulator.
func (s *Server) Shutdown(ctx context.Context) error {
	s.conns.CloseUnused()
	errs := []error{s.http.Shutdown(ctx)}
	if s.provider != nil {
		errs = append(errs, s.provider.Shutdown(ctx), s.provider.Close())
	}
	if errs[0] != nil {
		errs[0] = fmt.Errorf("some requests were broken off: %w", errs[0])
	}
	s.stop()
	errs = append(errs, s.http.Close())
	for range s.listeners {
		if err := <-s.served; !errors.Is(err, http.ErrServerClosed) {
			errs = append(errs, err)
		}
	}
	s.conns.Wait()
	if err := os.Remove(s.file); err != nil && !errors.Is(err, os.ErrNotExist) {
		errs = append(errs, err)
	}
	return errors.Join(append(errs, s.emulator.Close())...)
}

func (s *Server) closeListeners() {
	for _, listener := range s.listeners {
		_ = listener.Close()
	}
}
