package session

import (
	"context"
	"fmt"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/arm"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/creds"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/reference"
)

// Management is a resource manager other than Azure's own: where it is, who asks,
// and by what.
type Management struct {
	Endpoint   string
	Credential azcore.TokenCredential
	Transport  policy.Transporter
}

// manager is the resource manager of a registry's cloud.
type manager struct{ endpoint string }

// Manager gives the client of the resource manager that a registry belongs to,
// signed in as the first Entra identity of the chain. Passwords and tokens of
// registries mean nothing there.
func (r *Registry) Manager(ctx context.Context) (*arm.Client, error) {
	endpoint := arm.Endpoint(r.Host.Name)
	got, err := r.Remember(manager{endpoint}, func() (any, error) { return r.session.newManager(ctx, r.Host, endpoint) })
	if err != nil {
		return nil, err
	}
	return got.(*arm.Client), nil
}

func (s *Session) newManager(ctx context.Context, h reference.Host, endpoint string) (*arm.Client, error) {
	options := s.clientOptions()
	options.Transport = s.Network()
	if s.Management != nil {
		options.Transport = s.Management.Transport
		return arm.New(s.Management.Endpoint, s.Management.Credential, options)
	}
	if !creds.AzureHost(h.Name) {
		return nil, failure.Usagef("%s is no registry of Azure: only those are known to Azure Resource Manager", h)
	}
	options.Cloud = creds.CloudOf(h.Name)
	credential, outcomes, err := creds.ManagerChain(s.Getenv, arm.Scope(endpoint)).Resolve(ctx, creds.Place{Host: h.Name})
	switch {
	case ctx.Err() != nil:
		return nil, err
	case err != nil:
		return nil, &failure.Explained{
			Err:  failure.Coded(failure.ExitNotSignedIn, fmt.Errorf("no Entra identity for %s: it takes no passwords and no tokens of registries", endpoint)),
			Code: "ARM_SIGN_IN_REFUSED", Why: OutcomeLines(outcomes), Fix: []string{"az login"},
		}
	}
	return arm.New(endpoint, credential.Token, options)
}

// Note writes a line for the person to standard error.
func (r *Registry) Note(format string, args ...any) { r.session.Note(format, args...) }

// Environment reads a variable of the command's environment.
func (r *Registry) Environment(name string) string { return r.session.Getenv(name) }
