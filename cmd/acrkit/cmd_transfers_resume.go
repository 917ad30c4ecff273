package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/artifact"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/transfers"
)

func newTransfersResumeCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "resume [ID] [-- FLAG...]", Short: "Resume an interrupted transfer",
		Long: `Runs the transfer's command again, from where it stopped. Flags after -- are
added to it, such as --limit-rate. Without an ID, the only transfer in the journal
is meant.`,
		Example: "  acrkit transfers resume\n  acrkit transfers resume -- --limit-rate 5M\n  acrkit transfers resume 3f0c9a1be27d",
		Args:    cobra.ArbitraryArgs,
		RunE: func(command *cobra.Command, args []string) error {
			journal, err := transfers.OpenJournal(a.Session)
			if err != nil {
				return err
			}
			id, flags := args, []string(nil)
			if dash := command.ArgsLenAtDash(); dash >= 0 {
				id, flags = args[:dash], args[dash:]
			}
			if err := rangeArgs(0, "ID")(command, id); err != nil {
				return err
			}
			var record artifact.TransferRecord
			if len(id) == 0 {
				record, err = transfers.Only(journal)
			} else {
				record, err = transfers.ByID(journal, id[0])
			}
			if err != nil {
				return err
			}
			switch record.State {
			case artifact.TransferRunning:
				return &artifact.InUseError{Thing: "transfer " + record.ID}
			case artifact.TransferUnreadable:
				return &failure.Explained{
					Err:  errors.New("transfer " + record.ID + " can't be resumed: its entry in the journal is damaged, nothing was done"),
					Code: "JOURNAL_DAMAGED", Why: []string{record.Error},
					Fix: []string{"acrkit transfers clean " + record.ID + "  # forgets it; then its own command again"},
				}
			}
			return runAgain(command, a, record.Spec, flags)
		},
	}
}

// again runs the command that a transfer came from.
func runAgain(command *cobra.Command, a *app, spec artifact.TransferSpec, flags []string) error {
	for _, other := range command.Root().Commands() {
		if other.Name() != spec.Verb {
			continue
		}
		other.SetContext(command.Context())
		if err := other.ParseFlags(append(append([]string{}, spec.Arguments...), flags...)); err != nil {
			return failure.Usagef("resume %s: %w", spec.ID(), err)
		}
		// The transfer's own arguments come first, so what isn't a flag behind --
		// is one argument too many, and is refused as such.
		args := append(append([]string{spec.Source}, spec.Sources...), spec.Destination)
		args = append(args, other.Flags().Args()...)
		if err := other.Args(other, args); err != nil {
			return err
		}
		// A global flag behind -- is one like any other.
		if err := a.prepare(); err != nil {
			return err
		}
		a.given = args
		return other.RunE(other, args)
	}
	return fmt.Errorf("resume %s: it was made by the command %q, which this program doesn't have", spec.ID(), spec.Verb)
}
