// Package inspector is the page of a running emulator: what its registries hold,
// the requests as they come, and the switches of faults, quirks, the clock and
// policies. Its pages are rendered here; the script that it sends along only keeps the
// list of requests up to date.
package inspector

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Prefix begins the paths of the pages.
const Prefix = "/_acrkit/"

// PageSize is how many rows a page shows at most: with 100,000 tags as with ten.
const PageSize = 100

// Paths are the first parts of the pages' paths behind [Prefix]; the others
// belong to the control endpoint.
var Paths = []string{"", "signin", "signout", "style.css", "live.js", "repository", "manifest", "blob", "log", "settings"}

const (
	sessionCookie = "acrkit-inspector"
	sessionAge    = 12 * time.Hour
	// maxForm bounds a form: faults and policies are some kilobytes.
	maxForm = 4 << 20
	// maxStreams bounds the pages that are kept up to date at once.
	maxStreams = 64
)

//go:embed pages/style.css pages/live.js
var files embed.FS

// Inspector serves the pages. It is an http.Handler for the paths below [Prefix],
// for concurrent use.
type Inspector struct {
	source  Source
	token   string
	key     []byte // signs sessions; new with each start
	mux     *http.ServeMux
	origin  *http.CrossOriginProtection
	streams chan struct{}
	now     func() time.Time
}

// New makes the pages over a source. token is what a person signs in with; it
// never is part of an address.
func New(source Source, token string) (*Inspector, error) {
	in := &Inspector{
		source: source, token: token, key: make([]byte, 32),
		mux: http.NewServeMux(), origin: http.NewCrossOriginProtection(), streams: make(chan struct{}, maxStreams), now: time.Now,
	}
	if _, err := rand.Read(in.key); err != nil {
		return nil, fmt.Errorf("inspector: %w", err)
	}
	in.routes()
	return in, nil
}

func (in *Inspector) routes() {
	page := func(pattern string, f func(*http.Request) (view, error)) {
		in.mux.HandleFunc("GET "+Prefix+pattern, func(w http.ResponseWriter, r *http.Request) {
			v, err := f(r)
			if err != nil {
				in.fail(w, r, http.StatusNotFound, err)
				return
			}
			in.render(w, r, http.StatusOK, v)
		})
	}
	page("{$}", in.registries)
	page("repository", in.repository)
	page("manifest", in.manifest)
	page("blob", in.blob)
	page("log", in.requests)
	page("log/{number}", in.request)
	page("settings", in.settings)
	in.mux.HandleFunc("GET "+Prefix+"log/events", in.events)
	in.mux.HandleFunc("POST "+Prefix+"settings/{what}", in.change)
	in.mux.HandleFunc("POST "+Prefix+"signout", func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, in.cookie(r, "", -1))
		http.Redirect(w, r, Prefix, http.StatusSeeOther)
	})
	in.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		in.fail(w, r, http.StatusNotFound, fmt.Errorf("there is no page %s", r.URL.Path))
	})
}

// ServeHTTP shows a page to whoever is signed in, and the form to sign in to
// everybody else.
func (in *Inspector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	if err := in.origin.Check(r); err != nil || foreignSite(r) {
		http.Error(w, "requests of other sites are refused", http.StatusForbidden)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	switch r.URL.Path {
	case Prefix + "style.css", Prefix + "live.js":
		in.file(w, r)
		return
	case Prefix + "signin":
		in.signIn(w, r)
		return
	}
	if !in.signedIn(r) {
		in.render(w, r, http.StatusUnauthorized, signInPage{Next: nextOf(r)})
		return
	}
	in.mux.ServeHTTP(w, r)
}

// foreignSite reports whether a browser says that another site made the request.
// A link that a person follows from elsewhere opens the form at most, since
// the cookie isn't sent with it.
func foreignSite(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin != "" && origin != "null" {
		u, err := url.Parse(origin)
		return err != nil || !strings.EqualFold(u.Host, r.Host)
	}
	site := r.Header.Get("Sec-Fetch-Site")
	return site == "cross-site" && r.Header.Get("Sec-Fetch-Mode") != "navigate"
}

// signInPage is what the form to sign in shows.
type signInPage struct {
	Next  string
	Wrong bool
}

// nextOf is where a person was going: a page of the inspector, or its first.
func nextOf(r *http.Request) string {
	if r.Method == http.MethodGet && strings.HasPrefix(r.URL.Path, Prefix) && !strings.HasSuffix(r.URL.Path, "/events") {
		return r.URL.RequestURI()
	}
	return Prefix
}

func (in *Inspector) signIn(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		http.Redirect(w, r, Prefix, http.StatusSeeOther)
		return
	}
	next := r.PostFormValue("next")
	if !strings.HasPrefix(next, Prefix) || strings.ContainsAny(next, "\\\r\n") {
		next = Prefix
	}
	if in.token == "" || !same(strings.TrimSpace(r.PostFormValue("token")), in.token) {
		in.render(w, r, http.StatusUnauthorized, signInPage{Next: next, Wrong: true})
		return
	}
	http.SetCookie(w, in.cookie(r, in.session(in.now().Add(sessionAge)), int(sessionAge/time.Second)))
	http.Redirect(w, r, next, http.StatusSeeOther)
}

func (in *Inspector) cookie(r *http.Request, value string, age int) *http.Cookie {
	return &http.Cookie{
		Name: sessionCookie, Value: value, Path: Prefix, MaxAge: age, HttpOnly: true,
		SameSite: http.SameSiteStrictMode, Secure: r.TLS != nil,
	}
}

// session is a cookie's value: when it ends, signed.
func (in *Inspector) session(ends time.Time) string {
	text := ends.UTC().Format(time.RFC3339)
	mac := hmac.New(sha256.New, in.key)
	mac.Write([]byte(text))
	return text + "/" + hex.EncodeToString(mac.Sum(nil))
}

func (in *Inspector) signedIn(r *http.Request) bool {
	cookie, err := r.Cookie(sessionCookie)
	if err != nil {
		return false
	}
	text, _, _ := strings.Cut(cookie.Value, "/")
	ends, err := time.Parse(time.RFC3339, text)
	return err == nil && in.now().Before(ends) && same(cookie.Value, in.session(ends))
}

func same(a, b string) bool { return hmac.Equal([]byte(a), []byte(b)) }

// file sends the style sheet or the script.
func (in *Inspector) file(w http.ResponseWriter, r *http.Request) {
	http.ServeFileFS(w, r, files, "pages"+strings.TrimPrefix(r.URL.Path, strings.TrimSuffix(Prefix, "/")))
}

// view is what a page shows.
type view interface{ show(*markup) }

// failurePage is what did not work.
type failurePage string

func (in *Inspector) render(w http.ResponseWriter, r *http.Request, status int, v view) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(layout(in.signedIn(r), v.show))) // a browser that has gone needs no page
}

func (in *Inspector) fail(w http.ResponseWriter, r *http.Request, status int, err error) {
	in.render(w, r, status, failurePage(err.Error()))
}
