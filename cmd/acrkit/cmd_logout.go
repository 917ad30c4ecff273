package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/creds"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/output"
)

func newLogoutCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "logout [REGISTRY]", Short: "Remove a registry's credential from docker's store",
		Example: "  acrkit logout myreg.azurecr.io",
		GroupID: groupAccess,
		Args:    rangeArgs(0, "REGISTRY"),
		RunE: func(command *cobra.Command, args []string) error {
			h, err := a.RegistryArgument(args)
			if err != nil {
				return err
			}
			config := creds.DockerConfig(a.Getenv)
			removed, err := creds.ForgetDocker(command.Context(), config, h.Name)
			if err != nil {
				return err
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
			return output.One(a.printer, view, loginResult{Registry: h.String(), Store: config, Removed: &removed})
		},
	}
}
