package inspector

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/acrkit/azcontainerregistry/emulator/internal/clock"
	"github.com/acrkit/azcontainerregistry/emulator/internal/trace"
)

// listPage is a list and its next page.
type listPage[T any] struct {
	Registry, Repository, View string
	All                        []T
	More                       string // the query of the next page
}

type registriesPage struct {
	Registries []Registry
	Lists      []listPage[Repository]
}

func (in *Inspector) registries(r *http.Request) (view, error) {
	p := registriesPage{Registries: in.source.Registries()}
	for _, registry := range p.Registries {
		after := ""
		if r.FormValue("registry") == registry.Name {
			after = r.FormValue("after")
		}
		all, next, err := in.source.Repositories(registry.Name, after, PageSize)
		if err != nil {
			return nil, err
		}
		list := listPage[Repository]{Registry: registry.Name, All: all}
		if next != "" {
			list.More = query("registry", registry.Name, "after", next)
		}
		p.Lists = append(p.Lists, list)
	}
	return p, nil
}

type repositoryPage struct {
	Repository Repository
	Registry   string
	Tags       *listPage[Tag]
	Manifests  *listPage[Manifest]
}

func (in *Inspector) repository(r *http.Request) (view, error) {
	registry, name, after := r.FormValue("registry"), r.FormValue("name"), r.FormValue("after")
	repository, err := in.source.Repository(registry, name)
	if err != nil {
		return nil, err
	}
	p := repositoryPage{Repository: repository, Registry: registry}
	more := func(view, next string) string {
		if next == "" {
			return ""
		}
		return query("registry", registry, "name", name, "view", view, "after", next)
	}
	if r.FormValue("view") == "manifests" {
		all, next, err := in.source.Manifests(registry, name, after, PageSize)
		p.Manifests = &listPage[Manifest]{registry, name, "manifests", all, more("manifests", next)}
		return p, err
	}
	all, next, err := in.source.Tags(registry, name, after, PageSize)
	p.Tags = &listPage[Tag]{registry, name, "tags", all, more("tags", next)}
	return p, err
}

type manifestPage struct {
	Registry, Repository string
	Manifest             ManifestDetail
}

func (in *Inspector) manifest(r *http.Request) (view, error) {
	p := manifestPage{Registry: r.FormValue("registry"), Repository: r.FormValue("name")}
	var err error
	p.Manifest, err = in.source.Manifest(p.Registry, p.Repository, r.FormValue("digest"))
	return p, err
}

type blobPage struct {
	Registry string
	Blob     BlobDetail
}

func (in *Inspector) blob(r *http.Request) (view, error) {
	blob, err := in.source.Blob(r.FormValue("registry"), r.FormValue("digest"))
	return blobPage{r.FormValue("registry"), blob}, err
}

func (in *Inspector) requests(r *http.Request) (view, error) {
	before, _ := strconv.ParseInt(r.FormValue("before"), 10, 64) // none: the latest
	all := in.source.Requests(before, PageSize+1)
	p := listPage[trace.Request]{All: all}
	if len(all) > PageSize {
		p.All = all[:PageSize]
		p.More = query("before", strconv.FormatInt(p.All[PageSize-1].Number, 10))
	}
	if before == 0 {
		p.View = "latest"
	}
	return requestsPage(p), nil
}

type requestsPage listPage[trace.Request]

// failed reports whether a request was refused or got no response.
func failed(r trace.Request) bool {
	return r.Status == 0 || r.Status >= http.StatusBadRequest
}

type requestPage struct {
	Request   trace.Request
	Exchange  trace.Exchange
	Diagnosis []string
}

func (in *Inspector) request(r *http.Request) (view, error) {
	number, err := strconv.ParseInt(r.PathValue("number"), 10, 64)
	if err != nil {
		return nil, fmt.Errorf("%q is no number of a request", r.PathValue("number"))
	}
	request, exchange, kept := in.source.Exchange(number)
	if !kept {
		return nil, fmt.Errorf("request %d is no longer kept", number)
	}
	p := requestPage{Request: request, Exchange: exchange}
	if failed(request) {
		p.Diagnosis = in.source.Diagnose(request, exchange)
	}
	return p, nil
}

func (in *Inspector) settings(*http.Request) (view, error) {
	return settingsPage{in.source.Settings()}, nil
}

// settingsPage is what can be switched.
type settingsPage struct{ Settings }

// change does what a form asks for and shows the settings again.
func (in *Inspector) change(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		in.fail(w, r, http.StatusBadRequest, errors.New("the form can't be read"))
		return
	}
	if err := in.source.Change(r.PathValue("what"), r.PostForm.Get); err != nil {
		in.fail(w, r, http.StatusBadRequest, err)
		return
	}
	http.Redirect(w, r, Prefix+"settings", http.StatusSeeOther)
}

// events streams each request that ends as one server-sent event, until the page
// is closed. Only so many pages are served at once; the others are told to try
// later and stay as they are.
func (in *Inspector) events(w http.ResponseWriter, r *http.Request) {
	select {
	case in.streams <- struct{}{}:
		defer func() { <-in.streams }()
	default:
		w.Header().Set("Retry-After", "30")
		http.Error(w, fmt.Sprintf("%d pages are kept up to date already", maxStreams), http.StatusServiceUnavailable)
		return
	}
	control := http.NewResponseController(w)
	_ = control.SetWriteDeadline(time.Time{}) // a stream has no end of its own
	w.Header().Set("Content-Type", "text/event-stream")
	w.WriteHeader(http.StatusOK)
	if control.Flush() != nil {
		return
	}
	rows := make(chan trace.Request, PageSize)
	go in.source.Watch(r.Context(), func(request trace.Request) {
		select {
		case rows <- request:
		default: // a slow page misses rows rather than slowing the registry
		}
	})
	// A comment now and then finds out that a page has gone.
	beat := time.NewTicker(15 * time.Second)
	defer beat.Stop()
	for {
		var event []byte
		select {
		case <-r.Context().Done():
			return
		case <-beat.C:
			event = []byte(": still here\n\n")
		case request := <-rows:
			data, err := json.Marshal(rowOf(request))
			if err != nil {
				return
			}
			event = append(append([]byte("data: "), data...), "\n\n"...)
		}
		if _, err := w.Write(event); err != nil || control.Flush() != nil {
			return
		}
	}
}

// row is what the list shows of a request.
type row struct {
	Number int64  `json:"number"`
	Time   string `json:"time"`
	Method string `json:"method"`
	Route  string `json:"route"`
	Path   string `json:"path"`
	Status int    `json:"status"`
	Took   string `json:"took"`
	Who    string `json:"who"`
	Fault  string `json:"fault"`
}

func rowOf(r trace.Request) row {
	fault := ""
	if len(r.Faults) > 0 {
		fault = r.Faults[0]
	}
	return row{r.Number, when(r.Time), r.Method, string(r.Route), r.Path, r.Status, took(r.Duration), r.Identity, fault}
}

// query makes the query of an address out of names and values.
func query(pairs ...string) string {
	values := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		values.Set(pairs[i], pairs[i+1])
	}
	return "?" + values.Encode()
}

// size words a number of bytes.
func size(n int64) string {
	value, unit := float64(n), 0
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	for value >= 1024 && unit < len(units)-1 {
		value, unit = value/1024, unit+1
	}
	if unit == 0 {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.1f %s", value, units[unit])
}

func locked(is bool) string {
	if is {
		return "locked"
	}
	return ""
}

// headerLines are headers as they are sent.
func headerLines(headers []trace.Header) string {
	var b strings.Builder
	for _, h := range headers {
		b.WriteString(h.Name + ": " + h.Value + "\n")
	}
	return b.String()
}

// short is the beginning of a digest.
func short(digest string) string {
	if len(digest) > 19 {
		return digest[:19]
	}
	return digest
}

func when(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05")
}

func took(duration clock.Duration) string {
	d := time.Duration(duration)
	switch {
	case d < time.Millisecond:
		return fmt.Sprintf("%d µs", d.Microseconds())
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}
