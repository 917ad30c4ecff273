package emulator

import (
	"context"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/acrkit/azcontainerregistry/emulator/internal/store"
)

// registry is one registry as the wire sees it.
type registry struct {
	*signInRegistry
	registrySettings
	data *store.Registry
}

// registrySettings are what a registry does with its content.
type registrySettings struct {
	// DataHost is where signed URLs lead; empty means a host by the rule of
	// [storageHost].
	DataHost          string
	SoftDelete        time.Duration
	UntaggedRetention time.Duration
	Quarantine        bool
}

// wireHandler answers requests to the login servers and to the storage host,
// told apart by host and path.
type wireHandler struct {
	*services
	registries []*registry
}

// wireOptions are what a wireHandler needs beside its registries.
type wireOptions struct {
	services   services
	signKey    []byte // signs upload states and blob URLs
	registries []*registry
}

func newWireHandler(o wireOptions) *wireHandler {
	s := &o.services
	s.signer = &signer{key: o.signKey}
	s.storage = &storageHost{
		store: s.store, clock: s.clock, quirks: s.quirks, logger: s.logger, responder: s.responder,
		signer: s.signer, registries: o.registries,
	}
	return &wireHandler{services: s, registries: o.registries}
}

// registryFor returns the registry that a host names: its login server, or its
// name below localhost. Any other host, as with a server on a loopback port,
// means the first one.
func (h *wireHandler) registryFor(host string) *registry {
	host = strings.ToLower(host)
	bare := host
	if name, _, err := net.SplitHostPort(host); err == nil {
		bare = name
	}
	for _, reg := range h.registries {
		if host == reg.LoginServer || bare == reg.LoginServer || bare == reg.Name+".localhost" {
			return reg
		}
	}
	return h.registries[0]
}

// target is where a request leads.
type target struct {
	route    Route
	registry *registry
	op       *operation // nil for what is no operation of the registry
}

type targetKey struct{}

// route finds out once where a request leads. It returns the request with that
// in its context, and what it says for the record.
func (h *wireHandler) route(r *http.Request) (*http.Request, Request) {
	record := newRequest(r)
	at := &target{route: RouteUnknown, registry: h.registryFor(r.Host)}
	switch {
	case isDataRequest(r):
		at.route = RouteData
		record.Reference = dataDigest(r.URL.Path)
	case r.URL.Path == "/oauth2/token":
		at.route = RouteOAuthToken
	case r.URL.Path == "/oauth2/exchange":
		at.route = RouteOAuthExchange
	default:
		if op, ok := match(r, at.registry, h.quirks); ok {
			at.route, at.op = op.row.route, op
			record.Repository, record.Reference, record.Digest = op.repository, op.reference, op.digest
			record.Needed = scopeStrings(op.access.scopes)
		}
	}
	record.Route = at.route
	if at.route != RouteData && at.route != RouteUnknown {
		record.Registry = at.registry.Name
	}
	return r.WithContext(context.WithValue(r.Context(), targetKey{}, at)), record
}

// targetOf returns where a request leads that route has seen.
func (h *wireHandler) targetOf(r *http.Request) *target {
	if at, ok := r.Context().Value(targetKey{}).(*target); ok {
		return at
	}
	routed, _ := h.route(r)
	return routed.Context().Value(targetKey{}).(*target)
}

// unauthorized is the 401 of a request's route, or nil when no token opens it.
func (h *wireHandler) unauthorized(r *http.Request, reason string) *refusal {
	if op := h.targetOf(r).op; op != nil {
		return unauthorized(r, &op.access, reason)
	}
	return nil
}

// ServeHTTP answers a request.
func (h *wireHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	at := h.targetOf(r)
	path := r.URL.EscapedPath()
	switch {
	case at.route == RouteData:
		h.storage.ServeHTTP(w, r)
	case path == "/oauth2" || strings.HasPrefix(path, "/oauth2/"):
		h.signIn.serveOAuth(w, r, at.registry.signInRegistry)
	case path != "/v2" && !strings.HasPrefix(path, "/v2/") && path != "/acr" && !strings.HasPrefix(path, "/acr/"):
		h.responder.gatewayNotFound(w)
	case at.op == nil:
		h.responder.routeNotFound(w, r)
	case h.refusedEarly(w, r, at.op):
	default:
		if who, ok := h.signIn.admit(w, r, &at.op.access); ok {
			h.serveAs(w, r, who)
		}
	}
}

// serveAs answers a request of the registry in the name of a caller who was
// let in.
func (h *wireHandler) serveAs(w http.ResponseWriter, r *http.Request, who *caller) {
	at := h.targetOf(r)
	if at.op == nil {
		h.responder.routeNotFound(w, r)
		return
	}
	(&call{services: h.services, w: w, r: r, op: at.op, caller: who, data: at.registry.data}).serve()
}

// refusedEarly answers what a quirk takes care of before authentication.
func (h *wireHandler) refusedEarly(w http.ResponseWriter, r *http.Request, op *operation) bool {
	switch {
	case op.badName:
		h.responder.setRegistryHeaders(w, r)
		writeError(w, errNameInvalid)
	case op.acr && h.signIn.refusesVersion(r):
		h.responder.setRegistryHeaders(w, r)
		writeError(w, errVersionUnsupported)
	case r.URL.Path == "/v2" && h.quirks.is(quirkBaseNoSlash, "redirect"):
		h.responder.setPlainHeaders(w, r)
		http.Redirect(w, r, "/v2/", http.StatusMovedPermanently)
	default:
		return false
	}
	return true
}
