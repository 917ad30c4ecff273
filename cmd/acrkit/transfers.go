package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/artifact"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/output"
)

func newTransfersCommand(a *app) *cobra.Command {
	command := &cobra.Command{
		Use: "transfers", Short: "Show, and go on with, transfers that were interrupted", GroupID: groupImages,
		Long: `A push, pull, copy or sync is in the journal from its start until its success.
One that was interrupted, by ctrl-c, a crash or a power cut, is gone on with by
resume, or by the same command again.`,
		Args: cobra.ArbitraryArgs, RunE: helpOrUnknown,
	}
	command.AddCommand(newTransfersListCommand(a), newTransfersShowCommand(a), newTransfersResumeCommand(a), newTransfersCleanCommand(a))
	return command
}

// journal opens the journal of this user.
func (a *app) journal() (*artifact.Journal, error) {
	dir, err := a.dataDir()
	if err != nil {
		return nil, err
	}
	return artifact.OpenJournal(filepath.Join(dir, "transfers"))
}

// beginEntry opens a transfer's entry in the journal. Where no folder can be
// written the transfer is done without: that is worth a note, not a failure.
func (a *app) beginEntry(spec artifact.TransferSpec) (*artifact.JournalEntry, error) {
	var entry *artifact.JournalEntry
	journal, err := a.journal()
	if err == nil {
		entry, err = journal.Begin(spec)
	}
	switch {
	case errors.As(err, new(*artifact.InUseError)):
		return nil, err
	case err != nil:
		a.note("warning: no journal, an interrupted transfer starts again: %s", clean(err.Error()))
		return nil, nil //nolint:nilerr // said above
	}
	a.onClose(entry.Close)
	return entry, nil
}

func newTransfersListCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the transfers that are not done", Args: exactArgs(),
		Example: "  acrkit transfers list -o table",
		RunE: func(*cobra.Command, []string) error {
			journal, err := a.journal()
			if err != nil {
				return err
			}
			list, err := journal.List()
			if err != nil {
				return err
			}
			return output.List(a.printer, transferView(false), sequence(list))
		},
	}
}

func newTransfersShowCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "show ID", Short: "Show one transfer", Args: exactArgs("ID"),
		Example: "  acrkit transfers show 3f0c9a1be27d",
		RunE: func(_ *cobra.Command, args []string) error {
			journal, err := a.journal()
			if err != nil {
				return err
			}
			record, err := transferByID(journal, args[0])
			if err != nil {
				return err
			}
			return output.One(a.printer, transferView(true), record)
		},
	}
}

// transferByID finds a transfer; an identity of another form is a slip of the
// command line, not a damaged journal.
func transferByID(journal *artifact.Journal, id string) (artifact.TransferRecord, error) {
	record, err := journal.Get(id)
	if errors.Is(err, artifact.ErrInvalid) {
		err = &usageError{err: err}
	}
	return record, err
}

func newTransfersResumeCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "resume [ID] [-- FLAG...]", Short: "Go on with an interrupted transfer",
		Long: `Runs the transfer's command again, from where it stood. Flags behind -- are
added to it, such as --limit-rate. Without an ID it is the only transfer that
there is.`,
		Example: "  acrkit transfers resume\n  acrkit transfers resume -- --limit-rate 5M\n  acrkit transfers resume 3f0c9a1be27d",
		Args:    cobra.ArbitraryArgs,
		RunE: func(command *cobra.Command, args []string) error {
			journal, err := a.journal()
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
				record, err = onlyTransfer(journal)
			} else {
				record, err = transferByID(journal, id[0])
			}
			if err != nil {
				return err
			}
			switch record.State {
			case artifact.TransferRunning:
				return &artifact.InUseError{Thing: "transfer " + record.ID}
			case artifact.TransferUnreadable:
				return fmt.Errorf("resume: %s; acrkit transfers clean %s forgets it", record.Error, record.ID)
			}
			return a.again(command, record.Spec, flags)
		},
	}
}

// onlyTransfer is what resume means without an identity.
func onlyTransfer(journal *artifact.Journal) (artifact.TransferRecord, error) {
	list, err := journal.List()
	if err != nil {
		return artifact.TransferRecord{}, err
	}
	list = slices.DeleteFunc(list, func(r artifact.TransferRecord) bool { return r.State == artifact.TransferRunning })
	switch len(list) {
	case 0:
		return artifact.TransferRecord{}, &artifact.NotFoundError{Store: "journal", Thing: "transfer to go on with"}
	case 1:
		return list[0], nil
	}
	return artifact.TransferRecord{}, usagef("resume: there are %d transfers, say which one; acrkit transfers list shows them", len(list))
}

// again runs the command that a transfer came from.
func (a *app) again(command *cobra.Command, spec artifact.TransferSpec, flags []string) error {
	for _, other := range command.Root().Commands() {
		if other.Name() != spec.Verb {
			continue
		}
		other.SetContext(command.Context())
		if err := other.ParseFlags(append(append([]string{}, spec.Arguments...), flags...)); err != nil {
			return usagef("resume %s: %w", spec.ID(), err)
		}
		// The transfer's own arguments come first, so what isn't a flag behind --
		// is one argument too many, and is refused as such.
		args := append([]string{spec.Source, spec.Destination}, other.Flags().Args()...)
		if err := other.Args(other, args); err != nil {
			return err
		}
		// A global flag behind -- is one like any other.
		if err := a.prepare(); err != nil {
			return err
		}
		return other.RunE(other, args)
	}
	return fmt.Errorf("resume %s: it was made by the command %q, which this program doesn't have", spec.ID(), spec.Verb)
}

func newTransfersCleanCommand(a *app) *cobra.Command {
	var older string
	var dryRun bool
	command := &cobra.Command{
		Use: "clean [ID...]", Short: "Forget interrupted transfers",
		Long: `Forgets the transfers named, or all that nobody works on, and removes the parts
that they have left beside their destination. What is whole stays: images,
layouts and archives are not touched.`,
		Example: `  acrkit transfers clean --older 7d --dry-run
  acrkit transfers clean 3f0c9a1be27d`,
		Args: cobra.ArbitraryArgs,
		RunE: func(_ *cobra.Command, args []string) error { return a.cleanTransfers(args, older, dryRun) },
	}
	command.Flags().StringVar(&older, "older", "", "only those untouched for this long, such as `7d` or 12h")
	command.Flags().BoolVar(&dryRun, "dry-run", false, "print what would be forgotten and change nothing")
	return command
}

func (a *app) cleanTransfers(ids []string, older string, dryRun bool) error {
	age, err := parseAge(older)
	if err != nil {
		return err
	}
	journal, err := a.journal()
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
			record, err := transferByID(journal, id)
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
		case record.State == artifact.TransferRunning, a.now().Sub(record.Updated) < age:
			continue
		}
		if !dryRun {
			if err := forget(journal, record); err != nil {
				return err
			}
		}
		cleaned = append(cleaned, record)
	}
	return output.List(a.printer, transferView(false), sequence(cleaned))
}

func forget(journal *artifact.Journal, record artifact.TransferRecord) error {
	if err := journal.Remove(record.ID); err != nil {
		return err
	}
	if record.Spec.Verb == "sync" {
		return nil // what a sync writes are layouts in a tree, each can be gone on with by itself
	}
	to, err := parseLocation(record.Spec.Destination, "")
	if err != nil || (to.kind != inLayout && to.kind != inArchive) {
		return nil //nolint:nilerr // a destination that no longer reads has nothing beside it that we know of
	}
	return artifact.RemovePartial(to.path)
}

// parseAge reads a duration that may be in days.
func parseAge(text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	invalid := usagef("--older %q: must be a duration such as 7d, 12h or 30m", text)
	if days, found := strings.CutSuffix(text, "d"); found {
		n, err := strconv.Atoi(days)
		// A hundred years: beyond it the nanoseconds overflow.
		if err != nil || n < 0 || n > 36500 {
			return 0, invalid
		}
		return time.Duration(n) * 24 * time.Hour, nil
	}
	age, err := time.ParseDuration(text)
	if err != nil || age < 0 {
		return 0, invalid
	}
	return age, nil
}

func transferView(whole bool) output.View[artifact.TransferRecord] {
	view := output.View[artifact.TransferRecord]{
		Kind: "TransferRecord",
		Columns: []output.Column[artifact.TransferRecord]{
			{Name: "id", Value: func(r artifact.TransferRecord) string { return r.ID }},
			{Name: "state", Value: func(r artifact.TransferRecord) string { return string(r.State) }},
			{Name: "command", Value: transferCommand},
			{Name: "done", Value: transferShare},
			{Name: "updated", Value: func(r artifact.TransferRecord) string { return timeText(r.Updated) }},
		},
		Text: func(w io.Writer, r artifact.TransferRecord) error {
			_, err := fmt.Fprintf(w, "%s  %-11s  %s  %s\n", r.ID, r.State, transferShare(r), output.Clean(transferCommand(r)))
			return err
		},
	}
	if whole {
		view.Text = writeTransfer
	}
	return view
}

func transferCommand(r artifact.TransferRecord) string {
	return strings.TrimSpace(strings.Join(append([]string{r.Spec.Verb, r.Spec.Source, r.Spec.Destination}, r.Spec.Arguments...), " "))
}

func transferShare(r artifact.TransferRecord) string {
	return output.Size(r.Totals.Bytes) + " of " + output.Size(r.Totals.BytesTotal)
}

func timeText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

func writeTransfer(w io.Writer, r artifact.TransferRecord) error {
	var b strings.Builder
	row := func(label, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%-12s %s\n", label, output.Clean(value))
		}
	}
	row("transfer", r.ID)
	row("command", transferCommand(r))
	row("state", string(r.State))
	row("error", r.Error)
	row("image", r.Root)
	row("done", fmt.Sprintf("%s, %d of %d blobs", transferShare(r), r.Totals.Blobs, r.Totals.BlobsTotal))
	row("started", timeText(r.Started))
	row("updated", timeText(r.Updated))
	if r.State == artifact.TransferInterrupted || r.State == artifact.TransferFailed {
		row("go on", "acrkit transfers resume "+r.ID)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
