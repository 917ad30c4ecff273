package diagnose

import (
	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	azcontainerregistry "github.com/acrkit/azcontainerregistry"
)

// library is the evidence in this module's own error types.
type library struct {
	kind     libraryKind // empty when none is in the chain
	host     string      // the login server, where the call or a check knows it
	address  string      // of the machine that gave the failed response
	attempts int         // of a call that was tried until it gave up
	listed   int         // items before a listing broke off
	broken   bool        // a listing broke off

	own error // the error that the kind is of

	argument *azcontainerregistry.ArgumentError
	digest   *azcontainerregistry.DigestMismatchError
	origin   *azcontainerregistry.UntrustedOriginError
	response *azcontainerregistry.InvalidResponseError
}

// libraryKind is a kind of failure that the library finds by itself.
type libraryKind string

const (
	libraryArgument libraryKind = "argument"
	libraryDigest   libraryKind = "digest"
	libraryOrigin   libraryKind = "origin"
	librarySize     libraryKind = "size"
	librarySource   libraryKind = "source"
	libraryResume   libraryKind = "resume"
	libraryStalled  libraryKind = "stalled"
	libraryRange    libraryKind = "range"
	libraryResponse libraryKind = "response"
)

// gatherOperation reads which call the response belongs to: it travels with the
// response, since the library's errors are azcore's own.
func (ev *evidence) gatherOperation(r *azcore.ResponseError) {
	op, ok := azcontainerregistry.OperationOf(r)
	if !ok {
		return
	}
	l := &ev.library
	ev.repository, ev.reference = or(ev.repository, op.Repository), or(ev.reference, op.Reference)
	l.host, l.address = or(l.host, op.Registry), or(l.address, op.Address)
	if l.attempts == 0 && op.Attempts > 1 {
		l.attempts = op.Attempts
	}
}

// gatherLibrary reads our own types. Those that wrap another cause add to its
// diagnosis; those that are the cause themselves have rows of their own.
func (ev *evidence) gatherLibrary() {
	l := &ev.library
	for _, e := range ev.chain {
		switch e := e.(type) {
		case *azcontainerregistry.OperationError:
			ev.repository, ev.reference = or(ev.repository, e.Repository), or(ev.reference, e.Reference)
			l.host, l.address = or(l.host, e.Registry), or(l.address, e.Address)
		case *azcontainerregistry.RetriesExhaustedError:
			l.attempts = e.Attempts
		case *azcontainerregistry.IncompleteListingError:
			l.listed, l.broken = e.Items, true
		case *azcontainerregistry.ArgumentError:
			l.kind, l.argument = libraryArgument, e
		case *azcontainerregistry.DigestMismatchError:
			l.kind, l.digest = libraryDigest, e
		case *azcontainerregistry.UntrustedOriginError:
			l.kind, l.origin, l.host = libraryOrigin, e, or(l.host, hostOf(e.Want))
		case *azcontainerregistry.SizeMismatchError:
			l.kind, l.own = librarySize, e
		case *azcontainerregistry.SourceChangedError:
			l.kind, l.own = librarySource, e
		case *azcontainerregistry.UploadNotResumableError:
			l.kind, l.own = libraryResume, e
		case *azcontainerregistry.StalledError:
			l.kind, l.own = libraryStalled, e
		case *azcontainerregistry.RangeError:
			l.kind, l.own = libraryRange, e
		case *azcontainerregistry.InvalidResponseError:
			l.kind, l.own, l.response = libraryResponse, e, e
		}
		// What it wraps is its occasion, not its cause.
		if l.kind != "" {
			return
		}
	}
}

// diagnosable is an error that names its row itself, since this package does
// not know the package that it is of.
type diagnosable interface {
	error
	// DiagnosisCode returns a code of the catalogue.
	DiagnosisCode() string
}
