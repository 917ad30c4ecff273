package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/creds"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/output"
)

func newLogoutCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "logout [REGISTRY]", Short: "Remove a registry's credentials from docker's store",
		Long: `Remove every credential of a registry from docker's configuration, podman's
auth.json and their helpers, however its name is spelled there and below
whatever path, so that acrkit finds none afterwards.`,
		Example: "  acrkit logout myreg.azurecr.io",
		GroupID: groupAccess,
		Args:    rangeArgs(0, "REGISTRY"),
		RunE: func(command *cobra.Command, args []string) error {
			h, err := a.RegistryArgument(args)
			if err != nil {
				return err
			}
			stores := creds.FindStores(a.Getenv)
			changed, err := stores.Forget(command.Context(), h.Name)
			if err != nil {
				return err
			}
			store, removed := stores.Docker, len(changed) > 0
			if removed {
				store = strings.Join(changed, ", ")
			}
			view := loginView()
			view.Text = func(w io.Writer, l loginResult) error {
				text := "signed out of %s: %s\n"
				if !removed {
					text = "nothing to remove for %s in %s\n"
				}
				_, err := fmt.Fprintf(w, text, l.Registry, l.Store)
				return err
			}
			return output.One(a.printer, view, loginResult{Registry: h.String(), Store: store, Removed: &removed})
		},
	}
}
