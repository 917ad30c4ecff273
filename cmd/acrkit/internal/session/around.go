package session

import (
	"net/http"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

// around is called around each attempt of a request; next sends it. It is a
// policy, and with a transport of its own a transport.
type around func(request *http.Request, next func() (*http.Response, error)) (*http.Response, error)

// Do implements policy.Policy.
func (f around) Do(request *policy.Request) (*http.Response, error) {
	return f(request.Raw(), request.Next)
}

// over puts f around a transport.
func (f around) over(base http.RoundTripper) http.RoundTripper { return roundTripper{f, base} }

type roundTripper struct {
	around around
	base   http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (t roundTripper) RoundTrip(request *http.Request) (*http.Response, error) {
	return t.around(request, func() (*http.Response, error) { return t.base.RoundTrip(request) })
}
