package diagnose

import (
	"strconv"
	"strings"

	azcontainerregistry "github.com/acrkit/azcontainerregistry"
)

// library is the evidence in this module's own error types.
type library struct {
	kind     string // one of the library… constants, empty when none is in the chain
	host     string // the login server, where the call or a check knows it
	address  string // of the machine that gave the failed answer
	attempts int    // of a call that was tried until it gave up
	listed   int    // items before a listing broke off
	broken   bool   // a listing broke off

	own error // the error that the kind is of

	argument *azcontainerregistry.ArgumentError
	digest   *azcontainerregistry.DigestMismatchError
	origin   *azcontainerregistry.UntrustedOriginError
	answer   *azcontainerregistry.InvalidResponseError
}

// The kinds of failures that the library finds by itself.
const (
	libraryArgument = "argument"
	libraryDigest   = "digest"
	libraryOrigin   = "origin"
	librarySize     = "size"
	librarySource   = "source"
	libraryResume   = "resume"
	libraryStalled  = "stalled"
	libraryRange    = "range"
	libraryAnswer   = "answer"
)

// gatherLibrary reads our own types. Those that wrap another cause add to its
// diagnosis; those that are the cause themselves have rows of their own.
func (x *exchange) gatherLibrary() {
	l := &x.library
	for _, e := range x.chain {
		switch e := e.(type) {
		case *azcontainerregistry.OperationError:
			x.repository, x.reference = or(x.repository, e.Repository), or(x.reference, e.Reference)
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
			l.kind, l.own, l.answer = libraryAnswer, e, e
		}
		// What it wraps is its occasion, not its cause.
		if l.kind != "" {
			return
		}
	}
}

// found matches a failure that the library found by itself.
func found(kind string) func(*exchange) bool {
	return func(x *exchange) bool { return x.library.kind == kind }
}

// answerLacks matches an answer of success that lacks something.
func answerLacks(what azcontainerregistry.ResponsePart) func(*exchange) bool {
	return func(x *exchange) bool { return x.library.kind == libraryAnswer && x.library.answer.Missing == what }
}

// pointedBy matches an untrusted origin by what pointed there.
func pointedBy(kind azcontainerregistry.OriginKind) func(*exchange) bool {
	return func(x *exchange) bool { return x.library.kind == libraryOrigin && x.library.origin.Kind == kind }
}

func (l *library) fact(name string) string {
	switch {
	case name == "argument" && l.argument != nil:
		return l.argument.Argument
	case name == "kind" && l.origin != nil:
		return string(l.origin.Kind)
	}
	return ""
}

// sawOwn shows what the library's own error holds.
var sawOwn sight = func(x *exchange, see func(Origin, string, ...any)) {
	l := &x.library
	switch l.kind {
	case libraryArgument:
		rule := strings.TrimPrefix(l.argument.Rule, "must ")
		if rule == l.argument.Rule {
			rule = "be " + rule
		}
		see(FromClient, "%s was %s; it must %s", l.argument.Argument, strconv.Quote(l.argument.Value), rule)
	case libraryDigest:
		see(FromClient, "%d bytes were read, with the digest %s", l.digest.Size, l.digest.Actual)
		see(FromClient, "the digest asked for is %s", l.digest.Expected)
	case libraryOrigin:
		see(FromClient, "a %s pointed to %s; only %s is right", l.origin.Kind, l.origin.Got, l.origin.Want)
	default:
		see(FromClient, "%s", l.own.Error())
	}
}
