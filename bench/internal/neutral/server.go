package neutral

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Server is the running registry. Its methods may be called concurrently.
type Server struct {
	// Registry is the host and port of the login server, always by address;
	// Data is the second origin, always by the name localhost, since Go's
	// client tells hosts apart by name and not by port.
	Registry, Data string

	// Certificate is what clients must trust for TLS, in PEM.
	Certificate string

	secure *tls.Config
	stage  atomic.Pointer[stage]
	lists  lists

	servers []*http.Server
	done    sync.WaitGroup
}

// stage is one configuration with all that happened under it.
type stage struct {
	Config
	registry, data string

	auth    auth
	content content
	lists   *lists
	faults  *schedule

	requests, unauthorized, tokens, exchanges atomic.Int64
	bytesIn, bytesOut                         atomic.Int64
}

// Start listens on two loopback ports that the system chooses.
func Start() (*Server, error) {
	secure, certificate, err := certificate()
	if err != nil {
		return nil, err
	}
	s := &Server{Certificate: certificate, secure: secure}
	var listen net.ListenConfig
	registry, err := listen.Listen(context.Background(), "tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start server: %w", err)
	}
	data, err := listen.Listen(context.Background(), "tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start server: %w", err), registry.Close())
	}
	s.Registry = registry.Addr().String()
	_, port, err := net.SplitHostPort(data.Addr().String())
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start server: %w", err), registry.Close(), data.Close())
	}
	s.Data = net.JoinHostPort("localhost", port)
	if err := s.Configure(Config{}); err != nil {
		return nil, errors.Join(err, registry.Close(), data.Close())
	}
	s.serve(registry, s.serveRegistry)
	s.serve(data, s.serveData)
	return s, nil
}

func (s *Server) serve(l net.Listener, handler http.HandlerFunc) {
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: time.Minute,
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, paceKey{}, &pace{})
		},
	}
	s.servers = append(s.servers, server)
	s.done.Go(func() {
		_ = server.Serve(&listener{Listener: l, secure: s.secure, config: func() Config { return s.stage.Load().Config }})
	})
}

// Close ends every connection.
func (s *Server) Close() error {
	var err error
	for _, server := range s.servers {
		err = errors.Join(err, server.Close())
	}
	s.stage.Load().faults.end()
	s.done.Wait()
	return err
}

// Configure sets the stage.
func (s *Server) Configure(c Config) error {
	if err := c.validate(); err != nil {
		return err
	}
	next := &stage{Config: c, registry: s.Registry, data: s.Data, faults: newSchedule(c.Faults), lists: &s.lists}
	if err := next.content.fill(c); err != nil {
		return err
	}
	for kind, total := range map[string]int{"_tags": c.ListTags, "_manifests": c.ListManifests} {
		if total > 0 {
			s.lists.get(kind, total, largePage)
		}
	}
	if last := s.stage.Swap(next); last != nil {
		last.faults.end()
	}
	return nil
}

// Stats reports what was seen since the last Configure.
func (s *Server) Stats() Stats {
	st := s.stage.Load()
	return Stats{
		Requests:     int(st.requests.Load()),
		Unauthorized: int(st.unauthorized.Load()),
		Tokens:       int(st.tokens.Load()),
		Exchanges:    int(st.exchanges.Load()),
		BytesIn:      st.bytesIn.Load(),
		BytesOut:     st.bytesOut.Load(),
		Faults:       st.faults.played(),
		Uploaded:     st.content.uploaded(),
	}
}

func (s *Server) serveRegistry(w http.ResponseWriter, r *http.Request) {
	st := s.stage.Load()
	st.requests.Add(1)
	w.Header().Set("Docker-Distribution-Api-Version", "registry/2.0")
	path := r.URL.Path
	switch {
	case strings.HasPrefix(path, "/oauth2/"):
		st.wait(r)
		st.serveOAuth(w, r)
	case path == "/v2/" || path == "/v2":
		st.wait(r)
		if st.admit(w, r, "") {
			writeJSON(w, http.StatusOK, []byte("{}"))
		}
	case strings.HasPrefix(path, "/acr/v1/"):
		st.wait(r)
		st.serveList(w, r, strings.TrimPrefix(path, "/acr/v1/"))
	case strings.HasPrefix(path, "/v2/"):
		st.serveV2(w, r, strings.TrimPrefix(path, "/v2/"))
	default:
		http.NotFound(w, r)
	}
}

func (st *stage) serveV2(w http.ResponseWriter, r *http.Request, path string) {
	if repository, reference, ok := cutLast(path, "/manifests/"); ok {
		st.serveManifest(w, r, repository, reference)
		return
	}
	if repository, session, ok := cutLast(path, "/blobs/uploads/"); ok {
		st.serveUpload(w, r, repository, session)
		return
	}
	if repository, digest, ok := cutLast(path, "/blobs/"); ok {
		st.serveBlob(w, r, repository, digest)
		return
	}
	if repository, digest, ok := cutLast(path, "/referrers/"); ok && r.Method == http.MethodGet {
		st.wait(r)
		if st.admit(w, r, "repository:"+repository+":pull") {
			_ = digest
			w.Header().Set("Content-Type", "application/vnd.oci.image.index.v1+json")
			_, _ = w.Write([]byte(`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}`))
		}
		return
	}
	http.NotFound(w, r)
}

// wait stands for the way to the server and back.
func (st *stage) wait(r *http.Request) {
	if st.RTT > 0 {
		sleep(r.Context(), st.RTT)
	}
}

func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

func cutLast(s, sep string) (before, after string, ok bool) {
	i := strings.LastIndex(s, sep)
	if i <= 0 {
		return "", "", false
	}
	return s[:i], s[i+len(sep):], true
}

func writeJSON(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Content-Length", fmt.Sprint(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

func writeError(w http.ResponseWriter, status int, code, message string) {
	type entry struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	}
	body, err := json.Marshal(map[string][]entry{"errors": {{code, message}}})
	if err != nil {
		panic(err) // two strings always encode
	}
	writeJSON(w, status, append(body, '\n'))
}
