package session

import (
	"context"
	"slices"
	"strings"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/creds"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/foreign"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/reference"
)

// Foreign is the registry of a host that is not Azure's, as a source; nil when
// the host is Azure's, or behaves as ACR does. A host is asked once a command.
func (s *Session) Foreign(ctx context.Context, h reference.Host) (*foreign.Registry, error) {
	plain := slices.ContainsFunc(s.PlainHTTP, func(name string) bool { return strings.EqualFold(name, h.Name) })
	if found, asked := s.foreign[h]; asked {
		return found, nil
	}
	var registry *foreign.Registry
	if plain || foreign.Is(ctx, s.Network(), h) {
		if err := s.flagsFit(h); err != nil {
			return nil, err
		}
		if plain {
			h.Scheme = "http"
		}
		registry = foreign.New(h, s.Network().Transport, func(ctx context.Context, repository string) (creds.Credential, error) {
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
