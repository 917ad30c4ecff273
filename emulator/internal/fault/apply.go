package fault

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/acrkit/azcontainerregistry/emulator/internal/memnet"
	"github.com/acrkit/azcontainerregistry/emulator/internal/protocol"
	"github.com/acrkit/azcontainerregistry/emulator/internal/trace"
)

// Wrap puts the faults in force around what serves requests.
func (f *Injector) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var record trace.Request
		trace.Observe(r, func(current *trace.Request) { record = *current })
		rule := f.pick(&record)
		if rule == nil {
			f.serveWatched(w, r, next, f.Clock.Now())
			return
		}
		trace.Observe(r, func(current *trace.Request) { current.Faults = append(current.Faults, rule.Name) })
		call := &call{faults: f, rule: rule, w: w, r: r, record: record}
		call.serve(next)
	})
}

// faultyCall is one request that a rule applies to.
type call struct {
	faults *Injector
	rule   *activeRule
	w      http.ResponseWriter
	r      *http.Request
	record trace.Request
	broken bool // the connection broke under the request's body
}

func (c *call) serve(next http.Handler) {
	rule := c.rule
	if !pause(c.r.Context(), time.Duration(rule.Delay)) {
		c.breakConnection(BreakCut)
	}
	if respond := rule.Respond; respond != nil && !respond.AfterHandling {
		c.respond(respond)
		return
	}
	if rule.ExpireToken {
		c.expireToken()
		return
	}
	if rule.Replica != nil && c.serveStale(time.Duration(rule.Replica.Lag)) {
		return
	}
	lost := int64(-1)
	if rule.LoseChunk {
		lost = c.swallowBody()
	}
	if c.r.Body != nil && c.r.Body != http.NoBody {
		c.r.Body = &body{ReadCloser: c.r.Body, call: c, meter: newRateMeter(rule.BytesPerSecond)}
	}
	// A break of the request that comes before its first byte also applies to
	// requests without a body.
	if b := rule.Break; b != nil && b.On == OnRequest && b.After == 0 {
		c.breakAs(b)
	}
	if rule.Respond != nil {
		next.ServeHTTP(&discardWriter{header: http.Header{}}, c.r)
		c.respond(rule.Respond)
		return
	}
	w := &responseWriter{ResponseWriter: c.w, call: c, meter: newRateMeter(rule.BytesPerSecond), lost: lost}
	c.faults.serveWatched(w, c.r, next, c.faults.Clock.Now())
	w.finish()
	if c.broken {
		panic(http.ErrAbortHandler)
	}
}

// respond writes a rule's own response.
func (c *call) respond(respond *Response) {
	switch c.record.Route {
	case protocol.RouteOAuthToken, protocol.RouteOAuthExchange:
		c.faults.Responder.SetServiceHeaders(c.w, c.r)
	case protocol.RouteData, protocol.RouteUnknown:
	default:
		c.faults.Responder.SetRegistryHeaders(c.w, c.r)
	}
	h := c.w.Header()
	if respond.RetryAfter > 0 {
		h.Set("Retry-After", fmt.Sprint(respond.RetryAfter))
	}
	if respond.Challenge != "" {
		if challenge := c.challenge(respond.Challenge); challenge != "" {
			h[protocol.HeaderChallenge] = []string{challenge}
		}
	}
	c.overrideHeaders(h)
	body := respond.body()
	contentType := respond.ContentType
	if contentType == "" {
		contentType = protocol.MediaTypeJSON
	}
	if len(body) > 0 {
		h.Set("Content-Type", contentType)
	}
	// A body is not allowed with these, not even an empty length.
	if respond.Status != http.StatusNoContent && respond.Status != http.StatusNotModified {
		h.Set("Content-Length", fmt.Sprint(len(body)))
	}
	w := &responseWriter{ResponseWriter: c.w, call: c, meter: newRateMeter(c.rule.BytesPerSecond), lost: -1}
	w.WriteHeader(respond.Status)
	_, _ = w.Write(body)
	w.finish()
}

// body returns the response's body: the one given, or the registry's envelope
// around code and message.
func (x *Response) body() []byte {
	if x.Body != "" || x.Code == "" && x.Message == "" {
		return []byte(x.Body)
	}
	err := &protocol.Error{Status: x.Status, Code: x.Code, Message: x.Message}
	if len(x.Detail) > 0 {
		err.Detail = x.Detail
	}
	body := protocol.ErrorBody(err)
	// The service escapes apostrophes, which Go's encoder leaves alone.
	return bytes.ReplaceAll(body, []byte("'"), []byte(`\u0027`))
}

// challenge returns the challenge of the route's own 401.
func (c *call) challenge(reason string) string {
	if reason == "none" {
		reason = ""
	}
	if refused := c.faults.Unauthorized(c.r, reason); refused != nil {
		return refused.Challenge
	}
	return ""
}

// expireToken responds as if the token of the request had just expired.
func (c *call) expireToken() {
	refused := c.faults.Unauthorized(c.r, "invalid_token")
	if refused == nil {
		c.faults.Responder.SetServiceHeaders(c.w, c.r)
		c.w.Header()["Content-Length"] = []string{"0"}
		c.w.WriteHeader(http.StatusUnauthorized)
		return
	}
	c.faults.Responder.SetRegistryHeaders(c.w, c.r)
	refused.Write(c.w)
}

// overrideHeaders applies the rule's headers to a response.
func (c *call) overrideHeaders(h http.Header) {
	for name, value := range c.rule.Header {
		protocol.DeleteHeader(h, name)
		if value != "" {
			h[canonicalHeader(name)] = []string{value}
		}
	}
	if location := h.Get("Location"); location != "" && c.rule.RedirectHost != "" {
		h.Set("Location", c.redirected(location))
	}
}

// redirected moves a Location to the rule's host.
func (c *call) redirected(location string) string {
	target, err := url.Parse(location)
	if err != nil {
		return location
	}
	host, err := url.Parse(absoluteHost(c.rule.RedirectHost))
	if err != nil {
		return location
	}
	target.Host = host.Host
	if target.Scheme == "" || strings.Contains(c.rule.RedirectHost, "://") {
		target.Scheme = host.Scheme
	}
	return target.String()
}

// swallowBody takes the request's body away and returns its length.
func (c *call) swallowBody() int64 {
	if c.r.Body == nil {
		return -1
	}
	// Whatever ends the body, what came of it is what gets lost.
	n, _ := io.Copy(io.Discard, c.r.Body)
	c.r.Body = http.NoBody
	c.r.ContentLength = 0
	c.r.Header.Del("Content-Range")
	return n
}

// breakAs breaks the connection in a rule's way. It returns only after a
// stall that has an end.
func (c *call) breakAs(b *Break) {
	if !c.stall(b) {
		c.breakConnection(b.How)
	}
}

// stall waits when that is how a rule breaks things, and reports whether the
// request continues afterwards.
func (c *call) stall(b *Break) bool {
	if b.How != BreakStall {
		return false
	}
	if b.For > 0 && pause(c.r.Context(), time.Duration(b.For)) {
		return true
	}
	<-c.r.Context().Done()
	return false
}

// breakRequest breaks the connection under a request's body, and reports
// whether the body continues, as it does after a stall that has an end. The
// handler gets an error from its reader, as it would from the network, and
// comes to its own end.
func (c *call) breakRequest(b *Break) bool {
	if c.stall(b) {
		return true
	}
	c.broken = true
	if conn := memnet.ConnOf(c.r); conn != nil {
		if b.How == BreakReset {
			memnet.ResetConn(conn)
		} else {
			_ = conn.Close()
		}
	}
	return false
}

// breakConnection ends the request's connection and its handler. Behind a
// server that keeps its connections to itself, every break is a cut.
func (c *call) breakConnection(how BreakKind) {
	if how == BreakReset {
		if conn := memnet.ConnOf(c.r); conn != nil {
			memnet.ResetConn(conn)
		}
	}
	panic(http.ErrAbortHandler)
}

// pause waits, and reports whether the request is still open.
func pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// discardWriter takes a response that is lost.
type discardWriter struct{ header http.Header }

func (w *discardWriter) Header() http.Header         { return w.header }
func (w *discardWriter) Write(b []byte) (int, error) { return len(b), nil }
func (w *discardWriter) WriteHeader(int)             {}
