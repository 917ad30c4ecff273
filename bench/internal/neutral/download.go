package neutral

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
)

func (st *stage) serveBlob(w http.ResponseWriter, r *http.Request, repository, digest string) {
	st.wait(r)
	if !st.admit(w, r, "repository:"+repository+":pull") {
		return
	}
	size, ok := st.content.blobSize(repository, digest)
	if !ok {
		writeError(w, http.StatusNotFound, "BLOB_UNKNOWN", "blob unknown to registry")
		return
	}
	w.Header().Set("Docker-Content-Digest", digest)
	switch r.Method {
	case http.MethodHead:
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Header().Set("Content-Length", strconv.FormatInt(size, 10))
		w.WriteHeader(http.StatusOK)
	case http.MethodGet:
		http.Redirect(w, r, fmt.Sprintf("%s://%s/data?digest=%s&sig=%d",
			st.scheme(), st.data, url.QueryEscape(digest), st.faults.signature()), http.StatusTemporaryRedirect)
	default:
		writeError(w, http.StatusMethodNotAllowed, "UNSUPPORTED", "The operation is unsupported.")
	}
}

// serveData is the storage host: one signed URL a blob, ranges, and no
// patience with the registry's Authorization header.
func (s *Server) serveData(w http.ResponseWriter, r *http.Request) {
	st := s.stage.Load()
	st.requests.Add(1)
	st.wait(r)
	query := r.URL.Query()
	blob, known := st.Blobs[query.Get("digest")]
	switch {
	case r.Header.Get("Authorization") != "":
		storageError(w, http.StatusBadRequest, "InvalidAuthenticationInfo")
		return
	case query.Get("sig") != strconv.Itoa(st.faults.signature()):
		storageError(w, http.StatusForbidden, "AuthenticationFailed")
		return
	case !known:
		storageError(w, http.StatusNotFound, "BlobNotFound")
		return
	case st.faults.refused():
		storageError(w, http.StatusServiceUnavailable, "ServerBusy")
		return
	}
	first, length := int64(0), blob.Size
	status := http.StatusOK
	if header := r.Header.Get("Range"); header != "" {
		var ok bool
		if first, length, ok = parseRange(header, blob.Size); !ok {
			w.Header().Set("Content-Range", fmt.Sprintf("bytes */%d", blob.Size))
			storageError(w, http.StatusRequestedRangeNotSatisfiable, "InvalidRange")
			return
		}
		status = http.StatusPartialContent
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", first, first+length-1, blob.Size))
	}
	file, err := os.Open(blob.Path)
	if err != nil {
		storageError(w, http.StatusInternalServerError, "InternalError")
		return
	}
	defer file.Close()
	if _, err := file.Seek(blob.Offset+first, io.SeekStart); err != nil {
		storageError(w, http.StatusInternalServerError, "InternalError")
		return
	}
	w.Header().Set("Accept-Ranges", "bytes")
	w.Header().Set("ETag", `"0x8D"`)
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Length", strconv.FormatInt(length, 10))
	w.WriteHeader(status)
	st.send(w, r, file, length)
}

// send copies the file to the connection: in one sendfile when nothing slows
// or cuts it, otherwise step by step.
func (st *stage) send(w http.ResponseWriter, r *http.Request, file *os.File, length int64) {
	if st.BytesPerSecond == 0 && st.faults == nil {
		n, _ := io.CopyN(w, file, length)
		st.bytesOut.Add(n)
		return
	}
	p := paceOf(r)
	p.begin()
	for length > 0 {
		n, err := io.CopyN(w, file, min(step, length))
		st.bytesOut.Add(n)
		length -= n
		if err != nil {
			return
		}
		p.spend(r.Context(), n, st.BytesPerSecond)
		if length > 0 {
			if kind := st.faults.pass(n); kind != none {
				// What was sent so far is sent, before the connection ends.
				_ = http.NewResponseController(w).Flush()
				st.fail(w, kind)
				return
			}
		}
	}
}

// fail ends the connection in the fault's way, or leaves it standing; it never
// answers. The handler can return in every case, so that it holds no lock
// while a client waits.
func (st *stage) fail(w http.ResponseWriter, kind fault) {
	hijacked, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	switch kind {
	case stall:
		st.faults.keep(hijacked)
		return
	case reset:
		if c, ok := hijacked.(*conn); ok {
			_ = c.SetLinger(0)
		}
	}
	_ = hijacked.Close()
}

func storageError(w http.ResponseWriter, status int, code string) {
	w.Header().Del("Content-Length")
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `<?xml version="1.0" encoding="utf-8"?><Error><Code>%s</Code><Message>%s</Message></Error>`, code, code)
}

// parseRange reads one range of RFC 9110 §14.1.2; the suffix form isn't used
// by any client here.
func parseRange(header string, size int64) (first, length int64, ok bool) {
	spec, ok := strings.CutPrefix(header, "bytes=")
	if !ok {
		return 0, 0, false
	}
	from, to, ok := strings.Cut(spec, "-")
	if !ok {
		return 0, 0, false
	}
	first, err := strconv.ParseInt(from, 10, 64)
	last := size - 1
	if to != "" {
		var errTo error
		last, errTo = strconv.ParseInt(to, 10, 64)
		err = errors.Join(err, errTo)
	}
	last = min(last, size-1)
	if err != nil || first < 0 || first > last {
		return 0, 0, false
	}
	return first, last - first + 1, true
}
