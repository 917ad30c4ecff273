// Package wire serves requests: the registry's calls, one file a family, and the storage
// host that blobs are redirected to.
package wire

import (
	"context"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/acrkit/azcontainerregistry/emulator/internal/protocol"
	"github.com/acrkit/azcontainerregistry/emulator/internal/quirk"
	"github.com/acrkit/azcontainerregistry/emulator/internal/signin"
	"github.com/acrkit/azcontainerregistry/emulator/internal/store"
	"github.com/acrkit/azcontainerregistry/emulator/internal/trace"
)

// Registry is one registry as the wire sees it.
type Registry struct {
	*signin.Registry
	Settings
	Data *store.Registry
}

// Settings are what a registry does with its content.
type Settings struct {
	// DataHost is the host of signed URLs; empty means a host by the rule of
	// [storageHost].
	DataHost          string
	SoftDelete        time.Duration
	UntaggedRetention time.Duration
	Quarantine        bool
}

// region is where the registry says it is: where its data endpoint is, or else
// where the default storage host is.
func (s *Settings) region() string {
	if parts := strings.Split(s.DataHost, "."); len(parts) > 3 && parts[2] == "data" {
		return parts[1]
	}
	return "eastus"
}

// Handler serves requests to the login servers and to the storage host,
// told apart by host and path.
type Handler struct {
	*Services
	Registries []*Registry
}

// Options are what a wireHandler needs beside its registries.
type Options struct {
	Services   Services
	SignKey    []byte // signs upload states and blob URLs
	Registries []*Registry
}

func New(o Options) *Handler {
	s := &o.Services
	s.Signer = &signer{key: o.SignKey}
	s.orphans = &orphanQueue{}
	s.storage = &StorageHost{
		store: s.Store, clock: s.Clock, Quirks: s.Quirks, logger: s.Logger, responder: s.Responder,
		signer: s.Signer, registries: o.Registries,
	}
	return &Handler{Services: s, Registries: o.Registries}
}

// registryFor returns the registry that a host names: its login server, or its
// name below localhost. Any other host, as with a server on a loopback port,
// means the first one.
func (h *Handler) registryFor(host string) *Registry {
	host = strings.ToLower(host)
	bare := host
	if name, _, err := net.SplitHostPort(host); err == nil {
		bare = name
	}
	for _, reg := range h.Registries {
		if host == reg.LoginServer || bare == reg.LoginServer || bare == reg.Name+".localhost" {
			return reg
		}
	}
	return h.Registries[0]
}

// target is what a request is for.
type target struct {
	route    protocol.Route
	registry *Registry
	op       *operation // nil for what is no operation of the registry
}

type targetKey struct{}

// Route finds out once what a request is for. It returns the request with that
// in its context, and what it says for the record.
func (h *Handler) Route(r *http.Request) (*http.Request, trace.Request) {
	record := trace.NewRequest(r)
	at := &target{route: protocol.RouteUnknown, registry: h.registryFor(r.Host)}
	switch {
	case IsDataRequest(r):
		at.route = protocol.RouteData
		record.Reference = dataDigest(r.URL.Path)
	case r.URL.Path == "/oauth2/token":
		at.route = protocol.RouteOAuthToken
	case r.URL.Path == "/oauth2/exchange":
		at.route = protocol.RouteOAuthExchange
	default:
		if op, ok := match(r, at.registry, h.Quirks); ok {
			at.route, at.op = op.row.route, op
			record.Repository, record.Reference, record.Digest = op.repository, op.reference, op.digest
			record.Needed = signin.ScopeStrings(op.access.Scopes)
		}
	}
	record.Route = at.route
	if at.route != protocol.RouteData && at.route != protocol.RouteUnknown {
		record.Registry = at.registry.Name
	}
	return r.WithContext(context.WithValue(r.Context(), targetKey{}, at)), record
}

// targetOf returns what a request is for that route has seen.
func (h *Handler) targetOf(r *http.Request) *target {
	if at, ok := r.Context().Value(targetKey{}).(*target); ok {
		return at
	}
	routed, _ := h.Route(r)
	return routed.Context().Value(targetKey{}).(*target)
}

// Unauthorized is the 401 of a request's route, or nil when no token opens it.
func (h *Handler) Unauthorized(r *http.Request, reason string) *protocol.Refusal {
	if op := h.targetOf(r).op; op != nil {
		return signin.Unauthorized(r, &op.access, reason)
	}
	return nil
}

// ServeHTTP serves a request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.RemoveOrphans()
	at := h.targetOf(r)
	path := r.URL.EscapedPath()
	switch {
	case at.route == protocol.RouteData:
		h.storage.ServeHTTP(w, r)
	case path == "/oauth2" || strings.HasPrefix(path, "/oauth2/"):
		h.SignIn.ServeOAuth(w, r, at.registry.Registry)
	case path != "/v2" && !strings.HasPrefix(path, "/v2/") && path != "/acr" && !strings.HasPrefix(path, "/acr/"):
		h.Responder.GatewayNotFound(w)
	case at.op == nil:
		h.Responder.RouteNotFound(w, r)
	case h.refusedEarly(w, r, at.op):
	default:
		if who, ok := h.SignIn.Admit(w, r, &at.op.access); ok {
			h.ServeAs(w, r, who)
		}
	}
}

// ServeAs serves a request of the registry in the name of a caller who was
// let in.
func (h *Handler) ServeAs(w http.ResponseWriter, r *http.Request, who *signin.Caller) {
	h.RemoveOrphans()
	at := h.targetOf(r)
	if at.op == nil {
		h.Responder.RouteNotFound(w, r)
		return
	}
	(&Call{Services: h.Services, w: w, r: r, op: at.op, caller: who, data: at.registry.Data}).serve()
}

// refusedEarly serves what a quirk takes care of before authentication.
func (h *Handler) refusedEarly(w http.ResponseWriter, r *http.Request, op *operation) bool {
	switch {
	case op.badName:
		h.Responder.SetRegistryHeaders(w, r)
		protocol.WriteError(w, protocol.ErrNameInvalid)
	case op.acr && h.SignIn.RefusesVersion(r):
		h.Responder.SetRegistryHeaders(w, r)
		protocol.WriteError(w, protocol.ErrVersionUnsupported)
	case r.URL.Path == "/v2" && h.Quirks.Is(quirk.BaseNoSlash, "redirect"):
		h.Responder.SetPlainHeaders(w, r)
		http.Redirect(w, r, "/v2/", http.StatusMovedPermanently)
	default:
		return false
	}
	return true
}
