package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/output"
	"github.com/acrkit/azcontainerregistry/emulator"
)

// emulatorHealth is what `acrkit emulator health` says of a running emulator.
type emulatorHealth struct {
	Ready     bool   `json:"ready"`
	Endpoint  string `json:"endpoint"`
	Directory string `json:"directory"`
}

func newEmulatorHealthCommand(a *app) *cobra.Command {
	var dir string
	command := &cobra.Command{
		Use:   "health",
		Short: "Check whether the emulator of a data folder serves requests",
		Long: `health asks the emulator that has a data folder open whether it serves
requests: exit code 0 when it does, 1 when none runs or it does not respond. It
is the health check of the container image, and finds the address by itself.`,
		Example: `  acrkit emulator health
  acrkit emulator health --dir ./registry`,
		Args: exactArgs(),
		RunE: func(command *cobra.Command, _ []string) error {
			if err := a.setFromEnvironment(command); err != nil {
				return err
			}
			if dir == "" {
				var err error
				if dir, err = a.RegistryDir(); err != nil {
					return err
				}
			}
			running, err := emulator.FindRunning(command.Context(), dir)
			if err != nil {
				return err
			}
			if running == nil {
				return fmt.Errorf("no emulator serves the folder %s", dir)
			}
			return output.One(a.printer, emulatorHealthView, emulatorHealth{Ready: true, Endpoint: running.Endpoint, Directory: dir})
		},
	}
	command.Flags().StringVar(&dir, "dir", "", "the data `FOLDER` (default: that of local/...)")
	return command
}

var emulatorHealthView = output.View[emulatorHealth]{
	Kind: "EmulatorHealth",
	Columns: []output.Column[emulatorHealth]{
		{Name: "endpoint", Value: func(h emulatorHealth) string { return h.Endpoint }},
		{Name: "directory", Value: func(h emulatorHealth) string { return h.Directory }},
	},
	Text: func(w io.Writer, h emulatorHealth) error {
		_, err := fmt.Fprintf(w, "the registry is ready at %s\n", h.Endpoint)
		return err
	},
}
