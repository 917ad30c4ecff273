package emulator

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// wrap puts the faults in force around what answers requests.
func (f *faults) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var record Request
		observe(r, func(current *Request) { record = *current })
		rule := f.pick(&record)
		if rule == nil {
			f.serveWatched(w, r, next, f.clock.Now())
			return
		}
		observe(r, func(current *Request) { current.Faults = append(current.Faults, rule.Name) })
		call := &faultyCall{faults: f, rule: rule, w: w, r: r, record: record}
		call.serve(next)
	})
}

// faultyCall is one request that a rule applies to.
type faultyCall struct {
	faults *faults
	rule   *faultRule
	w      http.ResponseWriter
	r      *http.Request
	record Request
	broken bool // the connection broke under the request's body
}

func (c *faultyCall) serve(next http.Handler) {
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
		c.r.Body = &faultyBody{ReadCloser: c.r.Body, call: c, meter: newRateMeter(rule.BytesPerSecond)}
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
	w := &faultyWriter{ResponseWriter: c.w, call: c, meter: newRateMeter(rule.BytesPerSecond), lost: lost}
	c.faults.serveWatched(w, c.r, next, c.faults.clock.Now())
	w.finish()
	if c.broken {
		panic(http.ErrAbortHandler)
	}
}

// respond writes a rule's own answer.
func (c *faultyCall) respond(respond *FaultResponse) {
	switch c.record.Route {
	case RouteOAuthToken, RouteOAuthExchange:
		c.faults.responder.setServiceHeaders(c.w, c.r)
	case RouteData, RouteUnknown:
	default:
		c.faults.responder.setRegistryHeaders(c.w, c.r)
	}
	h := c.w.Header()
	if respond.RetryAfter > 0 {
		h.Set("Retry-After", fmt.Sprint(respond.RetryAfter))
	}
	if respond.Challenge != "" {
		if challenge := c.challenge(respond.Challenge); challenge != "" {
			h[headerChallenge] = []string{challenge}
		}
	}
	c.overrideHeaders(h)
	body := respond.body()
	contentType := respond.ContentType
	if contentType == "" {
		contentType = mediaTypeJSON
	}
	if len(body) > 0 {
		h.Set("Content-Type", contentType)
	}
	// A body is not allowed with these, not even an empty length.
	if respond.Status != http.StatusNoContent && respond.Status != http.StatusNotModified {
		h.Set("Content-Length", fmt.Sprint(len(body)))
	}
	w := &faultyWriter{ResponseWriter: c.w, call: c, meter: newRateMeter(c.rule.BytesPerSecond), lost: -1}
	w.WriteHeader(respond.Status)
	_, _ = w.Write(body)
	w.finish()
}

// body returns the answer's body: the one given, or the registry's envelope
// around code and message.
func (x *FaultResponse) body() []byte {
	if x.Body != "" || x.Code == "" && x.Message == "" {
		return []byte(x.Body)
	}
	err := &apiError{status: x.Status, code: x.Code, message: x.Message}
	if len(x.Detail) > 0 {
		err.detail = x.Detail
	}
	body := errorBody(err)
	// The service escapes apostrophes, which Go's encoder leaves alone.
	return bytes.ReplaceAll(body, []byte("'"), []byte(`\u0027`))
}

// challenge returns the challenge of the route's own 401.
func (c *faultyCall) challenge(reason string) string {
	if reason == "none" {
		reason = ""
	}
	if refused := c.faults.unauthorized(c.r, reason); refused != nil {
		return refused.challenge
	}
	return ""
}

// expireToken answers as if the token of the request had just expired.
func (c *faultyCall) expireToken() {
	refused := c.faults.unauthorized(c.r, "invalid_token")
	if refused == nil {
		c.faults.responder.setServiceHeaders(c.w, c.r)
		c.w.Header()["Content-Length"] = []string{"0"}
		c.w.WriteHeader(http.StatusUnauthorized)
		return
	}
	c.faults.responder.setRegistryHeaders(c.w, c.r)
	refused.write(c.w)
}

// overrideHeaders applies the rule's headers to an answer.
func (c *faultyCall) overrideHeaders(h http.Header) {
	for name, value := range c.rule.Header {
		deleteHeader(h, name)
		if value != "" {
			h[canonicalHeader(name)] = []string{value}
		}
	}
	if location := h.Get("Location"); location != "" && c.rule.RedirectHost != "" {
		h.Set("Location", c.redirected(location))
	}
}

// redirected moves a Location to the rule's host.
func (c *faultyCall) redirected(location string) string {
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
func (c *faultyCall) swallowBody() int64 {
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
func (c *faultyCall) breakAs(b *FaultBreak) {
	if !c.stall(b) {
		c.breakConnection(b.How)
	}
}

// stall waits when that is how a rule breaks things, and reports whether the
// request goes on afterwards.
func (c *faultyCall) stall(b *FaultBreak) bool {
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
// whether the body goes on, as it does after a stall that has an end. The
// handler gets an error from its reader, as it would from the network, and
// comes to its own end.
func (c *faultyCall) breakRequest(b *FaultBreak) bool {
	if c.stall(b) {
		return true
	}
	c.broken = true
	if conn, ok := c.r.Context().Value(connKey{}).(net.Conn); ok {
		if b.How == BreakReset {
			resetConn(conn)
		} else {
			_ = conn.Close()
		}
	}
	return false
}

// breakConnection ends the request's connection and its handler. Behind a
// server that keeps its connections to itself, every break is a cut.
func (c *faultyCall) breakConnection(how string) {
	if how == BreakReset {
		if conn, ok := c.r.Context().Value(connKey{}).(net.Conn); ok {
			resetConn(conn)
		}
	}
	panic(http.ErrAbortHandler)
}

// pause waits, and reports whether the request still lives.
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

// discardWriter takes an answer that is lost.
type discardWriter struct{ header http.Header }

func (w *discardWriter) Header() http.Header         { return w.header }
func (w *discardWriter) Write(b []byte) (int, error) { return len(b), nil }
func (w *discardWriter) WriteHeader(int)             {}
