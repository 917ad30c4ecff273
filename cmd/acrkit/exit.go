package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/acrkit/azcontainerregistry"
	"github.com/acrkit/azcontainerregistry/artifact"
	"github.com/acrkit/azcontainerregistry/diagnose"
)

// The exit codes. They are part of the contract with scripts: codes are only
// ever added.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitNotFound    = 3
	exitNotSignedIn = 4
	exitNotAllowed  = 5
	exitThrottled   = 6
	exitNetwork     = 7
	exitMismatch    = 8
	exitPartly      = 9
	exitExists      = 10
	exitResumable   = 11
	exitInterrupted = 130
	exitClosedPipe  = 141 // what a shell says of a program that SIGPIPE ended
)

// usageError is a command line that cannot mean anything: nothing was done.
type usageError struct {
	err error
	see string // a command line, or the form of one, that helps
}

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

// usagef makes a usageError.
func usagef(format string, args ...any) error {
	return &usageError{err: fmt.Errorf(format, args...)}
}

// codedError gives an error its exit code where the error itself doesn't tell.
type codedError struct {
	exit int
	err  error
}

func (e *codedError) Error() string { return e.err.Error() }
func (e *codedError) Unwrap() error { return e.err }

// coded gives err an exit code.
func coded(exit int, err error) error { return &codedError{exit, err} }

// exitCode chooses the exit code of an error.
func exitCode(err error) int {
	var usage *usageError
	var explicit *codedError
	switch {
	case err == nil:
		return exitDone
	case isClosedPipe(err):
		return exitClosedPipe
	case errors.As(err, &explicit):
		return explicit.exit
	case errors.As(err, &usage):
		return exitUsage
	case errors.Is(err, errInterrupted), errors.Is(err, context.Canceled):
		return exitInterrupted
	case errors.As(err, new(*azcontainerregistry.IncompleteListingError)):
		return exitPartly
	case errors.Is(err, azcontainerregistry.ErrMismatchedHash):
		return exitMismatch
	case errors.As(err, new(*azcontainerregistry.ArgumentError)):
		return exitUsage
	case errors.As(err, new(*artifact.ExistsError)):
		return exitExists
	case errors.As(err, new(*artifact.ChangedError)):
		return exitFailed
	case errors.As(err, new(*artifact.PartialError)):
		return exitPartly
	case errors.Is(err, artifact.ErrInvalid):
		return exitMismatch
	case errors.Is(err, artifact.ErrNotFound), errors.Is(err, os.ErrNotExist):
		return exitNotFound
	}
	diagnosis, _ := diagnose.Explain(err)
	if code, ok := exitOfKind[diagnosis.Kind]; ok {
		return code
	}
	return exitFailed
}

// exitOfKind gives each kind of diagnosis its exit code; the kinds that are
// not here are failures without a code of their own.
var exitOfKind = map[diagnose.Kind]int{
	diagnose.KindNetwork:        exitNetwork,
	diagnose.KindAuthentication: exitNotSignedIn,
	diagnose.KindAuthorization:  exitNotAllowed,
	diagnose.KindNotFound:       exitNotFound,
	diagnose.KindConflict:       exitNotAllowed,
	diagnose.KindThrottled:      exitThrottled,
	diagnose.KindContent:        exitMismatch,
	diagnose.KindInterrupted:    exitInterrupted,
}
