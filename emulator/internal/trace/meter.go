package trace

import (
	"io"
	"net/http"
	"sync/atomic"
)

// meteredWriter counts what is sent.
type meteredWriter struct {
	http.ResponseWriter
	status int
	sent   int64
	kept   *keptText // nil unless bodies are kept
}

func (w *meteredWriter) WriteHeader(status int) {
	if w.status == 0 && status >= http.StatusOK {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *meteredWriter) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(b)
	w.sent += int64(n)
	if w.kept != nil {
		w.kept.add(b[:n])
	}
	return n, err
}

// ReadFrom keeps net/http's way from file to socket open.
func (w *meteredWriter) ReadFrom(r io.Reader) (int64, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	n, err := io.Copy(w.ResponseWriter, r)
	w.sent += n
	return n, err
}

// Unwrap lets http.ResponseController reach the connection.
func (w *meteredWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// meteredBody counts what is received. A handler may leave a body to be read
// by net/http while the record is written, hence the atomic.
type meteredBody struct {
	io.ReadCloser
	received atomic.Int64
}

func (b *meteredBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.received.Add(int64(n))
	return n, err
}
