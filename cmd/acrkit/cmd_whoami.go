package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/creds"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/items"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/output"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/reference"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/session"
)

func newWhoamiCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "whoami [REGISTRY]", Short: "Show which credential is used for a registry, and why",
		Long: `Show which credential is used for a registry, and what each credential of the chain
returned: the flags, the environment, docker's store, a service principal,
workload identity, managed identity, the Azure CLI, anonymous. The credential
is tried at the registry.

ACR_USERNAME with ACR_PASSWORD, and ACR_REFRESH_TOKEN, belong to the registry
that ACR_REGISTRY names, and are sent to no other.`,
		Example: `  acrkit whoami myreg.azurecr.io
  acrkit whoami local -o json`,
		GroupID: groupAccess,
		Args:    rangeArgs(0, "REGISTRY"),
		RunE: func(command *cobra.Command, args []string) error {
			h, err := a.RegistryArgument(args)
			if err != nil {
				return err
			}
			return whoami(command.Context(), a, h)
		},
	}
}

func whoami(ctx context.Context, a *app, h reference.Host) error {
	r, err := a.Open(ctx, h)
	var link *creds.LinkError
	switch {
	case errors.As(err, &link):
		// The chain itself is what was asked for: show how far it came.
		shown := identity{Registry: h.String(), Credential: "none", Links: link.Outcomes}
		return errors.Join(output.One(a.printer, identityView(), shown), err)
	case err != nil:
		return err
	}
	refused := r.Verify(ctx)
	shown := identity{
		Registry: h.String(), Credential: string(r.Credential.Kind), Username: r.Credential.Username,
		Accepted: refused == nil, Links: r.Outcomes,
	}
	if err := output.One(a.printer, identityView(), shown); err != nil {
		return err
	}
	return refused
}

// identity is what whoami tells.
type identity struct {
	Registry   string          `json:"registry"`
	Credential string          `json:"credential"`
	Username   string          `json:"username,omitempty"`
	Accepted   bool            `json:"accepted"`
	Links      []creds.Outcome `json:"links"`
}

func identityView() output.View[identity] {
	return output.View[identity]{
		Kind: "Identity",
		Columns: []output.Column[identity]{
			{Name: "registry", Value: func(i identity) string { return i.Registry }},
			{Name: "credential", Value: func(i identity) string { return i.Credential }},
			{Name: "user", Value: func(i identity) string { return i.Username }},
			{Name: "accepted", Value: func(i identity) string { return fmt.Sprint(i.Accepted) }},
		},
		Text: func(w io.Writer, i identity) error {
			accepted := "yes"
			if !i.Accepted {
				accepted = "no"
			}
			if err := items.Facts(w, [][2]string{
				{"registry", i.Registry}, {"credential", i.Credential}, {"user", i.Username}, {"accepted", accepted},
			}); err != nil {
				return err
			}
			for _, line := range session.OutcomeLines(i.Links) {
				if _, err := fmt.Fprintf(w, "  %s\n", line); err != nil {
					return err
				}
			}
			return nil
		},
	}
}
