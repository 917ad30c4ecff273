package main

import (
	"github.com/spf13/cobra"
)

func newTransfersCommand(a *app) *cobra.Command {
	command := &cobra.Command{
		Use: "transfers", Short: "List and resume interrupted transfers", GroupID: groupImages,
		Long: `A push, pull, copy or sync is in the journal from its start until its success.
One that was interrupted, by ctrl-c, a crash or a power cut, is resumed by acrkit transfers
resume, or by the same command again.`,
		Args: cobra.ArbitraryArgs, RunE: helpOrUnknown,
	}
	command.AddCommand(newTransfersListCommand(a), newTransfersShowCommand(a), newTransfersResumeCommand(a), newTransfersCleanCommand(a))
	return command
}
