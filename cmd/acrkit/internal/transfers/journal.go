package transfers

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/acrkit/azcontainerregistry/artifact"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/location"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/output"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/session"
)

// journal opens the journal of this user.
func OpenJournal(sess *session.Session) (*artifact.Journal, error) {
	dir, err := sess.DataDir()
	if err != nil {
		return nil, err
	}
	return artifact.OpenJournal(filepath.Join(dir, "transfers"))
}

// beginEntry opens a transfer's entry in the journal. Where no folder can be
// written the transfer is done without: that is worth a note, not a failure.
func beginEntry(sess *session.Session, spec artifact.TransferSpec) (*artifact.JournalEntry, error) {
	var entry *artifact.JournalEntry
	journal, err := OpenJournal(sess)
	if err == nil {
		entry, err = journal.Begin(spec)
	}
	switch {
	case errors.As(err, new(*artifact.InUseError)):
		return nil, err
	case err != nil:
		sess.Note("warning: no journal, an interrupted transfer starts again: %s", failure.Clean(err.Error()))
		return nil, nil //nolint:nilerr // said above
	}
	sess.OnClose(entry.Close)
	return entry, nil
}

// ByID finds a transfer; an identity of another form is a slip of the
// command line, not a damaged journal.
func ByID(journal *artifact.Journal, id string) (artifact.TransferRecord, error) {
	record, err := journal.Get(id)
	if errors.Is(err, artifact.ErrInvalid) {
		err = &failure.UsageError{Err: err}
	}
	return record, err
}

// Only is what resume means without an identity.
func Only(journal *artifact.Journal) (artifact.TransferRecord, error) {
	list, err := journal.List()
	if err != nil {
		return artifact.TransferRecord{}, err
	}
	list = slices.DeleteFunc(list, func(r artifact.TransferRecord) bool { return r.State == artifact.TransferRunning })
	switch len(list) {
	case 0:
		return artifact.TransferRecord{}, &artifact.NotFoundError{Code: "TRANSFER_NOT_FOUND", Store: "journal", Thing: "transfer to resume"}
	case 1:
		return list[0], nil
	}
	return artifact.TransferRecord{}, failure.Usagef("resume: there are %d transfers, say which one; acrkit transfers list shows them", len(list))
}

func Forget(journal *artifact.Journal, record artifact.TransferRecord) error {
	if err := journal.Remove(record.ID); err != nil {
		return err
	}
	if record.Spec.Verb == "sync" {
		return nil // what a sync writes are layouts in a tree, each can be resumed by itself
	}
	to, err := location.Parse(record.Spec.Destination, "")
	if err != nil || (to.Kind != location.InLayout && to.Kind != location.InArchive) {
		return nil //nolint:nilerr // a destination that no longer reads has nothing beside it that we know of
	}
	return artifact.RemovePartial(to.Path)
}

func RecordView(whole bool) output.View[artifact.TransferRecord] {
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
	words := append([]string{r.Spec.Verb, r.Spec.Source}, r.Spec.Sources...)
	return strings.TrimSpace(strings.Join(append(append(words, r.Spec.Destination), r.Spec.Arguments...), " "))
}

func transferShare(r artifact.TransferRecord) string {
	return output.Size(r.Totals.Confirmed) + " of " + output.Size(r.Totals.BytesTotal)
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
		row("resume", "acrkit transfers resume "+r.ID)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
