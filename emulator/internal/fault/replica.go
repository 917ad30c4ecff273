package fault

import (
	"net/http"
	"strings"
	"time"

	"github.com/acrkit/azcontainerregistry/emulator/internal/protocol"
	"github.com/acrkit/azcontainerregistry/emulator/internal/trace"
)

// maxReplicaWrites bounds what is remembered of the latest writes.
const maxReplicaWrites = 10_000

// serveWatched serves by next, and remembers the writes that a replica
// which is behind would not know about yet.
func (f *Injector) serveWatched(w http.ResponseWriter, r *http.Request, next http.Handler, now time.Time) {
	var record trace.Request
	trace.Observe(r, func(current *trace.Request) { record = *current })
	if !f.watches(record.Route) {
		next.ServeHTTP(w, r)
		return
	}
	watched := &statusWriter{ResponseWriter: w}
	next.ServeHTTP(watched, r)
	if watched.status == http.StatusCreated {
		digest := w.Header().Get(protocol.HeaderContentDigest)
		f.wrote(now, record.Repository, digest)
		if record.Route == protocol.RoutePutManifest && record.Reference != digest {
			f.wrote(now, record.Repository, record.Reference)
		}
	}
}

// watches reports whether a route's writes matter to a rule in force.
func (f *Injector) watches(route protocol.Route) bool {
	if route != protocol.RoutePutManifest && route != protocol.RouteFinishUpload {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, rule := range f.rules {
		if rule.Replica != nil {
			return true
		}
	}
	return false
}

func (f *Injector) wrote(now time.Time, repository, reference string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.writes == nil || len(f.writes) >= maxReplicaWrites {
		f.writes = map[string]time.Time{}
	}
	f.writes[repository+"@"+reference] = now
}

// fresh reports whether something was written less than lag ago.
func (f *Injector) fresh(now time.Time, lag time.Duration, repository, reference string) bool {
	written, ok := f.writes[repository+"@"+reference]
	return ok && now.Sub(written) < lag
}

// freshBlob returns a digest that was written to a repository less than lag
// ago.
func (f *Injector) freshBlob(now time.Time, lag time.Duration, repository string) string {
	for key := range f.writes {
		name, reference, _ := strings.Cut(key, "@")
		if name == repository && strings.Contains(reference, ":") && f.fresh(now, lag, name, reference) {
			return reference
		}
	}
	return ""
}

// serveStale serves from the replica that is behind when it is its turn and
// it knows no better; otherwise it returns false.
func (c *call) serveStale(lag time.Duration) bool {
	err := c.staleResponse(lag)
	if err == nil {
		return false
	}
	c.faults.Responder.SetRegistryHeaders(c.w, c.r)
	protocol.WriteError(c.w, err)
	return true
}

func (c *call) staleResponse(lag time.Duration) *protocol.Error {
	now := c.faults.Clock.Now()
	c.faults.mu.Lock()
	defer c.faults.mu.Unlock()
	c.faults.stale = !c.faults.stale
	if !c.faults.stale {
		return nil
	}
	repository, reference := c.record.Repository, c.record.Reference
	fresh := c.faults.fresh(now, lag, repository, reference)
	switch c.record.Route {
	case protocol.RoutePutManifest:
		// A manifest meets the replica that lacks its blobs (ACR protocol
		// §4.3).
		if digest := c.faults.freshBlob(now, lag, repository); digest != "" {
			return protocol.ErrManifestBlob.WithDetail(digest)
		}
	case protocol.RouteGetManifest:
		if fresh && strings.Contains(reference, ":") {
			return protocol.ErrManifestUnknown.WithMessage("manifest %s is not found", reference)
		}
		if fresh {
			return protocol.ErrManifestUnknown.WithMessage("manifest tagged by %q is not found", reference).
				WithDetail(map[string]string{"Tag": reference})
		}
	case protocol.RouteGetManifestProperties:
		if fresh {
			return protocol.ErrManifestUnknown
		}
	case protocol.RouteGetTag:
		if fresh {
			return protocol.ErrTagUnknown
		}
	case protocol.RouteGetBlob, protocol.RouteHeadBlob:
		if fresh {
			return protocol.ErrBlobUnknown
		}
	case protocol.RouteUploadChunk, protocol.RouteUploadStatus, protocol.RouteFinishUpload:
		// The session exists on the replica that started it.
		return protocol.ErrUploadUnknown
	}
	return nil
}

// statusWriter remembers the status.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
