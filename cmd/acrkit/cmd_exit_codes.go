package main

import (
	"fmt"
	"io"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/output"
)

// exitMeaning is what one exit code tells a script.
type exitMeaning struct {
	Exit    int    `json:"exit"`
	Meaning string `json:"meaning"`
}

// exitMeanings lists every exit code, in their order.
var exitMeanings = []exitMeaning{
	{failure.ExitDone, "done"},
	{failure.ExitFailed, "another failure"},
	{failure.ExitUsage, "usage: nothing was done"},
	{failure.ExitNotFound, "not found"},
	{failure.ExitNotSignedIn, "not signed in (401)"},
	{failure.ExitNotAllowed, "not allowed: 403, a missing scope, or a lock"},
	{failure.ExitThrottled, "throttled to the end"},
	{failure.ExitNetwork, "network, DNS, TLS or firewall"},
	{failure.ExitMismatch, "a digest or content doesn't match"},
	{failure.ExitPartly, "partly done, or a listing that is incomplete"},
	{failure.ExitExists, "it exists already (--no-clobber)"},
	{failure.ExitResumable, "interrupted; acrkit transfers resume continues it"},
	{failure.ExitHungUp, "the terminal went away; acrkit transfers resume continues a transfer"},
	{failure.ExitInterrupted, "interrupted"},
	{failure.ExitClosedPipe, "the reader of standard output went away, as head does"},
}

func newExitCodesCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "exit-codes",
		Short: "List the exit codes",
		Long: `List the exit codes. Treat an unknown one as a failure; codes are only ever added.
Under -o json, errors are objects on standard error that hold it, too.`,
		Example: "  acrkit exit-codes -o table",
		GroupID: groupTools,
		Args:    exactArgs(),
		RunE: func(*cobra.Command, []string) error {
			return output.List(a.printer, exitView, func(yield func(exitMeaning, error) bool) {
				for m := range slices.Values(exitMeanings) {
					if !yield(m, nil) {
						return
					}
				}
			})
		},
	}
}

var exitView = output.View[exitMeaning]{
	Kind: "ExitCode",
	Columns: []output.Column[exitMeaning]{
		{Name: "exit", Value: func(m exitMeaning) string { return strconv.Itoa(m.Exit) }},
		{Name: "meaning", Value: func(m exitMeaning) string { return m.Meaning }},
	},
	Text: func(w io.Writer, m exitMeaning) error {
		_, err := fmt.Fprintf(w, "%3d  %s\n", m.Exit, m.Meaning)
		return err
	},
}
