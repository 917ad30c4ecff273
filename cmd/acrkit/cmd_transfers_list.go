package main

import (
	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/output"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/transfers"
)

func newTransfersListCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the transfers that are not done", Args: exactArgs(),
		Example: "  acrkit transfers list -o table",
		RunE: func(*cobra.Command, []string) error {
			journal, err := transfers.OpenJournal(a.Session)
			if err != nil {
				return err
			}
			list, err := journal.List()
			if err != nil {
				return err
			}
			return output.List(a.printer, transfers.RecordView(false), output.Sequence(list))
		},
	}
}
