package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/output"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/plan"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/session"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/term"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/transfers"
	"github.com/acrkit/azcontainerregistry/internal/strict"
)

// app runs command lines: it holds the session, what standard output and
// standard error can show, and what the global flags ask for.
type app struct {
	*session.Session

	screen    term.Screen // what standard error can show
	screenOut term.Screen // what standard output can show
	askable   bool        // a person can be asked
	// touring says that this is a step of the tour: when that is interrupted, the
	// step has nothing to say of its own, since nothing of it stays.
	touring bool

	// Set by the global flags.
	outputForm string
	query      string
	progress   string
	timeout    time.Duration

	// given are the arguments of the command that runs, typed is its line without
	// flags.
	given []string
	typed string
	// limited is the context of a command that --timeout ends.
	limited context.Context
	// Made from the flags before a command runs.
	printer *output.Printer
	mode    term.Mode
}

// writer carries out plans for this command line.
func (a *app) writer() *plan.Writer {
	return &plan.Writer{Session: a.Session, Printer: a.printer, Askable: a.askable}
}

// mover moves images for this command line.
func (a *app) mover() *transfers.Mover {
	return &transfers.Mover{Session: a.Session, Printer: a.printer, Mode: a.mode, Screen: a.screen}
}

// run runs one command line, reports its error and returns its exit code.
func (a *app) run(ctx context.Context, args []string) int {
	result := output.Watch(a.Stdout)
	a.Stdout = result
	root := newRootCommand(a)
	root.SetArgs(args)
	err := root.ExecuteContext(strict.Context(ctx))
	if a.limited != nil {
		ctx = a.limited
	}
	if errors.Is(context.Cause(ctx), failure.ErrTimeout) && err != nil && failure.ExitCode(err) != failure.ExitResumable {
		err = failure.Coded(failure.ExitFailed, fmt.Errorf("not done within --timeout %s: %w", a.timeout, failure.ErrTimeout))
	}
	if cause := context.Cause(ctx); err != nil && errors.Is(cause, failure.ErrInterrupted) && !output.IsClosedPipe(err) {
		// Whatever the command was doing failed because it was interrupted.
		err = failure.Interrupted(err)
	}
	if closing := a.Close(); err == nil {
		err = closing
	}
	if err == nil {
		err = result.Failed()
	}
	if errors.Is(err, plan.ErrDeclined) {
		a.Note("%v", err)
		return failure.ExitCode(err)
	}
	if err != nil && !output.IsClosedPipe(err) && !(a.touring && errors.Is(context.Cause(ctx), failure.ErrInterrupted)) {
		a.report(err, a.structured(args))
	}
	return failure.ExitCode(err)
}

// prepare makes what the global flags ask for, before the command runs.
func (a *app) prepare() error {
	form, err := output.ParseFormat(a.outputForm)
	if err != nil {
		return &failure.UsageError{Err: err}
	}
	if a.printer, err = output.New(a.Stdout, form, a.query); err != nil {
		return &failure.UsageError{Err: err}
	}
	if a.mode, err = term.ParseMode(a.progress); err != nil {
		return &failure.UsageError{Err: err}
	}
	if a.Quiet {
		a.mode = term.None
	}
	if a.Retries < session.DefaultRetries {
		return failure.Usagef("--retries %d: must not be negative", a.Retries)
	}
	return a.OpenDebug()
}

// limit ends the command after --timeout.
func (a *app) limit(command *cobra.Command) error {
	switch {
	case a.timeout < 0:
		return failure.Usagef("--timeout %s: must not be negative", a.timeout)
	case a.timeout == 0:
		return nil
	}
	ctx, cancel := context.WithTimeoutCause(command.Context(), a.timeout, failure.ErrTimeout)
	a.OnClose(func() error { cancel(); return nil })
	command.SetContext(ctx)
	a.limited = ctx
	return nil
}

// structured reports whether errors are objects. Where the command line was
// refused before its flags were all read, they are looked for by their names.
func (a *app) structured(args []string) bool {
	if a.printer != nil {
		return a.printer.Structured()
	}
	for i, arg := range args {
		name, value, given := strings.Cut(arg, "=")
		switch {
		case arg == "--":
			return false
		case name == "--jq":
			return true
		case (arg == "-o" || arg == "--output") && i+1 < len(args):
			value = args[i+1]
		case strings.HasPrefix(arg, "-o") && !given:
			value = arg[len("-o"):]
		case name != "--output" && name != "-o":
			continue
		}
		if value == string(output.JSON) || value == string(output.JSONL) {
			return true
		}
	}
	return false
}

// report tells the error: an object when the output is JSON, the contract's
// form otherwise.
func (a *app) report(err error, structured bool) {
	f := failure.Of(err)
	a.fillIn(&f)
	if structured {
		encoder := json.NewEncoder(a.Stderr)
		encoder.SetEscapeHTML(false)
		_ = encoder.Encode(f.Object)
		return
	}
	fmt.Fprint(a.Stderr, f.Text(a.screen))
}
