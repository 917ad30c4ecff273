// Package failure gives errors what a command line's user needs: an exit code,
// a code of the catalogue, the causes and what to do.
package failure

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/acrkit/azcontainerregistry"
	"github.com/acrkit/azcontainerregistry/artifact"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/output"
	"github.com/acrkit/azcontainerregistry/diagnose"
)

// The exit codes. They are part of the contract with scripts: codes are only
// ever added.
const (
	ExitDone        = 0
	ExitFailed      = 1
	ExitUsage       = 2
	ExitNotFound    = 3
	ExitNotSignedIn = 4
	ExitNotAllowed  = 5
	ExitThrottled   = 6
	ExitNetwork     = 7
	ExitMismatch    = 8
	ExitPartly      = 9
	ExitExists      = 10
	ExitResumable   = 11
	ExitHungUp      = 129 // what a shell says of a program that SIGHUP ended
	ExitInterrupted = 130
	ExitClosedPipe  = 141 // what a shell says of a program that SIGPIPE ended
)

// UsageError is a command line that cannot mean anything: nothing was done.
type UsageError struct {
	Err error
	See string // a command line, or the form of one, that helps
}

func (e *UsageError) Error() string { return e.Err.Error() }

func (e *UsageError) Unwrap() error { return e.Err }

// Usagef makes a usageError.
func Usagef(format string, args ...any) error {
	return &UsageError{Err: fmt.Errorf(format, args...)}
}

// codedError gives an error its exit code where the error itself doesn't tell.
type codedError struct {
	exit int
	err  error
}

func (e *codedError) Error() string { return e.err.Error() }

func (e *codedError) Unwrap() error { return e.err }

// Coded gives err an exit code.
func Coded(exit int, err error) error { return &codedError{exit, err} }

// ExitCode chooses the exit code of an error.
func ExitCode(err error) int {
	var usage *UsageError
	var explicit *codedError
	switch {
	case err == nil:
		return ExitDone
	case output.IsClosedPipe(err):
		return ExitClosedPipe
	case errors.As(err, &explicit):
		return explicit.exit
	case errors.As(err, &usage):
		return ExitUsage
	case errors.Is(err, ErrInterrupted), errors.Is(err, context.Canceled):
		return ExitInterrupted
	case errors.As(err, new(*azcontainerregistry.IncompleteListingError)):
		return ExitPartly
	case errors.Is(err, azcontainerregistry.ErrMismatchedHash):
		return ExitMismatch
	case errors.As(err, new(*azcontainerregistry.ArgumentError)):
		return ExitUsage
	case errors.As(err, new(*artifact.ExistsError)), errors.As(err, new(*artifact.ExistingFileError)):
		return ExitExists
	case errors.As(err, new(*artifact.ChangedError)):
		return ExitFailed
	case errors.As(err, new(*artifact.PartialError)):
		return ExitPartly
	case errors.Is(err, artifact.ErrInvalid):
		return ExitMismatch
	case errors.Is(err, artifact.ErrNotFound), errors.Is(err, os.ErrNotExist):
		return ExitNotFound
	}
	diagnosis, _ := diagnose.Explain(err)
	if code, ok := ExitOfKind[diagnosis.Kind]; ok {
		return code
	}
	return ExitFailed
}

// ExitOfKind gives each kind of diagnosis its exit code; the kinds that are
// not here are failures without a code of their own.
var ExitOfKind = map[diagnose.Kind]int{
	diagnose.KindNetwork:        ExitNetwork,
	diagnose.KindAuthentication: ExitNotSignedIn,
	diagnose.KindAuthorization:  ExitNotAllowed,
	diagnose.KindNotFound:       ExitNotFound,
	diagnose.KindConflict:       ExitNotAllowed,
	diagnose.KindThrottled:      ExitThrottled,
	diagnose.KindContent:        ExitMismatch,
	diagnose.KindInterrupted:    ExitInterrupted,
}
