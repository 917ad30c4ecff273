package main

import (
	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/items"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/output"
)

func newTagShowCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "show REPOSITORY:TAG", Short: "Show a tag: its digest, times and locks",
		Example: "  acrkit tag show local/team/app:1 --jq .item.digest",
		Args:    exactArgs("REPOSITORY:TAG"),
		RunE: func(command *cobra.Command, args []string) error {
			ref, err := a.TagReference(args[0])
			if err != nil {
				return err
			}
			item, err := items.TagOf(command.Context(), a.Session, ref)
			if err != nil {
				return err
			}
			return output.One(a.printer, items.TagDetailView(), item)
		},
	}
}
