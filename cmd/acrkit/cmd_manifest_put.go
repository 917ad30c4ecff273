package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/plan"
)

func newManifestPutCommand(a *app) *cobra.Command {
	var f plan.Flags
	var mediaType string
	command := &cobra.Command{
		Use: "put FILE|- REPOSITORY[:TAG]", Short: "Store a file as a manifest, under a tag or by digest alone",
		Long: `Store a file, or standard input, as a manifest, byte by byte as it is, under a tag or by its
digest alone. The registry must have what it refers to. Its media type is the mediaType it
states.`,
		Example: `  acrkit show local/team/app:1 --raw > manifest.json
  acrkit manifest put manifest.json local/team/app:stable`,
		Args: f.Args(exactArgs("FILE", "REPOSITORY[:TAG]")),
		RunE: func(command *cobra.Command, args []string) error {
			return a.writer().Run(command, f, func(ctx context.Context) ([]plan.Step, error) {
				ref, err := a.Reference(args[1])
				if err != nil {
					return nil, err
				}
				return plan.PutManifestSteps(ctx, a.Session, args[0], ref, mediaType, f.Keep != "")
			})
		},
	}
	f.Add(command, false)
	command.Flags().StringVar(&mediaType, "media-type", "", "the manifest's media `TYPE`, where it doesn't state one itself")
	return command
}
