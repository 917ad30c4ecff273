package main

import (
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/manpage"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/version"
)

// newManCommand is for whoever packages acrkit: the pages are made of the help, at
// a release, so none is ever out of date.
func newManCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "man DIR", Short: "Write the manual pages into a folder", GroupID: groupTools, Hidden: true,
		Long: `Writes a manual page for every command into a folder, such as
/usr/local/share/man/man1. SOURCE_DATE_EPOCH, in seconds, is their date: the same
program makes the same pages.`,
		Example: "  acrkit man /usr/local/share/man/man1\n  man acrkit-purge",
		Args:    exactArgs("DIR"),
		RunE: func(command *cobra.Command, args []string) error {
			o := manpage.Options{Version: version.Build().Version}
			if epoch := a.Getenv("SOURCE_DATE_EPOCH"); epoch != "" {
				seconds, err := strconv.ParseInt(epoch, 10, 64)
				if err != nil {
					return failure.Usagef("SOURCE_DATE_EPOCH %q: must be a number of seconds", epoch)
				}
				o.Date = time.Unix(seconds, 0).UTC().Format(time.DateOnly)
			}
			if info, err := os.Stat(args[0]); err == nil && !info.IsDir() {
				return failure.Usagef("%s is not a folder", args[0])
			}
			names, err := manpage.Write(command.Root(), args[0], o)
			if err != nil {
				return err
			}
			a.Note("wrote %d manual pages to %s", len(names), args[0])
			return nil
		},
	}
}
