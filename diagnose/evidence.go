package diagnose

import (
	"net/http"
	"time"

	"github.com/acrkit/azcontainerregistry/internal/wire"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
)

const (
	// maxChain bounds the walk over an error's tree: errors of our own have a
	// handful of links, and a value made to hurt may have any number.
	maxChain = 512
	// maxParsed is the size up to which a body is parsed. Error bodies of the
	// registry are below 1 KiB; a web page is known by its first bytes.
	maxParsed = 64 << 10
	// maxToken is the size up to which a token's claims are decoded.
	maxToken = 16 << 10
)

// evidence is what is known of one failure: everything that the error's chain
// tells, parsed once. Rows match on it and take from it what they show.
type evidence struct {
	err   error
	chain []error

	response *http.Response
	request  *http.Request
	status   int
	phase    phase
	host     string // host of the request, with its port if it has one
	path     string
	method   string

	entries []wire.Error
	code    string // of the first entry
	message string // of the first entry
	body    []byte
	page    bool // the body is a web page

	date      time.Time // the response's own
	challenge challenge
	auth      authorization
	transport transport
	entra     entra
	library   library

	repository, reference string

	// What the request needs and what the token sent grants and lacks, by the
	// challenge and the claims.
	asked, granted, missing []scope

	waited time.Duration // the time limit of a check, where it was over
}

// gather reads the evidence out of err's tree.
func gather(err error) (ev *evidence) {
	ev = &evidence{err: err}
	// The methods of a foreign error value are called here, and may do
	// anything. What was gathered before such a panic still counts.
	defer func() { _ = recover() }()
	ev.chain = walk(err, nil)
	ev.gatherLibrary()
	// What the library found by itself is the cause, whatever else it carries.
	if r, ok := find[*azcore.ResponseError](ev); ok && r != nil && ev.library.kind == "" {
		ev.gatherOperation(r)
		ev.gatherResponse(r)
	}
	ev.gatherScopes()
	ev.gatherTransport()
	ev.gatherEntra()
	return ev
}

// walk lists err and everything it wraps, depth first.
func walk(err error, chain []error) []error {
	if err == nil || len(chain) >= maxChain {
		return chain
	}
	chain = append(chain, err)
	switch e := err.(type) {
	case interface{ Unwrap() error }:
		chain = walk(e.Unwrap(), chain)
	case interface{ Unwrap() []error }:
		for _, inner := range e.Unwrap() {
			chain = walk(inner, chain)
		}
	}
	return chain
}

// find returns the first error of type T in the chain.
func find[T error](ev *evidence) (T, bool) {
	for _, e := range ev.chain {
		if t, ok := e.(T); ok {
			return t, true
		}
	}
	var zero T
	return zero, false
}

// is reports whether target is in the chain.
func (ev *evidence) is(target error) bool {
	for _, e := range ev.chain {
		if e == target {
			return true
		}
		// errors.Is would walk by itself, without a bound.
		if m, ok := e.(interface{ Is(error) bool }); ok && m.Is(target) {
			return true
		}
	}
	return false
}
