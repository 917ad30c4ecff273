package session

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"oras.land/oras-go/v2/registry/remote/retry"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/creds"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/foreign"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/reference"
	"github.com/acrkit/azcontainerregistry/internal/wire"
)

// Foreign is the registry of a host that is not Azure's, as a source; nil when
// the host is Azure's, or behaves as ACR does. A host is asked once a command.
func (s *Session) Foreign(ctx context.Context, h reference.Host) (*foreign.Registry, error) {
	plain := slices.ContainsFunc(s.PlainHTTP, func(name string) bool { return strings.EqualFold(name, h.Name) })
	if found, asked := s.foreign[h]; asked {
		return found, nil
	}
	var registry *foreign.Registry
	if plain || foreign.Is(ctx, s.observed(), h) {
		if err := s.flagsFit(h); err != nil {
			return nil, err
		}
		if plain {
			h.Scheme = "http"
		}
		registry = foreign.New(h, s.foreignTransport(), func(ctx context.Context, repository string) (creds.Credential, error) {
			credential, outcomes, err := s.Chain().Resolve(ctx, creds.Place{Host: h.Name, Repository: repository})
			if err == nil {
				s.warnOfSkipped(outcomes)
			}
			return credential, err
		})
	}
	if s.foreign == nil {
		s.foreign = map[reference.Host]*foreign.Registry{}
	}
	s.foreign[h] = registry
	return registry, nil
}

// observed is the network with what watches each attempt of a request: the
// notices, and the log of --debug.
func (s *Session) observed() http.RoundTripper {
	transport := s.noticeWarnings().over(s.noticeWaiting().over(s.Network().Transport))
	if s.RequestLog != nil {
		transport = s.RequestLog.perAttempt().over(transport)
	}
	return transport
}

// foreignTransport sends to registries that azcore's pipeline doesn't serve. It
// tries again by the same rules.
func (s *Session) foreignTransport() http.RoundTripper {
	repeat := &retry.GenericPolicy{
		Retryable: func(response *http.Response, err error) (bool, error) { return shouldRetry(response, err), nil },
		Backoff:   s.retryWait,
		MaxWait:   maxRetryWait,
		MaxRetry:  int(s.requestRetries()),
	}
	return attemptCounter{&retry.Transport{Base: s.observed(), Policy: func() retry.Policy { return repeat }}}
}

// maxRetryWait is the longest time between two attempts, as azcore's.
const maxRetryWait = time.Minute

// retryWait is how long to wait before attempt: what the registry asks for, or
// oras's backoff.
func (s *Session) retryWait(attempt int, response *http.Response) time.Duration {
	if response != nil {
		if wait, ok := wire.RetryAfter(response.Header.Get("Retry-After"), s.Now()); ok {
			return wait
		}
	}
	return retry.DefaultBackoff(attempt, response)
}

// attemptCounter counts the attempts of each request that goes through it.
type attemptCounter struct{ base http.RoundTripper }

func (c attemptCounter) RoundTrip(request *http.Request) (*http.Response, error) {
	return c.base.RoundTrip(request.WithContext(countAttempts(request.Context())))
}
