package neutral

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// buffers are the server's only cost of an upload; large, so that a body is
// read with few calls.
var buffers = sync.Pool{New: func() any { return new([step]byte) }}

// session is one upload under way.
type session struct {
	mu     sync.Mutex
	offset int64
	state  int
	gone   bool
	hash   hash.Hash
}

func (st *stage) serveUpload(w http.ResponseWriter, r *http.Request, repository, id string) {
	scope := "repository:" + repository + ":pull,push"
	from, mount := r.URL.Query().Get("from"), r.URL.Query().Get("mount")
	switch {
	case r.Method == http.MethodDelete:
		scope = "repository:" + repository + ":delete"
	case from != "" && mount != "":
		scope += " repository:" + from + ":pull"
	}
	// A body travels while the round trip is waited for, so it is read first.
	if _, ok := st.authorize(r, scope); !ok {
		st.wait(r)
		st.admit(w, r, scope)
		return
	}
	switch r.Method {
	case http.MethodPost:
		st.wait(r)
		st.startUpload(w, repository)
		return
	case http.MethodPatch, http.MethodPut, http.MethodGet, http.MethodDelete:
	default:
		writeError(w, http.StatusMethodNotAllowed, "UNSUPPORTED", "The operation is unsupported.")
		return
	}
	up := st.content.session(repository, id)
	if up == nil {
		st.wait(r)
		writeError(w, http.StatusNotFound, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry")
		return
	}
	up.mu.Lock()
	defer up.mu.Unlock()
	// A status may be asked with any state; bytes need the latest.
	current := r.URL.Query().Get("_state") == strconv.Itoa(up.state)
	if up.gone || (!current && r.Method != http.MethodGet) {
		st.wait(r)
		writeError(w, http.StatusNotFound, "BLOB_UPLOAD_INVALID", "blob upload invalid")
		return
	}
	switch r.Method {
	case http.MethodGet:
		st.wait(r)
		up.answer(w, repository, id, http.StatusNoContent)
	case http.MethodDelete:
		st.wait(r)
		st.content.forget(repository, id)
		w.Header().Set("Docker-Upload-Uuid", id)
		w.WriteHeader(http.StatusNoContent)
	case http.MethodPatch:
		if !st.receive(w, r, up) {
			return
		}
		st.wait(r)
		up.state++
		up.answer(w, repository, id, http.StatusAccepted)
	case http.MethodPut:
		if !st.receive(w, r, up) {
			return
		}
		st.wait(r)
		st.finishUpload(w, r, repository, id, up)
	}
}

func (st *stage) startUpload(w http.ResponseWriter, repository string) {
	up := &session{}
	if st.Verify {
		up.hash = sha256.New()
	}
	id := st.content.begin(repository, up)
	up.answer(w, repository, id, http.StatusAccepted)
}

// answer writes the session's place and how far it got.
func (up *session) answer(w http.ResponseWriter, repository, id string, status int) {
	w.Header().Set("Location", fmt.Sprintf("/v2/%s/blobs/uploads/%s?_nouploadcache=false&_state=%d", repository, id, up.state))
	w.Header().Set("Docker-Upload-Uuid", id)
	w.Header().Set("Range", fmt.Sprintf("0-%d", max(up.offset-1, 0)))
	w.WriteHeader(status)
}

// receive reads the request's body into the session. When it returns false,
// the connection has failed or the answer is written.
func (st *stage) receive(w http.ResponseWriter, r *http.Request, up *session) bool {
	if r.ContentLength == 0 {
		return true
	}
	if header := r.Header.Get("Content-Range"); header != "" {
		first, _, _ := strings.Cut(strings.TrimPrefix(header, "bytes "), "-")
		if at, err := strconv.ParseInt(first, 10, 64); err != nil || at != up.offset {
			w.Header().Set("Range", fmt.Sprintf("0-%d", max(up.offset-1, 0)))
			writeError(w, http.StatusRequestedRangeNotSatisfiable, "BLOB_UPLOAD_RANGE_INVALID", "blob upload range invalid")
			return false
		}
	}
	if st.faults.refused() {
		up.gone = st.Faults.LoseSessions
		writeError(w, http.StatusServiceUnavailable, "UNAVAILABLE", "service unavailable")
		return false
	}
	buffer := buffers.Get().(*[step]byte)
	defer buffers.Put(buffer)
	p := paceOf(r)
	p.begin()
	for {
		n, err := r.Body.Read(buffer[:])
		st.bytesIn.Add(int64(n))
		up.offset += int64(n)
		if up.hash != nil {
			up.hash.Write(buffer[:n])
		}
		if errors.Is(err, io.EOF) {
			return true
		}
		if err != nil {
			up.broken(st)
			return false
		}
		p.spend(r.Context(), int64(n), st.BytesPerSecond)
		if kind := st.faults.pass(int64(n)); kind != none {
			up.broken(st)
			if kind == stale {
				up.state++
			}
			st.fail(w, kind)
			return false
		}
	}
}

func (up *session) broken(st *stage) {
	if st.Faults != nil && st.Faults.LoseSessions {
		up.gone = true
	}
}

func (st *stage) finishUpload(w http.ResponseWriter, r *http.Request, repository, id string, up *session) {
	digest := r.URL.Query().Get("digest")
	if up.hash != nil && digest != "sha256:"+hex.EncodeToString(up.hash.Sum(nil)) {
		writeError(w, http.StatusBadRequest, "DIGEST_INVALID", "provided digest did not match uploaded content")
		return
	}
	st.content.forget(repository, id)
	st.content.add(repository, digest, up.offset)
	w.Header().Set("Docker-Content-Digest", digest)
	w.Header().Set("Location", "/v2/"+repository+"/blobs/"+digest)
	w.WriteHeader(http.StatusCreated)
}
