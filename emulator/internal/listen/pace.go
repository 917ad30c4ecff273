// Package listen is what a listening server needs beside net/http: a local certificate
// authority, and an end to connections on which nothing moves.
package listen

import (
	"errors"
	"io"
	"net/http"
	"sync/atomic"
	"time"
)

// Limits of a server against peers that have gone silent. They bound the time
// without any progress, not the time of a transfer.
const (
	HeaderTimeout   = 10 * time.Second
	IdleTimeout     = 2 * time.Minute
	MaxHeaderBytes  = 1 << 20
	progressTimeout = time.Minute
)

// pacedPiece is how much is sent before the deadline moves on. At the slowest
// rate that still counts as progress it takes progressTimeout.
const pacedPiece = 1 << 20

// deadlineStep is how often a deadline is moved: rarely enough not to cost
// anything.
const deadlineStep = time.Second

// Limits of what is left of a request's body once its response was sent, before
// its connection is closed: the time without any of it, and the time in all.
const (
	leftoverTimeout = 5 * time.Second
	maxLeftover     = 30 * time.Second
)

// Paced ends connections on which nothing has moved for a minute, in either
// direction, while a transfer that does move may take as long as it likes. A
// response that comes before the request's body was read, such as a 401,
// reaches the client at once.
func Paced(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		pacer := &pacer{control: http.NewResponseController(w)}
		pacer.beforeWrite()
		if r.Body == nil || r.Body == http.NoBody {
			next.ServeHTTP(&pacedWriter{ResponseWriter: w, pacer: pacer}, r)
			return
		}
		// net/http would wait for the body before it sends a response.
		_ = pacer.control.EnableFullDuplex()
		body := &pacedBody{ReadCloser: r.Body, pacer: pacer}
		// A copy: net/http looks at its own request for a body of its own kind,
		// to know what to do about Expect: 100-continue.
		r = r.WithContext(r.Context())
		r.Body = body
		next.ServeHTTP(&pacedWriter{ResponseWriter: w, pacer: pacer}, r)
		if asked := r.Header.Get("Expect") == "" || body.read.Load(); asked && !body.ended.Load() {
			body.finish()
		}
	})
}

// finish sends the response of a handler that left some of the body and takes
// the rest as long as it comes: many clients read no response before they have
// sent everything, and would meet a reset connection instead. What stalls, or
// takes too long, ends the connection.
func (b *pacedBody) finish() {
	if b.pacer.control.Flush() != nil {
		return
	}
	end := time.Now().Add(maxLeftover)
	rest := make([]byte, 64<<10)
	for {
		deadline := time.Now().Add(leftoverTimeout)
		if deadline.After(end) {
			deadline = end
		}
		_ = b.pacer.control.SetReadDeadline(deadline)
		switch _, err := b.ReadCloser.Read(rest); {
		case errors.Is(err, io.EOF):
			b.pacer.afterBody()
			return
		case err != nil:
			panic(http.ErrAbortHandler)
		}
	}
}

type pacer struct {
	control     *http.ResponseController
	read, write time.Time
}

func (p *pacer) beforeRead() {
	if now := time.Now(); now.Sub(p.read) >= deadlineStep {
		p.read = now
		_ = p.control.SetReadDeadline(now.Add(progressTimeout))
	}
}

// afterBody lifts the deadline: the server keeps reading in the background
// to notice a client that leaves, and must not take silence for that.
func (p *pacer) afterBody() { _ = p.control.SetReadDeadline(time.Time{}) }

func (p *pacer) beforeWrite() {
	if now := time.Now(); now.Sub(p.write) >= deadlineStep {
		p.write = now
		_ = p.control.SetWriteDeadline(now.Add(progressTimeout))
	}
}

type pacedBody struct {
	io.ReadCloser
	pacer *pacer
	read  atomic.Bool // something of it was asked for
	ended atomic.Bool
}

func (b *pacedBody) Read(p []byte) (int, error) {
	b.read.Store(true)
	b.pacer.beforeRead()
	n, err := b.ReadCloser.Read(p)
	if errors.Is(err, io.EOF) {
		b.ended.Store(true)
		b.pacer.afterBody()
	}
	return n, err
}

type pacedWriter struct {
	http.ResponseWriter
	pacer *pacer
}

func (w *pacedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *pacedWriter) WriteHeader(status int) {
	w.pacer.beforeWrite()
	w.ResponseWriter.WriteHeader(status)
}

func (w *pacedWriter) Write(p []byte) (int, error) {
	w.pacer.beforeWrite()
	return w.ResponseWriter.Write(p)
}

// ReadFrom sends in pieces, so that the deadline moves, and in the form that
// lets the system send a file without copying it.
func (w *pacedWriter) ReadFrom(r io.Reader) (int64, error) {
	limited, ok := r.(*io.LimitedReader)
	if !ok {
		return io.Copy(writerOnly{w}, r)
	}
	var total int64
	for limited.N > 0 {
		w.pacer.beforeWrite()
		piece := &io.LimitedReader{R: limited.R, N: min(limited.N, pacedPiece)}
		n, err := io.Copy(w.ResponseWriter, piece)
		total += n
		limited.N -= n
		if err != nil || piece.N > 0 {
			return total, err
		}
	}
	return total, nil
}

// writerOnly hides ReadFrom.
type writerOnly struct{ io.Writer }
