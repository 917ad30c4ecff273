// Package listen is what a listening server needs beside net/http: a local certificate
// authority, and an end to connections on which nothing moves.
package listen

import (
	"io"
	"net/http"
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

// paced ends connections on which nothing has moved for progressTimeout, in
// either direction, while a transfer that does move may take as long as it
// likes.
func Paced(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		pacer := &pacer{control: http.NewResponseController(w)}
		pacer.beforeWrite()
		if r.Body != nil && r.Body != http.NoBody {
			r.Body = &pacedBody{ReadCloser: r.Body, pacer: pacer}
		}
		next.ServeHTTP(&pacedWriter{ResponseWriter: w, pacer: pacer}, r)
	})
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

// afterBody lifts the deadline: the server goes on reading in the background
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
}

func (b *pacedBody) Read(p []byte) (int, error) {
	b.pacer.beforeRead()
	n, err := b.ReadCloser.Read(p)
	if err != nil {
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
