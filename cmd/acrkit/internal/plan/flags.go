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
	// Force is for what is needed elsewhere; only some commands have it.
	Force bool
	yes   bool
}

// Add adds the flags; only commands that destroy have --yes.
func (f *Flags) Add(command *cobra.Command, destroys bool) {
	command.Flags().BoolVar(&f.DryRun, "dry-run", false, "print the plan and change nothing")
	command.Flags().StringVar(&f.Keep, "plan", "", "write the plan to `FILE` and change nothing")
	command.Flags().StringVar(&f.Apply, "apply", "", "apply the plan in `FILE`, if the registry hasn't changed since")
	if destroys {
		command.Flags().BoolVar(&f.yes, "yes", false, "don't ask for confirmation (required without a terminal)")
	}
}

// AddForce adds --force, for commands that may take from what stays something
// that it needs.
func (f *Flags) AddForce(command *cobra.Command) {
	command.Flags().BoolVar(&f.Force, "force", false, "delete even what an index, a signature or an image still needs")
}

// Forced sets what --force says on every step.
func (f *Flags) Forced(steps []Step, err error) ([]Step, error) {
	for i := range steps {
		steps[i].Force = f.Force
	}
	return steps, err
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
