package azcontainerregistry

import (
	"net/http"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
)

// operationScopes is what an operation says about the token it needs. It
// travels with the request as an operation value.
type operationScopes struct {
	scopes []string
	// validFor is how long the token must at least be good: as long as the
	// request may take to arrive. A refused token costs the whole body.
	validFor time.Duration
}

// authPolicy gives each attempt of a request its token, before the registry
// asks for one, and follows a challenge once.
type authPolicy struct{ source *tokenSource }

// Do implements [policy.Policy].
func (p authPolicy) Do(req *policy.Request) (*http.Response, error) {
	raw := req.Raw()
	raw.Header.Del("Authorization")
	if originOf(raw.URL) != p.source.registry.home {
		return req.Next()
	}
	var want operationScopes
	req.OperationValue(&want)
	ctx := withoutCapture(raw.Context())
	hasBody := req.Body() != nil || raw.ContentLength != 0
	used, err := p.source.authorize(ctx, want.scopes, want.validFor, hasBody)
	if err != nil {
		return nil, &settledError{err}
	}
	p.source.apply(used, raw)
	resp, err := req.Next()
	if err != nil || resp.StatusCode != http.StatusUnauthorized {
		return resp, err
	}
	next, ok, err := p.source.follow(ctx, resp, used, want.validFor)
	if err != nil {
		return resp, &settledError{err}
	}
	if !ok {
		return resp, nil
	}
	runtime.Drain(resp)
	if err := req.RewindBody(); err != nil {
		return nil, &settledError{err}
	}
	p.source.apply(next, raw)
	resp, err = req.Next()
	if err == nil && resp.StatusCode != http.StatusUnauthorized {
		p.source.correct(used, next)
	}
	return resp, err
}

// settledError keeps the outer request's retry policy from repeating what the
// token call's own has repeated already.
type settledError struct{ err error }

func (e *settledError) Error() string { return e.err.Error() }
func (e *settledError) Unwrap() error { return e.err }

// NonRetriable marks the error for azcore's retry policy.
func (e *settledError) NonRetriable() {}
