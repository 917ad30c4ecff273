package failure

import (
	"context"
	"errors"
	"strings"
)

// ErrInterrupted is the cause of a context that a signal ended.
var ErrInterrupted error = interruptedError{}

type interruptedError struct{}

func (interruptedError) Error() string { return "interrupted" }

// Unwrap makes it a cancellation for whoever knows nothing of signals.
func (interruptedError) Unwrap() error { return context.Canceled }

// Interrupted says of what failed because of a signal that it was one. The exit
// code that the error has of its own stays.
func Interrupted(err error) error { return &stoppedError{err} }

type stoppedError struct{ err error }

func (e *stoppedError) Error() string {
	text := strings.ReplaceAll(e.err.Error(), context.Canceled.Error(), ErrInterrupted.Error())
	if !strings.Contains(text, ErrInterrupted.Error()) {
		text = ErrInterrupted.Error() + ": " + text
	}
	return text
}

func (e *stoppedError) Unwrap() []error { return []error{ErrInterrupted, e.err} }

// ErrTimeout is the cause of a context that --timeout ended.
var ErrTimeout error = timeoutError{}

type timeoutError struct{}

func (timeoutError) Error() string { return "the time was over" }

// Unwrap makes it the end of a deadline for whoever knows nothing of the flag.
func (timeoutError) Unwrap() error { return context.DeadlineExceeded }

// Stopped reports whether a command was ended from outside, by a signal or by
// --timeout: what it has done stays, and can be resumed.
func Stopped(ctx context.Context) bool {
	cause := context.Cause(ctx)
	return errors.Is(cause, ErrInterrupted) || errors.Is(cause, ErrTimeout)
}
