package main

import (
	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/artifact"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/output"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/transfers"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/units"
)

func newTransfersCleanCommand(a *app) *cobra.Command {
	var older string
	var dryRun bool
	command := &cobra.Command{
		Use: "clean [ID...]", Short: "Remove interrupted transfers from the journal",
		Long: `Removes the named transfers from the journal, or all that no process works on,
and deletes their partial files beside the destination. Complete images, layouts and
archives are not touched.`,
		Example: `  acrkit transfers clean --older 7d --dry-run
  acrkit transfers clean 3f0c9a1be27d`,
		Args: cobra.ArbitraryArgs,
		RunE: func(_ *cobra.Command, args []string) error { return cleanTransfers(a, args, older, dryRun) },
	}
	command.Flags().StringVar(&older, "older", "", "only those not updated for this `AGE`, such as 7d or 12h")
	command.Flags().BoolVar(&dryRun, "dry-run", false, "print what would be removed and change nothing")
	return command
}

func cleanTransfers(a *app, ids []string, older string, dryRun bool) error {
	age, err := units.ParseAge(older)
	if err != nil {
		return err
	}
	journal, err := transfers.OpenJournal(a.Session)
	if err != nil {
		return err
	}
	records, err := journal.List()
	if err != nil {
		return err
	}
	if len(ids) > 0 {
		records = nil
		for _, id := range ids {
			record, err := transfers.ByID(journal, id)
			if err != nil {
				return err
			}
			records = append(records, record)
		}
	}
	var cleaned []artifact.TransferRecord
	for _, record := range records {
		switch {
		case record.State == artifact.TransferRunning && len(ids) > 0:
			return &artifact.InUseError{Thing: "transfer " + record.ID}
		case record.State == artifact.TransferRunning, a.Now().Sub(record.Updated) < age:
			continue
		}
		if !dryRun {
			if err := transfers.Forget(journal, record); err != nil {
				return err
			}
		}
		cleaned = append(cleaned, record)
	}
	return output.List(a.printer, transfers.RecordView(false), output.Sequence(cleaned))
}
