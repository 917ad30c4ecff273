package main

import (
	"fmt"
	"io"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/output"
)

// exitMeaning is what one exit code tells a script.
type exitMeaning struct {
	Exit    int    `json:"exit"`
	Meaning string `json:"meaning"`
}

// exitMeanings lists every exit code, in their order.
var exitMeanings = []exitMeaning{
	{exitDone, "done"},
	{exitFailed, "another failure"},
	{exitUsage, "usage: nothing was done"},
	{exitNotFound, "not found"},
	{exitNotSignedIn, "not signed in (401)"},
	{exitNotAllowed, "not allowed: 403, a missing scope, or a lock"},
	{exitThrottled, "throttled to the end"},
	{exitNetwork, "network, DNS, TLS or firewall"},
	{exitMismatch, "a digest or content doesn't match"},
	{exitPartly, "partly done, or a listing that is incomplete"},
	{exitExists, "it exists already (--no-clobber)"},
	{exitResumable, "interrupted, and acrkit transfers resume goes on"},
	{exitInterrupted, "interrupted"},
	{exitClosedPipe, "the reader of standard output went away, as head does"},
}

func newExitCodesCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "exit-codes",
		Short: "List the exit codes",
		Long: `List the exit codes. An unknown one is a failure; codes are only ever added.
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
