package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/creds"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/output"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/term"
	"github.com/acrkit/azcontainerregistry/emulator"
)

// app is the world a command runs in. Everything from outside is given in, so
// a command neither reads os.Stdin nor asks os.Getenv by itself.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	getenv         func(string) string
	now            func() time.Time
	screen         term.Screen // what standard error can show
	screenOut      term.Screen // what standard output can show
	askable        bool        // a person can answer a question
	localOptions   func(dir string) *emulator.Options
	// touring says that this is a step of the tour: when that is interrupted, the
	// step has nothing to say of its own, since nothing of it stays.
	touring bool

	// Set by the global flags.
	outputForm string
	query      string
	progress   string
	debug      string
	retries    int

	credentialFlags creds.Flags
	// flagsElsewhere says that the flags' credential is another registry's than
	// the embedded one.
	flagsElsewhere bool

	// Made from the flags before a command runs.
	printer *output.Printer
	mode    term.Mode

	http       *http.Client
	requestLog *requestLog
	flagLink   *creds.Link
	registries map[host]*registry
	closers    []func() error
}

// run runs one command line, reports its error and returns its exit code.
func (a *app) run(ctx context.Context, args []string) int {
	result := watched(a.stdout)
	a.stdout = result
	root := newRootCommand(a)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if cause := context.Cause(ctx); err != nil && errors.Is(cause, errInterrupted) && exitCode(err) == exitFailed {
		// Whatever the command was doing failed because it was interrupted.
		err = fmt.Errorf("%w: %w", errInterrupted, err)
	}
	if closing := a.close(); err == nil {
		err = closing
	}
	if err == nil {
		err = result.failed()
	}
	if err != nil && !isClosedPipe(err) && !(a.touring && errors.Is(context.Cause(ctx), errInterrupted)) {
		a.report(err, a.structured(args))
	}
	return exitCode(err)
}

// prepare makes what the global flags ask for, before the command runs.
func (a *app) prepare() error {
	form, err := output.ParseFormat(a.outputForm)
	if err != nil {
		return &usageError{err: err}
	}
	if a.printer, err = output.New(a.stdout, form, a.query); err != nil {
		return &usageError{err: err}
	}
	if a.mode, err = term.ParseMode(a.progress); err != nil {
		return &usageError{err: err}
	}
	if a.retries < defaultRetries {
		return usagef("--retries %d: must not be negative", a.retries)
	}
	return a.openDebug()
}

// blobRetries is --retries as the library wants it: 0 for its default, a
// negative number for none.
func (a *app) blobRetries() int {
	switch a.retries {
	case defaultRetries:
		return 0
	case 0:
		return -1
	}
	return a.retries
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

// onClose registers what has to be closed when the command is done; the last
// registered is closed first.
func (a *app) onClose(f func() error) { a.closers = append(a.closers, f) }

func (a *app) close() error {
	var errs []error
	for i := len(a.closers) - 1; i >= 0; i-- {
		errs = append(errs, a.closers[i]())
	}
	a.closers = nil
	return errors.Join(errs...)
}

// note writes a line for the person to standard error.
func (a *app) note(format string, args ...any) {
	fmt.Fprintf(a.stderr, format+"\n", args...)
}
