package main

import (
	"context"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/creds"
	"github.com/acrkit/azcontainerregistry/emulator"
)

// openRunning signs in to the emulator that has the folder of local/... open,
// and returns false when none runs. One process at a time can open the folder,
// so a command must ask before it tries.
func (a *app) openRunning(ctx context.Context, r *registry, dir string, options policy.ClientOptions) (bool, error) {
	running, err := emulator.FindRunning(ctx, dir)
	if err != nil || running == nil {
		return false, err
	}
	client, err := running.HTTPClient()
	if err != nil {
		return false, err
	}
	a.onClose(func() error { client.CloseIdleConnections(); return nil })
	options.Transport = client
	owner := creds.Link{Name: "emulator", Find: func(context.Context, string) (creds.Credential, string, error) {
		return creds.Credential{Kind: creds.Password, Username: running.Username, Password: running.Password},
			"the emulator at " + running.Endpoint + " has the folder of local/... open, and it is yours", nil
	}}
	chain := creds.Chain{a.flags(), owner}
	if a.flagsElsewhere {
		chain = creds.Chain{owner}
	}
	if r.credential, r.answers, err = chain.Resolve(ctx, localRegistry); err != nil {
		return false, err
	}
	r.client, err = newClient(running.Endpoint, r.credential, options)
	return true, err
}
