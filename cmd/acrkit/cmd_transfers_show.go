package main

import (
	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/output"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/transfers"
)

func newTransfersShowCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "show ID", Short: "Show one transfer", Args: exactArgs("ID"),
		Example: "  acrkit transfers show 3f0c9a1be27d",
		RunE: func(_ *cobra.Command, args []string) error {
			journal, err := transfers.OpenJournal(a.Session)
			if err != nil {
				return err
			}
			record, err := transfers.ByID(journal, args[0])
			if err != nil {
				return err
			}
			return output.One(a.printer, transfers.RecordView(true), record)
		},
	}
}
