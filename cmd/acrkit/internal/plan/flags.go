package plan

import (
	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
)

// Flags are the flags of every command that changes a registry.
type Flags struct {
	DryRun bool
	Keep   string
	Apply  string
	yes    bool
}

// Add adds the flags; only commands that destroy have --yes.
func (f *Flags) Add(command *cobra.Command, destroys bool) {
	command.Flags().BoolVar(&f.DryRun, "dry-run", false, "print the plan and change nothing")
	command.Flags().StringVar(&f.Keep, "plan", "", "keep the plan in `FILE` and change nothing")
	command.Flags().StringVar(&f.Apply, "apply", "", "do what the plan in `FILE` says, if the registry hasn't changed since")
	if destroys {
		command.Flags().BoolVar(&f.yes, "yes", false, "don't ask (needed without a terminal)")
	}
}

// Args makes the rule of a command's arguments: with --apply there are none.
func (f *Flags) Args(rule cobra.PositionalArgs) cobra.PositionalArgs {
	return func(command *cobra.Command, args []string) error {
		if f.Apply == "" {
			return rule(command, args)
		}
		if len(args) > 0 {
			return failure.Usagef("%s: --apply does what its plan says, and takes no arguments", command.CommandPath())
		}
		if f.Keep != "" {
			return failure.Usagef("%s: --plan and --apply exclude each other", command.CommandPath())
		}
		return nil
	}
}
