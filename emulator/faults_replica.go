package emulator

import (
	"net/http"
	"strings"
	"time"
)

// maxReplicaWrites bounds what is remembered of the latest writes.
const maxReplicaWrites = 10_000

// serveWatched answers with next, and remembers the writes that a replica
// which is behind would not know about yet.
func (f *faults) serveWatched(w http.ResponseWriter, r *http.Request, next http.Handler, now time.Time) {
	var record Request
	observe(r, func(current *Request) { record = *current })
	if !f.watches(record.Route) {
		next.ServeHTTP(w, r)
		return
	}
	watched := &statusWriter{ResponseWriter: w}
	next.ServeHTTP(watched, r)
	if watched.status == http.StatusCreated {
		digest := w.Header().Get(headerContentDigest)
		f.wrote(now, record.Repository, digest)
		if record.Route == RoutePutManifest && record.Reference != digest {
			f.wrote(now, record.Repository, record.Reference)
		}
	}
}

// watches reports whether a route's writes matter to a rule in force.
func (f *faults) watches(route Route) bool {
	if route != RoutePutManifest && route != RouteFinishUpload {
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

func (f *faults) wrote(now time.Time, repository, reference string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.writes == nil || len(f.writes) >= maxReplicaWrites {
		f.writes = map[string]time.Time{}
	}
	f.writes[repository+"@"+reference] = now
}

// fresh reports whether something was written less than lag ago.
func (f *faults) fresh(now time.Time, lag time.Duration, repository, reference string) bool {
	written, ok := f.writes[repository+"@"+reference]
	return ok && now.Sub(written) < lag
}

// freshBlob returns a digest that was written to a repository less than lag
// ago.
func (f *faults) freshBlob(now time.Time, lag time.Duration, repository string) string {
	for key := range f.writes {
		name, reference, _ := strings.Cut(key, "@")
		if name == repository && strings.Contains(reference, ":") && f.fresh(now, lag, name, reference) {
			return reference
		}
	}
	return ""
}

// serveStale answers from the replica that is behind when it is its turn and
// it knows no better; otherwise it returns false.
func (c *faultyCall) serveStale(lag time.Duration) bool {
	err := c.staleAnswer(lag)
	if err == nil {
		return false
	}
	c.faults.responder.setRegistryHeaders(c.w, c.r)
	writeError(c.w, err)
	return true
}

func (c *faultyCall) staleAnswer(lag time.Duration) *apiError {
	now := c.faults.clock.Now()
	c.faults.mu.Lock()
	defer c.faults.mu.Unlock()
	c.faults.stale = !c.faults.stale
	if !c.faults.stale {
		return nil
	}
	repository, reference := c.record.Repository, c.record.Reference
	fresh := c.faults.fresh(now, lag, repository, reference)
	switch c.record.Route {
	case RoutePutManifest:
		// A manifest meets the replica that lacks its blobs (ACR protocol
		// §4.3).
		if digest := c.faults.freshBlob(now, lag, repository); digest != "" {
			return errManifestBlob.withDetail(digest)
		}
	case RouteGetManifest:
		if fresh && strings.Contains(reference, ":") {
			return errManifestUnknown.withMessage("manifest %s is not found", reference)
		}
		if fresh {
			return errManifestUnknown.withMessage("manifest tagged by %q is not found", reference).
				withDetail(map[string]string{"Tag": reference})
		}
	case RouteGetManifestProperties:
		if fresh {
			return errManifestUnknown
		}
	case RouteGetTag:
		if fresh {
			return errTagUnknown
		}
	case RouteGetBlob, RouteHeadBlob:
		if fresh {
			return errBlobUnknown
		}
	case RouteUploadChunk, RouteUploadStatus, RouteFinishUpload:
		// The session lives on the replica that started it.
		return errUploadUnknown
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
