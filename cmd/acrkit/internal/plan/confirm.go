package plan

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/output"
)

// confirm asks before anything is destroyed. Without a person to ask, --yes
// must have been given.
func (w *Writer) confirm(ctx context.Context, p plan, yes bool) error {
	destroyed := 0
	for _, s := range p.Items {
		if actions[s.Action].destroys {
			destroyed++
		}
	}
	if destroyed == 0 || yes {
		return nil
	}
	if !w.Askable {
		return failure.Usagef("%s: deleting needs --yes where nobody can be asked; --dry-run shows what would go", p.Command)
	}
	for _, s := range p.Items {
		w.Note("  %s", output.Clean(sentence(s)))
	}
	return w.Ask(ctx, "This cannot be undone.")
}

// Ask asks a person whether to continue. The error is [ErrDeclined] when not.
func (w *Writer) Ask(ctx context.Context, before string) error {
	fmt.Fprintf(w.Stderr, "%s Continue? [y/N] ", before)
	reply, err := w.readLine(ctx)
	if err != nil {
		w.Note("") // the question's line is still open
		return err
	}
	if reply = strings.ToLower(strings.TrimSpace(reply)); reply != "y" && reply != "yes" {
		return ErrDeclined
	}
	return nil
}

// readLine reads a person's reply, and gives up when interrupted. The reader
// can't be interrupted itself, so it may outlive this call; the process ends
// right after.
func (w *Writer) readLine(ctx context.Context) (string, error) {
	type reply struct {
		line string
		err  error
	}
	replies := make(chan reply, 1)
	go func() {
		line, err := bufio.NewReader(w.Stdin).ReadString('\n')
		if errors.Is(err, io.EOF) {
			err = nil
		}
		replies <- reply{line, err}
	}()
	select {
	case <-ctx.Done():
		return "", context.Cause(ctx)
	case got := <-replies:
		return got.line, got.err
	}
}

// ErrDeclined says that a person was asked and said no: no failure of
// anything, though nothing was done.
var ErrDeclined = failure.Coded(failure.ExitFailed, errors.New("nothing was changed"))
