package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/transfers"
)

func newRetagCommand(a *app) *cobra.Command {
	var f transfers.ChangeFlags
	command := &cobra.Command{
		Use: "retag SRC DST...", Short: "Give an image another tag, without a transfer",
		Long: `Give an image another tag: DST is a TAG of the same repository, or a reference.
No blob is transferred; in another repository of the registry its blobs are
mounted. An index keeps all its images. Prints each result by digest.`,
		Example: `  acrkit retag local/team/app:1 stable
  acrkit retag local/team/app@$DIGEST 1.0 latest --no-clobber`,
		GroupID: groupImages, Args: f.Args(leastArgs("SRC", "DST")),
		RunE: func(command *cobra.Command, args []string) error {
			return a.mover().RunChange(command, &f, args, func(ctx context.Context, args []string, _ transfers.Making) ([]transfers.Made, error) {
				var made []transfers.Made
				options, err := f.Options(a.mover())
				if err != nil {
					return nil, err
				}
				for _, destination := range args[1:] {
					src, from, to, err := a.changeEnds(ctx, args[0], destination)
					if err != nil {
						return nil, err
					}
					made = append(made, transfers.Made{Source: src, Reference: from.Version(), To: to, Options: options})
				}
				return made, nil
			})
		},
	}
	f.Add(command)
	return command
}
