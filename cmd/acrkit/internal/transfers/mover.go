package transfers

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/artifact"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/location"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/output"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/plan"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/session"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/term"
)

// Mover moves images, with their progress and their entries in the journal.
type Mover struct {
	*session.Session
	Printer *output.Printer
	Mode    term.Mode
	Screen  term.Screen
}

// Run plans, or does, a transfer.
func (m *Mover) Run(command *cobra.Command, t Transfer) error {
	if path := t.Flags.Write.Apply; path != "" {
		if t.Verb == "copy" && plan.KindOf(path) == keptCopiesKind {
			return m.applySeveral(command, t.Flags)
		}
		return m.applyTransfer(command, t)
	}
	options, err := t.Flags.options(m.Session)
	if err != nil {
		return err
	}
	if t.From.Kind == location.InStream {
		if err := m.StdinIsFree(); err != nil {
			return err
		}
	}
	m.FlagsElsewhere = t.remote()
	t.settleSource()
	if err := t.refuseReplacing(); err != nil {
		return err
	}
	src, err := location.OpenSource(command.Context(), m.Session, t.From)
	if err != nil {
		return err
	}
	if err := t.settleTarget(command.Context(), src); err != nil {
		return err
	}
	if t.Flags.Write.DryRun || t.Flags.Write.Keep != "" {
		return m.planTransfer(command, t, src, options)
	}
	return m.move(command.Context(), t, options, func(ctx context.Context, dst artifact.Target, o *artifact.Options) (artifact.Result, error) {
		return artifact.Copy(ctx, dst, t.To.Destination(), src, t.From.Version(), o)
	})
}

// move does a transfer with its progress and its entry in the journal, and
// prints what came of it.
func (m *Mover) move(ctx context.Context, t Transfer, o *artifact.Options,
	do func(context.Context, artifact.Target, *artifact.Options) (artifact.Result, error),
) error {
	entry, err := m.beginJournal(t)
	if err != nil {
		return err
	}
	dst, finish, err := location.OpenTarget(ctx, m.Session, t.To)
	if err != nil {
		if entry != nil {
			err = errors.Join(err, entry.Fail(err))
		}
		return err
	}
	m.Busy = true
	progress := term.NewProgress(m.Mode, m.Stderr, m.Screen, m.Now)
	o.OnEvent = func(e artifact.Event) { progress.Show(update(e)) }
	o.Journal = entry
	result, err := do(ctx, dst, o)
	progress.Close()
	if err = finish(err); err != nil {
		return m.interrupted(ctx, t, entry, err)
	}
	noteLeftOut(m.Session, result.LeftOut)
	if t.untagged() {
		m.Note("no tag was written: the source is a digest, and %s names no tag", t.To)
	}
	if t.To.Kind == location.InStream {
		// Standard output holds the archive.
		return nil
	}
	return output.One(m.Printer, transferredView(), t.outcome(result))
}

// interrupted tells how to resume a transfer that a signal ended.
func (m *Mover) interrupted(ctx context.Context, t Transfer, entry *artifact.JournalEntry, err error) error {
	if !failure.Stopped(ctx) {
		return err
	}
	if entry == nil || !entry.Kept() {
		return fmt.Errorf("%s %s to %s: %w", t.Verb, t.From, t.To, context.Cause(ctx))
	}
	record := entry.Record()
	return &failure.Explained{
		Err:  failure.Coded(failure.ExitResumable, fmt.Errorf("%s %s to %s: %w", t.Verb, t.From, t.To, context.Cause(ctx))),
		Code: "INTERRUPTED",
		Why: []string{fmt.Sprintf("%d of %d blobs are done, %s of %s moved", record.Totals.Blobs, record.Totals.BlobsTotal,
			output.Size(record.Totals.Confirmed), output.Size(record.Totals.BytesTotal))},
		Fix: []string{"acrkit transfers resume " + record.ID + "  # or the same command again"},
	}
}

// beginJournal remembers the transfer on disk. A transfer from or to a stream
// cannot be resumed.
func (m *Mover) beginJournal(t Transfer) (*artifact.JournalEntry, error) {
	if t.From.Kind == location.InStream || t.To.Kind == location.InStream {
		return nil, nil
	}
	return beginEntry(m.Session, artifact.TransferSpec{
		Verb: t.Verb, Source: t.From.Absolute(), Destination: t.To.Absolute(), Arguments: t.Flags.arguments(),
	})
}
