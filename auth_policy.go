package azcontainerregistry

import (
	"context"
	"net/http"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/acrkit/azcontainerregistry/internal/strict"
)

// operationScopes is what an operation says about the token it needs. It
// travels with the request as an operation value.
type operationScopes struct {
	scopes []string
	// validFor is how long the token must at least be good: as long as the
	// request may take to arrive. A refused token costs the whole body.
	validFor time.Duration
}

// authPolicy gives each attempt of a request its token and follows the
// registry's challenge. A request to which the caller gave an Authorization
// header is the caller's affair.
type authPolicy struct{ source *tokenSource }

// Do implements [policy.Policy].
func (p authPolicy) Do(req *policy.Request) (*http.Response, error) {
	countAttempt(req)
	raw := req.Raw()
	if raw.Header.Get("Authorization") != "" {
		return sendView(req)
	}
	var want operationScopes
	req.OperationValue(&want)
	ctx := withoutCapture(raw.Context())
	used, note, err := p.source.authorize(ctx, want.scopes, want.validFor)
	hasBody := raw.Body != nil && raw.Body != http.NoBody
	if err == nil && used.asks && hasBody && strict.Is(ctx) {
		// A body that can't be sent twice must not be refused.
		p.source.ask(ctx, note)
		used, note, err = p.source.authorize(ctx, want.scopes, want.validFor)
	}
	if err != nil {
		return nil, &nonRetriableError{err}
	}
	// Others may wait for this response, whatever becomes of it.
	defer note("", false)
	p.source.apply(used, raw)
	first := req
	if used.empty() {
		// What the policies behind this one add to a request that is refused must
		// not be in the next one already.
		first = req.Clone(raw.Context())
		if hasBody {
			// The registry says whether it requires a token before the body is sent.
			first.Raw().Header.Set("Expect", "100-continue")
		}
	}
	resp, err := sendView(first)
	if err != nil || resp.StatusCode != http.StatusUnauthorized {
		note("", err == nil && resp.StatusCode < http.StatusInternalServerError && resp.StatusCode != http.StatusTooManyRequests)
		return resp, err
	}
	next, ok, err := p.source.handleChallenge(ctx, resp, used, want.validFor, note)
	if err != nil {
		runtime.Drain(resp)
		return nil, &nonRetriableError{err}
	}
	if !ok {
		return resp, nil
	}
	runtime.Drain(resp)
	if err := req.RewindBody(); err != nil {
		return nil, &nonRetriableError{err}
	}
	p.source.apply(next, raw)
	resp, err = sendView(req)
	if err == nil && resp.StatusCode != http.StatusUnauthorized {
		p.source.accepted(next)
	}
	return resp, err
}

// apply sets the Authorization header of a request.
func (s *tokenSource) apply(a authorization, req *http.Request) {
	switch {
	case a.mode == modeBasic:
		if user, password, ok := s.grant.basic(); ok {
			req.SetBasicAuth(user, password)
		}
	case a.token.value != "":
		req.Header.Set("Authorization", "Bearer "+a.token.value)
	default:
		return
	}
	*req = *req.WithContext(context.WithValue(req.Context(), ownCredential{}, credentialInHeader))
}

// ownCredential is the key that marks the context of requests whose credential
// this package added: it may not go to another origin.
type ownCredential struct{}

// Where the credential of a request is.
const (
	credentialInHeader = "header"
	credentialInBody   = "body"
)

// nonRetriableError keeps the outer request's retry policy from repeating what
// the token call's own has repeated already.
type nonRetriableError struct{ err error }

func (e *nonRetriableError) Error() string { return e.err.Error() }
func (e *nonRetriableError) Unwrap() error { return e.err }

// NonRetriable marks the error for azcore's retry policy.
func (e *nonRetriableError) NonRetriable() {}
