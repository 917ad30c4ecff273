package failure

import (
	"context"
)

// ErrInterrupted is the cause of a context that a signal ended.
var ErrInterrupted error = interruptedError{}

type interruptedError struct{}

func (interruptedError) Error() string { return "interrupted" }

// Unwrap makes it a cancellation for whoever knows nothing of signals.
func (interruptedError) Unwrap() error { return context.Canceled }
