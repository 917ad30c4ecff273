package main

import (
	"github.com/spf13/cobra"
)

func newBlobCommand(a *app) *cobra.Command {
	command := &cobra.Command{
		Use: "blob", Short: "Blobs: list, show, get, put, mount, delete",
		GroupID: groupRegistry, Args: cobra.ArbitraryArgs, RunE: helpOrUnknown,
	}
	command.AddCommand(newBlobListCommand(a), newBlobShowCommand(a), newBlobGetCommand(a), newBlobPutCommand(a), newBlobMountCommand(a), newBlobDeleteCommand(a))
	return command
}
