// Command acrkit pushes, pulls, lists, deletes and explains: everything one
// does with an Azure Container Registry, from a terminal or a script. A command
// is one file, cmd_NAME.go; what commands share is in packages below internal/.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/session"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/term"
)

func main() {
	os.Exit(run(commandLine(os.Args)))
}

// run is main without the exit: one command line in, its exit code out.
func run(args []string) int {
	a := &app{
		Session: &session.Session{
			Stdin:        os.Stdin,
			Stdout:       os.Stdout,
			Stderr:       os.Stderr,
			Getenv:       os.Getenv,
			Now:          time.Now,
			LocalOptions: session.LocalOptions,
		},
		screen:    term.Detect(os.Stderr, os.Getenv),
		screenOut: term.Detect(os.Stdout, os.Getenv),
		askable:   term.IsTerminal(os.Stdin) && term.IsTerminal(os.Stderr),
	}
	// Without this a write to a pipe that was closed ends the process at once,
	// and what it has to clean up stays. Nobody reads the channel: the write's
	// error tells.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	ctx, stop := withInterrupt(context.Background(), os.Stderr)
	defer stop()
	return a.run(ctx, args)
}

// interruptNotice is how long a command may take to stop before it says so.
const interruptNotice = 500 * time.Millisecond

// withInterrupt makes a context that the first interrupt cancels, so that a
// command can stop, save what it has and say how to resume. The second ends the
// process at once, which stderr is told when the first takes its time: the part
// of an upload that is being sent is finished.
func withInterrupt(parent context.Context, stderr io.Writer) (context.Context, func()) {
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
			cancel(failure.ErrInterrupted)
		}
		soon := time.NewTimer(interruptNotice)
		defer soon.Stop()
		for {
			select {
			case <-done:
				return
			case <-signals:
				os.Exit(failure.ExitInterrupted)
			case <-soon.C:
				fmt.Fprintln(stderr, "finishing what is being sent; ctrl-c again ends at once")
			}
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(done)
		<-finished
		cancel(nil)
	}
}
