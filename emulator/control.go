package emulator

import (
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/acrkit/azcontainerregistry/emulator/internal/memnet"
	"github.com/acrkit/azcontainerregistry/emulator/internal/protocol"
	"github.com/acrkit/azcontainerregistry/emulator/internal/strictjson"
)

// ControlPrefix begins the paths of the control endpoint. No path of ACR does.
const ControlPrefix = "/_acrkit/"

// maxControlBytes bounds what the control endpoint reads.
const maxControlBytes = 4 << 20

// ControlHandler returns the endpoint that a running server is controlled by,
// to be served below [ControlPrefix]:
//
//	GET    /_acrkit/ready             200 once requests are served; needs no token
//	GET    /_acrkit/faults            the rules in force, with their counters
//	PUT    /_acrkit/faults            replaces them: {"faults": [...]}
//	POST   /_acrkit/faults            adds to them
//	DELETE /_acrkit/faults            ends them
//	GET    /_acrkit/faults/presets    the ready-made faults
//	GET    /_acrkit/clock             {"now": "..."}
//	POST   /_acrkit/clock             {"advance": "2h"}, {"set": "2026-01-02T03:04:05Z"},
//	                                  {"freeze": "..."} or {"reset": true}
//	GET    /_acrkit/requests          the latest requests
//	DELETE /_acrkit/requests          forgets them
//	POST   /_acrkit/tokens/expire     every token issued so far counts as expired
//	PUT    /_acrkit/policies/{name}   replaces the policies of a registry
//	GET    /_acrkit/webhooks/{name}   the webhooks of a registry
//	PUT    /_acrkit/webhooks/{name}   replaces them: {"webhooks": [...]}
//	GET    /_acrkit/webhooks/{name}/deliveries   what was sent to them
//	POST   /_acrkit/webhooks/{name}/ping/{hook}  sends a ping to one
//	GET    /_acrkit/snapshot/{name}   what a registry holds
//	POST   /_acrkit/gc                collects garbage; {"grace": "10m"} spares
//	                                  what is younger, an hour by default
//	POST   /_acrkit/reset             as [Emulator.Reset]
//
// Each request except for ready needs the header "Authorization: Bearer" with
// the token. Only loopback addresses are let in, under a loopback host name
// and without an Origin header, so that no web page can reach it. A [Server]
// that listens beyond loopback lets in other addresses under any host name.
func (e *Emulator) ControlHandler(token string) http.Handler {
	return e.controlHandler(token, false)
}

func (e *Emulator) controlHandler(token string, beyondLoopback bool) http.Handler {
	mux := http.NewServeMux()
	handle := func(pattern string, f func(http.ResponseWriter, *http.Request) error) {
		method, path, _ := strings.Cut(pattern, " ")
		mux.HandleFunc(method+" "+ControlPrefix+path, func(w http.ResponseWriter, r *http.Request) {
			r.Body = http.MaxBytesReader(w, r.Body, maxControlBytes)
			if err := f(w, r); err != nil {
				protocol.WriteJSON(w, http.StatusBadRequest, map[string]string{"error": err.Error()})
			}
		})
	}
	handle("GET ready", func(w http.ResponseWriter, _ *http.Request) error {
		protocol.WriteJSON(w, http.StatusOK, map[string]bool{"ready": true})
		return nil
	})
	handle("GET faults", func(w http.ResponseWriter, _ *http.Request) error {
		protocol.WriteJSON(w, http.StatusOK, map[string]any{"faults": e.Faults()})
		return nil
	})
	handle("GET faults/presets", func(w http.ResponseWriter, _ *http.Request) error {
		protocol.WriteJSON(w, http.StatusOK, map[string]any{"presets": FaultPresets()})
		return nil
	})
	handle("PUT faults", e.changeFaults(e.SetFaults))
	handle("POST faults", e.changeFaults(e.AddFaults))
	handle("DELETE faults", func(w http.ResponseWriter, _ *http.Request) error {
		e.ClearFaults()
		w.WriteHeader(http.StatusNoContent)
		return nil
	})
	handle("GET clock", e.reportClock)
	handle("POST clock", e.changeClock)
	handle("GET requests", func(w http.ResponseWriter, _ *http.Request) error {
		protocol.WriteJSON(w, http.StatusOK, map[string]any{"requests": e.Requests(), "counts": e.RequestCounts()})
		return nil
	})
	handle("DELETE requests", func(w http.ResponseWriter, _ *http.Request) error {
		e.ResetRequests()
		w.WriteHeader(http.StatusNoContent)
		return nil
	})
	handle("POST tokens/expire", func(w http.ResponseWriter, _ *http.Request) error {
		e.ExpireTokens()
		w.WriteHeader(http.StatusNoContent)
		return nil
	})
	handle("PUT policies/{name}", func(w http.ResponseWriter, r *http.Request) error {
		var policies Policies
		if err := readControl(r, &policies); err != nil {
			return err
		}
		if err := e.SetPolicies(r.PathValue("name"), policies); err != nil {
			return err
		}
		w.WriteHeader(http.StatusNoContent)
		return nil
	})
	handle("GET snapshot/{name}", func(w http.ResponseWriter, r *http.Request) error {
		snapshot, err := e.Snapshot(r.PathValue("name"))
		if err != nil {
			return err
		}
		protocol.WriteJSON(w, http.StatusOK, snapshot)
		return nil
	})
	e.handleWebhooks(handle)
	handle("POST gc", e.collectOnDemand)
	handle("POST reset", func(w http.ResponseWriter, _ *http.Request) error {
		if err := e.Reset(); err != nil {
			return err
		}
		w.WriteHeader(http.StatusNoContent)
		return nil
	})
	return guardControl(token, beyondLoopback, mux)
}

// guardControl lets in who may control the server. Beyond loopback, the token
// alone decides, and web pages stay out.
func guardControl(token string, beyondLoopback bool, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		refuse := func(status int, reason string) {
			protocol.WriteJSON(w, status, map[string]string{"error": reason})
		}
		given, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		switch {
		case !beyondLoopback && !protocol.ClientAddress(r).IsLoopback():
			refuse(http.StatusForbidden, "the control endpoint serves loopback only")
		case !beyondLoopback && !isLoopbackName(memnet.BareHost(r.Host)) || r.Header.Get("Origin") != "":
			refuse(http.StatusForbidden, "the control endpoint does not serve web pages")
		case r.Method == http.MethodGet && r.URL.Path == ControlPrefix+"ready":
			next.ServeHTTP(w, r)
		case token == "" || !bearer || !protocol.Same(given, token):
			refuse(http.StatusUnauthorized, "the control token is missing or wrong")
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// isLoopbackName reports whether a host name can only mean this machine.
func isLoopbackName(host string) bool {
	host = strings.Trim(strings.ToLower(host), "[]")
	address, err := netip.ParseAddr(host)
	return err == nil && address.IsLoopback() || host == "localhost" || strings.HasSuffix(host, ".localhost")
}

// readControl decodes a request's JSON strictly.
func readControl(r *http.Request, target any) error {
	data, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	return strictjson.Unmarshal(data, target)
}

func (e *Emulator) changeFaults(change func(...Fault) error) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		data, err := io.ReadAll(r.Body)
		if err != nil {
			return err
		}
		rules, err := ParseFaults(data)
		if err != nil {
			return err
		}
		if err := change(rules...); err != nil {
			return err
		}
		protocol.WriteJSON(w, http.StatusOK, map[string]any{"faults": e.Faults()})
		return nil
	}
}

func (e *Emulator) collectOnDemand(w http.ResponseWriter, r *http.Request) error {
	ask := struct {
		Grace Duration `json:"grace"`
	}{Duration(collectGrace)}
	data, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	if len(data) > 0 {
		if err := strictjson.Unmarshal(data, &ask); err != nil {
			return err
		}
	}
	if ask.Grace < 0 {
		return fmt.Errorf("grace %v: want 0 or more", time.Duration(ask.Grace))
	}
	garbage, err := e.CollectGarbage(r.Context(), time.Duration(ask.Grace))
	if err != nil {
		return err
	}
	protocol.WriteJSON(w, http.StatusOK, garbage)
	return nil
}

func (e *Emulator) reportClock(w http.ResponseWriter, _ *http.Request) error {
	protocol.WriteJSON(w, http.StatusOK, map[string]time.Time{"now": e.clock.Now().UTC()})
	return nil
}

func (e *Emulator) changeClock(w http.ResponseWriter, r *http.Request) error {
	var change struct {
		Advance Duration  `json:"advance"`
		Set     time.Time `json:"set"`
		Freeze  time.Time `json:"freeze"`
		Reset   bool      `json:"reset"`
	}
	if err := readControl(r, &change); err != nil {
		return err
	}
	clock := e.Clock()
	if change.Reset {
		clock.Reset()
	}
	if !change.Set.IsZero() {
		clock.Set(change.Set)
	}
	if !change.Freeze.IsZero() {
		clock.Freeze(change.Freeze)
	}
	clock.Advance(time.Duration(change.Advance))
	return e.reportClock(w, r)
}
