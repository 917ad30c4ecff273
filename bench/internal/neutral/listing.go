package neutral

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
)

// lists holds the pages of the made-up repository. They outlive the stage and
// are rendered before its first client comes, so that a page costs the server
// one write.
type lists struct {
	mu    sync.Mutex
	pages map[string][][]byte
}

// ACR's page size when none is asked for, and its largest.
const (
	smallPage = 100
	largePage = 1000
)

const attributes = `{"deleteEnabled":true,"writeEnabled":true,"readEnabled":true,"listEnabled":true}`

// serveList answers GET /acr/v1/listing/_tags and …/_manifests. The cursor
// is the last name of the page before, as ACR's is.
func (st *stage) serveList(w http.ResponseWriter, r *http.Request, path string) {
	kind, ok := strings.CutPrefix(path, "listing/")
	total := map[string]int{"_tags": st.ListTags, "_manifests": st.ListManifests}[kind]
	if !ok || total == 0 || r.Method != http.MethodGet {
		http.NotFound(w, r)
		return
	}
	if !st.admit(w, r, "repository:listing:metadata_read") {
		return
	}
	size := smallPage
	if n, err := strconv.Atoi(r.URL.Query().Get("n")); err == nil && n > 0 {
		size = min(n, largePage)
	}
	pages := st.lists.get(kind, total, size)
	page := 0
	if last := r.URL.Query().Get("last"); last != "" {
		// Names and digests end in the entry's number.
		i, err := strconv.Atoi(strings.TrimLeft(last[max(0, len(last)-9):], "0"))
		if err != nil {
			i = 0
		}
		page = (i + 1) / size
	}
	if page >= len(pages) {
		page = len(pages) - 1
	}
	if page < len(pages)-1 {
		last := entryName(kind, (page+1)*size-1)
		w.Header().Set("Link", fmt.Sprintf(`</acr/v1/listing/%s?last=%s&n=%d&orderby=>; rel="next"`, kind, url.QueryEscape(last), size))
	}
	writeJSON(w, http.StatusOK, pages[page])
}

func entryName(kind string, i int) string {
	if kind == "_tags" {
		return fmt.Sprintf("build-%09d", i)
	}
	return fmt.Sprintf("sha256:%055x%09d", 0xacacacacacacac, i)
}

func (l *lists) get(kind string, total, size int) [][]byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	key := fmt.Sprint(kind, " ", total, " ", size)
	if pages, ok := l.pages[key]; ok {
		return pages
	}
	var pages [][]byte
	for start := 0; start < total; start += size {
		var page bytes.Buffer
		fmt.Fprintf(&page, `{"registry":"neutral","imageName":"listing","%s":[`, kind[1:])
		for i := start; i < min(start+size, total); i++ {
			if i > start {
				page.WriteByte(',')
			}
			writeEntry(&page, kind, i)
		}
		page.WriteString("]}\n")
		pages = append(pages, page.Bytes())
	}
	if l.pages == nil {
		l.pages = map[string][][]byte{}
	}
	l.pages[key] = pages
	return pages
}

func writeEntry(page *bytes.Buffer, kind string, i int) {
	name := entryName(kind, i)
	moment := fmt.Sprintf("2026-01-%02dT%02d:%02d:%02d.%07dZ", 1+i%28, i%24, i%60, i%59, 1+i%9999998)
	if kind == "_tags" {
		fmt.Fprintf(page, `{"name":"%s","digest":"sha256:%x","createdTime":"%s","lastUpdateTime":"%s","signed":false,"changeableAttributes":%s}`,
			name, sha256.Sum256([]byte(name)), moment, moment, attributes)
		return
	}
	fmt.Fprintf(page, `{"digest":"%s","imageSize":%d,"createdTime":"%s","lastUpdateTime":"%s","architecture":"amd64","os":"linux","mediaType":"application/vnd.oci.image.manifest.v1+json","configMediaType":"application/vnd.oci.image.config.v1+json","tags":["build-%09d"],"changeableAttributes":%s}`,
		name, 4452+i, moment, moment, i, attributes)
}
