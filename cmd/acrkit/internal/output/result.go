package output

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"syscall"
)

// ResultWriter is standard output. It remembers that a write failed, so that a
// command fails even where it doesn't look at each write: a result that is not
// whole must not end in exit code 0.
type ResultWriter struct {
	w io.Writer

	mu  sync.Mutex
	err error
}

// Watch wraps standard output, once.
func Watch(w io.Writer) *ResultWriter {
	if already, ok := w.(*ResultWriter); ok {
		return already
	}
	return &ResultWriter{w: w}
}

func (r *ResultWriter) Write(p []byte) (int, error) {
	n, err := r.w.Write(p)
	if err != nil {
		err = &outputError{err}
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.err == nil {
			r.err = err
		}
	}
	return n, err
}

// Failed is the first failure of a write; nil when there was none.
func (r *ResultWriter) Failed() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// outputError is a result that could not be written.
type outputError struct{ err error }

func (e *outputError) Error() string { return fmt.Sprintf("write the result: %v", e.err) }

func (e *outputError) Unwrap() error { return e.err }

// IsClosedPipe reports whether the reader of standard output has gone, as head
// does when it has seen enough: no failure that is worth a word.
func IsClosedPipe(err error) bool {
	var output *outputError
	return errors.As(err, &output) && errors.Is(output, syscall.EPIPE)
}
