// Package trace records the requests that the emulator served.
package trace

import (
	"context"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"sort"
	"sync"
	"time"

	"github.com/acrkit/azcontainerregistry/emulator/internal/clock"
	"github.com/acrkit/azcontainerregistry/emulator/internal/protocol"
)

// Request is the record of one request that the emulator served, for
// assertions and for the request log. It holds no secrets.
type Request struct {
	// Number counts the requests from 1.
	Number int64 `json:"number"`
	// Time is when the request came, by the emulator's clock, and Duration
	// how long the response took.
	Time     time.Time      `json:"time"`
	Duration clock.Duration `json:"duration"`

	// Route names what was asked for: an operation such as "get-manifest",
	// "oauth-token", "oauth-exchange", "data" for the storage host, or
	// "unknown".
	Route  protocol.Route `json:"route"`
	Method string         `json:"method"`
	Host   string         `json:"host"`
	// Path is the path without its query, which may hold secrets.
	Path       string `json:"path"`
	Registry   string `json:"registry,omitempty"`
	Repository string `json:"repository,omitempty"`
	// Reference is the tag, the digest or the upload's id.
	Reference string `json:"reference,omitempty"`
	// Digest is what the query says of the content that an upload ends with,
	// or that is mounted.
	Digest    string `json:"digest,omitempty"`
	UserAgent string `json:"userAgent,omitempty"`
	// Range is the request's Range or Content-Range.
	Range string `json:"range,omitempty"`

	// Identity is who sent the request, once that was found out.
	Identity string `json:"identity,omitempty"`
	// Needed are the scopes that the operation needs, Asked those that a
	// token request asked for, Granted those that the token has.
	Needed  []string `json:"needed,omitempty"`
	Asked   []string `json:"asked,omitempty"`
	Granted []string `json:"granted,omitempty"`

	// Status is the status of the response; 0 when the connection was broken
	// before one.
	Status int `json:"status"`
	// ReceivedBytes and SentBytes count the bodies.
	ReceivedBytes int64  `json:"receivedBytes"`
	SentBytes     int64  `json:"sentBytes"`
	CorrelationID string `json:"correlationId,omitempty"`
	// Challenge is the WWW-Authenticate header of the response.
	Challenge string `json:"challenge,omitempty"`
	// Faults names the fault rules that were applied.
	Faults []string `json:"faults,omitempty"`
}

// What bounds the requests kept for inspection: their number and what their
// text takes, as a path alone can be as long as a header may be. The oldest
// are dropped.
const (
	maxRecorded      = 10_000
	maxRecordedBytes = 16 << 20
)

// Recorder keeps the latest requests.
type Recorder struct {
	clock  *clock.Clock
	logger *slog.Logger
	// exchanges are nil unless headers and bodies are kept.
	exchanges *exchanges

	mu     sync.Mutex
	number int64
	kept   []Request // the oldest first
	bytes  int
	counts map[protocol.Route]int64
}

func NewRecorder(clock *clock.Clock, logger *slog.Logger) *Recorder {
	return &Recorder{clock: clock, logger: logger, counts: map[protocol.Route]int64{}}
}

// textSize is about how many bytes a record keeps in memory beside itself.
func (r *Request) textSize() int {
	size := len(r.Host) + len(r.Path) + len(r.Repository) + len(r.Reference) + len(r.Digest) + len(r.UserAgent) +
		len(r.Range) + len(r.Identity) + len(r.CorrelationID) + len(r.Challenge)
	for _, list := range [][]string{r.Needed, r.Asked, r.Granted} {
		for _, text := range list {
			size += len(text)
		}
	}
	return size
}

func (r *Recorder) begin() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.number++
	return r.number
}

func (r *Recorder) end(record Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.counts[record.Route]++
	r.bytes += record.textSize()
	r.kept = append(r.kept, record)
	for len(r.kept) > maxRecorded || r.bytes > maxRecordedBytes && len(r.kept) > 1 {
		r.bytes -= r.kept[0].textSize()
		r.kept[0] = Request{}
		r.kept = r.kept[1:]
	}
}

// Requests returns what is kept, in the order of the numbers.
func (r *Recorder) Requests() []Request {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := slices.Clone(r.kept)
	sort.Slice(all, func(i, j int) bool { return all[i].Number < all[j].Number })
	return all
}

// RequestCounts returns how many requests were served since the start or
// the last reset, by route.
func (r *Recorder) RequestCounts() map[protocol.Route]int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.counts)
}

// Reset forgets the recorded requests and their counts.
func (r *Recorder) Reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.kept, r.bytes, r.counts = nil, 0, map[protocol.Route]int64{}
}

type traceKey struct{}

// requestTrace is one request on its way through the emulator, with its
// record.
type requestTrace struct {
	mu     sync.Mutex
	record Request
}

// Observe adds to the record of a request; outside of a recorder's
// serve it does nothing.
func Observe(r *http.Request, change func(*Request)) {
	if x, ok := r.Context().Value(traceKey{}).(*requestTrace); ok {
		x.mu.Lock()
		defer x.mu.Unlock()
		change(&x.record)
	}
}

// NewRequest is the record of a request as its line and headers tell it.
func NewRequest(r *http.Request) Request {
	record := Request{
		Method: r.Method, Host: r.Host, Path: r.URL.EscapedPath(), UserAgent: r.UserAgent(),
		Range: r.Header.Get("Range"), Route: protocol.RouteUnknown,
	}
	if record.Range == "" {
		record.Range = r.Header.Get("Content-Range")
	}
	return record
}

// Serve serves a request by next and records it. record is what is known
// of it beforehand.
func (r *Recorder) Serve(w http.ResponseWriter, request *http.Request, record Request, next http.Handler) {
	x := &requestTrace{record: record}
	x.record.Number, x.record.Time = r.begin(), r.clock.Now()
	// The duration is what a client felt, whatever the emulator's clock says.
	start := time.Now()
	meter := &meteredWriter{ResponseWriter: w}
	body := &meteredBody{ReadCloser: request.Body}
	request = request.WithContext(context.WithValue(request.Context(), traceKey{}, x))
	var keep *keeper
	if r.exchanges != nil {
		keep = &keeper{request: request}
		body.ReadCloser = keptBody{request.Body, &keep.received}
		meter.kept = &keep.written
	}
	if request.Body != nil && request.Body != http.NoBody {
		request.Body = body
	}
	defer func() {
		x.mu.Lock()
		defer x.mu.Unlock()
		x.record.Duration = clock.Duration(time.Since(start))
		x.record.Status, x.record.SentBytes = meter.status, meter.sent
		x.record.ReceivedBytes = body.received.Load()
		x.record.CorrelationID = w.Header().Get(protocol.HeaderCorrelationID)
		x.record.Challenge = protocol.HeaderValue(w.Header(), protocol.HeaderChallenge)
		r.end(x.record)
		if keep != nil {
			r.exchanges.add(x.record, keep.exchange(w.Header()))
		}
		logRequest(request.Context(), r.logger, &x.record)
	}()
	next.ServeHTTP(meter, request)
}
