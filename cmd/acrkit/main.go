// Command acrkit pushes, pulls, lists, deletes and explains: everything one
// does with an Azure Container Registry, from a terminal or a script.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/term"
)

func main() {
	os.Exit(run(os.Args[1:]))
}

// run is main without the exit: one command line in, its exit code out.
func run(args []string) int {
	a := &app{
		stdin:        os.Stdin,
		stdout:       os.Stdout,
		stderr:       os.Stderr,
		getenv:       os.Getenv,
		now:          time.Now,
		screen:       term.Detect(os.Stderr, os.Getenv),
		screenOut:    term.Detect(os.Stdout, os.Getenv),
		askable:      term.IsTerminal(os.Stdin) && term.IsTerminal(os.Stderr),
		localOptions: localOptions,
	}
	// Without this a write to a pipe that was closed ends the process at once,
	// and what it has to clean up stays. Nobody reads the channel: the write's
	// error tells.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	ctx, stop := withInterrupt(context.Background())
	defer stop()
	return a.run(ctx, args)
}

// errInterrupted is the cause of a context that a signal ended.
var errInterrupted error = interruptedError{}

type interruptedError struct{}

func (interruptedError) Error() string { return "interrupted" }

// Unwrap makes it a cancellation for whoever knows nothing of signals.
func (interruptedError) Unwrap() error { return context.Canceled }

// withInterrupt makes a context that the first interrupt cancels, so that a
// command can stop, save what it has and say how to go on. The second ends the
// process at once.
func withInterrupt(parent context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	done, finished := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(finished)
		select {
		case <-done:
			return
		case <-signals:
			cancel(errInterrupted)
		}
		select {
		case <-done:
		case <-signals:
			os.Exit(exitInterrupted)
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(done)
		<-finished
		cancel(nil)
	}
}
