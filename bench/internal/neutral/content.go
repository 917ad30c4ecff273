package neutral

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// maxManifest is ACR's limit, 4 MiB.
const maxManifest = 4 << 20

// content is what the registry holds.
type content struct {
	mu        sync.RWMutex
	source    map[string]Blob
	pushed    map[string]int64 // "repository@digest" → size
	manifests map[string]stored
	sessions  map[string]*session
	serial    int
}

type stored struct {
	mediaType, digest string
	body              []byte
}

func (c *content) fill(config Config) error {
	c.source = config.Blobs
	c.pushed = map[string]int64{}
	c.manifests = map[string]stored{}
	c.sessions = map[string]*session{}
	for _, m := range config.Manifests {
		if m.Repository == "" || m.Tag == "" || m.MediaType == "" {
			return fmt.Errorf("configure server: manifest %s:%s: repository, tag or media type missing", m.Repository, m.Tag)
		}
		c.store(m.Repository, m.Tag, m.MediaType, m.Body)
	}
	return nil
}

func (c *content) store(repository, reference, mediaType string, body []byte) stored {
	sum := sha256.Sum256(body)
	m := stored{mediaType: mediaType, digest: "sha256:" + hex.EncodeToString(sum[:]), body: body}
	c.manifests[repository+"/"+reference] = m
	c.manifests[repository+"/"+m.digest] = m
	return m
}

func (c *content) blobSize(repository, digest string) (int64, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if strings.HasPrefix(repository, "source") {
		blob, ok := c.source[digest]
		return blob.Size, ok
	}
	size, ok := c.pushed[repository+"@"+digest]
	return size, ok
}

func (c *content) begin(repository string, up *session) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.serial++
	id := fmt.Sprintf("00000000-0000-4000-8000-%012d", c.serial)
	c.sessions[repository+"/"+id] = up
	return id
}

func (c *content) session(repository, id string) *session {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.sessions[repository+"/"+id]
}

func (c *content) forget(repository, id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.sessions, repository+"/"+id)
}

func (c *content) add(repository, digest string, size int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pushed[repository+"@"+digest] = size
}

func (c *content) uploaded() map[string]int64 {
	c.mu.RLock()
	defer c.mu.RUnlock()
	all := map[string]int64{}
	for key, size := range c.pushed {
		_, digest, _ := strings.Cut(key, "@")
		all[digest] = size
	}
	return all
}

func (st *stage) serveManifest(w http.ResponseWriter, r *http.Request, repository, reference string) {
	st.wait(r)
	scope := "repository:" + repository + ":pull"
	if r.Method == http.MethodPut {
		scope += ",push"
	}
	if !st.admit(w, r, scope) {
		return
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		st.content.mu.RLock()
		m, ok := st.content.manifests[repository+"/"+reference]
		st.content.mu.RUnlock()
		if !ok {
			writeError(w, http.StatusNotFound, "MANIFEST_UNKNOWN", "manifest "+reference+" is not found")
			return
		}
		w.Header().Set("Content-Type", m.mediaType)
		w.Header().Set("Docker-Content-Digest", m.digest)
		w.Header().Set("ETag", `"`+m.digest+`"`)
		w.Header().Set("Content-Length", strconv.Itoa(len(m.body)))
		if r.Method == http.MethodGet {
			_, _ = w.Write(m.body)
		}
	case http.MethodPut:
		st.putManifest(w, r, repository, reference)
	default:
		writeError(w, http.StatusMethodNotAllowed, "UNSUPPORTED", "The operation is unsupported.")
	}
}

// putManifest stores a manifest whose blobs and children are there.
func (st *stage) putManifest(w http.ResponseWriter, r *http.Request, repository, reference string) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxManifest+1))
	if err != nil || len(body) > maxManifest {
		writeError(w, http.StatusBadRequest, "MANIFEST_INVALID", "manifest invalid")
		return
	}
	type descriptor struct{ Digest string }
	var manifest struct {
		Config            *descriptor
		Layers, Manifests []descriptor
	}
	if err := json.Unmarshal(body, &manifest); err != nil {
		writeError(w, http.StatusBadRequest, "MANIFEST_INVALID", "manifest invalid")
		return
	}
	blobs := manifest.Layers
	if manifest.Config != nil {
		blobs = append(blobs, *manifest.Config)
	}
	c := &st.content
	for _, blob := range blobs {
		if _, ok := c.blobSize(repository, blob.Digest); !ok {
			writeError(w, http.StatusBadRequest, "MANIFEST_BLOB_UNKNOWN", "blob unknown to registry")
			return
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, child := range manifest.Manifests {
		if _, ok := c.manifests[repository+"/"+child.Digest]; !ok {
			writeError(w, http.StatusBadRequest, "MANIFEST_BLOB_UNKNOWN", "blob unknown to registry")
			return
		}
	}
	m := c.store(repository, reference, r.Header.Get("Content-Type"), body)
	c.pushed[repository+"@"+m.digest] = int64(len(body))
	w.Header().Set("Docker-Content-Digest", m.digest)
	w.Header().Set("Location", "/v2/"+repository+"/manifests/"+m.digest)
	w.WriteHeader(http.StatusCreated)
}
